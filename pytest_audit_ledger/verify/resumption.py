"""Where a run may resume instead of reading every entry: after the last entry of the newest checkpoint with a record.

A kind says which entry that is, and proves its hash. Here the entry is read from the ledger: there must be one with
this number (with streams, this `order`) and this hash. If not, or if there is no such checkpoint, the run reads every
entry, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.checkpoints.positions import at_position
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.ledger_info import Resumed, ResumePoint, Share
from pytest_audit_ledger.model.profile import HASH, SEQUENCE
from pytest_audit_ledger.model.recogniser import recognisers_of
from pytest_audit_ledger.model.segment import Segment, by_order
from pytest_audit_ledger.sources.source import Snapshot


@dataclass(frozen=True)
class Since:
    """The wish to resume after the newest checkpoint; `recheck` is the share of older entries to read again."""

    recheck: Share | None = None


def since_options(*, since_checkpoint: bool, recheck: str | None) -> Since | None:
    """Return what the options ask for; the share is that of today in UTC. Raises UsageError if they contradict."""
    if recheck is not None and not since_checkpoint:
        raise UsageError(
            "Older entries are only re-read in part by a run that starts after a checkpoint; all other runs read all.",
            "Add --ledger-since-checkpoint, or remove --ledger-recheck.",
        )
    if not since_checkpoint:
        return None
    today = datetime.now(timezone.utc).date()
    return Since(Share.of(recheck, today) if recheck is not None else None)


def resumption(
    snapshot: Snapshot, checks: Sequence[tuple[type[Kind], Mapping[str, Any]]], since: Since
) -> Resumed | str:
    """Return where the run resumes, or why it has to read every entry. `checks`: their kinds and parameters."""
    resuming = [(kind, parameters) for kind, parameters in checks if kind.resumes]
    if not resuming:
        return "no selected check compares the ledger with checkpoints"
    if snapshot.info.export is not None:
        return "an export is always read as a whole"
    if snapshot.info.hasher.needs_neighbour:
        return "each hash is made with the one before it, which no column holds"
    if any(
        snapshot.info.columns[name].folds for name in snapshot.info.profile.streams if name in snapshot.info.columns
    ):
        return "the server takes streams for the same whose texts differ"
    kind, parameters = resuming[0]
    try:
        point = kind.resume_point(parameters)
        if point is None:
            return "there is no trusted checkpoint with its record yet"
        if (point.order is None) == bool(snapshot.info.profile.streams):
            return f"{point.checkpoint} was made with another profile"
        difference = _difference(snapshot, point)
    except LedgerError as error:
        return f"{error.message[0].lower()}{error.message[1:].rstrip('.')}"
    return difference or Resumed(point.entry, point.checkpoint, point.moment, since.recheck, point.order)


def _difference(snapshot: Snapshot, point: ResumePoint) -> str:
    """Return how the entry differs from the one in the ledger; nothing if it does not."""
    hasher = snapshot.info.hasher
    columns = list(dict.fromkeys((SEQUENCE, HASH, *hasher.columns)))
    reason = next(filter(None, map(snapshot.unreadable, columns)), None)
    if reason is not None:
        return f"{reason}, so nothing can be compared with {point.checkpoint}"
    batches: list[Batch] = []
    last = Segment(point.entry, point.entry + 1) if point.order is None else by_order(point.order, point.order + 1)
    snapshot.scan(columns, last, batches.append)
    entry = at_position(snapshot.info.profile, point.entry)
    if not batches:
        return f"{entry}, the last one of {point.checkpoint}, is missing"
    stored = [text for batch in batches for text in batch.text(HASH)]
    recomputed = [text for batch in batches for text in hasher.hashes(batch)]
    is_known = stored == recomputed or recognisers_of(snapshot.info)[HASH].recognise(batches[0], [0])
    if [json_text(point.entry_hash)] != recomputed or not is_known:
        return f"{entry} is not the one that was signed with {point.checkpoint}"
    return ""
