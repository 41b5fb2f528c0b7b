"""The demo ledgers: an embedded server with a sample ledger, clean or tampered with."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.scratch.sample import (
    COPY_COLUMNS,
    PROVENANCE_COLUMNS,
    copy_rows,
    sample_entries,
    sample_provenance,
)
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.named import named_source
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source

ENTRIES = 4327

_TAMPERING = """
    ALTER TABLE ledger_entries DISABLE TRIGGER USER;
    UPDATE ledger_entries SET verdict = 'CLEAR'
     WHERE sequence_number = (SELECT min(sequence_number) FROM ledger_entries
                               WHERE verdict = 'FLAG' AND sequence_number > 1200);
    DELETE FROM ledger_entries WHERE sequence_number BETWEEN 2817 AND 2821;
    ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_refuse_delete,
                               ENABLE ALWAYS TRIGGER ledger_refuse_truncate;
"""


@contextmanager
def demo_server(name: str) -> Iterator[str]:
    """Start a server with the ledger `name`, one of DEMOS, and yield its DSN."""
    with embedded_server() as dsn:
        connection = psycopg2.connect(dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql("schema.sql") + sql("schema_v3.sql"))
                rows = io.StringIO("".join(copy_rows(sample_entries(ENTRIES), sample_provenance)))
                columns = ", ".join([*COPY_COLUMNS, *PROVENANCE_COLUMNS])
                cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN", rows)
                cursor.execute('UPDATE ledger_entries SET created_at = "timestamp"')  # so that every demo is the same
                cursor.execute(sql("append_only.sql"))
                if name == "demo:tampered":
                    cursor.execute(_TAMPERING)
        finally:
            connection.close()
        yield dsn


@contextmanager
def started(dsn: str | Dsn, table: str | None, timeout: int, profile: Profile = SKI) -> Iterator[Source]:
    """Yield the ledger that `dsn` names. A demo is started, and stopped on leaving.

    Raises UsageError if `dsn` or `table` cannot be read, SourceError if a demo does not start.
    """
    dsn = Dsn(dsn)
    source = named_source(dsn, table, timeout, profile)
    if source is not None:
        yield source
    else:
        name = str(dsn.resolved())
        with demo_server(name) as server:
            yield PostgresSource(server, table, timeout, named=name, profile=profile)
