"""The kind accepted_range: every value of the column is within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import ValueKind, bounds_in_words, reversed_or_no_bounds, value_text

_BOUND: Mapping[str, Any] = {
    "type": ["number", "string"],
    "description": "A number, or a text that is read as the column's type, such as 2026-05-01.",
}


class AcceptedRange(ValueKind):
    """Every value of the column lies between two bounds, of which one may be left out."""

    name = "accepted_range"
    aliases = ("expect_column_values_to_be_between",)
    rule = "Every value of the column lies within the bounds."
    remedy = "Find out why the values shown lie outside, and correct the bounds or what writes the values."
    code = "OUT_OF_RANGE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "min_value": _BOUND,
        "max_value": _BOUND,
        "inclusive": {"type": "boolean", "default": True, "description": "Whether the bounds themselves are within."},
    }

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse bounds that bound nothing, or everything."""
        yield from super().objections(parameters)
        yield from reversed_or_no_bounds(parameters, "column")

    def unexpected(self) -> str:
        """Return that the value lies outside."""
        column, inclusive = self.column(), self.parameters["inclusive"]
        type_ = _unbounded(self.ledger.columns[self.parameters["column"]].type)
        below, above = ("<", ">") if inclusive else ("<=", ">=")
        bounds = (("min_value", below), ("max_value", above))
        return " OR ".join(
            f"{column} {sign} %(check.{name})s::{type_}" for name, sign in bounds if name in self.parameters
        )

    def values(self) -> Mapping[str, Any]:
        """Return the bounds, as text that the server reads as the column's type."""
        return {
            name: value_text(self.parameters[name]) for name in ("min_value", "max_value") if name in self.parameters
        }

    def message(self) -> str:
        """Name the column."""
        return f"the value of {self.parameters['column']} lies outside of the bounds"

    def expected(self) -> str:
        """Return the bounds."""
        return bounds_in_words(self.parameters)


def _unbounded(type_: str) -> str:
    """Return the type that a bound is read as: one that does not cut or round it, as `numeric(5,2)` would."""
    if type_ in ("smallint", "integer", "bigint"):
        return "numeric"
    return re.sub(r"\(.*?\)", "", "bpchar" if type_.startswith("character(") else type_)
