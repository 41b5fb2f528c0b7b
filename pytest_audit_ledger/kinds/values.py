"""The kinds about values of columns, entry by entry: not_null, unique, accepted_values and their like.

Names are those of dbt and dbt-utils, and as aliases those of Great Expectations. As there, a missing value is judged by
not_null alone; a check that finds nothing but missing values has examined nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.base import DURATION_PATTERN, duration
from pytest_audit_ledger.kinds.data import COLUMN, RowKind, bounds_in_words, reversed_or_no_bounds
from pytest_audit_ledger.names import quoted, split_name

_BOUND: Mapping[str, Any] = {
    "type": ["number", "string"],
    "description": "A number, or a text that is read as the column's type, such as 2026-05-01.",
}
_SCALAR: Mapping[str, Any] = {"type": ["string", "integer", "boolean"]}

_BEFORE = quoted("the value before")
_OCCURRENCES = quoted("the number of occurrences")


def _text(value: Any) -> str:
    """Return a value of YAML as PostgreSQL prints it; a whole number may be written as 1e3 there."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class NotNull(RowKind):
    """The column has a value in every entry."""

    name = "not_null"
    aliases = ("expect_column_values_to_not_be_null",)
    rule = "Every entry has a value in the column."
    remedy = "Find out what wrote the entries shown without the value, and supply it where entries are written."
    code = "VALUE_MISSING"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"column": COLUMN, **RowKind.parameters_schema}
    required_parameters = ("column",)

    def unexpected(self) -> str:
        """Return what a missing value is."""
        return f"{self.column()} IS NULL"

    def told_columns(self) -> Sequence[str]:
        """Show nothing: there is nothing there."""
        return ()

    def message(self) -> str:
        """Name the column."""
        return f"{self.parameters['column']} has no value"


class _ValueKind(RowKind):
    """A kind that judges a column where it has a value."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"column": COLUMN, **RowKind.parameters_schema}
    required_parameters: ClassVar[Sequence[str]] = ("column",)

    def judged(self) -> str:
        """Return that there is a value."""
        return f"{self.column()} IS NOT NULL"


class Unique(_ValueKind):
    """No value of the column stands in two entries."""

    name = "unique"
    aliases = ("expect_column_values_to_be_unique",)
    rule = "Every value of the column stands in one entry only."
    remedy = "Find out which of the entries that share a value is the right one, and why there are two."
    code = "DUPLICATE"

    def extras(self) -> str:
        """Count the entries that share a value."""
        return f", count(*) OVER (PARTITION BY {self.column()}) AS {_OCCURRENCES}"

    def unexpected(self) -> str:
        """Return that others share the value."""
        return f"{_OCCURRENCES} > 1"

    def message(self) -> str:
        """Name the column."""
        return f"the value of {self.parameters['column']} stands in other entries, too"


class UniqueCombinationOfColumns(RowKind):
    """No combination of values of the columns stands in two entries; missing values count as equal."""

    name = "unique_combination_of_columns"
    aliases = ("expect_compound_columns_to_be_unique",)
    rule = "Every combination of values of the columns stands in one entry only."
    remedy = Unique.remedy
    code = "DUPLICATE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "columns": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 2,
            "uniqueItems": True,
            "description": "The columns whose values are combined.",
        },
        **RowKind.parameters_schema,
    }
    required_parameters = ("columns",)

    def extras(self) -> str:
        """Count the entries that share a combination."""
        together = ", ".join(map(self.named, self.parameters["columns"]))
        return f", count(*) OVER (PARTITION BY {together}) AS {_OCCURRENCES}"

    def unexpected(self) -> str:
        """Return that others share the combination."""
        return f"{_OCCURRENCES} > 1"

    def told_columns(self) -> Sequence[str]:
        """Show all of the columns."""
        return list(self.parameters["columns"])

    def message(self) -> str:
        """Name the columns."""
        return f"the combination of {', '.join(self.parameters['columns'])} stands in other entries, too"


class AcceptedValues(_ValueKind):
    """Every value of the column is one of a list."""

    name = "accepted_values"
    aliases = ("expect_column_values_to_be_in_set",)
    rule = "Every value of the column is one of those listed."
    remedy = "Add the value to the list if it is right, or find out what wrote it."
    code = "VALUE_NOT_ACCEPTED"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
        "values": {
            "type": "array",
            "items": _SCALAR,
            "minItems": 1,
            "uniqueItems": True,
            "description": "The values that are accepted.",
        },
    }
    required_parameters = ("column", "values")

    def unexpected(self) -> str:
        """Return that the value is none of the list."""
        return f"{self.column()}::text <> ALL (%(check.values)s)"

    def values(self) -> Mapping[str, Any]:
        """Return the list, as text."""
        return {"values": list(map(_text, self.parameters["values"]))}

    def message(self) -> str:
        """Name the column."""
        return f"the value of {self.parameters['column']} is none of those that are accepted"

    def expected(self) -> str:
        """Return the list."""
        return ", ".join(map(_text, self.parameters["values"]))


class AcceptedRange(_ValueKind):
    """Every value of the column lies between two bounds, of which one may be left out."""

    name = "accepted_range"
    aliases = ("expect_column_values_to_be_between",)
    rule = "Every value of the column lies within the bounds."
    remedy = "Find out why the values shown lie outside, and correct the bounds or what writes the values."
    code = "OUT_OF_RANGE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
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
        return {name: _text(self.parameters[name]) for name in ("min_value", "max_value") if name in self.parameters}

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


class ValuesMatchRegex(_ValueKind):
    """Every value of the column matches a regular expression of PostgreSQL, anywhere unless anchored by ^ and $."""

    name = "values_match_regex"
    aliases = ("expect_column_values_to_match_regex",)
    rule = "Every value of the column matches the regular expression."
    remedy = "Find out what wrote the values shown, and correct it or the expression."
    code = "NO_MATCH"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
        "regex": {"type": "string", "minLength": 1, "description": "The expression (PostgreSQL's ARE syntax)."},
    }
    required_parameters = ("column", "regex")

    def unexpected(self) -> str:
        """Return that the value does not match."""
        return f"{self.column()}::text !~ %(check.regex)s"

    def values(self) -> Mapping[str, Any]:
        """Return the expression."""
        return {"regex": self.parameters["regex"]}

    def message(self) -> str:
        """Name the column."""
        return f"the value of {self.parameters['column']} does not match"

    def expected(self) -> str:
        """Return the expression."""
        return str(self.parameters["regex"])


class ValuesIncreasing(_ValueKind):
    """From entry to entry the column's value does not decrease, missing values left out."""

    name = "values_increasing"
    aliases = ("expect_column_values_to_be_increasing",)
    rule = "From entry to entry, in order of sequence number, the value of the column does not decrease."
    remedy = "Find out why the value went back at the entries shown: a clock, a counter, or a change."
    code = "NOT_INCREASING"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
        "strictly": {"type": "boolean", "default": False, "description": "Whether it must increase each time."},
    }

    def extras(self) -> str:
        """Look at the value before."""
        column = self.column()
        return f", lag({column}) OVER (PARTITION BY {column} IS NULL ORDER BY sequence_number) AS {_BEFORE}"

    def besides(self) -> Sequence[str]:
        """Show the value before, too."""
        return [] if self.redacts(self.parameters["column"]) else [_BEFORE]

    def unexpected(self) -> str:
        """Return that the value is less than the one before, or not more."""
        return f"{self.column()} {'<=' if self.parameters['strictly'] else '<'} {_BEFORE}"

    def message(self) -> str:
        """Name the column."""
        wrong = "does not increase" if self.parameters["strictly"] else "decreases"
        return f"the value of {self.parameters['column']} {wrong} from the entry before"


