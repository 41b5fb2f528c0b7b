"""The kind failed_rows: a query in the author's own SQL, which looks for faults, returns none. The name is Soda's."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import (
    COMMON,
    QUERY,
    DataKind,
)
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement


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
