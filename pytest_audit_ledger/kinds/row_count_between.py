"""The kind row_count_between: the number of entries is within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COMMON, WHERE, DataKind, bounds_in_words, reversed_or_no_bounds
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement

_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}


class RowCountBetween(DataKind):
    """The ledger holds so many entries, or so many for which `where` is true."""

    name = "row_count_between"
    aliases = ("expect_table_row_count_to_be_between",)
    rule = "The number of entries lies within the bounds."
    remedy = "Find out why there are more or fewer, and correct the bounds or what writes the entries."
    unit = "count of entries"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "min_value": {**_COUNT, "description": "The smallest number that is right."},
        "max_value": {**_COUNT, "description": "The largest number that is right."},
        "where": {**WHERE, "description": "An SQL condition; only the entries for which it is true are counted."},
        "redact": COMMON["redact"],
    }

    @classmethod
    def objections(cls, parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Refuse bounds that bound nothing."""
        return reversed_or_no_bounds(parameters, "expect")

    def statements(self) -> Mapping[str, Statement]:
        """Return how entries are counted."""
        return {"count": self.statement(f"SELECT count(*) AS entries\nFROM {self.entries()}")}

    def examine(self, queries: Queries) -> None:
        """Count, and compare with the bounds."""
        (count,) = queries.ask(self.statements()["count"], 1).first[0]
        self.element_count = 1  # the number; it can be judged also where it is 0
        self.facts["entries"] = f"{int(count or 0):,}"
        low, high = self.parameters.get("min_value", 0), self.parameters.get("max_value")
        if int(count or 0) < low or (high is not None and int(count or 0) > high):
            self.unexpected_rows = 1
            message = "the number of entries lies outside of the bounds"
            self.findings.add(Finding("ROW_COUNT", message, None, bounds_in_words(self.parameters), str(count)))
