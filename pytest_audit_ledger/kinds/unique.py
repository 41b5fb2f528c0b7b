"""The kind unique: no two entries share a value of the column."""

from __future__ import annotations

from pytest_audit_ledger.kinds.data_kind import OCCURRENCES, ValueKind


class Unique(ValueKind):
    """No value of the column stands in two entries."""

    name = "unique"
    aliases = ("expect_column_values_to_be_unique",)
    rule = "Every value of the column stands in one entry only."
    remedy = "Find out which of the entries that share a value is the right one, and why there are two."
    code = "DUPLICATE"

    def extras(self) -> str:
        """Count the entries that share a value."""
        return f", count(*) OVER (PARTITION BY {self.column()}) AS {OCCURRENCES}"

    def unexpected(self) -> str:
        """Return that others share the value."""
        return f"{OCCURRENCES} > 1"

    def message(self) -> str:
        """Name the column."""
        return f"the value of {self.parameters['column']} stands in other entries, too"
