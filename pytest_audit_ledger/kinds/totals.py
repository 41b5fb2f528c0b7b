"""The kinds about the ledger as a whole: row_count_between, recency, columns_match_set.

Names are those of dbt-utils and Great Expectations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.base import DURATION_PATTERN, Catalogue, Guard, Queries, Statement, duration
from pytest_audit_ledger.kinds.data import COLUMN, COMMON, WHERE, DataKind, bounds_in_words, reversed_or_no_bounds
from pytest_audit_ledger.outcome import Finding

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


class Recency(DataKind):
    """The newest time in the column, up to now by the server's clock, is no older than `within`."""

    name = "recency"
    rule = "The newest time in the column is not older than it may be."
    remedy = "Find out whether entries are still being written, and if not, why and since when."
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "column": {**COLUMN, "description": "The column with the time."},
        "within": {
            "type": "string",
            "pattern": DURATION_PATTERN,
            "examples": ["90s", "5m", "24h", "7d"],
            "description": "How old the newest may be.",
        },
        "where": WHERE,
        "allow_empty": COMMON["allow_empty"],
        "redact": COMMON["redact"],
    }
    required_parameters = ("column", "within")

    def statements(self) -> Mapping[str, Statement]:
        """Return how the newest is found; times in the future say nothing of how recent entries are."""
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
        """Find the newest, and compare it with the clock."""
        judged, newest, recent, now = queries.ask(self.statements()["find the newest"], 1).first[0]
        self.element_count = int(judged or 0)
        column, within = self.parameters["column"], self.parameters["within"]
        told = "none up to now" if newest is None else self.told(column, newest)
        self.facts["newest"] = told
        if self.element_count and recent != "true":
            self.unexpected_rows = 1
            message = (
                f"every {column} lies in the future"
                if newest is None
                else f"the newest {column} is older than {within}"
            )
            self.findings.add(Finding("STALE", message, None, f"within {within} before {now}", told))


class ColumnsMatchSet(Guard):
    """The ledger has the columns listed; and no others, unless `exact` is false."""

    name = "columns_match_set"
    aliases = ("expect_table_columns_to_match_set",)
    rule = "The ledger has the columns that are listed."
    remedy = "Find out who added or removed the column, and correct the list or the table."
    unit = "columns"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "columns": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "uniqueItems": True,
            "description": "The columns, in any order.",
        },
        "exact": {"type": "boolean", "default": True, "description": "Whether there may be no others."},
    }
    required_parameters = ("columns",)

    def examine(self, catalogue: Catalogue) -> None:
        """Compare the list with the catalogue."""
        listed, actual = set(self.parameters["columns"]), set(catalogue.info.columns)
        self.element_count = len(listed | actual)
        for name in sorted(listed - actual):
            self.findings.add(Finding("COLUMN_MISSING", f"there is no column {name}", None, name, "no such column"))
        for name in sorted(actual - listed) if self.parameters["exact"] else ():
            self.findings.add(Finding("COLUMN_UNEXPECTED", f"the column {name} is not listed", None, "", name))
