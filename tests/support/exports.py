"""Export files made without the package's writers, by json and hashlib, so that its readers are held against others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.verify.verification import Verification
from tests.support.checks import REGISTRY, check, verify_checks
from tests.support.rows import SERVER_TIME, sample_rows

Record = dict[str, Any]
NAMES = ["x.json", "x.jsonl", "x.csv", "x.json.gz", "x.jsonl.gz", "x.csv.gz"]
FOLDS = ("chain_linkage", "entry_hash", "sequence_continuity", "timestamp_order", "verdict_taxonomy")


def sample_records(count: int = 10) -> list[Record]:
    """Return the entries of a valid ledger as JSON has them."""
    return [{**row, "sequence_number": int(row["sequence_number"] or 0)} for row in sample_rows(count)]


def as_json(records: Sequence[Record]) -> str:
    lines = ",\n".join(json.dumps(record) for record in records)
    return f'{{\n"entries": [\n{lines}\n],\n"entry_count": {len(records)}\n}}\n'


def as_jsonl(records: Iterable[Record]) -> str:
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


def as_csv(records: Sequence[Record]) -> str:
    """Return CSV as PostgreSQL writes it with FORCE_QUOTE *."""
    rows: list[Iterable[Any]] = [records[0].keys(), *(record.values() for record in records)]
    return "".join(",".join(map(_field, row)) + "\n" for row in rows)


def _field(value: Any) -> str:
    return "" if value is None else '"{}"'.format(str(value).replace('"', '""'))


WRITERS = {"json": as_json, "jsonl": as_jsonl, "csv": as_csv}


def write(path: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_export(path: Path, records: Sequence[Record]) -> Path:
    """Write records in the format of the file's suffix, without a manifest."""
    return write(path, WRITERS[path.name.split(".")[1]](records))


def manifest_of(path: Path, records: Sequence[Record]) -> Record:
    """Return the manifest that an export of these records has."""
    first, last = (records[0], records[-1]) if records else ({}, {})
    return {
        "manifest_version": 1,
        "tool_version": "0.1.0",
        "file": path.name,
        "format": path.name.split(".")[1],
        "compression": "gzip" if path.suffix == ".gz" else "",
        "size": path.stat().st_size,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "entries": len(records),
        "sequence_first": first.get("sequence_number"),
        "sequence_last": last.get("sequence_number"),
        "time_first": first.get("timestamp", ""),
        "time_last": last.get("timestamp", ""),
        "head_hash": last.get("entry_hash", ""),
        "fields": list(first),
        "filters": {},
        "excel_safe": False,
        "source": "postgresql:///test",
        "table": "public.ledger_entries",
        "server_version": "18.0",
        "server_time": SERVER_TIME,
        "snapshot": "1:1:",
        "exported_at": SERVER_TIME,
        "assurance": "UNKNOWN",
        "assurance_meaning": "The entries were not verified.",
    }


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    manifest_path(path).write_text(json.dumps(manifest), encoding="utf-8")


def write_both(path: Path, records: Sequence[Record], **changes: Any) -> Path:
    """Write an export and its manifest, with some of its values changed."""
    write_export(path, records)
    write_manifest(path, {**manifest_of(path, records), **changes})
    return path


def verified(path: Path, **options: Any) -> Verification:
    return verify_checks(ExportFile(path), _checks(), **options)


@cache
def _checks() -> list[Check]:
    """Return the checks that run on an export by default."""
    suites = [load(folder("checks") / name, REGISTRY) for name in default_suites(of_export=True)]
    return [check for suite in suites for check in suite.checks]


def outcomes(verification: Verification) -> dict[str, Outcome]:
    return {outcome.kind: outcome for outcome in verification.outcomes}


def statuses(verification: Verification) -> dict[str, Status]:
    return {outcome.kind: outcome.status for outcome in verification.outcomes}


def found(verification: Verification) -> list[tuple[str, str, int | None]]:
    """Return kind, code and sequence number of every finding that is more than told."""
    return [
        (outcome.kind, finding.code, finding.sequence_number)
        for outcome in verification.outcomes
        if outcome.kind in (*FOLDS, "export_manifest")
        for finding in outcome.findings
    ]


def exported(dsn: str, path: Path, **options: Any) -> Any:
    """Export a ledger to a file, over what is there, and return what Python code gets."""
    with Ledger(dsn) as ledger:
        return ledger.export_entries(output_file=path, **{"force": True, **options})


def scanned(dsn: str, table: str = "ledger_entries") -> Any:
    """Return the outcomes of the checks that read every entry."""
    return verify_checks(PostgresSource(dsn, table), [check(kind) for kind in FOLDS], samples=200)


# Whole or not at all


def telling(advance: Advance) -> Progress:
    """Return a progress that tells `advance` of every step."""

    def progress(total: int | None, unit: str = "", /) -> AbstractContextManager[Advance]:
        return nullcontext(advance)

    return progress
