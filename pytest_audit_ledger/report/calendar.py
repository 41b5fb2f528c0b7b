"""Make a timeline in steps that suit the length of a period: hours, days, weeks, months, years or more."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise

MOST_STEPS = 62
"""Most steps of a timeline: two months of days, or a year of weeks."""


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


def timeline(moments: Mapping[tuple[str, str], int], since: datetime | None, before: datetime | None) -> Timeline:
    """Return the timeline of entries that were counted by day or hour and verdict (see `Figures.moments`).

    It begins and ends with the period or, if the period is open, with the first or last entry.
    """
    counted = {(_begin(moment), verdict): number for (moment, verdict), number in moments.items()}
    if not counted:
        return Timeline("", ())
    first = since or min(moment for moment, _ in counted)
    last = max(moment for moment, _ in counted)
    end = max(before or last, last + timedelta(microseconds=1)) if last < _LAST else _LAST
    hourly = any(len(moment) > len("2026-05-21") for moment, _ in moments)
    unit, starts = next(_scales(first, end, hourly=hourly))
    sums: dict[datetime, Counter[str]] = {start: Counter() for start in starts[:-1]}
    for (moment, verdict), number in counted.items():
        index = min(bisect_right(starts, moment), len(sums)) - 1  # the last step ends with the calendar
        sums[starts[index]][verdict] += number
    steps = (TimeStep(begin, after, sums[begin]) for begin, after in pairwise(starts))
    return Timeline(unit, tuple(steps))


_LAST = datetime.max.replace(tzinfo=timezone.utc, hour=0, minute=0, second=0, microsecond=0)


def _begin(moment: str) -> datetime:
    return datetime.fromisoformat(moment if len(moment) == len("2026-05-21") else f"{moment}:00").replace(
        tzinfo=timezone.utc
    )


def _scales(first: datetime, end: datetime, *, hourly: bool) -> Iterator[tuple[str, list[datetime]]]:
    """Yield the scales with few enough steps for a chart, each with the moments where its steps begin and end."""
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    fixed = {"hour": (first.replace(minute=0, second=0, microsecond=0), timedelta(hours=1))} if hourly else {}
    fixed["day"] = (day, timedelta(days=1))
    fixed["week"] = (max(day - timedelta(days=day.weekday()), _FIRST), timedelta(weeks=1))
    for unit, (start, width) in fixed.items():
        number = max(1, -((start - end) // width))
        if number <= (MOST_HOURS if unit == "hour" else MOST_STEPS) and start <= _LAST - number * width:
            yield unit, [start + index * width for index in range(number + 1)]
    for unit, months in (("month", 1), ("quarter", 3), ("year", 12), ("decade", 120), ("century", 1200)):
        most = MOST_STEPS + 1 if unit != "century" else MOST_CENTURIES
        starts = list(islice(_months(day, end, months), most + 1))
        if len(starts) <= most:
            yield unit, starts


MOST_HOURS = 72
"""Most hours of a timeline: three days."""

MOST_CENTURIES = 102
"""The starts of all centuries in the calendar, and its end."""

_FIRST = datetime.min.replace(tzinfo=timezone.utc)


def _months(first: datetime, end: datetime, width: int) -> Iterator[datetime]:
    """Yield the starts of spans of `width` months, from the span of `first` to the first one after `end`."""
    index = (first.year * 12 + first.month - 1) // width * width
    while True:
        year, month = divmod(max(index, 12), 12)
        if year > datetime.max.year:
            yield datetime.max.replace(tzinfo=timezone.utc)
            return
        start = datetime(year, month + 1, 1, tzinfo=timezone.utc)
        yield start
        if start >= end:
            return
        index += width
