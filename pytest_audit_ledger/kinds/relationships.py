"""The kind relationships: every value of the column occurs in a column of another table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.data_kind import ValueKind
from pytest_audit_ledger.model.sql_names import quoted, split_name


class Relationships(ValueKind):
    """Every value of the column occurs in a column of another table."""

    name = "relationships"
    rule = "Every value of the column occurs in the column of the other table."
    remedy = "Find out what wrote the values shown, and correct it, or add them to the other table."
    code = "NO_COUNTERPART"
    fault = "the value of {column} is not in {to}.{field}"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "to": {"type": "string", "minLength": 1, "description": "The other table, as schema.table."},
        "field": {"type": "string", "minLength": 1, "description": "Its column."},
    }
    required_parameters = ("column", "to", "field")

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse an invalid name of a table."""
        yield from super().objections(parameters)
        try:
            split_name(parameters["to"])
        except UsageError as error:
            yield "to", str(error).rstrip(".")

    def unexpected(self) -> str:
        """Select the values that no row of the other table has."""
        other, field = quoted(*split_name(self.parameters["to"])), quoted(self.parameters["field"])
        return f"NOT EXISTS (SELECT FROM {other} AS other WHERE other.{field} = entry.{self.column()})"
