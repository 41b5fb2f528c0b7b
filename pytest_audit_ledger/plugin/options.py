"""The options of the plugin: command line over ini file, checked before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.scan import parse_workers
from pytest_audit_ledger.sources import demo
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.verification import DEFAULT_SAMPLES


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


def add_options(parser: pytest.Parser) -> None:
    """Declare options and ini settings."""
    group = parser.getgroup("audit ledger", "audit ledger: prove that a ledger was not tampered with")
    group.addoption(
        "--ledger-db",
        metavar="DSN",
        help="The ledger's database: postgresql://user@host/database, 'host=… dbname=…', service=NAME, env:NAME for "
        "the value of an environment variable, or demo or demo:tampered to try things out. Without it (or the ini "
        "setting ledger_db) this plugin does nothing. PG* variables and ~/.pgpass work as everywhere.",
    )
    group.addoption(
        "--ledger-table",
        metavar="NAME",
        help="The ledger's table, as schema.table (default: public.ledger_entries).",
    )
    group.addoption(
        "--ledger-workers",
        metavar="N|auto",
        default="auto",
        help="Processes that share the scan, each over its own connection; auto chooses by the size of the ledger and "
        "the processors at hand (default: auto).",
    )
    group.addoption(
        "--ledger-samples",
        metavar="N",
        type=int,
        default=DEFAULT_SAMPLES,
        help=f"Findings shown for each check; all are counted (default: {DEFAULT_SAMPLES}).",
    )
    group.addoption(
        "--ledger-timeout",
        metavar="SECONDS",
        type=int,
        default=DEFAULT_TIMEOUT_S,
        help=f"Seconds one statement may take on the server; a scan is one statement (default: {DEFAULT_TIMEOUT_S}).",
    )
    group.addoption(
        "--ledger-allow-empty",
        action="store_true",
        help="Skip, instead of fail, what an empty ledger leaves unproven.",
    )
    parser.addini("ledger_db", "The ledger's database, as --ledger-db; env:NAME keeps the password out of this file.")
    parser.addini("ledger_table", "The ledger's table, as --ledger-table.")
    parser.addini("ledger_suites", "Suites to run instead of the default one, relative to this file.", type="paths")


def read_options(config: pytest.Config) -> Options | None:
    """Return the options, or None where no ledger is named and the plugin does nothing.

    Raises UsageError where an option cannot be used. Connects to nothing.
    """
    dsn = config.getoption("--ledger-db")
    if dsn is None:
        dsn = config.getini("ledger_db") or None
    if dsn is None:
        return None
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
