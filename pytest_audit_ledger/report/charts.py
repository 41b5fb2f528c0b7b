"""Compute the geometry of a report's charts, which the templates draw. Each chart has a table with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pytest_audit_ledger.report.figures import OTHER

COLOURS: Mapping[str, str] = {
    "CLEAR": "#7f9bb3",
    "FLAG": "#b3261e",
    "NULL_UNMAPPED": "#c9b458",
    "NULL_STALE": "#8a6d1c",
    "DISCRETIONARY": "#5b4a8a",
    "wrong": "#b3261e",
    "p0": "#7f9bb3",
    "p1": "#c9b458",
    "p2": "#8a6d1c",
    "p3": "#5b4a8a",
    OTHER: "#6b6b6b",
}
"""Colours that also differ in lightness, so that they remain distinct in grey; those of SKI's verdicts by their names.
"""

_PLAIN = ("p0", "p1", "p2", "p3")


def shades(names: Sequence[str], violations: Sequence[str]) -> dict[str, str]:
    """Return the key in `COLOURS` for each verdict that a ledger knows."""
    plain = [name for name in names if name not in violations]
    found = {name: _PLAIN[index % len(_PLAIN)] for index, name in enumerate(plain)}
    return {name: name if name in COLOURS else found.get(name, "wrong") for name in names}


@dataclass(frozen=True)
class Rectangle:
    """A part of a chart; `name` chooses its colour."""

    x: float
    y: float
    width: float
    height: float
    name: str


@dataclass(frozen=True)
class Label:
    """A text in a chart."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Everything to draw; all lengths are in units of the view box."""

    width: float
    height: float
    rectangles: Sequence[Rectangle]
    labels: Sequence[Label]
    values: Sequence[Label] = ()
    lines: Sequence[float] = ()
    gaps: Sequence[Rectangle] = ()
    left: float = 0


ROW, BAR = 46.0, 14.0


def verdict_chart(rows: Sequence[Mapping[str, Any]], shade: Mapping[str, str]) -> Chart:
    """Return bars of the verdicts' shares, each with a thinner bar for the preceding period, if there is one."""
    width = 360.0
    rectangles, labels, values = [], [], []
    for index, row in enumerate(rows):
        top = index * ROW
        name = shade.get(row["verdict"], OTHER)
        labels.append(Label(0, top + 13, row["verdict"]))
        values.append(Label(width, top + 13, f"{row['count']:,} ({percent(row['share'])})"))
        rectangles.append(_bar(top + 19, BAR, row["share"], width, name))
        if row["share_before"] is not None:
            rectangles.append(_bar(top + 19 + BAR + 1, 4, row["share_before"], width, "before"))
    return Chart(width, len(rows) * ROW, rectangles, labels, values)


def _bar(top: float, height: float, share: float | None, width: float, name: str) -> Rectangle:
    length = max(width * (share or 0), 1.0 if share else 0.0)
    return Rectangle(0, top, round(length, 2), height, name)


def percent(share: float | None) -> str:
    """Return a share in percent, a dash for None."""
    return "–" if share is None else f"{share:.1%}"  # noqa: RUF001  (a dash for no number)


def timeline_chart(data: Mapping[str, Any], shade: Mapping[str, str]) -> Chart:
    """Return a column for each step, stacked by verdict; a step without entries is marked on the axis."""
    width, height, left, bottom = 760.0, 260.0, 56.0, 28.0
    steps = data["steps"]
    top = max((step["total"] for step in steps), default=0) or 1
    ceiling = _ceiling(top)
    plot, column = height - bottom - 8, (width - left) / max(len(steps), 1)
    base = height - bottom
    rectangles, gaps = [], []
    for index, step in enumerate(steps):
        x, y = left + index * column, base
        if not step["total"]:
            gaps.append(Rectangle(round(x + column * 0.14, 2), base + 2, round(column * 0.72, 2), 3, "gap"))
        for name in (*shade, OTHER):
            number = step["counts"].get(name, 0)
            if number:
                tall = max(plot * number / ceiling, 0.75)
                y -= tall
                rectangles.append(
                    Rectangle(
                        round(x + column * 0.14, 2),
                        round(y, 2),
                        round(column * 0.72, 2),
                        round(tall, 2),
                        shade.get(name, OTHER),
                    )
                )
    ticks = [0, ceiling / 2, ceiling]
    values = [Label(left - 8, round(base - plot * tick / ceiling + 4, 2), _tick(tick)) for tick in ticks]
    lines = [round(base - plot * tick / ceiling, 2) for tick in ticks]
    every = -(-len(steps) // 8)
    labels = [
        Label(round(left + index * column, 2), height - 6, step_label(step["begin"], data["unit"]))
        for index, step in enumerate(steps)
        if index % every == 0 and index * column < width - left - 50
    ]
    return Chart(width, height, rectangles, labels, values, lines, gaps, left)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _ceiling(top: int) -> int:
    """Return the next round number: 1, 2, 4, 5 or 10 times a power of ten."""
    power = int("1" + "0" * (len(str(top)) - 1))
    return next(factor * power for factor in (1, 2, 4, 5, 10) if factor * power >= top)


def step_label(begin: str, unit: str) -> str:
    """Return a short name for the step that begins then."""
    moment = datetime.fromisoformat(begin)
    day = f"{moment.day} {moment:%b}"
    return {
        "hour": f"{day} {moment:%H}h",
        "day": day,
        "week": day,
        "month": f"{moment:%b} {moment.year}",
        "quarter": f"Q{(moment.month + 2) // 3} {moment.year}",
        "decade": f"{moment.year}s",
        "century": f"{moment.year}…",
    }.get(unit, str(moment.year))


def step_name(step: Mapping[str, Any], unit: str) -> str:
    """Return the name of a step for a table, with the year."""
    begin = datetime.fromisoformat(step["begin"])
    if unit == "hour":
        return f"{begin.day} {begin:%b} {begin.year}, {begin:%H:%M}"
    if unit == "week":
        last = datetime.fromisoformat(step["end"]) - timedelta(days=1)
        return f"{begin.day} {begin:%b} to {last.day} {last:%b} {last.year}"
    return f"{begin.day} {begin:%b} {begin.year}" if unit == "day" else step_label(step["begin"], unit)
