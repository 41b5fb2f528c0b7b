"""What several writers, or somebody who appends by hand, leave: duplicates, forks, and times that run backwards.

No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Fault, Place, Seen
from pytest_audit_ledger.investigate.incident import (
    COMPARE_CLOCKS,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    be,
    counted,
    moment,
)
from pytest_audit_ledger.investigate.rewritings import Transformation, moment_of
from pytest_audit_ledger.investigate.systematic import Systematic

FORKED_WITHIN = 64
"""Entries between two broken links of one fork."""

MOST_CLOCKS = 5
"""Times that run backwards which are separate incidents; more of them are one incident."""


def copies(chain: Chain) -> Iterator[Incident]:
    """Find entries that exist twice with the same hashed columns, and rows that are out of order."""
    for place in list(chain.places):
        entry, before, number = place.entry, place.before, place.entry.number
        if Fault.TWICE not in place.faults or before is None or number is None:
            continue
        if before.number is not None and number < before.number:
            what = IncidentType.REORDERING
            sentence = f"Entry {number:,} comes after entry {before.number:,}: the entries are out of order."
            because, advice = "", "Export the ledger again, or investigate the database itself."
        elif (entry.stored, entry.recomputed) == (before.stored, before.recomputed):
            what = IncidentType.DUPLICATE
            sentence = f"Entry {number:,} exists twice; all hashed columns are the same."
            because = "Both have the same entry_hash, and the contents of both have the same hash."
            advice = (
                "Find out who could insert a second row: sequence_number had no UNIQUE constraint. Compare the columns "
                "that no hash covers before you remove one of the two."
            )
        else:
            continue
        chain.take(place)
        yield Incident(
            what, number, number, 1, sentence, Certainty.PROVEN, tuple(filter(None, [because])), (), (Advice(advice),)
        )


def forks(chain: Chain) -> Iterator[Incident]:
    """Find where several entries link to the same one, each of which matches its own hash."""
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
    first, second = group[0].before, group[0].entry
    twice = sum(Fault.TWICE in place.faults for place in group)
    aside = end - parent + twice - kept
    both = (
        f"both have number {second.number:,}"
        if Fault.TWICE in group[0].faults
        else f"{_number(first)} and {second.number:,}"
    )
    sentence = (
        f"Two entries follow entry {parent:,}: {both}. The ledger forked there, as it does when two writers append at "
        f"the same time. The chain goes on from entry {end:,}; {counted(aside)} {be(aside, 'is', 'are')} aside."
    )
    because = (
        "Every entry of both branches matches its own hash and links to an entry that exists, so none of them was "
        "changed after it was written."
        if sound
        else "Not every entry of both branches matches its own hash, so one of them was changed as well.",
        f"The two have the times {moment(group[0].time_before)} and {moment(second.timestamp)}.",
        *((f"This happened {len(group):,} times up to entry {end:,}.",) if len(group) > 1 else ()),
    )
    start = min(first.number or end if first else end, end)
    certainty = Certainty.FITS if sound else Certainty.OPEN
    return Incident(
        IncidentType.FORK, start, end, end - parent + twice, sentence, certainty, because, _BY_HAND, _ONE_WRITER
    )


_BY_HAND = (
    "An entry inserted by hand with a hash of its own leaves the same trace; the logs of the writers show which it is.",
)
_ONE_WRITER = (
    Advice(
        "Find out whether two writers ran at that time. Give the ledger one writer, or a lock around reading the last "
        "entry and appending, and restore the UNIQUE constraint on sequence_number."
    ),
    Advice(
        "No entry links to a branch that ended, so whoever can delete entries can remove it without a trace. Sign a "
        "checkpoint, or keep an export, while it is there."
    ),
)


def _number(seen: Seen | None) -> str:
    return "(none)" if seen is None or seen.number is None else f"{seen.number:,}"


def clocks(chain: Chain) -> Iterator[Incident]:
    """Find times that run backwards although the chain is intact, and that did so when the entries were written."""
    found = [place for place in chain.places if Fault.TIME in place.faults]
    chain.take(*found)
    back = [place for place in found if not _ran_forwards(place, chain.causes)]
    total = sum(number for faults, number in chain.evidence.faults.items() if faults is Fault.TIME)
    total -= len(found) - len(back)
    yield from map(_clock, back) if len(back) <= MOST_CLOCKS else [_clocks(back, max(total, len(back)))]


def _ran_forwards(place: Place, causes: Systematic | None) -> bool:
    """Whether a common cause changed one of the two times, which were in order before."""
    if place.before is None:
        return False
    earlier, later = _moments(place.before, causes), _moments(place.entry, causes)
    return any(one <= other for one in earlier for other in later)


def _moments(seen: Seen, causes: Systematic | None) -> list[datetime]:
    """Return when an entry can have been written: at its time, unless a common cause changed that."""
    rules = [
        rule
        for one in (causes.explained if causes and seen.own_fault else ())
        if isinstance(one.cause, Transformation)
        for rule in one.cause.rewritings
        if rule.column == "timestamp"
    ]
    moments = map(moment_of, [rule.original(seen.timestamp) for rule in rules] or [seen.timestamp])
    return [moment for moment in moments if moment is not None and moment.tzinfo is not None]


def _clock(place: Place) -> Incident:
    number, before = place.entry.number or 0, place.before
    earlier = before.number if before and before.number else 0
    sentence = f"Entry {number:,} is {_apart(place)} older than entry {earlier:,}: a clock was set back between them."
    because = (
        f"The chain is intact there, so entry {number:,} was written with this time, after entry {earlier:,}.",
        f"It is dated {moment(place.entry.timestamp)}, and entry {earlier:,} {moment(place.time_before)}.",
    )
    what, certainty = IncidentType.CLOCK, Certainty.FITS
    return Incident(what, number, number, 1, sentence, certainty, because, _CLOCKS, (COMPARE_CLOCKS,))


_CLOCKS = (
    "Two writers whose clocks differ take turns.",
    "The ledger was rewritten from here on with other times; only a checkpoint or a backup excludes that.",
)


def _clocks(back: Sequence[Place], total: int) -> Incident:
    first, last = back[0].entry, back[-1].entry
    worst = max(back, key=_seconds)
    sentence = (
        f"Time runs backwards at {total:,} entries, by up to {_apart(worst)} (entry {worst.entry.number or 0:,})."
    )
    because = (
        "The chain is intact there, so the entries were written with these times, in this order.",
        f"The first of them is dated {moment(first.timestamp)}, the last {moment(last.timestamp)}.",
    )
    what, certainty = IncidentType.CLOCK, Certainty.OPEN
    return Incident(what, first.number, last.number, total, sentence, certainty, because, _CLOCKS, (COMPARE_CLOCKS,))


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
