"""The ledger that attacks write to: it puts back what it switches off, and keeps what it does not mean to change."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pytest_audit_ledger.attacks import SourceError, Target
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, listed
from pytest_audit_ledger.scratch.superuser import Superuser
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import found, outcomes, run_suite
from tests.support.databases import build_partitioned
from tests.support.provenance import build_signed

OF_THEIR_OWN = """
    CREATE FUNCTION "their own"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$;
    CREATE TRIGGER "A; B" BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION "their own"();
    CREATE TRIGGER "in replicas" BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION "their own"();
    CREATE TRIGGER "never" BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION "their own"();
    ALTER TABLE ledger_entries ENABLE REPLICA TRIGGER "in replicas", DISABLE TRIGGER "never";
"""


def states(ledger: ScratchLedger) -> dict[tuple[str, str], str]:
    return {(row["relation"], row["name"]): row["enabled"] for row in ledger.triggers()}


def test_every_trigger_is_switched_back_to_the_state_it_was_in(forger: Forger) -> None:
    forger.build(5).run(OF_THEIR_OWN)
    before = states(forger)
    assert set(before.values()) == {"A", "O", "R", "D"}
    with forger.guards_down():
        assert set(states(forger).values()) == {"D"}
        with forger.guards_down():
            pass
        assert set(states(forger).values()) == {"D"}
    assert states(forger) == before


def test_the_triggers_of_partitions_are_switched_back_each_by_itself(forger: Forger) -> None:
    build_partitioned(forger, 20, 10).run("ALTER TABLE ONLY part_2 DISABLE TRIGGER ledger_refuse_update")
    before = states(forger)
    forger.store([3, 15], reasoning="nothing to see")
    assert states(forger) == before
    assert set(before.values()) == {"A", "D"}


def test_the_guards_are_up_again_after_a_change_that_was_refused(forger: Forger) -> None:
    before = states(forger.build(5))
    with pytest.raises(SourceError, match="violates check constraint"):
        forger.store([3], verdict="MAYBE")
    assert states(forger) == before


def test_a_change_that_becomes_another_one_is_no_change_that_was_made(forger: Forger) -> None:
    forger.build(5).run("CREATE RULE quiet AS ON UPDATE TO ledger_entries DO INSTEAD NOTHING")
    with pytest.raises(SourceError, match="changed 0 rows of the ledger instead of 1"):
        forger.store([3], reasoning="nothing to see")


def without_findings(verification: Verification) -> bool:
    return not [one for outcome in verification.outcomes for one in outcome.findings if one.severity is None]


def test_a_rewrite_keeps_what_is_beside_the_entries(forger: Forger) -> None:
    build_signed(forger)
    kept = [name for name in forger.columns() if name not in ("previous_hash", "entry_hash", "rule_id")]
    statement = forger.statement("SELECT {kept} FROM {ledger} ORDER BY sequence_number", kept=listed(kept))
    before = forger.run(statement)
    forger.rewrite(50, lambda entry: replace(entry, rule_id="none"))
    assert forger.run(statement) == before
    assert without_findings(run_suite(forger.dsn))


def test_numbers_move_without_meeting_each_other(forger: Forger) -> None:
    forger.build(30)
    for first, by in ((10, 1), (11, -1), (1, 5), (6, -5), (30, 1000)):
        forger.renumber(first, by)
    numbers = [entry.sequence_number for entry in forger.entries()]
    assert numbers == [*range(1, 30), 1030]


def test_a_long_ledger_is_rewritten_in_a_moment(forger: Forger) -> None:
    forger.build(5000)
    start = time.process_time()
    forger.rewrite(1, lambda entry: replace(entry, reasoning="nothing to see"))
    assert time.process_time() - start < 5
    verification = run_suite(forger.dsn)
    assert (verification.assurance, verification.total_entries) == (Assurance.SELF_CONSISTENT, 5000)


def test_a_row_that_is_like_another_takes_along_every_column_but_its_id(forger: Forger) -> None:
    build_signed(forger, 10).run("ALTER TABLE ledger_entries ADD tenant text NOT NULL DEFAULT 'one'")
    forger.run("ALTER TABLE ledger_entries ADD length int GENERATED ALWAYS AS (length(track)) STORED")
    forger.store([10], tenant="two")
    forger.insert_like(10, sequence_number=11, entry_hash="f" * 64)
    CATALOGUE["entry-in-a-child-table"].perform(Target(forger, 5))
    old, new = forger.row(10), forger.row(11)
    assert {name for name in old if old[name] != new[name]} == {"id", "sequence_number", "entry_hash"}


def test_what_postgresql_refuses_and_a_server_that_is_not_there_are_told_without_a_password(forger: Forger) -> None:
    with pytest.raises(SourceError, match="syntax error"):
        forger.run("NONSENSE")
    with pytest.raises(SourceError, match=r"There is no table public\.elsewhere"):
        ScratchLedger(forger.dsn, "elsewhere").columns()
    with pytest.raises(SourceError) as caught:
        ScratchLedger("postgresql://somebody:secret@127.0.0.1:1/nowhere")
    assert "secret" not in str(caught.value)


def test_what_is_not_there_to_be_tampered_with_is_told(forger: Forger) -> None:
    forger.build(5).delete(3, 3)
    for ask in (forger.entry, forger.row):
        with pytest.raises(SourceError, match="The ledger has no entry 3"):
            ask(3)
    forger.store([4], timestamp="0044-03-15 BC")
    with pytest.raises(SourceError, match="Entry 4 has no hash: its timestamp 0044-03-15"):
        forger.relink(1)
    forger.unguarded("DELETE FROM ledger_entries")
    with pytest.raises(SourceError, match="The ledger has no entries"):
        forger.bounds()


def test_a_superuser_gives_back_what_it_lent(forger: Forger) -> None:
    superuser = Superuser(forger.build(5).database)
    role = "SELECT pg_catalog.current_setting('session_replication_role')"
    with superuser.replica_sessions(forger), forger.another() as replica:
        assert replica.run(role) == [("replica",)]
    with forger.another() as session:
        assert session.run(role) == [("origin",)]
    ready = "SELECT DISTINCT indisready FROM pg_catalog.pg_index WHERE indrelid = %s"
    with superuser.blind_indexes(forger):
        assert forger.run(ready, (forger.oid(),)) == [(False,)]
    assert forger.run(ready, (forger.oid(),)) == [(True,)]


def test_an_entry_that_an_index_hides_is_told_until_the_index_is_made_anew(forger: Forger) -> None:
    forger.build(100)
    with Superuser(forger.database).blind_indexes(forger):
        forger.insert_like(100, sequence_number=101, entry_hash="f" * 64)
    verification = run_suite(forger.dsn)
    outcome = outcomes(verification)["sequence_continuity"]
    assert (verification.total_entries, found(outcome)) == (100, [("ENTRIES_HIDDEN", None)])
    assert outcome.findings[0].message.startswith("the table has 101 entries, but its index on sequence_number ")
    forger.run("REINDEX TABLE ledger_entries")
    repaired = run_suite(forger.dsn)
    assert (repaired.total_entries, found(outcomes(repaired)["sequence_continuity"])) == (101, [])
