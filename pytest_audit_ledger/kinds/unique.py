"""The kind unique: no two entries share a value of the column."""

from __future__ import annotations

from pytest_audit_ledger.kinds.data_kind import OCCURRENCES, ValueKind


class Unique(ValueKind):
    """No two entries have the same value in the column."""

    name = "unique"
    aliases = ("expect_column_values_to_be_unique",)
    rule = "No two entries have the same value in the column."
    remedy = "Find out which of the entries with the same value is the right one, and why there are several."
    code = "DUPLICATE"
    fault = "the value of {column} occurs in other entries, too"

    def extras(self) -> str:
        """Count the entries that share a value."""
        return f", count(*) OVER (PARTITION BY {self.column()}) AS {OCCURRENCES}"

    def unexpected(self) -> str:
        """Select the entries whose value others share."""
        return f"{OCCURRENCES} > 1"
