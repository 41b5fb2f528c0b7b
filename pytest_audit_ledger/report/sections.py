"""The numbers of a period, section by section, from what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pytest_audit_ledger.model.batch import plain_text, shown
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM, TIMESTAMP
from pytest_audit_ledger.report.calendar import DAY, Timeline, TimeStep, canonical, empty_days, step_begin, timeline
from pytest_audit_ledger.report.figures import DETAILS, MISSING, OTHER, SHOWN, Figures, Place, preceding
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.sources.selection import Selection

RULES_SHOWN = 50
"""Most rules or statuses that a report lists; the others share one line."""

SLIVER = 0.02
"""The share of a step of time that may lack without the step being called partial."""

SMALL_STEPS, FEWEST_SMALL_STEPS = 14, 3
"""Most and fewest steps of the small lines by rule."""


def period(request: ReportRequest, figures: Figures | None) -> dict[str, Any]:
    """Return the period, and the first and the last entry in it."""
    first, last = (figures.first, figures.last) if figures else (None, None)
    return {
        **_bounds(request.period),
        "entries": figures.entries if figures else None,
        "sequence_first": _number(first),
        "sequence_last": _number(last),
        "time_first": _time(first),
        "time_last": _time(last),
    }


def _bounds(period: Selection) -> dict[str, str | None]:
    return {
        "since": canonical(period.since) if period.since else None,
        "before": canonical(period.before) if period.before else None,
    }


def _number(entry: Mapping[str, str] | None) -> int | None:
    text = plain_text(entry[SEQUENCE]) if entry and STREAM not in entry else None
    return int(text) if text else None


def _time(entry: Mapping[str, str] | None) -> str:
    return (plain_text(entry[TIMESTAMP]) if entry and TIMESTAMP in entry else None) or ""


def share(number: int, of: int) -> float | None:
    """Return a part of a whole; None of nothing."""
    return round(number / of, 6) if of else None


def verdicts(figures: Figures, request: ReportRequest) -> dict[str, Any]:
    """Return the entries by verdict, next to those of the preceding period."""
    earlier, before = preceding(request), figures.before
    counts, counts_before = dict(figures.verdicts.named()), dict(before.named()) if before else {}
    names = dict.fromkeys([*figures.known, *counts, *counts_before])
    counted = [(name, counts.get(name, 0), counts_before.get(name, 0)) for name in names]
    listed, rest = counted[:RULES_SHOWN], counted[RULES_SHOWN:]
    if rest:
        listed.append((OTHER, sum(number for _, number, _ in rest), sum(number for _, _, number in rest)))
    return {
        "entries": figures.entries,
        "rows": [
            {
                "verdict": name,
                "count": number,
                "share": share(number, figures.entries),
                "count_before": number_before if before else None,
                "share_before": share(number_before, before.total) if before else None,
            }
            for name, number, number_before in listed
        ],
        "preceding": {**_bounds(earlier), "entries": before.total} if earlier and before else None,
    }


def violations(figures: Figures, request: ReportRequest) -> dict[str, Any]:
    """Return the violations by rule, over time and next to the preceding period."""
    before = figures.rules_before
    earlier = dict(before.named()) if before else {}
    small = _small_timeline(figures, request.period)
    rows = _capped(figures.rules.named(), figures.violation_count)
    for row in rows:
        row["count_before"] = earlier.get(row["name"], 0) if before and row["name"] != OTHER else None
        row["by_step"] = _by_step(figures, row["name"], small.steps) if row["name"] != OTHER else []
    wrong = [name for name in figures.violating if figures.before]
    return {
        "count": figures.violation_count,
        "count_before": sum(figures.before.counts[name] for name in wrong) if figures.before else None,
        "by_rule": rows,
        "by_status": _by_status(figures),
        "unit": small.unit,
        "steps": [{"begin": canonical(step.begin), "end": canonical(step.end)} for step in small.steps],
        "latest": _details(figures, [*figures.violations]),
        "shown": SHOWN,
    }


def _by_status(figures: Figures) -> list[dict[str, Any]]:
    """Return the violations by escalation status, those without one last, and when the first of each was written."""
    rows = _capped(figures.violation_statuses.named(), figures.violation_count)
    dated = [{**row, "oldest": figures.oldest.get(row["name"], "")} for row in rows]
    return sorted(dated, key=lambda row: row["name"] == MISSING)


def _small_timeline(figures: Figures, period: Selection) -> Timeline:
    """Return the steps of the small lines: those of the period that are whole, if there are enough to draw a line."""
    if sum(figures.rule_moments.values()) != figures.rules.total:
        return Timeline("", ())  # too many rules and days were there to count each of them
    drawn = timeline(figures.moments, period.since, period.before, figures.zone, SMALL_STEPS)
    covered = _covered(figures, period)
    whole = tuple(step for step in drawn.steps if _part(step, covered) is None)
    return Timeline(drawn.unit, whole if len(whole) >= FEWEST_SMALL_STEPS else ())


def _by_step(figures: Figures, rule: str, steps: Sequence[TimeStep]) -> list[int]:
    counts = [0] * len(steps)
    for (name, moment), number in figures.rule_moments.items():
        if name == rule:
            begin = step_begin(moment, figures.zone)
            for index, step in enumerate(steps):
                if step.begin <= begin < step.end:
                    counts[index] += number
    return counts


def _capped(counts: Sequence[tuple[str, int]], total: int) -> list[dict[str, Any]]:
    """Return names with count and share; the last line has all names that are not listed."""
    listed, rest = list(counts[:RULES_SHOWN]), counts[RULES_SHOWN:]
    if rest:
        listed.append((OTHER, sum(number for _, number in rest)))
    return [{"name": name, "count": number, "share": share(number, total)} for name, number in listed]


def escalations(figures: Figures) -> dict[str, Any]:
    """Return the entries with an escalation status, and the violations that have none."""
    return {
        "count": figures.statuses.total,
        "by_status": _capped(figures.statuses.named(), figures.statuses.total),
        "open_violations": figures.open_violations,
        "unfollowed": _details(figures, figures.unfollowed),
        "latest": _details(figures, [*figures.escalated]),
        "shown": SHOWN,
    }


def _details(figures: Figures, places: Sequence[Place]) -> list[dict[str, Any]]:
    """Return entries in detail, in order."""
    return [
        {
            "stream": shown(stream) if stream else "",
            "sequence_number": number,
            **{name: figures.details.get((stream, number), {}).get(name) for name in DETAILS},
        }
        for stream, number in places
    ]


def over_time(figures: Figures, request: ReportRequest, read_at: str) -> dict[str, Any]:
    """Return the entries by step of time. The steps end with the day of `read_at`, also if the period is not over."""
    period, zone = request.period, request.zone
    before = min(period.before, datetime.fromisoformat(read_at) + timedelta(days=1)) if period.before else None
    drawn = timeline(figures.moments, period.since, before, zone)
    gaps, covered = [*_gaps(figures, drawn, period)], _covered(figures, period)
    return {
        "unit": drawn.unit,
        "steps": [
            {
                "begin": canonical(step.begin),
                "end": canonical(step.end),
                "total": step.total,
                "counts": dict(step.counts),
                "partial": _part(step, covered),
                "has_gap": any(begin < step.end and end > step.begin for begin, end in gaps),
            }
            for step in drawn.steps
        ],
        "gaps": [{"begin": canonical(begin), "end": canonical(end)} for begin, end in gaps],
        "untimed": figures.untimed,
    }


def _part(step: TimeStep, covered: Selection) -> dict[str, str] | None:
    """Return the part of a step that the report covers; None if it covers the step, or all but a sliver of it."""
    begin = max(step.begin, covered.since) if covered.since else step.begin
    end = min(step.end, covered.before) if covered.before else step.end
    if end - begin >= (step.end - step.begin) * (1 - SLIVER):
        return None
    return {"begin": canonical(begin), "end": canonical(max(begin, end))}


def _covered(figures: Figures, period: Selection) -> Selection:
    """Return the period or, where it is open, the first or last entry in it."""
    first, last = (_moment(entry) for entry in (figures.first, figures.last))
    return Selection(since=period.since or first, before=period.before or last)


def _moment(entry: Mapping[str, str] | None) -> datetime | None:
    text = _time(entry)
    return datetime.fromisoformat(text) if "T" in text else None


def _gaps(figures: Figures, drawn: Timeline, period: Selection) -> Iterator[tuple[datetime, datetime]]:
    """Yield the days without entries in steps of days to months, and otherwise the steps without any."""
    if not drawn.steps:
        return
    first, last = drawn.steps[0].begin, drawn.steps[-1].end
    if not figures.hourly and last - first <= 2000 * DAY:
        begin = max(first, period.since.astimezone(figures.zone)) if period.since else _first_day(figures)
        end = min(last, period.before.astimezone(figures.zone)) if period.before else _last_day(figures)
        yield from empty_days({moment for moment, _ in figures.moments}, _midnight(begin), end)
        return
    start: datetime | None = None
    for step in drawn.steps:
        if step.total and start:
            yield start, step.begin
        start = None if step.total else start or step.begin
    if start:
        yield start, last


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _first_day(figures: Figures) -> datetime:
    return min(step_begin(moment, figures.zone) for moment, _ in figures.moments)


def _last_day(figures: Figures) -> datetime:
    return max(step_begin(moment, figures.zone) for moment, _ in figures.moments)
