"""Show a verification in GitHub Actions: annotations for checks that did not pass, and the job summary.

Source: GitHub's documentation, "Workflow commands for GitHub Actions", with the escaping of its toolkit: `%`, carriage
return and line feed in a message; these, the colon and the comma in a property.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.markdown import advised, code, escaped, told
from pytest_audit_ledger.output.outcome_text import describe, facts
from pytest_audit_ledger.output.tone import others_of
from pytest_audit_ledger.verify.verification import Verification

_LEVELS = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warning", Status.WAIVED: "notice"}


def workflow_commands(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a workflow command, one line each, for every outcome that needs attention."""
    for outcome in outcomes:
        level = _LEVELS.get(outcome.status)
        if level is not None:
            file, _, line = outcome.location.rpartition(":")
            place = f"file={_property(file)},line={line}," if file and line.isdecimal() else ""
            title = f"title={_property(f'audit ledger: {outcome.check_id} {outcome.status.value}')}"
            yield f"::{level} {place}{title}::{_message(describe(outcome))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(printable(text, 1000)).replace(":", "%3A").replace(",", "%2C")


def job_summary(verification: Verification) -> str:
    """Return the verification as Markdown: what was proven, about which ledger, and the status of every check."""
    said = [escaped(text) for text in (others_of(verification), verification.sentence) if text]
    lines = [f"## Audit ledger: {verification.assurance.value}", "", *said, ""]
    lines += [f"- {escaped(name)}: {code(value)}" for name, value in facts(verification).items()]
    lines += ["", "| check | status | severity | examined | findings |", "|---|---|---|---:|---:|"]
    lines += [_row(outcome) for outcome in verification.outcomes]
    for outcome in verification.with_status(*_LEVELS):
        lines += ["", *told(outcome)]
    return "\n".join([*lines, "", advised(verification.recommendation), ""])


def _row(outcome: Outcome) -> str:
    cells = (
        code(outcome.check_id),
        outcome.status.value,
        outcome.severity.value,
        escaped(f"{outcome.element_count:,} {outcome.unit}"),
        f"{outcome.unexpected_count:,}",
    )
    return f"| {' | '.join(cells)} |"
