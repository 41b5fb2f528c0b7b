"""The ledger that a user names: a DSN, an export file, or a demo."""

from __future__ import annotations

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.export_file import ExportFile, is_export
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source

DEMOS = ("demo", "demo:tampered")
"""Sample ledgers; `scratch/demo.py` starts a server for one."""


def named_source(dsn: str | Dsn, table: str | None, timeout: int, profile: Profile = SKI) -> Source | None:
    """Return the ledger that a user names; None for a demo, which `scratch/demo.py` has to start.

    `table`: by default that of the profile. `timeout`: seconds one statement may take on a server. Raises UsageError.
    Connects to nothing.
    """
    given = Dsn(dsn)
    dsn = given.resolved()
    if not dsn.reveal().strip():
        remedy = "Give a DSN or an export file; perhaps a shell variable is not set."
        raise UsageError("The DSN of the ledger is empty.", remedy)
    if is_export(dsn.reveal()):
        return ExportFile(dsn.reveal(), profile)
    if str(dsn).startswith("demo"):
        if str(dsn) not in DEMOS:
            raise UsageError(f"There is no demo ledger {str(dsn)!r}.", f"Write {' or '.join(DEMOS)}.")
        PostgresSource("", table, timeout)  # reports a mistake in the table's name now
        return None
    return PostgresSource(given, table, timeout, profile=profile)
