"""Attacks that show something else than the table holds: views, policies, child tables, shadows, an index that lies."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import SUPERUSER, Target, attack, needs_superuser
from pytest_audit_ledger.drill.attacks.changes import append_after, is_one_table
from pytest_audit_ledger.drill.attacks.claims import (
    HASHES,
    LINKS,
    NUMBERS,
    SIGNED,
    SIGNED_GUARDS,
    TABLE,
    TRIGGERS,
    default_suite,
)
from pytest_audit_ledger.drill.attacks.triggers import (
    LETS_THROUGH,
    refuses,
    refusing,
    replace_function,
    replace_trigger,
)
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.scratch.scratch_ledger import Name, ScratchLedger, listed

SHADOW = "audit_ledger_shadow"
"""The schema that holds what stands in front of the real thing."""


def _move_aside(ledger: ScratchLedger) -> tuple[str, str]:
    """Rename the table, and return its new name."""
    aside = f"{ledger.table[:50]}_aside"
    ledger.run(ledger.statement("ALTER TABLE {ledger} RENAME TO {aside}", {"aside": aside}))
    return (ledger.schema, aside)


def _edit_quietly(target: Target) -> None:
    """Edit what no envelope repeats."""
    target.ledger.store([target.middle], rule_id="none")


def _search_first(ledger: ScratchLedger, *schemas: str) -> None:
    """Let sessions that begin from now on look for names in these schemas."""
    ((database,),) = ledger.run("SELECT pg_catalog.current_database()")
    path = ", ".join(f"{{{schema}}}" for schema in schemas)
    names = {"database": database, **{schema: schema for schema in schemas}}
    ledger.run(ledger.statement(f"ALTER DATABASE {{database}} SET search_path = {path}", names))


@attack("put a view in the table's place", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def view_in_place(target: Target) -> None:
    """Rename the table, and create a view of its name that shows every entry but one."""
    aside = _move_aside(target.ledger)
    target.ledger.run(
        target.ledger.statement(
            "CREATE VIEW {ledger} AS SELECT * FROM {aside} WHERE sequence_number <> {middle}",
            {"aside": aside},
            middle=target.middle,
        )
    )


@attack("put a materialized view in the table's place", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def materialized_view_in_place(target: Target) -> None:
    """Rename the table, and show a copy of it as it was, while the table goes on elsewhere."""
    aside = _move_aside(target.ledger)
    target.ledger.run(
        target.ledger.statement("CREATE MATERIALIZED VIEW {ledger} AS SELECT * FROM {aside}", {"aside": aside})
    )


@attack("hide rows by a policy", noticed_by=(TABLE, SIGNED_GUARDS), remedy=default_suite(TABLE))
def rows_hidden(target: Target) -> None:
    """Switch row-level security on, with a policy that shows every entry but one."""
    ledger = target.ledger
    ledger.run(ledger.statement("ALTER TABLE {ledger} ENABLE ROW LEVEL SECURITY"))
    ledger.run(
        ledger.statement(
            "CREATE POLICY audit_ledger_drill ON {ledger} USING (sequence_number <> {middle})", middle=target.middle
        )
    )


@attack(
    "add an entry in a child table",
    noticed_by=(LINKS, NUMBERS, TRIGGERS, TABLE, SIGNED, SIGNED_GUARDS),
    remedy=default_suite(TABLE),
    applies=is_one_table,
)
def entry_in_a_child_table(target: Target) -> None:
    """Create a table that inherits from the ledger, where none of its triggers and keys holds, and copy an entry."""
    ledger = target.ledger
    names = {"child": (ledger.schema, f"{ledger.table[:50]}_more")}
    ledger.run(ledger.statement("CREATE TABLE {child} () INHERITS ({ledger})", names))
    ledger.run(
        ledger.statement(
            "INSERT INTO {child} ({columns}) SELECT {columns} FROM ONLY {ledger} WHERE sequence_number = {middle}",
            names,
            columns=listed(ledger.columns()),
            middle=target.middle,
        )
    )


@attack(
    "edit an entry behind an untouched table that is found first",
    noticed_by=(HASHES, SIGNED),
    remedy=default_suite(HASHES),
)
def shadowed_table(target: Target) -> None:
    """Put a copy of the ledger in front of it in search_path, then edit the ledger itself."""
    _shadow(target)
    _edit_quietly(target)


@attack(
    "show others an edited copy that is found first",
    limit="The ledger is not touched, and is what is verified; whoever asks for its bare name is shown something else.",
    remedy="Let everybody name the schema with the table, as this package does.",
)
def shadow_for_others(target: Target) -> None:
    """Put a copy of the ledger in front of it in search_path, and edit the copy."""
    _shadow(target)
    ledger = target.ledger
    ledger.run(
        ledger.statement(
            "UPDATE {copy} SET rule_id = 'none' WHERE sequence_number = {middle}",
            {"copy": (SHADOW, ledger.table)},
            middle=target.middle,
        )
    )


def _shadow(target: Target) -> None:
    ledger = target.ledger
    names: dict[str, Name] = {"schema": SHADOW, "copy": (SHADOW, ledger.table)}
    ledger.run(ledger.statement("CREATE SCHEMA {schema}; CREATE TABLE {copy} AS SELECT * FROM {ledger}", names))
    _search_first(ledger, SHADOW, ledger.schema)


@attack(
    "edit an entry behind functions that are found first",
    noticed_by=(HASHES, SIGNED),
    remedy=default_suite(HASHES),
)
def shadowed_functions(target: Target) -> None:
    """Put operators that find nothing different, and a hash of nothing, before PostgreSQL's, then edit an entry."""
    ledger = target.ledger
    ledger.run(ledger.statement("CREATE SCHEMA {schema}", {"schema": SHADOW}))
    for function, arguments, returns, body in (
        ("sha256", "pg_catalog.bytea", "pg_catalog.bytea", "SELECT pg_catalog.sha256(''::pg_catalog.bytea)"),
        ("same", "pg_catalog.text, pg_catalog.text", "pg_catalog.bool", "SELECT false"),
        ("same", "pg_catalog.bpchar, pg_catalog.bpchar", "pg_catalog.bool", "SELECT false"),
    ):
        ledger.run(
            ledger.statement(
                f"CREATE FUNCTION {{function}}({arguments}) RETURNS {returns} LANGUAGE sql AS {{body}}",
                {"function": (SHADOW, function)},
                body=body,
            )
        )
    for type_ in ("text", "bpchar"):
        operands = f"LEFTARG = pg_catalog.{type_}, RIGHTARG = pg_catalog.{type_}"
        template = f"CREATE OPERATOR {{schema}}.<> (FUNCTION = {{function}}, {operands})"
        ledger.run(ledger.statement(template, {"schema": SHADOW, "function": (SHADOW, "same")}))
    _search_first(ledger, SHADOW, "pg_catalog", ledger.schema)
    _edit_quietly(target)


