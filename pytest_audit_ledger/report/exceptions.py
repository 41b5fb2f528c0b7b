"""List what the checks tested and found: exceptions as in a SOC 2 report, controls with their checks, waivers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.outcome import Family, Finding, Outcome, Severity, Status
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.report.words import capital, numbers
from pytest_audit_ledger.verify.verification import Verification

COMPLIANCE, DATABASE = "Compliance office", "Database administrator"
KEY_HOLDER = "Key holder (security, internal audit)"
"""Whoever administers the database must not be the one who signs checkpoints."""

_OWNERS = {
    Family.CHECKPOINTS: KEY_HOLDER,
    Family.DATA: COMPLIANCE,
    Family.VERDICTS: COMPLIANCE,
}

_FRAMEWORKS = {
    "SOC2": "SOC 2 Trust Services Criteria",
    "ISO27001": "ISO/IEC 27001:2022, Annex A",
    "EU-AI-Act": "EU AI Act",
    "NIST": "NIST SP 800-53",
}

EXCEPTIONS = (Status.FAIL, Status.ERROR, Status.WARN, Status.WAIVED)
"""The statuses that somebody must answer, the gravest first."""

SHORT = 60
"""Characters of a value that a sentence shows."""


def owner_of(outcome: Outcome) -> str:
    """Return who answers for what a check found: whom its suite names, or who usually does."""
    return outcome.owner or _OWNERS.get(outcome.family, DATABASE)


def tested(outcome: Outcome) -> str:
    """Return what a check tests: its description leads, and the kind's rule replaces only a missing one."""
    return outcome.description or outcome.rule


