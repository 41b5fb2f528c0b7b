"""Make a report as plain data, ready for `json.dumps`; `checks/report.schema.json` describes it.

The numbers and sentences of its sections are put together here; HTML and Markdown are views of this data.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.resources import package_digest
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.profile import STREAM, TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.output.investigation_json import without_verification
from pytest_audit_ledger.output.verification_json import as_json
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.report import sections
from pytest_audit_ledger.report.answers import answers
from pytest_audit_ledger.report.exceptions import controls, exceptions, places, waivers
from pytest_audit_ledger.report.executive_summary import sentences
from pytest_audit_ledger.report.figures import DETAILS, Figures, count, times_of, unreadable
from pytest_audit_ledger.report.filing import Condition, Judged, conditions
from pytest_audit_ledger.report.first_screen import first_screen
from pytest_audit_ledger.report.gaps import gaps
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.report.reverify import commands
from pytest_audit_ledger.report.words import Dates, violation_of
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.verify.verification import Verification

SCHEMA_VERSION = 1

_COLUMN_OF = {"verdicts": (VERDICT,), "violations": (VERDICT,), "timeline": (TIMESTAMP,)}
"""The roles that sections need; a ledger without one of them has no such section."""


def report_data(verified: ArtifactContext, request: ReportRequest, made_at: datetime) -> dict[str, Any]:
    """Return the report of a verification. `made_at` is aware; the same input and clock give the same report.

    Raises SourceError if the entries cannot be read completely.
    """
    verification, snapshot = verification_for_command(verified.verification), verified.snapshot
    profile, dates, obstacle = snapshot.info.profile, Dates(request.zone), unreadable(snapshot)
    figures, times = _counted(verified, request, obstacle), _times(verification, snapshot)
    wanted = [name for name in request.sections if all(map(profile.has, _COLUMN_OF.get(name, ())))]
    by_control = controls(verification)
    judged = Judged(
        verification, request.period, figures, by_control, dates, profile, verified.investigation is not None
    )
    found = conditions(judged)
    data = {
        "schema_version": SCHEMA_VERSION,
        "title": request.title,
        "organization": request.organization,
        "made_at": canonical_timestamp(made_at),
        "time_zone": dates.name,
        "tool_sha256": package_digest(),
        "sections": wanted,
        "ledger": _ledger(verification, profile),
        "first": first_screen(judged, found, verified.investigation),
        "period": sections.period(request, figures),
        "summary": sentences(verification, figures, profile),
        "filing": [_condition(one) for one in found],
        "verdicts": sections.verdicts(figures, request) if figures and "verdicts" in wanted else None,
        "violations": sections.violations(figures, request) if figures and "violations" in wanted else None,
        "escalations": sections.escalations(figures)
        if figures and "violations" in wanted and profile.has("escalation_status")
        else None,
        "timeline": sections.over_time(figures, request, verification.started_at)
        if figures and "timeline" in wanted
        else None,
        "exceptions": exceptions(verification, times),
        "controls": by_control,
        "waivers": waivers(verification),
        "not_covered": gaps(judged, obstacle or ""),
        "reverify": commands(verification, request),
        "investigation": without_verification(verified.investigation) if verified.investigation else None,
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in verified.written],
        "verification": as_json(verification),
    }
    answered = answers(data, violation_of(profile), dates)
    return {**data, "answers": {name: asdict(one) for name, one in answered.items()}}


def _counted(verified: ArtifactContext, request: ReportRequest, obstacle: str | None) -> Figures | None:
    if obstacle is not None:
        return None
    verification, snapshot = verified.verification, verified.snapshot
    resumed = verification.info is not None and verification.info.resumed is not None
    survey = None if resumed else verification.survey  # after resuming it does not cover the ledger's beginning
    return interruptible(lambda: count(snapshot, request, survey, verified.progress), snapshot.stop)


def _times(verification: Verification, snapshot: Snapshot) -> dict[int, str]:
    """Return when the first and last entries that each exception concerns were written."""
    if verification.obstacle or not snapshot.info.profile.has(TIMESTAMP) or snapshot.unreadable(TIMESTAMP):
        return {}
    found = [places(outcome) for outcome in verification.outcomes]
    return times_of(snapshot, {number for numbers in found for number in (*numbers[:1], *numbers[-1:])})


def _ledger(verification: Verification, profile: Profile) -> dict[str, Any]:
    noun, table = violation_of(profile), verification.table.removeprefix("public.")
    return {
        **_named(verification),
        "table": "" if table == profile.table else table,
        "verdicts": list(profile.values.get(VERDICT, ())),
        "violations": list(profile.violations),
        "undecided": list(profile.undecided),
        "violation": {"one": noun.one, "many": noun.many},
        "details": [name for name in DETAILS if profile.has(name)],
        "streams": list(profile.streams) if profile.has(STREAM) else [],
    }


def _condition(one: Condition) -> dict[str, Any]:
    found = asdict(one)
    return {**found, "weight": one.weight.value, "controls": list(one.controls), "checks": list(one.checks)}


def _named(verification: Verification) -> dict[str, str]:
    """Return the name of a ledger as its readers know it, and the server, without anything else of the address."""
    given = "".join(verification.given.get("db", ()))
    if given.startswith("demo"):
        return {"name": given, "server": ""}
    if verification.info and verification.info.export:
        return {"name": Path(verification.database).name, "server": ""}
    try:
        name, host = (Dsn(verification.database).parameter(part) for part in ("dbname", "host"))
    except UsageError:  # libpq cannot read it, so it has no parts
        name = host = ""
    return {"name": name or verification.database, "server": "" if host.startswith("/") or not name else host}
