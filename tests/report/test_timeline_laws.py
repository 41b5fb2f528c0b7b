"""Timelines of reports: whatever the entries and the period, no entry is left out, and each stands where it belongs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_audit_ledger.report.answers import step_name
from pytest_audit_ledger.report.calendar import (
    MOST_CENTURIES,
    MOST_HOURS,
    MOST_STEPS,
    Timeline,
    canonical,
    step_begin,
    timeline,
)
from pytest_audit_ledger.report.charts import Rate, Timed, panels
from pytest_audit_ledger.report.words import Dates

moments = st.datetimes(timezones=st.just(timezone.utc))
near = st.builds(
    lambda begin, hours: begin + timedelta(hours=hours),
    st.just(datetime(2026, 2, 27, tzinfo=timezone.utc)),
    st.integers(0, 5000),
)


@given(
    st.lists(st.tuples(st.one_of(moments, near), st.sampled_from(["CLEAR", "FLAG"]), st.integers(1, 9)), min_size=1),
    st.booleans(),
)
@example([(datetime.max.replace(tzinfo=timezone.utc), "FLAG", 1)], False)
@example(
    [(datetime.max.replace(tzinfo=timezone.utc), "FLAG", 1), (datetime.min.replace(tzinfo=timezone.utc), "FLAG", 1)],
    True,
)
def test_every_entry_stands_in_the_step_of_its_moment(entries: list[tuple[datetime, str, int]], hourly: bool) -> None:
    width = len("2026-05-21T15") if hourly else len("2026-05-21")
    counted: Counter[tuple[str, str]] = Counter()
    for moment, verdict, number in entries:
        counted[moment.isoformat()[:width], verdict] += number
    drawn = timeline(counted, None, None)
    assert (
        1
        <= len(drawn.steps)
        <= (MOST_HOURS if drawn.unit == "hour" else MOST_STEPS if drawn.unit != "century" else MOST_CENTURIES)
    )
    assert all(earlier.end == later.begin for earlier, later in pairwise(drawn.steps))
    assert sum(step.total for step in drawn.steps) == counted.total()
    for step in drawn.steps:
        inside = Counter(
            {
                verdict: sum(
                    number
                    for (text, one), number in counted.items()
                    if one == verdict
                    and step.begin <= _begin(text)
                    and (_begin(text) < step.end or step is drawn.steps[-1])
                )
                for verdict in ("CLEAR", "FLAG")
            }
        )
        assert +inside == step.counts
    _is_drawn_within_its_chart(drawn)


def _is_drawn_within_its_chart(drawn: Timeline) -> None:
    steps: list[dict[str, Any]] = [
        {
            "begin": canonical(step.begin),
            "end": canonical(step.end),
            "total": step.total,
            "counts": step.counts,
            "partial": None,
            "has_gap": not step.total,
        }
        for step in drawn.steps
    ]
    rate = Rate("rate", "Rate", ["FLAG"], "flag", 0.5, 0.25)
    for panel in panels({"unit": drawn.unit, "steps": steps}, Timed([rate]), Dates()):
        assert all(bar.x >= 0 and bar.x + bar.width <= 100.1 and 0 <= bar.y <= panel.base for bar in panel.bars)
        assert all(0 <= dot.x <= 100 and 0 <= dot.y <= panel.base for pair in panel.segments for dot in pair)
        assert [y for y, _ in panel.grid] == sorted((y for y, _ in panel.grid), reverse=True)
        assert panel.grid[0][0] == panel.base, "axes begin at zero"
    assert all(step_name(step["begin"], drawn.unit, Dates()) for step in steps)


@given(st.lists(near, min_size=1, unique=True), st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kolkata"]))
def test_days_of_a_zone_begin_at_its_midnight(entries: list[datetime], name: str) -> None:
    zone = ZoneInfo(name)
    counted = Counter((f"{moment.astimezone(zone):%Y-%m-%d}", "CLEAR") for moment in entries)
    drawn = timeline(counted, None, None, zone)
    for step in drawn.steps:
        assert (step.begin.hour, step.begin.minute, step.begin.tzinfo) == (0, 0, zone)
        assert step.total == sum(step.begin <= moment.astimezone(zone) < step.end for moment in entries)


def _begin(text: str) -> datetime:
    return step_begin(text, timezone.utc)
