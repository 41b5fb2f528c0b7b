"""A digest over all columns of all entries, by which two databases are known to hold the same ledger.

The entry hashes cover eleven columns. This covers every one: it is the SHA-256 of the JSON Lines that an export of all
columns, in order of their names, consists of (README.md, "Exports"). That form depends neither on the version of the
server nor on its settings, and anybody can make it: `audit-ledger export --output - --format jsonl --fields …`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from pytest_audit_ledger.export.rows import json_rows, written_types
from pytest_audit_ledger.files.writing import BackgroundWriter
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Segment, Snapshot


def complete_rows(snapshot: Snapshot) -> Callable[[Batch], list[bytes]]:
    """Return what makes every entry of a batch, with all columns of the snapshot, into one line of JSON."""
    columns = snapshot.info.columns
    types = written_types(columns, sorted(columns))
    return lambda batch: [f"{row}\n".encode("latin-1") for row in json_rows(batch, types)]


def digest(snapshot: Snapshot, progress: Progress = no_progress) -> str:
    """Return the digest in hexadecimal; empty where the entries have no order. Raises SourceError."""
    if snapshot.unreadable("sequence_number") is not None:
        return ""
    rows, found = complete_rows(snapshot), _Hash()
    bounds = snapshot.bounds()
    with progress(bounds[1] - bounds[0] + 1 if bounds else None) as advance, BackgroundWriter(found) as behind:

        def consume(batch: Batch) -> None:
            behind.write(b"".join(rows(batch)))
            advance(len(batch))

        interruptible(lambda: snapshot.scan(sorted(snapshot.info.columns), Segment(), consume), snapshot.stop)
    return found.sha256.hexdigest()


class _Hash:
    def __init__(self) -> None:
        self.sha256 = sha256()

    def write(self, data: bytes) -> None:
        self.sha256.update(data)
