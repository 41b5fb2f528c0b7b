"""Renumbered entries: deletions and insertions before them, and entries that changed places.

The hash of an entry covers its written number, so it proves that and by how much it was renumbered. Entries that
exchanged their numbers changed places. The others are laid out as they were written (`written_order.py`); what is
between two that were written one after the other, or is missing there, shows what was done. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import MOST, Fault, Run
from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType, be, capital, counted, entries
from pytest_audit_ledger.investigate.ranges import Range, in_words, joined, overlap, without
from pytest_audit_ledger.investigate.written_order import Line, line_of, now, written
from pytest_audit_ledger.model.ledger_info import Extent

PROOF = "Each renumbered entry hashes to its entry_hash with the number it was written with."

_EVERYTHING = Fault.HASH | Fault.LINK | Fault.TIME


def moves(chain: Chain) -> Iterator[Incident]:
    """Find entries that changed places, then deletions and insertions after which entries were renumbered."""
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
    """Return the smallest groups of runs that exchanged their numbers among themselves."""
    groups: list[list[Run]] = []
    start = 0
    while start < len(runs):
        end = next((end for end in range(start + 2, len(runs) + 1) if _is_closed(runs[start:end])), None)
        if end is not None:
            groups += _pairs(runs[start:end])
        start = end or start + 1
    return groups


def _is_closed(runs: Sequence[Run]) -> bool:
    """Whether the entries have exactly the numbers that they were written with, in another order."""
    if sum(run.count * run.moved for run in runs):
        return False
    return joined(map(now, runs)) == joined(map(written, runs))


def _pairs(group: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield the pairs of a group that changed places, then the rest of it; or all of it if it was reversed."""
    if _is_reversed(group):
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


def _is_reversed(group: Sequence[Run]) -> bool:
    ends = group[0].first + group[-1].last
    whole = group[-1].last - group[0].first + 1
    return len(group) > 2 and len(group) >= whole - 1 and all(sum(now(r)) + sum(written(r)) == 2 * ends for r in group)


def _reordered(chain: Chain, group: Sequence[Run]) -> Incident:
    first, last = group[0].first, group[-1].last
    before, after = chain.at(first), chain.at(last + 1)
    for run in group:
        _explain(chain, run)
    each = ", ".join(map(_written_as, group[:10]))
    if _is_reversed(group):
        sentence = f"{capital(entries(first, last))} were reversed: entry {first:,} was written as {last:,}, and so on."
    elif len(group) == 2 and group[0].count == group[1].count:
        sentence = f"{capital(entries(*now(group[0])))} and {entries(*now(group[1]))} changed places: {each}."
    else:
        sentence = f"{capital(entries(first, last))} were reordered: {each}."
    times = before.time_before if before else "", after.entry.timestamp if after else ""
    count = sum(run.count for run in group)
    found = Incident(IncidentType.REORDERING, first, last, count, sentence, Certainty.PROVEN, because=(PROOF,))
    return replace(found, time_before=times[0], time_after=times[1])


def _explain(chain: Chain, run: Run) -> None:
    """Take out the faults that a renumbered run explains: its own, and those of the entry after it."""
    chain.drop(run.first, run.last, _EVERYTHING)
    chain.drop(run.last + 1, run.last + 1, Fault.LINK | Fault.TIME if run.last != chain.last else Fault.TIME)


def _written_as(run: Run) -> str:
    return f"{entries(*now(run))} {be(run.last - run.first + 1)} written as {in_words(*written(run))}"


# entries that kept their order, and what was done between them


def _renumbered(chain: Chain, moved: Sequence[Run]) -> Iterator[Incident]:
    """Find what was done before renumbered entries, and entries that were moved elsewhere."""
    line = line_of(chain, moved) if _is_complete(chain) else None
    found: list[Incident] = []
    named: list[Run] = []
    if line is not None:
        for before, run in zip([None, *line.kept], line.kept, strict=False):
            done = list(_done_between(chain, line, before, run))
            found += done
            named += [run] if done else []
        found += _moved_elsewhere(line)
        named += line.moved
    for run in moved:
        _explain(chain, run)
        chain.clear(run.first, Fault.GAP)
    yield from found
    yield from (_only_renumbered(run) for run in moved if not any(overlap(now(run), now(one)) for one in named))


def _is_complete(chain: Chain) -> bool:
    """Whether all faults were kept, and no filter left entries out."""
    evidence = chain.evidence
    return evidence.ledger.extent is Extent.WHOLE and not chain.unkept and len(evidence.places) < MOST


