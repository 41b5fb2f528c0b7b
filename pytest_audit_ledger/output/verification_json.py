"""Write a verification as JSON; `checks/verification.schema.json` describes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pytest_audit_ledger.model.outcome import LONGEST_TEXT, Finding, Outcome, Waiver
from pytest_audit_ledger.model.printable import ascii_json, clip
from pytest_audit_ledger.verify.verification import Verification

SCHEMA_VERSION = 1


def as_text(verification: Verification) -> str:
    """Return the verification as JSON text, with every control character escaped."""
    return ascii_json(as_json(verification))


def as_json(verification: Verification) -> dict[str, Any]:
    """Return the verification with every outcome, ready for `json.dumps`."""
    return {
        **described(verification),
        "controls": {
            name: {"title": control.title, "url": control.url} for name, control in verification.controls.items()
        },
        "outcomes": [_outcome(outcome) for outcome in verification.outcomes],
    }


def described(verification: Verification) -> dict[str, Any]:
    """Return the facts about a verification, without controls and outcomes; every other listing selects from these."""
    info, survey = verification.info, verification.survey
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "pytest-audit-ledger", "version": verification.tool_version},
        "database": verification.database,
        "table": verification.table,
        "export": {"size": info.export.size, "sha256": info.export.sha256} if info and info.export else None,
        "extent": info.extent.value if info else "",
        "server_version": info.server_version if info else "",
        "ledger_schema": info.schema_version if info else "",
        "profile": {"name": info.profile.name, "sha256": info.profile.digest} if info else None,
        "snapshot": info.snapshot if info else "",
        "started_at": verification.started_at,
        "duration_s": round(verification.duration_s, 3),
        "assurance": verification.assurance.value,
        "assurance_meaning": verification.sentence,
        "reading": verification.reading,
        "resumed_after": info.resumed.after if info and info.resumed else None,
        "anchor": asdict(verification.anchor) if verification.anchor else None,
        "is_valid": verification.is_valid,
        "recommendation": verification.recommendation,
        "entries": {
            "count": survey.entries,
            "streams": survey.streams,
            "sequence_first": survey.sequence_first,
            "sequence_last": survey.sequence_last,
            "time_first": survey.time_first,
            "time_last": survey.time_last,
            "head_hash": survey.head_hash,
            "verdicts": _clipped(survey.verdicts),
        }
        if survey
        else None,
        "suites": [{"name": suite.name, "sha256": suite.sha256} for suite in verification.suites],
    }


def properties(verification: Verification) -> dict[str, Any]:
    """Return the facts about a verification by flat names, for JUnit; unknown ones are left out."""
    told = described(verification)
    entries, anchor, suites = told["entries"], told["anchor"], told["suites"]
    found = {name: told[name] for name in ("database", "table", "assurance", "assurance_meaning", "started_at")}
    found |= {"duration_s": f"{verification.duration_s:.3f}", "tool_version": verification.tool_version}
    found |= {"suites": ", ".join(suite["name"] for suite in suites)}
    found |= {"suite_sha256": ", ".join(suite["sha256"] for suite in suites)}
    if verification.info is not None:
        found |= {name: told[name] for name in ("server_version", "snapshot")}
        found |= {"schema_version": told["ledger_schema"]} if told["ledger_schema"] else {}
        found |= {"profile": told["profile"]["name"]}
        found |= {"profile_sha256": told["profile"]["sha256"]} if told["profile"]["sha256"] else {}
    if entries is not None:
        found["entries"] = entries["count"]
        found |= {name: value for name, value in entries.items() if entries["count"] and name in _ENDS}
    if verification.reading:
        found["reading"] = verification.reading
    if anchor is not None:
        found |= {"anchored_entries": anchor["entries"], "checkpoint": anchor["checkpoint"]}
        found |= {"checkpoint_moment": anchor["moment"]}
        found |= {"entries_not_reread": anchor["unread"]} if anchor["unread"] else {}
    return found


_ENDS = ("sequence_first", "sequence_last", "time_first", "time_last", "head_hash")


def _clipped(verdicts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts by shortened names: a verdict may be a megabyte long."""
    counted: Counter[str] = Counter()
    for name, count in verdicts.items():
        counted[clip(name, LONGEST_TEXT)] += count
    return dict(counted)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "check": outcome.check_id,
        "suite": outcome.suite,
        "kind": outcome.kind,
        "status": outcome.status.value,
        "severity": outcome.severity.value,
        "integrity": outcome.integrity,
        "controls": list(outcome.controls),
        "description": outcome.description,
        "rule": outcome.rule,
        "remedy": outcome.remedy,
        "element_count": outcome.element_count,
        "unit": outcome.unit,
        "unexpected_count": outcome.unexpected_count,
        "codes": dict(outcome.codes),
        "facts": dict(outcome.facts),
        "reason": outcome.reason,
        "location": outcome.location,
        "owner": outcome.owner,
        "waiver": _waiver(outcome.waiver) if outcome.waiver else None,
        "findings": [_finding(finding) for finding in outcome.findings],
    }


def _waiver(waiver: Waiver) -> dict[str, str]:
    return {
        "id": waiver.id,
        "reason": waiver.reason,
        "approved_by": waiver.approved_by,
        "ticket": waiver.ticket,
        "expires": waiver.expires.isoformat(),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "sequence_number": finding.sequence_number,
        "stream": finding.stream,
        "message": finding.message,
        "expected": finding.expected,
        "actual": finding.actual,
        "sides": list(finding.sides),
        "severity": finding.severity.value if finding.severity else None,
    }
