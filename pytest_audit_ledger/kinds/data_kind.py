"""What the kinds about data have in common: which entries they are about, and how much is too much.

A row kind says with two SQL conditions which entries it judges and which of those are unexpected:

    class NotNull(RowKind):
        name = "not_null"
        ...
        def unexpected(self) -> str:
            return f"{self.column()} IS NULL"

Everything else is here: the entries are counted on the server, and only the first unexpected ones are fetched.

Names of kinds are those of dbt, dbt-utils and Soda, and as aliases those of Great Expectations. As there, a missing
value is judged by not_null alone; a check that finds nothing but missing values has examined nothing.
"""

from __future__ import annotations

import operator
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import QueryKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Finding, Severity
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.model.questions import Queries, Rows, Statement
from pytest_audit_ledger.model.sql_names import quoted

EXPRESSION = "sql-expression"
QUERY = "sql-query"

_LIMIT_PATTERN = r"^(>=|<=|>|<|=|!=) ?-?[0-9]{1,30}(\.[0-9]{1,30})?$(?!\n)"
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
"""What row kinds call the columns that they add to the entries."""

LONGEST_SHOWN = 300
"""Characters of a value in a finding about a row."""


def limit_schema(description: str) -> Mapping[str, Any]:
    """Return the schema of a parameter such as `> 0.05`."""
    return {"type": "string", "pattern": _LIMIT_PATTERN, "examples": ['"> 0.05"'], "description": description}


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
        "description": "Skip, instead of fail, where there is no entry to judge.",
    },
    "warn_if": limit_schema("Warn if the number of unexpected entries is so."),
    "error_if": limit_schema("Find fault only if the number of unexpected entries is so."),
    "redact": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "description": "Columns whose values are shown nowhere.",
    },
}
"""The parameters that every kind about data has."""


def closed(sql: str) -> str:
    """Return somebody's SQL so that what follows is no part of a comment at its end."""
    return f"{sql}\n" if "--" in sql else sql


def meets(value: Decimal, limit: str) -> bool:
    """Tell whether a number is as a limit such as `> 0.05` says. Raises CannotEvaluate for what is no number."""
    number = limit.lstrip("<>=!")
    if value.is_nan():
        raise CannotEvaluate("The result is NaN, which is neither more nor less than any limit.", "Correct the SQL.")
    return bool(_COMPARISONS[limit.removesuffix(number)](value, Decimal(number)))


def reversed_or_no_bounds(parameters: Mapping[str, Any], place: str) -> Iterable[tuple[str, str]]:
    """Yield the objections to a pair of bounds; `place` is the parameter to point at where there is none."""
    low, high = parameters.get("min_value"), parameters.get("max_value")
    if low is None and high is None:
        yield place, "it needs min_value, max_value, or both"
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        yield "min_value", f"it is greater than max_value, {high}"


def bounds_in_words(parameters: Mapping[str, Any]) -> str:
    """Return what the bounds allow."""
    words = {"min_value": "at least", "max_value": "at most"}
    if not parameters.get("inclusive", True):
        words = {"min_value": "more than", "max_value": "less than"}
    return " and ".join(f"{word} {parameters[name]}" for name, word in words.items() if name in parameters)


