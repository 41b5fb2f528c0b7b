"""Make a report as plain data, ready for `json.dumps`; `checks/report.schema.json` describes it.

Every number in a report is made here; HTML and Markdown are views of this data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pytest_audit_ledger.files.resources import package_digest
from pytest_audit_ledger.kinds.hash_coverage import NOTHING
from pytest_audit_ledger.model.batch import plain_text, shown
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM, TIMESTAMP, VERDICT
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.output.investigation_json import without_verification
from pytest_audit_ledger.output.verification_json import as_json
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.report.calendar import TimeStep, timeline
from pytest_audit_ledger.report.figures import (
    DETAILS,
    OTHER,
    SHOWN,
    Figures,
    Place,
    count,
    preceding,
    unreadable,
    violations_by_day,
)
from pytest_audit_ledger.report.filing import conditions
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.report.reverify import commands
from pytest_audit_ledger.report.summary import sentences
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.verify.verification import Verification

SCHEMA_VERSION = 1

NOT_COVERED = (
    "id, created_at, escalation_status, escalation_notes, and the columns of schema v3 (envelope_json, envelope_hash, "
    "transcript_json, transcript_signature, signing_key_id, verifier_status)"
)
"""The columns that entry_hash does not cover: the chain cannot detect a change in them."""

RULES_SHOWN = 50
"""Most rules or statuses that a report lists; the others share one line."""

DAYS_SHOWN, WORST_DAYS_SHOWN = 31, 10
"""Days with violations that a report lists: all of them up to a month, otherwise the worst ten."""


def report_data(verified: ArtifactContext, request: ReportRequest, made_at: datetime) -> dict[str, Any]:
    """Return the report of a verification. `made_at` is aware; the same input and clock give the same report.

    Raises SourceError if the entries cannot be read completely.
    """
    verification, snapshot = verification_for_command(verified.verification), verified.snapshot
    obstacle = unreadable(snapshot)
    figures = None
    resumed = verification.info is not None and verification.info.resumed is not None
    survey = None if resumed else verification.survey  # after resuming it does not cover the ledger's beginning
    if obstacle is None:
        figures = interruptible(lambda: count(snapshot, request.period, survey, verified.progress), snapshot.stop)
    profile = snapshot.info.profile
    wanted = [name for name in request.sections if all(map(profile.has, _COLUMN_OF.get(name, ())))]
    controls = _controls(verification)
    return {
        "schema_version": SCHEMA_VERSION,
        "title": request.title,
        "organization": request.organization,
        "made_at": canonical_timestamp(made_at),
        "tool_sha256": package_digest(),
        "sections": list(wanted),
        "ledger": {
            "verdicts": list(profile.values.get(VERDICT, ())),
            "violations": list(profile.violations),
            "details": [name for name in DETAILS if profile.has(name)],
        },
        "period": _period(request.period, figures),
        "summary": sentences(verification, figures, profile),
        "verdicts": _verdicts(figures, request.period) if figures and "verdicts" in wanted else None,
        "violations": _violations(figures) if figures and "violations" in wanted else None,
        "escalations": _escalations(figures)
        if figures and "violations" in wanted and profile.has("escalation_status")
        else None,
        "timeline": _timeline(figures, request.period, verification) if figures and "timeline" in wanted else None,
        "controls": controls,
        "waivers": _waivers(verification),
        "not_evaluated": {
            "entries": f"The entries could not be counted: {obstacle}." if obstacle else "",
            "checks": [
                {"check": o.check_id, "status": o.status.value, "reason": o.reason}
                for o in verification.with_status(Status.ERROR, Status.SKIP)
            ],
            "verdicts": _undecided(figures, profile.undecided),
            "not_covered": NOT_COVERED if profile.schemas else _not_covered(verification),
        },
        "filing": [
            {"condition": one.condition, "met": one.met, "reason": one.reason}
            for one in conditions(verification, request.period, figures, controls, profile)
        ],
        "reverify": commands(verification, request),
        "investigation": without_verification(verified.investigation) if verified.investigation else None,
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in verified.written],
        "verification": as_json(verification),
    }


_COLUMN_OF = {"verdicts": (VERDICT,), "violations": (VERDICT,), "timeline": (TIMESTAMP,)}
"""The roles that sections need; a ledger without one of them has no such section."""


def _not_covered(verification: Verification) -> str:
    found = [outcome.facts[NOTHING] for outcome in verification.outcomes if NOTHING in outcome.facts]
    return found[0] if found else "columns that the check hash_coverage would list, which did not run"


def _share(number: int, of: int) -> float | None:
    return round(number / of, 6) if of else None


def _period(period: Selection, figures: Figures | None) -> dict[str, Any]:
    first = figures.first if figures else None
    last = figures.last if figures else None
    return {
        "since": canonical_timestamp(period.since) if period.since else None,
        "before": canonical_timestamp(period.before) if period.before else None,
        "entries": figures.entries if figures else None,
        "sequence_first": _number(first),
        "sequence_last": _number(last),
        "time_first": _time(first),
        "time_last": _time(last),
    }


def _number(entry: Mapping[str, str] | None) -> int | None:
    text = plain_text(entry[SEQUENCE]) if entry and STREAM not in entry else None
    return int(text) if text else None


def _time(entry: Mapping[str, str] | None) -> str:
    return (plain_text(entry[TIMESTAMP]) if entry and TIMESTAMP in entry else None) or ""


def _verdicts(figures: Figures, period: Selection) -> dict[str, Any]:
    earlier, before = preceding(period), figures.before
    counts, counts_before = dict(figures.verdicts.named()), dict(before.named()) if before else {}
    names = dict.fromkeys([*figures.known, *counts, *counts_before])
    counted = [(name, counts.get(name, 0), counts_before.get(name, 0)) for name in names]
    shown, rest = counted[:RULES_SHOWN], counted[RULES_SHOWN:]
    if rest:
        shown.append((OTHER, sum(number for _, number, _ in rest), sum(number for _, _, number in rest)))
    return {
        "entries": figures.entries,
        "rows": [
            {
                "verdict": name,
                "count": number,
                "share": _share(number, figures.entries),
                "count_before": number_before if before else None,
                "share_before": _share(number_before, before.total) if before else None,
            }
            for name, number, number_before in shown
        ],
        "preceding": {
            "since": canonical_timestamp(earlier.since),
            "before": canonical_timestamp(earlier.before),
            "entries": before.total,
        }
        if earlier and before and earlier.since and earlier.before
        else None,
    }


def _capped(counts: Sequence[tuple[str, int]], total: int, most: int) -> list[dict[str, Any]]:
    """Return names with count and share; the last line has all names that are not listed."""
    shown, rest = list(counts[:most]), counts[most:]
    if rest:
        shown.append((OTHER, sum(number for _, number in rest)))
    return [{"name": name, "count": number, "share": _share(number, total)} for name, number in shown]


def _violations(figures: Figures) -> dict[str, Any]:
    total = figures.violation_count
    days = list(violations_by_day(figures).items())
    return {
        "count": total,
        "by_rule": _capped(figures.rules.named(), total, RULES_SHOWN),
        "by_status": _capped(figures.violation_statuses.named(), total, RULES_SHOWN),
        "days": len(days),
        "by_day": _capped(sorted(days, key=lambda day: (-day[1], day[0])), total, WORST_DAYS_SHOWN)
        if len(days) > DAYS_SHOWN
        else _capped(days, total, DAYS_SHOWN),
        "latest": _details(figures, figures.violations),
        "shown": SHOWN,
    }


def _escalations(figures: Figures) -> dict[str, Any]:
    total = figures.statuses.total
    return {
        "count": total,
        "by_status": _capped(figures.statuses.named(), total, RULES_SHOWN),
        "open_violations": figures.open_violations,
        "latest": _details(figures, figures.escalated),
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


def _timeline(figures: Figures, period: Selection, verification: Verification) -> dict[str, Any]:
    read_at = datetime.fromisoformat(verification.started_at)
    before = min(period.before, read_at + timedelta(days=1)) if period.before else None
    drawn = timeline(figures.moments, period.since, before)
    gaps = list(_gaps(drawn.steps))
    longest = max(gaps, key=lambda gap: gap[1] - gap[0], default=None)
    return {
        "unit": drawn.unit,
        "steps": [
            {
                "begin": canonical_timestamp(step.begin),
                "end": canonical_timestamp(step.end),
                "total": step.total,
                "counts": dict(step.counts),
            }
            for step in drawn.steps
        ],
        "empty_steps": sum(not step.total for step in drawn.steps),
        "longest_gap": {"begin": canonical_timestamp(longest[0]), "end": canonical_timestamp(longest[1])}
        if longest
        else None,
        "partial": _is_partial(drawn.steps, period),
        "untimed": figures.untimed,
    }


def _is_partial(steps: Sequence[TimeStep], period: Selection) -> bool:
    """Return whether the first or the last step extends beyond the period."""
    begins_before = period.since is not None and bool(steps) and steps[0].begin < period.since
    return begins_before or (period.before is not None and bool(steps) and steps[-1].end > period.before)


def _gaps(steps: Sequence[TimeStep]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans without entries."""
    begin: datetime | None = None
    for step in steps:
        if step.total and begin:
            yield begin, step.begin
        begin = None if step.total else begin or step.begin
    if begin:
        yield begin, steps[-1].end


