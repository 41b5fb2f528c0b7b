"""The demo ledgers: an embedded server with a sample ledger of a shipped profile, clean or tampered with."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import cursor as cursor_type

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.resources import folder, sql
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

_TAMPERED = "_tampered.sql"
"""How the files of sql/demo/ end that tamper with a sample."""


@contextmanager
def demo_server(name: str, profile: Profile = SKI) -> Iterator[str]:
    """Start a server with the ledger `name`, one of DEMOS, as `profile` describes it, and yield its DSN.

    Raises UsageError if there is no demo of the profile.
    """
    samples = folder("sql") / "demo"
    known = sorted(path.name.removesuffix(_TAMPERED) for path in samples.glob(f"*{_TAMPERED}"))
    if profile.name not in known:
        remedy = f"Name a database, or one of {', '.join(known)}."
        raise UsageError(f"There is no demo of the profile {profile.name}.", remedy)
    with embedded_server() as dsn:
        connection = psycopg2.connect(dsn)
        try:
            with connection, connection.cursor() as cursor:
                if (samples / f"{profile.name}.sql").is_file():
                    cursor.execute(sql(f"demo/{profile.name}.sql"))
                else:
                    _build_sample(cursor)
                if name == "demo:tampered":
                    cursor.execute(sql(f"demo/{profile.name}{_TAMPERED}"))
        finally:
            connection.close()
        yield dsn


def _build_sample(cursor: cursor_type) -> None:
    cursor.execute(sql("schema.sql") + sql("schema_v3.sql"))
    rows = io.StringIO("".join(copy_rows(sample_entries(ENTRIES), sample_provenance)))
    columns = ", ".join([*COPY_COLUMNS, *PROVENANCE_COLUMNS])
    cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN", rows)
    cursor.execute('UPDATE ledger_entries SET created_at = "timestamp"')  # so that every demo is the same
    cursor.execute(sql("append_only.sql"))


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
        with demo_server(name, profile) as server:
            yield PostgresSource(server, table, timeout, named=name, profile=profile)
