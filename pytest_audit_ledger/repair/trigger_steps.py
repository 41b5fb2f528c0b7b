"""The steps that enable triggers, make their functions raise again, and create triggers.

For each operation on each relation of the ledger that no trigger refuses, the first of these that is possible:

1. enable a trigger that would refuse it if it were always enabled;
2. give a trigger's function that no longer raises the body of sql/append_only.sql, unless it also serves anything else,
   or a trigger on INSERT, which would then refuse to append;
3. create our own trigger with our own function.

PostgreSQL repeats what is done to a row trigger of a partitioned table on its partitions. PostgreSQL 12 allows such a
table only statement triggers, which are not repeated, so there every partition gets its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.append_only import ALWAYS, Protection, Trigger, protections, trigger_fault
from pytest_audit_ledger.kinds.plpgsql import raises_unconditionally
from pytest_audit_ledger.repair.step import RepairStep, RepairTarget, quoted, step

_FUNCTION = "ledger_refuse_change"
_EACH_ROW = 1 << 0  # a bit of pg_trigger.tgtype


def refusing_body() -> str:
    """Return the body of the function in sql/append_only.sql, which refuses every change."""
    return sql("append_only.sql").split("$$")[1]


def trigger_steps(ledger: RepairTarget) -> list[RepairStep]:
    """Return the steps after which UPDATE, DELETE and TRUNCATE are refused on the ledger and all its partitions."""
    rows = [row for row in ledger.catalog.rows(sql("triggers.sql")) if row["is_partition"]]
    parents = {row["oid"]: row["parent"] for row in rows}
    steps: dict[RepairStep, None] = {}  # several operations may need the same step
    covered: set[tuple[int | None, str]] = set()
    for protection in sorted(protections(rows), key=lambda one: _depth(one.relation["oid"], parents)):
        relation, operation = protection.relation, protection.operation
        if (relation["parent"], operation) in covered:
            covered.add((relation["oid"], operation))
        elif not protection.is_complete:
            planned, reaches_partitions = _restore(ledger, protection)
            steps.update(dict.fromkeys(planned))
            if reaches_partitions and relation["is_partitioned"]:
                covered.add((relation["oid"], operation))
    return list(steps)


def _depth(oid: int, parents: dict[int, int | None]) -> int:
    parent = parents.get(oid)
    return 0 if parent is None else 1 + _depth(parent, parents)


def _restore(ledger: RepairTarget, protection: Protection) -> tuple[list[RepairStep], bool]:
    """Return the steps for one operation, and whether they also cover the partitions of a partitioned table."""
    triggers = [trigger for trigger, _ in protection.triggers]
    sound = protection.holding or [one for one in triggers if trigger_fault(one, once_enabled=True) is None]
    if sound:
        return [_enable(sound[0])], bool(sound[0]["type"] & _EACH_ROW)
    emptied = [one for one in triggers if _is_emptied(one)]
    if emptied:
        trigger = emptied[0]
        planned = [_replace_function(trigger["function_schema"], trigger["function_name"], trigger["body"])]
        return planned + ([] if trigger["enabled"] == ALWAYS else [_enable(trigger)]), False
    return list(_create(ledger, protection)), _each(protection) == "ROW"


def _each(protection: Protection) -> str:
    """Return what our trigger fires for; one for each row also covers partitions."""
    row = protection.operation != "TRUNCATE" and protection.relation["may_have_row_triggers"]
    return "ROW" if row else "STATEMENT"


def _is_emptied(trigger: Trigger) -> bool:
    """Return whether a trigger only needs a function body that raises, and nothing else uses that function."""
    unconditional = not trigger["has_when"] and not trigger["has_columns"]
    return unconditional and trigger["language"] == "plpgsql" and bool(trigger["function_is_own"])


def _enable(trigger: Trigger) -> RepairStep:
    states = {"O": "replica sessions bypass it", "R": "it fires in replica sessions only"}
    state = states.get(trigger["enabled"], "it is disabled")
    return step(
        f"enable the trigger {trigger['name']} on {trigger['relation']} always ({state})",
        _enable_always(quoted(trigger["schema"], trigger["table"]), trigger["name"]),
    )


def _enable_always(relation: str, name: str) -> str:
    return f"ALTER TABLE {relation} ENABLE ALWAYS TRIGGER {quoted(name)};"


def _replace_function(schema: str, name: str, body: str) -> RepairStep:
    # the old body is evidence, and the step overwrites it
    return step(
        f"make the function {schema}.{name} refuse every change again (its body was: {' '.join(body.split())})",
        _define_function("CREATE OR REPLACE", schema, name),
    )


def _define_function(command: str, schema: str, name: str) -> str:
    return (
        f"{command} FUNCTION {quoted(schema, name)}() RETURNS pg_catalog.trigger LANGUAGE plpgsql "
        f"AS $${refusing_body()}$$;"
    )


def _create(ledger: RepairTarget, protection: Protection) -> Iterator[RepairStep]:
    """Yield the steps that create our own function, if it is missing, and our own trigger."""
    function, definition = _own_function(ledger)
    yield from definition
    relation, operation = protection.relation, protection.operation
    each = _each(protection)
    # a row trigger of a partitioned table needs a name that is unused on every partition
    everywhere = each == "ROW" and relation["is_partitioned"]
    name = ledger.free_trigger_name(operation, None if everywhere else relation["oid"])
    table = quoted(relation["schema"], relation["table"])
    yield step(
        f"create the trigger {name} on {relation['relation']} (no trigger refuses every {operation})",
        f"CREATE TRIGGER {quoted(name)} BEFORE {operation} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {quoted(ledger.schema, function)}();",
        _enable_always(table, name),
    )


def _own_function(ledger: RepairTarget) -> tuple[str, list[RepairStep]]:
    """Return the name of a function in the ledger's schema that raises, and the steps that provide it."""
    rows = ledger.catalog.rows(sql("refusing_functions.sql"), {"name": _FUNCTION})
    there = {row["name"]: row for row in rows}
    for number in count():
        name = f"{_FUNCTION}{number or ''}"
        if name not in there:
            what = f"create the function {ledger.schema}.{name}, which refuses every change"
            return name, [step(what, _define_function("CREATE", ledger.schema, name))]
        row = there[name]
        if row["is_trigger"] and raises_unconditionally(row["body"]):
            return name, []
        if row["is_trigger"] and row["is_own"]:
            return name, [_replace_function(ledger.schema, name, row["body"])]
    raise AssertionError("unreachable: there are more numbers than functions")