def _controls(verification: Verification) -> list[dict[str, Any]]:
    """Return every control with the checks that serve it, including controls that no check serves."""
    named = [control for outcome in verification.outcomes for control in outcome.controls]
    rows = []
    for control in dict.fromkeys([*verification.controls, *named]):
        declared = verification.controls.get(control)
        checks = [
            {"check": outcome.check_id, "suite": outcome.suite, "status": outcome.status.value}
            for outcome in verification.outcomes
            if control in outcome.controls
        ]
        rows.append(
            {
                "id": control,
                "title": declared.title if declared else "",
                "checks": checks,
                "served": {check["status"] for check in checks} == {Status.PASS.value},
                "partly": _unevaluated(checks),
            }
        )
    return rows


def _unevaluated(checks: Sequence[Mapping[str, str]]) -> list[str]:
    """Return which checks of a control were not evaluated, if at least one passed and all others were not."""
    statuses = {check["status"] for check in checks}
    open_ = [check["check"] for check in checks if check["status"] in (Status.SKIP.value, Status.ERROR.value)]
    partly = Status.PASS.value in statuses <= {Status.PASS.value, Status.SKIP.value, Status.ERROR.value}
    return open_ if partly else []


def _waivers(verification: Verification) -> list[dict[str, Any]]:
    """Return every waiver of the run, including unused ones."""
    return [
        {
            "id": outcome.waiver.id,
            "check": outcome.check_id,
            "status": outcome.status.value,
            "findings": outcome.unexpected_count,
            "reason": outcome.waiver.reason,
            "approved_by": outcome.waiver.approved_by,
            "ticket": outcome.waiver.ticket,
            "expires": canonical_timestamp(outcome.waiver.expires.astimezone(timezone.utc)),
        }
        for outcome in verification.outcomes
        if outcome.waiver is not None
    ]


def _undecided(figures: Figures | None, reasons: Mapping[str, str]) -> list[dict[str, Any]]:
    counts = dict(figures.verdicts.named()) if figures else {}
    return [
        {"verdict": name, "count": counts[name], "reason": reason}
        for name, reason in reasons.items()
        if counts.get(name)
    ]
