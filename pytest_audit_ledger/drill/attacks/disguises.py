"""Attacks that show other rows than the table holds: views, policies, child tables, shadows, a lying index."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Target, attack, needs_superuser
from pytest_audit_ledger.drill.attacks.changes import append_after, is_one_table
from pytest_audit_ledger.drill.attacks.claims import HASHES, LINKS, NUMBERS, SIGNED, SIGNED_GUARDS, TABLE, TRIGGERS
from pytest_audit_ledger.drill.attacks.triggers import (
    LETS_THROUGH,
    refuses,
    refusing,
    replace_function,
    replace_trigger,
)
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, listed

SHADOW = "audit_ledger_shadow"
"""The schema of the objects that search_path finds first."""


def _move_aside(ledger: ScratchLedger) -> tuple[str, str]:
    """Rename the table, and return its new name."""
    aside = f"{ledger.table[:50]}_aside"
    ledger.execute("ALTER TABLE {ledger} RENAME TO {aside}", {"aside": aside})
    return (ledger.schema, aside)


def _edit_quietly(target: Target) -> None:
    """Edit a column that no envelope repeats."""
    target.ledger.store([target.middle], rule_id="none")


def _search_first(ledger: ScratchLedger, *schemas: str) -> None:
    """Let new sessions look up names in these schemas, in this order."""
    ((database,),) = ledger.run("SELECT pg_catalog.current_database()")
    path = ", ".join(f"{{{schema}}}" for schema in schemas)
    names = {"database": database, **{schema: schema for schema in schemas}}
    ledger.execute(f"ALTER DATABASE {{database}} SET search_path = {path}", names)


@attack("replace the table by a view", noticed_by=(TABLE, SIGNED_GUARDS))
def view_in_place(target: Target) -> None:
    """Rename the table, and create a view with its name that shows all entries but one."""
    target.ledger.execute(
        "CREATE VIEW {ledger} AS SELECT * FROM {aside} WHERE sequence_number <> {middle}",
        {"aside": _move_aside(target.ledger)},
        middle=target.middle,
    )


@attack("replace the table by a materialized view", noticed_by=(TABLE, SIGNED_GUARDS))
def materialized_view_in_place(target: Target) -> None:
    """Rename the table, and create a materialized view with its name, which never shows later changes."""
    target.ledger.execute(
        "CREATE MATERIALIZED VIEW {ledger} AS SELECT * FROM {aside}", {"aside": _move_aside(target.ledger)}
    )


@attack("hide rows with a policy", noticed_by=(TABLE, SIGNED_GUARDS))
def rows_hidden(target: Target) -> None:
    """Enable row-level security with a policy that shows all entries but one."""
    target.ledger.execute(
        "ALTER TABLE {ledger} ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY audit_ledger_drill ON {ledger} USING (sequence_number <> {middle})",
        middle=target.middle,
    )


@attack(
    "add an entry in a child table",
    noticed_by=(LINKS, NUMBERS, TRIGGERS, TABLE, SIGNED, SIGNED_GUARDS),
    applies=is_one_table,
)
def entry_in_a_child_table(target: Target) -> None:
    """Create a table that inherits from the ledger but not its triggers and keys, and copy an entry into it."""
    ledger = target.ledger
    ledger.execute(
        "CREATE TABLE {child} () INHERITS ({ledger}); "
        "INSERT INTO {child} ({columns}) SELECT {columns} FROM ONLY {ledger} WHERE sequence_number = {middle}",
        {"child": (ledger.schema, f"{ledger.table[:50]}_more")},
        columns=listed(ledger.columns()),
        middle=target.middle,
    )


@attack("edit an entry and put an unedited table first in search_path", noticed_by=(HASHES, SIGNED))
def shadowed_table(target: Target) -> None:
    """Put a copy of the ledger before it in search_path, then edit the ledger itself."""
    _shadow(target.ledger)
    _edit_quietly(target)


@attack(
    "show other readers an edited copy",
    limit="The ledger itself is unchanged, and it is what we verify. Readers that omit the schema see another table.",
    remedy="Let every reader name the table with its schema, as this package does.",
)
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


@attack("append an entry that an index hides", who=SUPERUSER, noticed_by=(NUMBERS,), applies=needs_superuser)
def lying_index(target: Target) -> None:
    """Append a second last entry that no index contains, so that reading in order by index does not find it."""
    assert target.superuser is not None  # noqa: S101  (`applies` says so)
    last = target.ledger.bounds()[1]
    with target.superuser.blind_indexes(target.ledger):
        append_after(target.ledger, last, entry_hash(target.ledger.entry(last - 1)))
