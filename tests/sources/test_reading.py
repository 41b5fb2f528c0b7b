"""Reading a ledger from a real server: whatever its settings, content and state, and whoever reads."""

from __future__ import annotations

import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import LedgerError, SourceError
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.model.entry import Entry, entry_hash
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import (
    FOLDS,
    GUARDS,
    check,
    core_statuses,
    found,
    outcomes,
    run_check,
    run_suite,
    told,
    verify_checks,
)
from tests.support.databases import ROLE_PASSWORD, another_session, build_partitioned, empty_database, login, role
from tests.support.rows import chained

ALL_PASS = dict.fromkeys((*FOLDS, *GUARDS), Status.PASS)
SECRET = "s3cr3t-sesame"


def assert_clean(verification: Verification, entries: int) -> None:
    assert core_statuses(verification) == ALL_PASS, [told(outcome) for outcome in verification.outcomes]
    assert verification.assurance is Assurance.SELF_CONSISTENT
    assert verification.survey is not None
    assert verification.survey.entries == entries


def assert_unread(verification: Verification, words: str, guards: Status = Status.ERROR) -> None:
    """Assert that nothing was concluded about the entries, and that every fold says why."""
    expected = {**dict.fromkeys(FOLDS, Status.ERROR), **dict.fromkeys(GUARDS, guards)}
    assert core_statuses(verification) == expected, [told(outcome) for outcome in verification.outcomes]
    assert verification.assurance is Assurance.UNVERIFIED
    assert verification.survey is None
    for outcome in verification.outcomes:
        if outcome.status is Status.ERROR:
            assert words in outcome.reason
            assert not outcome.findings


def this_database(forger: Forger) -> str:
    return str(forger.run("SELECT current_database()")[0][0])


# --- settings that must not change the answer


SETTINGS = {
    "time zone": ["timezone = 'America/New_York'"],
    "date style": ["datestyle = 'SQL, DMY'"],
    "German date style, far east": ["datestyle = 'German, DMY'", "timezone = 'Pacific/Chatham'"],
    "old date style": ["datestyle = 'Postgres, MDY'", "intervalstyle = 'sql_standard'"],
    "bytea output": ["bytea_output = 'escape'"],
    "client encoding": ["client_encoding = 'LATIN1'"],
    "strings": ["standard_conforming_strings = off", "escape_string_warning = off"],
    "quoting": ["quote_all_identifiers = on"],
    "planner": ["enable_indexscan = off", "enable_bitmapscan = off", "enable_seqscan = off"],
    "transactions": ["default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on"],
    "null comparison": ["transform_null_equals = on"],
}


@pytest.mark.parametrize(
    ("whose", "what"), [*(("DATABASE", what) for what in SETTINGS), ("ROLE", "time zone"), ("ROLE", "client encoding")]
)
def test_settings_of_the_server_do_not_change_the_answer(forger: Forger, whose: str, what: str) -> None:
    forger.build(50)
    with role(forger) as name:
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        target = name if whose == "ROLE" else this_database(forger)
        for setting in SETTINGS[what]:
            forger.run(f"ALTER {whose} {target} SET {setting}")
        assert_clean(run_suite(login(forger.dsn, name)), 50)


def test_a_table_of_the_same_name_earlier_in_the_search_path_is_not_read(forger: Forger) -> None:
    forger.build(50)
    forger.run(
        f"""
        CREATE SCHEMA shadow;
        CREATE TABLE shadow.ledger_entries AS SELECT * FROM ledger_entries WHERE sequence_number < 10;
        CREATE FUNCTION shadow.min(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint';
        CREATE TABLE shadow.pg_class (oid oid);
        ALTER DATABASE {this_database(forger)} SET search_path = shadow, pg_catalog, public;
        """
    )
    verification = run_suite(forger.dsn)
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": Status.FAIL}
    assert outcomes(verification)["table_guard"].codes == {"NAME_SHADOWED": 1, "OTHER_LEDGER": 1}
    assert verification.survey is not None
    assert verification.survey.entries == 50
    assert run_suite(forger.dsn, table="shadow.ledger_entries").assurance is Assurance.TAMPERED


NON_ASCII = "Größe überschritten: ½ µg/m³ — « façade » ÿ"


