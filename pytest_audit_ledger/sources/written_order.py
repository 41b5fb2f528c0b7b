"""Entries in the order in which they were written, for a file that has them stream by stream.

They are sorted on disk, in a database of SQLite that is gone with its connection: memory does not grow with the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.profile import ORDER

_ROWS = 500
"""Entries in a batch."""


def in_written_order(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield the entries of these batches by their role `order`; those that share one stay as they are, NULL is last."""
    with closing(sqlite3.connect("")) as database:  # an empty name: a file without one, on disk if it grows
        database.execute("CREATE TABLE entries (written INTEGER, entry TEXT)")
        names: tuple[str, ...] = ()
        for batch in batches:
            names = batch.names
            lines = map("\t".join, zip(*map(batch.text, names), strict=True))  # JSON text has no tabs of its own
            database.executemany("INSERT INTO entries VALUES (?, ?)", zip(batch.numbers(ORDER), lines, strict=True))
        found = database.execute("SELECT entry FROM entries ORDER BY written IS NULL, written, rowid")
        while rows := found.fetchmany(_ROWS):
            columns = zip(*(entry.split("\t") for (entry,) in rows), strict=True)
            yield Batch({name: list(column) for name, column in zip(names, columns, strict=True)})
