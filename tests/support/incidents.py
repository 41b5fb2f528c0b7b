"""Ledgers to which something happened, and what an investigation finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.investigate.incident import Incident, IncidentType
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import canonical_timestamp, entry_hash
from tests.forger import Forger

KEY = SigningKey.generate("bank.example/ledger")


Told = list[tuple[IncidentType, int | None, int | None]]


def investigated(forger: Forger, **options: Any) -> Investigation:
    """Investigate, with as little time for reconstructions as these ledgers need."""
    return Ledger(forger.dsn).investigate(**{"limit_seconds": 0.5, **options})


def told(found: Investigation) -> Told:
    return [(one.what, one.first, one.last) for one in found.incidents]


def only(found: Investigation) -> Incident:
    """Return the one incident."""
    (incident,) = found.incidents
    return incident


def update(number: int, columns: str) -> str:
    return f"UPDATE ledger_entries SET {columns} WHERE sequence_number = {number}"


def shifted(first: int, by: int) -> tuple[str, str]:
    """Return statements that renumber the entries from one on."""
    return (
        f"UPDATE ledger_entries SET sequence_number = -1000 - sequence_number WHERE sequence_number >= {first}",
        f"UPDATE ledger_entries SET sequence_number = -1000 - sequence_number + {by} WHERE sequence_number < -1000",
    )


def edited(forger: Forger) -> None:
    forger.unguarded(update(50, "verdict = 'DISCRETIONARY'"))


def edited_with_its_hash(forger: Forger) -> None:
    digest = entry_hash(replace(forger.entry(50), track="llm"))
    forger.unguarded(update(50, f"track = 'llm', entry_hash = '{digest}'"))


def replaced_with_its_link(forger: Forger) -> None:
    other = replace(forger.entry(50), previous_hash="a" * 64, reasoning="another")
    forger.unguarded(
        update(50, f"reasoning = 'another', previous_hash = '{'a' * 64}', entry_hash = '{entry_hash(other)}'")
    )


def deleted(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number BETWEEN 50 AND 52")


def deleted_and_renumbered(forger: Forger) -> None:
    deleted(forger)
    forger.unguarded(*shifted(53, -3))


def start_deleted(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number < 5")


def inserted(forger: Forger) -> None:
    forger.unguarded(*shifted(50, 2))
    before = forger.entry(49)
    one = replace(before, sequence_number=50, previous_hash=entry_hash(before))
    forger.append([one, replace(one, sequence_number=51, previous_hash=entry_hash(one))])


def without_keys(forger: Forger) -> None:
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_entry_hash_key")


def copied(forger: Forger) -> None:
    without_keys(forger)
    forger.append([forger.entry(50)])


def numbers_skipped(forger: Forger) -> None:
    """A writer skipped a number and went on: its link says so."""
    last = forger.entry(100)
    forger.append([replace(last, sequence_number=102, previous_hash=entry_hash(last))])


def clock_set_back(forger: Forger) -> None:
    last = forger.entry(100)
    earlier = canonical_timestamp(datetime.fromisoformat(last.timestamp) - timedelta(hours=3))
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last), timestamp=earlier)])


def copied_to(forger: Forger, path: Path, **options: Any) -> str:
    """Export the forger's ledger, and return the path."""
    Ledger(forger.dsn).export_entries(output_file=path, **options)
    return str(path)
