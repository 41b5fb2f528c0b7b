"""Attacks on the database's catalog: switches that the server trusts instead of the objects, and false claims.

Source: PostgreSQL documentation, "System Catalogs" (pg_class, pg_index, pg_constraint, pg_rewrite).
"""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Applies, Target, attack, needs_superuser
from pytest_audit_ledger.drill.attacks.changes import checks_on, is_one_table, keys_of
from pytest_audit_ledger.drill.attacks.claims import SIGNED_GUARDS, TABLE
from pytest_audit_ledger.drill.attacks.triggers import write_otherwise

GUARDED = (TABLE, SIGNED_GUARDS)
NAME = "audit_ledger_drill"


def _edit(target: Target, template: str, **values: object) -> None:
    target.as_superuser().edit_catalog(target.ledger, template, **values)


def _all(*conditions: Applies) -> Applies:
    """Return a condition: all of these are met, and there is a superuser."""
    return lambda target: next(filter(None, (one(target) for one in (needs_superuser, *conditions))), None)


def _has_triggers(target: Target) -> str | None:
    return None if target.ledger.triggers() else "The ledger has no triggers to switch off."


def _has_checks(target: Target) -> str | None:
    return None if checks_on(target.ledger, "verdict") else "The column verdict has no CHECK to switch off."


def _has_key(target: Target) -> str | None:
    return None if keys_of(target.ledger, "sequence_number") else "No index keeps sequence_number unique."


@attack(
    "switch all triggers off in the catalog",
    who=SUPERUSER,
    noticed_by=GUARDED,
    applies=_all(_has_triggers),
    by_roles=True,
)
def triggers_switched_off(target: Target) -> None:
    """Set relhastriggers to false: every trigger stays in the catalog, and none fires."""
    _edit(target, "UPDATE pg_catalog.pg_class SET relhastriggers = false WHERE oid IN {parts}")


@attack("hide a trigger that changes entries", who=SUPERUSER, noticed_by=(TABLE,), applies=needs_superuser)
def trigger_hidden(target: Target) -> None:
    """Create a trigger that closes the escalation of every inserted entry, and mark it as one of a constraint."""
    write_otherwise(target.ledger, NAME)
    hidden = "UPDATE pg_catalog.pg_trigger SET tgisinternal = true, tgconstraint = oid WHERE tgname = {name}"
    _edit(target, f"{hidden} AND tgrelid = {{table}}", name=NAME)


@attack("switch all CHECKs off in the catalog", who=SUPERUSER, noticed_by=GUARDED, applies=_all(_has_checks))
def checks_switched_off(target: Target) -> None:
    """Set relchecks to 0: every CHECK stays in the catalog, and none is enforced."""
    _edit(target, "UPDATE pg_catalog.pg_class SET relchecks = 0 WHERE oid IN {parts}")


@attack(
    "switch a unique index off in the catalog", who=SUPERUSER, noticed_by=GUARDED, applies=_all(_has_key), by_roles=True
)
def uniqueness_switched_off(target: Target) -> None:
    """Set indisunique to false: the constraint on sequence_number stays in the catalog, and numbers may repeat."""
    for key in keys_of(target.ledger, "sequence_number"):
        _edit(
            target,
            "UPDATE pg_catalog.pg_index SET indisunique = false WHERE indexrelid IN ("
            "SELECT x.oid FROM pg_catalog.pg_class x JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace "
            "WHERE n.nspname = {schema} AND x.relname = {index})",
            schema=key["schema"],
            index=key["index"],
        )


@attack("declare a CHECK that is not true", who=SUPERUSER, noticed_by=GUARDED, applies=needs_superuser, by_roles=True)
def check_not_true(target: Target) -> None:
    """Add a CHECK that one entry contradicts, and mark it as validated, so that queries may leave the entry out."""
    target.ledger.execute(
        "ALTER TABLE {ledger} ADD CONSTRAINT {name} CHECK ({sequence} <> {middle}) NOT VALID",
        {"name": NAME},
        middle=target.middle,
    )
    validated = "UPDATE pg_catalog.pg_constraint SET convalidated = true WHERE conname = {name} AND conrelid IN {parts}"
    _edit(target, validated, name=NAME)


@attack("let a hidden rule show another table", who=SUPERUSER, noticed_by=GUARDED, applies=_all(is_one_table))
def shown_by_a_rule(target: Target) -> None:
    """Edit a copy of the ledger, and insert a rule into the catalog that shows the copy to whoever reads the ledger."""
    ledger = target.ledger
    copy, view = ((ledger.schema, f"{ledger.table[:50]}_{ending}") for ending in ("copy", "view"))
    ledger.execute(
        "CREATE TABLE {copy} AS SELECT * FROM {ledger}; "
        "UPDATE {copy} SET rule_id = 'none' WHERE sequence_number = {middle}; "
        "CREATE VIEW {view} AS SELECT * FROM {copy}",
        {"copy": copy, "view": view},
        middle=target.middle,
    )
    _edit(
        target,
        "INSERT INTO pg_catalog.pg_rewrite "
        "(oid, rulename, ev_class, ev_type, ev_enabled, is_instead, ev_qual, ev_action) "
        "SELECT (SELECT pg_catalog.max(oid::pg_catalog.int8) + 1 FROM pg_catalog.pg_rewrite)::pg_catalog.oid, "
        "rulename, {table}, ev_type, ev_enabled, is_instead, ev_qual, ev_action FROM pg_catalog.pg_rewrite r "
        "JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace "
        "WHERE n.nspname = {schema} AND v.relname = {view}",
        schema=view[0],
        view=view[1],
    )
    _edit(target, "UPDATE pg_catalog.pg_class SET relhasrules = true WHERE oid = {table}")
