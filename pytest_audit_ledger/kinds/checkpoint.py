"""The kind checkpoint: the ledger still has the entries that signed checkpoints cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pytest_audit_ledger.checkpoints.comparison import (
    Comparison,
    Reread,
    compare,
    compare_pieces,
    compare_rows,
    compare_streams,
    recorded_rows,
)
from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.positions import at_position, refuse_without_positions
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, json_file, row_leaves
from pytest_audit_ledger.checkpoints.store import Store, Trusted
from pytest_audit_ledger.checkpoints.written_order import CROSSED, OWN_ORDER, UNCERTAIN
from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.kinds.entry_tree import EntryTree, entry_leaves
from pytest_audit_ledger.kinds.kind import WHOLE_EXPORT
from pytest_audit_ledger.kinds.trusted_checkpoints import (
    UNLIMITED,
    ComparesCheckpoints,
    newest_record,
    opened_store,
    refuse_another_profile,
    shows,
)
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.duration import duration
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo, ResumePoint
from pytest_audit_ledger.model.outcome import Anchor, Family, Finding, Sides
from pytest_audit_ledger.model.profile import TIMESTAMP

UNANCHORED_PATTERN = r"^(none|[0-9]{1,9}[smhd]?)$(?!\n)"
"""Entries that may be newer than the last checkpoint (`1000`), or the age of the first (`24h`), or `none`."""


MIN_ORDER = -(2**63)
"""The lowest value of a column of whole numbers."""


class CheckpointMatch(ComparesCheckpoints, EntryTree):
    """For every trusted checkpoint, the Merkle root over the first N entries is the one that was signed.

    `folders`, `verifier_keys`: where checkpoints are, and which keys are trusted. `require`: whether a folder without
    a checkpoint is a finding. `max_unanchored`: how many entries may be newer than the last checkpoint (`1000`), or how
    old the first of them may be (`24h`).

    A run that resumes after a checkpoint continues its trees, and reads the pieces that are due again.
    """

    name = "checkpoint"
    rule = "The ledger has all entries that signed checkpoints cover, in order, and unchanged in every column."
    remedy = (
        "Do not rely on the ledger. Preserve the server and the checkpoints. A checkpoint cannot show which entries "
        "differ. To see that, compare the ledger with an earlier backup or export. Run `audit-ledger diff BACKUP DSN`."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "EQUIVOCATION": (
            "Keep both checkpoints: together they show that two different ledgers were signed. Find out who had the "
            "signing key, and which ledger each checkpoint was made from."
        ),
        "CHECKPOINT_REJECTED": (
            "Restore the rejected files from a copy, or name the key that signed them with --ledger-verifier-key=KEY, "
            "then verify again."
        ),
        "CHECKPOINT_MISSING": (
            "Restore the missing files from a copy, then verify again. If there never was a checkpoint, create the "
            "first one. Run `audit-ledger checkpoint create`."
        ),
        "CHECKPOINT_STALE": (
            "Find out why no checkpoint was signed in time. To verify the entries and sign a new one, run "
            "`audit-ledger checkpoint create`."
        ),
        **dict.fromkeys(UNCERTAIN, f"{OWN_ORDER} Until then, no checkpoint can be made."),
    }
    family = Family.CHECKPOINTS
    integrity = True
    resumes = True
    sides: ClassVar[Mapping[str, Sides]] = {"REWRITTEN": ("signed", "recomputed"), "TRUNCATED": ("signed", "found")}
    inconclusive = frozenset({"CHECKPOINT_REJECTED", "CHECKPOINT_MISSING", "CHECKPOINT_STALE", CROSSED, *UNCERTAIN})
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ComparesCheckpoints.parameters_schema,
        "require": {
            "type": "boolean",
            "default": False,
            "description": "Whether a folder without a checkpoint is a finding.",
        },
        "max_unanchored": {
            "type": "string",
            "pattern": UNANCHORED_PATTERN,
            "default": UNLIMITED,
            "examples": ["1000", "24h"],
            "description": "How many entries may be newer than the last checkpoint (1000), or how old the first (24h).",
        },
    }

    @classmethod
    def resume_point(cls, parameters: Mapping[str, Any]) -> ResumePoint | None:
        """Return the last entry of the newest trusted checkpoint with a record.

        The record proved it against the signed root by an inclusion proof (see `checkpoints/record.py`).
        """
        defaults = {name: schema["default"] for name, schema in cls.parameters_schema.items()}
        newest = newest_record({**defaults, **parameters})
        if newest is None:
            return None
        path, record = newest
        return ResumePoint(record.entries.end, record.last_entry, path, record.created_at, record.order)

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        asked: str = self.parameters["max_unanchored"]
        self.limit = "" if asked == UNLIMITED else asked
        if self.parameters["folders"]:
            refuse_without_positions(ledger.profile)
        if self.limit and not self.limit.isdecimal() and not ledger.profile.has(TIMESTAMP):
            raise CannotEvaluate(
                f"The profile {ledger.profile.name} names no column for the time, so no entry has an age.",
                "Set max_unanchored to a number of entries instead, such as 1000.",
            )
        store = opened_store(self.parameters, newest_record=ledger.resumed is not None)
        refuse_another_profile(store, ledger.profile)
        if not (store.trusted or store.rejected or self.limit or self.parameters["require"]):
            raise NotApplicable(f"There is no checkpoint in {', '.join(store.empty)} yet.")
        self.rejected, self.empty = store.rejected, store.empty
        # the kind is sent to every segment, so it keeps only what it compares of perhaps ten years of records
        self.trusted = [replace(one, keys=(), record=None) for one in store.trusted]
        self.recorded = recorded_rows(store.recorded)
        self.signed_streams = next(((record.streams, path) for path, record in reversed(store.recorded)), None)
        """The highest number of each stream, and the checkpoint that it is known from."""
        sizes: dict[tuple[str, ...], list[int]] = {}
        start = self._start(store)
        self.after = start.entries.end if start else 0
        for rows in self.recorded.values():
            if not shows(self.ledger, rows.columns):
                continue
            if rows.size >= self.after and (start is None or rows.columns == start.columns):
                sizes.setdefault(tuple(rows.columns), []).append(rows.size)
        self.ask_for([one.size for one in self.trusted if one.size >= self.after], sizes, start)
        self.pieces = self._due(start) if start else []
        self.again = [self._where(piece.signed, start) for piece in self.pieces] if start else []

    def _start(self, store: Store) -> CheckpointRecord | None:
        """Return the record of the checkpoint after which the run resumes, or None."""
        resumed = self.ledger.resumed
        if resumed is None:
            return None
        start = next((one.record for one in store.trusted if one.path == resumed.checkpoint), None)
        if start is None:
            raise CannotEvaluate(
                f"The run resumes after the checkpoint {resumed.checkpoint}, which this check does not trust.",
                "Name the same folders and keys in every check of this kind, or remove --ledger-since-checkpoint.",
            )
        return start

    def _due(self, start: CheckpointRecord) -> list[Reread]:
        """Return the pieces that are due to be read again."""
        share = self.ledger.resumed.recheck if self.ledger.resumed else None
        if share is None:
            return []
        signed, signed_rows = list(start.pieces), list(start.row_pieces)
        rows = tuple(start.columns) in self.rows
        return [
            Reread(
                signed[at], signed_rows[at], Prefixes([signed[at].end]), Prefixes([signed[at].end]) if rows else None
            )
            for at in start.pieces.due(share)
        ]

    def _where(self, piece: CompactRange, start: CheckpointRecord) -> tuple[int, int]:
        """Return the first and the last number of a piece; with streams, of its entries in the role `order`."""
        if start.order is None:
            return piece.begin + 1, piece.end
        ends = [MIN_ORDER - 1, *start.pieces.orders, start.order]
        number = piece.begin >> start.pieces.height
        return ends[number] + 1, ends[number + 1]

    def resume(self, batch: Batch) -> None:
        """Begin with the trees of the checkpoint. Its last entry, which was read and is the signed one, counts, too."""
        super().resume(batch)
        self.element_count = len(batch)

    def reread(self, place: int, batch: Batch) -> None:
        """Grow the trees over a piece."""
        piece = self.pieces[place]
        numbers: Sequence[int | None] = batch.sequence_numbers
        if self.ledger.profile.streams:
            position = piece.signed.begin + piece.count + 1
            numbers = range(position, position + len(batch))
        piece.count += len(batch)
        piece.entries.feed(numbers, entry_leaves(self.ledger.hasher, batch))
        if piece.rows is not None and self.start is not None:
            piece.rows.feed(numbers, row_leaves(batch, tuple(self.start.columns), self.ledger.profile))

    def close(self) -> None:
        """Judge every checkpoint, and whether they are complete and recent."""
        whole = self.ledger.extent is Extent.WHOLE
        profile = self.ledger.profile
        found = compare(
            self.trusted, self.prefixes, self.last, whole=whole, after=self.after, has_streams=bool(profile.streams)
        )
        same_rows, changed = self._compared_rows(found.matching)
        if self.start and self.ledger.resumed:
            changed += compare_pieces(self.pieces, self.ledger.resumed.checkpoint, self.start.columns, profile)
        if self.signed_streams and whole:
            changed += compare_streams(self.signed_streams[0], self.order.heads, self.signed_streams[1])
        findings = [*found.findings, *changed, *self._rejected(), *self._missing(), *self._stale(found)]
        for finding in findings:
            self.findings.add(finding)
        if found.unknown and not findings:
            raise CannotEvaluate(
                f"The export lacks entries that {len(found.unknown):,} of {len(self.trusted):,} checkpoints cover.",
                WHOLE_EXPORT,
            )
        self._report(found, same_rows)

    def _compared_rows(self, matching: Sequence[Trusted]) -> tuple[int, list[Finding]]:
        """Compare the columns that no hash covers, for the checkpoints whose entries are unchanged.

        Return up to which entry they are unchanged, and the findings.
        """
        recorded = {one.path: self.recorded[one.path] for one in matching if one.path in self.recorded}
        shown = {path: rows for path, rows in recorded.items() if shows(self.ledger, rows.columns)}
        roots = {path: self.rows[tuple(rows.columns)].root(rows.size) for path, rows in shown.items()}
        proven, findings = compare_rows(shown, roots, self.ledger.profile)
        lacking = [] if self.ledger.export else [path for path in recorded if path not in shown]
        for path in lacking[-1:]:
            gone = ", ".join(sorted(recorded[path].columns.keys() - self.ledger.columns.keys()))
            message = f"columns that existed when {path} was signed are missing: {gone}"
            findings.append(Finding("UNCOVERED_CHANGED", message))
        return proven, findings

    def _rejected(self) -> list[Finding]:
        return [Finding("CHECKPOINT_REJECTED", f"{one.path} is not trusted: {one.reason}") for one in self.rejected]

    def _missing(self) -> list[Finding]:
        if not self.parameters["require"]:
            return []
        missing = [f"there is no checkpoint in {folder}, but one is required" for folder in self.empty]
        known = {*self.recorded, *(one.path for one in self.rejected)}
        missing += [
            f"the record that was signed with {one.path} is missing"
            for one in self.trusted[-1:]
            if not known & {one.path, str(json_file(path_of(one.path)))}
        ]
        return [Finding("CHECKPOINT_MISSING", message) for message in missing]

    def _stale(self, found: Comparison) -> list[Finding]:
        proven = found.newest.size if found.newest else 0
        tail = self.count - proven
        if not self.limit or tail <= 0:
            return []
        if self.limit.isdecimal():
            over = tail - int(self.limit)
            message = f"{tail:,} entries are in no checkpoint yet, {over:,} more than the limit of {int(self.limit):,}"
            return [Finding("CHECKPOINT_STALE", message)] if over > 0 else []
        since = self.moments.get(proven + 1, "")
        if "T" not in since:  # infinite or missing, which is a finding of timestamp_order
            return []
        over_time = datetime.fromisoformat(self.ledger.server_time) - datetime.fromisoformat(since)
        excess = over_time - duration(self.limit)
        message = (
            f"{at_position(self.ledger.profile, proven + 1)}, dated {since}, has been in no checkpoint for "
            f"{_length(over_time)}, {_length(excess)} longer than the limit of {self.limit}"
        )
        number = None if self.ledger.profile.streams else proven + 1
        return [Finding("CHECKPOINT_STALE", message, number)] if excess > timedelta() else []

    def _report(self, found: Comparison, same_rows: int) -> None:
        counts = {"trusted": self.trusted, "rejected": self.rejected, "not in the export": found.unknown}
        self.facts["checkpoints"] = (
            ", ".join(f"{len(some):,} {what}" for what, some in counts.items() if some) or "none"
        )
        newest = found.newest
        if newest is None or not newest.size:
            return
        record = self.recorded.get(newest.path)
        moment = record.created_at if record else self.moments[newest.size]
        reread = sum(piece.signed.end - piece.signed.begin for piece in self.pieces)
        self.anchor = Anchor(
            entries=newest.size,
            total=self.count,
            checkpoint=newest.path,
            moment=moment,
            rows=same_rows,
            unread=self.after - reread,
            reread=reread,
        )
        self.facts["anchored entries"] = f"{newest.size:,} of {self.count:,}"
        self.facts["unchanged in every column"] = f"{same_rows:,} of {self.count:,}"
        self.facts["checkpoint"] = newest.path
        if self.after:
            self.facts["older entries not re-read"] = f"{self.anchor.unread:,}"
            self.facts["older entries re-read"] = f"{reread:,}"


def _length(time: timedelta) -> str:
    """Return a length of time in words."""
    minutes = int(time.total_seconds()) // 60
    if minutes < 1:
        return f"{int(time.total_seconds())} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"
