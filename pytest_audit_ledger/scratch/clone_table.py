"""Copies of the first entries of a ledger and of its protections, in an empty scratch database.

pg_dump and pg_restore copy columns, constraints, indexes, triggers and policies; the functions that these call are
copied as PostgreSQL prints them. The owner of the scratch database creates everything. What that role may not create is
left out, and a comparison of both ledgers' protections shows it. Owners and grants are not copied.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import IO

import psycopg2
from psycopg2 import extensions
from psycopg2.sql import SQL, Identifier, Literal

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.sql_names import quoted
from pytest_audit_ledger.scratch.sample import copy_field
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.pg_errors import explain
from pytest_audit_ledger.sources.postgres import LOCK_TIMEOUT_S, PostgresSnapshot, PostgresSource
from pytest_audit_ledger.sources.programs import Running
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Consume, Snapshot

_IN_MEMORY = 32 * 1024 * 1024
"""Bytes of entries to hold in memory before they go to a temporary file."""

_BEFORE, _AFTER = "pre-data", "post-data"
"""The sections of a dump: the table, and what is created after its rows."""


def copy_with_guards(snapshot: PostgresSnapshot, copy: PostgresSource, entries: int) -> int:
    """Copy the table of a snapshot, its protections and its first `entries`; return the number of entries copied.

    Raises SourceError if there is no pg_dump, or if the table cannot be recreated.
    """
    with tempfile.TemporaryFile() as dump:
        _dump(snapshot, dump, copy.timeout)
        with closing(copy.connect()) as connection:
            connection.autocommit = True
            _make_what_it_uses(snapshot, connection)
            _restore(dump, copy, connection, _BEFORE)
            count = _copy_entries(snapshot, copy, connection, entries)
            _restore(dump, copy, connection, _AFTER)
    return count


def copy_beside(snapshot: PostgresSnapshot, copy: PostgresSource, names: Sequence[tuple[str, str]], most: int) -> None:
    """Copy other tables, from which the server builds payloads, with all their rows but without their foreign keys.

    Raises SourceError if one cannot be recreated, or has more than `most` rows.
    """
    for name in names:
        other = PostgresSource(copy.dsn, quoted(*name), copy.timeout)
        with tempfile.TemporaryFile() as dump, closing(copy.connect()) as connection:
            connection.autocommit = True
            _dump(snapshot, dump, copy.timeout, [name])
            _restore(dump, copy, connection, _BEFORE)
            columns = _writable(other, connection)
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as rows:
                count = _taken(partial(snapshot.copy_table, name, columns, most + 1), columns, rows)
                if count > most:
                    message = f"The server builds payloads from {quoted(*name)}, which has more than {most:,} rows."
                    raise SourceError(message, "Attack a smaller ledger, such as that of a test system.")
                rows.seek(0)
                _load(other, connection, columns, rows)
            _restore(dump, copy, connection, _AFTER)
            with connection.cursor() as cursor:
                cursor.execute(sql("foreign_keys.sql"), _oid(other, cursor))
                for (key,) in cursor.fetchall():
                    cursor.execute(SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Identifier(*name), Identifier(key)))


def copy_without_guards(snapshot: Snapshot, copy: PostgresSource, entries: int) -> int:
    """Copy the first entries of a snapshot into the existing table of `copy`; return the number of entries copied.

    Only columns that both have are copied. Raises SourceError.
    """
    with closing(copy.connect()) as connection:
        connection.autocommit = True
        return _copy_entries(snapshot, copy, connection, entries)


def _dump(snapshot: PostgresSnapshot, file: IO[bytes], limit_s: int, names: Sequence[tuple[str, str]] = ()) -> None:
    """Write the definition of the ledger, or of tables with these names, into a file."""
    names = names or [(row["schema"], row["name"]) for row in snapshot.rows(sql("relations.sql"))]
    relations = [quoted(*name) for name in names]
    login = snapshot.login()
    arguments = [
        "--format=custom",
        "--schema-only",
        f"--snapshot={snapshot.share()}",
        f"--lock-wait-timeout={LOCK_TIMEOUT_S}s",
        *("--no-owner", "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions"),
        *(f"--table={name}" for name in relations),
    ]
    with Running(programs.find("pg_dump", login.server_major), arguments, login, limit_s=limit_s) as running:
        shutil.copyfileobj(running.output, file)
        running.finish()


def _restore(dump: IO[bytes], copy: PostgresSource, connection: extensions.connection, section: str) -> None:
    """Restore one section of a dump, except for what the role may not create."""
    login = copy.login(connection)
    arguments = [f"--section={section}", "--no-owner", "--no-privileges"]
    dump.seek(0)
    with Running(
        programs.find("pg_restore", login.server_major), arguments, login, fed=True, limit_s=copy.timeout
    ) as running:
        with suppress(BrokenPipeError):
            running.feed(dump.read())
        with suppress(SourceError):  # something was left out; if it is the table, `_writable` says so
            running.finish()


def _make_what_it_uses(snapshot: PostgresSnapshot, connection: extensions.connection) -> None:
    """Create schemas, enumerated types and functions, except for those that the role may not create."""
    types, functions = snapshot.rows(sql("enumerated_types.sql")), snapshot.rows(sql("functions.sql"))
    relations = snapshot.rows(sql("relations.sql"))
    schemas = dict.fromkeys(row["schema"] for row in [*relations, *types, *functions])
    statements = [SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)) for name in schemas]
    with connection.cursor() as cursor:
        cursor.execute("SET check_function_bodies = off; SET search_path = ''")
        for statement in [*statements, *(row["definition"] for row in [*types, *functions])]:
            with suppress(psycopg2.Error):
                cursor.execute(statement)


def _copy_entries(snapshot: Snapshot, copy: PostgresSource, connection: extensions.connection, entries: int) -> int:
    columns = [name for name in _writable(copy, connection) if name in snapshot.info.columns]
    read = list(map(snapshot.info.profile.in_batch, columns))
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as rows:
        count = _taken(partial(snapshot.select, read, Selection(limit=entries)), read, rows)
        rows.seek(0)
        _load(copy, connection, columns, rows)
    return count


def _taken(read: Callable[[Consume], None], names: Sequence[str], rows: IO[bytes]) -> int:
    """Write what is read as rows of COPY text, and return how many there are."""
    count = 0

    def take(batch: Batch) -> None:
        nonlocal count
        count += len(batch)
        rows.write(b"".join(_rows(batch, names)))

    read(take)
    return count


def _rows(batch: Batch, columns: Sequence[str]) -> Iterable[bytes]:
    fields = (map(copy_field, batch.values(name)) for name in columns)
    return ("\t".join(row).encode("utf-8", "backslashreplace") + b"\n" for row in zip(*fields, strict=True))


def _writable(copy: PostgresSource, connection: extensions.connection) -> list[str]:
    """Return the columns that a row can be given, which excludes generated ones."""
    with connection.cursor() as cursor:
        cursor.execute(sql("writable_columns.sql"), _oid(copy, cursor))
        found = [name for name, _ in cursor]
    if not found:
        raise SourceError(
            f"The table {copy.table_label} cannot be recreated on {copy.label}.",
            "Name a scratch server that has the types, functions and privileges that it needs.",
        )
    return found


def _oid(copy: PostgresSource, cursor: extensions.cursor) -> dict[str, int | None]:
    """Return the parameter that names a table to a statement in sql/; None if there is no such table."""
    cursor.execute("SELECT pg_catalog.to_regclass(%s)::oid", (quoted(copy.schema, copy.table),))
    ((oid,),) = cursor.fetchall()
    return {"table": oid}


def _load(copy: PostgresSource, connection: extensions.connection, columns: Sequence[str], rows: IO[bytes]) -> None:
    """Load rows of COPY text, and move the sequence of `id` past them."""
    table = Identifier(copy.schema, copy.table)
    named = SQL(", ").join(map(Identifier, columns))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'")
            cursor.copy_expert(SQL("COPY {} ({}) FROM STDIN").format(table, named), rows)
            if "id" in columns:
                cursor.execute(sql("id_sequence.sql"), _oid(copy, cursor))
                for schema, name, *_ in cursor.fetchall():
                    after = "SELECT pg_catalog.setval({}::pg_catalog.regclass, (SELECT pg_catalog.max(id) FROM {}))"
                    cursor.execute(SQL(after).format(Literal(quoted(schema, name)), table))
    except psycopg2.Error as error:
        raise explain(error, copy.label) from error
