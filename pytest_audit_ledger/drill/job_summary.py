"""A matrix as Markdown, for the summary of a job of GitHub Actions."""

from __future__ import annotations

from pytest_audit_ledger.drill.matrix import Matrix
from pytest_audit_ledger.drill.matrix_text import conclusion
from pytest_audit_ledger.output.markdown import escaped


def job_summary(matrix: Matrix) -> str:
    """Return what would go unnoticed, why, and what would notice it; then what was attacked, and with what verified."""
    lead, *reasons = conclusion(matrix)
    before = f"Before any attack: {matrix.untouched.assurance.value}."
    lines = ["## Audit ledger drill", "", f"**{escaped(lead)}**", "", *(f"- {escaped(reason)}" for reason in reasons)]
    lines += ["", *(f"- {escaped(sentence)}" for sentence in (*matrix.about, *matrix.advice, before))]
    return "\n".join([*lines, ""])