@attack(
    "let a trigger call another function of the same name",
    noticed_by=(TRIGGERS, SIGNED_GUARDS),
    remedy=default_suite(TRIGGERS),
    applies=refuses("UPDATE"),
)
def shadowed_trigger_function(target: Target) -> None:
    """Create a function of the same name elsewhere that lets everything through, and the trigger anew to call it."""
    ledger = target.ledger
    ledger.run(ledger.statement("CREATE SCHEMA {schema}", {"schema": SHADOW}))
    for trigger in refusing(ledger, "UPDATE"):
        function = (SHADOW, trigger["function_name"])
        replace_function(ledger, function, LETS_THROUGH)
        replace_trigger(
            ledger,
            trigger,
            "CREATE TRIGGER {name} BEFORE UPDATE ON {ledger} FOR EACH ROW EXECUTE FUNCTION {function}()",
            function,
        )


@attack(
    "append an entry that an index hides",
    who=SUPERUSER,
    noticed_by=(NUMBERS,),
    remedy=default_suite(NUMBERS),
    applies=needs_superuser,
)
def lying_index(target: Target) -> None:
    """Append a second last entry while no index takes notice, so that only who does not read in order meets it."""
    assert target.superuser is not None  # noqa: S101  (`applies` says so)
    last = target.ledger.bounds()[1]
    with target.superuser.blind_indexes(target.ledger):
        append_after(target.ledger, last, entry_hash(target.ledger.entry(last - 1)))


ATTACKS = (
    view_in_place,
    materialized_view_in_place,
    rows_hidden,
    entry_in_a_child_table,
    shadowed_table,
    shadow_for_others,
    shadowed_functions,
    shadowed_trigger_function,
    lying_index,
)
