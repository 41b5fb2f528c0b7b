"""The kind values_increasing: from entry to entry the value of the column does not decrease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import BEFORE, ValueKind


class ValuesIncreasing(ValueKind):
    """From entry to entry of a stream the value of the column does not decrease; missing values are left out."""

    name = "values_increasing"
    aliases = ("expect_column_values_to_be_increasing",)
    rule = "From entry to entry, in order of sequence number, the value of the column does not decrease."
    remedy = "Find out why the value decreased at the entries shown: a clock, a counter, or a change."
    code = "NOT_INCREASING"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "strictly": {"type": "boolean", "default": False, "description": "Whether the value must increase each time."},
    }

    def extras(self) -> str:
        """Return the value of the entry before in its stream as a column."""
        column = self.column()
        chain = ", ".join([*self.streams(), f"{column} IS NULL"])
        return f", lag({column}) OVER (PARTITION BY {chain} ORDER BY {self.sequence()}) AS {BEFORE}"

    def unexpected(self) -> str:
        """Select the values that are less than the one before, or not more."""
        return f"{self.column()} {'<=' if self.parameters['strictly'] else '<'} {BEFORE}"

    def message(self) -> str:
        """Name the column."""
        wrong = "does not increase" if self.parameters["strictly"] else "decreases"
        return f"the value of {self.parameters['column']} {wrong} from the entry before"
