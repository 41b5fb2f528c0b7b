"""A Dask cluster as the executor: real schedulers and workers, over TCP and TLS, also those that are killed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.verify import pools
from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke, RunLedger, until_no_session
from tests.support.readers import ALL, Reads, opened, other_version, read
from tests.verify.test_pools import compared

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'pytest-audit-ledger[dask]'")

pytestmark = [pytest.mark.server, pytest.mark.slow]  # all start a scheduler

SECRET = "s3cr3t-sesame"
VARIABLE = "AUDIT_LEDGER_TEST_DSN"
LEDGER = f"env:{VARIABLE}"

Process = subprocess.Popen[str]


@contextmanager
def started(what: str, *arguments: str, **variables: str) -> Iterator[tuple[str, Process]]:
    """Start a scheduler or a worker, which is killed at the end; return the scheduler's address, and the process."""
    path = os.pathsep.join(filter(None, (variables.pop("first", ""), str(Path(__file__).parents[2]))))
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            found = (line for line in process.stderr if "Scheduler at:" in line or "Registered to:" in line)
            yield next(found).split()[-1], process
        finally:
            process.kill()


@contextmanager
def started_workers(name: str, count: int, *arguments: str, **variables: str) -> Iterator[None]:
    """Start workers of one thread for a scheduler."""
    address = name.removeprefix("dask:")
    own = ("--nthreads", "1", "--no-nanny", "--host", address.rpartition(":")[0], *arguments)
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(started("worker", address, *own, **variables))
        yield


@contextmanager
def cluster(workers: int = 1, **variables: str) -> Iterator[tuple[str, Process]]:
    """Start a scheduler and workers; return the executor's name, and the scheduler's process."""
    with ExitStack() as stack:
        own = ("--host", "127.0.0.1", "--port", "0")
        address, scheduler = stack.enter_context(started("scheduler", *own, **variables))
        stack.enter_context(started_workers(address, workers, **variables))
        yield f"dask:{address}", scheduler


