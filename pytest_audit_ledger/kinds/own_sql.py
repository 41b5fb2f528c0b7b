"""The kinds whose rule is the writer's own SQL: expression_is_true, metric, failed_rows.

The names are those of dbt-utils and Soda. How somebody else's SQL is kept from doing harm: `sources/queries.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.base import Queries, Statement
from pytest_audit_ledger.kinds.data import (
    COMMON,
    EXPRESSION,
    QUERY,
    WHERE,
    DataKind,
    RowKind,
    closed,
    limit_schema,
    meets,
)
from pytest_audit_ledger.outcome import Finding


class ExpressionIsTrue(RowKind):
    """An SQL condition is true for every entry; one that is neither true nor false (NULL) is not true."""

    name = "expression_is_true"
    rule = "The condition is true for every entry."
    remedy = "Look at the entries shown, and find out why the condition does not hold for them."
    code = "EXPRESSION_NOT_TRUE"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "expression": {"type": "string", "format": EXPRESSION, "description": "The SQL condition."},
        "show": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": "The columns to show of an entry for which it is not true.",
        },
        **RowKind.parameters_schema,
    }
    required_parameters = ("expression",)

    def unexpected(self) -> str:
        """Return that the condition is not true."""
        return f"({closed(self.parameters['expression'])}) IS NOT TRUE"

    def told_columns(self) -> Sequence[str]:
        """Show what the writer asks for."""
        return list(self.parameters.get("show", ()))

    def message(self) -> str:
        """Say so; the condition stands beside it."""
        return "the condition is not true"

    def expected(self) -> str:
        """Return the condition."""
        return " ".join(self.parameters["expression"].split())


class Metric(DataKind):
    """A number that SQL computes from all entries, and what it must not be."""

    name = "metric"
    rule = "The number computed from the entries is not what warn_if and error_if say."
    remedy = "Find out what moved the number, and whether the limits are still right."
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "expression": {
            "type": "string",
            "format": EXPRESSION,
            "description": "An SQL expression over all entries with aggregates, such as avg((track = 'llm')::int).",
        },
        "warn_if": limit_schema("Warn if the number is so."),
        "error_if": limit_schema("Find fault if the number is so."),
        "where": WHERE,
        "allow_empty": COMMON["allow_empty"],
        "redact": COMMON["redact"],
    }
    required_parameters = ("expression",)

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse a number that nothing could be wrong with."""
        if "warn_if" not in parameters and "error_if" not in parameters:
            yield "expression", "nothing says what is wrong with the number; add warn_if, error_if or both"

    def statements(self) -> Mapping[str, Statement]:
        """Return how the number is computed."""
        value = closed(self.parameters["expression"])
        sql = f"SELECT count(*) AS entries,\n       ({value}) AS value\nFROM {self.entries()}"
        return {"compute": self.statement(sql)}

    def examine(self, queries: Queries) -> None:
        """Compute, and compare with the limits."""
        count, value = queries.ask(self.statements()["compute"], 1).first[0]
        self.element_count = int(count or 0)
        if not self.element_count:
            return
        number = _number(value)
        self.facts["value"] = str(value)
        limits = [self.parameters[name] for name in ("error_if", "warn_if") if name in self.parameters]
        broken = next((limit for limit in limits if meets(number, limit)), None)
        if broken:
            self.unexpected_rows = 1
            severity = self.gravity(number)
            self.findings.add(Finding("METRIC", f"the number is {broken}", None, f"not {broken}", str(value), severity))


class FailedRows(DataKind):
    """A SELECT returns what is wrong: no row, or no more than `warn_if` and `error_if` allow."""

    name = "failed_rows"
    rule = "The SELECT returns no row."
    remedy = "Look at the rows shown, and find out how each of them came about."
    unit = "entries to select from"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "query": {
            "type": "string",
            "format": QUERY,
            "description": "One SELECT over {ledger} that returns what is wrong, with sequence_number where it can.",
        },
        **{name: schema for name, schema in COMMON.items() if name != "where"},
    }
    required_parameters = ("query",)

    def statements(self) -> Mapping[str, Statement]:
        """Return the SELECT, and how the entries are counted that it could look at."""
        return {
            "count": self.statement("SELECT count(*) AS entries\nFROM {ledger}"),
            "show": self.statement(self.parameters["query"]),
        }

    def examine(self, queries: Queries) -> None:
        """Run the SELECT; its rows are the findings."""
        statements = self.statements()
        (count,) = queries.ask(statements["count"], 1).first[0]
        rows = queries.ask(statements["show"], self.findings.limit)
        self.element_count, self.unexpected_rows = int(count or 0), rows.count
        if rows.count:
            severity = self.gravity(Decimal(rows.count))
            found = [
                Finding("FAILED_ROW", "the SELECT returns this", number, "", words, severity)
                for number, words in self.shown(rows)
            ]
            self.findings.add_counted(found, rows.count)


def _number(value: str | None) -> Decimal:
    if value is None:
        raise CannotEvaluate("The expression gives no value (NULL).", "Decide what that means, with coalesce(…).")
    try:
        return Decimal(value)
    except InvalidOperation:
        remedy = "Correct it; true and false become numbers with ::int."
        raise CannotEvaluate("The expression gives something that is no number.", remedy) from None
