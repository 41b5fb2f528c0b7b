"""The kind sequential_values: sorted, each value of the column is the previous one plus an interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import BEFORE, ValueKind
from pytest_audit_ledger.model.duration import DURATION_PATTERN, duration


class SequentialValues(ValueKind):
    """Sorted, each value of the column is the previous one plus an interval."""

    name = "sequential_values"
    rule = "Sorted, each value of the column is the previous one plus the interval."
    remedy = "Find out what is missing, or occurs twice, before the values shown."
    code = "NOT_SEQUENTIAL"
    fault = "the value of {column} is not the previous value plus {interval}"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "interval": {
            "type": ["integer", "string"],
            "pattern": DURATION_PATTERN,
            "exclusiveMinimum": 0,
            "examples": ["1h"],
            "default": 1,
            "description": "A whole number; for times a duration such as 90s, 5m, 24h or 7d.",
        },
    }

    def extras(self) -> str:
        """Return the next smaller value as a column."""
        column = self.column()
        order = ", ".join([column, *self.streams(), self.sequence()])
        return f", lag({column}) OVER (PARTITION BY {column} IS NULL ORDER BY {order}) AS {BEFORE}"

    def unexpected(self) -> str:
        """Select the values with another difference."""
        type_ = "interval" if isinstance(self.parameters["interval"], str) else "numeric"
        return f"{self.column()} <> {BEFORE} + %(check.interval)s::{type_}"

    def values(self) -> Mapping[str, Any]:
        """Return the interval as the server reads it."""
        interval = self.parameters["interval"]
        return (
            {"interval": f"{duration(interval).total_seconds():.0f} seconds"}
            if isinstance(interval, str)
            else super().values()
        )
