"""The kind accepted_range: every value of the column is within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import ValueKind, bounds_in_words, reversed_or_no_bounds

_BOUND: Mapping[str, Any] = {
    "type": ["number", "string"],
    "description": "A number, or a value of the column's type in quotes, such as 2026-05-01.",
}

_DATE = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1[0-9]{2,4}")
"""A date that starts with a day or a month, which depends on settings of the server."""

_GROUPED = re.compile(r"-?[0-9]{1,3}(?:[,' ][0-9]{3})+(?:[.,][0-9]+)?|-?[0-9]+,[0-9]+|-?[0-9]{1,3}(?:\.[0-9]{3}){2}")
"""A number with separators of thousands, or with a decimal comma."""


class AcceptedRange(ValueKind):
    """Every value of the column is between two bounds; one of them may be left out."""

    name = "accepted_range"
    aliases = ("expect_column_values_to_be_between",)
    rule = "Every value of the column is within the bounds."
    remedy = "Find out what wrote the values shown, and correct it, or correct the bounds."
    code = "OUT_OF_RANGE"
    fault = "the value of {column} is outside the bounds"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **ValueKind.parameters_schema,
        "min_value": _BOUND,
        "max_value": _BOUND,
        "inclusive": {"type": "boolean", "default": True, "description": "Whether the bounds themselves are allowed."},
    }

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse missing and reversed bounds."""
        yield from super().objections(parameters)
        yield from reversed_or_no_bounds(parameters, "column")
        for name in ("min_value", "max_value"):
            bound = str(parameters.get(name, "")).strip()
            if _DATE.fullmatch(bound):
                yield name, f"the date {bound} can be read in several ways; write year-month-day, such as 2026-12-01"
            elif _GROUPED.fullmatch(bound):
                yield name, f"{bound} is not a number; write it without thousands separators, with a decimal point"

    def unexpected(self) -> str:
        """Select the values outside the bounds."""
        column, inclusive = self.column(), self.parameters["inclusive"]
        type_ = _unbounded(self.ledger.columns[self.parameters["column"]].type)
        below, above = ("<", ">") if inclusive else ("<=", ">=")
        bounds = (("min_value", below), ("max_value", above))
        return " OR ".join(
            f"{column} {sign} %(check.{name})s::{type_}" for name, sign in bounds if name in self.parameters
        )

    def expected(self) -> str:
        """Return the bounds."""
        return bounds_in_words(self.parameters)


def _unbounded(type_: str) -> str:
    """Return a type for a bound that does not cut or round it, as `numeric(5,2)` would."""
    if type_ in ("smallint", "integer", "bigint"):
        return "numeric"
    return re.sub(r"\(.*?\)", "", "bpchar" if type_.startswith("character(") else type_)
