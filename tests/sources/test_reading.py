"""Reading a ledger from a real server: whatever its settings, content and state, and whoever reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.kinds.kind import CatalogKind
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.questions import Catalog
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.checks import (
    ALONE,
    FOLDS,
    SEVERAL,
    Readers,
    both,
    check,
    core_statuses,
    found,
    outcomes,
    run_check,
    run_suite,
    told,
    verify_checks,
)
from tests.support.databases import build_partitioned, empty_database, login, role
from tests.support.readings import ALL_PASS, assert_clean, assert_unread, this_database
from tests.support.rows import chained

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


@both
def test_bytes_that_are_no_text_are_a_finding_at_their_entry(server: str, readers: Readers, tmp_path: Path) -> None:
    with empty_database(server, "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'") as dsn:
        with Forger(dsn) as forger:
            forger.build(20).unguarded(r"UPDATE ledger_entries SET reasoning = E'\xff\xfe' WHERE sequence_number = 7")
        verification = run_suite(dsn, **readers)
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


@both
def test_a_partitioned_ledger_is_read_as_one(forger: Forger, readers: Readers) -> None:
    build_partitioned(forger, 300, 51, 52, 200)
    assert_clean(run_suite(forger.dsn, **readers), 300)


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
    one, two, three = (run_suite(forger.dsn, **who, samples=7) for who in (ALONE, {"workers": 2}, SEVERAL))
    assert one.assurance is Assurance.TAMPERED
    assert all(outcome.unexpected_count > 1 for outcome in one.outcomes if outcome.kind in FOLDS[:4])
    assert two.outcomes == one.outcomes
    assert three.outcomes == one.outcomes
    assert two.survey == one.survey
    assert three.survey == one.survey


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


def test_what_a_run_was_given_outweighs_the_parameters_of_a_check(forger: Forger) -> None:
    dsn = forger.build(10).dsn
    probed = run_check(dsn, "append_only", {"probe": False}, run_parameters={"append_only": {"probe": True}})
    others = run_check(dsn, "append_only", {"probe": False}, run_parameters={"table_guard": {"probe": True}})
    assert [name for name in probed.facts if name.startswith("probe")] == ["probe UPDATE", "probe DELETE"]
    assert [name for name in others.facts if name.startswith("probe")] == []