class DataKind(QueryKind):
    """A kind about the data in the entries."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = COMMON

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.unexpected_rows = 0

    @property
    def unexpected_count(self) -> int:
        """How much was unexpected, also where so much is tolerated."""
        return self.unexpected_rows

    def column(self, parameter: str = "column") -> str:
        """Return the column that a parameter names, as SQL has it."""
        return self.named(self.parameters[parameter])

    def named(self, column: str) -> str:
        """Return a column of the ledger as SQL has it. Raises CannotEvaluate where there is none of that name."""
        columns = self.ledger.columns
        if column not in columns:
            close = get_close_matches(column, columns, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(columns)}."
            raise CannotEvaluate(f"The ledger has no column {clip(column, LONGEST_SHOWN)!r}.", hint)
        return quoted(column)

    def entries(self, select: str = "*") -> str:
        """Return the entries that the check is about, as a subquery."""
        where = f" WHERE ({closed(self.parameters['where'])})" if "where" in self.parameters else ""
        return f"(SELECT {select} FROM {{ledger}}{where}) AS entry"  # noqa: S608  (names are quoted, values bound)

    def statement(self, sql: str, **values: Any) -> Statement:
        """Return a statement with the variables of the suite, and `values` as `%(check.name)s`."""
        own = {f"check.{name}": value for name, value in values.items()}
        redacted = bool(self.parameters.get("redact"))
        return Statement(sql, {**self.parameters.get("variables", {}), **own}, redacted)

    def gravity(self, number: Decimal) -> Severity | None:
        """Return the severity of what was found, None for that of the check, by what `warn_if` and `error_if` say."""
        error_if, warn_if = self.parameters.get("error_if"), self.parameters.get("warn_if")
        if error_if is None and warn_if is None:
            return None
        if error_if is not None and meets(number, error_if):
            return None
        return Severity.WARNING if warn_if is not None and meets(number, warn_if) else Severity.INFO

    def redacts(self, column: str) -> bool:
        """Tell whether the values of a column are shown nowhere."""
        return column in self.parameters.get("redact", ())

    def told(self, name: str, value: str | None) -> str:
        """Return a value of a column as people see it."""
        if self.redacts(name):
            return "(redacted)"
        return "NULL" if value is None else clip(value, LONGEST_SHOWN)

    def shown(self, rows: Rows) -> Iterable[tuple[int | None, str]]:
        """Yield of each row the sequence number, if there is one, and the other columns in words."""
        for row in rows.first:
            number = None
            told = []
            for name, value in zip(rows.columns, row, strict=True):
                if name == "sequence_number" and number is None and value is not None and _is_integer(value):
                    number = int(value)
                else:
                    told.append(f"{name} = {self.told(name, value)}")
            yield number, ", ".join(told)


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,19}", text) is not None


class RowKind(DataKind):
    """A kind that judges each entry by itself, or beside its neighbours."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **COMMON,
        "mostly": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The share of the judged entries that must be as expected; all of them if left out.",
        },
    }
    code: ClassVar[str]
    """The code of its findings."""

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse two ways to say how much is too much."""
        if "mostly" in parameters and ("warn_if" in parameters or "error_if" in parameters):
            yield "mostly", "it says how much is too much, and so do warn_if and error_if; keep one"

    def extras(self) -> str:
        """Return further columns of the subquery of entries, such as one that looks at the neighbour."""
        return ""

    def judged(self) -> str:
        """Return the condition of an entry that can be judged at all, such as that it has a value."""
        return "true"

    @abstractmethod
    def unexpected(self) -> str:
        """Return the condition of an entry that is not as expected."""

    def values(self) -> Mapping[str, Any]:
        """Return the values that the conditions use, as `%(check.name)s`."""
        return {}

    def told_columns(self) -> Sequence[str]:
        """Return the columns that a finding shows, by name."""
        return [self.parameters["column"]] if "column" in self.parameters else []

    def besides(self) -> Sequence[str]:
        """Return what else a finding shows, as SQL has it: of the columns that `extras` adds."""
        return []

    def message(self) -> str:
        """Return what is wrong with an entry, in words."""
        return self.rule

    def expected(self) -> str:
        """Return what was expected of an entry, in words."""
        return ""

    def statements(self) -> Mapping[str, Statement]:
        """Return how entries are counted, and how the unexpected ones are shown."""
        entries = self.entries(f"*{self.extras()}")
        judged, unexpected = f"({self.judged()})", f"({self.unexpected()})"
        shown = ", ".join(dict.fromkeys(["sequence_number", *map(self.named, self.told_columns()), *self.besides()]))
        return {
            "count": self.statement(
                f"SELECT count(*) AS entries,\n       count(*) FILTER (WHERE {judged}) AS judged,\n"
                f"       count(*) FILTER (WHERE {judged} AND {unexpected}) AS unexpected\nFROM {entries}",
                **self.values(),
            ),
            "show": self.statement(
                f"SELECT {shown}\nFROM {entries}\nWHERE {judged} AND {unexpected}\n"
                f"ORDER BY sequence_number\nLIMIT {self.findings.limit}",
                **self.values(),
            ),
        }

    def examine(self, queries: Queries) -> None:
        """Count, and where something is unexpected fetch the first of it."""
        statements = self.statements()
        entries, self.element_count, self.unexpected_rows = (
            int(count or 0) for count in queries.ask(statements["count"], 1).first[0]
        )
        if entries != self.element_count:
            self.facts["without a value"] = f"{entries - self.element_count:,} of {entries:,} entries, not judged"
        if not self.unexpected_rows:
            return
        severity = self._gravity_of_rows()
        found = [
            Finding(self.code, self.message(), number, self.expected(), words, severity)
            for number, words in self.shown(queries.ask(statements["show"], self.findings.limit))
        ]
        if not found:
            raise CannotEvaluate(
                "The SQL answers differently each time it is asked.",
                "Take out what is random.",
            )
        self.findings.add_counted(found, self.unexpected_rows)

    def _gravity_of_rows(self) -> Severity | None:
        if "mostly" not in self.parameters:
            return self.gravity(Decimal(self.unexpected_rows))
        # as it was written, because 0.9 is no number that a computer has
        mostly = Fraction(str(self.parameters["mostly"]))
        met = Fraction(self.element_count - self.unexpected_rows, self.element_count)
        self.facts["as expected"] = f"{float(met):.4%} (mostly {self.parameters['mostly']})"
        return Severity.INFO if met >= mostly else None


class ValueKind(RowKind):
    """A kind that judges a column where it has a value."""

    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"column": COLUMN, **RowKind.parameters_schema}
    required_parameters: ClassVar[Sequence[str]] = ("column",)

    def judged(self) -> str:
        """Return that there is a value."""
        return f"{self.column()} IS NOT NULL"


def value_text(value: Any) -> str:
    """Return a value of YAML as PostgreSQL prints it; a whole number may be written as 1e3 there."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
