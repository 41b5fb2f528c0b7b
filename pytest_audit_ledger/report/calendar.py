"""Make a timeline in steps that suit the length of a period: hours, days, weeks, months, years or more.

Days, weeks and longer steps begin at midnight of the report's time zone, hours at whole hours of UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import islice, pairwise

from pytest_audit_ledger.model.entry import canonical_timestamp

MOST_STEPS = 62
"""Most steps of a timeline: two months of days, or a year of weeks."""

MOST_HOURS = 76
"""Most hours of a timeline: three days, one of which may have 25 hours, and the rest of the first and last hour."""

MOST_CENTURIES = 102
"""The starts of all centuries in the calendar, and its end."""

DAY = timedelta(days=1)

_LAST = datetime.max.replace(tzinfo=timezone.utc, hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class TimeStep:
    """One step of a timeline: when it begins, when the next one begins, and its entries by verdict."""

    begin: datetime
    end: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of entries."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Timeline:
    """The steps of a period, each one `unit` long, including those without entries."""

    unit: str
    steps: tuple[TimeStep, ...]


def timeline(
    moments: Mapping[tuple[str, str], int],
    since: datetime | None,
    before: datetime | None,
    zone: tzinfo = timezone.utc,
    most: int = MOST_STEPS,
) -> Timeline:
    """Return the timeline of entries that were counted by day or hour and verdict (see `Figures.moments`).

    It begins and ends with the period or, if the period is open, with the first or last entry. It has at most `most`
    steps, except of hours and of centuries.
    """
    counted = {(step_begin(moment, zone), verdict): number for (moment, verdict), number in moments.items()}
    if not counted:
        return Timeline("", ())
    first = since or min(moment for moment, _ in counted)
    last = max(moment for moment, _ in counted)
    end = max(before or last, last + timedelta(microseconds=1)) if last < _LAST else _LAST
    hourly = any(len(moment) > len("2026-05-21") for moment, _ in moments)
    unit, starts = next(_scales(_in(zone, first), end, zone, most, hourly=hourly))
    sums: dict[datetime, Counter[str]] = {start: Counter() for start in starts[:-1]}
    for (moment, verdict), number in counted.items():
        index = min(bisect_right(starts, moment), len(sums)) - 1  # the last step ends with the calendar
        sums[starts[max(index, 0)]][verdict] += number
    steps = (TimeStep(begin, after, sums[begin]) for begin, after in pairwise(starts))
    return Timeline(unit, tuple(steps))


def step_begin(moment: str, zone: tzinfo) -> datetime:
    """Return when a counted day of the zone, or hour of UTC, begins."""
    if len(moment) == len("2026-05-21"):
        return datetime.fromisoformat(moment).replace(tzinfo=zone)
    return datetime.fromisoformat(f"{moment}:00").replace(tzinfo=timezone.utc)


def canonical(moment: datetime) -> str:
    """Return a moment of any zone as a canonical timestamp; one beyond the calendar of UTC as the end of that."""
    try:
        return canonical_timestamp(moment.astimezone(timezone.utc))
    except OverflowError:
        edge = datetime.min if moment.year == datetime.min.year else datetime.max
        return canonical_timestamp(edge.replace(tzinfo=timezone.utc))


def _in(zone: tzinfo, moment: datetime) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.replace(tzinfo=zone)


def empty_days(days: Collection[str], begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of whole days from `begin` to `end`, both midnights of one zone, that are not among `days`."""
    start: datetime | None = None
    day = begin
    while day < end:
        if f"{day:%Y-%m-%d}" in days:
            if start:
                yield start, day
            start = None
        else:
            start = start or day
        day += DAY
    if start:
        yield start, end


def _scales(
    first: datetime, end: datetime, zone: tzinfo, most: int, *, hourly: bool
) -> Iterator[tuple[str, list[datetime]]]:
    """Yield the scales with few enough steps for a chart, each with the moments where its steps begin and end."""
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    hour = first.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)
    fixed = {"hour": (hour, timedelta(hours=1))} if hourly else {}
    fixed["day"] = (day, DAY)
    fixed["week"] = (max(day - timedelta(days=day.weekday()), datetime.min.replace(tzinfo=zone)), timedelta(weeks=1))
    for unit, (start, width) in fixed.items():
        number = max(1, -((start - _in(start.tzinfo or zone, end)) // width))
        if (
            number <= (MOST_HOURS if unit == "hour" and most == MOST_STEPS else most)
            and start <= _LAST - number * width
        ):
            yield unit, [start + index * width for index in range(number + 1)]
    for unit, months in (("month", 1), ("quarter", 3), ("year", 12), ("decade", 120), ("century", 1200)):
        limit = most + 1 if unit != "century" else MOST_CENTURIES
        starts = list(islice(_months(day, end, months), limit + 1))
        if len(starts) <= limit:
            yield unit, starts


def _months(first: datetime, end: datetime, width: int) -> Iterator[datetime]:
    """Yield the starts of spans of `width` months, from the span of `first` to the first one after `end`."""
    index = (first.year * 12 + first.month - 1) // width * width
    while True:
        year, month = divmod(max(index, 12), 12)
        if year > datetime.max.year:
            yield datetime.max.replace(tzinfo=first.tzinfo)
            return
        start = datetime(year, month + 1, 1, tzinfo=first.tzinfo)
        yield start
        if start >= end:
            return
        index += width
