"""What entries show that were renumbered: deletions and insertions before them, and entries that changed places.

That an entry was renumbered, and by how much, is proven by its hash, which covers the number it was written with. Those
that exchanged their numbers among themselves changed places; the others are laid out along a line (`line.py`), and what
stands between two that follow each other there, or is missing, is what was done. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import MOST, Fault, Run
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    PRESERVE,
    Certainty,
    Incident,
    IncidentType,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.line import Line, joined, line_of, now, overlap, without, written
from pytest_audit_ledger.model.ledger_info import Extent

NEXT = (PRESERVE, COMPARE)

PROOF = "With the number that it was written with each of them hashes to its entry_hash."

_EVERYTHING = Fault.HASH | Fault.LINK | Fault.TIME


def moves(chain: Chain) -> Iterator[Incident]:
    """Find entries that changed places, then deletions and insertions behind which the entries were renumbered."""
    moved = [run for run in chain.runs if run.moved]
    chain.runs = [run for run in chain.runs if not run.moved]
    chain.moved = list(moved)
    for group in _permuted(moved):
        moved = [run for run in moved if run not in group]
        yield _reordered(chain, group)
    if moved:
        yield from _renumbered(chain, moved)


# entries that exchanged their numbers among themselves


def _permuted(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the groups of runs that exchanged their numbers among themselves, each as small as it can be told."""
    groups: list[list[Run]] = []
    start = 0
    while start < len(runs):
        end = next((end for end in range(start + 2, len(runs) + 1) if _is_closed(runs[start:end])), None)
        if end is not None:
            groups += _pairs(runs[start:end])
        start = end or start + 1
    return groups


def _is_closed(runs: Sequence[Run]) -> bool:
    """Whether the numbers that entries were written with are those that they have now, in another order."""
    if sum(run.count * run.moved for run in runs):
        return False
    return joined(map(now, runs)) == joined(map(written, runs))


