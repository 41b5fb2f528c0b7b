"""Compute the geometry of a report's charts, which the templates draw. Each chart has a table with the same numbers.

Lengths across are in percent of the plot and lengths down in pixels, so that charts are fluid and texts keep their
size. All axes begin at zero, and end 8% above the highest value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from pytest_audit_ledger.report.answers import step_name
from pytest_audit_ledger.report.words import Dates, days, percent

COLOURS: Mapping[str, str] = {
    "clear": "#71859a",
    "flag": "#b3261e",
    "unmapped": "#bd8010",
    "stale": "#76540f",
    "disc": "#7a5fb5",
    "other": "#4c5663",
}
"""Colours that also differ in lightness, for readers that take the style away."""

_OF_SKI = {
    "CLEAR": "clear",
    "FLAG": "flag",
    "NULL_UNMAPPED": "unmapped",
    "NULL_STALE": "stale",
    "DISCRETIONARY": "disc",
}
_PLAIN = ("clear", "unmapped", "stale", "disc")

MOST_LABELS = 14
"""Most labels of an axis of time; every second one is left out on telephones."""


def shades(names: Sequence[str], violations: Sequence[str]) -> dict[str, str]:
    """Return the key in `COLOURS` for each verdict that a ledger knows."""
    if set(names) <= _OF_SKI.keys():
        return {name: _OF_SKI[name] for name in names}
    plain = [name for name in names if name not in violations]
    found = {name: _PLAIN[index % len(_PLAIN)] for index, name in enumerate(plain)}
    return {name: found.get(name, "flag") for name in names}


@dataclass(frozen=True)
class Bar:
    """A rectangle of a chart; `shade` chooses its colour, `part` hatches it, `title` is its number."""

    x: float
    width: float
    y: float
    height: float
    shade: str
    title: str = ""
    part: bool = False


@dataclass(frozen=True)
class Point:
    """A value of a line; a `part` of a step is hollow, and no line leads to it."""

    x: float
    y: float
    title: str = ""
    part: bool = False


@dataclass(frozen=True)
class Label:
    """A text below the axis of time; an `odd` one vanishes on telephones."""

    x: float
    text: str
    odd: bool = False


@dataclass(frozen=True)
class Axis:
    """What stands below the last panel: labels in the middle of steps, ticks, and names where a longer unit begins."""

    labels: Sequence[Label]
    ticks: Sequence[float]
    names: Sequence[Label]


@dataclass(frozen=True)
class Panel:
    """One of several charts on the same axis of time."""

    id: str
    title: str
    height: int
    base: float
    grid: Sequence[tuple[float, str]]
    bars: Sequence[Bar] = ()
    marks: Sequence[Bar] = ()
    segments: Sequence[tuple[Point, Point]] = ()
    dots: Sequence[Point] = ()
    line: str = ""
    mean: tuple[float, str] | None = None
    before: tuple[float, str] | None = None
    axis: Axis | None = None


def shares(rows: Sequence[Mapping[str, Any]], key: str, shade: Mapping[str, str]) -> list[Bar]:
    """Return one bar of a hundred percent, divided by verdict; `key` is that of the shares."""
    bars, x = [], 0.0
    for row in rows:
        width = 100 * (row[key] or 0)
        if width:
            bars.append(Bar(round(x, 2), round(max(width - 0.15, 0.1), 2), 0, 22, shade.get(row["verdict"], "other")))
        x += width
    return bars


def panels(timeline: Mapping[str, Any], about: Timed, dates: Dates) -> list[Panel]:
    """Return the panels of a timeline: entries, the rate of violations, and of undecided entries if there are any."""
    steps, unit = timeline["steps"], timeline["unit"]
    if not steps:
        return []
    found = [_entries_panel(steps, unit, dates)]
    found += [_rate_panel(steps, unit, dates, rate) for rate in about.rates if _any(steps, rate.names)]
    last = found[-1]
    axis = _axis(steps, unit, dates)
    return [*found[:-1], Panel(**{**vars(last), "axis": axis, "height": last.height + 34})]


@dataclass(frozen=True)
class Rate:
    """A share to draw over time: of which verdicts, its mean in this period, and in the one before if there is one."""

    id: str
    title: str
    names: Sequence[str]
    line: str
    mean: float
    before: float | None


@dataclass(frozen=True)
class Timed:
    """The rates that a timeline shows below the entries."""

    rates: Sequence[Rate]


def _any(steps: Sequence[Mapping[str, Any]], names: Sequence[str]) -> bool:
    return any(step["counts"].get(name) for step in steps for name in names)


def _title(step: Mapping[str, Any], unit: str, dates: Dates, value: str) -> str:
    part = f" (only {dates.span(step['partial']['begin'], step['partial']['end'])})" if step["partial"] else ""
    return f"{step_name(step['begin'], unit, dates)}{part}: {value}"


def _entries_panel(steps: Sequence[Mapping[str, Any]], unit: str, dates: Dates) -> Panel:
    height, base = 150, 146.0
    scale = _scale(max(step["total"] for step in steps), base, whole=True)
    column = 100 / len(steps)
    bars, marks = [], []
    for index, step in enumerate(steps):
        x, width = round((index + 0.1) * column, 2), round(0.8 * column, 2)
        if step["total"]:
            y = scale.y(step["total"])
            title = _title(step, unit, dates, f"{step['total']:,}")
            bars.append(Bar(x, width, y, round(base - y, 2), "clear", title, bool(step["partial"])))
        if step["has_gap"]:
            marks.append(Bar(x, width, base + 1, 3, "ink"))
    return Panel("entries", f"Entries by {unit}", height, base, scale.grid(lambda v: f"{v:,.0f}"), bars, marks)


def _rate_panel(steps: Sequence[Mapping[str, Any]], unit: str, dates: Dates, rate: Rate) -> Panel:
    height, base = 108, 104.0
    values = [sum(step["counts"].get(name, 0) for name in rate.names) / (step["total"] or 1) for step in steps]
    scale = _scale(max([*values, rate.mean, rate.before or 0]), base)
    points = [
        Point(
            round((index + 0.5) * 100 / len(steps), 2), scale.y(value), _title(step, unit, dates, percent(value)), part
        )
        if step["total"]
        else None
        for index, (step, value) in enumerate(zip(steps, values, strict=True))
        for part in [bool(step["partial"])]
    ]
    whole = [point if point and not point.part else None for point in points]
    segments = [(one, two) for one, two in pairwise(whole) if one and two]
    joined = {id(point) for segment in segments for point in segment}
    dots = [point for point in points if point and (point.part or id(point) not in joined)]
    before = (scale.y(rate.before), percent(rate.before)) if rate.before is not None else None
    grid = scale.grid(lambda value: f"{100 * value:g}%")
    mean = (scale.y(rate.mean), percent(rate.mean))
    return Panel(rate.id, rate.title, height, base, grid, (), (), segments, dots, rate.line, mean, before)


@dataclass(frozen=True)
class _Scale:
    top: float
    base: float
    step: float

    def y(self, value: float) -> float:
        return round(self.base * (1 - value / self.top), 2)

    def grid(self, text: Callable[[float], str]) -> list[tuple[float, str]]:
        return [
            (self.y(index * self.step), text(index * self.step)) for index in range(floor(self.top / self.step) + 1)
        ]


def _scale(highest: float, base: float, *, whole: bool = False) -> _Scale:
    """Return a scale from zero with at most four steps of 1, 2, 2.5 or 5 times a power of ten."""
    top = (highest or 1) * 1.08
    power = 10.0 ** floor(log10(top / 4))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power * 4 >= top)
    if whole and step != int(step):
        step = ceil(step)
    return _Scale(top, base, step)


_LONGER = {"hour": "day", "day": "month", "month": "year", "quarter": "year"}


_LAST_NAME = 88
"""Where the last name can begin, in percent, to end within the chart."""


def _axis(steps: Sequence[Mapping[str, Any]], unit: str, dates: Dates) -> Axis:
    moments = [moment for step in steps if (moment := dates.local(step["begin"]))]
    if unit == "week":
        return _axis_of_weeks(moments[0], dates.local(steps[-1]["end"]) or moments[-1])
    names = [name for name in _names(moments, unit) if name.x < _LAST_NAME]
    every = ceil(len(moments) / MOST_LABELS)
    labels = [
        Label(round((index + 0.5) * 100 / len(moments), 2), _short(moment, unit), odd=bool(index // every % 2))
        for index, moment in enumerate(moments)
        if index % every == 0
    ]
    return Axis(labels, [name.x for name in names], names)


def _short(moment: datetime, unit: str) -> str:
    return {
        "hour": f"{moment:%H}",
        "day": str(moment.day),
        "month": f"{moment:%b}",
        "quarter": f"Q{(moment.month + 2) // 3}",
    }.get(unit, str(moment.year))


def _names(moments: Sequence[datetime], unit: str) -> Iterator[Label]:
    """Yield the names of the longer unit, where it begins."""
    longer = _LONGER.get(unit)
    said = ""
    for index, moment in enumerate(moments):
        name = {
            "day": days(moment, moment),
            "month": f"{moment:%b} {moment.year}",
            "year": str(moment.year),
        }.get(longer or "", "")
        if name != said:
            yield Label(round(index * 100 / len(moments), 2), name)
        said = name


def _axis_of_weeks(first: datetime, end: datetime) -> Axis:
    """Return an axis with the months where they begin, which is seldom where a week does."""
    length = (end - first) / timedelta(days=1)

    def at(moment: datetime) -> float:
        return round(100 * ((moment - first) / timedelta(days=1)) / length, 2)

    starts = [moment for moment in _month_starts(first, end) if first < moment < end]
    edges = [first, *starts, end]
    labels = [
        Label(round((at(begin) + at(after)) / 2, 2), f"{begin:%b}", odd=bool(index % 2))
        for index, (begin, after) in enumerate(pairwise(edges))
        if at(after) - at(begin) > 3
    ]
    years = [Label(0, str(first.year)), *(Label(at(one), str(one.year)) for one in starts if one.month == 1)]
    return Axis(labels, [at(one) for one in starts], [one for one in years if one.x < _LAST_NAME])


def _month_starts(first: datetime, end: datetime) -> Iterator[datetime]:
    start = first.replace(day=1)
    while start < end:
        start = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        yield start


def small_line(counts: Sequence[int], highest: int) -> str:
    """Return the points of a small line, 114 by 24 pixels, from zero."""
    step = 108 / max(len(counts) - 1, 1)
    return " ".join(
        f"{2 + index * step:.4g},{20.5 - 17.5 * number / (highest or 1):.4g}" for index, number in enumerate(counts)
    )


def strip(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Return the strip of proof in percent: what a checkpoint proves, and marks. Slivers get a least width."""
    entries = proof["entries"] or 1
    share = 100 * proof["anchored"] / entries
    drawn = min(share, 100 - _SLIVER) if 0 < share < 100 else share
    return {
        "anchored": round(max(drawn, _SLIVER) if share else 0, 2),
        "wider": 0 < 100 - share < _SLIVER,
        "marks": [
            {
                "x": round(2 + 96 * mark["at"], 2),
                "text": f"{mark['first']:,}"
                if mark["first"] == mark["last"]
                else f"{mark['first']:,}–{mark['last']:,}",  # noqa: RUF001
            }
            for mark in proof["marks"]
        ],
    }


_SLIVER = 1.6
