"""A live database that lies: tables exchanged meanwhile, switches of the catalog, what makes the planner miss rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.outcome import Assurance, Severity, Status
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.selection import Selection
from tests.forger import Forger
from tests.support.checks import by_id, outcomes, run_check, run_suite, run_text, told
from tests.support.command import start
from tests.support.databases import empty_database
from tests.support.replication import standby_of
from tests.support.waiting import until

ENTRIES = 100
KEY = SigningKey.generate("test")

COPIED_ELSEWHERE = """
    CREATE SCHEMA hidden;
    CREATE TABLE hidden.edited (LIKE public.ledger_entries INCLUDING ALL);
    INSERT INTO hidden.edited SELECT * FROM public.ledger_entries;
    UPDATE hidden.edited SET verdict = 'CLEAR' WHERE verdict = 'FLAG';
"""
REPLAYED_OR_CONFLICTING = """
    SELECT pg_last_wal_replay_lsn() >= lsn
        OR pg_last_wal_receive_lsn() >= lsn AND wait_event IS DISTINCT FROM 'RecoveryWalStream'
    FROM pg_stat_activity, (SELECT %s::pg_lsn AS lsn) written WHERE backend_type = 'startup'
"""
"""Whether a standby replayed its WAL up to here, or waits for a session that cannot end before its client reads on."""
SELECT_RULE = """
    CREATE VIEW hidden.shown AS SELECT * FROM hidden.edited;
    INSERT INTO pg_rewrite (oid, rulename, ev_class, ev_type, ev_enabled, is_instead, ev_qual, ev_action)
    SELECT 999999, '_RETURN', 'public.ledger_entries'::regclass, ev_type, ev_enabled, is_instead, ev_qual, ev_action
    FROM pg_rewrite WHERE ev_class = 'hidden.shown'::regclass;
    UPDATE pg_class SET relhasrules = true WHERE oid = 'public.ledger_entries'::regclass;
