"""No password reaches a traceback, whatever it shows: local variables, causes, the representations of objects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from traceback import TracebackException

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger import Ledger, LedgerError, SourceError, UsageError, diff, run_drill, verify_backup
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.programs import Program, Running
from tests.forger import Forger
from tests.support.databases import PASSWORD_ROLE

SECRET = "hunter2_of_a_test"
NAMED = "SECRET_LEDGER_DSN"
"""The variable that holds the DSN: a test that had it in a variable of its own would show it."""

SERVER_ERRORS = {
    "wrong password": {"user": PASSWORD_ROLE},
    "server down": {"host": "127.0.0.1", "port": "1"},
    "unknown host": {"host": "no-such-host.invalid", "connect_timeout": "5"},
    "bad sslmode": {"sslmode": "sometimes"},
    "password of a key": {"sslpassword": SECRET, "dbname": "no_such_database"},
}

SYNTAX_ERRORS = {
    "URL": f"postgresql://me:{SECRET}%zz@h/d",
    "URL with a split password": f"postgresql://me:1/{SECRET}@h/d",
    "URL of another scheme": f"mysql://me:{SECRET}@h/d",
    "key=value": f"host=h password='{SECRET}",
    "key=value without a key": f"host=h password=x {SECRET}",
    "env:": f"env:postgresql://me:{SECRET}@h/d",
}


@pytest.fixture
def password_role(forger: Forger) -> Iterator[Forger]:
    """A ledger with a role whose right password is SECRET, and which the embedded server asks for it."""
    forger.build(10).run(f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD '{SECRET}'")
    forger.run(f"GRANT SELECT ON ledger_entries TO {PASSWORD_ROLE}")
    yield forger
    forger.run(f"DROP OWNED BY {PASSWORD_ROLE}; DROP ROLE {PASSWORD_ROLE}")


def with_secret(dsn: str, parameters: Mapping[str, str]) -> str:
    return str(make_dsn(**{**parse_dsn(dsn), "password": SECRET, **parameters}))


def raised(action: Callable[[], object]) -> LedgerError:
    with pytest.raises(LedgerError) as error:
        action()
    return error.value


def shown(error: BaseException) -> str:
    """Return all that a traceback can show: chained causes, and the local variables of every frame but the test's."""
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    text = "".join(TracebackException.from_exception(error, capture_locals=True).format())
    assert "self = " in text or "dsn = " in text, "local variables are shown"
    return f"{text}{error!r}{vars(error)}"


def api() -> dict[str, Callable[[], object]]:
    """Return calls of the Python API that open the ledger of the variable, none of which has its DSN in a variable."""
    return {
        "report": lambda: Ledger(os.environ[NAMED]).generate_report(),
        "env:NAME": lambda: Ledger(f"env:{NAMED}").investigate(),
        "export": lambda: Ledger(os.environ[NAMED]).export_entries(output_file="entries.csv"),
        "against": lambda: Ledger("demo").investigate(against=os.environ[NAMED]),
        "backup": lambda: Ledger(os.environ[NAMED]).backup_database("ledger.dump"),
        "scratch server": lambda: run_drill(scratch_db=os.environ[NAMED]),
        "diff": lambda: diff("filed.jsonl", os.environ[NAMED]),
    }


def each_with_one(calls: Iterable[str], mistakes: Iterable[str]) -> list[tuple[str, str]]:
    """Return every call with one mistake, and every mistake with one call: each is read in one place."""
    some_calls, some_mistakes = list(calls), list(mistakes)
    return [(call, some_mistakes[0]) for call in some_calls] + [(some_calls[0], one) for one in some_mistakes[1:]]


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("filed.jsonl").touch()
    Path("filed.dump").touch()


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize(
    ("call", "failing"), each_with_one([name for name in api() if name != "against"], SERVER_ERRORS)
)
def test_no_password_is_shown_where_no_connection_can_be_made(
    server: str, monkeypatch: pytest.MonkeyPatch, call: str, failing: str
) -> None:
    monkeypatch.setenv(NAMED, with_secret(server, SERVER_ERRORS[failing]))
    error = raised(api()[call])
    assert isinstance(error, SourceError)
    assert isinstance(error.__cause__, psycopg2.Error), "the cause is kept"
    assert SECRET not in shown(error)


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize(("call", "mistake"), each_with_one(api(), SYNTAX_ERRORS))
def test_no_password_is_shown_where_the_dsn_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, call: str, mistake: str
) -> None:
    monkeypatch.setenv(NAMED, SYNTAX_ERRORS[mistake])
    error = raised(api()[call])
    assert isinstance(error, UsageError)
    assert SECRET not in shown(error)


