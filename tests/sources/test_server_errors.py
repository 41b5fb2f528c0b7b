"""Errors of the server that are nobody's SQL: each has its cause and its remedy."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import psycopg2
import pytest

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, SourceError
from pytest_audit_ledger.model.questions import Statement
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.pg_errors import copying
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.databases import another_session


def refusal(forger: Forger, sql: str, timeout: int = 30) -> LedgerError:
    """Return the error of a query that a check asks."""
    with (
        PostgresSource(forger.dsn, timeout=timeout).snapshot() as snapshot,
        snapshot.queries() as queries,
        pytest.raises(LedgerError) as caught,
    ):
        queries.ask(Statement(sql, {}), 1)
    return caught.value


def test_a_lock_on_another_table_is_not_the_fault_of_the_sql(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    forger.build(3).run("CREATE TABLE rules (id int)")
    with another_session(forger.dsn, "LOCK TABLE rules IN ACCESS EXCLUSIVE MODE"):
        error = refusal(forger, "SELECT id FROM public.rules")
    assert isinstance(error, SourceError)
    assert "Another session holds a lock" in error.message
    assert "Run again when the migration or maintenance" in error.remedy


def test_an_administrators_cancel_is_told_from_a_timeout(forger: Forger) -> None:
    forger.build(3)
    sleep = "SELECT pg_catalog.pg_sleep(20)::text"

    def cancel() -> None:
        sleeping = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        with Forger(forger.dsn) as administrator:
            while not administrator.run(sleeping):
                time.sleep(0.05)

    thread = Thread(target=cancel)
    thread.start()
    cancelled = refusal(forger, sleep)
    thread.join()
    assert "An administrator, or a shorter timeout of the server, stopped the statement" in cancelled.message
    assert "ask who cancels it" in cancelled.remedy
    stopped = refusal(forger, sleep, timeout=1)
    assert isinstance(stopped, CannotEvaluate)
    assert stopped.message == "The SQL took longer than 1 s, and the server stopped it."


def test_what_the_server_reports_first_during_copy_is_raised_in_the_thread_that_copies() -> None:
    """Readers of a pool are threads of one process, which has one hook for errors that only Python prints."""
    both = Barrier(2)
    before = sys.excepthook

    def read(first: ReportedError) -> None:
        with copying():
            both.wait()
            unprinted = SystemError()
            unprinted.__cause__ = first
            sys.excepthook(SystemError, unprinted, None)
            both.wait()
            raise psycopg2.OperationalError("no message")

    errors = [ReportedError("one"), ReportedError("other")]
    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, error) for error in errors]
    assert [one.exception() for one in reading] == errors
    assert sys.excepthook is before


class ReportedError(psycopg2.OperationalError):
    pgcode = "57P01"


@pytest.mark.parametrize(
    ("sqlstate", "sentence"),
    [
        ("40001", "conflicts with the replay of a standby"),
        ("40P01", "The server ended a deadlock"),
        ("53200", "The server lacks resources"),
        ("53100", "The server's disk is full"),
        ("55006", "Something on the server is in use"),
        ("57P04", "An operator intervened on the server"),
        ("58030", "The server cannot read its own files"),
        ("XX001", "The server found damaged data"),
    ],
)
def test_an_outage_has_its_cause_and_its_remedy(forger: Forger, sqlstate: str, sentence: str) -> None:
    forger.build(3).run(
        "CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'out of order' USING ERRCODE = '{sqlstate}'; END $$"
    )
    error = refusal(forger, "SELECT public.fail()")
    assert isinstance(error, SourceError)
    assert sentence in error.message
    assert error.sqlstate == sqlstate
    assert "Correct the SQL" not in error.remedy


def test_a_mistake_in_the_sql_is_still_one(forger: Forger) -> None:
    error = refusal(forger.build(3), "SELECT 1 / 0")
    assert isinstance(error, CannotEvaluate)
    assert "division by zero" in error.message
