"""A profile tried on the first entries of a ledger: how many match, and which column keeps the others from matching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pytest_audit_ledger.model.batch import NULL, Batch, json_text
from pytest_audit_ledger.model.format_trials import trials
from pytest_audit_ledger.model.hasher import BatchRows
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, Version, own
from pytest_audit_ledger.model.recipes import RecipeError, compile_hashing, compile_recipe
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.hashed_entries import hashed_names, place_of, streams_of, versions_of

FIRST = 1_000
"""Entries that a profile is tried on."""

MOST_TRIED = 20
"""Entries of a version that do not match and are tried in other formats."""

MOST_REMEDIES = 5


@dataclass(frozen=True)
class Remedy:
    """A change of one item of a recipe, with which `matching` of `tried` entries match that did not."""

    version: str
    column: str
    item: Any
    matching: int
    tried: int


@dataclass
class ProfileTrial:
    """What was found. Entries are named by stream, empty for a ledger of one chain, and number.

    `starts` is the first number with a hash, if entries before it have none and the profile says something else.
    `lines` counts the entries that do not match by the column of a line.
    """

    table: str
    profile: str
    examined: int = 0
    matching: int = 0
    mismatches: list[tuple[str, int | None]] = field(default_factory=list)
    starts: int | None = None
    lines: dict[str, int] = field(default_factory=dict)
    remedies: list[Remedy] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether there are entries, and every hash matches."""
        return 0 < self.examined == self.matching and not any(self.lines.values()) and self.starts is None


def try_profile(source: Source) -> ProfileTrial:
    """Return how the profile of a source fits its first entries. Raises SourceError if they cannot be read."""
    with source.snapshot() as snapshot:
        judge = _Judge(snapshot.info)
        start = snapshot.info.profile.starts_at
        snapshot.select(hashed_names(snapshot), Selection(limit=FIRST, number=start), judge.feed)
        if start is not None or judge.first_hashed is None:
            snapshot.scan([SEQUENCE, HASH], Segment(None, start), judge.note_starts)
        return judge.result()


class _Judge:
    def __init__(self, info: LedgerInfo) -> None:
        self.info = info
        self.trial = ProfileTrial(place_of(info), info.profile.name)
        self.odd: dict[str | None, list[Batch]] = {}
        """Entries that do not match, by version, each as a batch of its own."""
        self.last_unhashed: int | None = None
        self.first_hashed: int | None = None

    def feed(self, batch: Batch) -> None:
        info, hasher = self.info, self.info.hasher
        rows = zip(
            batch.sequence_numbers,
            streams_of(info, batch),
            versions_of(info, batch),
            batch.text(HASH),
            hasher.hashes(batch),
            strict=True,
        )
        for index, (number, stream, version, stored, recomputed) in enumerate(rows):
            self.trial.examined += 1
            if stored == recomputed:
                self.trial.matching += 1
            else:
                self.trial.mismatches.append((stream, number))
                self._keep(version, batch, index, stored)
            self._note_start(number, stored)
        for column, hashes in hasher.lines(batch).items():
            wrong = sum(one != of for one, of in zip(batch.text(own(column)), hashes, strict=True))
            self.trial.lines[column] = self.trial.lines.get(column, 0) + wrong

    def _keep(self, version: str | None, batch: Batch, index: int, stored: str) -> None:
        kept = self.odd.setdefault(version, [])
        if stored != NULL and len(kept) < MOST_TRIED:
            kept.append(batch.rows([index]))

    def note_starts(self, batch: Batch) -> None:
        """Note which entries have a hash, and which have none."""
        for number, stored in zip(batch.sequence_numbers, batch.text(HASH), strict=True):
            self._note_start(number, stored)

    def _note_start(self, number: int | None, stored: str) -> None:
        if number is None:
            return
        if stored == NULL:
            self.last_unhashed = max(number, self.last_unhashed or number)
        elif self.first_hashed is None or number < self.first_hashed:
            self.first_hashed = number

    def result(self) -> ProfileTrial:
        if self.first_hashed not in (None, self.info.profile.starts_at) and self._starts_late():
            self.trial.starts = self.first_hashed
        found = [remedy for value, entries in self.odd.items() for remedy in self._remedies(value, entries)]
        self.trial.remedies = sorted(found, key=lambda remedy: -remedy.matching)[:MOST_REMEDIES]
        return self.trial

    def _starts_late(self) -> bool:
        """Return whether all entries without a hash are before those that have one."""
        return self.last_unhashed is not None and self.last_unhashed < (self.first_hashed or 0)

    def _remedies(self, value: str | None, entries: Sequence[Batch]) -> Iterator[Remedy]:
        """Yield the changes of one item with which some of the entries of a version match."""
        version = self.info.profile.version_of(value)
        if version is None or not entries:
            return
        types = self.info.types
        words = "" if not self.info.profile.version_column else "NULL" if value is None else value
        for trial in trials(version.payload, types):
            matching = sum(map(self._matches(trial.payload, version, types), entries))
            if matching:
                yield Remedy(words, trial.column, trial.item, matching, len(entries))

    def _matches(
        self, payload: Mapping[str, Any], version: Version, types: Mapping[str, str]
    ) -> Callable[[Batch], bool]:
        """Return whether an entry matches with another payload; never, if that is not a recipe."""
        with suppress(RecipeError):
            recipe = compile_recipe(payload, types, version.hashing)
            hashing = compile_hashing(version.hashing, self.info.read_key)
            return lambda entry: (
                list(map(json_text, hashing(recipe.payloads(BatchRows(entry, self.info.profile))))) == entry.text(HASH)
            )
        return lambda _: False
