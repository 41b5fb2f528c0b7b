"""Attacks on the triggers that protect a ledger, and on their functions; and past them, in a replica session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Applies, Prevented, Target, attack, needs_superuser
from pytest_audit_ledger.drill.attacks.claims import CHECKPOINT, HASHES, SIGNED, SIGNED_GUARDS, TRIGGERS, default_suite
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.append_only import ALWAYS, protections
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger

Trigger = Mapping[str, Any]

LETS_THROUGH = "BEGIN RETURN coalesce(NEW, OLD); END;"
SWALLOWS = "BEGIN RAISE EXCEPTION 'append-only'; EXCEPTION WHEN OTHERS THEN RETURN coalesce(NEW, OLD); END;"


def refusing(ledger: ScratchLedger, operation: str) -> list[Trigger]:
    """Return the triggers of the ledger itself that refuse UPDATE, DELETE or TRUNCATE."""
    found = protections(ledger.rows(sql("triggers.sql")))
    return next(one.holding for one in found if one.operation == operation)


def refuses(operation: str) -> Applies:
    """Return what tells that no trigger refuses this operation."""

    def applies(target: Target) -> str | None:
        return None if refusing(target.ledger, operation) else f"No trigger of the ledger refuses {operation}."

    return applies


def switch(ledger: ScratchLedger, triggers: Iterable[Trigger], how: str) -> None:
    """Switch triggers: DISABLE, ENABLE, ENABLE ALWAYS or ENABLE REPLICA."""
    for trigger in triggers:
        ledger.run(ledger.statement(f"ALTER TABLE {{ledger}} {how} TRIGGER {{name}}", {"name": trigger["name"]}))


def replace_trigger(
    ledger: ScratchLedger, trigger: Trigger, template: str, function: tuple[str, str] | None = None
) -> None:
    """Put another trigger in the place of one, with its function unless another is named, and in its state."""
    names = {"name": trigger["name"], "function": function or (trigger["function_schema"], trigger["function_name"])}
    ledger.run(ledger.statement(f"DROP TRIGGER {{name}} ON {{ledger}}; {template}", names))
    switch(ledger, [trigger], "ENABLE ALWAYS" if trigger["enabled"] == ALWAYS else "ENABLE")


def replace_function(ledger: ScratchLedger, function: tuple[str, str], body: str) -> None:
    """Create the function of a trigger, or put another body into it."""
    template = "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"
    ledger.run(ledger.statement(template, {"function": function}, body=body))


@attack(
    "drop the trigger that refuses UPDATE",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def trigger_dropped(target: Target) -> None:
    """Drop every trigger that refuses UPDATE."""
    for trigger in refusing(target.ledger, "UPDATE"):
        target.ledger.run(target.ledger.statement("DROP TRIGGER {name} ON {ledger}", {"name": trigger["name"]}))


@attack(
    "disable the trigger that refuses DELETE",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("DELETE"),
)
def trigger_disabled(target: Target) -> None:
    """Disable every trigger that refuses DELETE, and leave it where it is."""
    switch(target.ledger, refusing(target.ledger, "DELETE"), "DISABLE")


@attack(
    "let the trigger that refuses TRUNCATE fire for replicas only",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("TRUNCATE"),
)
def trigger_for_replicas(target: Target) -> None:
    """Enable every trigger that refuses TRUNCATE for replication alone, so that nobody's own session meets it."""
    switch(target.ledger, refusing(target.ledger, "TRUNCATE"), "ENABLE REPLICA")


def _always(ledger: ScratchLedger) -> list[Trigger]:
    return [trigger for trigger in refusing(ledger, "UPDATE") if trigger["enabled"] == ALWAYS]


def _has_always(target: Target) -> str | None:
    silent = "No trigger refuses UPDATE in replica sessions as it is."
    return None if _always(target.ledger) else silent


@attack(
    "let replica sessions pass the trigger that refuses UPDATE",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=_has_always,
)
def trigger_silenced(target: Target) -> None:
    """Make ENABLE of ENABLE ALWAYS, so that session_replication_role = replica silences the trigger."""
    switch(target.ledger, _always(target.ledger), "ENABLE")


