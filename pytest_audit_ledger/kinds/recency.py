"""The kind recency: the newest entry is recent enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.data_kind import COLUMN, COMMON, WHERE, DataKind
from pytest_audit_ledger.model.duration import DURATION_PATTERN, duration
from pytest_audit_ledger.model.outcome import Finding
from pytest_audit_ledger.model.questions import Queries, Statement


class Recency(DataKind):
    """The newest time in the column, up to now by the server's clock, is not older than `within`."""

    name = "recency"
    rule = "The newest time in the column is not older than `within`."
    remedy = "Find out whether entries are still being written; if not, since when and why."
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "column": {**COLUMN, "description": "The column with the time."},
        "within": {
            "type": "string",
            "pattern": DURATION_PATTERN,
            "examples": ["90s", "5m", "24h", "7d"],
            "description": "How old the newest time may be.",
        },
        "where": WHERE,
        "allow_empty": COMMON["allow_empty"],
        "redact": COMMON["redact"],
    }
    required_parameters = ("column", "within")

    def statements(self) -> Mapping[str, Statement]:
        """Return the statement that finds the newest time; times in the future do not count."""
        moment = f"{self.column()}::timestamptz"
        sql = (
            f"SELECT count({self.column()}) AS judged,\n"
            f"       max({moment}) FILTER (WHERE {moment} <= now()) AS newest,\n"
            f"       coalesce(max({moment}) FILTER (WHERE {moment} <= now()) >= now() - %(check.within)s::interval,\n"
            f"                false) AS recent,\n       now() AS now\nFROM {self.entries()}"
        )
        within = duration(self.parameters["within"])
        return {"find the newest": self.statement(sql, within=f"{within.total_seconds():.0f} seconds")}

    def examine(self, queries: Queries) -> None:
        """Find the newest time, and compare it with the clock."""
        judged, newest, recent, now = queries.ask(self.statements()["find the newest"], 1).first[0]
        self.element_count = int(judged or 0)
        column, within = self.parameters["column"], self.parameters["within"]
        actual = "none up to now" if newest is None else self.value_shown(column, newest)
        self.facts["newest"] = actual
        if self.element_count and recent != "true":
            self.unexpected_rows = 1
            message = (
                f"every {column} is in the future" if newest is None else f"the newest {column} is older than {within}"
            )
            self.findings.add(Finding("STALE", message, None, f"within {within} before {now}", actual))
