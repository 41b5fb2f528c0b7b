"""The kind metric: a number that SQL computes from all entries is within limits. The name is that of Soda."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.data_kind import (
    COMMON,
    EXPRESSION,
    WHERE,
    DataKind,
    closed,
    limit_schema,
    meets,
)
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement


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


def _number(value: str | None) -> Decimal:
    if value is None:
        raise CannotEvaluate("The expression gives no value (NULL).", "Decide what that means, with coalesce(…).")
    try:
        return Decimal(value)
    except InvalidOperation:
        remedy = "Correct it; true and false become numbers with ::int."
        raise CannotEvaluate("The expression gives something that is no number.", remedy) from None