def test_no_password_is_shown_where_a_backup_is_to_be_restored(
    monkeypatch: pytest.MonkeyPatch, somewhere: None
) -> None:
    monkeypatch.setenv(NAMED, SYNTAX_ERRORS["URL"])
    assert SECRET not in shown(raised(lambda: verify_backup("filed.dump", scratch_db=os.environ[NAMED])))


@pytest.mark.usefixtures("somewhere")
def test_no_password_is_shown_where_a_statement_fails(password_role: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, with_secret(password_role.dsn, {"user": PASSWORD_ROLE, "sslpassword": SECRET}))
    password_role.run("ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY")
    error = raised(api()["export"])
    assert isinstance(error, SourceError)
    assert error.sqlstate == "42501"
    assert isinstance(error.__cause__, psycopg2.errors.InsufficientPrivilege)
    assert SECRET not in shown(error)
    assert SECRET not in repr(Ledger(os.environ[NAMED]).verify_integrity())


@pytest.mark.usefixtures("somewhere")
def test_a_wrong_password_has_its_sqlstate_though_libpq_does_not_pass_it_on(
    password_role: Forger, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--test-dsn"):
        pytest.skip("only the embedded server is known to ask this role for a password")
    monkeypatch.setenv(NAMED, with_secret(password_role.dsn, {"user": PASSWORD_ROLE, "password": "another"}))
    error = raised(api()["report"])
    assert isinstance(error, SourceError)
    assert error.sqlstate == "28P01"


def test_no_password_is_shown_where_a_program_cannot_be_started(password_role: Forger, tmp_path: Path) -> None:
    source = PostgresSource(with_secret(password_role.dsn, {"user": PASSWORD_ROLE}))
    connection = source.connect()
    login = source.login(connection)
    connection.close()
    assert login.environment() == {"PGPASSWORD": SECRET}
    assert SECRET not in f"{login} {login.arguments()}"
    error = raised(lambda: Running(Program(tmp_path / "pg_dump", "18.0", 18), [], login))
    assert isinstance(error.__cause__, OSError)
    assert SECRET not in shown(error)


def test_no_password_is_shown_by_what_holds_a_dsn(server: str) -> None:
    source = PostgresSource(with_secret(server, {"sslpassword": SECRET}))
    connection = source.connect()
    connection.close()
    ledger = Ledger(Dsn(with_secret(server, {})))
    assert SECRET not in repr([source, vars(source), connection, vars(ledger), ledger.source])


A_USERS_TEST = f"""
import os
import pytest
from pytest_audit_ledger import Ledger, SourceError, diff

def test_with_causes():
    try:
        Ledger("env:{NAMED}").generate_report()
    except SourceError as error:
        raise RuntimeError("no report") from error

def test_plain():
    Ledger(os.environ["{NAMED}"]).investigate()

def test_unreadable():
    diff(os.environ["UNREADABLE"], "demo")
"""


def test_pytest_shows_no_password_with_long_tracebacks_and_local_variables(server: str, tmp_path: Path) -> None:
    (tmp_path / "test_users.py").write_text(A_USERS_TEST)
    secrets = {NAMED: with_secret(server, SERVER_ERRORS["wrong password"]), "UNREADABLE": SYNTAX_ERRORS["key=value"]}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-vv", "--tb=long", "--showlocals", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **secrets}, capture_output=True, text=True, check=False, timeout=120
    )
    assert "3 failed" in done.stdout
    assert "The above exception was the direct cause of the following exception" in done.stdout
    assert "Dsn('postgresql://" in done.stdout, "local variables are shown"
    assert SECRET not in done.stdout + done.stderr
