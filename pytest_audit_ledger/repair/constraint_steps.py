"""Which constraints and indexes to restore, and where the numbering of the column id has to go on.

A constraint is planned only where the entries of the snapshot satisfy it; where they do not, they are told of and left
as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.table_guard import Lost, expected_columns, lost_checks, lost_keys, lost_not_nulls
from pytest_audit_ledger.model.columns import Column
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

_INTEGERS = ("smallint", "integer", "bigint")
_INDEXES = (("verdict", "timestamp"), ("rule_id",))
"""The indexes of sql/schema.sql that no constraint brings with it."""

_WHAT_TO_DO = "compare them with the latest backup or export, and decide with the auditor what becomes of them"


def constraint_steps(ledger: RepairTarget) -> Iterator[RepairStep | Impossible]:
    """Yield how to restore each lost constraint, or why it cannot be."""
    catalog = ledger.catalog
    expected, actual = expected_columns(catalog.info), catalog.info.columns
    for lost in (*lost_not_nulls(catalog), *lost_keys(catalog), *lost_checks(catalog)):
        column = lost.column
        if column not in actual:
            continue  # told of as a missing column, which took its constraints along
        if lost.constraint == "NOT NULL":
            yield _not_null(ledger, lost)
        elif actual[column].type != expected[column].type:
            yield impossible(_retyped(lost, actual[column], expected[column]))
        elif lost.constraint == "CHECK":
            yield from _check(ledger, lost)
        else:
            yield _key(ledger, lost)


def _retyped(lost: Lost, actual: Column, expected: Column) -> str:
    return (
        f"{lost.constraint} on {lost.column}: the column is {actual.type}; "
        f"give it the type {expected.type} back, then repair again"
    )


def _number(ledger: RepairTarget) -> str:
    column = ledger.catalog.info.columns.get("sequence_number")
    return quoted("sequence_number") if column is not None and column.type in _INTEGERS else "NULL::pg_catalog.int8"


def _violations(ledger: RepairTarget, violation: str) -> list[dict[str, Any]]:
    return ledger.ask("violations.sql", number=_number(ledger), violation=violation)


def _in_the_way(rows: Sequence[dict[str, Any]], one: str, many: str) -> str:
    """Return how many there are and where the first of them stand."""
    total = rows[0]["total"]
    numbers = ", ".join(str(row["number"]) for row in rows if row["number"] is not None)
    more = ", …" if total > len(rows) else ""
    where = f" (sequence number {numbers}{more})" if numbers else ""
    return f"{total:,} {one if total == 1 else many}{where}; {_WHAT_TO_DO}"


def _alter(ledger: RepairTarget, action: str) -> str:
    return f"ALTER TABLE {ledger.name} {action};"


def _validate(ledger: RepairTarget, what: str, name: str) -> RepairStep:
    words = f"prove {what} for the entries that are there (the constraint {name} is not validated)"
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
    """Yield two steps: the first locks the table and is quick, the second reads it all and locks nobody out."""
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
    """Return the columns of a key, to which a partitioned table adds its own, and why there can be no such key."""
    columns = [lost.column]
    for row in ledger.catalog.rows(sql("partition_keys.sql")):
        if row["column"] is None:
            return columns, "the table is partitioned by an expression, and then no key is possible; see the partitions"
        if row["column"] in columns:
            continue
        if not row["is_ledger"]:
            words = f"a partition is itself partitioned by {row['column']}, which the key would have to hold"
            return columns, f"{words}; give each of its partitions a key"
        columns.append(row["column"])
    return columns, ""


def _key_obstacle(ledger: RepairTarget, lost: Lost, columns: Sequence[str]) -> str:
    """Return what is in the way of a key, or nothing."""
    present = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    if lost.constraint == "PRIMARY KEY":
        others = [row["name"] for row in ledger.catalog.rows(sql("indexes.sql")) if row["is_primary"]]
        if others:
            return f"the table has another primary key, {others[0]}; replace it by hand"
        empty = _violations(ledger, f"NOT ({present})")
        if empty:
            return _in_the_way(empty, "entry has no value", "entries have no value")
    doubles = ledger.ask("duplicates.sql", number=_number(ledger), present=present, key=", ".join(map(quoted, columns)))
    return _in_the_way(doubles, "value stands more than once", "values stand more than once") if doubles else ""


def index_steps(ledger: RepairTarget) -> Iterator[RepairStep]:
    """Yield how to restore the indexes that make reading quick; they are protections from nothing but waiting."""
    expected, actual = expected_columns(ledger.catalog.info), ledger.catalog.info.columns
    there = [row["columns"] for row in ledger.catalog.rows(sql("indexes.sql")) if row["is_complete"]]
    for columns in _INDEXES:
        if any(tuple(one[: len(columns)]) == columns for one in there):
            continue
        if any(column not in actual or actual[column].type != expected[column].type for column in columns):
            continue  # told of as a missing or retyped column
        name, listed = ledger.free_name("_".join(columns)), ", ".join(map(quoted, columns))
        what = f"create the index {name} on ({', '.join(columns)})"
        yield step(what, f"CREATE INDEX {quoted(name)} ON {ledger.name} ({listed});")


def sequence_steps(ledger: RepairTarget) -> Iterator[RepairStep]:
    """Yield how to let the numbering of the column id go on behind the highest id, where it would hand out a used one.

    The statement looks again when it is run, so that it never sets the sequence back.
    """
    column = ledger.catalog.info.columns.get("id")
    if column is None or column.type not in _INTEGERS:
        return
    for row in ledger.catalog.rows(sql("id_sequence.sql")):
        name = quoted(row["schema"], row["name"])
        (found,) = ledger.ask("id_next.sql", sequence=name, increment=str(row["increment"]))
        if found["highest"] is not None and found["next"] <= found["highest"] <= row["highest"]:
            yield step(
                f"let the sequence {row['schema']}.{row['name']} go on behind id {found['highest']} "
                f"(it would hand out {found['next']})",
                f"SELECT pg_catalog.setval({regclass(row['schema'], row['name'])}, "  # noqa: S608
                f"(SELECT GREATEST(pg_catalog.max(l.id), (SELECT s.last_value FROM {name} s)) FROM {ledger.name} l));",
            )
