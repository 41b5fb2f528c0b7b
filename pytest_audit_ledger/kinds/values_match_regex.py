"""The kind values_match_regex: every value of the column matches a regular expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import ValueKind


class ValuesMatchRegex(ValueKind):
    """Every value of the column matches a regular expression (PostgreSQL's), anywhere unless anchored by ^ and $."""

    name = "values_match_regex"
    aliases = ("expect_column_values_to_match_regex",)
    rule = "Every value of the column matches the regular expression."
    remedy = "Find out what wrote the values shown, and correct it, or correct the expression."
    code = "NO_MATCH"
    fault = "the value of {column} does not match the regular expression"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "regex": {"type": "string", "minLength": 1, "description": "The expression (PostgreSQL's ARE syntax)."},
    }
    required_parameters = ("column", "regex")

    def unexpected(self) -> str:
        """Select the values that do not match."""
        return f"{self.column()}::text !~ %(check.regex)s"

    def expected(self) -> str:
        """Return the expression."""
        return str(self.parameters["regex"])