"""


@pytest.fixture
def ledger(server: str) -> Iterator[Forger]:
    """A ledger in a database of its own: what a superuser does to the catalog cannot be undone."""
    with empty_database(server) as dsn, Forger(dsn) as forger:
        yield forger.build(ENTRIES)


def set_for_the_database(ledger: Forger, setting: str) -> None:
    ((name,),) = ledger.run("SELECT current_database()")
    ledger.run(f"ALTER DATABASE {name} SET {setting}")


def nothing(_: object) -> None:
    """Take a batch, and keep nothing of it."""


@pytest.mark.parametrize(
    "reading",
    [lambda one: one.scan(["verdict"], Segment(), nothing), lambda one: one.select(["verdict"], Selection(), nothing)],
)
def test_a_rule_that_shows_another_table_after_the_snapshot_was_taken_is_refused(
    ledger: Forger, reading: Callable[..., None]
) -> None:
    ledger.run(COPIED_ELSEWHERE)
    with PostgresSource(ledger.dsn).snapshot() as snapshot:
        ledger.run(SELECT_RULE)
        with pytest.raises(SourceError, match=r"would read public\.ledger_entries through .*, not from the table"):
            reading(snapshot)


def test_a_table_that_is_read_cannot_be_moved_meanwhile(ledger: Forger) -> None:
    with PostgresSource(ledger.dsn).snapshot(), pytest.raises(Exception, match="lock timeout"):
        ledger.run("SET lock_timeout = '200ms'; ALTER TABLE public.ledger_entries RENAME TO another")


def test_a_schema_that_is_exchanged_meanwhile_is_noticed(ledger: Forger) -> None:
    """Renaming a schema locks none of its tables."""
    ledger.run("CREATE SCHEMA spare; CREATE TABLE spare.ledger_entries (LIKE public.ledger_entries INCLUDING ALL)")
    with PostgresSource(ledger.dsn).snapshot() as snapshot:
        ledger.run("ALTER SCHEMA public RENAME TO before; ALTER SCHEMA spare RENAME TO public")
        with pytest.raises(SourceError, match=r"Another table took the name public\.ledger_entries"):
            snapshot.scan(["verdict"], Segment(), nothing)
        assert snapshot.changed() == "another table has its name"


def test_a_definition_that_changes_during_the_run_makes_a_pass_uncertain_and_a_failure_stays(
    ledger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.unguarded("UPDATE ledger_entries SET telemetry_id = 'another' WHERE sequence_number = 50")
    with PostgresSource(ledger.dsn).snapshot() as snapshot:
        ledger.run("CREATE INDEX meanwhile ON ledger_entries (verdict)")
        assert snapshot.changed() == "index meanwhile"
        verification = run_suite(ledger.dsn, shared=snapshot.share())
    found = outcomes(verification)
    assert found["entry_hash"].status is Status.FAIL
    assert found["chain_linkage"].status is Status.ERROR
    assert "The table's definition changed during the run (index meanwhile)" in found["chain_linkage"].reason
    assert verification.assurance is Assurance.TAMPERED


SWITCHES = {
    "relhastriggers": "UPDATE pg_class SET relhastriggers = false WHERE oid = 'public.ledger_entries'::regclass",
    "relhasindex": "UPDATE pg_class SET relhasindex = false WHERE oid = 'public.ledger_entries'::regclass",
    "relchecks": "UPDATE pg_class SET relchecks = 0 WHERE oid = 'public.ledger_entries'::regclass",
    "attisdropped": (
        "UPDATE pg_attribute SET attisdropped = true "
        "WHERE attrelid = 'public.ledger_entries'::regclass AND attname = 'escalation_notes'"
    ),
    "attnotnull": (
        "UPDATE pg_attribute SET attnotnull = false "
        "WHERE attrelid = 'public.ledger_entries'::regclass AND attname = 'id'"
    ),
    "indisunique, indisprimary, indimmediate": (
        "UPDATE pg_index SET indisunique = false "
        "WHERE indrelid = 'public.ledger_entries'::regclass AND NOT indisprimary AND indisunique"
    ),
    "tgisinternal": "UPDATE pg_trigger SET tgisinternal = true WHERE tgname = 'ledger_refuse_update'",
    "tgconstraint": (
        "CREATE FUNCTION swallows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; "
        "CREATE TRIGGER hidden BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION swallows(); "
        "UPDATE pg_trigger SET tgisinternal = true, tgconstraint = ("
        "SELECT max(oid::bigint) FROM pg_constraint WHERE contype = 'u' "
        "AND conrelid = 'public.ledger_entries'::regclass)::oid WHERE tgname = 'hidden'"
    ),
    "lanplcallfoid": "UPDATE pg_language SET lanplcallfoid = 'fmgr_sql_validator'::regproc WHERE lanname = 'plpgsql'",
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_of_the_catalog_that_contradicts_its_objects_is_found(ledger: Forger, switch: str) -> None:
    ledger.run(SWITCHES[switch])
    outcome = run_check(ledger.dsn, "table_guard")
    assert outcome.status is Status.FAIL
    found = [finding.message for finding in outcome.findings if finding.code == "CATALOG_CONTRADICTION"]
    assert any(f"the catalog's {switch} of " in message for message in found), told(outcome)


def test_switches_that_stay_on_after_a_drop_are_no_contradiction(ledger: Forger) -> None:
    ledger.run("CREATE INDEX spare ON ledger_entries (verdict); DROP INDEX spare")
    ledger.run("CREATE RULE spare AS ON INSERT TO ledger_entries DO ALSO NOTHING; DROP RULE spare ON ledger_entries")
    ledger.run("VACUUM ledger_entries")
    assert run_check(ledger.dsn, "table_guard").status is Status.PASS


LYING_CHECK = """
    ALTER TABLE ledger_entries ADD CONSTRAINT no_early_flag CHECK (verdict <> 'FLAG' OR sequence_number > 90) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'no_early_flag'
