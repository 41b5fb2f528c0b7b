"""The options of the plugin: command line over ini file, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.scan import parse_workers
from pytest_audit_ledger.sources import demo
from pytest_audit_ledger.sources.postgres import PostgresSource


@dataclass(frozen=True)
class Options:
    """What the user asked for; `demo` is the name of a demo ledger, or empty."""

    dsn: str
    demo: str
    table: str
    workers: int | None
    samples: int
    timeout: int
    allow_empty: bool
    suites: tuple[Path, ...]

    def source(self, dsn: str) -> PostgresSource:
        """Return the ledger to read."""
        return PostgresSource(dsn, self.table, self.timeout)


def read_options(config: pytest.Config, dsn: str) -> Options:
    """Return the options for the ledger that `dsn` names.

    Raises UsageError where an option cannot be used. Connects to nothing.
    """
    if not dsn.strip():
        raise UsageError("--ledger-db is empty.", "Was a variable not set? Give a DSN, or leave the option out.")
    if dsn.startswith("demo") and dsn not in demo.NAMES:
        raise UsageError(f"There is no demo ledger {dsn!r}.", f"Write {' or '.join(demo.NAMES)}.")
    for name in ("--ledger-samples", "--ledger-timeout"):
        if config.getoption(name) < 1:
            raise UsageError(f"{name} must be at least 1.")
    table = config.getoption("--ledger-table")
    options = Options(
        dsn=dsn,
        demo=dsn if dsn in demo.NAMES else "",
        table=table if table is not None else config.getini("ledger_table") or "ledger_entries",
        workers=parse_workers(config.getoption("--ledger-workers")),
        samples=config.getoption("--ledger-samples"),
        timeout=config.getoption("--ledger-timeout"),
        allow_empty=config.getoption("--ledger-allow-empty"),
        suites=tuple(config.getini("ledger_suites")),
    )
    options.source("" if options.demo else dsn)  # every mistake in DSN and table shows now
    return options
