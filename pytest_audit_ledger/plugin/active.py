"""The working half of the plugin, registered only in a run that names a ledger. Everything is delegated."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.extensions import registered_kinds
from pytest_audit_ledger.plugin import collection, junit, terminal
from pytest_audit_ledger.plugin.items import REGISTRY
from pytest_audit_ledger.plugin.options import read_options
from pytest_audit_ledger.plugin.run import RUN, Run, environment, is_controller, selected_checks


def start(config: pytest.Config, dsn: str) -> None:
    """Read the options and prepare the run. Raises pytest.UsageError where an option cannot be used."""
    try:
        options = read_options(config, dsn)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    told = environment(config)
    exchange = Path(told["ledger_exchange"]) if "ledger_exchange" in told else None
    dsn = told.get("ledger_dsn", "" if options.demo else options.dsn)
    run = config.stash[RUN] = Run(config, options, dsn, exchange)
    config.add_cleanup(run.close)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the kinds, now that every plugin and the first conftest.py are loaded."""
    try:
        session.config.stash[REGISTRY] = registered_kinds(session.config.pluginmanager)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which ledger is read."""
    options = config.stash[RUN].options
    source = options.source("" if options.demo else options.dsn)
    return f"audit ledger: {options.demo or source.label}, table {source.schema}.{source.table}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Take the names of shipped suites from the arguments, before pytest looks for such files."""
    collection.take_shipped_suites(session.config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect suites."""
    return collection.collect_file(file_path, parent)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the suites that no argument names to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session):
        report.result = [*report.result, *collection.added_suites(collector)]
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which checks were selected; only these are evaluated."""
    session.config.stash[RUN].selected = selected_checks(session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Verify before the first check runs, and outside of it, so that its time is not billed to one check."""
    if selected_checks([item]):
        item.config.stash[RUN].verify_once()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where to find the ledger, and the folder in which one verification is shared."""
    run = node.config.stash[RUN]
    node.workerinput["ledger_exchange"] = str(run.share())
    if not node.config.getoption("collectonly"):
        node.workerinput["ledger_dsn"] = run.start_demo()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add the facts about the ledger to the JUnit file, before pytest writes it."""
    if not session.config.getoption("collectonly"):
        junit.write_properties(session.config, session.config.stash[RUN])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the section about the ledger."""
    run = config.stash[RUN]
    if run.selected or is_controller(config) or run.result():
        terminal.write_summary(terminalreporter, run, config.getoption("collectonly"))
