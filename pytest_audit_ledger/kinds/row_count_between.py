"""The kind row_count_between: the number of entries is within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COMMON, WHERE, DataKind, bounds_in_words, reversed_or_no_bounds
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement

_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}


class RowCountBetween(DataKind):
    """The number of entries, or of those for which `where` is true, is within bounds."""

    name = "row_count_between"
    aliases = ("expect_table_row_count_to_be_between",)
    rule = "The number of entries is within the bounds."
    remedy = "Find out why there are more or fewer entries, and correct what writes them, or correct the bounds."
    unit = "count"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "min_value": {**_COUNT, "description": "The smallest number of entries allowed."},
        "max_value": {**_COUNT, "description": "The largest number of entries allowed."},
        "where": {**WHERE, "description": "An SQL condition; only the entries for which it is true are counted."},
        "redact": COMMON["redact"],
    }

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse missing and reversed bounds."""
        return reversed_or_no_bounds(parameters, "expect")

    def statements(self) -> Mapping[str, Statement]:
        """Return the statement that counts the entries."""
        return {"count": self.statement(f"SELECT count(*) AS entries\nFROM {self.entries()}")}

    def examine(self, queries: Queries) -> None:
        """Count the entries, and compare the number with the bounds."""
        (count,) = queries.ask(self.statements()["count"], 1).first[0]
        self.element_count = 1  # the number itself, which can be judged even if it is 0
        self.facts["entries"] = f"{int(count or 0):,}"
        low, high = self.parameters.get("min_value", 0), self.parameters.get("max_value")
        if int(count or 0) < low or (high is not None and int(count or 0) > high):
            self.unexpected_rows = 1
            message = "the number of entries is outside the bounds"
            self.findings.add(Finding("ROW_COUNT", message, None, bounds_in_words(self.parameters), str(count)))
