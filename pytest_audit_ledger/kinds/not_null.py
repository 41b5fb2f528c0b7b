"""The kind not_null: every entry has a value in the column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COLUMN, RowKind


class NotNull(RowKind):
    """Every entry has a value in the column."""

    name = "not_null"
    aliases = ("expect_column_values_to_not_be_null",)
    rule = "Every entry has a value in the column."
    remedy = "Find out what wrote the entries shown without the value, and correct it."
    code = "VALUE_MISSING"
    fault = "{column} has no value"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"column": COLUMN, **RowKind.parameters_schema}
    required_parameters = ("column",)

    def unexpected(self) -> str:
        """Select the entries without a value."""
        return f"{self.column()} IS NULL"

    def shown_columns(self) -> Sequence[str]:
        """Show no column, because the value is missing."""
        return ()
