"""The kind append_only: the database refuses to change an entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.kinds.plpgsql import raises_unconditionally
from pytest_audit_ledger.kinds.written_tables import written
from pytest_audit_ledger.model.outcome import Family, Finding, Severity
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.model.sql_names import split_name

# Bits of pg_trigger.tgtype, from PostgreSQL's catalog/pg_trigger.h.
_ROW, _BEFORE, _INSERT = 1 << 0, 1 << 1, 1 << 2
_OPERATIONS = {"UPDATE": 1 << 4, "DELETE": 1 << 3, "TRUNCATE": 1 << 5}

# pg_trigger.tgenabled
ALWAYS, _UNLESS_REPLICA = "A", "O"
STATES = {ALWAYS: "ENABLE ALWAYS", _UNLESS_REPLICA: "ENABLE", "R": "ENABLE REPLICA", "D": "DISABLE"}
"""The states of a trigger, as ALTER TABLE spells them."""

_POWERS = {"update": "update", "delete": "delete from", "truncate": "truncate"}
"""What a role may do to a table, by the columns of sql/privileges.sql."""

Trigger = Mapping[str, Any]
"""A row of sql/triggers.sql."""


@dataclass(frozen=True)
class TriggerFault:
    """Why a trigger does not protect: the code of a finding, the reason, and what was read."""

    code: str
    reason: str
    actual: str


@dataclass(frozen=True)
class Protection:
    """The BEFORE triggers of one operation on one relation, each with its fault or None.

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
    """Yield the protection of each operation on each relation in the rows of sql/triggers.sql."""
    relations: dict[int, list[Trigger]] = {}
    for row in rows:
        relations.setdefault(row["oid"], []).append(row)
    for triggers in relations.values():
        for operation, bit in _OPERATIONS.items():
            before = [row for row in triggers if (row["type"] or 0) & bit and row["type"] & _BEFORE]
            yield Protection(triggers[0], operation, tuple((row, trigger_fault(row)) for row in before))