@pytest.mark.parametrize(
    ("encoding", "reasoning"),
    [("LATIN1", NON_ASCII.replace("—", "-")), ("UTF8", f"{NON_ASCII} 排放超标 🚨"), ("SQL_ASCII", f"{NON_ASCII} 🚨")],
)
def test_text_beyond_ascii_hashes_the_same_in_every_encoding(server: str, encoding: str, reasoning: str) -> None:
    entries = list(chained(replace(entry, reasoning=reasoning, rule_id=reasoning) for entry in sample_entries(20)))
    with empty_database(server, f"ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'") as dsn:
        with Forger(dsn) as forger:
            forger.connection.set_client_encoding("UTF8")
            forger.build(entries=entries)
            assert forger.run("SHOW server_encoding") == [(encoding,)]
        assert_clean(run_suite(dsn), 20)


@pytest.mark.parametrize("workers", [1, 2])
def test_bytes_that_are_no_text_are_a_finding_at_their_entry(server: str, workers: int, tmp_path: Path) -> None:
    with empty_database(server, "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'") as dsn:
        with Forger(dsn) as forger:
            forger.build(20).unguarded(r"UPDATE ledger_entries SET reasoning = E'\xff\xfe' WHERE sequence_number = 7")
        verification = run_suite(dsn, workers=workers)
        with pytest.raises(SourceError, match="A text of an entry is not valid UTF-8"):
            Ledger(dsn).export_entries(output_file=tmp_path / "entries.json")
    results = outcomes(verification)
    assert found(results["entry_hash"]) == [("ENTRY_HASH_MISMATCH", 7)]
    assert core_statuses(verification) == {**ALL_PASS, "entry_hash": Status.FAIL}
    assert results["entry_hash"].element_count == 20


# --- who reads


def test_a_role_that_may_only_select_can_verify(forger: Forger) -> None:
    forger.build(50, schema="3")
    with role(forger) as name:
        forger.run(f"REVOKE ALL ON ledger_entries FROM PUBLIC; GRANT SELECT ON ledger_entries TO {name}")
        assert_clean(run_suite(login(forger.dsn, name)), 50)


USAGE = "GRANT USAGE ON SCHEMA {schema} TO {role}"
SELECT = "GRANT SELECT ON {schema}.{table} TO {role}"
LACKING = {"SELECT": (USAGE, f"{SELECT};"), "USAGE": (SELECT, f"{USAGE};"), "both": ("SELECT 1", f"{USAGE}; {SELECT};")}


@pytest.mark.parametrize(
    ("schema", "table"), [("archive", "entries"), ('"Archive 1"', '"The Ledger"'), ('"a.b"', '"c.d"')]
)
@pytest.mark.parametrize("lacking", LACKING)
def test_a_role_that_may_not_read_is_told_the_grant_it_lacks(
    forger: Forger, lacking: str, schema: str, table: str
) -> None:
    forger.build(3).run(
        f"CREATE SCHEMA {schema}; ALTER TABLE ledger_entries RENAME TO {table}; ALTER TABLE {table} SET SCHEMA {schema}"
    )
    given, lacked = LACKING[lacking]
    with role(forger) as name:
        remedy = lacked.format(schema=schema, table=table, role=name)
        forger.run(given.format(schema=schema, table=table, role=name))
        verification = run_suite(login(forger.dsn, name), table=f"{schema}.{table}")
        assert_unread(verification, f"The role {name} may not read the table")
        assert_unread(verification, f"Ask its owner to run: {remedy}")
        forger.run(remedy)
        again = run_suite(login(forger.dsn, name), table=f"{schema}.{table}")
    assert core_statuses(again) == ALL_PASS, "what it was told to ask for has to be enough"


def test_a_role_that_may_read_some_columns_evaluates_nothing_of_the_entries(forger: Forger) -> None:
    forger.build(3)
    with role(forger) as name:
        forger.run(f"GRANT SELECT (sequence_number, entry_hash) ON ledger_entries TO {name}")
        verification = run_suite(login(forger.dsn, name))
    assert_unread(verification, "The role may not read what is needed", guards=Status.PASS)


