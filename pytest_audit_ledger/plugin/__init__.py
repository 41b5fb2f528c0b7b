"""pytest's side of the package. Everything is delegated; without --ledger-db nothing happens."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.base import Kind
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.plugin import collection, hookspecs, junit, terminal
from pytest_audit_ledger.plugin.items import REGISTRY
from pytest_audit_ledger.plugin.options import add_options, read_options
from pytest_audit_ledger.plugin.run import RUN, Run, environment, is_controller, selected_checks


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others can implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_ledger_register_kinds() -> Iterable[type[Kind]]:
    """Register our own kinds, as everybody does."""
    return SHIPPED


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; where no ledger is named, stay inert."""
    config.addinivalue_line("markers", "ledger: a check of the audit ledger (selected by -m ledger)")
    try:
        options = read_options(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if options is None:
        return
    told = environment(config)
    exchange = Path(told["ledger_exchange"]) if "ledger_exchange" in told else None
    dsn = told.get("ledger_dsn", "" if options.demo else options.dsn)
    run = config.stash[RUN] = Run(config, options, dsn, exchange)
    config.add_cleanup(run.close)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the kinds, now that every plugin and the first conftest.py are loaded."""
    if RUN not in session.config.stash:
        return
    registry = session.config.stash[REGISTRY] = Registry()
    try:
        _register(session.config.pluginmanager, registry)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _register(manager: pytest.PytestPluginManager, registry: Registry) -> None:
    """Ask one plugin after the other, so that a refusal can name it."""
    implementers = [hook.plugin for hook in manager.hook.pytest_ledger_register_kinds.get_hookimpls()]
    for plugin in implementers:
        others = [other for other in implementers if other is not plugin]
        caller = manager.subset_hook_caller("pytest_ledger_register_kinds", others)
        for kinds in caller():
            registry.register(kinds, manager.get_name(plugin) or repr(plugin))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which ledger is read."""
    if RUN not in config.stash:
        return None
    options = config.stash[RUN].options
    source = options.source("" if options.demo else options.dsn)
    return f"audit ledger: {options.demo or source.label}, table {source.schema}.{source.table}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Take the names of shipped suites from the arguments, before pytest looks for such files."""
    if RUN in session.config.stash:
        collection.take_shipped_suites(session.config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect suites."""
    return collection.collect_file(file_path, parent) if RUN in parent.config.stash else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the suites that no argument names to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session) and RUN in collector.config.stash:
        report.result = [*report.result, *collection.added_suites(collector)]
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which checks were selected; only these are evaluated."""
    if RUN in session.config.stash:
        session.config.stash[RUN].selected = selected_checks(session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Verify before the first check runs, and outside of it, so that its time is not billed to one check."""
    if RUN in item.config.stash and selected_checks([item]):
        item.config.stash[RUN].verify_once()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where to find the ledger, and the folder in which one verification is shared."""
    if RUN not in node.config.stash:
        return
    run = node.config.stash[RUN]
    node.workerinput["ledger_exchange"] = str(run.share())
    if not node.config.getoption("collectonly"):
        node.workerinput["ledger_dsn"] = run.start_demo()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add the facts about the ledger to the JUnit file, before pytest writes it."""
    if RUN in session.config.stash and not session.config.getoption("collectonly"):
        junit.write_properties(session.config, session.config.stash[RUN])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the section about the ledger."""
    if RUN in config.stash:
        run = config.stash[RUN]
        if run.selected or is_controller(config) or run.result():
            terminal.write_summary(terminalreporter, run, config.getoption("collectonly"))
