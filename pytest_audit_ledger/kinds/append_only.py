"""The kind append_only: the database refuses to change an entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.kinds.plpgsql import raises_unconditionally
from pytest_audit_ledger.model.outcome import Family, Finding, Severity
from pytest_audit_ledger.model.questions import Catalog

# Bits of pg_trigger.tgtype, from PostgreSQL's catalog/pg_trigger.h.
_BEFORE = 1 << 1
_OPERATIONS = {"UPDATE": 1 << 4, "DELETE": 1 << 3, "TRUNCATE": 1 << 5}

# pg_trigger.tgenabled
ALWAYS, _UNLESS_REPLICA = "A", "O"
STATES = {ALWAYS: "ENABLE ALWAYS", _UNLESS_REPLICA: "ENABLE", "R": "ENABLE REPLICA", "D": "DISABLE"}
"""How ALTER TABLE says the state of a trigger."""

_POWERS = {"own": "own", "update": "update", "delete": "delete from", "truncate": "truncate"}
"""What a role may do to a table, by the columns that say so in sql/privileges.sql."""

Trigger = Mapping[str, Any]
"""A row of sql/triggers.sql."""


@dataclass(frozen=True)
class TriggerFault:
    """Why a trigger does not protect: the code of a finding, words for it, and what was read."""

    code: str
    words: str
    actual: str


@dataclass(frozen=True)
class Protection:
    """What stands before one operation on one relation: its BEFORE triggers, each with its fault or None.

    `relation` is any row of sql/triggers.sql about the relation.
    """

    relation: Trigger
    operation: str
    triggers: tuple[tuple[Trigger, TriggerFault | None], ...]

    @property
    def holding(self) -> list[Trigger]:
        """The triggers that refuse the operation, at least outside of replication."""
        return [trigger for trigger, fault in self.triggers if fault is None]

    @property
    def is_complete(self) -> bool:
        """Whether one trigger refuses the operation in every session; one is enough."""
        return any(trigger["enabled"] == ALWAYS for trigger in self.holding)


def protections(rows: Iterable[Trigger]) -> Iterator[Protection]:
    """Yield how each operation is refused on each relation that sql/triggers.sql tells of."""
    relations: dict[int, list[Trigger]] = {}
    for row in rows:
        relations.setdefault(row["oid"], []).append(row)
    for triggers in relations.values():
        for operation, bit in _OPERATIONS.items():
            before = [row for row in triggers if (row["type"] or 0) & bit and row["type"] & _BEFORE]
            yield Protection(triggers[0], operation, tuple((row, find_fault(row)) for row in before))


class AppendOnly(CatalogKind):
    """UPDATE, DELETE and TRUNCATE are each refused by a trigger whose function raises unconditionally.

    `probe`: also try an UPDATE and a DELETE of one entry, in a transaction that is always rolled back (never TRUNCATE).
    `roles`: the severity of every role that may UPDATE, DELETE, TRUNCATE or owns the table.
    """

    name = "append_only"
    family = Family.PROTECTIONS
    rule = "UPDATE, DELETE and TRUNCATE of the ledger are refused by enabled triggers that raise unconditionally."
    remedy = (
        "Entries can be changed, or could be while this was so. Find out who changed the guard and when, "
        "restore it (audit-ledger verify --repair), and compare the entries with the latest backup or export."
    )
    unit = "triggers and roles"
    integrity = True
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "probe": {
            "type": "boolean",
            "default": False,
            "description": "Also try an UPDATE and a DELETE of one entry, always rolled back.",
        },
        "roles": {
            "enum": [severity.value for severity in Severity],
            "default": Severity.INFO.value,
            "description": "The severity of every role that may change entries or owns the table.",
        },
    }

    def examine(self, catalog: Catalog) -> None:
        """Read triggers, their functions and the privileges from the catalog."""
        if catalog.info.relation_kind not in ("r", "p"):
            raise CannotEvaluate(f"{catalog.info.table} is no table, so it has no such triggers.", "See table_guard.")
        for protection in protections(catalog.rows(sql("triggers.sql"))):
            self.element_count += 1
            self._examine_operation(protection)
        self._examine_roles(catalog)
        if self.parameters["probe"]:
            self._probe(catalog)

    def _examine_operation(self, protection: Protection) -> None:
        """One trigger that holds is enough; without one, each that does not hold says why."""
        if protection.is_complete:
            return
        relation, operation, holding = protection.relation["relation"], protection.operation, protection.holding
        expected = f"BEFORE {operation} … EXECUTE FUNCTION that raises, ENABLE ALWAYS"
        if holding:
            message = (
                f"the trigger {holding[0]['name']} that refuses {operation} on {relation} is silent under "
                "session_replication_role = replica; make it ENABLE ALWAYS"
            )
            self.findings.add(
                Finding("TRIGGER_BYPASS", message, None, expected, _with_state(holding[0]), Severity.WARNING)
            )
            return
        if not protection.triggers:
            message = f"no trigger refuses {operation} on {relation}"
            self.findings.add(Finding("TRIGGER_MISSING", message, None, expected, "no such trigger"))
        for trigger, fault in protection.triggers:
            if fault is not None:
                what = f"the trigger {trigger['name']} does not refuse every {operation} on {relation}"
                self.findings.add(Finding(fault.code, f"{what}: {fault.words}", None, expected, fault.actual))

    def _examine_roles(self, catalog: Catalog) -> None:
        severity = Severity(self.parameters["roles"])
        what = "the table or a partition of it" if catalog.info.relation_kind == "p" else "the table"
        superusers = []
        for row in catalog.rows(sql("privileges.sql")):
            self.element_count += 1
            if row["owner"]:
                self.facts["owner"] = row["role"]
            powers = [words for right, words in _POWERS.items() if row[f"may_{right}"]]
            if row["superuser"]:
                superusers.append(row["role"])
            elif powers:
                message = f"the role {row['role']} may {', '.join(powers)} {what}"
                expected = "INSERT and SELECT only"
                self.findings.add(Finding("ROLE_MAY_CHANGE", message, None, expected, row["role"], severity))
        self.facts["superusers"] = ", ".join(superusers)

    def _probe(self, catalog: Catalog) -> None:
        for operation, script in {"UPDATE": "probe_update.sql", "DELETE": "probe_delete.sql"}.items():
            self.element_count += 1
            try:
                attempt = catalog.attempt(sql(script))
            except CannotEvaluate as error:
                if not self.findings.unexpected():
                    raise
                self.facts[f"probe {operation}"] = error.message  # what was found already must not be lost
                continue
            if attempt.refusal is not None:
                self.facts[f"probe {operation}"] = f"refused: {attempt.refusal}"
                continue
            if not attempt.row_count:
                self.facts[f"probe {operation}"] = "it met no entry, and the server did not refuse it"
                continue
            message = f"the {operation} of one entry was tried and the server did not refuse it"
            self.findings.add(Finding("PROBE_ACCEPTED", message, None, "an exception", "1 entry (rolled back)"))


def _with_state(trigger: Trigger) -> str:
    """Return the definition of a trigger, which does not say whether it is enabled, behind what says it."""
    return f"{STATES[trigger['enabled']]}: {trigger['definition']}"


def find_fault(trigger: Trigger, *, once_enabled: bool = False) -> TriggerFault | None:
    """Return why a trigger does not protect, or would not `once_enabled`; None where it does."""
    definition, body = str(trigger["definition"]), " ".join(str(trigger["body"]).split())
    if not once_enabled and trigger["enabled"] not in (ALWAYS, _UNLESS_REPLICA):
        return TriggerFault("TRIGGER_DISABLED", "it is switched off", _with_state(trigger))
    if trigger["has_when"] or trigger["has_columns"]:
        return TriggerFault("TRIGGER_CONDITIONAL", "it fires only under a condition", definition)
    if trigger["language"] != "plpgsql":
        words = f"its function {trigger['function']} is written in {trigger['language']} and cannot be read"
        return TriggerFault("TRIGGER_FUNCTION", words, body)
    if not raises_unconditionally(trigger["body"]):
        return TriggerFault(
            "TRIGGER_FUNCTION", f"its function {trigger['function']} does not raise unconditionally", body
        )
    return None
