"""Attacks that show other rows than the table holds: views, policies, child tables, other tables, lying indexes."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Target, attack, has_columns, needs_superuser
from pytest_audit_ledger.drill.attacks.changes import append_after, is_one_table, quiet_edit
from pytest_audit_ledger.drill.attacks.claims import HASHES, LINKS, NUMBERS, SIGNED, SIGNED_GUARDS, TABLE, TRIGGERS
from pytest_audit_ledger.drill.attacks.triggers import (
    LETS_THROUGH,
    refuses,
    refusing,
    replace_function,
    replace_trigger,
)
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, Statement, listed

SHADOW = "audit_ledger_shadow"
"""The schema of the objects that search_path finds first."""


KEPT = "audit_ledger_kept"
"""The schema that keeps the genuine table while another one has its place."""

GUARDED_COLUMNS = (TABLE, SIGNED, SIGNED_GUARDS)


def _beside(ledger: ScratchLedger, ending: str) -> tuple[str, str]:
    """Return the name of a table in the schema of the ledger's."""
    return (ledger.schema, f"{ledger.table[:50]}_{ending}")


def _move_aside(ledger: ScratchLedger) -> tuple[str, str]:
    """Rename the table, and return its new name."""
    aside = _beside(ledger, "aside")
    ledger.execute("ALTER TABLE {ledger} RENAME TO {aside}", {"aside": aside[1]})
    return aside


def _edit_quietly(target: Target) -> None:
    """Edit a column that no envelope repeats."""
    target.ledger.change("{edit}", edit=quiet_edit(target.ledger, target.middle))


def _all_but_one(target: Target) -> Statement:
    """Return the condition that a row is not the entry to attack."""
    return target.ledger.statement("NOT ({sequence} = {middle} AND {scope})", middle=target.middle)


def _search_first(ledger: ScratchLedger, *schemas: str) -> None:
    """Let new sessions look up names in these schemas, in this order."""
    ((database,),) = ledger.run("SELECT pg_catalog.current_database()")
    path = ", ".join(f"{{{schema}}}" for schema in schemas)
    names = {"database": database, **{schema: schema for schema in schemas}}
    ledger.execute(f"ALTER DATABASE {{database}} SET search_path = {path}", names)


@attack("replace the table by a view", noticed_by=(TABLE, SIGNED_GUARDS), by_roles=True)
def view_in_place(target: Target) -> None:
    """Rename the table, and create a view with its name that shows all entries but one."""
    others = _all_but_one(target)
    target.ledger.execute(
        "CREATE VIEW {ledger} AS SELECT * FROM {aside} AS entry WHERE {others}",
        {"aside": _move_aside(target.ledger)},
        others=others,
    )


@attack("replace the table by a materialized view", noticed_by=(TABLE, SIGNED_GUARDS), by_roles=True)
def materialized_view_in_place(target: Target) -> None:
    """Rename the table, and create a materialized view with its name, which never shows later changes."""
    target.ledger.execute(
        "CREATE MATERIALIZED VIEW {ledger} AS SELECT * FROM {aside}", {"aside": _move_aside(target.ledger)}
    )


@attack("hide rows with a policy", noticed_by=(TABLE, SIGNED_GUARDS), by_roles=True)
def rows_hidden(target: Target) -> None:
    """Enable row-level security with a policy that shows all entries but one."""
    target.ledger.execute(
        "ALTER TABLE {ledger} ENABLE ROW LEVEL SECURITY; CREATE POLICY audit_ledger_drill ON {ledger} USING ({others})",
        others=_all_but_one(target),
    )


@attack(
    "add an entry in a child table",
    noticed_by=(LINKS, NUMBERS, TRIGGERS, TABLE, SIGNED, SIGNED_GUARDS),
    applies=is_one_table,
    by_roles=True,
)
def entry_in_a_child_table(target: Target) -> None:
    """Create a table that inherits from the ledger but not its triggers and keys, and copy an entry into it."""
    ledger = target.ledger
    ledger.execute(
        "CREATE TABLE {child} () INHERITS ({ledger}); "
        "INSERT INTO {child} ({columns}) SELECT {columns} FROM ONLY {ledger} AS entry "
        "WHERE {sequence} = {middle} AND {scope}",
        {"child": _beside(ledger, "more")},
        columns=listed(ledger.columns()),
        middle=target.middle,
    )


@attack(
    "edit an entry and put an unedited table first in search_path", noticed_by=(HASHES, TABLE, SIGNED), by_roles=True
)
def shadowed_table(target: Target) -> None:
    """Put a copy of the ledger before it in search_path, then edit the ledger itself."""
    _shadow(target.ledger)
    _edit_quietly(target)


