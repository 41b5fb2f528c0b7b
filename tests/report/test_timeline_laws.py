"""Timelines of reports: whatever the entries and the period, no entry is left out, and each stands where it belongs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_audit_ledger.report.calendar import MOST_CENTURIES, MOST_HOURS, MOST_STEPS, timeline
from pytest_audit_ledger.report.charts import step_name, timeline_chart

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
    steps = [
        {"begin": s.begin.isoformat(), "end": s.end.isoformat(), "total": s.total, "counts": s.counts}
        for s in drawn.steps
    ]
    chart = timeline_chart({"unit": drawn.unit, "steps": steps}, {"CLEAR": "CLEAR", "FLAG": "FLAG"})
    assert all(0 <= one.x <= chart.width and 0 <= one.y <= chart.height for one in chart.rectangles)
    assert all(step_name(step, drawn.unit) for step in steps)


def _begin(text: str) -> datetime:
    return datetime.fromisoformat(text if len(text) == len("2026-05-21") else f"{text}:00").replace(tzinfo=timezone.utc)
