"""Changes that several attacks make on their way: edits with everything that repeats them, appends, dropped keys."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from pytest_audit_ledger.drill.attacks.attack import Target
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.model.jsonb import canonical, digest
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger

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


def append_after(ledger: ScratchLedger, number: int, previous_hash: str, **columns: Any) -> None:
    """Insert a copy of entry `number` as the next one, with this link, these columns and a hash that matches."""
    model = ledger.entry(number)
    entry = replace(
        model,
        sequence_number=number + 1,
        previous_hash=previous_hash,
        telemetry_id=f"{model.telemetry_id}-2",
        **columns,
    )
    ledger.insert_like(number, **vars(entry), entry_hash=entry_hash(entry))


def drop_keys(ledger: ScratchLedger, but: Collection[str]) -> None:
    """Drop every unique constraint or index of the ledger, except those over one of these columns."""
    for row in ledger.rows(_KEYS):
        if not set(row["columns"]) & set(but):
            drop_key(ledger, row)


def keys_of(ledger: ScratchLedger, column: str) -> list[dict[str, Any]]:
    """Return the unique constraints and indexes over this column alone, or over it and a partition key."""
    return [row for row in ledger.rows(_KEYS) if row["essential"] == [column]]


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


_KEYS = """
    SELECT n.nspname AS schema, x.relname AS index, c.conname AS constraint, i.indisprimary AS is_primary,
           pg_catalog.array_agg(a.attname::text ORDER BY k.position) AS columns,
           coalesce(pg_catalog.array_agg(a.attname::text ORDER BY k.position)
                        FILTER (WHERE p.partattrs IS NULL OR a.attnum <> ALL (p.partattrs::int2[])),
                    pg_catalog.array_agg(a.attname::text ORDER BY k.position)) AS essential
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
    CROSS JOIN pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.indrelid
    LEFT JOIN pg_catalog.pg_constraint c
        ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
    WHERE i.indrelid = %(table)s AND i.indisunique AND k.position <= i.indnkeyatts
    GROUP BY n.nspname, x.relname, c.conname, i.indisprimary
    ORDER BY x.relname
"""
