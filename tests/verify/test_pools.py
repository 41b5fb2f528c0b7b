"""Executors that a user names as MODULE:FACTORY: what they read, what they may get, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from platform import node
from threading import Thread
from typing import Any

import psutil
import pytest

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.sources.dsn import HANDED_ON
from pytest_audit_ledger.sources.postgres import LOCK_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.verify import pools
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import check, outcomes, verify_checks
from tests.support.command import Terminal, until_locked, until_no_session
from tests.support.readers import ALL, Reads, opened, other_version, read
from tests.support.readings import assert_clean
from tests.support.waiting import until

SECRET = "s3cr3t-sesame"
THREADS = f"{__name__}:threads"
PROCESSES = f"{__name__}:processes"
OTHER = f"{__name__}:Other"


def threads() -> futures.Executor:
    return futures.ThreadPoolExecutor(3)


def processes() -> futures.Executor:
    return futures.ProcessPoolExecutor(2, get_context("spawn"))  # a fork would share the threads' locks


def differing() -> futures.Executor:
    """Return a pool whose processes find other metadata of this package first; their code is the same."""
    other = os.environ["AUDIT_LEDGER_TEST_OTHER"]
    return futures.ProcessPoolExecutor(1, get_context("spawn"), look_first, (other,))


def look_first(folder: str) -> None:
    sys.path.insert(0, folder)


def behind_a_lock() -> futures.Executor:
    """Return a pool whose readers cannot lock the ledger, because somebody else wants it alone."""

    def lock() -> None:
        with Forger(os.environ["LEDGER_DSN"]) as other:
            other.run("BEGIN; LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE")

    Thread(target=lock, daemon=True).start()
    with Forger(os.environ["LEDGER_DSN"]) as watcher:
        until_locked(watcher)
    return futures.ThreadPoolExecutor(2)


class Elsewhere(futures.ThreadPoolExecutor):
    """A pool that reads from a server which happens to have a snapshot of the same name, as a replica can."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        task, segment = args
        server_started, snapshot = task.moment
        return super().submit(fn, replace(task, moment=(f"before {server_started}", snapshot)), segment)


class Other(futures.Executor):
    """A pool that could be anywhere."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        raise AssertionError("it gets nothing")


class Confused(futures.ThreadPoolExecutor):
    """A pool that returns something else than the part of a segment: what `other` makes of the parts that it read."""

    def __init__(self, other: Callable[[list[Any]], Any]) -> None:
        super().__init__(1)
        self.read: list[Any] = []
        self.other = other

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        def work() -> Any:
            self.read.append(fn(*args, **kwargs))
            return self.other(self.read)

        return super().submit(work)


CONFUSED: dict[str, Callable[[list[Any]], Any]] = {
    "nothing": lambda _: None,
    "numbers": lambda _: [1, 2],
    "an empty list": lambda _: [],
    "the first part for all": lambda read: read[0],
    "a part without its last kind": lambda read: read[-1][:-1],
    "kinds that have read nothing": lambda read: [type(kind)({}, kind.ledger, 1) for kind in read[-1]],
}


def confused() -> futures.Executor:
    return Confused(CONFUSED[os.environ["AUDIT_LEDGER_TEST_OTHER"]])


class FreezingAtTheEnd(futures.ProcessPoolExecutor):
    """A pool whose processes are frozen when nothing is left to do."""

    def __init__(self) -> None:
        super().__init__(2, get_context("spawn"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for pid in self._processes:
            os.kill(pid, signal.SIGSTOP)
        super().shutdown(wait, cancel_futures=cancel_futures)


class Unclosable(futures.ThreadPoolExecutor):
    """A pool that cannot be shut down."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        raise OSError("it is gone")


