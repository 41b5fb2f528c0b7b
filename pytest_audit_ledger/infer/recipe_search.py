"""One search: from a table to its profile, or to what was ruled out. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import chain as chained
from math import prod

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.infer.chains import Chain, Entry, entries_of, find_chains
from pytest_audit_ledger.infer.digest_search import Clock, State, TimeIsUpError, new_state
from pytest_audit_ledger.infer.forms import ALL, COMMON, LOCAL, RARE, Known
from pytest_audit_ledger.infer.hash_columns import ALGORITHMS, HashColumn, hash_columns
from pytest_audit_ledger.infer.hints import Hints
from pytest_audit_ledger.infer.pieces import Pieces
from pytest_audit_ledger.infer.proof import Solution, prove
from pytest_audit_ledger.infer.sample_payload import Learned, learn
from pytest_audit_ledger.infer.sampling import Sample
from pytest_audit_ledger.infer.shapes import PREVIOUS, Shape, Suggested, shapes
from pytest_audit_ledger.infer.source_text import Source
from pytest_audit_ledger.infer.stages import Orders, Planner, Stage
from pytest_audit_ledger.model.profile import Hashing

_COMMON_COST = 200_000
"""Stages with common forms that cost more come after those with rare forms that cost less."""

_FIRST_SHARE = 0.6
"""The share of the time for the first entry. If it is odd, the second one is not."""

_MOST_CHAINS = 6
_MOST_VERSIONS = 8
_LINE_SHARE = 0.15


@dataclass(frozen=True)
class Found:
    """What a search found of one chain: how entries are hashed, by version if there are several.

    `lines`: hashes in columns of their own.
    """

    chain: Chain
    hashing: Hashing
    entries: Sequence[Entry]
    solutions: dict[str | None, Solution]
    version_column: str = ""
    lines: dict[str, tuple[Hashing, Solution]] = field(default_factory=dict)

    @property
    def reproduced(self) -> frozenset[Entry]:
        """The entries of the sample that are reproduced."""
        return frozenset(chained.from_iterable(one.reproduced for one in self.solutions.values()))

    @property
    def is_complete(self) -> bool:
        """Whether every entry of the sample is reproduced."""
        return len(self.reproduced) == len(self.entries)


@dataclass(frozen=True)
class Task:
    """A stage of the search for one chain and one algorithm."""

    cost: float
    stage: Stage
    finder: Finder
    hashing: Hashing
    state: State


class Finder:
    """What is needed to search for the recipe of some entries of a chain."""

    def __init__(
        self, sample: Sample, chain: Chain, entries: Sequence[Entry], hints: Hints, *, is_line: bool = False
    ) -> None:
        """Take the entries of a chain; `is_line`: their hash is one that has nothing to do with the one before."""
        self.chain, self.entries, self._hints, self._is_line = chain, entries, hints, is_line
        stored = Hashing(encoding=chain.entry_hash.encoding, prefix=chain.entry_hash.prefix)
        own = [name for name in sample.types if name not in (chain.previous, chain.entry_hash.name)]
        self._source = Source(hints.source, own, chain.previous)
        known = Known(
            self._source.patterns, self._source.zones, self._source.nulls, self._source.booleans, self._source.constants
        )
        self.pieces = Pieces(sample.types, stored, entries, known)
        self._columns = tuple(
            PREVIOUS if name == chain.previous else name for name in sample.types if name != chain.entry_hash.name
        )
        best = sorted(entries, key=self._freedom)
        others = [entry for entry in best if abs(entries.index(entry) - entries.index(best[0])) > len(entries) // 3]
        self._learned = self._learn() if hints.sample and not is_line else None
        self.search_on = [self._learned.entry] if self._learned else [*best[:1], *others[:1]]
        """The entries to search on: those that leave least open, the second far from the first one."""

    @property
    def levels(self) -> Sequence[int]:
        """The levels of forms that are tried after the common ones."""
        return (RARE, LOCAL, ALL) if self._learned else (RARE, LOCAL)

    @property
    def fits_sample(self) -> bool:
        """Whether the payload that somebody gave is that of one of the entries, or none was given."""
        return self._learned is not None or not self._hints.sample

    def _algorithms(self) -> list[str]:
        names = ALGORITHMS[self.chain.entry_hash.size]
        return [f"hmac-{name}" for name in names] if self._hints.key else [*names]

    def _learn(self) -> Learned | None:
        """Return what the given payload says of its entry."""
        digests = set()
        for algorithm in self._algorithms():
            state = new_state(algorithm, self._hints.key_bytes)
            state.update(self._hints.sample)
            digests.add(state.digest())
        found = next((entry for entry in self.entries if entry.digest in digests), None)
        columns = tuple(dict.fromkeys((PREVIOUS, *self._columns)))
        return learn(self._hints.sample, found, self.pieces, columns) if found else None

    def _freedom(self, entry: Entry) -> tuple[bool, int, int]:
        """Return how much an entry leaves open: whether it is the first, its missing values, and its renderings."""
        shape = Shape("join", {"by": "|"})
        own = [name for name in self._columns if name]
        empty = sum(not entry.row[name] for name in own)
        written = [self.pieces.alternatives(shape, self.pieces.slot(name, False, RARE), entry) for name in own]
        return entry.is_first, empty, prod(map(len, written))

    def tasks(self, entry: Entry, level: int) -> list[Task]:
        """Return the stages of a search on an entry in the forms of a level, the smallest first."""
        found = Planner(self.pieces, self._orders(), entry).stages(self._shapes(), level)
        tasks = []
        for place, name in enumerate(self._algorithms()):
            hash_, hints = self.chain.entry_hash, self._hints
            hashing = Hashing(algorithm=name, encoding=hash_.encoding, prefix=hash_.prefix, key=hints.key)
            state = new_state(name, hints.key_bytes)
            tasks += [Task(one.cost * (1 + 5 * place), one, self, hashing, state) for one in found]
        return sorted(tasks, key=_cost)

    def _orders(self) -> Orders:
        hints = self._hints
        if self._learned:
            return Orders(self._columns, (self._learned.order,), only_given=True)
        if not hints.columns:
            return Orders(self._columns, tuple(self._source.orders), has_previous=not self._is_line)
        named = tuple(PREVIOUS if name == self.chain.previous else name for name in hints.columns)
        return Orders(self._columns, (named,), only_given=True)

    def _shapes(self) -> Iterator[Shape]:
        if self._learned:
            return iter(self._learned.shapes)
        hints, named = self._hints, [name for name in self._columns if name]
        source = self._source
        suggested = Suggested(source.keys, source.separators, source.json_separators, source.templates)
        found = shapes(named, self.chain.previous, hints.separators, suggested)
        return (shape for shape in found if not (self._is_line and shape.outside))


def _cost(task: Task) -> float:
    return task.cost


class Search:
    """The search for the recipe of a table."""

    def __init__(self, sample: Sample, hints: Hints, clock: Clock) -> None:
        """Take what was read of the table."""
        self._sample, self._hints, self._clock = sample, hints, clock
        self.tasks: list[Task] = []
        self.ruled_out: set[int] = set()
        """What was tried, and the places of the stages of it that are finished."""
        self._planned: Counter[str] = Counter()
        """How many stages there are, by recipe."""
        self.chains = find_chains(sample)
        self._lines: dict[str, tuple[Hashing, Solution]] = {}

    def run(self) -> Found | None:
        """Return the best that was found, None if no recipe reproduces any hash."""
        finders = [
            Finder(self._sample, chain, entries, self._hints)
            for chain in self.chains[:_MOST_CHAINS]
            if (entries := entries_of(self._sample, chain))
        ]
        if finders and not any(finder.fits_sample for finder in finders):
            raise UsageError(
                "The sample is not the payload of any entry that was read.",
                "Give the exact bytes that were hashed, of one of the first or last entries, without a line end.",
            )
        found = self._best([finder for finder in finders if finder.fits_sample], 1)
        if found is None:
            return None
        if not found.is_complete:
            found = self._with_versions(found)
        return self._with_lines(found)

    def _best(self, finders: Sequence[Finder], share: float) -> Found | None:
        """Return the solution with the most entries; the first one that is complete, or tells versions apart."""
        best: Found | None = None
        for place, shares in enumerate((share * _FIRST_SHARE, share)):
            self._clock.allow(shares)
            try:
                for task, solution in self._solutions(finders, place):
                    found = Found(task.finder.chain, task.hashing, task.finder.entries, {None: solution})
                    if not (task.finder.chain.previous or any(slot.name == PREVIOUS for slot in solution.slots)):
                        self._lines[found.chain.entry_hash.name] = (found.hashing, solution)
                        continue
                    if best is None or len(found.reproduced) > len(best.reproduced):
                        best = found
                    if found.is_complete or 2 * len(found.reproduced) > len(found.entries) or self._divided(found):
                        return found
            except TimeIsUpError:
                continue
        return best

    def _solutions(self, finders: Sequence[Finder], place: int) -> Iterator[tuple[Task, Solution]]:
        """Yield what fits the first or the second entry that is searched on, with its proof on all others."""
        chosen = [(finder, finder.search_on[place]) for finder in finders if place < len(finder.search_on)]
        common = [finder.tasks(entry, COMMON) for finder, entry in chosen]
        self._planned.update(task.stage.shapes[0].recipe for tasks in common for task in tasks)
        for task in merge(*common, key=_cost):
            if task.cost > _COMMON_COST:
                break
            yield from self._of_task(task)
        others = [finder.tasks(entry, level) for finder, entry in chosen for level in finder.levels]
        self._planned.update(task.stage.shapes[0].recipe for tasks in others for task in tasks)
        for task in merge(*common, *others, key=_cost):
            if task.stage.written.level != COMMON or task.cost > _COMMON_COST:
                yield from self._of_task(task)

    def _of_task(self, task: Task) -> Iterator[tuple[Task, Solution]]:
        self.tasks.append(task)
        if task.finder.chain.entry_hash.name in self._lines:
            return
        pieces, entries = task.finder.pieces, task.finder.entries
        for hits in task.stage.hits(pieces, task.state, self._clock):
            proven = [prove(pieces, hit, entries, task.state, self._clock) for hit in hits]
            yield task, max(proven, key=lambda one: len(one.reproduced))
        self.ruled_out.add(len(self.tasks) - 1)

    def _divided(self, found: Found) -> str:
        """Return the column whose values tell the reproduced entries from the others; empty if there is none."""
        names = sorted(self._sample.types, key=lambda name: "version" not in name.lower())
        unlike = [entry for entry in found.entries if entry not in found.reproduced]
        for name in names:
            if len(unlike) == 1 and "version" not in name.lower():
                continue  # any column might tell one entry from the others
            good = {entry.row[name] for entry in found.reproduced}
            bad = {entry.row[name] for entry in unlike}
            if bad and good.isdisjoint(bad) and len(good | bad) <= min(_MOST_VERSIONS, len(found.entries) - 1):
                return name
        return ""

    def _with_versions(self, found: Found) -> Found:
        """Return what was found with the recipes of other versions, if a column says which entries have which."""
        column = self._divided(found)
        if not column:
            return found
        (solution,) = found.solutions.values()
        values = dict.fromkeys(entry.row[column] for entry in found.entries)
        good = {entry.row[column] for entry in found.reproduced}
        solutions: dict[str | None, Solution] = {value: solution for value in values if value in good}
        for value in (value for value in values if value not in good):
            entries = [entry for entry in found.entries if entry.row[column] == value]
            hints = replace(self._hints, sample=b"")  # it is of another version
            other = self._best([Finder(self._sample, found.chain, entries, hints)], 1)
            if other is not None and other.hashing == found.hashing:
                solutions[value] = other.solutions[None]
        return replace(found, solutions=solutions, version_column=column)

    def _with_lines(self, found: Found) -> Found:
        """Return what was found with the recipes of columns that hold a hash of their own."""
        own = (found.chain.entry_hash.name, found.chain.previous)
        rows = [entry.row for entry in found.entries]
        for column in hash_columns(self._sample.types, rows):
            if column.name not in (*own, *self._lines):
                self._find_line(found, column)
        return replace(found, lines={name: line for name, line in self._lines.items() if name not in own})

    def _find_line(self, found: Found, column: HashColumn) -> None:
        chain = replace(found.chain, entry_hash=column, previous="")
        entries = [
            replace(entry, digest=digest, previous=None)
            for entry in found.entries
            if (digest := column.digest(entry.row[column.name])) is not None
        ]
        best = self._best([Finder(self._sample, chain, entries, self._hints, is_line=True)], _LINE_SHARE)
        del best  # a line has no previous hash, so `_best` keeps it in `_lines`

    def said_of_stages(self) -> Iterator[str]:
        """Yield what was ruled out, by recipe."""
        done = [self.tasks[at].stage for at in self.ruled_out]
        for recipe in self._planned:
            mine = [stage for stage in done if stage.shapes[0].recipe == recipe]
            tried = sum(stage.size for stage in mine)
            yield f"{recipe}: {tried:,} candidates, which are {len(mine):,} of {self._planned[recipe]:,} stages"
