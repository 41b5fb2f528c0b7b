"""The kind checkpoint_guards: the table's protections are those of when the newest checkpoint was signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.checkpoint import FOLDERS, VERIFIER_KEYS, beside_suite, opened_store
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Sides
from pytest_audit_ledger.model.questions import Catalog


class CheckpointGuards(CatalogKind):
    """Columns, constraints, triggers and their functions, policies, owner and grants are those of the newest record.

    `folders`, `verifier_keys`: as those of `checkpoint`.
    """

    name = "checkpoint_guards"
    family = Family.CHECKPOINTS
    rule = "What protects the ledger is what it was when the newest checkpoint was signed."
    remedy = (
        "Find out who changed what is named, and when. If it was meant to change, sign a checkpoint that takes it as "
        "it is now (audit-ledger checkpoint create --accept-guards). If not, restore it (audit-ledger verify --repair)."
    )
    unit = "guards"
    sides: ClassVar[Mapping[str, Sides]] = {"GUARDS_CHANGED": ("when signed", "now")}
    integrity = True
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"folders": FOLDERS, "verifier_keys": VERIFIER_KEYS}

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """Read the keys, and name the folders as they lie beside the suite."""
        return beside_suite(parameters, folder)

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        store = opened_store(self.parameters, newest_record=True)
        recorded = [(one.path, one.record) for one in store.trusted if one.record is not None]
        if not recorded:
            raise NotApplicable("No checkpoint has a record of what protected the ledger beside it.")
        self.path, self.record = recorded[-1]

    def examine(self, catalog: Catalog) -> None:
        """Compare every guard with its record."""
        before, now = self.record.guards, guards(catalog)
        self.element_count = len(before.keys() | now.keys())
        self.facts["compared with"] = f"{self.path} of {self.record.created_at}"
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                self.findings.add(self._finding(name, before.get(name), now.get(name)))

    def _finding(self, name: str, before: str | None, now: str | None) -> Finding:
        what = "is gone" if now is None else "was not there" if before is None else "is another"
        message = f"{name}: {what} {'when' if before is None else 'since'} {self.path} was signed"
        then, today = _major(self.record.server_version), _major(self.ledger.server_version)
        if then != today:
            message += f" (by PostgreSQL {then}, and this is {today}, which may only spell it otherwise)"
        return Finding("GUARDS_CHANGED", message, None, before or "nothing", now or "nothing")


def guards(catalog: Catalog) -> dict[str, str]:
    """Return what protects the ledger, each thing by its name with what it is."""
    return {row["guard"]: row["definition"] for row in catalog.rows(sql("guards.sql"))}


def _major(version: str) -> str:
    return version.partition(".")[0]
