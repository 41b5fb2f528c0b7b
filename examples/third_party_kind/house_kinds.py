"""Kinds of checks for a ledger that are not in pytest-audit-ledger: one that scans the entries, and one in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pytest_audit_ledger.kinds import Batch, Finding, RowKind, ScanKind


class WorkingHours(ScanKind):
    """Verdicts of a kind that a person has to see are given from one hour of the day to another, in UTC."""

    name = "working_hours"
    rule = "No such verdict is given at a time when nobody is there to see it."
    remedy = "Ask the owner of the schedule why it ran, and have somebody review the entries shown."
    columns = ("timestamp", "verdict")
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "verdict": {"type": "string", "default": "DISCRETIONARY", "description": "The verdict that is judged."},
        "first_hour": {"type": "integer", "minimum": 0, "maximum": 23, "default": 6, "description": "From this hour."},
        "last_hour": {"type": "integer", "minimum": 0, "maximum": 23, "default": 19, "description": "Up to its end."},
    }

    def feed(self, batch: Batch) -> None:
        """Look at the hour of each such verdict of a batch."""
        first, last = self.parameters["first_hour"], self.parameters["last_hour"]
        rows = zip(batch.sequence_numbers, batch.values("timestamp"), batch.values("verdict"), strict=True)
        for number, timestamp, verdict in rows:
            # what holds no T is no moment, such as infinity, and the matter of timestamp_order
            if verdict != self.parameters["verdict"] or not timestamp or "T" not in timestamp:
                continue
            if not first <= datetime.fromisoformat(timestamp).hour <= last:
                message = f"the verdict {verdict} was given outside of working hours"
                self.findings.add(Finding("OUT_OF_HOURS", message, number, f"{first} to {last} o'clock", timestamp))


class NoLongerThan(RowKind):
    """No value of the column has more characters than `longest`."""

    name = "no_longer_than"
    rule = "No value of the column has more characters than it may have."
    remedy = "Find out what wrote the values shown, and whether they were cut elsewhere."
    code = "TOO_LONG"
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "column": {"type": "string", "description": "The column that is judged."},
        "longest": {"type": "integer", "minimum": 0, "description": "The most characters that a value may have."},
        **RowKind.parameters_schema,
    }
    required_parameters = ("column", "longest")

    def judged(self) -> str:
        """Return that there is a value."""
        return f"{self.column()} IS NOT NULL"

    def unexpected(self) -> str:
        """Return that it is too long."""
        return f"length({self.column()}::text) > %(check.longest)s"

    def values(self) -> Mapping[str, Any]:
        """Return what is bound in these conditions."""
        return {"longest": self.parameters["longest"]}

    def message(self) -> str:
        """Say what is wrong with an entry."""
        return f"{self.parameters['column']} has more than {self.parameters['longest']} characters"


def pytest_ledger_register_kinds() -> list[type[ScanKind] | type[RowKind]]:
    """Add both."""
    return [WorkingHours, NoLongerThan]
