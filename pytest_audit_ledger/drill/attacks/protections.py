"""Attacks on what protects a ledger besides its triggers: constraints, columns, privileges, rules."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import CHECKPOINT, Applies, Claim, Target, attack, has_columns
from pytest_audit_ledger.drill.attacks.changes import checks_on, drop_checks, drop_key, is_one_table, keys_of
from pytest_audit_ledger.drill.attacks.claims import SIGNED, SIGNED_GUARDS, TABLE, TRIGGERS

GUARDED = (TABLE, SIGNED_GUARDS)


def has_key(role: str) -> Applies:
    """Return a condition: the column of a role is unique."""

    def applies(target: Target) -> str | None:
        column = target.ledger.profile.column(role)
        return None if keys_of(target.ledger, role) else f"The column {column} has no unique constraint to drop."

    return applies


def _drop_keys_of(target: Target, role: str) -> None:
    for key in keys_of(target.ledger, role):
        drop_key(target.ledger, key)


@attack("let sequence numbers repeat", noticed_by=GUARDED, applies=has_key("sequence_number"), by_roles=True)
def unique_dropped(target: Target) -> None:
    """Drop the unique constraint on sequence_number."""
    _drop_keys_of(target, "sequence_number")


@attack("let hashes repeat", noticed_by=GUARDED, applies=has_key("entry_hash"))
def unique_hash_dropped(target: Target) -> None:
    """Drop the unique constraint on entry_hash."""
    _drop_keys_of(target, "entry_hash")


@attack("drop the primary key", noticed_by=GUARDED, applies=has_key("id"))
def primary_key_dropped(target: Target) -> None:
    """Drop the primary key on id."""
    _drop_keys_of(target, "id")


def _has_check(target: Target) -> str | None:
    return None if checks_on(target.ledger, "verdict") else "The column verdict has no CHECK to drop."


@attack("allow unknown verdicts", noticed_by=GUARDED, applies=_has_check)
def check_dropped(target: Target) -> None:
    """Drop the CHECK on verdict."""
    drop_checks(target.ledger, "verdict")


@attack("exempt existing entries from a CHECK", noticed_by=GUARDED, applies=_has_check)
def check_not_validated(target: Target) -> None:
    """Replace the CHECK on verdict by the same one as NOT VALID, which existing entries need not meet."""
    for row in checks_on(target.ledger, "verdict"):
        expression = row["expression"].replace("{", "{{").replace("}", "}}")
        target.ledger.execute(
            f"ALTER TABLE {{ledger}} DROP CONSTRAINT {{name}}, ADD CONSTRAINT {{name}} CHECK ({expression}) NOT VALID",
            {"name": row["name"]},
        )


@attack("allow an empty column", noticed_by=GUARDED, applies=has_columns("telemetry_hash"))
def not_null_dropped(target: Target) -> None:
    """Drop the NOT NULL of telemetry_hash."""
    target.ledger.execute("ALTER TABLE {ledger} ALTER COLUMN telemetry_hash DROP NOT NULL")


@attack("drop a column", noticed_by=(TABLE, SIGNED, SIGNED_GUARDS), applies=has_columns("escalation_notes"))
def column_dropped(target: Target) -> None:
    """Drop escalation_notes with all notes in it."""
    target.ledger.execute("ALTER TABLE {ledger} DROP COLUMN escalation_notes")


@attack("change the type of a column", noticed_by=GUARDED, applies=has_columns("telemetry_id"))
def column_retyped(target: Target) -> None:
    """Limit telemetry_id to 200 characters, so that longer ones are rejected."""
    target.ledger.execute("ALTER TABLE {ledger} ALTER COLUMN telemetry_id TYPE pg_catalog.varchar(200)")


@attack(
    "let every role change entries",
    noticed_by=(Claim("append_only", "roles"), SIGNED_GUARDS),
    remedy=f"{CHECKPOINT} Or set roles: critical in the check append_only.",
    by_roles=True,
)
def rights_granted(target: Target) -> None:
    """Grant UPDATE, DELETE and TRUNCATE to PUBLIC; the triggers still refuse."""
    target.ledger.execute("GRANT UPDATE, DELETE, TRUNCATE ON {ledger} TO PUBLIC")


@attack("let everybody change entries through a function", noticed_by=(TRIGGERS,))
def function_granted(target: Target) -> None:
    """Create a function by which everybody can, with the owner's rights, close escalations while no trigger fires."""
    ledger = target.ledger
    body = ledger.statement(
        "BEGIN ALTER TABLE {ledger} DISABLE TRIGGER USER; UPDATE {ledger} SET escalation_status = 'closed'; "
        "ALTER TABLE {ledger} ENABLE TRIGGER USER; END;"
    )
    ledger.execute(
        "CREATE FUNCTION {function}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS {body}",
        {"function": (ledger.schema, "audit_ledger_drill")},
        body=body.as_string(ledger.connection),
    )


@attack("discard inserts silently", noticed_by=GUARDED)
def inserts_swallowed(target: Target) -> None:
    """Create a rule that discards every inserted FLAG."""
    target.ledger.execute(
        "CREATE RULE audit_ledger_drill AS ON INSERT TO {ledger} WHERE NEW.verdict = 'FLAG' DO INSTEAD NOTHING"
    )


@attack("let a server crash empty the table", noticed_by=GUARDED, applies=is_one_table, by_roles=True)
def unlogged(target: Target) -> None:
    """Make the table UNLOGGED."""
    target.ledger.execute("ALTER TABLE {ledger} SET UNLOGGED")
