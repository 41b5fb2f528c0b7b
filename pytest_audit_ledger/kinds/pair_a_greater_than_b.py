"""The kind pair_a_greater_than_b: the value of one column is greater than the value of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COLUMN, RowKind


class PairAGreaterThanB(RowKind):
    """In every entry that has both values, `column_a` is greater than `column_b`."""

    name = "pair_a_greater_than_b"
    aliases = ("expect_column_pair_values_a_to_be_greater_than_b",)
    rule = "In every entry that has both values, column_a is greater than column_b."
    remedy = "Find out which of the two values is wrong in the entries shown, and what wrote it."
    code = "PAIR_ORDER"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "column_a": {**COLUMN, "description": "The column with the greater value."},
        "column_b": {**COLUMN, "description": "The column with the smaller value."},
        "or_equal": {"type": "boolean", "default": False, "description": "Whether the two may be equal."},
        **RowKind.parameters_schema,
    }
    required_parameters = ("column_a", "column_b")

    def judged(self) -> str:
        """Select the entries that have both values."""
        return f"({self.column('column_a')}, {self.column('column_b')}) IS NOT NULL"

    def unexpected(self) -> str:
        """Select the entries in which column_a is not greater."""
        return f"{self.column('column_a')} {'<' if self.parameters['or_equal'] else '<='} {self.column('column_b')}"

    def message(self) -> str:
        """Name both columns."""
        than = "less than" if self.parameters["or_equal"] else "not greater than"
        return f"{self.parameters['column_a']} is {than} {self.parameters['column_b']}"
