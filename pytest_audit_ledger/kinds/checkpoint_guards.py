"""The kind checkpoint_guards: the table's protections are as recorded with the newest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.kinds.trusted_checkpoints import ComparesCheckpoints, newest_record
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Sides
from pytest_audit_ledger.model.questions import Catalog

IDENTITY = "identity"
"""The table's oid, schema and version, as sql/guards.sql names it."""


class CheckpointGuards(ComparesCheckpoints, CatalogKind):
    """Columns, constraints, triggers and their functions, policies, owner and grants are as in the newest record.

    `folders`, `verifier_keys`: as for `checkpoint`.
    """

    name = "checkpoint_guards"
    family = Family.CHECKPOINTS
    rule = "The table's protections are as recorded when the newest checkpoint was signed."
    remedy = (
        "Find out who changed the protections shown, and when. To accept an intended change, run this when the ledger "
        "has a new entry: `audit-ledger checkpoint create --accept-guards`. To see what can be restored instead, run "
        "`audit-ledger verify --repair --dry-run`."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "TABLE_REWRITTEN": (
            "Find out who altered or moved the table, and when. To accept an intended change, run this when the ledger "
            "has a new entry: `audit-ledger checkpoint create --accept-guards`."
        ),
    }
    unit = "protections"
    sides: ClassVar[Mapping[str, Sides]] = dict.fromkeys(("GUARDS_CHANGED", "TABLE_REWRITTEN"), ("when signed", "now"))
    inconclusive = frozenset({"TABLE_REWRITTEN"})
    integrity = True

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        newest = newest_record(self.parameters, ledger.profile)
        if newest is None:
            message = "No checkpoint has a record of the table's protections."
            raise NotApplicable(message, "To record them, run `audit-ledger checkpoint create`.")
        self.path, self.record = newest

    def examine(self, catalog: Catalog) -> None:
        """Compare every protection with the record."""
        before, now = self.record.guards, guards(catalog)
        self.element_count = len(before.keys() | now.keys())
        self.facts["compared with"] = f"{self.path} of {self.record.created_at}"
        changed = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
        for name in changed:
            if name != IDENTITY:
                self.findings.add(self._finding(name, before.get(name), now.get(name)))
        if changed == [IDENTITY]:  # what else changed explains it
            message = (
                f"the table's row in the catalog has changed since {self.path} was signed: the table was altered, "
                "moved or replaced, and then restored, or VACUUM FULL rewrote it"
            )
            self.findings.add(Finding("TABLE_REWRITTEN", message, None, before[IDENTITY], now[IDENTITY]))

    def _finding(self, name: str, before: str | None, now: str | None) -> Finding:
        change = "removed" if now is None else "added" if before is None else "changed"
        message = f"{name}: {change} since {self.path} was signed"
        then, today = _major(self.record.server_version), _major(self.ledger.server_version)
        if then != today:
            message += f" (then PostgreSQL {then}, now {today}; the spelling alone may differ)"
        return Finding("GUARDS_CHANGED", message, None, before or "nothing", now or "nothing")


def guards(catalog: Catalog) -> dict[str, str]:
    """Return the table's protections: the definition of each, by its name."""
    return {row["guard"]: row["definition"] for row in catalog.rows(sql("guards.sql"))}


def _major(version: str) -> str:
    return version.partition(".")[0]
