"""Rows and batches for tests that need no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, sample_entries, sample_provenance
from tests.support.signers import RUNTIME

Row = dict[str, str | None]
"""An entry with its hash, and perhaps with what comes with it in schema v3, by column, as text."""

SERVER_TIME = "2026-06-01T12:00:00+00:00"

LEDGER = LedgerInfo(
    database="postgresql:///test",
    table="public.ledger_entries",
    relation_kind="r",
    columns={},
    server_version="18.0",
    server_time=SERVER_TIME,
    snapshot="1:1:",
)


def row(entry: Entry) -> Row:
    """Return an entry as a row, with the hash that it has."""
    values = {**asdict(entry), "entry_hash": entry_hash(entry)}
    return {column: None if values[column] is None else str(values[column]) for column in COPY_COLUMNS}


@cache
def _sample(count: int) -> tuple[Row, ...]:
    return tuple({**row(entry), **sample_provenance(entry, RUNTIME)} for entry in sample_entries(count))


def sample_rows(count: int = 10) -> list[Row]:
    """Return the rows of a valid ledger, which the caller may change."""
    return [{column: row[column] for column in COPY_COLUMNS} for row in _sample(count)]


def signed_rows(count: int = 10) -> list[Row]:
    """Return rows as `sample_rows` does, each with an envelope and a signed transcript."""
    return [dict(row) for row in _sample(count)]


def batch(rows: Sequence[Row]) -> Batch:
    """Return the rows as a batch."""
    return Batch({column: [json_text(row[column]) for row in rows] for column in rows[0]})


def run(
    kind: type[ScanKind], rows: Sequence[Row], *, samples: int = 100, ledger: LedgerInfo = LEDGER, **parameters: Any
) -> ScanKind:
    """Feed the rows to a fold as one batch, and close it."""
    fold = kind(parameters, ledger, samples)
    fold.feed(batch(rows))
    fold.close()
    return fold


def places(fold: ScanKind) -> list[tuple[str, int | None]]:
    """Return the code and the sequence number of each finding."""
    return [(finding.code, finding.sequence_number) for finding in fold.findings.samples]


def changed(rows: Iterable[Row], number: int, **values: str | None) -> list[Row]:
    """Return the rows with other values in the row of this sequence number."""
    return [{**row, **values} if row["sequence_number"] == str(number) else row for row in rows]


def chained(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries numbered from 1 and linked, so that they form a valid chain."""
    link = GENESIS_HASH
    for number, entry in enumerate(entries, 1):
        linked = replace(entry, sequence_number=number, previous_hash=link)
        yield linked
        link = entry_hash(linked)
