"""Changes that several attacks make on their way: edits with everything that repeats them, appends, dropped keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pytest_audit_ledger.drill.attacks.attack import Target
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.jsonb import canonical, digest
from pytest_audit_ledger.model.profile import HASH, ORDER, PREVIOUS, SEQUENCE
from pytest_audit_ledger.model.profile_coverage import hashed_columns
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, Statement

EXCUSE = "nothing to see"
"""The reasoning or note of an edited entry."""

_REPEATED = ("verdict", "reasoning")
"""The columns that an envelope repeats."""


def edit_thoroughly(ledger: ScratchLedger, number: int, **columns: Any) -> None:
    """Change an entry, and its envelope, with the envelope's hash, wherever that repeats the entry."""
    ledger.store([number], **columns)
    repeated = {name: columns[name] for name in _REPEATED if name in columns}
    if repeated and "envelope_json" in ledger.columns() and ledger.row(number)["envelope_json"]:
        edit_envelope(ledger, number, lambda envelope: envelope.update(repeated), hashed=True)


def edit_content(ledger: ScratchLedger, number: int) -> None:
    """Change what an entry says, in a column that its hash covers, and wherever that is repeated.

    That is its reasoning, or in a ledger without that role the first number, text or time of the table. Raises
    SourceError if there is none.
    """
    if ledger.profile.has("reasoning"):
        edit_thoroughly(ledger, number, reasoning=EXCUSE)
    else:
        ledger.change("{edit}", edit=quiet_edit(ledger, number))


def quiet_edit(ledger: ScratchLedger, number: int) -> Statement:
    """Return the statement that edits a hashed column of an entry, which no envelope repeats. Raises SourceError."""
    column, edited = ("rule_id", "'none'") if ledger.profile.has("rule_id") else _editable(ledger, number)
    return ledger.statement(
        "UPDATE {ledger} AS entry SET {column} = {edited} WHERE {sequence} = {number} AND {scope}",
        {"column": column},
        edited=ledger.statement(edited, {"column": column}),
        number=number,
    )


def _editable(ledger: ScratchLedger, number: int) -> tuple[str, str]:
    """Return a column of an entry that its hash covers and that no role of the chain has, and another value in SQL."""
    profile, row = ledger.profile, ledger.row(number)
    version = profile.version_of(row.get(profile.version_column))
    covered = hashed_columns(profile, version) if version else ()
    chain = {*profile.streams, *profile.lines, profile.version_column}
    chain |= {profile.column(role) for role in (SEQUENCE, ORDER, PREVIOUS, HASH)}
    types = {row["name"]: row["type"] for row in ledger.rows(sql("writable_columns.sql")) if row["name"] not in chain}
    for family, edited in _EDITED.items():
        for column, type_ in types.items():
            if type_.startswith(family) and (
                column in covered if covered is not None else _is_in_payload(ledger, number, column, edited)
            ):
                return column, edited
    raise SourceError("No hash covers a number, a text or a time of the entries.", "Attack another ledger.")


def _is_in_payload(ledger: ScratchLedger, number: int, column: str, edited: str) -> bool:
    """Whether the payload that the server builds is another one with this value; keys only say what belongs to it."""
    key = {name for row in ledger.rows(sql("unique_indexes.sql")) if row["is_primary"] for name in row["columns"]}
    changed = {column: ledger.statement(edited, {"column": column})}
    return column not in key and ledger.payload(number, changed) != ledger.payload(number)


_EDITED: Mapping[tuple[str, ...], str] = {
    ("numeric", "integer", "bigint", "smallint"): "coalesce({column}, 0) + 1",
    ("text", "character varying"): "pg_catalog.concat({column}, 'x')",
    ("timestamp", "date"): "{column} + interval '1 second'",
    ("bytea",): "{column} || '\\x00'::bytea",
}
"""What is stored in a column instead, by how its type begins."""


def edit_envelope(
    ledger: ScratchLedger, number: int, change: Callable[[dict[str, Any]], object], *, hashed: bool
) -> None:
    """Change an envelope, and with `hashed` its hash to match."""
    envelope = ledger.row(number)["envelope_json"]
    change(envelope)
    hashes = {"envelope_hash": digest(canonical(envelope))} if hashed else {}
    ledger.store([number], envelope_json=envelope, **hashes)


def edit_transcript(ledger: ScratchLedger, number: int, **changes: Any) -> None:
    """Change members of a transcript."""
    ledger.store([number], transcript_json={**ledger.row(number)["transcript_json"], **changes})


def append_after(ledger: ScratchLedger, number: int, linked_to: int, **columns: str) -> None:
    """Insert a copy of entry `number` as the next one, linked to this entry, with these columns and a matching hash."""
    if ledger.profile.has("telemetry_id"):
        columns["telemetry_id"] = f"{ledger.entry(number).telemetry_id}-2"
    ledger.insert_linked(number, linked_to, sequence_number=number + 1, **columns)


def drop_keys(ledger: ScratchLedger, but: Collection[str]) -> None:
    """Drop every unique constraint or index of the ledger, except those over one of these columns."""
    for row in ledger.rows(sql("unique_indexes.sql")):
        if not set(row["columns"]) & set(but):
            drop_key(ledger, row)


def keys_of(ledger: ScratchLedger, role: str) -> list[dict[str, Any]]:
    """Return the unique constraints and indexes over the column of a role alone, or over it and a partition key.

    Numbers are unique within a stream, so their key has the columns of the stream, too.
    """
    streams = ledger.profile.streams if role == SEQUENCE else ()
    columns = sorted([*streams, ledger.profile.column(role)])
    return [row for row in ledger.rows(sql("unique_indexes.sql")) if sorted(row["essential"]) == columns]


def drop_key(ledger: ScratchLedger, key: dict[str, Any]) -> None:
    """Drop a unique constraint, or a unique index without one."""
    if key["constraint"]:
        ledger.execute("ALTER TABLE {ledger} DROP CONSTRAINT {name}", {"name": key["constraint"]})
    else:
        ledger.execute("DROP INDEX {name}", {"name": (key["schema"], key["index"])})


def checks_on(ledger: ScratchLedger, column: str) -> list[dict[str, Any]]:
    """Return every CHECK on this column, as rows of sql/constraints.sql."""
    rows = ledger.rows(sql("constraints.sql"))
    return [row for row in rows if row["type"] == "c" and column in (row["columns"] or ())]


def drop_checks(ledger: ScratchLedger, column: str) -> None:
    """Drop every CHECK on this column."""
    for row in checks_on(ledger, column):
        ledger.execute("ALTER TABLE {ledger} DROP CONSTRAINT {name}", {"name": row["name"]})


def is_one_table(target: Target) -> str | None:
    """Return None if the ledger is one table, without partitions."""
    (row,) = target.ledger.rows("SELECT relkind::text AS kind FROM pg_catalog.pg_class WHERE oid = %(table)s")
    return None if row["kind"] == "r" else "The ledger is partitioned, and a partitioned table does not allow this."


def middle_with(target: Target, column: str, condition: str = "true", **values: Any) -> int:
    """Return the entry nearest to the middle that has a value in this column and meets an SQL condition, 0 for none."""
    if column not in target.ledger.columns():
        return 0
    found = target.ledger.execute(
        f"SELECT sequence_number FROM {{ledger}} WHERE {{column}} IS NOT NULL AND {condition} "  # noqa: S608
        "ORDER BY pg_catalog.abs(sequence_number - {middle}), sequence_number LIMIT 1",
        {"column": column},
        middle=target.middle,
        **values,
    )
    return int(found[0][0]) if found else 0
