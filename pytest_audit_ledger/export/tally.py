"""What a manifest says of the entries: how many, from which to which, and the head hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_audit_ledger.model.batch import Batch, plain_text
from pytest_audit_ledger.sources.postgres import PostgresSnapshot
from pytest_audit_ledger.sources.source import Segment, Snapshot

_TOLD = ("sequence_number", "timestamp", "entry_hash")


def told_columns(snapshot: Snapshot) -> list[str]:
    """Return the columns that a tally reads, without those that cannot be read."""
    return [name for name in _TOLD if snapshot.unreadable(name) is None]


class EntryTally:
    """Counts entries, and remembers the first and the last."""

    entries = 0
    first: Mapping[str, str] = {}
    last: Mapping[str, str] = {}

    def count(self, batch: Batch, names: list[str]) -> None:
        """Take the next entries, with these columns."""
        self.first = self.first or _row(batch, 0, names)
        self.last = _row(batch, -1, names)
        self.entries += len(batch)

    def told(self) -> dict[str, Any]:
        """Return what is known, by the names that manifests have for it."""
        first, last = self.first, self.last
        return {
            "entries": self.entries,
            "sequence_first": _number(first.get("sequence_number")),
            "sequence_last": _number(last.get("sequence_number")),
            "time_first": first.get("timestamp", ""),
            "time_last": last.get("timestamp", ""),
            "head_hash": last.get("entry_hash", ""),
        }


def _row(batch: Batch, index: int, names: list[str]) -> dict[str, str]:
    return {name: plain_text(batch.text(name)[index]) or "" for name in names}


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def tally(snapshot: PostgresSnapshot) -> EntryTally:
    """Return the tally of a ledger, for which the server counts, and only its two ends are read."""
    found, names = EntryTally(), told_columns(snapshot)
    bounds = snapshot.bounds() if "sequence_number" in names else None
    if bounds is not None:
        for segment in (Segment(bounds[0], bounds[0] + 1), Segment(bounds[1])):
            snapshot.scan(names, segment, lambda batch: found.count(batch, names))
    found.entries = snapshot.count()
    return found
