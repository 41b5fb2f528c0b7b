"""The kind metric: a number that SQL computes from all entries is within limits. The name is Soda's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.data_kind import COMMON, EXPRESSION, WHERE, DataKind, limit_schema, meets
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement
from pytest_audit_ledger.model.sql_names import closed


class Metric(DataKind):
    """A number that SQL computes from all entries is not in the range of `warn_if` or `error_if`."""

    name = "metric"
    rule = "The number computed from the entries is not in the range of warn_if or error_if."
    remedy = "Find out why the number changed, and whether the limits are still right."
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "expression": {
            "type": "string",
            "format": EXPRESSION,
            "description": "An SQL aggregate over all entries, such as avg((track = 'llm')::int).",
        },
        "warn_if": limit_schema("Warn if the number is in this range, such as > 0.05."),
        "error_if": limit_schema("Fail if the number is in this range, such as > 0.25."),
        "where": WHERE,
        "allow_empty": COMMON["allow_empty"],
        "redact": COMMON["redact"],
    }
    required_parameters = ("expression",)

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse a number without a limit."""
        if "warn_if" not in parameters and "error_if" not in parameters:
            yield "expression", "the number has no limit; add warn_if, error_if or both"

    def statements(self) -> Mapping[str, Statement]:
        """Return the statement that computes the number."""
        value = closed(self.parameters["expression"])
        sql = f"SELECT count(*) AS entries,\n       ({value}) AS value\nFROM {self.entries()}"
        return {"compute": self.statement(sql)}

    def examine(self, queries: Queries) -> None:
        """Compute the number, and compare it with the limits."""
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
        raise CannotEvaluate("The expression gives NULL.", "Decide what that means, with coalesce(…, 0) for example.")
    try:
        return Decimal(value)
    except InvalidOperation:  # without the cause, which would repeat a value that may be redacted
        remedy = "Correct the expression. Convert true and false to numbers with ::int."
        raise CannotEvaluate("The expression does not give a number.", remedy) from None
