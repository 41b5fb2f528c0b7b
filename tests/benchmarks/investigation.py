"""Measures what an investigation costs: each edit of one field in 50,000 entries, and a cause that touches 1,000,000.

python -m tests.benchmarks.investigation
"""

from __future__ import annotations

import io
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import islice

from tabulate import tabulate

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.investigate.incident import IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.model.entry import GENESIS_HASH, HASHED_COLUMNS, entry_hash
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, copy_field, sample_entries
from tests.forger import Forger
from tests.support.databases import emptied

SMALL, LARGE = 50_000, 1_000_000
ROWS_A_COPY = 20_000

EDITS: Mapping[str, str] = {
    "verdict": "verdict = 'DISCRETIONARY'",
    "track": "track = 'llm'",
    "rule_id": "rule_id = 'energy.temp.min'",
    "knowledge_graph_version": "knowledge_graph_version = 'energy-99.0.0'",
    "ski_model_version": "ski_model_version = '2.0.0'",
    "timestamp, by two hours": '"timestamp" = "timestamp" + interval \'2 hours\'',
    "timestamp, to milliseconds": '"timestamp" = date_trunc(\'milliseconds\', "timestamp")',
}


def edited(forger: Forger) -> Iterator[tuple[str, ...]]:
    """Yield a row for each edit of one field: seconds in all, of them beyond the verification, and hypotheses."""
    numbers = iter(range(SMALL // 10, SMALL, SMALL // 10))
    for name, columns in EDITS.items():
        emptied(forger).build(SMALL)
        number = next(numbers)
        forger.unguarded(f"UPDATE ledger_entries SET {columns} WHERE sequence_number = {number}")
        begun = time.perf_counter()
        found = Ledger(forger.dsn).investigate()
        seconds = time.perf_counter() - begun
        (edit,) = (one for one in found.incidents if one.what is IncidentType.EDIT and one.first == number)
        if not isinstance(edit.reconstructions[0], Reconstruction):
            sys.exit(f"{name} was not reconstructed")
        beyond = seconds - found.verification.duration_s
        yield name, f"{seconds:.2f}", f"{beyond:.2f}", f"{found.hypotheses:,}"


def rows_of_another_time_zone(count: int) -> Iterator[str]:
    """Yield entries as a writer has them that hashes the time in +02:00, as rows of COPY text."""
    zone, link = timezone(timedelta(hours=2)), GENESIS_HASH
    for entry in sample_entries(count):
        linked = replace(entry, previous_hash=link)
        moment = datetime.fromisoformat(entry.timestamp).astimezone(zone)
        link = entry_hash(replace(linked, timestamp=moment.isoformat()))
        values = (*(getattr(linked, name) for name in HASHED_COLUMNS), link)
        yield "\t".join(map(copy_field, values)) + "\n"


def systematic(forger: Forger) -> str:
    """Return what it costs to find the cause of a whole ledger, and one edit inside."""
    emptied(forger).build(0)
    rows = rows_of_another_time_zone(LARGE)
    with forger.connection.cursor() as cursor:
        while chunk := "".join(islice(rows, ROWS_A_COPY)):
            cursor.copy_expert(f"COPY ledger_entries ({', '.join(COPY_COLUMNS)}) FROM STDIN", io.StringIO(chunk))
    forger.unguarded(f"UPDATE ledger_entries SET track = 'llm' WHERE sequence_number = {LARGE // 2}")
    begun = time.perf_counter()
    found = Ledger(forger.dsn).investigate(check_timestamps=False)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = "; ".join(f"{one.what.value}: {one.count:,}" for one in found.incidents)
    return f"{LARGE:,} entries hashed in +02:00, one of them edited: {seconds:.1f} s, peak {peak:.0f} MiB ({told})"


def main() -> None:
    """Print all figures as Markdown."""
    with embedded_server() as dsn, Forger(dsn) as forger:
        head = ("edited", "seconds", "beyond the verification", "hypotheses")
        print(tabulate(edited(forger), head, tablefmt="github", disable_numparse=True))
        print(f"\n{systematic(forger)}")


if __name__ == "__main__":
    main()
