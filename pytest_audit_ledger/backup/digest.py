"""Compute a digest over all columns of all entries, to compare the ledgers of two databases.

Entry hashes cover eleven columns; this covers all. It is the SHA-256 of an export as JSON Lines with all columns in
order of their names (examples/reference/formats.md), which depends neither on the server's version nor on its settings.
Anybody can reproduce it: `audit-ledger export --output - --format jsonl --fields …`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from pytest_audit_ledger.export.row_formats import json_rows, written_types
from pytest_audit_ledger.files.writing import BackgroundWriter
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Segment, Snapshot


def complete_rows(snapshot: Snapshot) -> Callable[[Batch], list[bytes]]:
    """Return a function that writes each entry of a batch, with all columns of the snapshot, as one line of JSON."""
    columns = snapshot.info.columns
    types = written_types(columns, sorted(columns))
    return lambda batch: [f"{row}\n".encode("latin-1") for row in json_rows(batch, types)]


def digest(snapshot: Snapshot, progress: Progress = no_progress) -> str:
    """Return the digest in hexadecimal; empty if the entries have no order. Raises SourceError."""
    if snapshot.unreadable("sequence_number") is not None:
        return ""
    rows, found = complete_rows(snapshot), _Hash()
    bounds = snapshot.bounds()
    with progress(bounds[1] - bounds[0] + 1 if bounds else None) as advance, BackgroundWriter(found) as writer:

        def consume(batch: Batch) -> None:
            writer.write(b"".join(rows(batch)))
            advance(len(batch))

        interruptible(lambda: snapshot.scan(sorted(snapshot.info.columns), Segment(), consume), snapshot.stop)
    return found.sha256.hexdigest()


class _Hash:
    def __init__(self) -> None:
        self.sha256 = sha256()

    def write(self, data: bytes) -> None:
        self.sha256.update(data)
