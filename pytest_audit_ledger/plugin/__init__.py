"""The pytest plugin: options and hooks, and nothing else until a run names a ledger.

The working half, `active.py` with all that it needs, is imported only then, so that other runs do not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_audit_ledger import hookspecs
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.plugin.ineffective_options import refuse_without_effect
from pytest_audit_ledger.plugin.option_declarations import add_options, asks_for_a_tool, value

if TYPE_CHECKING:
    from pytest_audit_ledger.kinds.kind import Kind
    from pytest_audit_ledger.ledger import Ledger

ACTIVE, DRILL, SIGNALS = "audit_ledger_active", "audit_ledger_drill", "audit_ledger_signals"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others can implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_ledger_register_kinds() -> Iterable[type[Kind]]:
    """Register our own kinds like anybody else's."""
    from pytest_audit_ledger.kinds.registry import SHIPPED  # noqa: PLC0415  (see above)

    return SHIPPED


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    """Return the ledger that --ledger-db names (see `pytest_audit_ledger.Ledger`).

    A test that uses it is skipped if no ledger is named.
    """
    if value(pytestconfig, "db") is None:
        pytest.skip("no ledger is named: add --ledger-db=DSN, or the ini setting ledger_db")
    from pytest_audit_ledger.ledger import Ledger  # noqa: PLC0415  (see above)
    from pytest_audit_ledger.plugin.run_state import RUN  # noqa: PLC0415

    return Ledger(pytestconfig.stash[RUN].start())


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Run a tool for writing suites, if one is wanted instead of a run."""
    if not asks_for_a_tool(config):
        return None
    from pytest_audit_ledger.plugin import tools  # noqa: PLC0415  (see above)

    return tools.run(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Bring in the working half if a ledger is named, or a drill is wanted."""
    try:
        refuse_without_effect(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.addinivalue_line("markers", "ledger: a check of the audit ledger (selected by -m ledger)")
    config.addinivalue_line("markers", "ledger_control(id): a check that serves this control of a framework")
    dsn, is_drill = value(config, "db"), value(config, "drill")
    if dsn is None and not is_drill:
        return
    from pytest_audit_ledger.plugin.ending import SignalsEndTheRun  # noqa: PLC0415  (see above)

    signals = SignalsEndTheRun(config)
    if dsn is not None:
        from pytest_audit_ledger.plugin import active  # noqa: PLC0415  (see above)

        active.start(config, dsn)
        config.pluginmanager.register(active, ACTIVE)
    if is_drill:
        from pytest_audit_ledger.plugin import drill  # noqa: PLC0415  (see above)

        drill.start(config)
        config.pluginmanager.register(drill, DRILL)
    config.pluginmanager.register(signals, SIGNALS)  # after the others, so that its hooks are the first
