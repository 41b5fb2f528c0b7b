"""List the exact commands that let somebody else repeat a report's verification."""

from __future__ import annotations

import shlex
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any

from pytest_audit_ledger.commands import Given, completed_command
from pytest_audit_ledger.files.resources import PACKAGE_DIGEST_COMMAND
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.report.request import DEFAULT_TITLE, SECTIONS, ReportRequest
from pytest_audit_ledger.sources.selection import SMALLEST_STEP
from pytest_audit_ledger.verify.verification import Verification

PACKAGE = "pytest-audit-ledger"


def commands(verification: Verification, request: ReportRequest, folder: str = "") -> list[dict[str, str]]:
    """Return the commands, each with its purpose. The ledger is named as the user did, without a password.

    They write to `folder`, which ends in a slash; an empty one is the current folder.
    """
    export = f"{folder}ledger.jsonl.gz"
    given = _given(verification)
    of_export = {name: values for name, values in given.items() if name not in ("table", "suite")} | {"db": [export]}
    install = f"pip install {PACKAGE}=={verification.tool_version}"
    report = shlex.join(["audit-ledger", "report", *_report(request, folder)])
    steps = {
        "Install the version that made this report.": install,
        "Compare its code with that of the report, in the folder where it is installed.": PACKAGE_DIGEST_COMMAND,
        "Verify every entry, link and protection again.": _ours("audit-ledger verify --verbose", given),
        "Make this report again.": _ours(report, given),
        "Export the entries, to verify them without the database.": _ours(
            f"audit-ledger export --output {shlex.quote(export)} --verify", given
        ),
        "Verify the export.": _ours("audit-ledger verify --verbose", of_export),
    }
    return [{"purpose": purpose, "command": command} for purpose, command in steps.items()]


def command_for(command: str, verification: Verification) -> str:
    """Return a command with the ledger, table and options of the run, so that it works when pasted."""
    return _ours(command, _given(verification))


def _given(verification: Verification) -> dict[str, Any]:
    table = {"table": [verification.table]} if verification.table else {}
    return {"db": [verification.database], **verification.given, **table}


def _ours(command: str, given: Given) -> str:
    return completed_command(command, given, portable=True)


def _report(request: ReportRequest, folder: str) -> list[Any]:
    options = ["--output", f"{folder}report.html", *_dates(request)]
    if request.sections != SECTIONS:
        options += [f"--include-{name.replace('_', '-')}" for name in request.sections]
    options += ["--title", request.title] if request.title != DEFAULT_TITLE else []
    return options + (["--organization", request.organization] if request.organization else [])


def _dates(request: ReportRequest) -> list[str]:
    period, zone = request.period, request.zone
    options = ["--start-date", _day_or_moment(period.since, zone, timedelta())] if period.since else []
    options += ["--end-date", _day_or_moment(period.before, zone, timedelta(days=1))] if period.before else []
    return options + (["--time-zone", str(zone)] if zone is not timezone.utc else [])


def _day_or_moment(bound: datetime, zone: tzinfo, length: timedelta) -> str:
    """Return a bound of a period as an option takes it; `length` is what the option adds to a whole day."""
    local = bound.astimezone(zone)
    if local.time() == time():
        return f"{local - length:%Y-%m-%d}"
    return canonical_timestamp(bound - SMALLEST_STEP if length else bound)
