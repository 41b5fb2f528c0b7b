"""The manifest of an export or a backup: what the file is, which entries it has, and what was verified."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_audit_ledger.files.resources import tool_version
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.model.batch import Batch, plain_text
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, TIMESTAMP
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.postgres import PostgresSnapshot
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.verify.verification import Verification

VERSION = 2
"""Version 1 did not have the profile, nor the types of columns."""

_COLUMNS = (SEQUENCE, TIMESTAMP, HASH)


def manifest(
    written: Written, entries: Mapping[str, Any], info: LedgerInfo, verification: Verification | None, **own: Any
) -> dict[str, Any]:
    """Return the manifest of a file.

    `entries` is what `EntryTally.fields` returned, `info` describes the snapshot that was read, `verification` is one
    of the same snapshot, and `own` are the fields that only this kind of file has.
    """
    return {
        "manifest_version": VERSION,
        "tool_version": tool_version(),
        "file": Path(written.path).name,
        "size": written.size,
        "sha256": written.sha256,
        **entries,
        **own,
        "profile": {"name": info.profile.name, "sha256": info.profile.digest},
        "source": info.database,
        "table": info.table,
        "server_version": info.server_version,
        "server_time": info.server_time,
        "snapshot": info.snapshot,
        "assurance": verification.assurance.value if verification else "UNKNOWN",
        "assurance_meaning": verification.sentence if verification else "The entries were not verified.",
    }


def tally_columns(snapshot: Snapshot) -> list[str]:
    """Return the columns that a tally reads, without unreadable ones."""
    profile = snapshot.info.profile
    return [name for name in _COLUMNS if profile.has(name) and snapshot.unreadable(name) is None]


class EntryTally:
    """Counts entries, and keeps the first and the last."""

    entries = 0
    first: Mapping[str, str] = {}
    _newest: tuple[Batch, list[str]] | None = None
    """The last batch, of which no column is made until its last entry is asked for."""

    def count(self, batch: Batch, names: list[str]) -> None:
        """Count the entries of a batch that has these columns."""
        self.first = self.first or _row(batch, 0, names)
        self._newest = batch, names
        self.entries += len(batch)

    @cached_property
    def last(self) -> Mapping[str, str]:
        """The last entry that was counted."""
        return _row(self._newest[0], -1, self._newest[1]) if self._newest else {}

    def fields(self) -> dict[str, Any]:
        """Return the fields of a manifest about the entries."""
        first, last = self.first, self.last
        return {
            "entries": self.entries,
            "sequence_first": _number(first.get(SEQUENCE)),
            "sequence_last": _number(last.get(SEQUENCE)),
            "time_first": first.get(TIMESTAMP, ""),
            "time_last": last.get(TIMESTAMP, ""),
            "head_hash": last.get(HASH, ""),
        }


def _row(batch: Batch, index: int, names: list[str]) -> dict[str, str]:
    return {name: plain_text(batch.text(name)[index]) or "" for name in names}


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def tally(snapshot: PostgresSnapshot) -> EntryTally:
    """Return the tally of a ledger: the server counts, and only the first and the last entry are read."""
    found, names = EntryTally(), tally_columns(snapshot)
    bounds = snapshot.bounds() if SEQUENCE in names else None
    if bounds is not None and snapshot.info.profile.streams:  # which another server may sort otherwise
        found.first, found.last = ({SEQUENCE: str(number)} for number in bounds)
    elif bounds is not None:
        for segment in (Segment(bounds[0], bounds[0] + 1), Segment(bounds[1])):
            snapshot.scan(names, segment, lambda batch: found.count(batch, names))
    found.entries = snapshot.count()
    return found
