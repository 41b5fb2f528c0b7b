"""Days of a time zone: date ranges, charts and days without entries follow it; hashes and identifiers never do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.selection import selection
from tests.forger import Forger
from tests.report.test_report import conforms, report
from tests.support.command import Invoke

BERLIN = "Europe/Berlin"
OCTOBER: dict[str, Any] = {"start_date": "2025-10-01", "end_date": "2025-10-31", "time_zone": BERLIN}
"""A month in which the clocks change: it has 745 hours."""


@pytest.fixture
def autumn(forger: Forger) -> Forger:
    """Two months of entries, and none on 12 and 13 October of Berlin."""
    forger.build(entries=sample_entries(3000, step_s=60 * 86_400 / 3000))
    forger.unguarded(
        "DELETE FROM ledger_entries WHERE (timestamp AT TIME ZONE 'Europe/Berlin')::date "
        "IN ('2025-10-12', '2025-10-13')"
    )
    return forger


def test_dates_and_charts_follow_the_time_zone(autumn: Forger) -> None:
    made = report(autumn.dsn, **OCTOBER)
    conforms(made)
    local = "(timestamp AT TIME ZONE 'Europe/Berlin')::date"
    inside = f"{local} BETWEEN '2025-10-01' AND '2025-10-31'"
    ((entries,),) = autumn.run(f"SELECT count(*) FROM ledger_entries WHERE {inside}")
    assert made.data["period"]["entries"] == entries
    assert (made.data["period"]["since"], made.data["period"]["before"]) == (
        "2025-09-30T22:00:00+00:00",
        "2025-10-31T23:00:00+00:00",
    )
    days = dict(autumn.run(f"SELECT {local}::text, count(*) FROM ledger_entries WHERE {inside} GROUP BY 1"))
    steps = made.data["timeline"]["steps"]
    zone = ZoneInfo(BERLIN)
    found = {f"{datetime.fromisoformat(one['begin']).astimezone(zone):%Y-%m-%d}": one["total"] for one in steps}
    assert (len(steps), {day: number for day, number in found.items() if number}) == (31, days)
    (gap,) = made.data["timeline"]["gaps"]
    assert (gap["begin"], gap["end"]) == ("2025-10-11T22:00:00+00:00", "2025-10-13T22:00:00+00:00")
    assert "12 – 13 Oct 2025 have no entry at all." in made.html  # noqa: RUF001  (a range)
    assert made.data["verdicts"]["preceding"]["since"] == "2025-08-30T22:00:00+00:00", "31 days of Berlin before"
    assert "1 – 31 Oct 2025, Europe/Berlin" in made.html  # noqa: RUF001  (a range)
    assert any("--time-zone Europe/Berlin" in step["command"] for step in made.data["reverify"])


def test_the_same_days_of_utc_are_others(autumn: Forger) -> None:
    there = report(autumn.dsn, **{**OCTOBER, "time_zone": None}).data
    assert there["time_zone"] == "UTC"
    assert there["period"]["since"] == "2025-10-01T00:00:00+00:00"


def test_hashes_do_not_follow_it(autumn: Forger) -> None:
    with Ledger(autumn.dsn) as ledger:
        here, there = (ledger.generate_report(time_zone=zone).data["verification"] for zone in (BERLIN, None))
    for name in ("entries", "assurance"):
        assert here[name] == there[name]


def test_an_export_follows_it_too(autumn: Forger, invoke: Invoke) -> None:
    dates = ("--start-date", "2025-10-01", "--end-date", "2025-10-01", "--time-zone", BERLIN)
    done = invoke("export", "--source", autumn.dsn, *dates, "--output", "day.jsonl")
    ((entries,),) = autumn.run(
        "SELECT count(*) FROM ledger_entries WHERE (timestamp AT TIME ZONE 'Europe/Berlin')::date = '2025-10-01'"
    )
    assert f"Exported {entries:,} entries." in done.stdout


def test_a_time_without_an_offset_is_of_the_zone_and_one_with_an_offset_is_not() -> None:
    asked = selection(start_date="2026-07-01T12:00", end_date="2026-07-01T12:00Z", time_zone=BERLIN)
    assert asked.since is not None
    assert asked.before is not None
    assert asked.before - asked.since == timedelta(hours=2, microseconds=1)


@pytest.mark.parametrize("name", ["Europe/Berln", "", "../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="There is no time zone"):
        selection(start_date="2026-07-01", time_zone=name)
