"""The kind expression_is_true: an SQL condition of the author's is true for every entry.

The name is that of dbt-utils. `sources/queries.py` keeps such SQL from doing harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import EXPRESSION, RowKind, columns_schema
from pytest_audit_ledger.model.sql_names import closed


class ExpressionIsTrue(RowKind):
    """An SQL condition is true for every entry; NULL does not count as true."""

    name = "expression_is_true"
    rule = "The condition is true for every entry."
    remedy = "Review the entries shown, and find out why the condition is not true for them."
    code = "EXPRESSION_NOT_TRUE"
    fault = "the condition is not true"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "expression": {"type": "string", "format": EXPRESSION, "description": "The SQL condition."},
        "show": columns_schema("The columns to show of each entry for which the condition is not true."),
        **RowKind.parameters_schema,
    }
    required_parameters = ("expression",)

    def unexpected(self) -> str:
        """Select the entries for which the condition is not true."""
        return f"({closed(self.parameters['expression'])}) IS NOT TRUE"

    def shown_columns(self) -> Sequence[str]:
        """Show the columns listed in `show`."""
        return list(self.parameters.get("show", ()))

    def expected(self) -> str:
        """Return the condition."""
        return " ".join(self.parameters["expression"].split())
