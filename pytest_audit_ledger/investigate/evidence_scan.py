"""Collect, while the checks read, where and how a ledger's chain is broken.

This scan kind judges nothing; `classification.py` says what its evidence shows. What it keeps is bounded and counted in
full: a million entries that do not match their hash are one run. Which forms are tried on an entry depends on those
before it, so a ledger with hashes that do not match, and was read in segments, is read again from its start.

An entry that does not match its entry_hash may have been renumbered, because entries before it were deleted or
inserted, or because it was moved. If the hash covers the sequence number, hashing proves the number that the entry was
written with.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag, auto
from operator import le
from typing import Any

from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, json_text, plain_text, shown
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo
from pytest_audit_ledger.model.profile import BEFORE, HASH, PAYLOAD, PREVIOUS, SEQUENCE, TIMESTAMP, own
from pytest_audit_ledger.model.recogniser import recognisers_of
from pytest_audit_ledger.model.segment import Segment

MOST = 500
"""Runs kept, and places kept; the others are counted."""

SAMPLE = 64
"""Entries with a wrong hash that are sampled from the whole ledger, however many there are."""

NEAR = 64
"""Entries before a broken link among which its target is searched; and FARTHEST for recipes, which hash slowly."""

FARTHEST = 1_000
"""The largest difference between the number of an entry and the written one that is searched."""

MOST_SEARCHES = 50
"""Such searches in a segment; an entry that was renumbered like the last one costs only one hash."""

MOST_STREAMS = 100
"""Streams with faults whose evidence is kept; the others are counted."""

MOST_WORDS = 4_000
"""Distinct values kept of a column."""

WORDS = ("verdict", "track", "rule_id", "knowledge_graph_version", "ski_model_version")
"""The columns of a SKI ledger whose values recur, so that the original value may be that of another entry."""


class Fault(Flag):
    """What is wrong with an entry."""

    NONE = 0
    HASH = auto()
    """Its content does not match its entry_hash in any form."""
    LINK = auto()
    """Its previous_hash is not the entry_hash of the entry before it."""
    GAP = auto()
    """Numbers are missing before it."""
    TWICE = auto()
    """Its number is that of the entry before it, or a lower one."""
    TIME = auto()
    """It is older than the entry before it."""


@dataclass(frozen=True)
class Seen:
    """What the evidence keeps of an entry.

    `recomputed` is empty if its content cannot be hashed, and the stored hash if the content has that in another form.
    """

    number: int | None
    timestamp: str
    previous_hash: str
    stored: str
    recomputed: str

    @property
    def own_fault(self) -> Fault:
        """HASH if its content does not match its entry_hash; an entry without a number is left to the checks."""
        return Fault.NONE if self.recomputed == self.stored or self.number is None else Fault.HASH


@dataclass(frozen=True)
class Place:
    """An entry with a fault, and the entry before it, None for the first entry.

    If the link is broken, `leads_to` is the number of a near earlier entry whose entry_hash is its previous_hash.
    """

    entry: Seen
    before: Seen | None
    faults: Fault
    leads_to: int | None = None

    @property
    def time_before(self) -> str:
        """The time of the entry before, empty for the first entry."""
        return self.before.timestamp if self.before else ""


@dataclass(frozen=True)
class Run:
    """Consecutive entries that do not match their entry_hash, from `first` to `last`.

    `moved` is by how much each was renumbered since it was written, proven by its hash: 2 if the entry that is now 12
    was written as 10. It is 0 if they were not renumbered, or if more than their number was changed.
    """

    first: int
    last: int
    count: int
    moved: int = 0


@dataclass
class Runs:
    """Runs: all of them counted, the first of them kept."""

    kept: list[Run] = field(default_factory=list)
    entries: int = 0
    moved: int = 0
    """How many of the entries were renumbered and not changed otherwise."""

    def add(self, run: Run) -> None:
        """Add the next run, joined to the last one if it continues that."""
        self.entries += run.count
        self.moved += run.count if run.moved else 0
        last = self.kept[-1] if self.kept else None
        if last is not None and run.moved == last.moved and run.first in (last.last, last.last + 1):
            self.kept[-1] = Run(last.first, run.last, last.count + run.count, last.moved)
        elif len(self.kept) < MOST:
            self.kept.append(run)

    def extend(self, later: Runs) -> None:
        """Add the runs of a later segment."""
        entries, moved = self.entries + later.entries, self.moved + later.moved
        for run in later.kept:
            self.add(run)
        self.entries, self.moved = entries, moved


@dataclass
class Sample:
    """Numbers sampled evenly: every one while there is room, then every second, every fourth, and so on."""

    step: int = 1
    seen: int = 0
    kept: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Add the next number."""
        if self.seen % self.step == 0:
            self.kept.append(number)
        self.seen += 1
        self._thin()

    def extend(self, later: Sample) -> None:
        """Add the numbers of a later segment."""
        self.kept += later.kept
        self.seen += later.seen
        self.step = max(self.step, later.step)
        self._thin()

    def _thin(self) -> None:
        while len(self.kept) > SAMPLE:
            self.kept = self.kept[::2]
            self.step *= 2