def exceptions(verification: Verification, times: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return what did not pass, the gravest first. `times`: when some of the entries concerned were written."""
    found = sorted(verification.with_status(*EXCEPTIONS), key=lambda outcome: EXCEPTIONS.index(outcome.status))
    return [
        {
            "number": f"E{place}",
            "check": outcome.check_id,
            "tested": tested(outcome),
            "rule": outcome.rule if outcome.description else "",
            "status": outcome.status.value,
            "severity": outcome.severity.value,
            "controls": list(outcome.controls),
            "exception": exception(outcome),
            "remedy": "" if outcome.status is Status.WAIVED else outcome.remedy,
            "owner": owner_of(outcome),
            **_entries(outcome, times),
            "found": _found(outcome),
            "not_shown": outcome.unexpected_count - len(unexpected(outcome)),
        }
        for place, outcome in enumerate(found, 1)
    ]


def exception(outcome: Outcome) -> str:
    """Return what a check found, as a fact."""
    if outcome.status is Status.ERROR:
        return f"Could not be evaluated. {outcome.reason}"
    shown = unexpected(outcome)
    if not shown:
        return outcome.reason
    if not outcome.integrity and _of_entries(outcome):
        where = f": {named_entries(outcome)}" if named_entries(outcome) else ""
        return f"{outcome.unexpected_count:,} of {outcome.element_count:,} {outcome.unit}{where}."
    more = outcome.unexpected_count - 1
    return fact(shown[0]) + (f" {more:,} more {'finding' if more == 1 else 'findings'}." if more > 0 else "")


def unexpected(outcome: Outcome) -> list[Finding]:
    """Return the kept findings that count."""
    return [finding for finding in outcome.findings if finding.severity is not Severity.INFO]


def fact(finding: Finding) -> str:
    """Return a finding as a sentence that names its entry first, with short values of both sides."""
    values = f": {clip(finding.actual, 2 * SHORT)}" if finding.actual and not finding.expected else ""
    if finding.expected and finding.actual and max(len(finding.expected), len(finding.actual)) <= SHORT:
        values = f" ({finding.sides[0]}: {finding.expected}; {finding.sides[1]}: {finding.actual})"
    message = f"{finding.message}{values}"
    if finding.code == "SEQUENCE_GAP":  # it names the entries itself
        return f"{capital(finding.message)}."
    if finding.sequence_number is None:
        return f"{capital(message)}."
    return f"Entry {finding.sequence_number:,}{f' of {finding.stream}' if finding.stream else ''}: {message}."


def _of_entries(outcome: Outcome) -> bool:
    return outcome.unit in ("entries", "rows") and outcome.element_count >= outcome.unexpected_count > 0


def named_entries(outcome: Outcome) -> str:
    """Return which entries a check found, by number; nothing if they are of several streams or have no number."""
    shown = unexpected(outcome)
    found = sorted({one.sequence_number for one in shown if one.sequence_number is not None and not one.stream})
    if not found or any(one.sequence_number is None or one.stream for one in shown):
        return ""
    if len(shown) < outcome.unexpected_count:
        return f"the first is {found[0]:,}"
    return numbers(found[0], found[-1])


def _entries(outcome: Outcome, times: Mapping[int, str]) -> dict[str, Any]:
    found = places(outcome)
    first, last = (found[0], found[-1]) if found else (None, None)
    complete = len(unexpected(outcome)) == outcome.unexpected_count
    return {
        "findings": outcome.unexpected_count,
        "first": first,
        "last": last if complete else None,
        "time_first": times.get(first, "") if first is not None else "",
        "time_last": times.get(last, "") if last is not None and complete else "",
    }


def _found(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the findings; those that differ only by the number of their entry are one."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for one in unexpected(outcome):
        values = tuple(
            (side, value) for side, value in zip(one.sides, (one.expected, one.actual), strict=True) if value
        )
        numbered = groups.setdefault((one.code, one.message, values, one.stream), [])
        numbered += [one.sequence_number] if one.sequence_number is not None else []
    return [
        {
            "entries": ", ".join(f"{number:,}" for number in numbered),
            "stream": stream,
            "code": code,
            "message": message,
            "sides": [list(value) for value in values],
        }
        for (code, message, values, stream), numbered in groups.items()
    ]


def places(outcome: Outcome) -> list[int]:
    """Return the numbers of the entries that an exception concerns, in order, of a ledger with one chain."""
    if outcome.status not in EXCEPTIONS or outcome.integrity:
        return []
    shown = unexpected(outcome)
    return sorted({one.sequence_number for one in shown if one.sequence_number is not None and not one.stream})


def controls(verification: Verification) -> list[dict[str, Any]]:
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
                "framework": _framework(control),
                "checks": checks,
                "served": {check["status"] for check in checks} == {Status.PASS.value},
                "partly": _unevaluated(checks),
            }
        )
    frameworks = list(dict.fromkeys(row["framework"] for row in rows))
    return sorted(rows, key=lambda row: (frameworks.index(row["framework"]), _by_number(row["id"])))


def _framework(control: str) -> str:
    known = next((title for name, title in _FRAMEWORKS.items() if control.startswith(f"{name}-")), "")
    return known or control.rpartition("-")[0] or "Other controls"


def _by_number(control: str) -> list[str | int]:
    """Return what sorts A.8.2 before A.8.15."""
    return [int(part) if part.isdecimal() and part.isascii() else part for part in re.split("([0-9]+)", control)]


def _unevaluated(checks: Sequence[Mapping[str, str]]) -> list[str]:
    """Return which checks of a control were not evaluated, if at least one passed and all others were not."""
    statuses = {check["status"] for check in checks}
    open_ = [check["check"] for check in checks if check["status"] in (Status.SKIP.value, Status.ERROR.value)]
    partly = Status.PASS.value in statuses <= {Status.PASS.value, Status.SKIP.value, Status.ERROR.value}
    return open_ if partly else []


def controls_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the controls that some checks serve, each once."""
    return list(dict.fromkeys(control for outcome in outcomes for control in outcome.controls))


def waivers(verification: Verification) -> list[dict[str, Any]]:
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
            "expired": outcome.waiver.expires <= datetime.fromisoformat(verification.started_at),
        }
        for outcome in verification.outcomes
        if outcome.waiver is not None
    ]
