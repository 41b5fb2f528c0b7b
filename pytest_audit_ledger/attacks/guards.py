"""Attacks on what protects a ledger: triggers and their functions, constraints, columns, rights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_audit_ledger.attacks.base import SUPERUSER, Applies, Claim, Target, attack, has_columns, needs_superuser
from pytest_audit_ledger.attacks.changes import drop_checks, drop_key, keys_of
from pytest_audit_ledger.attacks.claims import (
    CHECKPOINT,
    HASHES,
    SIGNED,
    SIGNED_GUARDS,
    TABLE,
    TRIGGERS,
    default_suite,
)
from pytest_audit_ledger.kinds.append_only import ALWAYS, protections
from pytest_audit_ledger.resources import sql
from pytest_audit_ledger.sources.scratch_ledger import ScratchLedger

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


@attack(
    "edit an entry in a replica session, past the triggers",
    who=SUPERUSER,
    noticed_by=(HASHES, SIGNED),
    remedy=default_suite(HASHES),
    applies=needs_superuser,
)
def edited_as_a_replica(target: Target) -> None:
    """Edit an entry with session_replication_role = replica; what is ENABLE ALWAYS is made ENABLE meanwhile."""
    ledger, always = target.ledger, _always(target.ledger)
    assert target.superuser is not None  # noqa: S101  (`applies` says so)
    switch(ledger, always, "ENABLE")
    try:
        with target.superuser.replica_sessions(ledger), ledger.another() as session:
            session.run(
                session.statement(
                    "UPDATE {ledger} SET rule_id = 'none' WHERE sequence_number = {middle}", middle=target.middle
                )
            )
    finally:
        switch(ledger, always, "ENABLE ALWAYS")


def has_key(column: str) -> Applies:
    """Return what tells that a column is no key."""

    def applies(target: Target) -> str | None:
        return None if keys_of(target.ledger, column) else f"The column {column} has no unique constraint to drop."

    return applies


def _drop_keys_of(target: Target, column: str) -> None:
    for key in keys_of(target.ledger, column):
        drop_key(target.ledger, key)


@attack(
    "drop what makes sequence numbers unique",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_key("sequence_number"),
)
def unique_dropped(target: Target) -> None:
    """Drop the unique constraint on sequence_number."""
    _drop_keys_of(target, "sequence_number")


@attack(
    "drop what makes hashes unique",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_key("entry_hash"),
)
def unique_hash_dropped(target: Target) -> None:
    """Drop the unique constraint on entry_hash."""
    _drop_keys_of(target, "entry_hash")


@attack(
    "drop the primary key",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_key("id"),
)
def primary_key_dropped(target: Target) -> None:
    """Drop the primary key on id."""
    _drop_keys_of(target, "id")


def _checks(ledger: ScratchLedger, column: str) -> list[dict[str, Any]]:
    rows = ledger.rows(sql("constraints.sql"))
    return [row for row in rows if row["type"] == "c" and column in (row["columns"] or ())]


def _has_check(target: Target) -> str | None:
    return None if _checks(target.ledger, "verdict") else "The column verdict has no CHECK to drop."


@attack(
    "drop what refuses a sixth verdict",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=_has_check,
)
def check_dropped(target: Target) -> None:
    """Drop the CHECK on verdict."""
    drop_checks(target.ledger, "verdict")


@attack(
    "take back that a CHECK holds for every entry",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=_has_check,
)
def check_not_validated(target: Target) -> None:
    """Put the CHECK on verdict back as NOT VALID, so that entries that are there need not follow it."""
    for row in _checks(target.ledger, "verdict"):
        expression = row["expression"].replace("{", "{{").replace("}", "}}")
        target.ledger.run(
            target.ledger.statement(
                "ALTER TABLE {ledger} DROP CONSTRAINT {name}, "
                f"ADD CONSTRAINT {{name}} CHECK ({expression}) NOT VALID",
                {"name": row["name"]},
            )
        )


@attack(
    "let a column be empty",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_columns("telemetry_hash"),
)
def not_null_dropped(target: Target) -> None:
    """Drop the NOT NULL of telemetry_hash."""
    target.ledger.run(target.ledger.statement("ALTER TABLE {ledger} ALTER COLUMN telemetry_hash DROP NOT NULL"))


@attack(
    "drop a column",
    noticed_by=(TABLE, SIGNED, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_columns("escalation_notes"),
)
def column_dropped(target: Target) -> None:
    """Drop escalation_notes with what was noted."""
    target.ledger.run(target.ledger.statement("ALTER TABLE {ledger} DROP COLUMN escalation_notes"))


@attack(
    "give a column another type",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=has_columns("telemetry_id"),
)
def column_retyped(target: Target) -> None:
    """Let telemetry_id be of a type of 200 characters at most, which cuts off what comes later."""
    target.ledger.run(
        target.ledger.statement("ALTER TABLE {ledger} ALTER COLUMN telemetry_id TYPE pg_catalog.varchar(200)")
    )


@attack(
    "let everybody change entries",
    noticed_by=(Claim("append_only", "roles"), SIGNED_GUARDS),
    remedy=f"{CHECKPOINT} Or declare append_only with roles: critical.",
)
def rights_granted(target: Target) -> None:
    """Grant UPDATE, DELETE and TRUNCATE to PUBLIC; the triggers still refuse."""
    target.ledger.run(target.ledger.statement("GRANT UPDATE, DELETE, TRUNCATE ON {ledger} TO PUBLIC"))


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


@attack("turn inserts into nothing", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def inserts_swallowed(target: Target) -> None:
    """Create a rule that throws every FLAG away that is inserted."""
    target.ledger.run(
        target.ledger.statement(
            "CREATE RULE audit_ledger_drill AS ON INSERT TO {ledger} WHERE NEW.verdict = 'FLAG' DO INSTEAD NOTHING"
        )
    )


@attack("let a crash of the server empty the table", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def unlogged(target: Target) -> None:
    """Make the table UNLOGGED."""
    target.ledger.run(target.ledger.statement("ALTER TABLE {ledger} SET UNLOGGED"))


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
    unique_dropped,
    unique_hash_dropped,
    primary_key_dropped,
    check_dropped,
    check_not_validated,
    not_null_dropped,
    column_dropped,
    column_retyped,
    rights_granted,
    written_otherwise,
    inserts_swallowed,
    unlogged,
)
