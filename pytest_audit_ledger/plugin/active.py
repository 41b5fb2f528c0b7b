"""The working half of the plugin, registered only in a run that names a ledger. It only delegates."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.registry import registered_kinds
from pytest_audit_ledger.native import in_use
from pytest_audit_ledger.output.artifact import Artifact
from pytest_audit_ledger.plugin import artifacts, collection, github, junit, terminal
from pytest_audit_ledger.plugin.ineffective_options import refuse_useless_key
from pytest_audit_ledger.plugin.items import REGISTRY, SuiteFile
from pytest_audit_ledger.plugin.request import read_options
from pytest_audit_ledger.plugin.run_state import RUN, RunState, is_controller, selected_checks, told_by_controller


def start(config: pytest.Config, dsn: str) -> None:
    """Read the options and prepare the run. Raises pytest.UsageError if an option cannot be used."""
    try:
        options = read_options(config, dsn)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    run = config.stash[RUN] = RunState(config, options, **told_by_controller(config))
    config.add_cleanup(run.close)
    try:
        artifacts.prepare(config)
        junit.refuse_strict(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the kinds, now that every plugin and the first conftest.py are loaded."""
    try:
        session.config.stash[REGISTRY] = registered_kinds(session.config.pluginmanager)
        session.config.stash[RUN].artifacts = artifacts.wanted(session.config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which ledger is read, and how quickly."""
    options = config.stash[RUN].options
    source, table = options.source, options.source and options.source.table_label
    named = options.dsn if source is None else f"{source.label}{f', table {table}' if table else ''}"
    return [f"audit ledger: {named}", f"audit ledger core: {in_use()}"]


def pytest_ledger_artifacts(config: pytest.Config) -> Iterable[Artifact]:
    """Offer our own artifacts like anybody else's."""
    return artifacts.ours(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Take the names of shipped suites out of the arguments, before pytest looks for such files."""
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
    """Remember which checks are selected; only these are evaluated."""
    if not any(isinstance(item.parent, SuiteFile) for item in session.items):  # a suite can name checkpoints itself
        try:
            refuse_useless_key(session.config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
    session.config.stash[RUN].selected = selected_checks(session.items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Verify before the first check runs and outside of it, so that the time is not counted as that check's.

    The outermost wrapper, because pytest-timeout starts its clock in one.
    """
    if selected_checks([item]):
        item.config.stash[RUN].make_once()
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the ledger, and the folder through which all share one verification."""
    node.workerinput.update(node.config.stash[RUN].for_worker())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Write the artifacts, and add the facts about the ledger to the JUnit file before pytest writes it.

    Artifacts that need that file are written after it, and before the terminal lists what was written and what failed:
    the last wrapper is the innermost.
    """
    if session.config.getoption("collectonly"):
        return (yield)
    artifacts.write_all(session)
    junit.write_properties(session.config, session.config.stash[RUN])
    yield
    junit.complete_file(session.config, session.config.stash[RUN])
    artifacts.write_all(session, needs_junit=True)
    terminal.hide_repetitions(session.config, session.config.stash[RUN])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the section about the ledger."""
    run = config.stash[RUN]
    terminal.show_repetitions(terminalreporter)
    if run.selected or is_controller(config) or run.result():
        terminal.write_summary(terminalreporter, run, config.getoption("collectonly"))
        github.tell(terminalreporter, run)