"""
FLAGS = """
version: 1
checks:
  - id: flags
    expect: expression_is_true
    expression: verdict <> 'FLAG'
    where: verdict = 'FLAG' AND sequence_number <= 90
"""


def test_a_constraint_that_is_not_true_hides_nothing_from_a_query_check(ledger: Forger, tmp_path: Path) -> None:
    honest = by_id(run_text(tmp_path, ledger.dsn, FLAGS))["flags"]
    assert honest.status is Status.FAIL
    ledger.run(LYING_CHECK)
    set_for_the_database(ledger, "constraint_exclusion = on")
    fooled = by_id(run_text(tmp_path, ledger.dsn, FLAGS))["flags"]
    assert (fooled.status, fooled.unexpected_count) == (Status.FAIL, honest.unexpected_count)


LYING_INDEX = """
    CREATE INDEX by_verdict ON ledger_entries (verdict);
    CREATE TEMP TABLE kept AS SELECT * FROM ledger_entries WHERE verdict = 'FLAG' ORDER BY sequence_number LIMIT 1;
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'by_verdict'::regclass;
    DELETE FROM ledger_entries WHERE sequence_number IN (SELECT sequence_number FROM kept);
    INSERT INTO ledger_entries SELECT * FROM kept;
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'by_verdict'::regclass
"""


def test_an_index_that_lacks_an_entry_hides_it_from_no_query_check_and_no_export(
    ledger: Forger, tmp_path: Path
) -> None:
    before = by_id(run_text(tmp_path, ledger.dsn, FLAGS))["flags"].unexpected_count
    flags = len(list(Ledger(ledger.dsn).export_entries(verdict_filter="FLAG")))
    ledger.unguarded(*LYING_INDEX.split(";"))
    set_for_the_database(ledger, "enable_seqscan = off")
    assert by_id(run_text(tmp_path, ledger.dsn, FLAGS))["flags"].unexpected_count == before
    assert len(list(Ledger(ledger.dsn).export_entries(verdict_filter="FLAG"))) == flags


def test_a_generated_column_is_found(ledger: Forger) -> None:
    ledger.run(
        "ALTER TABLE ledger_entries DROP COLUMN escalation_notes; "
        "ALTER TABLE ledger_entries ADD COLUMN escalation_notes text GENERATED ALWAYS AS (lower(verdict)) STORED"
    )
    outcome = run_check(ledger.dsn, "table_guard")
    assert [finding.code for finding in outcome.findings] == ["COLUMN_GENERATED"]


def test_another_table_with_the_columns_of_a_ledger_is_always_reported(ledger: Forger) -> None:
    ledger.run(COPIED_ELSEWHERE)
    ledger.run("CREATE VIEW hidden.shown AS SELECT * FROM hidden.edited")
    outcome = run_check(ledger.dsn, "table_guard")
    assert outcome.status is Status.WARN
    assert [(finding.code, finding.severity) for finding in outcome.findings] == [
        ("OTHER_LEDGER", Severity.WARNING)
    ] * 2
    assert outcome.findings[0].message == "the table hidden.edited also has the columns of a ledger, and 100 entries"
    assert outcome.findings[1].message == "the view hidden.shown also has the columns of a ledger"


SWAPPED = """
    ALTER TABLE public.ledger_entries SET SCHEMA kept;
    ALTER TABLE hidden.ledger_entries SET SCHEMA public
"""
BACK = """
    ALTER TABLE public.ledger_entries SET SCHEMA hidden;
    ALTER TABLE kept.ledger_entries SET SCHEMA public