class Cancelled(futures.ThreadPoolExecutor):
    """A pool on top of asyncio, whose tasks were cancelled."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        raise asyncio.CancelledError


def broken() -> None:
    raise OSError("no room for a pool")


def talking() -> futures.Executor:
    print("starting two workers")  # noqa: T201  (as somebody's factory may)
    return futures.ThreadPoolExecutor(2)


def leaving() -> None:
    sys.exit(0)


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WORTH_A_CONNECTION", 10)


def compared(verification: Verification) -> Sequence[object]:
    """Return what two verifications of the same ledger must have in common."""
    return [verification.assurance, verification.survey, verification.outcomes]


@pytest.mark.parametrize("name", [THREADS, PROCESSES, "concurrent.futures:ThreadPoolExecutor"])
def test_segments_are_returned_in_order_and_all_were_read_elsewhere(name: str) -> None:
    with opened(name) as executor:
        everything, elsewhere = read(executor, Reads())
    assert everything == ALL
    assert sorted(elsewhere) == ALL
    assert executor.note == ""


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("tampering", ["", "verdict-edited", "middle-deleted"])
def test_a_pool_finds_what_one_process_finds(forger: Forger, tampering: str) -> None:
    forger.build(200)
    if tampering:
        TAMPERINGS[tampering](forger)
    alone = Ledger(forger.dsn).verify_integrity()
    for name in (THREADS, PROCESSES):
        found = Ledger(forger.dsn).verify_integrity(executor=name, workers=3)
        assert compared(found) == compared(alone)
        assert found.reading == alone.reading


@pytest.mark.usefixtures("small_segments")
def test_connections_of_readers_end_with_their_segments(forger: Forger) -> None:
    forger.build(200)
    assert_clean(Ledger(forger.dsn).verify_integrity(executor=THREADS, workers=3), 200)
    until_no_session(forger)


def test_an_empty_ledger_is_handed_out_as_one_segment(forger: Forger) -> None:
    forger.build(0)
    found = Ledger(forger.dsn).verify_integrity(executor=THREADS, allow_empty=True)
    assert found.total_entries == 0
    assert "could not be evaluated" not in found.sentence


def test_what_broken_processes_do_not_read_this_one_reads(tmp_path: Path) -> None:
    with opened(PROCESSES) as executor:
        everything, elsewhere = read(executor, Reads(fatal=50, action="die"))
    assert everything == ALL
    assert 50 not in elsewhere
    assert executor.note == f"The executor {PROCESSES} lost workers, and this process read what was left."


@pytest.mark.parametrize("name", [THREADS, PROCESSES])
def test_what_a_reader_raises_is_raised_here(name: str) -> None:
    with pytest.raises(SourceError, match="The server is gone"), opened(name) as executor:
        read(executor, Reads(fatal=10))


def test_a_reader_that_hangs_ends_the_run_after_the_timeout() -> None:
    with (
        pytest.raises(SourceError, match="did not return a part within 1 s") as caught,
        opened(THREADS, timeout=1) as one,
    ):
        read(one, Reads(fatal=10, action="hang"))
    assert "--ledger-timeout SECONDS" in caught.value.remedy


FROZEN = """
import os, signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def freeze():
    os.kill(os.getpid(), signal.SIGSTOP)

def pool():
    return ProcessPoolExecutor(1, get_context("spawn"), freeze)
