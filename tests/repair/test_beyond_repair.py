"""What no repair may do is left as it is, and told of with what to do."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.repair import RepairPlan
from pytest_audit_ledger.repair.plan import ADVICE
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import GUARDS, core_statuses, outcomes, run_suite
from tests.support.databases import build_partitioned, needs_version
from tests.support.repairs import (
    LAX,
    OPERATIONS,
    TABLE,
    assert_guarded,
    planned,
    repair,
    words,
)

UNPROVABLE = {
    "duplicates": (
        [f"{TABLE} DROP CONSTRAINT ledger_entries_sequence_number_key"],
        "UPDATE ledger_entries SET sequence_number = 2 WHERE sequence_number = 3",
        "UNIQUE (sequence_number): 1 value occurs more than once (sequence number 2); compare",
    ),
    "many duplicates": (
        [f"{TABLE} DROP CONSTRAINT ledger_entries_entry_hash_key"],
        "UPDATE ledger_entries SET entry_hash = (sequence_number / 2)::text",
        "UNIQUE (entry_hash): 9 values occur more than once (sequence number 2, 4, 6, 8, 10, …); compare",
    ),
    "duplicate ids": (
        [f"{TABLE} DROP CONSTRAINT ledger_entries_pkey"],
        "UPDATE ledger_entries SET id = 3 WHERE sequence_number > 18",
        "PRIMARY KEY (id): 1 value occurs more than once (sequence number 3); compare",
    ),
    "foreign verdicts": (
        [f"{TABLE} DROP CONSTRAINT ledger_entries_verdict_check"],
        "UPDATE ledger_entries SET verdict = 'MAYBE' WHERE sequence_number IN (4, 7)",
        (
            "CHECK on verdict (one of CLEAR, FLAG, NULL_UNMAPPED, NULL_STALE, DISCRETIONARY): "
            "2 entries have another value (sequence number 4, 7); compare"
        ),
    ),
    "NULLs": (
        [f"{TABLE} ALTER telemetry_id DROP NOT NULL"],
        "UPDATE ledger_entries SET telemetry_id = NULL WHERE sequence_number = 5",
        "NOT NULL on telemetry_id: 1 entry has no value (sequence number 5); compare",
    ),
}


@pytest.mark.parametrize("how", UNPROVABLE)
def test_a_constraint_that_entries_break_is_not_planned(forger: Forger, how: str) -> None:
    drops, change, expected = UNPROVABLE[how]
    for statement in drops:
        forger.build(19).run(statement)
    forger.unguarded(change)
    made = repair(forger)
    assert (made.steps, len(made.impossible)) == ((), 1)
    assert made.impossible[0].startswith(expected), made.impossible


def test_a_key_that_a_partition_of_a_partition_makes_impossible_is_told_of(forger: Forger) -> None:
    build_partitioned(forger, 0).run(
        f"""
        {TABLE} DROP CONSTRAINT one_hash, DROP CONSTRAINT ledger_entries_pkey;
        {TABLE} DROP CONSTRAINT ledger_entries_sequence_number_key;
        DROP TABLE part_1;
        CREATE TABLE part_1 PARTITION OF ledger_entries DEFAULT PARTITION BY LIST (verdict)
        """
    )
    reason = "a partition is itself partitioned by verdict, which the key would have to include"
    assert [told.partition(";")[0] for told in planned(forger).impossible] == [
        f"{key}: {reason}"
        for key in (
            "PRIMARY KEY (id, sequence_number)",
            "UNIQUE (sequence_number)",
            "UNIQUE (entry_hash, sequence_number)",
        )
    ]


def test_a_check_that_is_not_enforced_is_not_the_one(ledger: Forger) -> None:
    needs_version(ledger, 18, "NOT ENFORCED")
    ledger.run(f"{TABLE} ALTER verdict DROP NOT NULL, DROP CONSTRAINT ledger_entries_verdict_check")
    ledger.run(f"{TABLE} ADD CONSTRAINT ledger_entries_verdict_check CHECK (verdict IN ('CLEAR')) NOT ENFORCED")
    ledger.run(f"{TABLE} ADD CONSTRAINT later NOT NULL verdict NOT VALID")
    assert [what.partition(" for ")[0] for what in words(repair(ledger))] == [
        "validate NOT NULL on verdict",
        "restore CHECK on verdict",
        "validate CHECK on verdict",
    ]
    assert_guarded(ledger)


def test_another_primary_key_is_left_alone(ledger: Forger) -> None:
    ledger.run(f"{TABLE} DROP CONSTRAINT ledger_entries_pkey, ADD CONSTRAINT mine PRIMARY KEY (sequence_number)")
    made = repair(ledger)
    assert made == RepairPlan((), ("PRIMARY KEY (id): the table has another primary key, mine; replace it by hand",))


BEYOND = {
    "a view": (f"{TABLE} RENAME TO hidden; CREATE VIEW ledger_entries AS SELECT * FROM hidden", "a view, which can"),
    "a policy": (f"{TABLE} ENABLE ROW LEVEL SECURITY", "row-level security is enabled (no policy)"),
    "a rule": ("CREATE RULE r AS ON UPDATE TO ledger_entries DO ALSO SELECT 1", "rewrite rules (r)"),
    "a child table": ("CREATE TABLE child () INHERITS (ledger_entries)", "child tables (public.child)"),
    "a missing column": (f"{TABLE} DROP COLUMN verdict CASCADE", "the column verdict is missing"),
    "a retyped column": (f"{TABLE} ALTER reasoning TYPE varchar(2000)", "the column reasoning has a different type"),
    "a generated column": (
        f"{TABLE} DROP escalation_notes, ADD escalation_notes text GENERATED ALWAYS AS (verdict) STORED",
        "the column escalation_notes is generated",
    ),
    "not logged": (f"{TABLE} SET UNLOGGED", "public.ledger_entries is UNLOGGED"),
}


@pytest.mark.parametrize("how", BEYOND)
def test_what_no_repair_may_do_is_told_with_what_to_do(ledger: Forger, how: str) -> None:
    statement, expected = BEYOND[how]
    ledger.run(statement)
    made = planned(ledger)
    assert (made.steps, len(made.impossible)) == ((), 1), made
    assert expected in made.impossible[0]
    assert "; " in made.impossible[0]


def test_there_is_advice_for_everything_that_no_repair_may_do() -> None:
    assert ADVICE.keys() == BEYOND_REPAIR


def test_a_constraint_on_a_retyped_column_waits_for_its_type(ledger: Forger) -> None:
    ledger.run(
        f"{TABLE} DROP CONSTRAINT ledger_entries_entry_hash_key; {TABLE} ALTER entry_hash TYPE json USING '{{}}'"
    )
    assert planned(ledger).steps == ()
    assert planned(ledger).impossible[1] == (
        "UNIQUE on entry_hash: the column has the type json; change it back to character(64), then repair again"
    )


def test_protections_come_back_around_entries_that_were_tampered_with(forger: Forger) -> None:
    forger.build(100)
    for name in ("edit", "start-deleted", "trigger-emptied", "trigger-disabled", "unique-dropped"):
        TAMPERINGS[name](forger)
    repair(forger)
    found = core_statuses(run_suite(forger.dsn))
    assert {found[kind] for kind in GUARDS} == {Status.PASS}
    assert {found["entry_hash"], found["sequence_continuity"]} == {Status.FAIL}


def test_an_emptied_function_that_serves_another_table_is_left_alone(ledger: Forger) -> None:
    ledger.run(
        f"""
        CREATE TABLE other (id int);
        CREATE OR REPLACE FUNCTION ledger_refuse_change() {LAX};
        CREATE TRIGGER touch BEFORE UPDATE ON other FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        INSERT INTO other VALUES (1);
        """
    )
    made = repair(ledger)
    assert words(made)[0] == "create the function public.ledger_refuse_change1, which refuses every change"
    assert [what.split()[3] for what in words(made)[1:]] == [
        f"ledger_refuse_{operation.lower()}1" for operation in OPERATIONS
    ]
    assert_guarded(ledger)
    ledger.run("UPDATE other SET id = 2")


def test_an_emptied_function_that_serves_inserts_is_left_alone(ledger: Forger) -> None:
    ledger.run(
        f"""
        CREATE OR REPLACE FUNCTION ledger_refuse_change() {LAX};
        CREATE TRIGGER note BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        """
    )
    repair(ledger)
    found = outcomes(run_suite(ledger.dsn))
    assert [finding.code for kind in GUARDS for finding in found[kind].findings] == ["INSERT_TRIGGER"]
    ledger.append(list(sample_entries(6))[5:])


def test_a_function_of_our_name_that_is_no_trigger_function_is_left_alone(ledger: Forger) -> None:
    ledger.run("DROP FUNCTION ledger_refuse_change CASCADE")
    ledger.run("CREATE FUNCTION ledger_refuse_change() RETURNS int LANGUAGE sql AS 'SELECT 7'")
    assert "public.ledger_refuse_change1," in words(repair(ledger))[0]
    assert ledger.run("SELECT ledger_refuse_change()") == [(7,)]
    assert_guarded(ledger)
