"""List the exact commands that let somebody else repeat a report's verification."""

from __future__ import annotations

import shlex
from datetime import datetime, time, timedelta
from typing import Any

from pytest_audit_ledger.files.resources import PACKAGE_DIGEST_COMMAND
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.report.request import SECTIONS, ReportRequest
from pytest_audit_ledger.sources.selection import SMALLEST_STEP, Selection
from pytest_audit_ledger.suite.shipped import default_suites
from pytest_audit_ledger.verify.parameters import trust_options
from pytest_audit_ledger.verify.verification import Verification

PACKAGE = "pytest-audit-ledger"


def commands(verification: Verification, request: ReportRequest, folder: str = "") -> list[dict[str, str]]:
    """Return the commands, each with its purpose. The ledger is named as the user did, without a password.

    They write to `folder`, which ends in a slash; an empty one is the current folder.
    """
    export = f"{folder}ledger.jsonl.gz"
    profile = (verification.info.profile if verification.info else SKI).naming
    source = ["--source", verification.given or verification.database, *profile]
    source += ["--table", verification.table] if verification.table else []
    shipped = {name for of_export in (False, True) for name in default_suites(of_export=of_export)}
    ran = dict.fromkeys(outcome.suite for outcome in verification.outcomes)
    suites = [part for name in ran if name not in shipped for part in ("--suite", name)]
    trusted = trust_options(verification.run_parameters, portable=True)
    return [
        _step(
            "Install the version that made this report.", "pip", "install", f"{PACKAGE}=={verification.tool_version}"
        ),
        {
            "purpose": "In the folder where it is installed, compare its code with the SHA-256 on the cover.",
            "command": PACKAGE_DIGEST_COMMAND,
        },
        _step(
            "Verify every entry, link and protection again.",
            *("audit-ledger", "verify", *source, *suites, *trusted, "--verbose"),
        ),
        _step(
            "Make this report again.",
            *("audit-ledger", "report", *source, *suites, *trusted, *_report(request, folder)),
        ),
        _step(
            "Export the entries, to verify them without the database.",
            *("audit-ledger", "export", *source, "--output", export, "--verify"),
        ),
        _step(
            "Verify the export.",
            *("audit-ledger", "verify", "--source", export, *profile, *trusted, "--verbose"),
        ),
    ]


def _step(purpose: str, *arguments: str) -> dict[str, str]:
    return {"purpose": purpose, "command": shlex.join(arguments)}


def _report(request: ReportRequest, folder: str) -> list[Any]:
    options = ["--output", f"{folder}report.html", *_dates(request.period)]
    if request.sections != SECTIONS:
        options += [f"--include-{name.replace('_', '-')}" for name in request.sections]
    options += ["--title", request.title]
    return options + (["--organization", request.organization] if request.organization else [])


def _dates(period: Selection) -> list[str]:
    options = ["--start-date", _day_or_moment(period.since, timedelta())] if period.since else []
    return options + (["--end-date", _day_or_moment(period.before, timedelta(days=1))] if period.before else [])


def _day_or_moment(bound: datetime, length: timedelta) -> str:
    """Return a bound of a period as an option takes it; `length` is what the option adds to a whole day."""
    if bound.time() == time():
        return f"{bound - length:%Y-%m-%d}"
    return canonical_timestamp(bound - SMALLEST_STEP if length else bound)
