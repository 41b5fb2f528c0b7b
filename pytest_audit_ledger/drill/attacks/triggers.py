"""Attacks on the triggers that protect a ledger and on their functions, and edits in a replica session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Applies, Prevented, Target, attack, needs_superuser
from pytest_audit_ledger.drill.attacks.changes import quiet_edit
from pytest_audit_ledger.drill.attacks.claims import HASHES, SIGNED, SIGNED_GUARDS, TRIGGERS
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.append_only import ALWAYS, protections
from pytest_audit_ledger.model.profile import HASH
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger

Trigger = Mapping[str, Any]

GUARDED = (TRIGGERS, SIGNED_GUARDS)

LETS_THROUGH = "BEGIN RETURN coalesce(NEW, OLD); END;"
SWALLOWS = "BEGIN RAISE EXCEPTION 'append-only'; EXCEPTION WHEN OTHERS THEN RETURN coalesce(NEW, OLD); END;"


def refusing(ledger: ScratchLedger, operation: str) -> list[Trigger]:
    """Return the triggers of the ledger itself that refuse UPDATE, DELETE or TRUNCATE."""
    found = protections(ledger.rows(sql("triggers.sql")))
    return next(one.holding for one in found if one.operation == operation)


def refuses(operation: str) -> Applies:
    """Return a condition: a trigger refuses this operation."""

    def applies(target: Target) -> str | None:
        return None if refusing(target.ledger, operation) else f"No trigger of the ledger refuses {operation}."

    return applies


def switch(ledger: ScratchLedger, triggers: Iterable[Trigger], how: str) -> None:
    """Switch triggers: DISABLE, ENABLE, ENABLE ALWAYS or ENABLE REPLICA."""
    for trigger in triggers:
        ledger.execute(f"ALTER TABLE {{ledger}} {how} TRIGGER {{name}}", {"name": trigger["name"]})


def replace_trigger(
    ledger: ScratchLedger, trigger: Trigger, when: str, *, only: str = "", function: tuple[str, str] | None = None
) -> None:
    """Replace a trigger on UPDATE, keeping its state, and its function unless another one is given.

    `when` is a WHEN clause or empty; `only` is the column whose change fires it.
    """
    called = function or (trigger["function_schema"], trigger["function_name"])
    names = {"name": trigger["name"], "function": called, "only": only}
    ledger.execute(
        "DROP TRIGGER {name} ON {ledger}; "
        f"CREATE TRIGGER {{name}} BEFORE UPDATE {'OF {only}' if only else ''} ON {{ledger}} FOR EACH ROW {when} "
        "EXECUTE FUNCTION {function}()",
        names,
    )
    switch(ledger, [trigger], "ENABLE ALWAYS" if trigger["enabled"] == ALWAYS else "ENABLE")


def replace_function(ledger: ScratchLedger, function: tuple[str, str], body: str) -> None:
    """Create a trigger function, or replace its body."""
    template = "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"
    ledger.execute(template, {"function": function}, body=body)


def _replace_functions(target: Target, body: str) -> None:
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_function(target.ledger, (trigger["function_schema"], trigger["function_name"]), body)


@attack("drop the trigger that refuses UPDATE", noticed_by=GUARDED, applies=refuses("UPDATE"), by_roles=True)
def trigger_dropped(target: Target) -> None:
    """Drop every trigger that refuses UPDATE."""
    for trigger in refusing(target.ledger, "UPDATE"):
        target.ledger.execute("DROP TRIGGER {name} ON {ledger}", {"name": trigger["name"]})


@attack("disable the trigger that refuses DELETE", noticed_by=GUARDED, applies=refuses("DELETE"), by_roles=True)
def trigger_disabled(target: Target) -> None:
    """Disable every trigger that refuses DELETE, without dropping it."""
    switch(target.ledger, refusing(target.ledger, "DELETE"), "DISABLE")


@attack(
    "limit the trigger that refuses TRUNCATE to replicas",
    noticed_by=GUARDED,
    applies=refuses("TRUNCATE"),
    by_roles=True,
)
def trigger_for_replicas(target: Target) -> None:
    """Set every trigger that refuses TRUNCATE to ENABLE REPLICA, so that it does not fire in ordinary sessions."""
    switch(target.ledger, refusing(target.ledger, "TRUNCATE"), "ENABLE REPLICA")


def _always(ledger: ScratchLedger) -> list[Trigger]:
    return [trigger for trigger in refusing(ledger, "UPDATE") if trigger["enabled"] == ALWAYS]


def _has_always(target: Target) -> str | None:
    return None if _always(target.ledger) else "No trigger that refuses UPDATE is ENABLE ALWAYS."


@attack(
    "let replica sessions bypass the trigger that refuses UPDATE",
    noticed_by=GUARDED,
    applies=_has_always,
    by_roles=True,
)
def trigger_silenced(target: Target) -> None:
    """Change ENABLE ALWAYS to ENABLE, so that session_replication_role = replica silences the trigger."""
    switch(target.ledger, _always(target.ledger), "ENABLE")


@attack("empty the trigger function", noticed_by=GUARDED, applies=refuses("UPDATE"), by_roles=True)
def trigger_emptied(target: Target) -> None:
    """Let the trigger function refuse nothing; the triggers themselves do not change."""
    _replace_functions(target, LETS_THROUGH)


@attack(
    "let the trigger function catch its own exception", noticed_by=GUARDED, applies=refuses("UPDATE"), by_roles=True
)
def trigger_swallows(target: Target) -> None:
    """Let the trigger function still raise an exception, but catch it."""
    _replace_functions(target, SWALLOWS)


@attack("add a condition to the trigger", noticed_by=GUARDED, applies=refuses("UPDATE"), by_roles=True)
def trigger_conditional(target: Target) -> None:
    """Add a WHEN clause that is never true to the trigger that refuses UPDATE."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_trigger(target.ledger, trigger, "WHEN (current_user = '')")


