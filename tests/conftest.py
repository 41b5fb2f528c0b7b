"""What all tests share: a real PostgreSQL server, and an empty database for each test that asks."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.sources.dsn import Dsn
from tests.forger import Forger
from tests.support.databases import PASSWORD_ROLE, emptied, empty_database, in_memory

pytest_plugins = ["pytester", "tests.support.command"]

# A shell starts what runs in the background with SIGINT ignored, and nohup with SIGHUP. The processes that tests start
# would inherit that, and never end by these signals; they do not inherit a handler.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Tests start hundreds of processes, which would all compile this package again where no bytecode is written. So would
# each worker of xdist the tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    """Judge no law by the time that an example takes, which says how busy the machine is."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings  # noqa: PLC0415  (pytest loads this file for `make demo`, too, which has it not)

        settings.register_profile("audit-ledger", deadline=None)
        settings.register_profile("quick", settings.get_profile("audit-ledger"), max_examples=20)
        settings.load_profile(config.getoption("--hypothesis-profile") or "audit-ledger")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--test-dsn",
        action="append",
        help="Run against this server instead of the embedded one, as a superuser; repeat it for each worker of xdist. "
        "Databases named audit_ledger_test_* are created and dropped.",
    )
    parser.addoption(
        "--rewrite", action="store_true", help="Write the output that READMEs quote, instead of comparing it."
    )


LONGEST = (
    *("test_report_in_chromium.py", "test_documentation.py", "test_drill.py", "test_packaging.py", "test_dump.py"),
    *("test_backup.py", "test_difference.py", "test_processes.py", "test_stalls.py", "test_other_plugins.py"),
    *("test_dask_cluster.py", "test_cluster_guide.py", "test_pools.py"),
)
"""Files with tests that take seconds."""


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, and begin with what takes long, so that no worker is left with it at the end."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "server" in fixtures:
            item.add_marker(pytest.mark.server)
        if "object_server" in fixtures:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests, which all stay, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have what tests and programs take away again in memory, and what pytest keeps for a while where it would be."""
    tmp_path_factory.getbasetemp()
    with in_memory():
        yield


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of a server, as a superuser."""
    given = request.config.getoption("--test-dsn")
    if given:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield given[int(worker) % len(given)]  # roles belong to a server, so two workers need two
    else:
        with ExitStack() as stack:
            dsn = stack.enter_context(embedded_server())
            _ask_for_passwords(dsn)
            yield dsn


def _ask_for_passwords(dsn: str) -> None:
    """Let the embedded server, which trusts everybody, ask one role for its password."""
    with Forger(dsn) as administrator:
        ((path,),) = administrator.run("SHOW hba_file")
        rules = Path(path)
        rules.write_text(f"local all {PASSWORD_ROLE} scram-sha-256\n{rules.read_text()}")
        administrator.run("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def workshop(server: str) -> Iterator[Forger]:
    """A forger in a database that the tests of this process share."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        yield forger


@pytest.fixture
def forger(workshop: Forger) -> Forger:
    """A forger at work in an empty database; `forger.build(…)` makes the ledger."""
    return emptied(workshop)


def pytest_report_header(config: pytest.Config) -> str:
    given = config.getoption("--test-dsn")
    return f"test server: {', '.join(str(Dsn(one)) for one in given) if given else 'embedded'}"
