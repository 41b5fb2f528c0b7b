"""Which suites a run collects: those named, those in collected folders, and otherwise the default one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger.files.evidence_folder import is_filed
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.plugin.items import ShippedSuite, SuiteFile
from pytest_audit_ledger.plugin.run_state import RUN, is_controller
from pytest_audit_ledger.suite.discovery import SUFFIX, SUFFIXES

ATTACKS_NAMED = pytest.StashKey[list[tuple[str, ...]]]()
"""The attacks that arguments name: `drill`, which means all, or `drill::NAME`. Absent if no argument does."""


def take_shipped_suites(config: pytest.Config) -> None:
    """Take arguments that name a shipped suite, such as `integrity.ledger.yaml::entry_hash`, away from pytest.

    pytest would look for a file of that name. The controller of xdist does not collect; its workers do this themselves.
    """
    if is_controller(config):
        return
    for argument in list(config.args):
        name, *checks = argument.split("::")
        here = config.invocation_params.dir / name
        if name.endswith(SUFFIX) and not here.exists() and (folder("checks") / name).is_file():
            config.args.remove(argument)
            config.stash[RUN].shipped_selection.append((name, tuple(checks)))


def names_a_suite(config: pytest.Config) -> bool:
    """Tell whether the command line names a suite, which then replaces the default."""
    return any(argument.partition("::")[0].endswith(SUFFIXES) for argument in config.args)


def added_suites(session: pytest.Session) -> list[pytest.Collector]:
    """Return the suites to collect in addition to those that arguments name: shipped ones, or those of the ini file."""
    config = session.config
    run = config.stash[RUN]
    if run.shipped_selection:
        only: dict[str, list[str]] = {}
        for name, checks in run.shipped_selection:
            only.setdefault(name, []).extend(checks)
        return [_shipped(session, name, tuple(checks)) for name, checks in only.items()]
    if names_a_suite(config) or ATTACKS_NAMED in config.stash:
        return []
    if run.options.suites:
        return [_named(session, path) for path in run.options.suites]
    return [_shipped(session, name) for name in default_suites(of_export=run.options.is_export)]


def _shipped(session: pytest.Session, name: str, only: tuple[str, ...] = ()) -> pytest.Collector:
    path = folder("checks") / name
    return ShippedSuite.from_parent(session, name=name, nodeid=name, suite_path=path, only=only)


def _named(session: pytest.Session, path: Path) -> pytest.Collector:
    return SuiteFile.from_parent(session, path=path)


def collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the suite in a file that pytest found, unless the ini file names it anyway, or it was filed as evidence.

    A filed suite is collected only if an argument names it.
    """
    if not file_path.name.endswith(SUFFIXES):
        return None
    if is_filed(file_path) and not parent.session.isinitpath(file_path):
        return None
    run = parent.config.stash[RUN]
    if file_path in run.options.suites and not names_a_suite(parent.config):
        return None
    return SuiteFile.from_parent(parent, path=file_path)
