"""Where a run may resume instead of reading every entry: after the last entry of the newest checkpoint with a record.

What the record says of the trees was proven against the signed root when it was read (see `checkpoints/record.py`), its
last entry by an inclusion proof. Here that entry is read from the ledger: there has to be one of this number, and it
has to hash to what was signed. If not, or if there is no such checkpoint, the run reads every entry, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch, opened_store
from pytest_audit_ledger.kinds.entry_tree import EntryTree
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import Resumed, Share
from pytest_audit_ledger.sources.source import Segment, Snapshot


@dataclass(frozen=True)
class Since:
    """The wish to resume after the newest checkpoint; `recheck` is the share of older entries to be read again."""

    recheck: Share | None = None


def since_options(*, since_checkpoint: bool, recheck: str | None) -> Since | None:
    """Return what options wish; the share is that of today in UTC. Raises UsageError where they make no sense."""
    if recheck is not None and not since_checkpoint:
        raise UsageError(
            "What is read again is a share of the entries that are otherwise not read, and all are read.",
            "Add --ledger-since-checkpoint, or leave --ledger-recheck out.",
        )
    if not since_checkpoint:
        return None
    today = datetime.now(timezone.utc).date()
    return Since(Share.of(recheck, today) if recheck is not None else None)


def resumption(snapshot: Snapshot, parameters: Mapping[str, Any] | None, since: Since) -> Resumed | str:
    """Return where the run resumes, or why it has to read every entry.

    `parameters` are those of the check that compares with the checkpoints, None where there is none.
    """
    if parameters is None:
        return "no check of the kind checkpoint is selected, so nothing would tell what was not read"
    if snapshot.info.export is not None:
        return "an export is read as a whole in any case"
    defaults = {name: schema.get("default") for name, schema in CheckpointMatch.parameters_schema.items()}
    try:
        store = opened_store({**defaults, **parameters}, newest_record=True)
        recorded = [(one, one.record) for one in store.trusted if one.record is not None]
        if not recorded:
            return "there is no trusted checkpoint with its record yet"
        newest, record = recorded[-1]
        difference = _difference(snapshot, record)
    except LedgerError as error:
        return f"{error.message[0].lower()}{error.message[1:].rstrip('.')}"
    if difference:
        return f"{difference} {newest.path}"
    return Resumed(newest.size, newest.path, record.created_at, since.recheck)


def _difference(snapshot: Snapshot, record: CheckpointRecord) -> str:
    """Return how the last entry of the checkpoint differs from the one in the ledger; nothing where it does not."""
    columns = ["entry_hash", *EntryTree.columns]
    reason = next(filter(None, map(snapshot.unreadable, columns)), None)
    if reason is not None:
        return f"{reason}, and so nothing can be compared with"
    number = record.entries.end
    batches: list[Batch] = []
    snapshot.scan(columns, Segment(number, number + 1), batches.append)
    if not batches:
        return f"entry {number:,} is not there, which is the last one of"
    stored = [text for batch in batches for text in batch.text("entry_hash")]
    recomputed = [text for batch in batches for text in batch.recomputed_hashes]
    if [record.last_entry] != recomputed or stored != recomputed:
        return f"entry {number:,} is not the one that was signed with"
    return ""