"""


def test_a_table_that_was_exchanged_and_put_back_is_noticed_by_a_checkpoint_made_before(
    ledger: Forger, tmp_path: Path
) -> None:
    trust = [str(KEY.verifier())]
    with Ledger(ledger.dsn) as api:
        assert api.create_checkpoint(tmp_path, KEY).path
        assert api.verify_integrity(checkpoints=[tmp_path], verifier_keys=trust).assurance is Assurance.ANCHORED
        ledger.run(
            "CREATE SCHEMA kept; CREATE SCHEMA hidden; CREATE TABLE hidden.ledger_entries (LIKE public.ledger_entries)"
        )
        ledger.run(SWAPPED)
        ledger.run(BACK)
        ledger.run("DROP SCHEMA hidden CASCADE")
        verification = api.verify_integrity(checkpoints=[tmp_path], verifier_keys=trust)
        guards = outcomes(verification)["checkpoint_guards"]
        assert [finding.code for finding in guards.findings] == ["TABLE_REWRITTEN"]
        assert guards.status is Status.FAIL
        assert verification.assurance is Assurance.UNVERIFIED
        ledger.append(islice(sample_entries(ENTRIES + 1), ENTRIES, None))
        assert api.create_checkpoint(tmp_path, KEY, accept_guards=True).path
        assert api.verify_integrity(checkpoints=[tmp_path], verifier_keys=trust).assurance is Assurance.ANCHORED


@pytest.mark.parametrize(
    "innocent", ["ANALYZE ledger_entries", "VACUUM ledger_entries", "VACUUM FREEZE ledger_entries"]
)
def test_maintenance_of_the_table_is_no_finding(ledger: Forger, tmp_path: Path, innocent: str) -> None:
    trust = [str(KEY.verifier())]
    with Ledger(ledger.dsn) as api:
        assert api.create_checkpoint(tmp_path, KEY).path
        ledger.run(innocent)
        assert api.verify_integrity(checkpoints=[tmp_path], verifier_keys=trust).assurance is Assurance.ANCHORED


LYING_NOT_NULL = """
    ALTER TABLE ledger_entries ALTER COLUMN track DROP NOT NULL;
    UPDATE ledger_entries SET track = NULL WHERE sequence_number = 7;
    UPDATE pg_attribute SET attnotnull = true
    WHERE attrelid = 'public.ledger_entries'::regclass AND attname = 'track'
