"""The flags of pytest that do their work and exit; kinds from a conftest.py count, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.registry import registered_kinds
from pytest_audit_ledger.suite import authoring


def run(config: pytest.Config) -> pytest.ExitCode:
    """Do what one of the flags asks for, and return how pytest is to end."""
    try:
        sys.stdout.write(f"{_answer(config)}\n")
    except LedgerError as error:
        sys.stderr.write(f"{error}\n")
        return pytest.ExitCode.INTERRUPTED
    return pytest.ExitCode.OK


def _answer(config: pytest.Config) -> str:
    here = config.invocation_params.dir
    if config.getoption("--ledger-init"):
        return authoring.write_starter(here / authoring.STARTER)
    registry = registered_kinds(config.pluginmanager)
    if config.getoption("--ledger-schema"):
        return authoring.schema(registry)
    if config.getoption("--ledger-kinds"):
        return authoring.kinds(registry)
    paths = [] if config.args_source is config.ArgsSource.INVOCATION_DIR else _paths(config)
    if config.getoption("--ledger-lint"):
        return authoring.lint(paths, here, registry)
    if config.getoption("--ledger-list"):
        return authoring.listing(paths, here, registry)
    return authoring.explanation(config.getoption("--ledger-explain"), paths, here, registry)


def _paths(config: pytest.Config) -> list[Path]:
    return [Path(argument.partition("::")[0]) for argument in config.args]