class AppendOnly(CatalogKind):
    """UPDATE, DELETE and TRUNCATE are each refused by a trigger whose function always raises an exception.

    `probe`: also try an UPDATE and a DELETE of one entry, in a transaction that is always rolled back (never TRUNCATE).
    `roles`: the severity of every role that owns the table, or may UPDATE, DELETE or TRUNCATE it.

    Warns of what an application can reach: triggers BEFORE INSERT, SECURITY DEFINER functions that change entries, and
    roles that append and are members of the owner or of pg_write_all_data.
    """

    name = "append_only"
    family = Family.PROTECTIONS
    rule = "Enabled triggers that always raise an exception refuse UPDATE, DELETE and TRUNCATE of the ledger."
    remedy = (
        "Without the triggers, entries could be changed: compare them with the latest backup or export. If the table "
        "had its triggers before, find out who changed them, and when. To restore them then, run this as the table's "
        "owner: `audit-ledger verify --repair`."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "TRIGGER_BYPASS": (
            "To make the trigger ENABLE ALWAYS, run this as the table's owner: `audit-ledger verify --repair`."
        ),
        "ROLE_MAY_CHANGE": "Revoke the privileges from the roles shown, or make another role the owner.",
        "INSERT_TRIGGER": "Read the trigger's function. Drop the trigger unless you know why entries need it.",
        "DEFINER_FUNCTION": "Read the function. Drop it, or revoke EXECUTE on it from PUBLIC and from applications.",
        "WRITER_MAY_CHANGE": "Revoke the membership, or let another role append.",
    }
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
            "description": "The severity of every role that owns the table or may change entries.",
        },
    }

    def examine(self, catalog: Catalog) -> None:
        """Read triggers, their functions and the privileges from the catalog."""
        if catalog.info.relation_kind not in ("r", "p"):
            raise CannotEvaluate(
                f"{catalog.info.table} is not a table, so it has no triggers.", "See what table_guard reports."
            )
        if not catalog.info.profile.append_only:
            raise NotApplicable(catalog.info.profile.no_guards)
        triggers = catalog.rows(sql("triggers.sql"))
        for protection in protections(triggers):
            self.element_count += 1
            self._examine_operation(protection)
        self._examine_inserts(triggers)
        self._examine_roles(catalog)
        self._examine_functions(catalog)
        if self.parameters["probe"]:
            self._probe(catalog)

    def _examine_operation(self, protection: Protection) -> None:
        """Accept one trigger that refuses the operation; without one, report why each does not."""
        if protection.is_complete:
            return
        relation, operation, holding = protection.relation["relation"], protection.operation, protection.holding
        expected = f"BEFORE {operation} … EXECUTE FUNCTION that raises, ENABLE ALWAYS"
        if holding:
            message = (
                f"the trigger {holding[0]['name']} that refuses {operation} on {relation} does not fire under "
                "session_replication_role = replica"
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
                self.findings.add(Finding(fault.code, f"{what}: {fault.reason}", None, expected, fault.actual))

    def _examine_inserts(self, rows: Iterable[Trigger]) -> None:
        """Report each trigger that can change or discard a row before it is written; partitions have copies of it."""
        found: dict[tuple[str, str], list[Trigger]] = {}
        for row in rows:
            wanted = _ROW | _BEFORE | _INSERT
            if (row["type"] or 0) & wanted == wanted and row["enabled"] != "D":
                found.setdefault((row["name"], row["function"]), []).append(row)
        for (name, function), triggers in found.items():
            self.element_count += 1
            relations = ", ".join(row["relation"] for row in triggers)
            message = f"the trigger {name} on {relations} can change or discard entries before they are written"
            actual = f"{function}: {' '.join(str(triggers[0]['body']).split())}"
            expected = "no trigger BEFORE INSERT"
            self.findings.add(Finding("INSERT_TRIGGER", message, None, expected, actual, Severity.WARNING))

    def _examine_functions(self, catalog: Catalog) -> None:
        """Report functions that write to the ledger with the rights of their owner, whoever calls them."""
        schema, table = split_name(catalog.info.table)
        for row in catalog.rows(sql("definer_functions.sql")):
            statements = written(row["source"], schema, table)
            if not statements:
                continue
            self.element_count += 1
            severity = Severity.INFO if statements == ["INSERT"] else Severity.WARNING
            what = (
                f"the function {row['function']} runs {', '.join(statements)} on the ledger as its owner {row['owner']}"
            )
            message = f"{what}, whoever calls it"
            expected = "no SECURITY DEFINER function that changes entries"
            actual = " ".join(row["source"].split())
            self.findings.add(Finding("DEFINER_FUNCTION", message, None, expected, actual, severity))

    def _examine_roles(self, catalog: Catalog) -> None:
        severity = Severity(self.parameters["roles"])
        what = "the table or a partition of it" if catalog.info.relation_kind == "p" else "the table"
        superusers = []
        for row in catalog.rows(sql("privileges.sql")):
            self.element_count += 1
            if row["owner"]:
                self.facts["owner"] = row["role"]
            powers = ", ".join(words for right, words in _POWERS.items() if row[f"may_{right}"])
            if row["superuser"]:
                superusers.append(row["role"])
            elif powers or row["may_own"]:
                able = f"owns {what}, so it may change entries and protections"
                message = f"the role {row['role']} {able if row['may_own'] else f'may {powers} {what}'}"
                expected = "INSERT and SELECT only"
                self.findings.add(Finding("ROLE_MAY_CHANGE", message, None, expected, row["role"], severity))
            if row["appends"] and row["member_of"] and not row["superuser"]:
                groups = " and ".join(row["member_of"])
                message = f"the role {row['role']} appends entries, and as a member of {groups} it may also change them"
                expected = f"not a member of {groups}"
                self.findings.add(Finding("WRITER_MAY_CHANGE", message, None, expected, row["role"], Severity.WARNING))
        self.facts["superusers"] = ", ".join(superusers)

    def _probe(self, catalog: Catalog) -> None:
        (rights,) = catalog.rows(sql("probe_rights.sql"))
        for operation, script in {"UPDATE": "probe_update.sql", "DELETE": "probe_delete.sql"}.items():
            self.element_count += 1
            try:
                if not rights[operation]:
                    raise CannotEvaluate(
                        f"The probe proves nothing: the role {rights['role']} may not {operation}, so the server "
                        "refuses before any trigger is reached.",
                        "Probe with a role that may UPDATE and DELETE, or remove probe: true.",
                    )
                attempt = catalog.attempt(sql(script))
            except CannotEvaluate as error:
                if not self.findings.unexpected():
                    raise
                self.facts[f"probe {operation}"] = error.message  # what was found before must not be lost
                continue
            if attempt.refusal is not None:
                self.facts[f"probe {operation}"] = f"refused: {attempt.refusal}"
                continue
            if not attempt.row_count:
                self.facts[f"probe {operation}"] = "not refused, but there was no entry to change"
                continue
            message = f"the server did not refuse the {operation} of one entry, which was tried and rolled back"
            self.findings.add(Finding("PROBE_ACCEPTED", message, None, "an exception", "1 entry (rolled back)"))


def _with_state(trigger: Trigger) -> str:
    """Return the state of a trigger and its definition, which does not include the state."""
    return f"{STATES[trigger['enabled']]}: {trigger['definition']}"


def trigger_fault(trigger: Trigger, *, once_enabled: bool = False) -> TriggerFault | None:
    """Return why a trigger does not protect (or would not, once enabled); None if it does."""
    definition, body = str(trigger["definition"]), " ".join(str(trigger["body"]).split())
    if not once_enabled and trigger["enabled"] not in (ALWAYS, _UNLESS_REPLICA):
        return TriggerFault("TRIGGER_DISABLED", "it is switched off", _with_state(trigger))
    if trigger["has_when"] or trigger["has_columns"]:
        return TriggerFault("TRIGGER_CONDITIONAL", "it fires only under a condition", definition)
    if trigger["language"] != "plpgsql":
        reason = f"its function {trigger['function']} is written in {trigger['language']} and cannot be analysed"
        return TriggerFault("TRIGGER_FUNCTION", reason, body)
    if not raises_unconditionally(trigger["body"]):
        reason = f"its function {trigger['function']} does not always raise an exception"
        return TriggerFault("TRIGGER_FUNCTION", reason, body)
    return None