@pytest.fixture(scope="module")
def lasting(workshop: Forger) -> Iterator[str]:
    """The name of a cluster with two worker processes of two threads each, which know the ledger by a variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, workshop.dsn)
        how = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "protocol": "tcp://"}
        with distributed.LocalCluster(**how, dashboard_address=":0", silence_logs=logging.ERROR) as found:
            yield f"dask:{found.scheduler_address}"


@pytest.mark.parametrize("tampering", ["", "verdict-edited", "middle-deleted"])
def test_a_cluster_finds_what_one_process_finds(
    lasting: str, forger: Forger, monkeypatch: pytest.MonkeyPatch, tampering: str
) -> None:
    """One cluster for all: no result of one run is taken for that of another."""
    monkeypatch.setattr(pools, "WORTH_A_CONNECTION", 10)
    forger.build(200)
    if tampering:
        TAMPERINGS[tampering](forger)
    alone = Ledger(LEDGER).verify_integrity()
    found = Ledger(LEDGER).verify_integrity(executor=lasting, workers=None)
    assert compared(found) == compared(alone)
    assert found.reading == alone.reading
    until_no_session(forger)


def test_the_command_and_pytest_take_it(
    lasting: str, forger: Forger, invoke: Invoke, run: RunLedger, pytester: pytest.Pytester
) -> None:
    forger.build(20)
    result = invoke("verify", "--ledger-db", LEDGER, "--executor", lasting)
    assert result.exit_code == 0, result.output
    assert "SELF-CONSISTENT" in result.stdout
    pytester.makeini(f"[pytest]\nledger_executor = {lasting}\nledger_db = {LEDGER}\n")
    assert "SELF-CONSISTENT" in run().stdout.str()


def test_the_segment_of_a_worker_that_is_killed_is_read_again(lasting: str, tmp_path: Path) -> None:
    with opened(lasting) as executor:
        everything, elsewhere = read(executor, Reads(fatal=50, action="die", once=tmp_path / "once"))
    assert everything == ALL
    assert sorted(elsewhere) == ALL  # Dask gave it to the other worker
    assert executor.note == f"1 of 2 workers of {lasting} were lost; others read their part."


def test_a_segment_that_kills_its_workers_is_read_here() -> None:
    with cluster(2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as (name, _), opened(name) as executor:
        everything, elsewhere = read(executor, Reads(fatal=50, action="die"))
    assert everything == ALL
    assert 50 not in elsewhere
    assert executor.note == f"The executor {name} lost workers, and this process read what was left."


def test_a_scheduler_that_is_killed_ends_the_run_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with cluster() as (name, scheduler), opened(name) as executor:
        Timer(0.5, scheduler.kill).start()
        started_at = time.monotonic()
        with pytest.raises(SourceError) as caught:
            read(executor, Reads(fatal=0, action="hang"))
    assert time.monotonic() - started_at < 3  # the part takes 4
    assert str(caught.value) == (
        f"The Dask scheduler at {name.removeprefix('dask:')} was lost during the run. "
        "Run again when it is up; nothing was concluded."
    )
    assert capfd.readouterr() == ("", "")


def test_an_address_without_a_scheduler_is_an_outage_after_the_timeout(forger: Forger) -> None:
    forger.build(10)
    found = Ledger(forger.dsn, timeout=1).verify_integrity(executor="dask:tcp://127.0.0.1:9")
    assert found.assurance is Assurance.UNVERIFIED
    assert "No Dask scheduler answers at tcp://127.0.0.1:9 (Timed out trying to connect" in found.sentence
    assert "after 1 s" in found.sentence
    assert "Check the address, and that the scheduler is up" in found.sentence


def test_a_worker_that_hangs_ends_the_run_after_the_timeout(lasting: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did not return a part within 1 s"), opened(lasting, timeout=1) as executor:
        read(executor, Reads(fatal=10, action="hang", once=tmp_path / "once"))


def test_a_cluster_without_workers_says_so_unless_a_number_of_them_is_expected() -> None:
    with cluster(workers=0) as (name, _):
        with pytest.raises(SourceError, match="has no workers") as caught, opened(name, workers=None):
            pass
        assert "if they start on demand, say how many with --ledger-workers N." in caught.value.remedy
        with opened(name, workers=2) as executor, started_workers(name, 1):
            assert read(executor, Reads())[0] == ALL


def test_a_worker_with_another_version_is_refused(
    forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10)
    monkeypatch.setenv(VARIABLE, forger.dsn)
    with cluster(0) as (name, _), started_workers(name, 1, first=str(other_version(tmp_path))):
        found = Ledger(LEDGER).verify_integrity(executor=name)
    assert found.assurance is Assurance.UNVERIFIED
    assert " has pytest-audit-ledger 0.0.9" in found.sentence
    assert "Install the same versions on " in found.sentence


def test_what_a_variable_means_to_the_workers_must_be_this_ledger(
    forger: Forger, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10)
    monkeypatch.setenv(VARIABLE, forger.dsn)
    for elsewhere, said in (
        (server, "The snapshot of this run is not, or no longer, on the server of "),
        ("", f"could not read its part. The environment variable {VARIABLE} is not set."),
    ):
        with cluster(1, **{VARIABLE: elsewhere}) as (name, _):
            found = Ledger(LEDGER).verify_integrity(executor=name)
        assert found.assurance is Assurance.UNVERIFIED
        assert said in found.sentence


def test_a_password_is_refused_over_tcp_before_anything_connects() -> None:
    with pytest.raises(UsageError) as caught, opened("dask:tcp://127.0.0.1:9", dsn=f"postgresql://a:{SECRET}@h/d"):
        pass
    assert "The DSN has a password, which the workers of dask:tcp://127.0.0.1:9 would get unencrypted." in str(
        caught.value
    )
    assert "or use a dask:tls:// scheduler." in caught.value.remedy
    assert SECRET not in str(caught.value)


def test_a_password_is_sent_over_tls(tmp_path: Path) -> None:
    from dask import config  # noqa: PLC0415  (only where Dask is installed)

    own = distributed.Security.temporary()
    files = {name: tmp_path / name for name in ("ca_file", "client_cert", "client_key")}
    for name, path in files.items():
        path.write_text(getattr(own, f"tls_{name}"))
    ca, cert, key = map(str, files.values())
    given = ("--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key)
    settings = {"ca-file": ca, "client.cert": cert, "client.key": key}
    with ExitStack() as stack:
        address, _ = stack.enter_context(started("scheduler", "--host", "tls://127.0.0.1", "--port", "0", *given))
        stack.enter_context(started_workers(address, 1, *given))
        stack.enter_context(config.set({f"distributed.comm.tls.{name}": value for name, value in settings.items()}))
        with opened(f"dask:{address}", dsn=f"postgresql://a:{SECRET}@h/d") as executor:
            assert read(executor, Reads())[0] == ALL


def test_logging_is_left_as_it_was(lasting: str) -> None:
    before = {name: logging.getLogger(name).level for name in ("distributed", "distributed.client")}
    with opened(lasting):
        pass
    assert {name: logging.getLogger(name).level for name in before} == before
