"""A network that stalls while its connections stay open, and the sessions of processes that are gone."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.backup.verification import verify_backup
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.progress import Advance
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources import connection, postgres
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.checks import FOLDS, GUARDS, core_statuses, outcomes, run_suite, told
from tests.support.command import COMMAND, environment
from tests.support.databases import empty_database, needs_version
from tests.support.proxy import Proxy, proxy
from tests.support.waiting import until

TIMEOUT_S = 1
SILENCE = "The server sent nothing for 3 s"
LONGEST_S = 15.0
"""How long a timeout of a second may take on a busy machine; the timeouts that are none are longer."""

SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pytest-audit-ledger%'"


@pytest.fixture(scope="module")
def large(server: str) -> Iterator[Forger]:
    """A ledger of 20,000 entries: more than fits between server and client, so that the server is still sending."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        yield forger.build(20_000)


@pytest.fixture
def stalling(large: Forger) -> Iterator[Proxy]:
    """A proxy before the large ledger."""
    with proxy(large.dsn) as running:
        yield running


@pytest.mark.parametrize("stall_at", [b"", b"\x00user\x00", b"SET datestyle"])
def test_a_stall_in_connecting_is_an_outage_after_the_timeout(large: Forger, stalling: Proxy, stall_at: bytes) -> None:
    ((name,),) = large.run("SELECT current_database()")
    large.run(f"ALTER DATABASE {name} SET datestyle = 'German'")  # so that psycopg2 sends a statement of its own
    stalling.stall_at = stall_at
    started = time.monotonic()
    try:
        with pytest.raises(SourceError, match=r"did not answer in time|The server sent nothing for \d s"):
            PostgresSource(stalling.dsn, timeout=TIMEOUT_S).connect()
    finally:
        large.run(f"ALTER DATABASE {name} RESET datestyle")
    assert stalling.stalled.is_set()
    assert time.monotonic() - started < LONGEST_S


@pytest.mark.parametrize("stall_at", [b"LOCK TABLE", b"pg_trigger", b"COPY ("])
def test_a_stall_of_a_statement_is_an_outage_after_the_timeout(stalling: Proxy, stall_at: bytes) -> None:
    stalling.stall_at = stall_at
    started = time.monotonic()
    verification = run_suite(stalling.dsn, timeout=TIMEOUT_S)
    assert stalling.stalled.is_set()
    assert time.monotonic() - started < 2 * LONGEST_S
    assert verification.assurance is Assurance.UNVERIFIED
    reasons = [outcome.reason for outcome in verification.outcomes if outcome.kind in FOLDS]
    assert all(SILENCE in reason or "The connection was lost" in reason for reason in reasons), reasons
    assert any(SILENCE in outcome.reason for outcome in verification.outcomes)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stall_in_the_middle_of_a_scan_is_an_outage_and_the_rest_keeps_what_it_found(
    stalling: Proxy, workers: int
) -> None:
    @contextmanager
    def progress(total: int | None, unit: str = "", /) -> Iterator[Advance]:
        yield lambda entries: stalling.stall()

    started = time.monotonic()
    verification = run_suite(stalling.dsn, timeout=TIMEOUT_S, workers=workers, progress=progress)
    assert time.monotonic() - started < 2 * LONGEST_S
    expected = {**dict.fromkeys(FOLDS, Status.ERROR), **dict.fromkeys(GUARDS, Status.PASS)}
    assert core_statuses(verification) == expected, [told(outcome) for outcome in verification.outcomes]
    reason = outcomes(verification)["entry_hash"].reason
    assert SILENCE in reason
    assert "--ledger-timeout SECONDS" in reason