@attack("show other readers an edited copy", noticed_by=(TABLE,))
def shadow_for_others(target: Target) -> None:
    """Put a copy of the ledger before it in search_path, and edit the copy."""
    _shadow(target.ledger)
    target.ledger.execute(
        "UPDATE {copy} SET rule_id = 'none' WHERE sequence_number = {middle}",
        {"copy": (SHADOW, target.ledger.table)},
        middle=target.middle,
    )


def _shadow(ledger: ScratchLedger) -> None:
    ledger.execute(
        "CREATE SCHEMA {schema}; CREATE TABLE {copy} AS SELECT * FROM {ledger}",
        {"schema": SHADOW, "copy": (SHADOW, ledger.table)},
    )
    _search_first(ledger, SHADOW, ledger.schema)


@attack("edit an entry and put lying functions first in search_path", noticed_by=(HASHES, SIGNED))
def shadowed_functions(target: Target) -> None:
    """Put operators that find no difference and a constant hash function before PostgreSQL's, then edit an entry."""
    ledger = target.ledger
    ledger.execute("CREATE SCHEMA {schema}", {"schema": SHADOW})
    for function, arguments, returns, body in (
        ("sha256", "pg_catalog.bytea", "pg_catalog.bytea", "SELECT pg_catalog.sha256(''::pg_catalog.bytea)"),
        ("same", "pg_catalog.text, pg_catalog.text", "pg_catalog.bool", "SELECT false"),
        ("same", "pg_catalog.bpchar, pg_catalog.bpchar", "pg_catalog.bool", "SELECT false"),
    ):
        ledger.execute(
            f"CREATE FUNCTION {{function}}({arguments}) RETURNS {returns} LANGUAGE sql AS {{body}}",
            {"function": (SHADOW, function)},
            body=body,
        )
    for type_ in ("text", "bpchar"):
        operands = f"LEFTARG = pg_catalog.{type_}, RIGHTARG = pg_catalog.{type_}"
        template = f"CREATE OPERATOR {{schema}}.<> (FUNCTION = {{function}}, {operands})"
        ledger.execute(template, {"schema": SHADOW, "function": (SHADOW, "same")})
    _search_first(ledger, SHADOW, "pg_catalog", ledger.schema)
    _edit_quietly(target)


@attack(
    "let the trigger call another function with the same name",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    applies=refuses("UPDATE"),
)
def shadowed_trigger_function(target: Target) -> None:
    """Create a function with the same name in another schema that refuses nothing, and let the trigger call it."""
    ledger = target.ledger
    ledger.execute("CREATE SCHEMA {schema}", {"schema": SHADOW})
    for trigger in refusing(ledger, "UPDATE"):
        function = (SHADOW, trigger["function_name"])
        replace_function(ledger, function, LETS_THROUGH)
        replace_trigger(ledger, trigger, "", function=function)


@attack("keep a copy of the ledger", noticed_by=(TABLE,), by_roles=True)
def copy_left_behind(target: Target) -> None:
    """Copy the ledger into another table, from which its place can be taken."""
    target.ledger.execute("CREATE TABLE {copy} AS SELECT * FROM {ledger}", {"copy": _beside(target.ledger, "copy")})


@attack("show another table for a while", noticed_by=(SIGNED_GUARDS,), by_roles=True)
def exchanged_and_put_back(target: Target) -> None:
    """Move the table to another schema, put another table in its place, put the table back, and drop the other one."""
    ledger = target.ledger
    ledger.execute(
        "CREATE SCHEMA {away}; CREATE SCHEMA {kept}; CREATE TABLE {other} (LIKE {ledger}); "
        "ALTER TABLE {ledger} SET SCHEMA {kept}; ALTER TABLE {other} SET SCHEMA {schema}; "
        "ALTER TABLE {ledger} SET SCHEMA {away}; ALTER TABLE {genuine} SET SCHEMA {schema}; "
        "DROP SCHEMA {away} CASCADE; DROP SCHEMA {kept}",
        {
            "away": SHADOW,
            "kept": KEPT,
            "schema": ledger.schema,
            "other": (SHADOW, ledger.table),
            "genuine": (KEPT, ledger.table),
        },
    )


