"""A matrix as one HTML file, in the style of the report."""

from __future__ import annotations

from pytest_audit_ledger.drill.matrix import MEANINGS, Matrix
from pytest_audit_ledger.drill.matrix_json import as_json
from pytest_audit_ledger.drill.matrix_text import conclusion
from pytest_audit_ledger.report.views import page


def html(matrix: Matrix) -> str:
    """Return a matrix as one HTML file, which needs nothing else and runs nothing."""
    used = [(verdict.value, meaning) for verdict, meaning in MEANINGS.items() if matrix.with_verdict(verdict)]
    return page(
        "drill.html.j2",
        "Drill of an audit ledger",
        drill=as_json(matrix),
        conclusion=conclusion(matrix),
        gravest=matrix.gravest.value,
        meanings=used,
    )
