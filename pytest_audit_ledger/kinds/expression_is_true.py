"""The kind expression_is_true: a condition in the author's own SQL is true for every entry.

The name is that of dbt-utils. `sources/queries.py` keeps such SQL from doing harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import (
    EXPRESSION,
    RowKind,
    closed,
)


class ExpressionIsTrue(RowKind):
    """An SQL condition is true for every entry; one that is neither true nor false (NULL) is not true."""

    name = "expression_is_true"
    rule = "The condition is true for every entry."
    remedy = "Look at the entries shown, and find out why the condition does not hold for them."
    code = "EXPRESSION_NOT_TRUE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "expression": {"type": "string", "format": EXPRESSION, "description": "The SQL condition."},
        "show": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": "The columns to show of an entry for which it is not true.",
        },
        **RowKind.parameters_schema,
    }
    required_parameters = ("expression",)

    def unexpected(self) -> str:
        """Return that the condition is not true."""
        return f"({closed(self.parameters['expression'])}) IS NOT TRUE"

    def told_columns(self) -> Sequence[str]:
        """Show what the writer asks for."""
        return list(self.parameters.get("show", ()))

    def message(self) -> str:
        """Say so; the condition stands beside it."""
        return "the condition is not true"

    def expected(self) -> str:
        """Return the condition."""
        return " ".join(self.parameters["expression"].split())