@attack("limit the trigger to one column", noticed_by=GUARDED, applies=refuses("UPDATE"), by_roles=True)
def trigger_for_one_column(target: Target) -> None:
    """Let the trigger that refuses UPDATE fire for updates of entry_hash only."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_trigger(target.ledger, trigger, "", only=target.ledger.profile.column(HASH))


def _edit_as_a_replica(target: Target) -> None:
    """Edit a column that no envelope repeats, in a session where only ENABLE ALWAYS triggers fire."""
    with target.as_superuser().replica_sessions(target.ledger), target.ledger.another() as session:
        session.run(quiet_edit(session, target.middle))


@attack(
    "edit an entry in a replica session",
    who=SUPERUSER,
    noticed_by=(HASHES, SIGNED),
    applies=needs_superuser,
    by_roles=True,
)
def edited_as_a_replica(target: Target) -> None:
    """Edit an entry with session_replication_role = replica, which silences triggers that are not ENABLE ALWAYS."""
    try:
        _edit_as_a_replica(target)
    except SourceError as error:
        if not _always(target.ledger):
            raise
        raise Prevented("The triggers are ENABLE ALWAYS, so they also fire in a replica session.") from error


@attack(
    "silence the triggers and edit an entry in a replica session",
    who=SUPERUSER,
    noticed_by=(HASHES, SIGNED),
    applies=needs_superuser,
    by_roles=True,
)
def silenced_and_edited(target: Target) -> None:
    """Change ENABLE ALWAYS to ENABLE, edit with session_replication_role = replica, and restore the triggers."""
    always = _always(target.ledger)
    switch(target.ledger, always, "ENABLE")
    try:
        _edit_as_a_replica(target)
    finally:
        switch(target.ledger, always, "ENABLE ALWAYS")


@attack("change entries while they are written", noticed_by=GUARDED)
def written_otherwise(target: Target) -> None:
    """Create a trigger that closes the escalation of every inserted entry, which no hash covers."""
    write_otherwise(target.ledger, "audit_ledger_drill")


def write_otherwise(ledger: ScratchLedger, name: str) -> None:
    """Create a function and a trigger with this name that close the escalation of every inserted entry."""
    function = (ledger.schema, name)
    replace_function(ledger, function, "BEGIN NEW.escalation_status := 'closed'; RETURN NEW; END;")
    ledger.execute(
        "CREATE TRIGGER {name} BEFORE INSERT ON {ledger} FOR EACH ROW EXECUTE FUNCTION {function}()",
        {"name": name, "function": function},
    )
