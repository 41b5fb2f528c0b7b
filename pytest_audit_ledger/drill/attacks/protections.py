"""Attacks on what protects a ledger besides its triggers: constraints, columns, rights, rules."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import Applies, Claim, Target, attack, has_columns
from pytest_audit_ledger.drill.attacks.changes import checks_on, drop_checks, drop_key, is_one_table, keys_of
from pytest_audit_ledger.drill.attacks.claims import CHECKPOINT, SIGNED, SIGNED_GUARDS, TABLE, default_suite


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


def _has_check(target: Target) -> str | None:
    return None if checks_on(target.ledger, "verdict") else "The column verdict has no CHECK to drop."


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
    for row in checks_on(target.ledger, "verdict"):
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


@attack("turn inserts into nothing", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def inserts_swallowed(target: Target) -> None:
    """Create a rule that throws every FLAG away that is inserted."""
    target.ledger.run(
        target.ledger.statement(
            "CREATE RULE audit_ledger_drill AS ON INSERT TO {ledger} WHERE NEW.verdict = 'FLAG' DO INSTEAD NOTHING"
        )
    )


@attack(
    "let a crash of the server empty the table",
    noticed_by=(TABLE, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=is_one_table,
)
def unlogged(target: Target) -> None:
    """Make the table UNLOGGED."""
    target.ledger.run(target.ledger.statement("ALTER TABLE {ledger} SET UNLOGGED"))


ATTACKS = (
    unique_dropped,
    unique_hash_dropped,
    primary_key_dropped,
    check_dropped,
    check_not_validated,
    not_null_dropped,
    column_dropped,
    column_retyped,
    rights_granted,
    inserts_swallowed,
    unlogged,
)
