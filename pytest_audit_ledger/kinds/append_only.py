"""The guard append_only: whether the database refuses to change an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.base import Catalogue, Guard
from pytest_audit_ledger.kinds.plpgsql import raises_unconditionally
from pytest_audit_ledger.outcome import Finding, Severity
from pytest_audit_ledger.resources import sql

# Bits of pg_trigger.tgtype, from PostgreSQL's catalog/pg_trigger.h.
_BEFORE = 1 << 1
_OPERATIONS = {"UPDATE": 1 << 4, "DELETE": 1 << 3, "TRUNCATE": 1 << 5}

# pg_trigger.tgenabled
_ALWAYS, _UNLESS_REPLICA = "A", "O"


class AppendOnly(Guard):
    """UPDATE, DELETE and TRUNCATE are each refused by a trigger whose function raises unconditionally.

    `probe`: also try an UPDATE and a DELETE of one entry, in a transaction that is always rolled back (never TRUNCATE).
    `roles`: the severity of every role that may UPDATE, DELETE, TRUNCATE or owns the table.
    """

    name = "append_only"
    rule = "UPDATE, DELETE and TRUNCATE of the ledger are refused by enabled triggers that raise unconditionally."
    remedy = (
        "Entries can be changed, or could be while this was so. Find out who changed the guard and when, "
        "restore it with sql/append_only.sql, and compare the entries with the latest backup or export."
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

    def examine(self, catalogue: Catalogue) -> None:
        """Read triggers, their functions and the privileges from the catalogue."""
        if catalogue.info.relation_kind not in ("r", "p"):
            raise CannotEvaluate(f"{catalogue.info.table} is no table, so it has no such triggers.", "See table_guard.")
        relations: dict[str, list[dict[str, Any]]] = {}
        for row in catalogue.rows(sql("triggers.sql")):
            relations.setdefault(row["relation"], []).append(row)
        for relation, triggers in relations.items():
            for operation, bit in _OPERATIONS.items():
                self.element_count += 1
                self._examine_operation(relation, operation, [t for t in triggers if (t["type"] or 0) & bit])
        self._examine_roles(catalogue)
        if self.parameters["probe"]:
            self._probe(catalogue)

    def _examine_operation(self, relation: str, operation: str, triggers: list[dict[str, Any]]) -> None:
        """One trigger that holds is enough; without one, each that does not hold says why."""
        faults = [(trigger, _fault(trigger)) for trigger in triggers if trigger["type"] & _BEFORE]
        holding = [trigger for trigger, fault in faults if fault is None]
        expected = f"BEFORE {operation} … EXECUTE FUNCTION that raises, ENABLE ALWAYS"
        if any(trigger["enabled"] == _ALWAYS for trigger in holding):
            return
        if holding:
            message = (
                f"the trigger {holding[0]['name']} that refuses {operation} on {relation} is silent under "
                "session_replication_role = replica; make it ENABLE ALWAYS"
            )
            self.findings.add(
                Finding("TRIGGER_BYPASS", message, None, expected, holding[0]["definition"], Severity.WARNING)
            )
            return
        if not faults:
            message = f"no trigger refuses {operation} on {relation}"
            self.findings.add(Finding("TRIGGER_MISSING", message, None, expected, "no such trigger"))
        for trigger, fault in faults:
            code, words, actual = fault or ("", "", "")
            message = f"the trigger {trigger['name']} does not refuse every {operation} on {relation}: {words}"
            self.findings.add(Finding(code, message, None, expected, actual))

    def _examine_roles(self, catalogue: Catalogue) -> None:
        severity = Severity(self.parameters["roles"])
        superusers = []
        for row in catalogue.rows(sql("privileges.sql")):
            self.element_count += 1
            if row["owner"]:
                self.facts["owner"] = row["role"]
            powers = [word for word in ("own", "update", "delete", "truncate") if row[f"may_{word}"]]
            if row["superuser"]:
                superusers.append(row["role"])
            elif powers:
                message = f"the role {row['role']} may {', '.join(powers)} the table"
                expected = "INSERT and SELECT only"
                self.findings.add(Finding("ROLE_MAY_CHANGE", message, None, expected, row["role"], severity))
        self.facts["superusers"] = ", ".join(superusers)

    def _probe(self, catalogue: Catalogue) -> None:
        for operation, script in {"UPDATE": "probe_update.sql", "DELETE": "probe_delete.sql"}.items():
            self.element_count += 1
            try:
                attempt = catalogue.attempt(sql(script))
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


def _fault(trigger: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return why a trigger does not protect, as code, words and what was read; None where it does."""
    definition = str(trigger["definition"])
    if trigger["enabled"] not in (_ALWAYS, _UNLESS_REPLICA):
        return "TRIGGER_DISABLED", "it is switched off", definition
    if trigger["has_when"] or trigger["has_columns"]:
        return "TRIGGER_CONDITIONAL", "it fires only under a condition", definition
    if trigger["language"] != "plpgsql":
        words = f"its function {trigger['function']} is written in {trigger['language']} and cannot be read"
        return "TRIGGER_FUNCTION", words, " ".join(str(trigger["body"]).split())
    if not raises_unconditionally(trigger["body"]):
        words = f"its function {trigger['function']} does not raise unconditionally"
        return "TRIGGER_FUNCTION", words, " ".join(str(trigger["body"]).split())
    return None