def test_rows_hidden_from_the_role_are_no_gap_and_no_pass(forger: Forger) -> None:
    forger.build(50)
    forger.run("ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY")
    with role(forger) as name:
        forger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        forger.run("CREATE POLICY hide ON ledger_entries USING (sequence_number <> 25)")
        verification = run_suite(login(forger.dsn, name))
    results = outcomes(verification)
    for fold in FOLDS:
        assert results[fold].status is Status.ERROR, told(results[fold])
        assert "row-level security" in results[fold].reason
        assert "BYPASSRLS" in results[fold].reason
    assert results["table_guard"].codes == {"ROW_SECURITY": 1}
    assert verification.survey is None


# --- names


def test_names_in_capitals_and_with_dots_are_read_as_they_are(forger: Forger) -> None:
    forger.build(50).run(
        'CREATE SCHEMA "Audit.2026"; ALTER TABLE ledger_entries SET SCHEMA "Audit.2026"; '
        'ALTER TABLE "Audit.2026".ledger_entries RENAME TO "Ledger ""Entries"""; CREATE TABLE ledger_entries (id int)'
    )
    assert_clean(run_suite(forger.dsn, table='"Audit.2026"."Ledger ""Entries"""', workers=1), 50)


@pytest.mark.parametrize(("schema", "table"), [("archive", "entries_2025"), ('"Archive"', '"Entries of 2025"')])
def test_a_missing_table_is_answered_with_the_one_that_looks_like_a_ledger(
    forger: Forger, schema: str, table: str
) -> None:
    forger.build(3).run(f"CREATE SCHEMA {schema}; ALTER TABLE ledger_entries SET SCHEMA {schema}")
    forger.run(f"ALTER TABLE {schema}.ledger_entries RENAME TO {table}")
    verification = run_suite(forger.dsn)
    assert_unread(verification, "There is no table public.ledger_entries in ")
    reason = verification.outcomes[0].reason
    assert "--ledger-table" in reason
    suggestion = reason.partition("a ledger's columns: ")[2].partition(". Name it")[0]
    assert core_statuses(run_suite(forger.dsn, table=suggestion)) == ALL_PASS, "the name has to work as it is written"


@pytest.mark.parametrize("view", [False, True])
def test_a_table_that_is_not_a_ledger_is_a_mistake_and_no_tampering(forger: Forger, view: bool, tmp_path: Path) -> None:
    key = SigningKey.generate("test")
    Ledger(forger.build(3).dsn).create_checkpoint(tmp_path, key)
    forger.run("CREATE TABLE users (id bigint, name text, created_at timestamptz); CREATE VIEW seen AS TABLE users")
    table = "public.seen" if view else "public.users"
    verification = run_suite(forger.dsn, table=table)
    assert_unread(verification, f"{table} in postgresql://")
    assert_unread(verification, "is not a ledger: it lacks 14 of its 16 columns, such as sequence_number, ")
    assert_unread(verification, "This has a ledger's columns: public.ledger_entries. Name it with --ledger-table.")
    signed = {"checkpoint": {"folders": [str(tmp_path)], "verifier_keys": [str(key.verifier())]}}
    anchored = run_suite(forger.dsn, table=table, run_parameters=signed)
    assert anchored.assurance is Assurance.TAMPERED


def test_a_missing_table_without_a_likely_one_is_an_error_too(forger: Forger) -> None:
    forger.run("CREATE TABLE ledger (id int)")
    assert_unread(run_suite(forger.dsn), "check that this is the right database")


# --- partitions and workers


@pytest.mark.parametrize("workers", [1, 3])
def test_a_partitioned_ledger_is_read_as_one(forger: Forger, workers: int) -> None:
    build_partitioned(forger, 300, 51, 52, 200)
    assert_clean(run_suite(forger.dsn, workers=workers), 300)


def test_a_detached_partition_leaves_a_gap(forger: Forger) -> None:
    build_partitioned(forger, 100, 41, 61).run("ALTER TABLE ledger_entries DETACH PARTITION part_2")
    results = outcomes(run_suite(forger.dsn))
    assert found(results["sequence_continuity"]) == [("SEQUENCE_GAP", 41)]
    assert found(results["chain_linkage"]) == [("HASH_MISMATCH", 61)]


