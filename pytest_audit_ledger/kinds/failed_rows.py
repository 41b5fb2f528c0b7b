"""The kind failed_rows: a SELECT of the author's, which looks for errors, returns no row. The name is Soda's."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COMMON, QUERY, DataKind
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement


class FailedRows(DataKind):
    """A SELECT for what is wrong returns no row, or no more rows than `warn_if` and `error_if` allow."""

    name = "failed_rows"
    rule = "The SELECT returns no row."
    remedy = "Review the rows shown, and find out what wrote them."
    unit = "entries to select from"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "query": {
            "type": "string",
            "format": QUERY,
            "description": "One SELECT from {ledger} that returns what is wrong, with the sequence number if possible.",
        },
        **{name: schema for name, schema in COMMON.items() if name != "where"},
    }
    required_parameters = ("query",)

    def statements(self) -> Mapping[str, Statement]:
        """Return the SELECT, and the statement that counts the entries it could select from."""
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
            like = Finding("FAILED_ROW", "the SELECT returned this row", severity=severity)
            found = self.findings_of(rows, like)
            self.findings.add_counted(found, rows.count)
