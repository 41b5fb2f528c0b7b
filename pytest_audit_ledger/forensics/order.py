"""What entries show that were renumbered: deletions and insertions before them, and entries that changed places.

That an entry was renumbered, and by how much, is proven by its hash, which covers the number it was written with. No
I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from pytest_audit_ledger.forensics.chain import Chain
from pytest_audit_ledger.forensics.evidence import Fault, Place, Run
from pytest_audit_ledger.forensics.incident import (
    COMPARE,
    PRESERVE,
    Certainty,
    Incident,
    What,
    capital,
    counted,
    entries,
)

NEXT = (PRESERVE, COMPARE)

_EVERYTHING = Fault.HASH | Fault.LINK | Fault.TIME


def moves(chain: Chain) -> Iterator[Incident]:
    """Find entries that changed places, then deletions and insertions behind which the entries were renumbered."""
    moved = [run for run in chain.runs if run.moved]
    chain.runs = [run for run in chain.runs if not run.moved]
    for group in _permuted(moved):
        moved = [run for run in moved if run not in group]
        yield _reordered(chain, group)
    yield from _renumbered(chain, moved)


def _permuted(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the groups of runs that exchanged their numbers among themselves."""
    groups: list[list[Run]] = []
    left = list(runs)
    for one, other in combinations(runs, 2):
        if one in left and other in left and _written(one) == _now(other) and _written(other) == _now(one):
            groups.append([one, other])
            left = [run for run in left if run not in (one, other)]
    neighbours: list[Run] = []
    for run in left:
        if neighbours and neighbours[-1].last + 1 != run.first:
            neighbours = []
        neighbours.append(run)
        if len(neighbours) > 1 and min(map(_written, neighbours))[0] == neighbours[0].first and _fills(neighbours):
            groups.append(neighbours)
            neighbours = []
    return groups


def _now(run: Run) -> tuple[int, int]:
    return run.first, run.last


def _written(run: Run) -> tuple[int, int]:
    return run.first - run.moved, run.last - run.moved


def _fills(runs: Sequence[Run]) -> bool:
    """Whether the numbers that entries were written with are those that they have now, in another order."""
    expected = runs[0].first
    for first, last in sorted(map(_written, runs)):
        if first != expected:
            return False
        expected = last + 1
    return expected == runs[-1].last + 1


def _reordered(chain: Chain, group: Sequence[Run]) -> Incident:
    first, last = group[0].first, group[-1].last
    before, after = chain.at(first), chain.at(last + 1)
    for run in group:
        chain.drop(run.first, run.last, _EVERYTHING)
        chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME)
    written = ", ".join(f"{entries(*_now(run))} {_was(run)} written as {_range(*_written(run))}" for run in group[:10])
    swapped = len(group) == 2 and group[0].count == group[1].count
    who = (
        f"{capital(entries(*_now(group[0])))} and {entries(*_now(group[1]))}"
        if swapped
        else capital(entries(first, last))
    )
    return Incident(
        What.REORDERING,
        first,
        last,
        sum(run.count for run in group),
        f"{who} {'changed places' if swapped else 'were put into another order'}: {written}.",
        Certainty.PROVEN,
        because=("With the number that it was written with each of them hashes to its entry_hash.",),
        next_step=NEXT,
        time_before=before.before.timestamp if before and before.before else "",
        time_after=after.entry.timestamp if after else "",
    )


def _was(run: Run) -> str:
    return "was" if run.first == run.last else "were"


def _gone(first: int, last: int) -> str:
    """Return what is proven where numbers are missing among those that entries were written with."""
    written = f"written as {_range(first, last)}"
    return f"The entry {written} was deleted" if first == last else f"At least one of the entries {written} was deleted"


def _range(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _renumbered(chain: Chain, moved: Sequence[Run]) -> Iterator[Incident]:
    shift = 0
    for run in moved:
        place = chain.at(run.first)
        chain.drop(run.first, run.last, _EVERYTHING)
        chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME if run.last != chain.last else Fault.TIME)
        if run.moved != shift:
            yield _shifted(chain, run, shift, place)
        shift = run.moved


def _shifted(chain: Chain, run: Run, shift: int, place: Place | None) -> Incident:
    """Tell what happened before a run that is renumbered in another way than what stands before it."""
    count = abs(run.moved - shift)
    written = f"{capital(entries(*_now(run)))} {_was(run)} written as {_range(*_written(run))}, and renumbered."
    proof = "With the number that it was written with each of them hashes to its entry_hash."
    time_before = place.before.timestamp if place and place.before else ""
    time_after = place.entry.timestamp if place else ""
    if place is None:
        return Incident(
            What.RENUMBERING,
            run.first,
            run.last,
            run.count,
            written,
            Certainty.PROVEN,
            (proof,),
            (),
            NEXT,
            renumbered=True,
        )
    if run.moved > shift:
        first, last = run.first - count, run.first - 1
        chain.drop(first, last, Fault.LINK | Fault.TIME)
        return Incident(
            What.INSERTION,
            first,
            last,
            count,
            f"{capital(entries(first, last, count))} {'was' if count == 1 else 'were'} inserted afterwards. {written}",
            Certainty.PROVEN,
            because=(proof, f"Entry {run.first:,} does not link to the entry that stands before it now."),
            next_step=NEXT,
            time_before=time_before,
            time_after=time_after,
            renumbered=True,
        )
    first, last = _written(run)[0] - count, _written(run)[0] - 1
    at_start = place.before is None
    where = "from the start" if at_start else f"behind entry {run.first - 1:,} of {time_before}"
    return Incident(
        What.PREFIX_DELETION if at_start else What.DELETION,
        first,
        last,
        count,
        f"{_gone(first, last)} {where}. {written}",
        Certainty.PROVEN,
        because=(proof, f"Entry {run.first:,} names the hash of an entry before it that is not there."),
        next_step=NEXT,
        time_before=time_before,
        time_after=time_after,
        renumbered=True,
        in_full=(
            f"{capital(counted(count))}, written as {_range(first, last)}, {'was' if count == 1 else 'were'} deleted "
            f"{where}. {written}"
        ),
    )