def test_the_findings_do_not_depend_on_the_number_of_workers(forger: Forger) -> None:
    forger.build(5_000).unguarded(
        "UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number % 400 = 0",
        "UPDATE ledger_entries SET timestamp = timestamp - interval '1 day' WHERE sequence_number % 625 = 1",
        "UPDATE ledger_entries SET timestamp = 'infinity' WHERE sequence_number = 1251",
        "DELETE FROM ledger_entries WHERE sequence_number IN (1, 1250, 2500, 2501, 3125, 4999)",
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 3300 AND 4200",
    )
    one, two, four = (run_suite(forger.dsn, workers=workers, samples=7) for workers in (1, 2, 4))
    assert one.assurance is Assurance.TAMPERED
    assert all(outcome.unexpected_count > 1 for outcome in one.outcomes if outcome.kind in FOLDS[:4])
    assert two.outcomes == one.outcomes
    assert four.outcomes == one.outcomes
    assert two.survey == one.survey
    assert four.survey == one.survey


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
    """Assert that no secret of a DSN is in what is told about it, nor in the exception that says why."""
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
    while forger.run(f"SELECT pid {readers}"):  # it ends when it next looks for signals
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


REFUSED_WRITE = r"read-only transaction|must be set before any query"
WRITES = {
    "INSERT": "INSERT INTO public.ledger_entries SELECT * FROM public.ledger_entries",
    "UPDATE": "UPDATE public.ledger_entries SET verdict = verdict",
    "DELETE": "DELETE FROM public.ledger_entries",
    "TRUNCATE": "TRUNCATE public.ledger_entries",
    "CREATE": "CREATE TABLE public.mine (id int)",
    "sequence": "SELECT nextval('public.ledger_entries_id_seq')",
    "row lock": "SELECT 1 FROM public.ledger_entries FOR UPDATE",
    "read-write": "SET TRANSACTION READ WRITE",
}


@pytest.mark.parametrize("what", WRITES)
def test_a_snapshot_refuses_to_write(forger: Forger, what: str) -> None:
    forger.build(3).run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    with (
        PostgresSource(forger.dsn).snapshot() as snapshot,
        pytest.raises(SourceError, match=REFUSED_WRITE),
    ):
        snapshot.rows(WRITES[what])
    assert forger.run("SELECT count(*), last_value FROM ledger_entries, ledger_entries_id_seq GROUP BY 2") == [(3, 3)]


class Meddling(CatalogKind):
    """Changes the session's settings, and then fails."""

    name = "meddling"
    rule = "None."
    remedy = "None."
    unit = "things"

    def examine(self, catalogue: Catalog) -> None:
        catalogue.rows("SET TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'German'; SELECT 1 AS one")
        catalogue.rows("SELECT no_such_column")


def test_a_guard_that_fails_leaves_no_trace_for_the_other_checks(forger: Forger) -> None:
    forger.build(50)
    checks = [
        check(Meddling),
        check("table_guard"),
        check("append_only"),
        check("entry_hash"),
        check("timestamp_order"),
    ]
    first, *others = verify_checks(PostgresSource(forger.dsn), checks).outcomes
    assert first.status is Status.ERROR
    assert "no_such_column" in first.reason
    assert [outcome.status for outcome in others] == [Status.PASS] * 4, [told(outcome) for outcome in others]


# --- hostile and odd content


CONTROLS = "".join(map(chr, (*range(0x01, 0x20), *range(0x7F, 0xA0))))
HOSTILE = {
    "control characters": CONTROLS,
    "each control character between backslashes": "".join(f"\\{c}\\" for c in CONTROLS),
    "terminal escapes": "\x1b[2J\x1b]0;owned\x07\x1b[31mPASS\x1b[0m\r",
    "COPY's NULL": r"\N",
    "COPY's end": "\\.",
    "backslashes": "\\ \\\\ \\\\\\ \\n \\v \\u0000 \\x41 \\\\N",
    "null": "null",
    "empty": "",
    "spaces": "  \t ",
    "quotes": '"\'`"" \'\' "null" \\"',
    "like JSON": '","verdict":"CLEAR","x":{"\\N":null}}',
    "emoji": "🚨👩‍🚒🇩🇪",
    "vertical tab": "a\vb\x0bc\\v",
    "beyond": "\u2028\u2029\ufeff\u202e\u200b\ue000\uffff\U0010ffff",
    "format strings": "%s %(table)s {0} {ledger} $1 :x ?",
    "markup": "]]></failure><script>alert(1)</script>&amp;",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of what is escaped": '\x01"\\\v\n' * 200_000,
}
FREE_TEXTS = (
    "verdict",
    "telemetry_id",
    "rule_id",
    "knowledge_graph_version",
    "ski_model_version",
    "reasoning",
    "track",
)


