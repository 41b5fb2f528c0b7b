"""Outages: a server that is down, refuses, locks or goes away is reported in one sentence, and is never tampering."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.errors import LedgerError, SourceError
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import (
    FOLDS,
    check,
    outcomes,
    run_suite,
    told,
    verify_checks,
)
from tests.support.databases import ROLE_PASSWORD, another_session, empty_database, login, role
from tests.support.readings import assert_clean, assert_unread

SECRET = "s3cr3t-sesame"

# --- what goes wrong outside the ledger


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


UNREACHABLE: dict[str, tuple[Callable[[], dict[str, str]], str, str]] = {
    "no such database": (
        lambda: {"dbname": "audit_ledger_test_none"},
        "The database does not exist: ",
        "Check the name after the last slash of the DSN.",
    ),
    "no such role": (
        lambda: {"user": "audit_ledger_test_nobody"},
        "The role does not exist: ",
        "Check the user's name in the DSN.",
    ),
    "server down": (
        lambda: {"host": "127.0.0.1", "port": closed_port()},
        "No server answers: ",
        "Check host and port, and that the server is up.",
    ),
    "no such socket": (
        lambda: {"host": "/nonexistent"},
        "No server answers: ",
        "Check host and port, and that the server is up.",
    ),
    "no such host": (
        lambda: {"host": "ledger.invalid"},
        "The host name is unknown: ",
        "Check the host in the DSN.",
    ),
}


def assert_no_secret(dsn: str, *secrets: str, table: str = "ledger_entries") -> Verification:
    """Assert that no secret of a DSN is in what is said about it, nor in the exception that says why."""
    source = PostgresSource(dsn, table)
    verification = run_suite(dsn, table=table)
    with pytest.raises(SourceError) as caught:
        source.connect()
    spoken = [
        repr(verification),
        *map(describe, verification.outcomes),
        str(caught.value),
        repr(caught.value),
        "".join(traceback.format_exception(caught.value)),
        repr(source),
        source.label,
    ]
    for secret in secrets:
        assert not [text for text in spoken if secret in text]
    return verification


@pytest.mark.parametrize("how", UNREACHABLE)
def test_a_server_that_cannot_be_reached_is_an_outage_in_one_sentence(server: str, how: str) -> None:
    parameters, sentence, remedy = UNREACHABLE[how]
    secret = parse_dsn(server).get("password") or SECRET
    dsn = make_dsn(**{**parse_dsn(server), "password": secret, **parameters()})
    verification = assert_no_secret(dsn, secret)
    if how == "no such role" and "password authentication failed" in verification.outcomes[0].reason:
        pytest.skip("a server that asks for passwords does not tell which roles there are")
    assert_unread(verification, sentence)
    assert_unread(verification, remedy)
    assert verification.info is None
    assert "\n" not in verification.outcomes[0].reason


def test_a_wrong_password_is_an_outage_that_does_not_repeat_it(forger: Forger) -> None:
    forger.build(3)
    with role(forger, "password") as name:
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        wrong = make_dsn(**{**parse_dsn(forger.dsn), "user": name, "password": SECRET})
        try:
            psycopg2.connect(wrong).close()
        except psycopg2.OperationalError:
            verification = assert_no_secret(wrong, SECRET, ROLE_PASSWORD)
            right = run_suite(login(forger.dsn, name))
        else:
            pytest.skip("this server lets the role in with any password; pg_hba.conf has to ask for one")
    assert_unread(verification, "The password is wrong: ")
    assert_unread(verification, "Check the password in the DSN, PGPASSWORD or ~/.pgpass.")
    assert_clean(right, 3)
    assert ROLE_PASSWORD not in repr(right)


@pytest.mark.parametrize("password", ["open@sesame", "open/sesame", "open@sesame/now", "12/sesame"])
def test_a_password_that_was_not_percent_encoded_is_not_repeated_as_a_host(password: str) -> None:
    try:
        verification = run_suite(f"postgresql://auditor:{password}@localhost:{closed_port()}/ledger")
    except LedgerError as error:
        told_about_it = f"{error} {error!r}"
    else:
        told_about_it = repr(verification)
    assert not [part for part in ("open", "sesame") if part in told_about_it], told_about_it


# --- what goes wrong while reading


def test_a_locked_ledger_is_an_outage(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    forger.build(3)
    with another_session(forger.dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        verification = run_suite(forger.dsn)
    for outcome in verification.outcomes:
        assert outcome.status is Status.ERROR
        assert "Another session holds a lock on the ledger" in outcome.reason
    assert verification.assurance is Assurance.UNVERIFIED


def test_a_statement_that_takes_too_long_is_an_outage(forger: Forger) -> None:
    forger.build(3)
    with another_session(forger.dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        outcome = verify_checks(PostgresSource(forger.dsn, timeout=1), [check("entry_hash")]).outcomes[0]
    assert outcome.status is Status.ERROR
    assert "The server stopped the statement after its timeout" in outcome.reason
    assert "--ledger-timeout" in outcome.reason


def at(moment: str, action: Callable[[], object]) -> Progress:
    """Return a progress that acts once: at the `start` of the scan, or after the first `batch`."""

    @contextmanager
    def progress(total: int | None, unit: str = "", /) -> Iterator[Advance]:
        done: list[int] = []

        def advance(entries: int) -> None:
            if not done:
                done.append(entries)
                assert entries < (total or 0), "the ledger is too small to be in the middle of it"
                action()

        if moment == "start":
            done.append(0)
            action()
        yield advance

    return progress


@pytest.fixture(scope="module")
def large(server: str) -> Iterator[Forger]:
    """A ledger of 20,000 entries: more than fits between server and client, so that the server is still sending."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        yield forger.build(20_000)