@pytest.mark.slow
def test_work_on_what_came_is_not_silence(large: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GRACE_S", 0.0)
    pauses: list[int] = []

    def consume(entries: object) -> None:
        if not pauses:
            pauses.append(1)
            time.sleep(3)

    with PostgresSource(large.dsn).snapshot() as snapshot:
        snapshot._connection.line.watch(2)  # which a server answers in on a busy machine, too
        snapshot.scan(["sequence_number"], Segment(), consume)
        time.sleep(3)
        assert snapshot.count() == 20_000


@pytest.mark.parametrize("stall_at", [b"\x00user\x00", b"COPY ("])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_at_once_though_nothing_can_be_cancelled(
    stalling: Proxy, stall_at: bytes, number: signal.Signals
) -> None:
    stalling.stall_at = stall_at
    command = [*COMMAND, "verify", "--ledger-db", stalling.dsn]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    until(stalling.stalled.is_set)
    started = time.monotonic()
    process.send_signal(number)
    try:
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    took = time.monotonic() - started
    assert (process.returncode, stdout) == (3, "")
    assert "Interrupted." in stderr
    assert "Traceback" not in stderr
    assert took < LONGEST_S, "two seconds, and the end of a process on a busy machine"


@pytest.mark.parametrize("name", ["x.sql", "x.dump.gz"])
def test_a_stall_of_pg_dump_is_an_outage_after_the_timeout_and_leaves_no_file(
    stalling: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", TIMEOUT_S)  # pg_dump may wait for a lock as long
    stalling.stall_at = b"COPY public.ledger_entries"
    started = time.monotonic()
    with pytest.raises(SourceError, match=SILENCE), Ledger(stalling.dsn, timeout=TIMEOUT_S) as ledger:
        ledger.backup_database(tmp_path / name)
    assert stalling.stalled.is_set()
    assert time.monotonic() - started < LONGEST_S
    assert list(tmp_path.iterdir()) == []


@contextmanager
def unreached_databases_dropped(server: str) -> Iterator[None]:
    """Drop the scratch databases that could not be dropped, because nothing reached the server any more."""
    yield
    with Forger(server) as forger:
        for (name,) in forger.run("SELECT datname FROM pg_database WHERE datname LIKE 'audit_ledger_scratch_%'"):
            forger.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            forger.run(f"DROP DATABASE {name}")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "program"), [("x.sql", "psql"), ("x.dump", "pg_restore")])
def test_a_stall_of_a_restore_is_an_outage_after_the_timeout(
    large: Forger, server: str, tmp_path: Path, name: str, program: str
) -> None:
    path = tmp_path / name
    with Ledger(large.dsn) as ledger:
        ledger.backup_database(path)
    with unreached_databases_dropped(server), proxy(server) as stalling:
        stalling.stall_at = b"ALTER TABLE"
        started = time.monotonic()
        proof = verify_backup(path, scratch_db=stalling.dsn, timeout=3, allow_superuser_scratch=True).proof
    assert stalling.stalled.is_set()
    assert time.monotonic() - started < 3 * LONGEST_S
    assert f"{program} was stopped after 3 s" in proof.meaning


HOLD = """
import sys, time
from pytest_audit_ledger.sources import connection, postgres
postgres.CLIENT_CHECK_S = 0.2
with postgres.PostgresSource(sys.argv[1]).snapshot() as snapshot:
    print("open", flush=True)
    snapshot.rows(sys.argv[2])
    time.sleep(60)
"""


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT pg_sleep(60)"])
def test_the_session_of_a_killed_process_ends(large: Forger, statement: str) -> None:
    needs_version(large, 14, "client_connection_check_interval")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, large.dsn, statement], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        running = f"SELECT count(*) {SESSIONS.replace('%', '%%')} AND query = %s"
        until(lambda: large.run(running, (statement,)) == [(1,)])
    finally:
        process.kill()
        process.communicate()
    until(lambda: large.run(f"SELECT count(*) {SESSIONS}") == [(0,)])


def test_an_idle_session_ends_unless_its_process_is_alive(large: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "IDLE_TIMEOUT_S", 2)
    monkeypatch.setattr(postgres, "HEARTBEAT_S", 0.2)
    with PostgresSource(large.dsn).snapshot() as snapshot:
        shared = snapshot.share()
        time.sleep(3)
        with PostgresSource(large.dsn).snapshot(shared) as joined:
            assert snapshot.count() == joined.count() == 20_000
    monkeypatch.setattr(postgres, "HEARTBEAT_S", 60)
    with PostgresSource(large.dsn).snapshot() as snapshot:
        until(lambda: large.run(f"SELECT count(*) {SESSIONS}") == [(0,)])
        with pytest.raises(SourceError, match=r"The server ended this idle session|The connection was lost"):
            snapshot.count()


def test_keepalives_are_set_unless_the_dsn_sets_them() -> None:
    dsn = PostgresSource("postgresql://auditor@ledger/db?keepalives_idle=7").dsn
    assert dsn.parameter("keepalives_idle") == "7"
    assert dsn.parameter("keepalives_interval") == "10"
    assert dsn.parameter("tcp_user_timeout") == "60000"


def test_a_connection_that_nobody_closed_ends_with_its_last_reference(server: str) -> None:
    connection = PostgresSource(server).connect()
    duplicate = connection.line._socket
    del connection
    gc.collect()
    assert duplicate.fileno() == -1
