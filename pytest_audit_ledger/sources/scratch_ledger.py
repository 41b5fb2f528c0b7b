"""Makes valid ledgers of any size, and tampers with them in every way we know.

A tampering leaves no other trace than the one it is named for: the guards are put back as they were, so that a test
sees what the attack itself shows.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import psycopg2
from typing_extensions import Self

from pytest_audit_ledger.entry import GENESIS_HASH, Entry, canonical_timestamp, entry_hash
from pytest_audit_ledger.resources import sql
from pytest_audit_ledger.sources.sample import (
    COPY_COLUMNS,
    PROVENANCE_COLUMNS,
    Provenance,
    copy_rows,
    sample_entries,
)

ROWS_A_COPY = 20_000

_HASHED = [name for name in COPY_COLUMNS if name != "entry_hash"]


class ScratchLedger:
    """Writes to one database as its superuser."""

    def __init__(self, dsn: str, table: str = "public.ledger_entries") -> None:
        self.table = table
        self.dsn = dsn
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.run("SET TimeZone = 'UTC'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def run(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run statements; return the rows of the last one."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def build(
        self,
        count: int = 100,
        *,
        schema: str = "2.1",
        entries: Iterable[Entry] | None = None,
        provenance: Provenance | None = None,
    ) -> Self:
        """Create the table with its guards, and append `count` sample entries, or these, with what is beside them."""
        self.run(sql("schema.sql"))
        if schema == "3":
            self.run(sql("schema_v3.sql"))
        self.run(sql("append_only.sql"))
        self.append(sample_entries(count) if entries is None else entries, provenance)
        return self

    def append(self, entries: Iterable[Entry], provenance: Provenance | None = None) -> None:
        """Append entries with their hashes, as they are, and with what is beside them in schema v3."""
        rows = copy_rows(entries, provenance)
        columns = ", ".join([*COPY_COLUMNS, *(PROVENANCE_COLUMNS if provenance else ())])
        with self.connection.cursor() as cursor:
            while chunk := "".join(islice(rows, ROWS_A_COPY)):
                cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN", io.StringIO(chunk))

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries from a sequence number on, as the ledger holds them."""
        names = ", ".join(f'"{name}"' for name in _HASHED)
        for row in self.run(
            f"SELECT {names} FROM ledger_entries WHERE sequence_number >= {first} ORDER BY sequence_number"
        ):
            values = dict(zip(_HASHED, row, strict=True))
            yield Entry(**{**values, "timestamp": canonical_timestamp(values["timestamp"])})

    def entry(self, number: int) -> Entry:
        """Return one entry."""
        return next(self.entries(number))

    def unguarded(self, *statements: str) -> None:
        """Run statements with the triggers switched off, and switch them on again as sql/append_only.sql has them."""
        self.run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
        for statement in statements:
            self.run(statement)
        for operation in ("update", "delete", "truncate"):
            self.run(f"ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_{operation}")

    def rewrite(self, first: int, change: Callable[[Entry], Entry]) -> None:
        """Change the entry `first`, then give it and every later entry a hash and a link that fit."""
        previous = self.entry(first - 1) if first > 1 else None
        link = entry_hash(previous) if previous else GENESIS_HASH
        rewritten = []
        for entry in self.entries(first):
            changed = replace(change(entry) if entry.sequence_number == first else entry, previous_hash=link)
            rewritten.append(changed)
            link = entry_hash(changed)
        self.unguarded(f"DELETE FROM ledger_entries WHERE sequence_number >= {first}")
        self.append(rewritten)

    def delete(self, first, last):
        self.unguarded(f"DELETE FROM ledger_entries WHERE sequence_number BETWEEN {first} AND {last}")

    def bounds(self):
        return self.run("SELECT min(sequence_number), max(sequence_number) FROM ledger_entries")[0]


class Superuser(ScratchLedger):
    """Stub."""