def unconstrained(forger: Forger, *columns: str) -> None:
    for column in columns:
        forger.run(f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_check")


def hostile_entries() -> Iterator[Entry]:
    for text, entry in zip(HOSTILE.values(), sample_entries(len(HOSTILE)), strict=True):
        long = len(text) > 100_000
        texts = {column: text for column in FREE_TEXTS if not long or column == "reasoning"}
        yield replace(entry, **texts)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_valid_chain_passes_whatever_its_texts_hold(forger: Forger, workers: int) -> None:
    unconstrained(forger.build(0), "verdict", "track")
    forger.append(chained(hostile_entries()))
    verification = run_suite(forger.dsn, workers=workers, samples=100)
    results = outcomes(verification)
    for fold in FOLDS[:4]:
        assert results[fold].status is Status.PASS, told(results[fold])
        assert results[fold].element_count == len(HOSTILE)
    strange = [text for text in HOSTILE.values() if len(text) <= 100_000]
    assert [finding.actual for finding in results["verdict_taxonomy"].findings] == strange


def test_tampering_is_found_among_hostile_texts_and_told_in_printable_words(forger: Forger) -> None:
    unconstrained(forger.build(0), "verdict", "track")
    forger.append(chained(hostile_entries()))
    forger.unguarded("UPDATE ledger_entries SET reasoning = reasoning || E'\\x01'")
    results = outcomes(run_suite(forger.dsn, samples=100))
    assert results["entry_hash"].unexpected_count == len(HOSTILE)
    assert results["chain_linkage"].status is Status.PASS
    for outcome in results.values():
        assert all(line.isprintable() for line in describe(outcome).split("\n"))


ODD_TIMESTAMPS = {
    "infinity": ["TIMESTAMP_INFINITE"],
    "-infinity": ["TIMESTAMP_INFINITE"],
    "10000-01-01 00:00:00+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "294276-12-31 23:59:59.999999+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "9999-12-31 23:59:59.999999+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "0044-03-15 12:00:00+00 BC": ["TIMESTAMP_ORDER"],
    "4713-01-01 00:00:00.5+00 BC": ["TIMESTAMP_ORDER"],
    "0001-01-01 00:00:00+00": ["TIMESTAMP_ORDER"],
}


@pytest.mark.parametrize("timestamp", ODD_TIMESTAMPS)
def test_an_odd_timestamp_is_a_finding(forger: Forger, timestamp: str) -> None:
    forger.build(100).unguarded(f"UPDATE ledger_entries SET timestamp = '{timestamp}' WHERE sequence_number = 50")
    results = outcomes(run_suite(forger.dsn))
    assert found(results["entry_hash"]) == [("ENTRY_HASH_MISMATCH", 50)]
    assert sorted(results["timestamp_order"].codes) == ODD_TIMESTAMPS[timestamp]
    assert results["timestamp_order"].status is Status.FAIL
    assert {number for _, number in found(results["timestamp_order"])} <= {50, 51}
    assert results["chain_linkage"].status is results["sequence_continuity"].status is Status.PASS


@pytest.mark.parametrize("numbers", [(1,), (100,), (1, 2, 100), tuple(range(1, 101))])
def test_infinite_timestamps_are_found_wherever_they_stand(forger: Forger, numbers: tuple[int, ...]) -> None:
    forger.build(100).unguarded(
        f"UPDATE ledger_entries SET timestamp = 'infinity' WHERE sequence_number IN ({', '.join(map(str, numbers))})"
    )
    verification = run_suite(forger.dsn, samples=1000)
    results = outcomes(verification)
    assert found(results["timestamp_order"]) == [("TIMESTAMP_INFINITE", number) for number in numbers]
    assert found(results["entry_hash"]) == [("ENTRY_HASH_MISMATCH", number) for number in numbers]
    assert verification.assurance is Assurance.TAMPERED


HASHED = (
    "previous_hash",
    "timestamp",
    "verdict",
    "telemetry_id",
    "telemetry_hash",
    "rule_id",
    "knowledge_graph_version",
    "ski_model_version",
    "reasoning",
    "track",
)
MISSING_VALUES = {
    "previous_hash": {"chain_linkage": ("HASH_MISMATCH", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "entry_hash": {"chain_linkage": ("HASH_MISMATCH", 51), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "timestamp": {"timestamp_order": ("TIMESTAMP_MISSING", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "verdict": {"verdict_taxonomy": ("VERDICT_UNKNOWN", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "telemetry_id": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "telemetry_hash": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "ski_model_version": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
}


@pytest.mark.parametrize("column", MISSING_VALUES)
def test_a_missing_value_is_a_finding(forger: Forger, column: str) -> None:
    forger.build(100).run(f'ALTER TABLE ledger_entries ALTER COLUMN "{column}" DROP NOT NULL')
    forger.unguarded(f'UPDATE ledger_entries SET "{column}" = NULL WHERE sequence_number = 50')
    results = outcomes(run_suite(forger.dsn))
    assert {fold: found(results[fold])[0] for fold in FOLDS if results[fold].findings} == MISSING_VALUES[column]
    assert {fold for fold in FOLDS if results[fold].status is Status.ERROR} == set()


@pytest.mark.parametrize("numbers", ["= 50", "IN (50, 100)", "> 0"])
@pytest.mark.parametrize("workers", [1, 2])
def test_missing_sequence_numbers_are_findings(forger: Forger, workers: int, numbers: str) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries ALTER COLUMN sequence_number DROP NOT NULL")
    forger.unguarded(f"UPDATE ledger_entries SET sequence_number = NULL WHERE sequence_number {numbers}")
    results = outcomes(run_suite(forger.dsn, workers=workers))
    for fold in ("sequence_continuity", "entry_hash"):
        assert results[fold].status is Status.FAIL, told(results[fold])
        assert results[fold].element_count == 100
    assert "SEQUENCE_MISSING" in results["sequence_continuity"].codes


def test_a_ledger_that_lost_its_unique_key_is_read_in_order(forger: Forger) -> None:
    forger.build(0).run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    entries = list(sample_entries(500))
    forger.append(entries[250:] + entries[:250])
    verification = run_suite(forger.dsn, workers=2)
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": Status.FAIL}
    assert verification.survey is not None
    assert verification.survey.head_hash == entry_hash(entries[-1])


def test_a_timestamp_column_without_time_zone_hashes_as_utc(forger: Forger) -> None:
    forger.build(50).unguarded("ALTER TABLE ledger_entries ALTER COLUMN timestamp TYPE timestamp without time zone")
    forger.run(f"ALTER DATABASE {this_database(forger)} SET timezone = 'America/New_York'")
    verification = run_suite(forger.dsn)
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": Status.FAIL}
    assert outcomes(verification)["table_guard"].codes == {"COLUMN_RETYPED": 1}


SPELLINGS = {
    "timestamp": ["timestamptz(6)", "moment", "timestamptz(3)", "timestamp(6)", "coarse"],
    "sequence_number": ["number"],
    "entry_hash": ["varchar(64)", "varchar(80)", "words"],
    "reasoning": ["varchar", "words"],
}
"""Types that a ledger of whole milliseconds can have."""


@pytest.mark.parametrize(("column", "type_name"), [(name, one) for name, types in SPELLINGS.items() for one in types])
def test_another_spelling_of_a_type_is_read_as_the_type(forger: Forger, column: str, type_name: str) -> None:
    rounded = (
        replace(one, timestamp=re.sub(r"(\.\d{3})\d{3}", r"\g<1>000", one.timestamp)) for one in sample_entries(50)
    )
    forger.build(entries=list(chained(rounded)))
    forger.run(
        "CREATE DOMAIN moment AS timestamptz(6) CHECK (value > '1970-01-01'); CREATE DOMAIN coarse AS timestamptz(3);"
        "CREATE DOMAIN number AS bigint; CREATE DOMAIN words AS text"
    )
    forger.unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN {column} TYPE {type_name}")
    verification = run_suite(forger.dsn, workers=2)
    expected = {"timestamptz(3)": Status.WARN, "coarse": Status.WARN, "timestamp(6)": Status.FAIL}
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": expected.get(type_name, Status.PASS)}


def test_digits_that_a_retyped_timestamp_lost_are_found_by_its_hash(forger: Forger) -> None:
    forger.build(50).unguarded("ALTER TABLE ledger_entries ALTER COLUMN timestamp TYPE timestamptz(3)")
    results = outcomes(run_suite(forger.dsn))
    assert results["entry_hash"].status is Status.FAIL
    assert results["table_guard"].codes == {"COLUMN_RETYPED": 1}
    assert results["timestamp_order"].status is Status.PASS


@pytest.mark.parametrize("type_name", ["text", "numeric", "double precision"])
def test_sequence_numbers_that_are_no_integers_give_no_order(forger: Forger, type_name: str) -> None:
    forger.build(50).unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN sequence_number TYPE {type_name}")
    results = outcomes(run_suite(forger.dsn))
    for fold in FOLDS:
        assert results[fold].status is Status.ERROR
        assert f"the column sequence_number is {type_name}, so entries have no order" in results[fold].reason


@pytest.mark.parametrize("type_name", ["smallint", "integer"])
def test_shorter_integers_are_read_and_the_guard_tells_of_them(forger: Forger, type_name: str) -> None:
    forger.build(50).unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN sequence_number TYPE {type_name}")
    assert core_statuses(run_suite(forger.dsn)) == {**ALL_PASS, "table_guard": Status.FAIL}


@pytest.mark.parametrize("column", HASHED)
def test_without_a_hashed_column_the_hash_cannot_be_evaluated_and_the_rest_can(forger: Forger, column: str) -> None:
    forger.build(50).run(f'ALTER TABLE ledger_entries DROP COLUMN "{column}"')
    verification = run_suite(forger.dsn)
    results = outcomes(verification)
    also = {"previous_hash": "chain_linkage", "timestamp": "timestamp_order", "verdict": "verdict_taxonomy"}
    unreadable = {"entry_hash", also.get(column, "entry_hash")}
    assert {fold for fold in FOLDS if results[fold].status is Status.ERROR} == unreadable
    assert {fold for fold in FOLDS if results[fold].status is Status.PASS} == set(FOLDS) - unreadable
    for fold in unreadable:
        assert f"the column {column} is missing" in results[fold].reason
    assert ("COLUMN_MISSING", None) in found(results["table_guard"])
    assert verification.assurance is Assurance.TAMPERED


def test_without_sequence_numbers_nothing_can_be_read(forger: Forger) -> None:
    forger.build(50).run("ALTER TABLE ledger_entries DROP COLUMN sequence_number")
    results = outcomes(run_suite(forger.dsn))
    assert {results[fold].status for fold in FOLDS} == {Status.ERROR}
    assert all("the column sequence_number is missing" in results[fold].reason for fold in FOLDS)


@pytest.mark.parametrize(("allow_empty", "status"), [(False, Status.ERROR), (True, Status.SKIP)])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_empty_ledger_is_never_a_pass(forger: Forger, workers: int, allow_empty: bool, status: Status) -> None:
    verification = run_suite(forger.build(0).dsn, allow_empty=allow_empty, workers=workers)
    assert core_statuses(verification) == {**dict.fromkeys(FOLDS, status), **dict.fromkeys(GUARDS, Status.PASS)}
    assert verification.assurance is Assurance.UNVERIFIED


def test_what_a_run_was_given_outweighs_the_parameters_of_a_check(forger: Forger) -> None:
    dsn = forger.build(10).dsn
    probed = run_check(dsn, "append_only", {"probe": False}, run_parameters={"append_only": {"probe": True}})
    others = run_check(dsn, "append_only", {"probe": False}, run_parameters={"table_guard": {"probe": True}})
    assert [name for name in probed.facts if name.startswith("probe")] == ["probe UPDATE", "probe DELETE"]
    assert [name for name in others.facts if name.startswith("probe")] == []
