"""The options and ini settings of pytest, made from the table in `pytest_audit_ledger/options.py`."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.options import OF_PYTEST, TOOLS, Option, Type


def add_options(parser: pytest.Parser) -> None:
    """Declare options and ini settings."""
    group = parser.getgroup("audit ledger", "audit ledger: detect tampering with a hash-chained ledger")
    for option in OF_PYTEST.values():
        if option.in_pytest:
            group.addoption(option.pytest, **_settings(option))
        if option.in_ini:
            many: Literal["paths", "string"] = "paths" if option.repeatable else "string"
            parser.addini(option.ini, option.help, many)


def _settings(option: Option) -> dict[str, Any]:
    if option.is_flag:
        return {"action": "store_true", "help": option.help}
    repeatable = " Repeatable." if option.repeatable else ""
    default = f" (default: {option.default_shown})" if option.default_shown else ""
    settings: dict[str, Any] = {"metavar": option.value_name, "help": f"{option.help}{repeatable}{default}"}
    if option.repeatable:
        settings |= {"action": "append", "default": []}
    if option.type is Type.WHOLE:
        settings["type"] = int
    return settings


def value(config: pytest.Config, name: str) -> Any:
    """Return the value of an option: from the command line, or else the ini file, or else the default.

    Raises UsageError for a number out of bounds.
    """
    option = OF_PYTEST[name]
    found = config.getoption(option.pytest) if option.in_pytest else None
    if found is None and option.in_ini:
        found = config.getini(option.ini) or None
    if found is None:
        return [] if option.repeatable else option.default
    if option.type is Type.WHOLE and not option.allows(found):
        raise UsageError(f"{option.pytest} cannot be {found}.", f"Give {option.bounds}.")
    return found


def asks_for_a_tool(config: pytest.Config) -> bool:
    """Tell whether a tool for writing suites is wanted instead of a run."""
    return any(value(config, name) not in (None, False) for name in TOOLS)