class EvidenceScan(ScanKind):
    """Collects where and how a chain is broken, and which values occur in the ledger; for each stream by itself."""

    name = "evidence"
    columns: Sequence[str] = ()

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        profile, hasher = ledger.profile, ledger.hasher
        self.link = PREVIOUS if profile.has(PREVIOUS) else BEFORE
        """What a batch calls the hash before: a column, or the hash that the entry before stores."""
        times = [TIMESTAMP] if profile.has(TIMESTAMP) else []
        line = [own(profile.genesis.line)] if profile.genesis.line else []
        self.columns = tuple(dict.fromkeys((HASH, self.link, *times, *line, *hasher.columns)))
        self.stream = ""
        """The stream, as JSON text, if this is the evidence of one."""
        self.streams: list[EvidenceScan] = []
        """The evidence of each stream that has faults, if the ledger has several."""
        self.streams_left_out = 0
        """Streams with faults that were not kept."""
        self._open: EvidenceScan | None = None
        self.genesis = json_text(profile.genesis.text)
        """What the first entry should name, as JSON text."""
        self.first: Seen | None = None
        self.last: Seen | None = None
        self._before: Seen | None = None
        """The entry after which the run resumes, if it does."""
        self.runs = Runs()
        self.sample = Sample()
        """Of the entries with a wrong hash that were not merely renumbered."""
        self.places: list[Place] = []
        self.forms = recognisers_of(ledger)
        """The forms of entries whose content has its hash in another form than the ledger's own, and of line hashes.

        Those of all streams are reported together.
        """
        self.faults: Counter[Fault] = Counter()
        """How many entries have each combination of faults."""
        own_columns = [name for name in hasher.columns if name.startswith(".") and name not in (BEFORE, PAYLOAD)]
        words = WORDS if hasher.is_canonical else own_columns
        self.words: dict[str, Counter[str]] = {name: Counter() for name in words}
        self._near: deque[tuple[str, int | None]] = deque(maxlen=NEAR)
        self._moved = 0
        """By how much the last renumbered entry was moved."""
        self._searches = 0
        self._parts: list[Segment] = []
        """The segments that were read, and are read again if a hash does not match."""
        self._in_order: EvidenceScan | None = None
        """The evidence of the ledger read again."""

    def vocabulary(self) -> dict[str, list[str | None]]:
        """Return the values that occur in each column of WORDS, frequent ones first."""
        return {name: [plain_text(text) for text, _ in words.most_common()] for name, words in self.words.items()}

    @property
    def _shown(self) -> str:
        return shown(self.stream) if self.stream else ""

    @property
    def by_stream(self) -> Sequence[EvidenceScan]:
        """The evidence of each stream that has faults; its own if the ledger has one stream."""
        return self.streams if self.ledger.profile.streams else [self]

    def feed(self, batch: Batch) -> None:
        """Read the entries of each stream."""
        if self.segment:
            self._parts = [self.segment]
        if self.again:
            return
        for stream, entries in batch.streams():
            if not self.ledger.profile.streams:
                self.feed_stream(entries)
                return
            if self._open is None or self._open.stream != stream:
                self._close_stream()
                self._open = EvidenceScan(self.parameters, self.ledger, self.findings.limit)
                self._open.stream, self._open.forms, self._open.segment = stream, self.forms, self.segment
            self._open.feed_stream(entries)
            self.again = self._open.again

    def _close_stream(self) -> None:
        if self._open is None:
            return
        self._open.close()
        self._open.forms = {}
        if self._open.faults and len(self.streams) < MOST_STREAMS:
            self.streams.append(self._open)
        elif self._open.faults:
            self.streams_left_out += 1
        self._open = None

    def feed_stream(self, batch: Batch) -> None:
        """Compare whole columns, and single entries only if these differ."""
        if self.last is None and (line := self.ledger.profile.genesis.line):
            self.genesis = batch.text(own(line))[0]
        for name, words in self.words.items():
            words.update(batch.text(name))
            self.words[name] = _bounded(words)
        stored, previous = batch.text(HASH), batch.text(self.link)
        if not (self._fits(batch) and previous[1:] == stored[:-1]):
            self._feed_slowly(batch)
            return
        columns = self._columns(batch)
        first, last = (Seen(*(column[index] for column in columns)) for index in (0, -1))
        self._join(first, batch, 0)
        self._near.extend(zip(stored[-NEAR:], batch.sequence_numbers[-NEAR:], strict=True))
        self.last = last

    def _feed_slowly(self, batch: Batch) -> None:
        entries = list(map(Seen, *self._columns(batch)))
        for index in self._lines_in_other_forms(batch):
            entries[index] = replace(entries[index], recomputed=self.ledger.hasher.hashes(batch)[index] or "")
        misfits = [index for index, seen in enumerate(entries) if seen.recomputed != seen.stored]
        if misfits and self.segment:
            self.again = [self.segment]
            return
        for index in self.forms[HASH].recognise(batch, misfits, self._shown):
            entries[index] = replace(entries[index], recomputed=entries[index].stored)
        for index, seen in enumerate(entries):
            self._join(seen, batch, index)

    def _lines_in_other_forms(self, batch: Batch) -> set[int]:
        """Return the entries whose line hashes match in another form than the profile's, where they do not in that."""
        found: set[int] = set()
        faulty: set[int] = set()
        for column, lines in self.ledger.hasher.lines(batch).items():
            rows = enumerate(zip(lines, batch.text(own(column)), strict=True))
            places = [place for place, (line, kept) in rows if line != kept]
            recognised = self.forms[column].recognise(batch, places, self._shown)
            found, faulty = found | recognised, faulty | ({*places} - recognised)
        return found - faulty

    def _fits(self, batch: Batch) -> bool:
        numbers, times, _, stored, recomputed = self._columns(batch)
        return (
            recomputed == stored
            and numbers[0] is not None
            and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            and all(map(le, times, times[1:]))
        )

    def _columns(self, batch: Batch) -> tuple[Any, ...]:
        """Return the columns that the fields of Seen come from; what has no payload cannot be hashed."""
        profile, hasher, stored = self.ledger.profile, self.ledger.hasher, batch.text(HASH)
        hashes = [text or "" for text in hasher.hashes(batch)]
        for column, lines in hasher.lines(batch).items():
            rows = zip(hashes, lines, batch.text(own(column)), strict=True)
            hashes = [digest if line == kept else "" for digest, line, kept in rows]
        if profile.starts_at is not None:
            uncovered = [number is not None and number < profile.starts_at for number in batch.sequence_numbers]
            hashes = [kept if is_so else one for kept, is_so, one in zip(stored, uncovered, hashes, strict=True)]
        times = batch.text(TIMESTAMP) if profile.has(TIMESTAMP) else [""] * len(batch)
        return batch.sequence_numbers, times, batch.text(self.link), stored, hashes

    def _join(self, seen: Seen, batch: Batch, index: int) -> None:
        """Compare an entry with the one before it; the first of a segment waits for `merge` or `close`."""
        faults = seen.own_fault
        if self.last is None:
            self.first = seen
        elif (others := self._faults(self.last, seen)) is not Fault.NONE:
            faults |= others
        if Fault.HASH in faults:
            self._take_misfit(seen, batch, index)
        if self.last is not None:
            self._note(self.last, seen, faults)
        self.last = seen
        self._near.append((seen.stored, seen.number))

    def _take_misfit(self, seen: Seen, batch: Batch, index: int) -> None:
        """Keep an entry that does not match its entry_hash, and by how much it was renumbered."""
        if seen.number is None:
            return
        moved = self._renumbered(seen.number, batch, index) if seen.recomputed else 0
        self.runs.add(Run(seen.number, seen.number, 1, moved))
        if moved:
            self._moved = moved
        else:
            self.sample.add(seen.number)

    def _renumbered(self, number: int, batch: Batch, index: int) -> int:
        """Return by how much an entry was renumbered since it was written, 0 if no other number gives its hash."""
        profile, hasher = self.ledger.profile, self.ledger.hasher
        column = SEQUENCE if hasher.is_canonical else own(profile.column(SEQUENCE))
        searching = self._moved or self._searches < MOST_SEARCHES
        if not searching or column not in hasher.columns or profile.first != 1:
            return 0
        entry = batch.rows([index])

        def fitting(moves: Sequence[int]) -> int:
            tried = entry.rows([0] * len(moves)).having(column, [str(number - moved) for moved in moves])
            hashes = zip(moves, self._columns(tried)[-1], strict=True)
            return next((moved for moved, digest in hashes if digest == entry.text(HASH)[0]), 0)

        if self._moved and fitting([self._moved]):
            return self._moved
        if self._searches >= MOST_SEARCHES:
            return 0
        self._searches += 1
        farthest = FARTHEST if hasher.is_canonical else NEAR
        return fitting([by * sign for by in range(1, farthest + 1) for sign in (1, -1)])

    def _faults(self, before: Seen | None, seen: Seen) -> Fault:
        faults = Fault.NONE
        profile = self.ledger.profile
        start = (profile.first or seen.number or 1) - 1
        number, number_before = seen.number, before.number if before else start
        if number is None or number_before is None:
            return faults
        apart = number > number_before + 1
        if apart and self.ledger.extent is not Extent.WHOLE:
            return faults  # a filter left out what is missing
        uncovered = profile.starts_at is not None and number < profile.starts_at
        starts = before is None or number == profile.starts_at
        if seen.previous_hash != (self.genesis if starts or before is None else before.stored) and not uncovered:
            faults |= Fault.LINK
        if apart and not (profile.gaps and faults is seen.own_fault is Fault.NONE):
            faults |= Fault.GAP  # where numbers are skipped, a gap alone is no fault
        if number <= number_before:
            faults |= Fault.TWICE
        if before and "T" in seen.timestamp and "T" in before.timestamp and seen.timestamp < before.timestamp:
            faults |= Fault.TIME
        return faults

    def _note(self, before: Seen | None, seen: Seen, faults: Fault) -> None:
        if faults is Fault.NONE:
            return
        self.faults[faults] += 1
        if faults is not Fault.HASH and len(self.places) < MOST:
            self.places.append(Place(seen, before, faults, self._target(seen.previous_hash, faults)))

    def _target(self, link: str, faults: Fault) -> int | None:
        if Fault.LINK not in faults:
            return None
        return next((number for stored, number in reversed(self._near) if stored == link), None)

    def resume(self, batch: Batch) -> None:
        """Take the entry as the one before the first."""
        self.resumed = True
        self.last = self._before = next(map(Seen, *self._columns(batch)))
        self._near.append((self.last.stored, self.last.number))

    def merge(self, later: EvidenceScan) -> None:
        """Compare the entries at the seam, then add what the later segment has."""
        self._parts += later._parts
        if self.again or later.again:
            self.again = self._parts
            return
        if later.first is not None and self.last is not None:
            self._seam(self.last, later.first)
        for place in later.places[: MOST - len(self.places)]:
            lost = place.leads_to is None and Fault.LINK in place.faults
            leads_to = self._target(place.entry.previous_hash, place.faults) if lost else place.leads_to
            self.places.append(replace(place, leads_to=leads_to))
        self.last = later.last
        self.runs.extend(later.runs)
        self.sample.extend(later.sample)
        self.faults.update(later.faults)
        self._near.extend(later._near)
        for name, words in later.words.items():
            self.words[name].update(words)
            self.words[name] = _bounded(self.words[name])

    def reread(self, place: int, batch: Batch) -> None:  # noqa: ARG002  (the segments follow one another)
        """Collect the evidence again, of entries that were counted before."""
        self.element_count -= len(batch)
        if self._in_order is None:
            self._in_order = EvidenceScan(self.parameters, self.ledger, self.findings.limit)
            self._in_order.last, self._in_order.resumed = self._before, self.resumed
        self._in_order.feed(batch)

    def _seam(self, before: Seen | None, seen: Seen) -> None:
        self._note(before, seen, seen.own_fault | self._faults(before, seen))

    def close(self) -> None:
        """Compare the first entry of the ledger with the genesis value."""
        if self._in_order is not None:
            vars(self).update({**vars(self._in_order), "element_count": self.element_count})
        self._close_stream()
        if self.first is None or self.resumed:
            return
        places, self.places = self.places, []
        self._near.clear()
        self._seam(None, self.first)
        self.places += places[: MOST - len(self.places)]


def _bounded(words: Counter[str]) -> Counter[str]:
    """Return the words, or only the frequent ones if there are too many."""
    return words if len(words) <= MOST_WORDS else Counter(dict(words.most_common(MOST_WORDS // 2)))