"""


def test_a_process_that_is_frozen_does_not_keep_the_command_from_ending(forger: Forger, tmp_path: Path) -> None:
    (tmp_path / "frozen.py").write_text(FROZEN)
    options = ["--ledger-db", forger.build(10).dsn, "--executor", "frozen:pool", "--timeout", "2"]
    command = [sys.executable, "-m", "pytest_audit_ledger", "verify", *options]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "did not return a part within 2 s" in done.stdout


@pytest.mark.slow
def test_processes_that_are_frozen_at_the_end_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "START_S", 1)
    with opened(f"{__name__}:FreezingAtTheEnd") as executor:
        assert read(executor, Reads())[0] == ALL
    _, left = psutil.wait_procs([one for one in psutil.Process().children() if one.name().startswith("python")], 5)
    assert [one.pid for one in left if one.status() == psutil.STATUS_STOPPED] == []


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("break", "could not read its part. ModuleNotFoundError: No module named 'house_kinds'. Install this package"),
        ("no variable", "could not read its part. The environment variable LEDGER_DSN is not set. Set it."),
    ],
)
def test_what_a_reader_lacks_is_said_in_one_sentence(action: str, said: str) -> None:
    with pytest.raises(SourceError) as caught, opened(PROCESSES) as executor:
        read(executor, Reads(fatal=10, action=action))
    assert f"A worker of {PROCESSES} {said}" in str(caught.value)


def test_another_version_of_this_package_is_refused(
    forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10)
    monkeypatch.setenv("AUDIT_LEDGER_TEST_OTHER", str(other_version(tmp_path)))
    found = Ledger(forger.dsn).verify_integrity(executor=f"{__name__}:differing")
    assert f"The host {node()} has pytest-audit-ledger 0.0.9 on Python " in found.sentence
    assert "Install the same versions on every worker." in found.sentence


def test_a_part_of_another_server_is_refused(forger: Forger) -> None:
    forger.build(10)
    found = Ledger(forger.dsn).verify_integrity(executor=f"{__name__}:Elsewhere")
    assert f"The host {node()} reached another server than this run: postgresql://" in found.sentence
    assert "several replicas are never one snapshot" in found.sentence


def test_a_password_is_sent_to_pools_of_this_machine_only() -> None:
    dsn = f"postgresql://auditor:{SECRET}@db/ledger"
    for name in (THREADS, PROCESSES):
        with opened(name, dsn=dsn) as executor:
            assert read(executor, Reads())[0] == ALL
    with pytest.raises(UsageError) as caught, opened(OTHER, dsn=dsn):
        pass
    assert f"The DSN has a password, which the workers of {OTHER} would get unencrypted." in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "dsn", ["env:AUDIT_LEDGER_TEST_DSN", "service=ledger", "host=db dbname=ledger passfile=/etc/pass"]
)
def test_a_source_without_a_password_of_its_own_is_sent_anywhere_without_one(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_LEDGER_TEST_DSN", f"postgresql://auditor:{SECRET}@db/ledger")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with opened(OTHER, dsn=dsn):
        sent = pickle.dumps(PostgresSource(dsn))
    assert SECRET.encode() not in sent
    monkeypatch.setenv("AUDIT_LEDGER_TEST_DSN", "host=elsewhere")
    received = pickle.loads(sent)
    assert received.dsn.parameter("host") == {"e": "elsewhere", "s": "", "h": "db"}[dsn[0]]


def test_a_run_for_evidence_sends_the_name_that_the_user_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HANDED_ON, "service=ledger")
    sent = pickle.dumps(PostgresSource(f"env:{HANDED_ON}"))
    monkeypatch.setenv(HANDED_ON, f"postgresql://auditor:{SECRET}@db/ledger")
    assert PostgresSource(f"env:{HANDED_ON}").holds_secret
    monkeypatch.delenv(HANDED_ON)
    assert pickle.loads(sent).dsn.parameter("service") == "ledger"


def test_ctrl_c_stops_the_readers_and_concludes_nothing(forger: Forger) -> None:
    """The readers wait for a lock that somebody asked for after the run had its own."""
    forger.build(100)
    command = ("verify", "--ledger-db", "env:LEDGER_DSN", "--executor", f"{__name__}:behind_a_lock", "--workers", "2")
    path = str(Path(__file__).parents[2])
    terminal = Terminal(*command, env={"LEDGER_DSN": forger.dsn, "PYTHONPATH": path})
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until(lambda: forger.run(waiting) == [(3,)], "two readers that wait")
    started = time.monotonic()
    terminal.interrupt()
    assert terminal.finish() == 3
    assert time.monotonic() - started < LOCK_TIMEOUT_S
    assert "Error: Interrupted. Nothing was concluded" in terminal.output
    assert "Traceback" not in terminal.output
    until_no_session(forger)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local", f"{__name__}:processes"])
def test_ctrl_c_ends_a_run_whose_workers_are_frozen(forger: Forger, executor: str) -> None:
    """Python waits for its processes at the end, and a process that is frozen takes no signal but KILL."""
    forger.build(60_000)
    path = str(Path(__file__).parents[2])
    options = ("--ledger-db", "env:LEDGER_DSN", "--executor", executor, "--workers", "2")
    terminal = Terminal("verify", *options, env={"LEDGER_DSN": forger.dsn, "PYTHONPATH": path})
    reading = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE '% reader'"
    until(lambda: forger.run(reading) == [(True,)])
    workers = [one for one in psutil.Process(terminal.process.pid).children() if "spawn_main" in str(one.cmdline())]
    for worker in workers:
        worker.suspend()
    terminal.interrupt()
    assert terminal.finish() == 3
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    until_no_session(forger)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cluster", "'cluster' is not a valid executor. Write local, dask:tcp://HOST:8786, "),
        ("dask:10.0.0.5:8786", "'10.0.0.5:8786' is not the address of a Dask scheduler. Write dask:tcp://HOST:8786, "),
        ("dask:http://h:1", "'http://h:1' is not the address of a Dask scheduler."),
        ("no_such:pool", "The executor no_such:pool cannot be loaded: ModuleNotFoundError: No module named 'no_such'."),
        (f"{__name__}:pool", f"The executor {__name__}:pool cannot be loaded: AttributeError: "),
    ],
)
def test_an_executor_that_does_not_exist_is_wrong_usage(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        pools.parse_executor(name)
    assert str(caught.value).startswith(said)


def test_a_factory_that_makes_no_pool_is_told_from_one_that_fails() -> None:
    with pytest.raises(UsageError, match="returns OrderedDict, not an executor"), opened("collections:OrderedDict"):
        pass
    with (
        pytest.raises(SourceError, match="could not be started: OSError: no room for a pool"),
        opened(f"{__name__}:broken"),
    ):
        pass


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("what", CONFUSED)
def test_a_pool_that_returns_something_else_accuses_nobody(
    forger: Forger, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    forger.build(100)
    monkeypatch.setenv("AUDIT_LEDGER_TEST_OTHER", what)
    found = Ledger(forger.dsn).verify_integrity(executor=f"{__name__}:confused", workers=2)
    assert found.assurance is Assurance.UNVERIFIED
    assert f"The executor {__name__}:confused returned something else than the part of a segment." in found.sentence


@pytest.mark.parametrize("name", [f"{__name__}:Unclosable", f"{__name__}:Cancelled"])
def test_a_pool_that_fails_in_odd_ways_loses_nothing(
    name: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    with opened(name) as executor:
        assert read(executor, Reads())[0] == ALL
    assert "Traceback" not in capfd.readouterr().err
    assert [*recwarn] == []


def test_what_a_factory_prints_is_no_part_of_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    with opened(f"{__name__}:talking") as executor:
        read(executor, Reads())
    assert capsys.readouterr() == ("", "starting two workers\n")


def test_an_executor_that_ends_the_program_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        with pytest.raises(UsageError, match="The executor script:pool cannot be loaded: SystemExit: 0"):
            pools.parse_executor("script:pool")
    with pytest.raises(SourceError, match="could not be started: SystemExit: 0"), opened(f"{__name__}:leaving"):
        pass


def test_an_executor_that_is_of_no_use_is_not_used_and_the_output_says_why(forger: Forger) -> None:
    forger.build(20)

    class Local(ChainLinkage):
        """A kind that no other process can find."""

    for kind, why in (
        (Local, "a kind cannot be sent to other processes"),
        (ChainLinkage, "the entries cannot be cut into segments"),
    ):
        found = verify_checks(PostgresSource(forger.dsn), [check(kind)], executor=THREADS, workers=2)
        assert outcomes(found)["chain_linkage"].element_count == 20
        assert f"The executor was not used: {why}" in found.reading
        forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT IF EXISTS ledger_entries_sequence_number_key")


def test_dask_is_imported_only_if_it_is_named() -> None:
    code = "import sys, pytest_audit_ledger.cli.main; assert 'distributed' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