"""


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (LYING_CHECK, "entries contradict the constraint no_early_flag, which the server takes as valid"),
        (
            LYING_NOT_NULL,
            "1 entries contradict the constraint NOT NULL on track, which the server takes as valid",
        ),
    ],
)
def test_a_constraint_that_is_not_true_is_found(ledger: Forger, lie: str, words: str) -> None:
    ledger.unguarded(*lie.split(";"))
    found = {finding.code: finding.message for finding in run_check(ledger.dsn, "table_guard").findings}
    assert found["CONSTRAINT_UNTRUE"].endswith(words)


def test_a_constraint_with_code_of_its_own_is_not_run(ledger: Forger) -> None:
    ledger.run(
        "CREATE FUNCTION boom(text) RETURNS boolean LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'it ran'; END $$; "
        "ALTER TABLE ledger_entries ADD CONSTRAINT own CHECK (boom(verdict)) NOT VALID;"
        "UPDATE pg_constraint SET convalidated = true WHERE conname = 'own'"
    )
    assert run_check(ledger.dsn, "table_guard").status is Status.PASS


@pytest.fixture
def standby(server: str, ledger: Forger, request: pytest.FixtureRequest) -> Iterator[Forger]:
    """A standby of the server of the ledger, connected to it, with all that was written so far."""
    if request.config.getoption("--test-dsn"):
        pytest.skip("only of the embedded server are there programs to run a standby with")
    with standby_of(server, ledger) as found:
        yield found


def test_a_standby_is_reported_and_one_that_is_paused_or_late_is_not_verified(ledger: Forger, standby: Forger) -> None:
    current = run_suite(standby.dsn)
    assert current.assurance is Assurance.SELF_CONSISTENT
    assert current.reading == "Read from a standby 0 s behind its primary."
    standby.run("SELECT pg_wal_replay_pause()")
    until(lambda: standby.run("SELECT pg_is_wal_replay_paused()") == [(True,)])
    paused = run_suite(standby.dsn)
    assert paused.assurance is Assurance.UNVERIFIED
    assert "The server is a standby whose replay is paused" in outcomes(paused)["entry_hash"].reason
    standby.run("SELECT pg_wal_replay_resume()")
    assert run_suite(standby.dsn).is_valid
    ledger.run("CREATE TABLE written_later ()")
    until(lambda: standby.run("SELECT to_regclass('written_later') IS NOT NULL") == [(True,)])
    standby.run("ALTER SYSTEM SET primary_conninfo = ''", None)
    standby.run("SELECT pg_reload_conf()")
    until(lambda: standby.run("SELECT count(*) FROM pg_stat_get_wal_receiver() r WHERE r.pid IS NOT NULL") == [(0,)])
    time.sleep(1.1)
    late = run_suite(standby.dsn, standby_tolerance_s=1)
    assert late.assurance is Assurance.UNVERIFIED
    assert "behind its primary, so what it shows is an old ledger" in outcomes(late)["entry_hash"].reason
    assert run_suite(standby.dsn, standby_tolerance_s=3600).is_valid
    for tolerance, assurance, code in (("1s", Assurance.UNVERIFIED, 3), ("1h", Assurance.SELF_CONSISTENT, 0)):
        assert Ledger(standby.dsn).verify_integrity(standby_tolerance=tolerance).assurance is assurance
        done = start("verify", "--source", standby.dsn, "--standby-tolerance", tolerance)
        assert done.returncode == code, done.stdout


@pytest.mark.parametrize("moment", ["idle", "reading"])
def test_a_run_that_conflicts_with_the_replay_of_a_standby_is_tried_again_once(
    ledger: Forger, standby: Forger, moment: str
) -> None:
    """The replay of a VACUUM removes what the snapshot sees: it ends idle sessions, and cancels statements."""
    ledger.append(islice(sample_entries(20_000), ENTRIES, None))  # more than fits between server and client
    standby.run("ALTER SYSTEM SET max_standby_streaming_delay = 0", None)
    standby.run("SELECT pg_reload_conf()")
    until(lambda: standby.run("SELECT count(*) FROM ledger_entries") == [(20_000,)])
    ledger.run("CREATE TABLE scratch (x integer)")
    attempts: list[int] = []

    def vacuumed() -> list[tuple[object, ...]]:
        ledger.run("VACUUM scratch")
        return ledger.run("SELECT pg_relation_size('scratch')")

    def conflict() -> None:
        # one transaction each: a row that was deleted by the transaction that wrote it conflicts with nothing
        ledger.run("INSERT INTO scratch VALUES (1)")
        ledger.run("DELETE FROM scratch")
        until(lambda: vacuumed() == [(0,)])  # not while an ANALYZE of autovacuum may still see the row
        ((written,),) = ledger.run("SELECT pg_current_wal_lsn()::text")
        until(lambda: standby.run(REPLAYED_OR_CONFLICTING, (written,)) == [(True,)])

    def progress_with(conflicts: int) -> Progress:
        @contextmanager
        def progress(total: int | None, unit: str = "", /) -> Iterator[Advance]:
            attempts.append(0)
            if moment == "idle" and len(attempts) <= conflicts:
                conflict()

            def advance(entries: int) -> None:
                if moment == "reading" and len(attempts) <= conflicts and not attempts[-1]:
                    attempts[-1] = 1
                    conflict()

            yield advance

        return progress

    again = run_suite(standby.dsn, progress=progress_with(1))
    assert again.assurance is Assurance.SELF_CONSISTENT, [outcome.reason for outcome in again.outcomes]
    assert len(attempts) == 2
    attempts.clear()
    never = run_suite(standby.dsn, progress=progress_with(9))
    assert never.assurance is Assurance.UNVERIFIED
    assert len(attempts) == 2
    reason = outcomes(never)["entry_hash"].reason
    if moment == "reading":
        assert "conflicts with the replay of a standby" in reason
        assert "verify the primary, or set hot_standby_feedback = on" in reason
    else:  # psycopg2 does not always see why the server ended the connection
        assert "conflicts with the replay of a standby" in reason or "The connection was lost" in reason