class SequentialValues(_ValueKind):
    """In order of the column itself, each value is the one before plus an interval."""

    name = "sequential_values"
    rule = "In order of the column itself, each value is the one before plus the interval."
    remedy = "Find out what is missing, or stands twice, before the values shown."
    code = "NOT_SEQUENTIAL"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
        "interval": {
            "type": ["integer", "string"],
            "pattern": DURATION_PATTERN,
            "exclusiveMinimum": 0,
            "examples": ["1h"],
            "default": 1,
            "description": "A whole number, or for times a length such as 90s, 5m, 24h or 7d.",
        },
    }

    def extras(self) -> str:
        """Look at the next smaller value."""
        column = self.column()
        return f", lag({column}) OVER (PARTITION BY {column} IS NULL ORDER BY {column}, sequence_number) AS {_BEFORE}"

    def besides(self) -> Sequence[str]:
        """Show the value before, too."""
        return [] if self.redacts(self.parameters["column"]) else [_BEFORE]

    def unexpected(self) -> str:
        """Return that the difference is another one."""
        type_ = "interval" if isinstance(self.parameters["interval"], str) else "numeric"
        return f"{self.column()} <> {_BEFORE} + %(check.interval)s::{type_}"

    def values(self) -> Mapping[str, Any]:
        """Return the interval, as text."""
        interval = self.parameters["interval"]
        if isinstance(interval, str):
            return {"interval": f"{duration(interval).total_seconds():.0f} seconds"}
        return {"interval": str(interval)}

    def message(self) -> str:
        """Name the column and the interval."""
        return f"the value of {self.parameters['column']} is not the one before plus {self.parameters['interval']}"


class PairAGreaterThanB(RowKind):
    """In every entry that has both, the value of one column is greater than that of another."""

    name = "pair_a_greater_than_b"
    aliases = ("expect_column_pair_values_a_to_be_greater_than_b",)
    rule = "In every entry that has both values, the one in column_a is greater than the one in column_b."
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
        """Return that both have a value."""
        return f"({self.column('column_a')}, {self.column('column_b')}) IS NOT NULL"

    def unexpected(self) -> str:
        """Return that the one is not greater."""
        return f"{self.column('column_a')} {'<' if self.parameters['or_equal'] else '<='} {self.column('column_b')}"

    def told_columns(self) -> Sequence[str]:
        """Show both."""
        return [self.parameters["column_a"], self.parameters["column_b"]]

    def message(self) -> str:
        """Name both columns."""
        than = "less than" if self.parameters["or_equal"] else "not greater than"
        return f"{self.parameters['column_a']} is {than} {self.parameters['column_b']}"


class Relationships(_ValueKind):
    """Every value of the column stands in a column of another table."""

    name = "relationships"
    rule = "Every value of the column stands in the column of the other table."
    remedy = "Add what is missing to the other table if it is right, or find out what wrote the value."
    code = "NO_COUNTERPART"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_ValueKind.parameters_schema,
        "to": {"type": "string", "minLength": 1, "description": "The other table, as schema.table."},
        "field": {"type": "string", "minLength": 1, "description": "Its column."},
    }
    required_parameters = ("column", "to", "field")

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse what is no name of a table."""
        yield from super().objections(parameters)
        try:
            split_name(parameters["to"])
        except UsageError as error:
            yield "to", str(error).rstrip(".")

    def unexpected(self) -> str:
        """Return that no row of the other table has the value."""
        other, field = quoted(*split_name(self.parameters["to"])), quoted(self.parameters["field"])
        return f"NOT EXISTS (SELECT FROM {other} AS other WHERE other.{field} = entry.{self.column()})"

    def message(self) -> str:
        """Name both columns."""
        return f"the value of {self.parameters['column']} is none of {self.parameters['to']}.{self.parameters['field']}"
