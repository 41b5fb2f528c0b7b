"""pytest's side of the package: options, hooks, and nothing else until a run names a ledger.

The working half, `active.py` with all that it needs, is only imported then, so that other runs do not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_audit_ledger import hookspecs
from pytest_audit_ledger.plugin.declared import add_options, named_ledger

if TYPE_CHECKING:
    from pytest_audit_ledger.kinds.base import Kind

ACTIVE = "audit_ledger_active"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others can implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_ledger_register_kinds() -> Iterable[type[Kind]]:
    """Register our own kinds, as everybody does."""
    from pytest_audit_ledger.kinds.registry import SHIPPED  # noqa: PLC0415  (see above)

    return SHIPPED


def pytest_configure(config: pytest.Config) -> None:
    """Where a ledger is named, bring in the working half."""
    config.addinivalue_line("markers", "ledger: a check of the audit ledger (selected by -m ledger)")
    dsn = named_ledger(config)
    if dsn is not None:
        from pytest_audit_ledger.plugin import active  # noqa: PLC0415  (see above)

        active.start(config, dsn)
        config.pluginmanager.register(active, ACTIVE)
