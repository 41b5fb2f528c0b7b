"""The steps that restore constraints and indexes, and move the sequence of the column id past the highest id.

A constraint is planned only if all entries of the snapshot satisfy it; otherwise the plan names the entries that do
not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.table_guard import Lost, expected_schema, lost_checks, lost_keys, lost_not_nulls
from pytest_audit_ledger.model.columns import INTEGERS, Column
from pytest_audit_ledger.repair.step import (
    Impossible,
    RepairStep,
    RepairTarget,
    impossible,
    literal,
    quoted,
    regclass,
    step,
)

_WHAT_TO_DO = "compare these entries with the latest backup or export, and let the auditor decide"


def constraint_steps(ledger: RepairTarget) -> Iterator[RepairStep | Impossible]:
    """Yield the steps that restore each lost constraint, or why it cannot be restored."""
    catalog = ledger.catalog
    expected, actual = expected_schema(catalog.info).columns, catalog.info.columns
    for lost in (*lost_not_nulls(catalog), *lost_keys(catalog), *lost_checks(catalog)):
        column = lost.column
        if column not in actual:
            continue  # its column is missing, which is reported
        if lost.constraint == "NOT NULL":
            yield _not_null(ledger, lost)
        elif not actual[column].loses_nothing_of(expected[column]):
            yield impossible(_retyped(lost, actual[column], expected[column]))
        elif lost.constraint == "CHECK":
            yield from _check(ledger, lost)
        else:
            yield _key(ledger, lost)


def _retyped(lost: Lost, actual: Column, expected: Column) -> str:
    return (
        f"{lost.constraint} on {lost.column}: the column has the type {actual.type}; "
        f"change it back to {expected.type}, then repair again"
    )


def _number(ledger: RepairTarget) -> str:
    column = ledger.catalog.info.columns.get("sequence_number")
    return quoted("sequence_number") if column is not None and column.type in INTEGERS else "NULL::pg_catalog.int8"


def _violations(ledger: RepairTarget, violation: str) -> list[dict[str, Any]]:
    return ledger.ask("violations.sql", number=_number(ledger), violation=violation)


def _in_the_way(rows: Sequence[dict[str, Any]], one: str, many: str) -> str:
    """Return how many entries prevent a constraint, and the first of them."""
    total = rows[0]["total"]
    numbers = ", ".join(str(row["number"]) for row in rows if row["number"] is not None)
    more = ", …" if total > len(rows) else ""
    where = f" (sequence number {numbers}{more})" if numbers else ""
    return f"{total:,} {one if total == 1 else many}{where}; {_WHAT_TO_DO}"


def _alter(ledger: RepairTarget, action: str) -> str:
    return f"ALTER TABLE {ledger.name} {action};"


def _validate(ledger: RepairTarget, what: str, name: str) -> RepairStep:
    words = f"validate {what} for existing entries (the constraint {name} is not validated)"
    return step(words, _alter(ledger, f"VALIDATE CONSTRAINT {quoted(name)}"))


def _not_null(ledger: RepairTarget, lost: Lost) -> RepairStep | Impossible:
    column, what = quoted(lost.column), f"NOT NULL on {lost.column}"
    empty = _violations(ledger, f"{column} IS NULL")
    if empty:
        return impossible(f"{what}: {_in_the_way(empty, 'entry has no value', 'entries have no value')}")
    for name, _ in lost.unproven:
        return _validate(ledger, what, name)
    return step(f"restore {what}", _alter(ledger, f"ALTER COLUMN {column} SET NOT NULL"))


def _check(ledger: RepairTarget, lost: Lost) -> Iterator[RepairStep | Impossible]:
    """Yield two steps: the first locks the table, but only briefly; the second reads all of it without that lock."""
    what = f"CHECK on {lost.column}"
    for name, expression in lost.unproven:
        if not _violations(ledger, f"({expression}) IS FALSE"):
            yield _validate(ledger, what, name)
            return
    expression = _allowing(lost)
    others = _violations(ledger, f"({expression}) IS FALSE")
    if others:
        found = _in_the_way(others, "entry has another value", "entries have another value")
        yield impossible(f"{what} ({lost.expected}): {found}")
        return
    name = ledger.free_name(f"{lost.column}_check")
    yield step(
        f"restore {what} for new entries ({lost.expected})",
        _alter(ledger, f"ADD CONSTRAINT {quoted(name)} CHECK ({expression}) NOT VALID"),
    )
    yield _validate(ledger, what, name)


def _allowing(lost: Lost) -> str:
    column = quoted(lost.column)
    if lost.values is None:
        return f"pg_catalog.length({column}) > 0"
    return f"{column} IN ({', '.join(map(literal, lost.values))})"


def _key(ledger: RepairTarget, lost: Lost) -> RepairStep | Impossible:
    columns, obstacle = _key_columns(ledger, lost)
    what = f"{lost.constraint} ({', '.join(columns)})"
    obstacle = obstacle or _key_obstacle(ledger, lost, columns)
    if obstacle:
        return impossible(f"{what}: {obstacle}")
    label = "pkey" if lost.constraint == "PRIMARY KEY" else f"{'_'.join(columns)}_key"
    name, listed = quoted(ledger.free_name(label)), ", ".join(map(quoted, columns))
    return step(f"restore {what}", _alter(ledger, f"ADD CONSTRAINT {name} {lost.constraint} ({listed})"))


def _key_columns(ledger: RepairTarget, lost: Lost) -> tuple[list[str], str]:
    """Return the columns of a key, including those that partitioning requires, and why there can be no such key."""
    columns = [lost.column]
    for row in ledger.catalog.rows(sql("partition_keys.sql")):
        if row["column"] is None:
            return columns, "a table that is partitioned by an expression cannot have a key; add one to each partition"
        if row["column"] in columns:
            continue
        if not row["is_ledger"]:
            words = f"a partition is itself partitioned by {row['column']}, which the key would have to include"
            return columns, f"{words}; add a key to each of its partitions"
        columns.append(row["column"])
    return columns, ""


def _key_obstacle(ledger: RepairTarget, lost: Lost, columns: Sequence[str]) -> str:
    """Return what prevents a key, empty for nothing."""
    present = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    if lost.constraint == "PRIMARY KEY":
        others = [row["name"] for row in ledger.catalog.rows(sql("indexes.sql")) if row["is_primary"]]
        if others:
            return f"the table has another primary key, {others[0]}; replace it by hand"
        empty = _violations(ledger, f"NOT ({present})")
        if empty:
            return _in_the_way(empty, "entry has no value", "entries have no value")
    doubles = ledger.ask("duplicates.sql", number=_number(ledger), present=present, key=", ".join(map(quoted, columns)))
    return _in_the_way(doubles, "value occurs more than once", "values occur more than once") if doubles else ""


def index_steps(ledger: RepairTarget) -> Iterator[RepairStep]:
    """Yield the steps that restore the indexes for fast reading, which protect nothing."""
    declared, actual = expected_schema(ledger.catalog.info), ledger.catalog.info.columns
    there = [row["columns"] for row in ledger.catalog.rows(sql("indexes.sql")) if row["is_complete"]]
    for columns in declared.indexes:
        if any(tuple(one[: len(columns)]) == columns for one in there):
            continue
        expected = {column: declared.columns[column] for column in columns}
        if any(name not in actual or not actual[name].loses_nothing_of(column) for name, column in expected.items()):
            continue  # its column is missing or has another type, which is reported
        name, listed = ledger.free_name("_".join(columns)), ", ".join(map(quoted, columns))
        what = f"create the index {name} on ({', '.join(columns)})"
        yield step(what, f"CREATE INDEX {quoted(name)} ON {ledger.name} ({listed});")


def sequence_steps(ledger: RepairTarget) -> Iterator[RepairStep]:
    """Yield the step that moves the sequence of the column id past the highest id, if its next value is used already.

    The statement compares again when it runs, so that it never moves the sequence back.
    """
    column = ledger.catalog.info.columns.get("id")
    if column is None or column.type not in INTEGERS:
        return
    for row in ledger.catalog.rows(sql("id_sequence.sql")):
        name = quoted(row["schema"], row["name"])
        (found,) = ledger.ask("id_next.sql", sequence=name, increment=str(row["increment"]))
        if found["highest"] is not None and found["next"] <= found["highest"] <= row["highest"]:
            yield step(
                f"move the sequence {row['schema']}.{row['name']} past id {found['highest']} "
                f"(its next value would be {found['next']})",
                f"SELECT pg_catalog.setval({regclass(row['schema'], row['name'])}, "  # noqa: S608
                f"(SELECT GREATEST(pg_catalog.max(l.id), (SELECT s.last_value FROM {name} s)) FROM {ledger.name} l));",
            )