@attack("show the table only to whoever verifies it", noticed_by=(TABLE, SIGNED_GUARDS))
def shown_while_verified(target: Target) -> None:
    """Let an edited copy take the table's place, and move the table back, as if a run had just connected."""
    ledger = target.ledger
    ledger.execute(
        "CREATE SCHEMA {edited}; CREATE SCHEMA {kept}; CREATE TABLE {copy} (LIKE {ledger} INCLUDING ALL); "
        "INSERT INTO {copy} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {ledger}; "
        "UPDATE {copy} SET rule_id = 'none' WHERE sequence_number = {middle}; "
        "ALTER TABLE {ledger} SET SCHEMA {kept}; ALTER TABLE {copy} SET SCHEMA {schema}; "
        "ALTER TABLE {ledger} SET SCHEMA {edited}; ALTER TABLE {genuine} SET SCHEMA {schema}",
        {
            "edited": SHADOW,
            "kept": KEPT,
            "schema": ledger.schema,
            "copy": (SHADOW, ledger.table),
            "genuine": (KEPT, ledger.table),
        },
        columns=listed(ledger.columns()),
        middle=target.middle,
    )


def _can_be_foreign(target: Target) -> str | None:
    found = target.ledger.run("SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'postgres_fdw'")
    missing = None if found else "The scratch server does not have the extension postgres_fdw."
    return needs_superuser(target) or is_one_table(target) or missing


@attack(
    "read a partition from another server",
    who=SUPERUSER,
    noticed_by=(TRIGGERS, TABLE, SIGNED_GUARDS),
    applies=_can_be_foreign,
)
def foreign_partition(target: Target) -> None:
    """Make a partitioned ledger whose older entries are in a foreign table, which can show each role other rows."""
    ledger = target.ledger
    target.as_superuser().serve_itself(ledger, SHADOW)
    copy = _beside(ledger, "copy")
    ledger.execute(
        "CREATE TABLE {copy} AS SELECT * FROM {ledger}; "
        "UPDATE {copy} SET rule_id = 'none' WHERE sequence_number = {middle}; "
        "ALTER TABLE {ledger} RENAME TO {aside}; "
        "CREATE TABLE {ledger} (LIKE {copy}) PARTITION BY RANGE (sequence_number); "
        "CREATE TABLE {newer} PARTITION OF {ledger} FOR VALUES FROM ({end}) TO (MAXVALUE); "
        "INSERT INTO {newer} SELECT * FROM {copy} WHERE sequence_number >= {end}; "
        "CREATE FOREIGN TABLE {older} PARTITION OF {ledger} FOR VALUES FROM (MINVALUE) TO ({end}) "
        "SERVER {server} OPTIONS (schema_name {schema}, table_name {table})",
        {
            "copy": copy,
            "aside": _beside(ledger, "aside")[1],
            "newer": _beside(ledger, "newer"),
            "older": _beside(ledger, "older"),
            "server": SHADOW,
        },
        end=target.middle + 1,
        middle=target.middle,
        schema=copy[0],
        table=copy[1],
    )


@attack("compute a column instead of storing it", noticed_by=GUARDED_COLUMNS, applies=has_columns("escalation_notes"))
def column_generated(target: Target) -> None:
    """Replace escalation_notes by a generated column, whose values were never written."""
    target.ledger.execute(
        "ALTER TABLE {ledger} DROP COLUMN escalation_notes, "
        "ADD COLUMN escalation_notes pg_catalog.text GENERATED ALWAYS AS (verdict::pg_catalog.text) STORED"
    )


def _has_secondary_index(target: Target) -> str | None:
    ((number,),) = target.ledger.execute(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_index WHERE indrelid = {table} AND NOT indisunique",
        table=target.ledger.oid(),
    )
    return needs_superuser(target) or (None if number else "The ledger has no index besides those of its keys.")


@attack(
    "hide an entry in a secondary index",
    who=SUPERUSER,
    limit="The table holds the entry. No check uses the index, but a query that does use it misses the entry.",
    remedy="Check indexes with the extension amcheck (bt_index_check with heapallindexed), or run REINDEX TABLE.",
    applies=_has_secondary_index,
)
def entry_missing_in_an_index(target: Target) -> None:
    """Delete one entry and insert it again unchanged, so that only the indexes of keys contain it."""
    with target.as_superuser().blind_indexes(target.ledger, but_unique=True):
        target.ledger.change(
            "WITH gone AS (DELETE FROM {ledger} WHERE sequence_number = {middle} RETURNING {columns}) "
            "INSERT INTO {ledger} ({columns}) SELECT {columns} FROM gone",
            columns=listed(target.ledger.columns()),
            middle=target.middle,
        )


@attack("append an entry that an index hides", who=SUPERUSER, noticed_by=(NUMBERS,), applies=needs_superuser)
def lying_index(target: Target) -> None:
    """Append a second last entry that no index contains, so that reading in order by index does not find it."""
    last = target.ledger.bounds()[1]
    with target.as_superuser().blind_indexes(target.ledger):
        append_after(target.ledger, last, last - 1)
