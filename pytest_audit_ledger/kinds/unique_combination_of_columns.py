"""The kind unique_combination_of_columns: no two entries share a combination of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import OCCURRENCES, RowKind, columns_schema
from pytest_audit_ledger.kinds.unique import Unique


class UniqueCombinationOfColumns(RowKind):
    """No two entries have the same combination of values in these columns; missing values count as equal."""

    name = "unique_combination_of_columns"
    aliases = ("expect_compound_columns_to_be_unique",)
    rule = "No two entries have the same combination of values in the columns."
    remedy = Unique.remedy
    code = "DUPLICATE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "columns": columns_schema("The columns whose values are combined.", minItems=2, uniqueItems=True),
        **RowKind.parameters_schema,
    }
    required_parameters = ("columns",)

    def extras(self) -> str:
        """Count the entries that share a combination."""
        together = ", ".join(map(self.named, self.parameters["columns"]))
        return f", count(*) OVER (PARTITION BY {together}) AS {OCCURRENCES}"

    def unexpected(self) -> str:
        """Select the entries whose combination others share."""
        return f"{OCCURRENCES} > 1"

    def message(self) -> str:
        """Name the columns."""
        return f"the combination of {', '.join(self.parameters['columns'])} occurs in other entries, too"
