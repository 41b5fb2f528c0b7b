"""Taking the steps of a repair: the one place of this package that writes to the database of a ledger.

Each step is a transaction of its own, with the settings that could change what a statement means pinned for it. Before
the first, the role is asked for the rights of the ledger's owner, so that one who lacks them leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg2
from psycopg2 import errorcodes, extensions

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.pg_errors import explain

_OUTDATED = frozenset(
    {
        errorcodes.CHECK_VIOLATION,
        errorcodes.DUPLICATE_FUNCTION,
        errorcodes.DUPLICATE_OBJECT,
        errorcodes.DUPLICATE_TABLE,
        errorcodes.INVALID_TABLE_DEFINITION,
        errorcodes.NOT_NULL_VIOLATION,
        errorcodes.UNDEFINED_COLUMN,
        errorcodes.UNDEFINED_FUNCTION,
        errorcodes.UNDEFINED_OBJECT,
        errorcodes.UNDEFINED_TABLE,
        errorcodes.UNIQUE_VIOLATION,
    }
)
"""What the server says where the ledger is not as it was when the repair was planned."""


def settings() -> tuple[str, ...]:
    """Return the statements that begin every step."""
    return (
        "SET LOCAL TimeZone = 'UTC';",
        "SET LOCAL search_path = '';",
        f"SET LOCAL lock_timeout = {int(postgres.LOCK_TIMEOUT_S * 1000)};",
        f"SET LOCAL application_name = '{postgres.APPLICATION_NAME} repair';",
    )


def execute(source: postgres.PostgresSource, steps: Sequence[tuple[str, Iterable[str]]]) -> None:
    """Run the statements of each step, which says in words what it does.

    Raises SourceError at the first step that fails, and says which and how many were done before it.
    """
    if not steps:
        return
    connection = source.connect()
    done = 0
    try:
        owner = _owner(source, connection)
        for _, statements in steps:
            _take(source, connection, statements)
            done += 1
    except psycopg2.Error as error:
        reason, remedy = _reason(error, source, owner)
        progress = f"Step {done + 1} of {len(steps)} failed, to {steps[done][0]}: {reason.rstrip('.')}"
        raise SourceError(f"{progress}; {_told(done)}, and none after it was tried.", remedy) from None
    finally:
        connection.close()


def _take(source: postgres.PostgresSource, connection: extensions.connection, statements: Iterable[str]) -> None:
    with connection, connection.cursor() as cursor:  # leaving the first commits, or rolls back
        for setting in (*settings(), f"SET LOCAL statement_timeout = {source.timeout * 1000};"):
            cursor.execute(setting)
        for statement in statements:
            cursor.execute(statement)


def _owner(source: postgres.PostgresSource, connection: extensions.connection) -> str:
    """Return who owns the ledger; raises SourceError where this role has not its rights."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql("owner.sql"), {"schema": source.schema, "name": source.table})
            found = cursor.fetchone()
    except psycopg2.Error as error:
        raise explain(error, source.label) from None
    if found is None:
        message = f"There is no table {source.schema}.{source.table} in {source.label} any more."
        raise SourceError(message, "Plan the repair again; nothing was changed.")
    owner, role, may_repair = found
    if not may_repair:
        message = f"The role {role} may not repair {source.schema}.{source.table}, which belongs to {owner}."
        raise SourceError(message, f"Connect as {owner} or as a superuser; nothing was changed.")
    return str(owner)


def _reason(error: psycopg2.Error, source: postgres.PostgresSource, owner: str) -> tuple[str, str]:
    """Return why the server refused a step, and what to do."""
    known = explain(error, source.label)
    words = f"{source.label} ({printable(error.diag.message_primary or '').rstrip('.')})"
    if error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE:
        what_is_needed = f"the ledger's owner {owner}, with CREATE on the schema {source.schema}, or as a superuser"
        return f"the role lacks a right: {words}", f"Connect as {what_is_needed}, and repair again."
    if error.pgcode == errorcodes.READ_ONLY_SQL_TRANSACTION:
        return f"the server only reads: {words}", "Connect to the primary, or lift default_transaction_read_only."
    if error.pgcode in _OUTDATED:
        return f"the ledger is no longer as it was planned for: {words}", "Plan the repair again."
    return known.message, known.remedy


def _told(done: int) -> str:
    if not done:
        return "nothing was changed"
    return "the one step before it is done" if done == 1 else f"the {done} steps before it are done"
