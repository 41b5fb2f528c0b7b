"""A matrix as JSON, for machines; `checks/drill.schema.json` describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pytest_audit_ledger.drill.matrix import Matrix, Trial
from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.model.printable import json_text

SCHEMA_VERSION = 1


def as_text(matrix: Matrix) -> str:
    """Return a matrix as JSON text, with every control character escaped."""
    return json_text(as_json(matrix))


def as_json(matrix: Matrix) -> dict[str, Any]:
    """Return a matrix with every trial, ready for `json.dumps`."""
    before = matrix.untouched
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "pytest-audit-ledger", "version": before.tool_version},
        "meaning": matrix.sentence,
        "unnoticed": [trial.attack for trial in matrix.unnoticed],
        "claims_hold": matrix.claims_hold,
        "started_at": before.started_at,
        "duration_s": round(matrix.duration_s, 3),
        "about": [*matrix.about, *matrix.advice],
        "entries": matrix.entries,
        "suites": [{"name": suite.name, "sha256": suite.sha256} for suite in before.suites],
        "untouched": {
            "assurance": before.assurance.value,
            "assurance_meaning": before.sentence,
            "checks": [_check(outcome) for outcome in before.outcomes],
        },
        "trials": [_trial(trial) for trial in matrix.trials],
    }


def _check(outcome: Outcome) -> dict[str, Any]:
    return {
        "check": outcome.check_id,
        "suite": outcome.suite,
        "kind": outcome.kind,
        "status": outcome.status.value,
        "unexpected_count": outcome.unexpected_count,
        "reason": outcome.reason,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "attack": trial.attack,
        "title": trial.title,
        "who": trial.who,
        "what": trial.what,
        "verdict": trial.verdict.value,
        "sentence": trial.sentence,
        "claimed_by": list(trial.claimed_by),
        "noticed_by": [
            {
                "check": one.check_id,
                "code": one.code,
                "message": one.message,
                "sequence_number": one.sequence_number,
                "severity": one.severity.value,
            }
            for one in trial.by
        ],
        "touched": asdict(trial.touched) if trial.touched else None,
        "found_at": trial.found_at,
        "at_the_right_entry": trial.at_the_right_entry,
        "remedy": trial.remedy,
        "duration_s": round(trial.duration_s, 3),
    }
