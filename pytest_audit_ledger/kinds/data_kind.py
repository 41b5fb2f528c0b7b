"""The base classes of the kinds about data: which entries a check judges, and how many unexpected ones are too many.

A row kind gives two SQL conditions: which entries it judges, and which of those are unexpected.

    class NotNull(RowKind):
        name = "not_null"
        ...
        def unexpected(self) -> str:
            return f"{self.column()} IS NULL"

The base class does the rest. It counts the entries on the server, and fetches only the first unexpected ones.

The kinds are named as in dbt, dbt-utils and Soda, with aliases as in Great Expectations. As there, only not_null judges
a missing value; a check that finds nothing but missing values has examined nothing.
"""

from __future__ import annotations

import operator
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from itertools import count
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable
from pytest_audit_ledger.kinds.kind import QueryKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Finding, Severity
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.model.profile import ROLES, SEQUENCE
from pytest_audit_ledger.model.questions import Queries, Rows, Statement
from pytest_audit_ledger.model.sql_names import closed, quoted

EXPRESSION = "sql-expression"
QUERY = "sql-query"

LIMIT_PATTERN = r"^(>=|<=|>|<|=|!=) ?-?(?![1-9][0-9]{0,2}\.[0-9]{3}$)[0-9]{1,30}(\.[0-9]{1,30})?$(?!\n)"
"""A comparison and a number; not `5.000`, which some countries read as five thousand."""

_COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}

COLUMN: Mapping[str, Any] = {"type": "string", "minLength": 1, "description": "The column that is judged."}
"""The schema of the parameter that names a column."""

BEFORE = quoted("the value before")
OCCURRENCES = quoted("the number of occurrences")
STREAM_SHOWN = "the stream"
"""The names of the columns that row kinds add to the entries."""

NAMES_OF_COLUMNS = ("column", "column_a", "column_b", "columns", "redact")
"""The parameters that name columns of the ledger; each can be `role:NAME`."""

LONGEST_SHOWN = 300
"""Characters of a value in a finding about a row."""


def limit_schema(description: str) -> Mapping[str, Any]:
    """Return the schema of a parameter such as `> 0.05`."""
    return {"type": "string", "pattern": LIMIT_PATTERN, "examples": ['"> 0.05"'], "description": description}


def columns_schema(description: str, **limits: Any) -> Mapping[str, Any]:
    """Return the schema of a parameter that lists columns."""
    return {"type": "array", "items": {"type": "string", "minLength": 1}, **limits, "description": description}


WHERE: Mapping[str, Any] = {
    "type": "string",
    "format": EXPRESSION,
    "description": "An SQL condition; only the entries for which it is true are judged.",
}

COMMON: Mapping[str, Mapping[str, Any]] = {
    "where": WHERE,
    "allow_empty": {
        "type": "boolean",
        "default": False,
        "description": "Skip the check, instead of failing it, if there is no entry to judge.",
    },
    "warn_if": limit_schema("Warn if the number of unexpected entries is in this range, such as > 0."),
    "error_if": limit_schema("Fail only if the number of unexpected entries is in this range, such as > 10."),
    "redact": columns_schema("Columns whose values are never shown."),
}
"""The parameters of every kind about data."""


def meets(value: Decimal, limit: str) -> bool:
    """Return whether a number is within a limit such as `> 0.05`. Raises CannotEvaluate for NaN."""
    number = limit.lstrip("<>=!")
    if value.is_nan():
        raise CannotEvaluate("The result is NaN, which cannot be compared with a limit.", "Correct the SQL.")
    return bool(_COMPARISONS[limit.removesuffix(number)](value, Decimal(number)))


def reversed_or_no_bounds(parameters: Mapping[str, Any], place: str) -> Iterable[tuple[str, str]]:
    """Yield the objections to a pair of bounds; `place` is the parameter to point at if both are missing."""
    low, high = parameters.get("min_value"), parameters.get("max_value")
    if low is None and high is None:
        yield place, "it needs min_value, max_value, or both"
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        yield "min_value", f"it is greater than max_value, {high}"


def bounds_in_words(parameters: Mapping[str, Any]) -> str:
    """Return the bounds in words."""
    words = {"min_value": "at least", "max_value": "at most"}
    if not parameters.get("inclusive", True):
        words = {"min_value": "more than", "max_value": "less than"}
    return " and ".join(f"{word} {parameters[name]}" for name, word in words.items() if name in parameters)


