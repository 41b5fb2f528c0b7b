"""What the tools for a profile read of a ledger: entries, with everything that their hashes are made of."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, STREAM, own
from pytest_audit_ledger.sources.source import Snapshot


def hashed_names(snapshot: Snapshot) -> Sequence[str]:
    """Return the names of a batch that hashing needs. Raises SourceError if the table does not have one of them."""
    info = snapshot.info
    streams = [STREAM] if info.profile.streams else []
    names = list(dict.fromkeys([SEQUENCE, *streams, HASH, *info.hasher.columns]))
    reason = next(filter(None, map(snapshot.unreadable, names)), None)
    if reason is not None:
        message = f"The profile {info.profile.name} does not fit {place_of(info)}: {reason}."
        raise SourceError(message, "Correct the profile.")
    return names


def place_of(info: LedgerInfo) -> str:
    """Return the table, or the file of an export."""
    return info.table or info.database


def streams_of(info: LedgerInfo, batch: Batch) -> Sequence[str]:
    """Return the stream of each entry; empty for a ledger of one chain."""
    return [text or "" for text in batch.values(STREAM)] if info.profile.streams else [""] * len(batch)


def versions_of(info: LedgerInfo, batch: Batch) -> Sequence[str | None]:
    """Return the value of the version column of each entry; None if the profile names no such column."""
    column = info.profile.version_column
    return batch.values(own(column)) if column else [None] * len(batch)