def kill_the_reader(forger: Forger) -> None:
    readers = (
        "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pytest-audit-ledger%'"
    )
    assert forger.run(f"SELECT pg_terminate_backend(pid) {readers}") == [(True,)]
    for _ in range(500):  # it ends when it next looks for signals, which may be once it is read from again
        if not forger.run(f"SELECT pid {readers}"):
            return
        time.sleep(0.01)


@pytest.mark.parametrize(("moment", "workers"), [("batch", 1), ("start", 1), ("start", 2)])
def test_a_connection_lost_in_the_middle_is_an_outage_and_the_guards_keep_what_they_found(
    large: Forger, moment: str, workers: int
) -> None:
    large.run("ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY")
    try:
        verification = run_suite(large.dsn, workers=workers, progress=at(moment, lambda: kill_the_reader(large)))
    finally:
        large.run("ALTER TABLE ledger_entries DISABLE ROW LEVEL SECURITY")
    results = outcomes(verification)
    for fold in FOLDS:
        assert results[fold].status is Status.ERROR, told(results[fold])
        assert results[fold].reason.startswith(("The connection was lost: ", "The server closed the connection: "))
        assert "nothing was concluded from this run" in results[fold].reason
        assert not results[fold].findings
    assert results["append_only"].status is Status.PASS
    assert results["table_guard"].codes == {"ROW_SECURITY": 1}
    assert verification.survey is None


def test_a_connection_lost_in_the_middle_of_an_intact_ledger_is_not_tampering(large: Forger) -> None:
    verification = run_suite(large.dsn, progress=at("batch", lambda: kill_the_reader(large)))
    assert verification.assurance is Assurance.UNVERIFIED
    assert_unread(verification, "nothing was concluded from this run", guards=Status.PASS)


def test_a_scan_that_is_cancelled_on_the_server_is_an_outage(large: Forger) -> None:
    def cancel() -> None:
        large.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'pytest-audit-ledger'"
        )

    assert_unread(
        run_suite(large.dsn, progress=at("batch", cancel)), "An administrator, or a shorter", guards=Status.PASS
    )


@pytest.mark.parametrize(("moment", "workers"), [("batch", 1), ("start", 2)])
def test_entries_appended_during_a_scan_belong_to_the_next_one(large: Forger, moment: str, workers: int) -> None:
    ((before,),) = large.run("SELECT count(*) FROM ledger_entries")
    more = list(sample_entries(before + 300))[before:]

    def append() -> None:
        writer = Thread(target=large.append, args=(more,))
        writer.start()
        writer.join()

    assert_clean(run_suite(large.dsn, workers=workers, progress=at(moment, append)), before)
    assert_clean(run_suite(large.dsn), before + 300)