def _pairs(group: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield the pairs of a group that just changed places, and the rest of it; one that was turned round as a whole."""
    if _is_turned(group):
        yield list(group)
        return
    by_place = {now(run): run for run in group}
    left = list(group)
    for run in group:
        other = by_place.get(written(run))
        if other is not None and run.first < other.first and written(other) == now(run):
            yield [run, other]
            left = [one for one in left if one not in (run, other)]
    if left:
        yield left


def _is_turned(group: Sequence[Run]) -> bool:
    ends = group[0].first + group[-1].last
    whole = group[-1].last - group[0].first + 1
    return len(group) > 2 and len(group) >= whole - 1 and all(sum(now(r)) + sum(written(r)) == 2 * ends for r in group)


def _reordered(chain: Chain, group: Sequence[Run]) -> Incident:
    first, last = group[0].first, group[-1].last
    before, after = chain.at(first), chain.at(last + 1)
    for run in group:
        _explain(chain, run)
    each = ", ".join(map(_written_as, group[:10]))
    if _is_turned(group):
        told = f"{capital(entries(first, last))} were turned round: the first was written as {last:,}, and so on"
    elif len(group) == 2 and group[0].count == group[1].count:
        told = f"{capital(entries(*now(group[0])))} and {entries(*now(group[1]))} changed places: {each}"
    else:
        told = f"{capital(entries(first, last))} were put into another order: {each}"
    return Incident(
        IncidentType.REORDERING,
        first,
        last,
        sum(run.count for run in group),
        f"{told}.",
        Certainty.PROVEN,
        because=(PROOF,),
        next_step=NEXT,
        time_before=before.before.timestamp if before and before.before else "",
        time_after=after.entry.timestamp if after else "",
    )


def _explain(chain: Chain, run: Run) -> None:
    """Take away what a run that was renumbered explains: that it does not fit, nor what stands behind it."""
    chain.drop(run.first, run.last, _EVERYTHING)
    chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME if run.last != chain.last else Fault.TIME)


def _written_as(run: Run) -> str:
    return f"{entries(*now(run))} {_was(run)} written as {_range(*written(run))}"


def _was(run: Run) -> str:
    return "was" if run.first == run.last else "were"


def _range(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


# entries that kept their order, and what was done between them


def _renumbered(chain: Chain, moved: Sequence[Run]) -> Iterator[Incident]:
    """Tell what was done before entries that were renumbered, and of those that were moved elsewhere."""
    line = line_of(chain, moved) if _is_complete(chain) else None
    told: list[Incident] = []
    named: list[Run] = []
    if line is not None:
        for before, run in zip([None, *line.kept], line.kept, strict=False):
            done = list(_done_between(chain, line, before, run))
            told += done
            named += [run] if done else []
        told += _moved_elsewhere(line)
        named += line.moved
    for run in moved:
        _explain(chain, run)
        chain.clear(run.first, Fault.GAP)
    yield from told
    yield from (_only_renumbered(run) for run in moved if not any(overlap(now(run), now(one)) for one in named))


def _is_complete(chain: Chain) -> bool:
    """Whether everything that does not fit is known, and no entry was left out on purpose."""
    evidence = chain.evidence
    return evidence.ledger.extent is Extent.WHOLE and not chain.unkept and len(evidence.places) < MOST


def _done_between(chain: Chain, line: Line, before: Run | None, run: Run) -> Iterator[Incident]:
    """Tell what was done between two runs that follow each other on the line."""
    if line.is_linked(before, run) and line.is_next(before, run):
        return
    low, high = (before.last + 1 if before else 1), run.first - 1
    shift = before.moved if before else 0
    misfits = [one for one in chain.runs if low <= one.first and one.last <= high]
    lost = line.lost(before, run)
    if shift == run.moved:  # then what does not fit stands where it was written
        lost = without(lost, [(one.first - shift, one.last - shift) for one in misfits])
        misfits = [one for one in misfits if line.holds(one.first - shift)]
    missing = sum(last - first + 1 for first, last in lost)
    strays = [one for one in line.strays if low <= one.first and one.last <= high]
    count = sum(one.count for one in misfits)
    put_in = [*strays, *(misfits if count > missing else ())]
    exchanged = (one for one in chain.moved if not any(one is other for other in line.renumbered))
    apart = not any(low <= one.last and one.first <= high for one in exchanged)
    still = not any(one.moved for one in put_in)
    if put_in and apart and still and not missing and line.follows(before, run):
        chain.runs = [one for one in chain.runs if one not in misfits]
        for first, last in joined(map(now, put_in)):
            chain.drop(first, last, _EVERYTHING | Fault.GAP)
            if line.is_linked_into(first, last) or line.is_contested(strays, run):
                yield _more_than_written(first, last, last - first + 1, Certainty.OPEN)
            else:
                yield _inserted(line, run, first, last, sure=line.is_linked(before, run))
        chain.drop(run.first, run.first, _EVERYTHING | Fault.GAP)
    elif put_in:
        chain.runs = [one for one in chain.runs if one not in put_in]
        first, last = min(map(now, put_in))[0], max(map(now, put_in))[1]
        chain.drop(first, last, _EVERYTHING | Fault.GAP)
        yield _more_than_written(first, last, sum(one.count for one in put_in), Certainty.FITS)
    if missing <= count:
        chain.clear(run.first, Fault.GAP if line.follows(before, run) else Fault.GAP | Fault.LINK)
    elif line.is_linked(before, run):
        return
    elif run.moved or (before and before.moved) or not line.is_whole_gap(before, run, lost):
        chain.clear(run.first, Fault.GAP | Fault.LINK | Fault.TIME)
        yield _deleted(line, before, run, lost, sure=not count and line.lacks_link(run, lost))


def _inserted(line: Line, run: Run, first: int, last: int, *, sure: bool) -> Incident:
    """Tell of entries between two of which the later links to the earlier, if `sure`, so that none stood there."""
    count, place = last - first + 1, line.places.get(run.first)
    were = f"{capital(entries(first, last, count))} {'was' if count == 1 else 'were'}"
    return Incident(
        IncidentType.INSERTION,
        first,
        last,
        count,
        f"{were} inserted afterwards.{_and_renumbered(run)}",
        Certainty.PROVEN if sure else Certainty.FITS,
        because=(
            PROOF if run.moved else f"Entry {run.first:,} hashes to its entry_hash.",
            f"Entry {run.first:,} {'links to the entry before them' if sure else 'does not link to them'}.",
            "The entries before and behind were written with numbers that follow each other, which their hashes cover.",
        ),
        otherwise=() if sure else ("The entry before them was replaced, together with its entry_hash.",),
        next_step=NEXT,
        time_after=place.entry.timestamp if place else "",
        renumbered=bool(run.moved),
    )


def _more_than_written(first: int, last: int, count: int, certainty: Certainty) -> Incident:
    return Incident(
        IncidentType.INSERTION,
        first,
        last,
        count,
        f"More entries stand at {first:,} to {last:,} than were written there: {counted(count)} "
        f"{'does' if count == 1 else 'do'} not belong there as {'it stands' if count == 1 else 'they stand'}.",
        certainty,
        because=("The hashes of the entries around prove the numbers that these were written with.",),
        otherwise=("Some of them were changed, and the others put in; no hash tells which.",),
        next_step=NEXT,
    )


def _deleted(line: Line, before: Run | None, run: Run, lost: Sequence[tuple[int, int]], *, sure: bool) -> Incident:
    (first, *_), (*_, last) = lost[0], lost[-1]
    count, place = sum(high - low + 1 for low, high in lost), line.places.get(run.first)
    time_before = place.before.timestamp if place and place.before else ""
    follows = (
        before is not None and place is not None and place.before is not None and place.before.number == before.last
    )
    time_before = time_before if follows else ""
    where = "from the start"
    if before is not None:
        where = f"behind entry {before.last:,}{f' of {time_before}' if time_before else ''}"
    named = ", ".join(_range(*one) for one in lost[:10])
    gone = (
        f"The entry written as {named} was deleted"
        if count == 1
        else f"At least one of the entries written as {named} was deleted"
    )
    return Incident(
        IncidentType.PREFIX_DELETION if before is None else IncidentType.DELETION,
        first,
        last,
        count,
        f"{gone} {where}.{_and_renumbered(run)}",
        Certainty.PROVEN if sure else Certainty.FITS,
        because=(PROOF, f"Entry {run.first:,} names the hash of an entry before it that is not there.")
        if sure
        else (PROOF, "More numbers are missing than entries stand there whose hashes do not fit."),
        otherwise=() if sure else ("The numbers that are missing were never given to an entry.",),
        next_step=NEXT,
        time_before=time_before,
        time_after=place.entry.timestamp if place else "",
        renumbered=bool(run.moved),
        in_full=(
            f"{capital(counted(count))}, written as {named}, {'was' if count == 1 else 'were'} deleted "
            f"{where}.{_and_renumbered(run)}"
        ),
    )


def _and_renumbered(run: Run) -> str:
    return f" {capital(_written_as(run))}, and renumbered." if run.moved else ""


def _moved_elsewhere(line: Line) -> Iterator[Incident]:
    """Tell of the entries that stood elsewhere."""
    moved = line.moved
    if not moved:
        return
    first, last, count = moved[0].first, moved[-1].last, sum(run.count for run in moved)
    yield Incident(
        IncidentType.REORDERING,
        first,
        last,
        count,
        f"{capital(', '.join(map(_written_as, moved[:10])))}, and moved"
        f"{'; what stood between was renumbered' if line.is_renumbered else ''}.",
        Certainty.PROVEN,
        because=(PROOF,),
        next_step=NEXT,
        renumbered=line.is_renumbered,
        elsewhere=tuple(map(written, moved)),
    )


def _only_renumbered(run: Run) -> Incident:
    return Incident(
        IncidentType.RENUMBERING,
        run.first,
        run.last,
        run.count,
        f"{capital(_written_as(run))}, and renumbered.",
        Certainty.PROVEN,
        because=(PROOF,),
        next_step=NEXT,
        renumbered=True,
    )
