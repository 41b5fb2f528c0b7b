"""The kind checkpoint: the ledger still holds what was signed when it was smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pytest_audit_ledger.checkpoints.comparison import (
    Comparison,
    RecordedRows,
    Reread,
    compare,
    compare_pieces,
    compare_rows,
    recorded_rows,
)
from pytest_audit_ledger.checkpoints.keys import verifier_keys
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, json_file, row_leaves
from pytest_audit_ledger.checkpoints.store import Store, Trusted, read_store
from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable, UsageError
from pytest_audit_ledger.kinds.entry_tree import EntryTree, entry_leaves
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.duration import duration
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo, ResumePoint
from pytest_audit_ledger.model.outcome import Anchor, Family, Finding, Sides

_TEXTS: Mapping[str, Any] = {"type": "array", "items": {"type": "string", "minLength": 1}, "default": []}

FOLDERS: Mapping[str, Any] = {
    **_TEXTS,
    "description": "Folders with checkpoints, kept outside of the database; in a suite relative to it.",
}
VERIFIER_KEYS: Mapping[str, Any] = {
    **_TEXTS,
    "description": "The keys that are trusted: what keygen printed, or files that hold it, in a suite relative to it.",
}

UNLIMITED = "none"

UNANCHORED_PATTERN = r"^(none|[0-9]{1,9}[smhd]?)$(?!\n)"
"""How many entries, or for how long entries, may be in no checkpoint: `1000`, `24h`, `none` for no limit."""


class CheckpointMatch(EntryTree):
    """For every trusted checkpoint, the Merkle root over the first N entries is the one that was signed.

    `folders`, `verifier_keys`: which are read, and whose signatures count. `require`: whether it is a finding that a
    folder has none. `max_unanchored`: how many entries (`1000`), or for how long one (`24h`), may be in no checkpoint.

    Where a run resumes after a checkpoint, its trees are continued, and the pieces of it that are due are read again.
    """

    name = "checkpoint"
    rule = "The entries that a signed checkpoint speaks of are there: all, in order, and unchanged in every column."
    remedy = (
        "CHECKPOINT_…: put checkpoints and keys in order, and verify again. Anything else: stop relying on the ledger, "
        "preserve the server and the checkpoints, and compare with a backup or an export of then: audit-ledger diff "
        "names every entry and column that differs, which a checkpoint, one hash over all of them, cannot."
    )
    family = Family.CHECKPOINTS
    integrity = True
    resumes = True
    sides: ClassVar[Mapping[str, Sides]] = {"REWRITTEN": ("signed", "recomputed"), "TRUNCATED": ("signed", "found")}
    inconclusive = frozenset({"CHECKPOINT_REJECTED", "CHECKPOINT_MISSING", "CHECKPOINT_STALE"})
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "folders": FOLDERS,
        "verifier_keys": VERIFIER_KEYS,
        "require": {
            "type": "boolean",
            "default": False,
            "description": "Whether it is a finding that a folder has no checkpoint.",
        },
        "max_unanchored": {
            "type": "string",
            "pattern": UNANCHORED_PATTERN,
            "default": UNLIMITED,
            "examples": ["1000", "24h"],
            "description": "How many entries, or for how long one, may be in no checkpoint; none for no limit.",
        },
    }

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """Read the keys, and name the folders as they lie beside the suite."""
        return beside_suite(parameters, folder)

    @classmethod
    def resume_point(cls, parameters: Mapping[str, Any]) -> ResumePoint | None:
        """Return the last entry of the newest trusted checkpoint with a record.

        The record proved it against the signed root by an inclusion proof (see `checkpoints/record.py`).
        """
        defaults = {name: schema["default"] for name, schema in cls.parameters_schema.items()}
        store = opened_store({**defaults, **parameters}, newest_record=True)
        recorded = [(one, one.record) for one in store.trusted if one.record is not None]
        if not recorded:
            return None
        newest, record = recorded[-1]
        return ResumePoint(newest.size, record.last_entry, newest.path, record.created_at)

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        asked: str = self.parameters["max_unanchored"]
        self.limit = "" if asked == UNLIMITED else asked
        store = opened_store(self.parameters, newest_record=ledger.resumed is not None)
        if not (store.trusted or store.rejected or self.limit or self.parameters["require"]):
            raise NotApplicable(f"There is no checkpoint in {', '.join(store.empty)} yet.")
        self.rejected, self.empty = store.rejected, store.empty
        # a fold travels to every segment, so it takes along no more of ten years of records than it compares
        self.trusted = [replace(one, keys=(), record=None) for one in store.trusted]
        self.recorded = recorded_rows(store.trusted)
        sizes: dict[tuple[str, ...], list[int]] = {}
        start = self._start(store)
        self.after = start.entries.end if start else 0
        for rows in filter(self._shows, self.recorded.values()):
            if rows.size >= self.after and (start is None or rows.columns == start.columns):
                sizes.setdefault(tuple(rows.columns), []).append(rows.size)
        self.ask_for([one.size for one in self.trusted if one.size >= self.after], sizes, start)
        self.pieces = self._due(start) if start else []
        self.again = [(piece.signed.begin + 1, piece.signed.end) for piece in self.pieces]

    def _start(self, store: Store) -> CheckpointRecord | None:
        """Return the record of the checkpoint that the run resumes after, None where it does not."""
        resumed = self.ledger.resumed
        if resumed is None:
            return None
        start = next((one.record for one in store.trusted if one.path == resumed.checkpoint), None)
        if start is None:
            raise CannotEvaluate(
                f"The run resumes after the checkpoint {resumed.checkpoint}, which this check does not trust.",
                "Name the same folders and keys for every check of this kind, or read every entry.",
            )
        return start

    def _due(self, start: CheckpointRecord) -> list[Reread]:
        """Return the pieces whose turn it is to be read again."""
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

    def resume(self, batch: Batch) -> None:
        """Begin with the trees of the checkpoint; its last entry, which was read and is the signed one, is examined."""
        super().resume(batch)
        self.element_count = len(batch)

    def reread(self, place: int, batch: Batch) -> None:
        """Grow the trees over a piece."""
        piece = self.pieces[place]
        piece.entries.feed(batch.sequence_numbers, entry_leaves(batch))
        if piece.rows is not None and self.start is not None:
            piece.rows.feed(batch.sequence_numbers, row_leaves(batch, tuple(self.start.columns)))

    def _shows(self, rows: RecordedRows) -> bool:
        """Whether there is every column of the record, as the database prints it; an export writes documents anew."""
        documents = self.ledger.export is not None and {"json", "jsonb"} & set(rows.columns.values())
        return rows.columns.keys() <= self.ledger.columns.keys() and not documents

    def close(self) -> None:
        """Judge every checkpoint, and whether there are enough of them."""
        whole = self.ledger.extent is Extent.WHOLE
        found = compare(self.trusted, self.prefixes, self.last, whole=whole, after=self.after)
        same_rows, changed = self._compared_rows(found.matching)
        if self.start and self.ledger.resumed:
            changed += compare_pieces(self.pieces, self.ledger.resumed.checkpoint, self.start.columns)
        findings = [*found.findings, *changed, *self._rejected(), *self._missing(), *self._stale(found)]
        for finding in findings:
            self.findings.add(finding)
        if found.unknown and not findings:
            raise CannotEvaluate(
                f"{len(found.unknown):,} of {len(self.trusted):,} checkpoints speak of entries that are not in "
                "the export.",
                "Verify the database, or an export of all entries with its manifest beside it.",
            )
        self._tell(found, same_rows)

    def _compared_rows(self, matching: Sequence[Trusted]) -> tuple[int, list[Finding]]:
        """Compare the columns that no hash covers, below the checkpoints whose entries are unchanged.

        Return up to which entry they are unchanged, and what was found.
        """
        recorded = {one.path: self.recorded[one.path] for one in matching if one.path in self.recorded}
        shown = {path: rows for path, rows in recorded.items() if self._shows(rows)}
        roots = {path: self.rows[tuple(rows.columns)].root(rows.size) for path, rows in shown.items()}
        proven, findings = compare_rows(shown, roots)
        lacking = [] if self.ledger.export else [path for path in recorded if path not in shown]
        for path in lacking[-1:]:
            gone = ", ".join(sorted(recorded[path].columns.keys() - self.ledger.columns.keys()))
            message = f"columns that were there when {path} was signed are gone: {gone}"
            findings.append(Finding("UNCOVERED_CHANGED", message))
        return proven, findings

    def _rejected(self) -> list[Finding]:
        return [Finding("CHECKPOINT_REJECTED", f"{one.path} is not trusted: {one.reason}") for one in self.rejected]

    def _missing(self) -> list[Finding]:
        if not self.parameters["require"]:
            return []
        missing = [
            f"there is no checkpoint in {folder}, and one is required, because whoever loses them starts trust anew"
            for folder in self.empty
        ]
        known = {*self.recorded, *(one.path for one in self.rejected)}
        missing += [
            f"the record that was signed with {one.path} does not lie beside it any more"
            for one in self.trusted[-1:]
            if not known & {one.path, str(json_file(Path(one.path)))}
        ]
        return [Finding("CHECKPOINT_MISSING", message) for message in missing]

    def _stale(self, found: Comparison) -> list[Finding]:
        proven = found.newest.size if found.newest else 0
        tail = self.count - proven
        if not self.limit or tail <= 0:
            return []
        if self.limit.isdecimal():
            over = tail - int(self.limit)
            message = f"{tail:,} entries are in no checkpoint, {over:,} more than the {int(self.limit):,} that may be"
            return [Finding("CHECKPOINT_STALE", message)] if over > 0 else []
        since = self.moments.get(proven + 1, "")
        if "T" not in since:  # no time at all, which is a finding of timestamp_order
            return []
        over_time = datetime.fromisoformat(self.ledger.server_time) - datetime.fromisoformat(since)
        excess = over_time - duration(self.limit)
        message = (
            f"entry {proven + 1:,}, of {since}, is in no checkpoint for {_length(over_time)}, "
            f"{_length(excess)} longer than the {self.limit} that it may be"
        )
        return [Finding("CHECKPOINT_STALE", message, proven + 1)] if excess > timedelta() else []

    def _tell(self, found: Comparison, same_rows: int) -> None:
        counts = {"trusted": self.trusted, "rejected": self.rejected, "not in the export": found.unknown}
        told = ", ".join(f"{len(some):,} {what}" for what, some in counts.items() if some)
        self.facts["checkpoints"] = told or "none"
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


def beside_suite(parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
    """Return the parameters with the folders of checkpoints as they lie beside a suite in `folder`, and the keys read.

    Raises UsageError where a key cannot be read.
    """
    folders = [str(Path(folder, name)) for name in parameters.get("folders", ())]
    keys = [str(key) for key in verifier_keys(parameters.get("verifier_keys", ()), folder)]
    return {**parameters, **({"folders": folders} if folders else {}), **({"verifier_keys": keys} if keys else {})}


def opened_store(parameters: Mapping[str, Any], *, newest_record: bool = False) -> Store:
    """Return what the folders hold that the parameters name; of the records only the newest, where that is enough.

    Raises NotApplicable where none is named, UsageError where no key is or a folder cannot be read, CannotEvaluate
    where the folders hold checkpoints of several ledgers.
    """
    folders: Sequence[str] = parameters["folders"]
    if not folders and (parameters.get("require") or parameters.get("max_unanchored", UNLIMITED) != UNLIMITED):
        raise UsageError("Checkpoints are asked for, and no folder is named.", "Name it with --ledger-checkpoint DIR.")
    if not folders:
        raise NotApplicable(
            "No checkpoint was given to hold the ledger against.",
            "Make them with `audit-ledger checkpoint create`, and name their folder with --ledger-checkpoint.",
        )
    keys = verifier_keys(parameters["verifier_keys"])
    if not keys:
        raise UsageError("No key is named that checkpoints must be signed by.", "Name it with --ledger-verifier-key.")
    store = read_store(folders, keys, newest_record=newest_record)
    if len(store.origins) > 1:
        raise CannotEvaluate(
            f"The checkpoints are of several ledgers: {', '.join(store.origins)}.",
            "Trust only the key of this ledger, and keep the checkpoints of each in a folder of its own.",
        )
    return store


def _length(time: timedelta) -> str:
    """Return a length of time in words."""
    minutes = int(time.total_seconds()) // 60
    if minutes < 1:
        return f"{int(time.total_seconds())} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"
