"""The options of pytest that do their work and exit. They know the kinds of a conftest.py, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.registry import registered_kinds
from pytest_audit_ledger.plugin.option_declarations import value
from pytest_audit_ledger.suite import authoring


def run(config: pytest.Config) -> pytest.ExitCode:
    """Do what one of the options asks for, and return the exit code of pytest."""
    try:
        sys.stdout.write(f"{_answer(config)}\n")
    except LedgerError as error:
        sys.stderr.write(f"{error}\n")
        return pytest.ExitCode.INTERRUPTED
    return pytest.ExitCode.OK


def _answer(config: pytest.Config) -> str:
    here = config.invocation_params.dir
    if value(config, "init"):
        return authoring.write_starter(here / authoring.STARTER)
    registry = registered_kinds(config.pluginmanager)
    if value(config, "schema"):
        return authoring.schema(registry)
    if value(config, "kinds"):
        return authoring.kinds(registry)
    paths = [] if config.args_source is config.ArgsSource.INVOCATION_DIR else _paths(config)
    if value(config, "lint"):
        return authoring.lint(paths, here, registry)
    if value(config, "list"):
        return authoring.listing(paths, here, registry)
    return authoring.explanation(value(config, "explain"), paths, here, registry, value(config, "profile"))


def _paths(config: pytest.Config) -> list[Path]:
    return [Path(argument.partition("::")[0]) for argument in config.args]
