"""Lay out the entries of a ledger, with the numbers that their hashes prove, in the order they were written in.

The line are those entries that keep their order, as many as possible: apart from new numbers nothing happened to them.
The others were moved or inserted. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Fault, Place, Run
from pytest_audit_ledger.investigate.ranges import Range, overlap, without

MOST_PIECES = 2_000
"""Runs that are laid out, after overlapping ones were split."""


def now(run: Run) -> Range:
    """Return the numbers that the entries have."""
    return run.first, run.last


def written(run: Run) -> Range:
    """Return the numbers that the entries were written with."""
    return run.first - run.moved, run.last - run.moved


@dataclass(frozen=True)
class Line:
    """The runs that keep their order, and those that do not.

    Of the latter, `moved` were written with numbers that no other has, so they were elsewhere; `strays` with numbers
    that others have as well. `places` are the broken links by number, `renumbered` the runs that the line is made for.
    """

    kept: Sequence[Run]
    moved: Sequence[Run]
    strays: Sequence[Run]
    places: Mapping[int, Place] = field(default_factory=dict)
    renumbered: Sequence[Run] = ()

    @property
    def is_renumbered(self) -> bool:
        """Whether entries that were not moved have new numbers."""
        return any(run.moved for run in self.kept)

    def is_next(self, before: Run | None, run: Run) -> bool:
        """Whether a run comes right after another one, or at the start."""
        return run.first == (before.last + 1 if before else 1)

    def is_linked(self, before: Run | None, run: Run) -> bool:
        """Whether the first entry of a run links to the last one of another, or to the genesis value."""
        place = self.places.get(run.first)
        if place is None:
            return self.is_next(before, run)
        return before is not None and place.leads_to == before.last

    def is_linked_into(self, first: int, last: int) -> bool:
        """Whether an entry elsewhere links to one of these, so that it was there before."""
        return any(
            first <= (place.leads_to or 0) <= last and not first <= number <= last
            for number, place in self.places.items()
        )

    def is_contested(self, strays: Sequence[Run], run: Run) -> bool:
        """Whether a link other than that at the start of `run` is broken where strays share the numbers of the line."""
        for stray, one in product(strays, self.kept):
            low = max(written(stray)[0], written(one)[0]) + one.moved
            high = min(written(stray)[1], written(one)[1]) + one.moved
            if low <= high and any(low <= number <= high + 1 for number in self.places.keys() - {run.first}):
                return True
        return False

    def follows(self, before: Run | None, run: Run) -> bool:
        """Whether the written numbers of the two are consecutive."""
        return written(run)[0] == (written(before)[1] + 1 if before else 1)

    def between(self, before: Run | None, run: Run) -> Range:
        """Return the numbers that were written between two runs; none if the first is above the last."""
        return (written(before)[1] + 1 if before else 1), written(run)[0] - 1

    def lost(self, before: Run | None, run: Run) -> list[Range]:
        """Return the numbers written between two runs that no present entry was written with."""
        at, end = self.between(before, run)
        return without([(at, end)] if at <= end else [], map(written, (*self.moved, *self.strays)))

    def holds(self, number: int) -> bool:
        """Whether an entry elsewhere was written with this number."""
        return any(first <= number <= last for first, last in map(written, (*self.moved, *self.strays)))

    def lacks_link(self, run: Run, lost: Sequence[Range]) -> bool:
        """Whether the entry that a run was appended to is among those lost."""
        return bool(lost) and lost[-1][1] == written(run)[0] - 1

    def is_whole_gap(self, before: Run | None, run: Run, lost: Sequence[Range]) -> bool:
        """Whether nothing is between two runs, and exactly the missing numbers were lost there."""
        place, end = self.places.get(run.first), before.last if before else 0
        stands_before = (place.before.number if place.before else 0) if place else None
        return stands_before == end and list(lost) == [(end + 1, run.first - 1)]


def line_of(chain: Chain, moved: Sequence[Run]) -> Line | None:
    """Return the line of a ledger with these renumbered entries; None if there are too many pieces."""
    places = {p.entry.number: p for p in reversed(chain.evidence.places) if Fault.LINK in p.faults}
    known = {number: place for number, place in places.items() if number is not None}
    runs = _split(_without_appended(_proven(chain, moved), known))
    if len(runs) > MOST_PIECES:
        return None
    kept = _in_order(runs, Line((), (), (), known))
    aside: list[Run] = []
    strays: list[Run] = []
    for run in (run for run in runs if run not in kept):
        taken = any(overlap(written(run), written(one)) for one in (*kept, *aside))
        (strays if taken else aside).append(run)
    return Line(_whole(kept), _whole(run for run in aside if run.moved), strays, known, moved)


def _proven(chain: Chain, moved: Sequence[Run]) -> list[Run]:
    """Return all entries whose written numbers are proven, in runs, also those that were not renumbered."""
    gaps = [p for p in chain.evidence.places if Fault.GAP in p.faults]
    holes = [((p.before.number or 0) + 1 if p.before else 1, (p.entry.number or 0) - 1) for p in gaps]
    known: list[tuple[int, int, Run | None]] = [
        *((run.first, run.last, run) for run in moved),
        *((run.first, run.last, None) for run in chain.runs),
        *((first, last, None) for first, last in holes),
    ]
    found: list[Run] = []
    at, end = chain.first or 1, chain.last or 0
    for first, last, run in sorted(known, key=lambda one: one[:2]):
        if at < first:
            found.append(Run(at, first - 1, first - at))
        if run is not None:
            found.append(run)
        at = max(at, last + 1)
    return [*found, Run(at, end, end - at + 1)] if at <= end else found


def _without_appended(runs: list[Run], places: Mapping[int, Place]) -> list[Run]:
    """Return runs without entries at the end that were appended after the renumbering.

    These link to renumbered entries, and may have numbers that others were written with.
    """
    start = next((place for place in reversed(range(len(runs))) if runs[place].moved), 0) + 1
    if start >= len(runs) or runs[start].first in places or runs[start - 1].moved >= 0:
        return runs
    appended = written(runs[start - 1])[1] >= runs[start].first == runs[start - 1].last + 1
    return runs[:start] if appended else runs


def _split(runs: Sequence[Run]) -> list[Run]:
    """Return runs, split so that any two have the same written numbers or none in common."""
    cuts = sorted({cut for first, last in map(written, runs) for cut in (first, last + 1)})
    found: list[Run] = []
    for run in runs:
        first, last = written(run)
        inner = [cut for cut in cuts if first < cut <= last]
        for low, high in zip([first, *inner], [*inner, last + 1], strict=True):
            found.append(Run(low + run.moved, high - 1 + run.moved, high - low, run.moved))
    return found


def _in_order(runs: Sequence[Run], line: Line) -> list[Run]:
    """Return the runs that keep their order.

    First come all runs that were not renumbered and share their numbers with no other; then as many entries as
    possible; then those that link to each other.
    """
    best: list[tuple[tuple[int, int, int], int | None]] = []
    for index, run in enumerate(runs):
        before: list[tuple[tuple[int, int, int], int | None]] = [((0, 0, _score(line, None, run)), None)]
        for other in range(index):
            if written(runs[other])[1] < written(run)[0]:
                fixed, count, links = best[other][0]
                before.append(((fixed, count, links + _score(line, runs[other], run)), other))
        (fixed, count, links), place = max(before, key=lambda one: one[0])
        best.append(((fixed + (run.count if _is_fixed(run, runs) else 0), count + run.count, links), place))
    place = max(range(len(best)), key=lambda index: best[index][0], default=None)
    kept: list[Run] = []
    while place is not None:
        kept.append(runs[place])
        place = best[place][1]
    return kept[::-1]


def _is_fixed(run: Run, runs: Sequence[Run]) -> bool:
    return not run.moved and not any(one is not run and overlap(written(one), written(run)) for one in runs)


def _score(line: Line, before: Run | None, run: Run) -> int:
    """Return 1 if the link of a run confirms that it follows another, -1 if it contradicts that, 0 if it is silent."""
    if line.is_linked(before, run):
        return 1
    place = line.places.get(run.first)
    return 0 if place is not None and place.leads_to is None else -1


def _whole(runs: Iterable[Run]) -> list[Run]:
    """Return runs, with those joined that were split."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else None
        if last is not None and last.moved == run.moved and last.last + 1 == run.first:
            found[-1] = Run(last.first, run.last, last.count + run.count, run.moved)
        else:
            found.append(run)
    return found
