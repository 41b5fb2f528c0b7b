"""Every mistake gets one clear sentence with a remedy, the right exit code, no traceback and no password."""

from __future__ import annotations

import socket
from xml.etree import ElementTree

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.forger import Forger
from tests.support.checks import CHECKS, PASSED, SKIPPED
from tests.support.command import RunLedger
from tests.support.databases import PASSWORD_ROLE

SECRET = "hunter2-%40-secret"


def said(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--ledger-db="], "The DSN of the ledger is empty. Give a DSN or an export file; perhaps*"),
        (["--ledger-db=env:NO_SUCH_VARIABLE"], "The environment variable NO_SUCH_VARIABLE is not set.*"),
        (["--ledger-db=demo:tempered"], "There is no demo ledger 'demo:tempered'. Write demo or demo:tampered."),
        ([f"--ledger-db=mysql://u:{SECRET}@h/d"], "*cannot read this DSN.*"),
        ([f"--ledger-db=postgresql://u:{SECRET}#x@h:port/d"], "*cannot read this DSN.*"),
        (["--ledger-db=demo", "--ledger-table=a.b.c"], "'a.b.c' is not a valid table name.*"),
        (["--ledger-db=demo", "--ledger-workers=many"], "'many' is not a valid number of workers. Write auto, or *"),
        (["--ledger-db=demo", "--ledger-executor=many"], "'many' is not a valid executor. Write local, dask:tcp://*"),
        (
            ["--ledger-db=demo", "--ledger-samples=0"],
            "--ledger-samples cannot be 0. Give a whole number of at least 1.",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_a_usage_error(run: RunLedger, arguments: list[str], expected: str) -> None:
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {expected}"])
    assert SECRET not in said(result)
    assert "Traceback" not in said(result)


def unusable_dsns(server: str) -> dict[str, tuple[str, str]]:
    """Return DSNs that cannot be used, and what is said about each."""
    parameters = parse_dsn(server)
    return {
        "server down": (
            f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/d",
            "No server answers: *u@127.0.0.1:*",
        ),
        "unknown host": (f"postgresql://u:{SECRET}@no-such-host.invalid/d", "The host name is unknown: *"),
        "unknown database": (make_dsn(**{**parameters, "dbname": "no_such"}), "The database does not exist: *"),
        "unknown role": (
            make_dsn(**{**parameters, "user": "nobody_here", "password": SECRET}),
            "The role does not exist*",
        ),
        "no table": (server, "There is no table public.ledger_entries in *"),
    }


def said_once(result: pytest.RunResult, reason: str) -> None:
    """Assert that the reason is said first and once, and that the checks are still counted and listed after it."""
    assert result.stdout.str().count(reason) == 1
    before = result.stdout.str().partition(reason)[0]
    assert "could not be evaluated" not in before
    assert "ERRORS" not in before
    assert result.stdout.str().count("\nERROR integrity.ledger.yaml::") == CHECKS


@pytest.mark.parametrize("arguments", [["-q"], ["-n", "1"]])
def test_the_reason_of_an_outage_is_said_first_and_once(run: RunLedger, arguments: list[str]) -> None:
    result = run(f"--ledger-db=postgresql://u@127.0.0.1:{free_port()}/d", "-rE", *arguments)
    result.assert_outcomes(errors=CHECKS)
    said_once(result, "No server answers")


@pytest.mark.parametrize("name", ["server down", "unknown host", "unknown database", "unknown role", "no table"])
def test_a_ledger_that_cannot_be_reached_is_an_error_and_never_tampered(
    pytester: pytest.Pytester, run: RunLedger, server: str, name: str
) -> None:
    dsn, expected = unusable_dsns(server)[name]
    result = run(f"--ledger-db={dsn}", "--junitxml=out.xml", "-rE")
    result.assert_outcomes(errors=CHECKS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*= audit ledger =*", f"UNVERIFIED: Nothing could be verified. {expected}"])
    said_once(result, expected.partition(":")[0].rstrip("*"))
    suite = ElementTree.parse(pytester.path / "out.xml").getroot().find("testsuite")
    assert suite is not None
    assert [len(case.findall("error")) for case in suite.findall("testcase")] == [1] * CHECKS
    assert not suite.findall("testcase/failure")
    everything = said(result) + (pytester.path / "out.xml").read_text()
    for word in (SECRET, "Traceback", "TAMPERED", "psycopg2"):
        assert word not in everything


def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(
    run: RunLedger, request: pytest.FixtureRequest, forger: Forger
) -> None:
    if request.config.getoption("--test-dsn"):
        pytest.skip("only the embedded server is known to ask this role for a password")
    forger.build(10).run(f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD 'the right one' IN ROLE pg_read_all_data")
    parameters = {**parse_dsn(forger.dsn), "user": PASSWORD_ROLE}
    wrong = run(f"--ledger-db={make_dsn(**{**parameters, 'password': SECRET})}")
    right = run(f"--ledger-db={make_dsn(**{**parameters, 'password': 'the right one'})}")
    none = run(f"--ledger-db={make_dsn(**parameters)}")
    forger.run(f"DROP ROLE {PASSWORD_ROLE}")
    wrong.assert_outcomes(errors=CHECKS)
    wrong.stdout.fnmatch_lines(
        ["UNVERIFIED: Nothing could be verified. The password is wrong: *Check the password in the DSN, PGPASSWORD or*"]
    )
    none.stdout.fnmatch_lines(
        ["UNVERIFIED: *. The server asks for a password and none was given: *Put it in PGPASSWORD, *"]
    )
    right.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    assert SECRET not in said(wrong)
    assert "the right one" not in said(right)


def test_the_password_shows_nowhere_even_with_locals_and_full_traces(run: RunLedger) -> None:
    dsn = f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/d"
    result = run(f"--ledger-db={dsn}", "--showlocals", "--full-trace", "-vv", "-rA", "--debug")
    result.assert_outcomes(errors=CHECKS)
    assert SECRET not in said(result)


def test_a_connection_that_is_lost_during_the_scan_is_no_tampering(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    """A kind of the test's own ends the backend from within the scan, so that it is in the middle without a race."""
    forger.build(20_000)
    pytester.makeconftest(
        f"""
        import psycopg2
        from pytest_audit_ledger.kinds import ScanKind

        class Saboteur(ScanKind):
            name, rule, remedy, columns = "saboteur", "None.", "None.", ("verdict",)

            def feed(self, batch):
                if self.element_count == len(batch):
                    connection = psycopg2.connect({forger.dsn!r})
                    connection.cursor().execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND application_name = 'pytest-audit-ledger'"
                    )
                    connection.close()

        def pytest_ledger_register_kinds():
            return [Saboteur]
        """
    )
    suite = "version: 1\nchecks:\n"
    for kind in ("table_guard", "chain_linkage", "entry_hash", "sequence_continuity", "saboteur"):
        suite += f"  - {{id: {kind}, expect: {kind}}}\n"
    pytester.makefile(".ledger.yaml", my=suite)
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml")
    result.assert_outcomes(passed=1, errors=4)
    # libpq does not always get to read the server's last words
    reason = r"The (connection was lost|server closed the connection): .* Run again.*; nothing was concluded"
    result.stdout.re_match_lines([rf"  why    {reason}", rf"UNVERIFIED: .* could not be evaluated\. {reason}"])
    assert "Traceback" not in said(result)


def test_a_user_who_may_not_read_is_told_what_to_ask_for(run: RunLedger, forger: Forger) -> None:
    forger.build(10).run("DROP ROLE IF EXISTS no_reader; CREATE ROLE no_reader LOGIN")
    dsn = make_dsn(**{**parse_dsn(forger.dsn), "user": "no_reader"})
    result = run(f"--ledger-db={dsn}")
    forger.run("DROP ROLE no_reader")
    result.assert_outcomes(errors=CHECKS)
    result.stdout.fnmatch_lines(
        ["*may not read the table*Ask its owner to run: GRANT SELECT ON public.ledger_entries TO no_reader;"]
    )


def test_a_ledger_under_another_name_is_suggested_and_can_be_named(run: RunLedger, forger: Forger) -> None:
    forger.build(10).run('CREATE SCHEMA "Audit"; ALTER TABLE ledger_entries SET SCHEMA "Audit"')
    result = run(f"--ledger-db={forger.dsn}")
    result.assert_outcomes(errors=CHECKS)
    result.stdout.fnmatch_lines(["*has a ledger's columns: *Audit*ledger_entries*--ledger-table*"])
    run(f"--ledger-db={forger.dsn}", '--ledger-table="Audit".ledger_entries').assert_outcomes(
        passed=PASSED, skipped=SKIPPED
    )


def test_a_dsn_can_come_from_an_environment_variable_and_as_sqlalchemy_writes_it(
    run: RunLedger, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = forger.build(10).connection.get_dsn_parameters()
    host = f"host={parameters['host']}&port={parameters['port']}"
    uri = f"postgresql+psycopg://{parameters['user']}@/{parameters['dbname']}?{host}"
    monkeypatch.setenv("MY_LEDGER", uri)
    run("--ledger-db=env:MY_LEDGER").assert_outcomes(passed=PASSED, skipped=SKIPPED)


def test_libpq_variables_work(run: RunLedger, forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = forger.build(10).connection.get_dsn_parameters()
    for variable, name in {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}.items():
        monkeypatch.setenv(variable, parameters[name])
    run("--ledger-db=postgresql://").assert_outcomes(passed=PASSED, skipped=SKIPPED)


def test_the_probe_of_a_suite_leaves_the_entries_as_they_were(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(10).run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    before = forger.run("SELECT xmin::text, * FROM ledger_entries ORDER BY id")
    suite = "version: 1\nchecks:\n  - {id: tried, expect: append_only, probe: true}\n"
    pytester.makefile(".ledger.yaml", my=suite)
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*PROBE_ACCEPTED*UPDATE*", "*PROBE_ACCEPTED*DELETE*"])
    assert forger.run("SELECT xmin::text, * FROM ledger_entries ORDER BY id") == before


def test_a_statement_that_takes_too_long_is_an_error_with_what_to_do(run: RunLedger, forger: Forger) -> None:
    forger.build(10)
    blocker = Forger(forger.dsn)
    blocker.connection.autocommit = False
    blocker.run("LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE")
    result = run(f"--ledger-db={forger.dsn}", "--ledger-timeout=1", "-k", "entry_hash")
    blocker.connection.close()
    result.assert_outcomes(errors=1, deselected=CHECKS - 1)
    result.stdout.fnmatch_lines(
        ["UNVERIFIED: *. The server stopped the statement after its timeout: * --ledger-timeout SECONDS*"]
    )