@attack(
    "empty the function of the triggers",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def trigger_emptied(target: Target) -> None:
    """Let the function of the triggers refuse nothing; the triggers themselves stay as they are."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_function(target.ledger, (trigger["function_schema"], trigger["function_name"]), LETS_THROUGH)


@attack(
    "let the function of the triggers swallow what it raises",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def trigger_swallows(target: Target) -> None:
    """Let the function still raise, and catch what it raises."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_function(target.ledger, (trigger["function_schema"], trigger["function_name"]), SWALLOWS)


@attack(
    "let the trigger fire under a condition",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def trigger_conditional(target: Target) -> None:
    """Give the trigger that refuses UPDATE a WHEN that is never true."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_trigger(
            target.ledger,
            trigger,
            "CREATE TRIGGER {name} BEFORE UPDATE ON {ledger} FOR EACH ROW WHEN (current_user = '') "
            "EXECUTE FUNCTION {function}()",
        )


@attack(
    "let the trigger guard one column only",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def trigger_for_one_column(target: Target) -> None:
    """Let the trigger that refuses UPDATE refuse that of entry_hash, and no other."""
    for trigger in refusing(target.ledger, "UPDATE"):
        replace_trigger(
            target.ledger,
            trigger,
            "CREATE TRIGGER {name} BEFORE UPDATE OF entry_hash ON {ledger} FOR EACH ROW EXECUTE FUNCTION {function}()",
        )


def _edit_as_a_replica(target: Target) -> None:
    """Edit what no envelope repeats, in a session in which only triggers fire that are ENABLE ALWAYS."""
    assert target.superuser is not None  # noqa: S101  (`applies` says so)
    with target.superuser.replica_sessions(target.ledger), target.ledger.another() as session:
        session.run(
            session.statement(
                "UPDATE {ledger} SET rule_id = 'none' WHERE sequence_number = {middle}", middle=target.middle
            )
        )


@attack(
    "edit an entry in a replica session",
    who=SUPERUSER,
    noticed_by=(HASHES, SIGNED),
    remedy=default_suite(HASHES),
    applies=needs_superuser,
)
def edited_as_a_replica(target: Target) -> None:
    """Edit an entry with session_replication_role = replica, which silences triggers that are not ENABLE ALWAYS."""
    try:
        _edit_as_a_replica(target)
    except SourceError:
        if not _always(target.ledger):
            raise
        raise Prevented("The triggers are ENABLE ALWAYS, so they refused it in a replica session, too.") from None


@attack(
    "silence the triggers and edit an entry in a replica session",
    who=SUPERUSER,
    noticed_by=(HASHES, SIGNED),
    remedy=default_suite(HASHES),
    applies=needs_superuser,
)
def silenced_and_edited(target: Target) -> None:
    """Make ENABLE of ENABLE ALWAYS, edit with session_replication_role = replica, and put the triggers back."""
    always = _always(target.ledger)
    switch(target.ledger, always, "ENABLE")
    try:
        _edit_as_a_replica(target)
    finally:
        switch(target.ledger, always, "ENABLE ALWAYS")


@attack("change entries as they are written", noticed_by=(SIGNED_GUARDS,), remedy=CHECKPOINT)
def written_otherwise(target: Target) -> None:
    """Create a trigger that closes the escalation of whatever is inserted, which no hash covers."""
    function = (target.ledger.schema, "audit_ledger_drill")
    replace_function(target.ledger, function, "BEGIN NEW.escalation_status := 'closed'; RETURN NEW; END;")
    target.ledger.run(
        target.ledger.statement(
            "CREATE TRIGGER audit_ledger_drill BEFORE INSERT ON {ledger} FOR EACH ROW EXECUTE FUNCTION {function}()",
            {"function": function},
        )
    )


ATTACKS = (
    trigger_dropped,
    trigger_disabled,
    trigger_for_replicas,
    trigger_silenced,
    trigger_emptied,
    trigger_swallows,
    trigger_conditional,
    trigger_for_one_column,
    edited_as_a_replica,
    silenced_and_edited,
    written_otherwise,
)
