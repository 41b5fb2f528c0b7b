"""Ledgers of millions of entries, made as quickly as Python hashes a chain.

The texts of a thousand entries of the sample recur; number, link, hash and time are each entry's own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.entry import GENESIS_HASH, canonical_payload
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, FIRST_DAY, copy_rows, sample_entries
from tests.forger import Forger
from tests.support.databases import build_partitioned

TEXTS = 1_000
NUMBER, LINK, HASH, TIME = "9876543210", "1" * 64, "2" * 64, "2001-02-03T04:05:06.000007+00:00"
STEP = timedelta(milliseconds=700)
"""Between entries, so that fifty million of them end before today."""

_WITHOUT_INDEXES = """
    DROP INDEX ledger_entries_verdict_timestamp, ledger_entries_rule_id;
    ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_pkey,
        DROP CONSTRAINT ledger_entries_sequence_number_key, DROP CONSTRAINT ledger_entries_entry_hash_key
"""
_WITH_INDEXES = """
    SET maintenance_work_mem = '1GB';
    ALTER TABLE ledger_entries ADD PRIMARY KEY (id), ADD UNIQUE (sequence_number), ADD UNIQUE (entry_hash)
"""
"""Made at once, they take a fraction of the time."""


def fill(forger: Forger, entries: int, partitions: int = 0) -> None:
    """Make a ledger in an empty database, in one table or in partitions of a like size."""
    if partitions:
        build_partitioned(forger, 0, *range(entries // partitions, entries, entries // partitions))
    else:
        forger.run(sql("schema.sql"))
        forger.run(sql("append_only.sql"))
        forger.run(_WITHOUT_INDEXES)
    columns = ", ".join(f'"{name}"' for name in COPY_COLUMNS)
    with forger.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN", _Rows(_rows(entries)))
    if not partitions:
        forger.run(_WITH_INDEXES)


def _rows(entries: int) -> Iterator[str]:
    """Yield the rows of COPY text of a valid chain."""
    patterns = []
    for one in sample_entries(TEXTS):
        entry = replace(one, sequence_number=int(NUMBER), previous_hash=LINK, timestamp=TIME)
        row = next(iter(copy_rows([entry])))
        own_hash = sha256(canonical_payload(entry)).hexdigest()
        patterns.append((_pattern(canonical_payload(entry).decode()), _pattern(row.replace(own_hash, HASH))))
    previous, moment = GENESIS_HASH, FIRST_DAY
    for number in range(1, entries + 1):
        payload, row = patterns[number % TEXTS]
        own = {"number": number, "link": previous, "time": moment.isoformat()}
        previous = sha256((payload % own).encode()).hexdigest()
        yield row % {**own, "hash": previous}
        moment += STEP


def _pattern(text: str) -> str:
    """Return a text with places for what is each entry's own."""
    text = text.replace("%", "%%")
    for value, name in ((NUMBER, "number"), (LINK, "link"), (HASH, "hash"), (TIME, "time")):
        text = text.replace(value, f"%({name})s")
    return text


class _Rows(io.RawIOBase):
    """Rows as a file to read."""

    def __init__(self, rows: Iterator[str]) -> None:
        self._rows, self._rest = rows, b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`."""
        pieces = [self._rest]
        length = len(self._rest)
        while length < size and (row := next(self._rows, "")):
            pieces.append(row.encode())
            length += len(pieces[-1])
        whole = b"".join(pieces)
        self._rest = whole[size:]
        return whole[:size]
