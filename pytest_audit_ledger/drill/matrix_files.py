"""A matrix as JSON and as HTML, and written to a file; `checks/drill.schema.json` describes the JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Trial
from pytest_audit_ledger.drill.matrix_text import claims, text
from pytest_audit_ledger.files.writing import Written, refuse_suffix, whole_files
from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.model.printable import ascii_json

SCHEMA_VERSION = 1

SUFFIXES = (".html", ".json", ".txt")


def save(matrix: Matrix, path: str | Path) -> Written:
    """Write a matrix as HTML, JSON or text, by the suffix of the file's name; whole or not at all.

    Raises UsageError for another suffix, OutputError if the file cannot be written.
    """
    suffix = refuse_suffix(path, SUFFIXES)
    written = html(matrix) if suffix == ".html" else f"{as_text(matrix) if suffix == '.json' else text(matrix)}\n"
    with whole_files(Path(path)) as (draft,):
        draft.write(written.encode("utf-8", "backslashreplace"))
    return draft.written(str(path))


def html(matrix: Matrix) -> str:
    """Return a matrix as one HTML file that loads nothing and runs no code."""
    from pytest_audit_ledger.report.views import page  # noqa: PLC0415  (imports jinja2, which is slow)

    tone, state = _TONES[matrix.gravest]
    return page(
        "drill.html.j2",
        "Drill of an audit ledger",
        matrix.sentence,
        drill=as_json(matrix),
        tone=tone,
        state=state,
        claims=[*claims(matrix)],
        steps=_steps(matrix),
        gravest_first=[trial for verdict in AttackResult for trial in matrix.with_verdict(verdict)],
        meanings=[(verdict.value, verdict.meaning) for verdict in AttackResult if matrix.with_verdict(verdict)],
    )


_TONES = {
    AttackResult.MISSED: ("stop", "A check does not do what it claims"),
    AttackResult.ERROR: ("none", "Not every attack could be judged"),
    AttackResult.NOT_COVERED: ("act", "Attacks went unnoticed that a check would notice"),
    AttackResult.LIMIT: ("fair", "What checks can notice was noticed"),
    AttackResult.NOTICED: ("good", "Every attack was noticed"),
    AttackResult.PREVENTED: ("good", "Every attack was refused"),
    AttackResult.NOT_APPLICABLE: ("none", "No attack was made"),
}
"""The tone of a page by the gravest result, and the words that go with it."""


def _steps(matrix: Matrix) -> list[dict[str, Any]]:
    """Return what to do about attacks that went unnoticed, each with the attacks that it is about."""
    alike: dict[str, list[Trial]] = {}
    for trial in [*matrix.unnoticed, *matrix.with_verdict(AttackResult.ERROR)]:
        alike.setdefault(trial.remedy, []).append(trial)
    return [
        {"remedy": remedy, "result": trials[0].verdict.value, "attacks": [trial.attack for trial in trials]}
        for remedy, trials in alike.items()
    ]


def as_text(matrix: Matrix) -> str:
    """Return a matrix as JSON text, with every control character escaped."""
    return ascii_json(as_json(matrix))


def as_json(matrix: Matrix) -> dict[str, Any]:
    """Return a matrix with all its trials, ready for `json.dumps`."""
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
        **{name: getattr(trial, name) for name in ("attack", "title", "who", "what")},
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
