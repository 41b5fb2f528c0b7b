"""The ledger that a user names: a DSN, an export file, or a demo."""

from __future__ import annotations

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.sources import dsn
from pytest_audit_ledger.sources.export_file import ExportFile, is_export
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source

DEFAULT_TABLE = defaults.TABLE

DEMOS = ("demo", "demo:tampered")
"""Ledgers to try things on; `scratch/demo.py` starts a server for one."""


def named_source(text: str, table: str, timeout: int) -> Source | None:
    """Return the ledger that `text` names; None for a demo, which has to be started (see `scratch/demo.py`).

    `timeout`: seconds one statement may take on a server. Raises UsageError. Connects to nothing.
    """
    named = dsn.resolve(text)
    if not named.strip():
        raise UsageError("The DSN of the ledger is empty.", "Was a variable not set? Give a DSN, or an export.")
    if is_export(named):
        return ExportFile(named)
    if named.startswith("demo"):
        if named not in DEMOS:
            raise UsageError(f"There is no demo ledger {named!r}.", f"Write {' or '.join(DEMOS)}.")
        PostgresSource("", table, timeout)  # a mistake in the table's name shows now
        return None
    return PostgresSource(named, table, timeout)
