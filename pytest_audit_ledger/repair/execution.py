"""Apply the steps of a repair: the only code of this package that writes to the database of a ledger.

Each step is a transaction of its own, with the settings that could change its meaning pinned. Before the first, we
check that the role has the privileges of the ledger's owner, so that a role without them leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import psycopg2
from psycopg2 import errorcodes, extensions

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.repair.plan import RepairPlan
from pytest_audit_ledger.repair.step import settings
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
"""The errors of the server if the ledger has changed since the repair was planned."""


def apply_repair(source: postgres.PostgresSource, plan: RepairPlan) -> None:
    """Take the steps of a plan, over a connection that may write.

    Raises SourceError at the first step that fails: those before it stay done, those after it are not tried.
    """
    if not plan.steps:
        return
    done = 0
    with closing(source.connect()) as connection:
        owner = _owner(source, connection)
        try:
            for step in plan.steps:
                _take(source, connection, step.statements)
                done += 1
        except psycopg2.Error as error:
            reason, remedy = _reason(error, source, owner)
            progress = f"Step {done + 1} of {len(plan.steps)} failed ({plan.steps[done].what}): {reason.rstrip('.')}"
            raise SourceError(f"{progress}; {_progress(done)}.", remedy) from error


def _take(source: postgres.PostgresSource, connection: extensions.connection, statements: Iterable[str]) -> None:
    with connection, connection.cursor() as cursor:  # leaving `connection` commits or rolls back
        for setting in (*settings(), f"SET LOCAL statement_timeout = {source.timeout * 1000};"):
            cursor.execute(setting)
        for statement in statements:
            cursor.execute(statement)


def _owner(source: postgres.PostgresSource, connection: extensions.connection) -> str:
    """Return the owner of the ledger. Raises SourceError if this role lacks the owner's privileges."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql("owner.sql"), {"schema": source.schema, "name": source.table})
            found = cursor.fetchone()
    except psycopg2.Error as error:
        raise explain(error, source.label) from error
    if found is None:
        message = f"There is no longer a table {source.schema}.{source.table} in {source.label}; nothing was changed."
        raise SourceError(message, "Repeat with --repair --dry-run to plan the repair again.")
    owner, role, may_repair = found
    if not may_repair:
        table = f"{source.schema}.{source.table}"
        message = f"The role {role} may not repair {table}, which belongs to {owner}; nothing was changed."
        raise SourceError(message, f"Connect as {owner} or as a superuser.")
    return str(owner)


def _reason(error: psycopg2.Error, source: postgres.PostgresSource, owner: str) -> tuple[str, str]:
    """Return why the server refused a step, and what to do."""
    known = explain(error, source.label)
    words = f"{source.label} ({printable(error.diag.message_primary or '').rstrip('.')})"
    if error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE:
        needed = f"Grant CREATE on the schema {source.schema} to the owner {owner}, or connect as a superuser"
        return f"the role lacks a privilege: {words}", f"{needed}. Then repair again."
    if error.pgcode == errorcodes.READ_ONLY_SQL_TRANSACTION:
        return f"the server is read-only: {words}", "Connect to the primary, or reset default_transaction_read_only."
    if error.pgcode in _OUTDATED:
        return (
            f"the ledger has changed since the repair was planned: {words}",
            "Repeat with --repair --dry-run to plan the repair again.",
        )
    return known.message, known.remedy


def _progress(done: int) -> str:
    if not done:
        return "nothing was changed, and no later step was tried"
    before = "the step before it is" if done == 1 else f"the {done} steps before it are"
    return f"{before} done, and no later step was tried"
