"""The demo ledgers: an embedded server with a sample ledger of a shipped profile, clean or tampered with."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import cursor as cursor_type

from pytest_audit_ledger.errors import UsageError
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

_TAMPERING_OF: Mapping[str, str] = {
    "verifactu": """
        UPDATE registros_facturacion SET importe_total = 1 WHERE nif_emisor = '89890001K' AND numero_registro = 61;
        DELETE FROM registros_facturacion WHERE nif_emisor = 'B12345674' AND numero_registro = 99;
    """,
    "formance": """
        UPDATE _default.logs SET idempotency_key = 'key-0' WHERE ledger = 'main' AND id = 64;
        DELETE FROM _default.logs WHERE ledger = 'café' AND id = 99;
    """,
    "frappe": """
        UPDATE "tabTransaction Log" SET data = replace(data, '740.7', '70.7') WHERE row_index = '60';
        DELETE FROM "tabTransaction Log" WHERE row_index = '99';
    """,
    "odoo": """
        UPDATE account_move_line SET debit = 1 WHERE account_id = 400 AND move_id =
            (SELECT id FROM account_move WHERE journal_id = 1 AND sequence_number = 60);
        DELETE FROM account_move_line WHERE move_id =
            (SELECT id FROM account_move WHERE journal_id = 2 AND sequence_number = 98);
    """,
}
"""What is done to the demo of another profile."""

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
def demo_server(name: str, profile: Profile = SKI) -> Iterator[str]:
    """Start a server with the ledger `name`, one of DEMOS, as `profile` describes it, and yield its DSN.

    Raises UsageError if there is no demo of the profile.
    """
    if profile.name not in (SKI.name, *_TAMPERING_OF):
        known = ", ".join([SKI.name, *_TAMPERING_OF])
        raise UsageError(f"There is no demo of the profile {profile.name}.", f"Name a database, or one of {known}.")
    with embedded_server() as dsn:
        connection = psycopg2.connect(dsn)
        try:
            with connection, connection.cursor() as cursor:
                if profile.name == SKI.name:
                    _build_ski(cursor)
                else:
                    cursor.execute(sql(f"demo/{profile.name}.sql"))
                if name == "demo:tampered":
                    cursor.execute(_TAMPERING_OF.get(profile.name, _TAMPERING))
        finally:
            connection.close()
        yield dsn


def _build_ski(cursor: cursor_type) -> None:
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