def _done_between(chain: Chain, line: Line, before: Run | None, run: Run) -> Iterator[Incident]:
    """Find what was done between two runs that are next to each other on the line."""
    if line.is_linked(before, run) and line.is_next(before, run):
        return
    low, high = (before.last + 1 if before else 1), run.first - 1
    shift = before.moved if before else 0
    misfits = [one for one in chain.runs if low <= one.first and one.last <= high]
    lost = line.lost(before, run)
    if shift == run.moved:  # then entries with a wrong hash are where they were written
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
    """Return an insertion; it is sure if the entry after it links to the one before it, so that none was between."""
    count, place = last - first + 1, line.places.get(run.first)
    sentence = f"{capital(entries(first, last, count))} {be(count)} inserted later.{_and_renumbered(run)}"
    links = "links to the entry before" if sure else "does not link to"
    because = (
        PROOF if run.moved else f"Entry {run.first:,} hashes to its entry_hash.",
        f"Entry {run.first:,} {links} {be(count, 'the inserted one', 'the inserted ones')}.",
        "The hashes of the entries before and after prove that these were written with consecutive numbers.",
    )
    otherwise = () if sure else ("The entry before was replaced, together with its entry_hash.",)
    certainty = Certainty.PROVEN if sure else Certainty.FITS
    found = Incident(IncidentType.INSERTION, first, last, count, sentence, certainty, because, otherwise)
    return replace(found, time_after=place.entry.timestamp if place else "", renumbered=bool(run.moved))


def _more_than_written(first: int, last: int, count: int, certainty: Certainty) -> Incident:
    sentence = (
        f"{capital(entries(first, last))}: more entries are here than were written; {counted(count)} "
        f"{be(count, 'does', 'do')} not belong here as {be(count, 'it is', 'they are')}."
    )
    because = ("The hashes of the entries around prove the numbers that these were written with.",)
    otherwise = ("Some of them were changed and the others inserted; no hash shows which.",)
    return Incident(IncidentType.INSERTION, first, last, count, sentence, certainty, because, otherwise)


def _deleted(line: Line, before: Run | None, run: Run, lost: Sequence[Range], *, sure: bool) -> Incident:
    (first, *_), (*_, last) = lost[0], lost[-1]
    count, place = sum(high - low + 1 for low, high in lost), line.places.get(run.first)
    earlier = place.before if place else None
    where = f"after entry {before.last:,}" if before else "from the start"
    named = ", ".join(in_words(*one) for one in lost[:10])
    gone = f"The entry written as {named}" if count == 1 else f"At least one of the entries written as {named}"
    return Incident(
        IncidentType.DELETION if before else IncidentType.PREFIX_DELETION,
        first,
        last,
        count,
        f"{gone} was deleted {where}.{_and_renumbered(run)}",
        Certainty.PROVEN if sure else Certainty.FITS,
        because=(
            PROOF,
            f"Entry {run.first:,} links to an earlier entry that is missing."
            if sure
            else "More numbers are missing than there are entries here with a wrong hash.",
        ),
        otherwise=() if sure else ("The missing numbers were never given to an entry.",),
        time_before=earlier.timestamp if before and earlier and earlier.number == before.last else "",
        time_after=place.entry.timestamp if place else "",
        renumbered=bool(run.moved),
        in_full=f"{capital(counted(count))}, written as {named}, {be(count)} deleted {where}.{_and_renumbered(run)}",
    )


def _and_renumbered(run: Run) -> str:
    return f" {capital(_written_as(run))} and later renumbered." if run.moved else ""


def _moved_elsewhere(line: Line) -> Iterator[Incident]:
    moved, count = line.moved, sum(run.count for run in line.moved)
    if not moved:
        return
    others = "; the entries in between were renumbered" if line.is_renumbered else ""
    sentence = f"{capital(', '.join(map(_written_as, moved[:10])))} and later moved{others}."
    first, last = moved[0].first, moved[-1].last
    found = Incident(IncidentType.REORDERING, first, last, count, sentence, Certainty.PROVEN, because=(PROOF,))
    yield replace(found, renumbered=line.is_renumbered, elsewhere=tuple(map(written, moved)))


def _only_renumbered(run: Run) -> Incident:
    sentence = f"{capital(_written_as(run))} and later renumbered."
    return Incident(
        IncidentType.RENUMBERING, *now(run), run.count, sentence, Certainty.PROVEN, because=(PROOF,), renumbered=True
    )
