"""What attacks on a scratch ledger need a superuser of its server for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.scratch.scratch_ledger import TAKE_ANOTHER, ScratchLedger, refused, session
from pytest_audit_ledger.sources.dsn import Dsn

_OPTIONAL_PASSWORD = 130_000
"""The first version of the server whose foreign servers need not ask for a password."""


@dataclass(frozen=True)
class Superuser:
    """What needs a superuser of the scratch server, over a separate connection to the database of the ledger.

    The ledger may contain functions that wait for a superuser to call them. So nothing here touches a row of the
    ledger: it only changes PostgreSQL's own catalog, by names that nobody else can have created.
    """

    database: Dsn

    @contextmanager
    def replica_sessions(self, ledger: ScratchLedger) -> Iterator[None]:
        """Let new sessions of the ledger's owner be replica sessions, like those of logical replication."""
        ((role, database),) = ledger.run("SELECT current_user, pg_catalog.current_database()")
        names = {"role": role, "database": database}
        setting = "ALTER ROLE {role} IN DATABASE {database} %s session_replication_role"
        self._run(ledger.statement(f"{setting % 'SET'} = 'replica'", names))
        try:
            yield
        finally:
            self._run(ledger.statement(setting % "RESET", names))

    @contextmanager
    def blind_indexes(self, ledger: ScratchLedger, *, but_unique: bool = False) -> Iterator[None]:
        """Let rows that are written meanwhile be missing from every index of the ledger and its partitions.

        `but_unique`: keep writing to the indexes of keys.
        """
        template = (
            "UPDATE pg_catalog.pg_index SET indisready = {ready} WHERE indrelid IN {parts} "
            "AND NOT (indisunique AND {but_unique})"
        )
        self.edit_catalog(ledger, template, ready=False, but_unique=but_unique)
        try:
            yield
        finally:
            self.edit_catalog(ledger, template, ready=True, but_unique=but_unique)

    def serve_itself(self, ledger: ScratchLedger, name: str) -> None:
        """Create a foreign server, and a schema for its extension, with this name: the database of the ledger itself.

        The owner of the ledger may connect to it, with the address and the password of `ledger`.
        """
        dsn = ledger.database
        address = {key: dsn.parameter(key) for key in ("host", "port", "dbname")}
        login = {key: dsn.parameter(key) for key in ("user", "password")}
        if ledger.connection.server_version >= _OPTIONAL_PASSWORD:
            login["password_required"] = "false"  # noqa: S105  (no password)
        for template in (
            "CREATE SCHEMA {name}",
            "CREATE EXTENSION postgres_fdw SCHEMA {name}",
            "CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({address})",
            "GRANT USAGE ON FOREIGN SERVER {name} TO {user}",
            "CREATE USER MAPPING FOR {user} SERVER {name} OPTIONS ({login})",
        ):
            names = {"name": name, "user": dsn.parameter("user")}
            self._run(ledger.statement(template, names, address=_options(address), login=_options(login)))

    def edit_catalog(self, ledger: ScratchLedger, template: str, **values: Any) -> None:
        """Change at least one row of the catalog with a statement from a template, and other values in braces.

        `{table}` is the oid of the ledger's table, `{parts}` those of the table and its partitions. Raises SourceError.
        """
        table = Literal(ledger.oid())
        parts = SQL("(SELECT {0}::oid UNION SELECT relid FROM pg_catalog.pg_partition_tree({0}))").format(table)
        if self._run(ledger.statement(template, table=table, parts=parts, **values)) < 1:
            raise SourceError("PostgreSQL found nothing in its catalog to change.", TAKE_ANOTHER)

    def _run(self, statement: Composable) -> int:
        try:
            with closing(session(self.database)) as connection, connection.cursor() as cursor:
                cursor.execute("SET search_path = ''")
                cursor.execute(statement)
                return cursor.rowcount
        except psycopg2.Error as error:
            raise refused(error, self.database) from error


def _options(options: Mapping[str, str]) -> Composable:
    """Return those options of a foreign server that have a value, in SQL."""
    given = [SQL("{} {}").format(Identifier(name), Literal(value)) for name, value in options.items() if value]
    return SQL(", ").join(given)
