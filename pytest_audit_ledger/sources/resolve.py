"""The ledger that a user names: a DSN, an export file, or a demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.sources import demo, dsn
from pytest_audit_ledger.sources.base import Source
from pytest_audit_ledger.sources.export_file import ExportFile, is_export
from pytest_audit_ledger.sources.postgres import PostgresSource

DEFAULT_TABLE = "ledger_entries"


def named_source(text: str, table: str, timeout: int) -> Source | None:
    """Return the ledger that `text` names; None for a demo, which has to be started (see `started`).

    `timeout`: seconds one statement may take on a server. Raises UsageError. Connects to nothing.
    """
    named = dsn.resolve(text)
    if not named.strip():
        raise UsageError("The DSN of the ledger is empty.", "Was a variable not set? Give a DSN, or an export.")
    if is_export(named):
        return ExportFile(named)
    if named.startswith("demo"):
        if named not in demo.NAMES:
            raise UsageError(f"There is no demo ledger {named!r}.", f"Write {' or '.join(demo.NAMES)}.")
        PostgresSource("", table, timeout)  # a mistake in the table's name shows now
        return None
    return PostgresSource(named, table, timeout)


@contextmanager
def started(text: str, table: str, timeout: int) -> Iterator[Source]:
    """Return the ledger that `text` names; a demo is started, and stopped on leaving."""
    source = named_source(text, table, timeout)
    if source is not None:
        yield source
    else:
        name = dsn.resolve(text)
        with demo.demo_server(name) as server:
            yield PostgresSource(server, table, timeout, named=name)
