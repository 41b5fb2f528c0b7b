"""Compute a digest over all columns of all entries, to compare the ledgers of two databases.

Entry hashes cover eleven columns; this covers all. It is the SHA-256 of an export as JSON Lines with all columns in
order of their names (examples/reference/formats.md), which depends neither on the server's version nor on its settings.
Anybody can reproduce it: `audit-ledger export --output - --format jsonl --fields …`.

Servers sort streams differently. So if there are several, each has a digest, and that of the ledger is the SHA-256 of
theirs, sorted, in hexadecimal, each on a line.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from pytest_audit_ledger.export.row_formats import batch_names, json_rows, own_columns, written_types
from pytest_audit_ledger.files.writing import BackgroundWriter
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot


def complete_rows(snapshot: Snapshot) -> Callable[[Batch], list[bytes]]:
    """Return a function that writes each entry of a batch, with all columns of the snapshot, as one line of JSON."""
    profile, columns = snapshot.info.profile, snapshot.info.columns
    types = written_types(profile, columns, sorted(columns))
    return lambda batch: [f"{row}\n".encode("latin-1") for row in json_rows(own_columns(profile, batch, types), types)]


def digest(snapshot: Snapshot, progress: Progress = no_progress) -> str:
    """Return the digest in hexadecimal; empty if the entries have no order. Raises SourceError."""
    profile = snapshot.info.profile
    if snapshot.unreadable(SEQUENCE) is not None:
        return ""
    rows, found = complete_rows(snapshot), _Hash()
    names = [*batch_names(profile, sorted(snapshot.info.columns)), *([STREAM] if profile.streams else [])]
    bounds = None if profile.streams else snapshot.bounds()
    with progress(bounds[1] - bounds[0] + 1 if bounds else None) as advance, BackgroundWriter(found) as writer:

        def consume(batch: Batch) -> None:
            if profile.streams:
                for stream, entries in batch.streams():
                    found.streams.setdefault(stream, sha256()).update(b"".join(rows(entries)))
            else:
                writer.write(b"".join(rows(batch)))
            advance(len(batch))

        interruptible(lambda: snapshot.scan(names, Segment(), consume), snapshot.stop)
    return found.hexdigest()


class _Hash:
    def __init__(self) -> None:
        self._whole = sha256()
        self.streams: dict[str, Any] = {}

    def write(self, data: bytes) -> None:
        self._whole.update(data)

    def hexdigest(self) -> str:
        for digest_of_stream in sorted(one.hexdigest() for one in self.streams.values()):
            self._whole.update(f"{digest_of_stream}\n".encode())
        return self._whole.hexdigest()
