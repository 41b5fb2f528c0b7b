"""The kind accepted_values: every value of the column is on a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import ValueKind, value_text

_SCALAR: Mapping[str, Any] = {"type": ["string", "integer", "boolean"]}


class AcceptedValues(ValueKind):
    """Every value of the column is in a list."""

    name = "accepted_values"
    aliases = ("expect_column_values_to_be_in_set",)
    rule = "Every value of the column is in the list."
    remedy = "Find out what wrote the values shown, and correct it, or add them to the list."
    code = "VALUE_NOT_ACCEPTED"
    fault = "the value of {column} is not one of the accepted values"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "values": {
            "type": "array",
            "items": _SCALAR,
            "minItems": 1,
            "uniqueItems": True,
            "description": "The accepted values.",
        },
    }
    required_parameters = ("column", "values")

    def unexpected(self) -> str:
        """Select the values that are not in the list."""
        return f"{self.column()}::text <> ALL (%(check.values)s)"

    def expected(self) -> str:
        """Return the list."""
        return ", ".join(map(value_text, self.parameters["values"]))