class DataKind(QueryKind):
    """Judge the data in the entries."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = COMMON

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        named = {name: self._columns_of(value) for name, value in self.parameters.items() if name in NAMES_OF_COLUMNS}
        self.parameters = {**self.parameters, **named}
        self.unexpected_rows = 0

    def _columns_of(self, named: Any) -> Any:
        """Return the column that a parameter names by its name or its role, or a list of them."""
        if isinstance(named, str):
            return self._column_of(named)
        return [self._column_of(name) for name in named]

    def _column_of(self, named: str) -> str:
        profile, role = self.ledger.profile, named.removeprefix("role:")
        if role != named and not profile.has(ROLES.get(role, role)):
            raise NotApplicable(f"The profile {profile.name} names no column for the role {clip(role, LONGEST_SHOWN)}.")
        return profile.named(named)

    @property
    def unexpected_count(self) -> int:
        """The number of unexpected entries, also if so many are tolerated."""
        return self.unexpected_rows

    def column(self, parameter: str = "column") -> str:
        """Return the column that a parameter names, quoted for SQL."""
        return self.named(self.parameters[parameter])

    def named(self, column: str) -> str:
        """Return a column of the ledger, quoted for SQL. Raises CannotEvaluate if there is no column of that name."""
        columns = self.ledger.columns
        if column not in columns:
            close = get_close_matches(column, columns, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(columns)}."
            raise CannotEvaluate(f"The ledger has no column {clip(column, LONGEST_SHOWN)!r}.", hint)
        return quoted(column)

    def sequence(self) -> str:
        """Return the number of an entry, quoted for SQL; a number in a column of texts sorts as a number."""
        profile = self.ledger.profile
        return f"{quoted(profile.column(SEQUENCE))}{'::pg_catalog.int8' if profile.sequence_as else ''}"

    def streams(self) -> Sequence[str]:
        """Return the columns that name the chain of an entry, quoted for SQL; none if the ledger has one chain."""
        return [quoted(column) for column in self.ledger.profile.streams]

    def entries(self, select: str = "*") -> str:
        """Return the entries that the check selects, as a subquery."""
        conditions = filter(None, (self.ledger.profile.where, self.parameters.get("where")))
        where = " AND ".join(f"({closed(condition)})" for condition in conditions)
        where = where and f" WHERE {where}"
        return f"(SELECT {select} FROM {{ledger}} AS entry{where}) AS entry"  # noqa: S608  (names are quoted, values bound)

    def statement(self, sql: str, **values: Any) -> Statement:
        """Return a statement with the variables of the suite, and with `values` as `%(check.name)s`."""
        own = {f"check.{name}": value for name, value in values.items()}
        redacted = bool(self.parameters.get("redact"))
        return Statement(sql, {**self.parameters.get("variables", {}), **own}, redacted)

    def gravity(self, number: Decimal) -> Severity | None:
        """Return the severity that `warn_if` and `error_if` give to this number, None for that of the check."""
        error_if, warn_if = self.parameters.get("error_if"), self.parameters.get("warn_if")
        if error_if is None and warn_if is None:
            return None
        if error_if is not None and meets(number, error_if):
            return None
        return Severity.WARNING if warn_if is not None and meets(number, warn_if) else Severity.INFO

    def redacts(self, column: str) -> bool:
        """Return whether the values of a column are never shown."""
        return column in self.parameters.get("redact", ())

    def value_shown(self, name: str, value: str | None) -> str:
        """Return a value of a column as it is shown."""
        if self.redacts(name):
            return "(redacted)"
        return "NULL" if value is None else clip(value, LONGEST_SHOWN)

    def findings_of(self, rows: Rows, like: Finding) -> list[Finding]:
        """Return a finding for each row: its sequence number and stream, if it has them, and its columns in words."""
        return [self._finding_of(row, rows.columns, like) for row in rows.first]

    def _finding_of(self, row: Sequence[str | None], columns: Sequence[str], like: Finding) -> Finding:
        number, stream, words = None, "", []
        for name, value in zip(columns, row, strict=True):
            if (
                name == self.ledger.profile.column(SEQUENCE)
                and number is None
                and value is not None
                and _is_integer(value)
            ):
                number = int(value)
            elif name == STREAM_SHOWN or [name] == [*self.ledger.profile.streams]:
                stream = self.value_shown(self.ledger.profile.streams[0], value)
            else:
                words.append(f"{name} = {self.value_shown(name, value)}")
        return replace(like, sequence_number=number, stream=stream, actual=", ".join(words))


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,19}", text) is not None


class RowKind(DataKind):
    """Judge each entry by itself, or together with its neighbours."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **COMMON,
        "mostly": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The share of the judged entries that must be as expected, such as 0.99; by default all.",
        },
    }
    code: ClassVar[str]
    """The code of its findings."""

    fault: ClassVar[str] = ""
    """What is wrong with an unexpected entry, with parameters in braces; its rule if empty."""

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse two limits for the same number."""
        if "mostly" in parameters and ("warn_if" in parameters or "error_if" in parameters):
            yield "mostly", "it cannot be combined with warn_if or error_if; keep one"

    def extras(self) -> str:
        """Return further columns for the subquery of entries, such as the neighbour's value."""
        return ""

    def judged(self) -> str:
        """Return the SQL condition for the entries that are judged, such as those that have a value."""
        return "true"

    @abstractmethod
    def unexpected(self) -> str:
        """Return the SQL condition for the entries that are not as expected."""

    def values(self) -> Mapping[str, Any]:
        """Return the values that the condition uses as `%(check.name)s`: the parameters of these names, as text."""
        return {name: _as_text(self.parameters[name]) for name in _BOUND.findall(self.unexpected())}

    def shown_columns(self) -> Sequence[str]:
        """Return the columns that a finding shows, by name: those that the parameters name."""
        single = [self.parameters[name] for name in ("column", "column_a", "column_b") if name in self.parameters]
        return [*single, *self.parameters.get("columns", ())]

    def shown_extras(self) -> Sequence[str]:
        """Return which of the columns that `extras` adds a finding shows, quoted for SQL: the value before."""
        return [BEFORE] if BEFORE in self.extras() and not self.redacts(self.parameters["column"]) else []

    def message(self) -> str:
        """Return what is wrong with an unexpected entry."""
        return self.fault.format_map(self.parameters) or self.rule

    def expected(self) -> str:
        """Return what was expected of an entry."""
        return ""

    def statements(self) -> Mapping[str, Statement]:
        """Return the statements that count the entries and that show the unexpected ones."""
        entries = self.entries(f"*{self.extras()}")
        judged, unexpected = f"({self.judged()})", f"({self.unexpected()})"
        place = [*self._stream_shown(), self.sequence()]
        shown = ", ".join(dict.fromkeys([*place, *map(self.named, self.shown_columns()), *self.shown_extras()]))
        return {
            "count": self.statement(
                f"SELECT count(*) AS entries,\n       count(*) FILTER (WHERE {judged}) AS judged,\n"
                f"       count(*) FILTER (WHERE {judged} AND {unexpected}) AS unexpected\nFROM {entries}",
                **self.values(),
            ),
            "show": self.statement(
                f"SELECT {shown}\nFROM {entries}\nWHERE {judged} AND {unexpected}\n"
                f"ORDER BY {', '.join([*self.streams(), self.sequence()])}\nLIMIT {self.findings.limit}",
                **self.values(),
            ),
        }

    def _stream_shown(self) -> Sequence[str]:
        streams = self.streams()
        name = streams[0] if len(streams) == 1 else f"ROW({', '.join(streams)})::pg_catalog.text"
        return [f"{name} AS {quoted(STREAM_SHOWN)}"] if streams else []

    def examine(self, queries: Queries) -> None:
        """Count the entries, and fetch the first unexpected ones."""
        statements = self.statements()
        entries, self.element_count, self.unexpected_rows = (
            int(count or 0) for count in queries.ask(statements["count"], 1).first[0]
        )
        if entries != self.element_count:
            self.facts["without a value"] = f"{entries - self.element_count:,} of {entries:,} entries, not judged"
        if not self.unexpected_rows:
            return
        severity = self._gravity_of_rows()
        rows = queries.ask(statements["show"], self.findings.limit)
        found = self.findings_of(rows, Finding(self.code, self.message(), None, self.expected(), "", severity))
        if not found:
            raise CannotEvaluate("The SQL gives a different result each time.", "Remove what is random from it.")
        self.findings.add_counted(found, self.unexpected_rows)

    def _gravity_of_rows(self) -> Severity | None:
        if "mostly" not in self.parameters:
            return self.gravity(Decimal(self.unexpected_rows))
        # from the text, because a float cannot hold 0.9 exactly
        mostly = Fraction(str(self.parameters["mostly"]))
        met = Fraction(self.element_count - self.unexpected_rows, self.element_count)
        self.facts["as expected"] = f"{percent(met, mostly)} (mostly {self.parameters['mostly']})"
        return Severity.INFO if met >= mostly else None


def percent(share: Fraction, limit: Fraction) -> str:
    """Return a share in percent, with as few digits as tell it from 0, from 1 and from a limit in decimals."""

    def sides(value: Fraction) -> tuple[bool, bool, bool]:
        return value > 0, value >= limit, value < 1

    digits = next(digits for digits in count(3) if sides(round(share, digits)) == sides(share))
    return f"{float(round(share, digits)):.{digits - 2}%}".replace(".0%", "%")


class ValueKind(RowKind):
    """Judge a column in the entries that have a value."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"column": COLUMN, **RowKind.parameters_schema}
    required_parameters: ClassVar[Sequence[str]] = ("column",)

    def judged(self) -> str:
        """Select the entries that have a value."""
        return f"{self.column()} IS NOT NULL"


_BOUND = re.compile(r"%\(check\.(\w+)\)s")


def _as_text(value: Any) -> str | list[str]:
    return list(map(value_text, value)) if isinstance(value, list) else value_text(value)


def value_text(value: Any) -> str:
    """Return a value of YAML as PostgreSQL prints it; YAML may write a whole number as 1e3."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
