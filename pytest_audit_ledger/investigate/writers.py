"""What several writers leave, or somebody who appends by hand: copies, forks, and times that run backwards. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Fault, Place, Seen
from pytest_audit_ledger.investigate.incident import Advice, Certainty, Incident, IncidentType, counted
from pytest_audit_ledger.investigate.rewritings import Transformation, moment_of
from pytest_audit_ledger.investigate.systematic import Systematic

FORKED_WITHIN = 64
"""Entries between two broken links of one fork."""

MOST_CLOCKS = 5
"""Times that run backwards which are told one by one; more of them are one incident."""


def copies(chain: Chain) -> Iterator[Incident]:
    """Find entries that stand there twice, the same in all that is hashed."""
    for place in list(chain.places):
        entry, before = place.entry, place.before
        if Fault.TWICE not in place.faults or before is None or entry.number is None:
            continue
        if before.number is not None and entry.number < before.number:
            chain.take(place)
            yield Incident(
                IncidentType.REORDERING,
                entry.number,
                entry.number,
                1,
                f"Entry {entry.number:,} stands behind entry {before.number:,}: the entries are out of order.",
                Certainty.PROVEN,
                next_step=(Advice("Export the ledger again, or investigate the database itself."),),
            )
        elif (entry.stored, entry.recomputed) == (before.stored, before.recomputed):
            chain.take(place)
            yield Incident(
                IncidentType.DUPLICATE,
                entry.number,
                entry.number,
                1,
                f"Entry {entry.number:,} stands there twice: one is a copy of the other, in all that is hashed.",
                Certainty.PROVEN,
                because=("Both have the same entry_hash, and both contents hash alike.",),
                next_step=(
                    Advice(
                        "Find out who could insert a second row: the UNIQUE constraint of sequence_number was not "
                        "there. Compare the columns that no hash covers before one of the two is removed."
                    ),
                ),
            )


def forks(chain: Chain) -> Iterator[Incident]:
    """Find where several entries follow the same one, each of which holds together by itself."""
    group: list[Place] = []
    for place in [*filter(_forked, chain.places), None]:
        if group and (place is None or not _same_fork(group, place)):
            chain.take(*group)
            first, last = group[0].leads_to or 0, group[-1].entry.number or 0
            yield _fork(group, sound=not any(run.first <= last and run.last > first for run in chain.runs))
            group = []
        if place is not None:
            group.append(place)


def _forked(place: Place) -> bool:
    return place.leads_to is not None and Fault.HASH not in place.faults and Fault.GAP not in place.faults


def _same_fork(group: Sequence[Place], place: Place) -> bool:
    last, number = group[-1].entry.number or 0, place.entry.number or 0
    return number - last <= FORKED_WITHIN and (place.leads_to or 0) >= (group[0].leads_to or 0)


def _fork(group: Sequence[Place], *, sound: bool) -> Incident:
    parent, end = group[0].leads_to or 0, group[-1].entry.number or 0
    jumps = {place.entry.number: place.leads_to or 0 for place in group}
    number, kept = end, 0
    while number > parent:
        number, kept = min(jumps.get(number, number), number - 1), kept + 1
    aside = end - parent + sum(Fault.TWICE in place.faults for place in group) - kept
    first, second = group[0].before, group[0].entry
    numbered = (
        f"both are numbered {second.number:,}"
        if Fault.TWICE in group[0].faults
        else f"{_number(first)} and {second.number:,}"
    )
    times = (time for place in group[:1] for time in (place.before.timestamp if place.before else "", second.timestamp))
    return Incident(
        IncidentType.FORK,
        min(first.number or end if first else end, end),
        end,
        end - parent + sum(Fault.TWICE in place.faults for place in group),
        f"Two entries follow entry {parent:,}: {numbered}. The ledger was forked there, as two writers leave it that "
        f"append at the same time; the chain goes on from entry {end:,}, and {counted(aside)} "
        f"{'stands' if aside == 1 else 'stand'} aside from it.",
        Certainty.FITS if sound else Certainty.OPEN,
        because=(
            (
                "Every entry of both branches hashes to its entry_hash and links to an entry that is there, "
                "so none of them was changed after it was written."
                if sound
                else "Not every entry of both branches hashes to its entry_hash, so one of them was changed, too."
            ),
            f"The two were written at {' and at '.join(times)}.",
            *((f"Up to entry {end:,} that happened {len(group):,} times.",) if len(group) > 1 else ()),
        ),
        otherwise=(
            (
                "An entry that was put in by hand with a hash of its own, or to replace the other one, leaves the same "
                "trace. The logs of the writers tell which."
            ),
        ),
        next_step=(
            Advice(
                "Ask whether two writers ran at that time. Give the ledger one writer, or a lock around reading the "
                "last entry and appending, and restore the UNIQUE constraint of sequence_number."
            ),
        ),
    )


def _number(seen: Seen | None) -> str:
    return "(none)" if seen is None or seen.number is None else f"{seen.number:,}"


def clocks(chain: Chain) -> Iterator[Incident]:
    """Find times that run backwards although the chain holds, and as the entries were written, too."""
    found = [place for place in chain.places if Fault.TIME in place.faults]
    chain.take(*found)
    back = [place for place in found if not _ran_forwards(place, chain.causes)]
    total = sum(number for faults, number in chain.evidence.faults.items() if faults is Fault.TIME)
    total -= len(found) - len(back)
    if len(back) > MOST_CLOCKS:
        yield _clocks(back, max(total, len(back)))
    else:
        yield from map(_clock, back)


def _ran_forwards(place: Place, causes: Systematic | None) -> bool:
    """Whether a cause that many entries have in common has changed one of the two times, which were in order before."""
    if place.before is None:
        return False
    earlier, later = _moments(place.before, causes), _moments(place.entry, causes)
    return any(one <= other for one in earlier for other in later)


def _moments(seen: Seen, causes: Systematic | None) -> list[datetime]:
    """Return when an entry can have been written: at its time, unless that was changed since."""
    rules = [
        rule
        for one in (causes.explained if causes and seen.own_fault else ())
        if isinstance(one.cause, Transformation)
        for rule in one.cause.rewritings
        if rule.column == "timestamp" and not rule.is_spelling
    ]
    moments = map(moment_of, [rule.original(seen.timestamp) for rule in rules] or [seen.timestamp])
    return [moment for moment in moments if moment is not None and moment.tzinfo is not None]


def _clock(place: Place) -> Incident:
    number, before = place.entry.number or 0, place.before
    earlier = before.timestamp if before else ""
    return Incident(
        IncidentType.CLOCK,
        number,
        number,
        1,
        f"The clock was set back before entry {number:,}: it is {_apart(place)} older than entry "
        f"{before.number if before and before.number else 0:,}.",
        Certainty.FITS,
        because=(
            "The chain holds there, so the entry was written with this time, after the one before it.",
            f"It is of {place.entry.timestamp}, and the one before of {earlier}.",
        ),
        otherwise=_CLOCKS,
        next_step=(Advice("Compare the clocks of the writers and of the server with their logs of that day."),),
    )


_CLOCKS = (
    "Two writers with clocks that differ take turns.",
    "The ledger was rewritten from here on with other times; only a checkpoint or a backup excludes that.",
)


def _clocks(back: Sequence[Place], total: int) -> Incident:
    first, last = back[0].entry, back[-1].entry
    worst = max(back, key=_seconds)
    return Incident(
        IncidentType.CLOCK,
        first.number,
        last.number,
        total,
        f"Time runs backwards at {total:,} entries, by up to {_apart(worst)} (entry {worst.entry.number or 0:,}).",
        Certainty.OPEN,
        because=(
            "The chain holds there, so the entries were written with these times, in this order.",
            f"The first of them is of {first.timestamp}, the last of {last.timestamp}.",
        ),
        otherwise=_CLOCKS,
        next_step=(Advice("Compare the clocks of the writers and of the server with their logs of that day."),),
    )


def _seconds(place: Place) -> float:
    if place.before is None:
        return 0
    earlier, later = map(datetime.fromisoformat, (place.entry.timestamp, place.before.timestamp))
    return (later - earlier).total_seconds()


def _apart(place: Place) -> str:
    seconds = _seconds(place)
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
