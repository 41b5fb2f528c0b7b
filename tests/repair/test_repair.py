"""Repairing against a real server: every protection that can be restored is, and no entry is touched."""

from __future__ import annotations

import gzip
import re

import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.repair import RepairPlan, apply_repair, plan_repair
from pytest_audit_ledger.repair.plan import ADVICE
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import TAMPERINGS, Forger
from tests.kinds.test_append_only import SKI_INSTALLATION
from tests.support.checks import GUARDS, core_statuses, outcomes, run_suite, told
from tests.support.databases import another_session, build_partitioned, guard_partition, login, needs_version, role
from tests.verify.test_real_ledger import LEDGER

OPERATIONS = ("UPDATE", "DELETE", "TRUNCATE")
LAX = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END;'"


@pytest.fixture
def ledger(forger: Forger) -> Forger:
    """A ledger of schema v2.1 with five entries."""
    return forger.build(5)


def source(forger: Forger, table: str = "ledger_entries") -> PostgresSource:
    return PostgresSource(forger.dsn, table)


def planned(forger: Forger, table: str = "ledger_entries") -> RepairPlan:
    return plan_repair(source(forger, table))


def words(plan: RepairPlan) -> list[str]:
    return [step.what for step in plan.steps]


def statements(plan: RepairPlan) -> str:
    return "\n".join(statement for step in plan.steps for statement in step.statements)


def entries(forger: Forger, table: str = "ledger_entries") -> list[tuple[object, ...]]:
    """Every entry with all its columns, the transaction that wrote it and its place in the file."""
    return forger.run(f"SELECT l.*, l.tableoid::text, xmin::text, xmax::text, ctid::text FROM {table} l ORDER BY ctid")


def definitions(forger: Forger) -> list[tuple[object, ...]]:
    """What protects the tables of the schema public, as the server tells it."""
    return forger.run(
        """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger
        UNION ALL SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT '', proname, prosrc, '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT '', attname, attrelid::regclass::text, attnotnull::text FROM pg_attribute
            WHERE attrelid = to_regclass('public.ledger_entries') AND attnum > 0
        ORDER BY 1, 2, 3, 4
        """
    )


def repair(forger: Forger, table: str = "ledger_entries") -> RepairPlan:
    """Plan a repair and carry it out; assert that it left no entry changed and nothing more to do."""
    before, made = entries(forger, table), planned(forger, table)
    apply_repair(source(forger, table), made)
    assert entries(forger, table) == before
    assert planned(forger, table).steps == ()
    return made


def assert_guarded(forger: Forger, table: str = "ledger_entries") -> None:
    found = outcomes(run_suite(forger.dsn, table=table))
    for kind in GUARDS:
        assert found[kind].status is Status.PASS, told(found[kind])


TABLE = "ALTER TABLE ledger_entries"


def another_update(fires: str, function: str = "ledger_refuse_change", condition: str = "") -> str:
    """Return what puts another trigger in the place of the one that refuses UPDATE."""
    return (
        "DROP TRIGGER ledger_refuse_update ON ledger_entries; "
        f"CREATE TRIGGER ledger_refuse_update {fires} ON ledger_entries FOR EACH ROW {condition} "
        f"EXECUTE FUNCTION {function}()"
    )


TRIGGERS = {
    **{
        f"{operation} {how}": (f"{statement} ledger_refuse_{operation.lower()}{end}", [f"{verb} the trigger"])
        for operation in OPERATIONS
        for how, statement, end, verb in (
            ("disabled", f"{TABLE} DISABLE TRIGGER", "", "enable"),
            ("for replicas only", f"{TABLE} ENABLE REPLICA TRIGGER", "", "enable"),
            ("not for replicas", f"{TABLE} ENABLE TRIGGER", "", "enable"),
            ("dropped", "DROP TRIGGER", " ON ledger_entries", "create"),
        )
    },
    "all disabled": (f"{TABLE} DISABLE TRIGGER USER", ["enable the trigger"] * 3),
    "all dropped with their function": (
        "DROP FUNCTION ledger_refuse_change CASCADE",
        ["create the function public.ledger_refuse_change,", *["create the trigger"] * 3],
    ),
    "function emptied": (f"CREATE OR REPLACE FUNCTION ledger_refuse_change() {LAX}", ["make the function"]),
    "function emptied and trigger disabled": (
        f"CREATE OR REPLACE FUNCTION ledger_refuse_change() {LAX}; {TABLE} DISABLE TRIGGER ledger_refuse_delete",
        ["make the function", "enable the trigger ledger_refuse_delete"],
    ),
    "function emptied and triggers dropped": (
        f"DROP FUNCTION ledger_refuse_change CASCADE; CREATE FUNCTION ledger_refuse_change() {LAX}",
        ["make the function", *["create the trigger"] * 3],
    ),
    "another function": (
        (
            f"CREATE FUNCTION lax() {LAX}; {another_update('BEFORE UPDATE', 'lax')}; "
            f"{TABLE} ENABLE ALWAYS TRIGGER ledger_refuse_update"
        ),
        ["make the function public.lax refuse every change again (its body was: BEGIN RETURN coalesce(NEW, OLD)"],
    ),
    "one disabled trigger for all": (
        f"""
        DROP TRIGGER ledger_refuse_update ON ledger_entries;
        DROP TRIGGER ledger_refuse_delete ON ledger_entries;
        DROP TRIGGER ledger_refuse_truncate ON ledger_entries;
        CREATE TRIGGER one BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
        {TABLE} DISABLE TRIGGER one
        """,
        ["enable the trigger one on public.ledger_entries always (it is disabled)"],
    ),
    "only under a condition": (
        another_update("BEFORE UPDATE", condition="WHEN (OLD.id > 7)"),
        ["create the trigger ledger_refuse_update1 "],
    ),
    "our name on something else": (another_update("AFTER UPDATE"), ["create the trigger ledger_refuse_update1 "]),
    "a function that cannot be read": (
        another_update("BEFORE UPDATE", "suppress_redundant_updates_trigger"),
        ["create the trigger ledger_refuse_update1 "],
    ),
}
CONSTRAINTS = {
    "verdict": (
        f"{TABLE} DROP CONSTRAINT ledger_entries_verdict_check",
        ["restore CHECK on verdict", "validate CHECK"],
    ),
    "track": (f"{TABLE} DROP CONSTRAINT ledger_entries_track_check", ["restore CHECK on track", "validate CHECK"]),
    "a laxer one of the same name": (
        (
            f"{TABLE} DROP CONSTRAINT ledger_entries_verdict_check, "
            "ADD CONSTRAINT ledger_entries_verdict_check CHECK (verdict <> '')"
        ),
        ["restore CHECK on verdict", "validate CHECK on verdict for existing entries"],
    ),
    "not validated": (
        (
            f"{TABLE} DROP CONSTRAINT ledger_entries_track_check, "
            "ADD CONSTRAINT later CHECK (track IN ('symbolic', 'llm')) NOT VALID"
        ),
        ["validate CHECK on track for existing entries (the constraint later is not validated)"],
    ),
    "sequence_number": (
        f"{TABLE} DROP CONSTRAINT ledger_entries_sequence_number_key",
        ["restore UNIQUE (sequence_number)"],
    ),
    "entry_hash": (f"{TABLE} DROP CONSTRAINT ledger_entries_entry_hash_key", ["restore UNIQUE (entry_hash)"]),
    "an index of that name that is no key": (
        (
            f"{TABLE} DROP CONSTRAINT ledger_entries_entry_hash_key; "
            "CREATE INDEX ledger_entries_entry_hash_key ON ledger_entries (entry_hash)"
        ),
        ["restore UNIQUE (entry_hash)"],
    ),
    "primary key": (f"{TABLE} DROP CONSTRAINT ledger_entries_pkey", ["restore PRIMARY KEY (id)"]),
    "primary key and NOT NULL": (
        f"{TABLE} DROP CONSTRAINT ledger_entries_pkey; {TABLE} ALTER id DROP NOT NULL",
        ["restore NOT NULL on id", "restore PRIMARY KEY (id)"],
    ),
    "NOT NULL": (
        f'{TABLE} ALTER telemetry_id DROP NOT NULL, ALTER "timestamp" DROP NOT NULL',
        ["restore NOT NULL on timestamp", "restore NOT NULL on telemetry_id"],
    ),
    "indexes": (
        "DROP INDEX ledger_entries_rule_id; DROP INDEX ledger_entries_verdict_timestamp",
        ["create the index ledger_entries_verdict_timestamp on", "create the index ledger_entries_rule_id on"],
    ),
    "an index for some entries only": (
        (
            "DROP INDEX ledger_entries_rule_id; "
            "CREATE INDEX ledger_entries_rule_id ON ledger_entries (rule_id) WHERE verdict = 'FLAG'"
        ),
        ["create the index ledger_entries_rule_id1 on (rule_id)"],
    ),
    "another sequence in use": (
        (
            f"CREATE SEQUENCE numbers; {TABLE} ALTER id SET DEFAULT nextval('numbers'); "
            "SELECT setval('ledger_entries_id_seq', 1)"
        ),
        ["move the sequence public.numbers past id 5 (its next value would be 1)"],
    ),
    "identity": (
        f"{TABLE} ALTER id DROP DEFAULT, ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        ["move the sequence public.ledger_entries_id_seq1 past id 5 (its next value would be 1)"],
    ),
    "sequence behind": (
        "SELECT setval('ledger_entries_id_seq', 2)",
        ["move the sequence public.ledger_entries_id_seq past id 5 (its next value would be 3)"],
    ),
}


@pytest.mark.parametrize("how", [*TRIGGERS, *CONSTRAINTS])
def test_what_is_broken_is_named_and_restored(ledger: Forger, how: str) -> None:
    statement, expected = {**TRIGGERS, **CONSTRAINTS}[how]
    ledger.run(statement)
    made = repair(ledger)
    assert made.impossible == ()
    assert len(words(made)) == len(expected), words(made)
    for what, start in zip(words(made), expected, strict=True):
        assert what.startswith(start), what
    assert_guarded(ledger)
    ledger.append(list(sample_entries(6))[5:])  # and the ledger can still be appended to


def test_an_unvalidated_check_that_is_stricter_than_the_entries_is_not_the_one(ledger: Forger) -> None:
    ledger.run(f"{TABLE} DROP CONSTRAINT ledger_entries_verdict_check")
    ledger.run(f"{TABLE} ADD CONSTRAINT later CHECK (verdict = 'FLAG') NOT VALID")
    assert words(repair(ledger))[0].startswith("restore CHECK on verdict")
    assert_guarded(ledger)


def test_what_schema_v3_adds_is_restored(forger: Forger) -> None:
    intact = definitions(forger.build(5, schema="3"))
    forger.run(
        f"{TABLE} DROP CONSTRAINT ledger_entries_track_check, DROP CONSTRAINT ledger_entries_verifier_status_check"
    )
    made = repair(forger)
    assert [what.partition(" for ")[0] for what in words(made)] == [
        "restore CHECK on track",
        "validate CHECK on track",
        "restore CHECK on verifier_status",
        "validate CHECK on verifier_status",
    ]
    assert_guarded(forger)
    assert definitions(forger) == intact


EVERYTHING = f"""
    DROP FUNCTION ledger_refuse_change CASCADE;
    {TABLE} DROP CONSTRAINT ledger_entries_pkey, DROP CONSTRAINT ledger_entries_sequence_number_key,
        DROP CONSTRAINT ledger_entries_entry_hash_key, DROP CONSTRAINT ledger_entries_verdict_check,
        DROP CONSTRAINT ledger_entries_track_check, ALTER reasoning DROP NOT NULL, ALTER previous_hash DROP NOT NULL;
    DROP INDEX ledger_entries_rule_id, ledger_entries_verdict_timestamp
"""


def test_all_of_it_comes_back_as_the_shipped_files_have_it(ledger: Forger) -> None:
    intact = definitions(ledger)
    ledger.run(EVERYTHING)
    assert definitions(ledger) != intact
    repair(ledger)
    assert definitions(ledger) == intact


def test_the_script_does_what_carrying_out_does(ledger: Forger) -> None:
    intact = definitions(ledger)
    ledger.run(EVERYTHING)
    text = planned(ledger).script()
    ledger.run(text)
    assert definitions(ledger) == intact
    assert ledger.run("SHOW search_path") != [('""',)], "the session that runs it keeps its settings"
    assert text.count("\nBEGIN; SET LOCAL") == text.count("\nCOMMIT;\n")
    assert planned(ledger) == RepairPlan((), ())


@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_an_intact_ledger_needs_nothing(forger: Forger, schema: str) -> None:
    made = planned(forger.build(5, schema=schema))
    assert made == RepairPlan((), ())
    assert made.script() == ""
    apply_repair(PostgresSource("host=nowhere.invalid"), made)  # there is nothing to do, so nobody is connected to


def test_an_empty_ledger_needs_nothing(forger: Forger) -> None:
    assert planned(forger.build(0)) == RepairPlan((), ())


@pytest.mark.parametrize("own_triggers", [False, True])
def test_the_real_ledger_of_the_framework_is_repaired(forger: Forger, own_triggers: bool) -> None:
    forger.run(
        sql("schema.sql") + sql("schema_v3.sql") + (SKI_INSTALLATION if own_triggers else sql("append_only.sql"))
    )
    with gzip.open(LEDGER, "rb") as rows, forger.connection.cursor() as cursor:
        columns = rows.readline().decode().strip()
        cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN WITH (FORMAT csv)", rows)
    made = repair(forger)  # it was copied with its ids, so the sequence knows nothing of them
    assert words(made)[-1].startswith("move the sequence public.ledger_entries_id_seq past id 399")
    enabled = [f"enable the trigger ledger_no_{operation.lower()} on" for operation in OPERATIONS if own_triggers]
    assert [what.partition(" public")[0] for what in words(made)[:-1]] == enabled
    assert set(core_statuses(run_suite(forger.dsn)).values()) == {Status.PASS}
    assert forger.run("SELECT nextval('ledger_entries_id_seq')") == [(400,)]


def test_the_sequence_is_never_set_back(ledger: Forger) -> None:
    ledger.run("SELECT setval('ledger_entries_id_seq', 2)")
    made = planned(ledger)
    ledger.run("SELECT setval('ledger_entries_id_seq', 70)")
    apply_repair(source(ledger), made)
    assert ledger.run("SELECT nextval('ledger_entries_id_seq')") == [(71,)]


@pytest.fixture
def partitioned(forger: Forger) -> Forger:
    """A ledger in three partitions, of which the last is partitioned again."""
    needs_version(forger, 13, "copies of triggers on partitions")
    build_partitioned(forger, 20, 10)
    forger.run(
        """
        CREATE INDEX ON ledger_entries (verdict, "timestamp");
        CREATE INDEX ON ledger_entries (rule_id);
        ALTER TABLE ledger_entries DETACH PARTITION part_2;
        CREATE TABLE part_3 PARTITION OF ledger_entries FOR VALUES FROM (10) TO (MAXVALUE)
            PARTITION BY RANGE (sequence_number);
        CREATE TABLE part_4 PARTITION OF part_3 FOR VALUES FROM (10) TO (MAXVALUE);
        INSERT INTO ledger_entries SELECT * FROM part_2;
        DROP TABLE part_2;
        """
    )
    for part in ("part_3", "part_4"):
        guard_partition(forger, part, "truncate")
    assert planned(forger) == RepairPlan((), ())
    return forger


PARTITIONED = {
    "everything": (
        f"DROP FUNCTION ledger_refuse_change CASCADE; {TABLE} DROP CONSTRAINT one_hash",
        ["create the function public.ledger_refuse_change, which refuses every change"]
        + [f"create the trigger ledger_refuse_{o.lower()} on public.ledger_entries" for o in OPERATIONS]
        + [f"create the trigger ledger_refuse_truncate on public.part_{n}" for n in (1, 3, 4)]
        + ["restore UNIQUE (entry_hash, sequence_number)"],
    ),
    "all disabled": (
        f"{TABLE} DISABLE TRIGGER ledger_refuse_update",
        ["enable the trigger ledger_refuse_update on public.ledger_entries"],
    ),
    "one copy disabled": (
        "ALTER TABLE part_4 DISABLE TRIGGER ledger_refuse_update",
        ["enable the trigger ledger_refuse_update on public.part_4"],
    ),
    "emptied, and one copy disabled": (
        (
            f"CREATE OR REPLACE FUNCTION ledger_refuse_change() {LAX}; "
            "ALTER TABLE part_1 DISABLE TRIGGER ledger_refuse_delete"
        ),
        ["make the function public.ledger_refuse_change", "enable the trigger ledger_refuse_delete on public.part_1"],
    ),
    "our name is taken on a partition": (
        (
            "DROP TRIGGER ledger_refuse_update ON ledger_entries; CREATE TRIGGER ledger_refuse_update "
            "AFTER UPDATE ON part_4 FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()"
        ),
        ["create the trigger ledger_refuse_update1 on public.ledger_entries"],
    ),
    "only on the whole": (
        (
            "DROP TRIGGER ledger_refuse_update ON ledger_entries; CREATE TRIGGER whole BEFORE UPDATE ON ledger_entries "
            f"EXECUTE FUNCTION ledger_refuse_change(); {TABLE} ENABLE ALWAYS TRIGGER whole"
        ),
        [f"create the trigger ledger_refuse_update on public.part_{n}" for n in (1, 3)],
    ),
    "keys": (
        f"{TABLE} DROP CONSTRAINT ledger_entries_pkey, DROP CONSTRAINT ledger_entries_sequence_number_key",
        ["restore PRIMARY KEY (id, sequence_number)", "restore UNIQUE (sequence_number)"],
    ),
    "checks": (
        f"{TABLE} DROP CONSTRAINT ledger_entries_verdict_check",
        ["restore CHECK on verdict", "validate CHECK on verdict"],
    ),
    "indexes": ("DROP INDEX ledger_entries_rule_id_idx", ["create the index ledger_entries_rule_id on"]),
}


@pytest.mark.parametrize("how", PARTITIONED)
def test_a_partitioned_ledger_is_repaired_on_every_partition(partitioned: Forger, how: str) -> None:
    statement, expected = PARTITIONED[how]
    partitioned.run(statement)
    made = repair(partitioned)
    assert made.impossible == ()
    assert len(words(made)) == len(expected), words(made)
    for what, start in zip(words(made), expected, strict=True):
        assert what.startswith(start), what
    assert_guarded(partitioned)


def test_a_partitioned_ledger_without_any_guard_is_guarded_in_every_version(forger: Forger) -> None:
    build_partitioned(forger, 20, 10).run("DROP FUNCTION ledger_refuse_change CASCADE")
    repair(forger)
    assert_guarded(forger)
    for relation in ("ledger_entries", "part_1", "part_2"):
        for change in ("UPDATE {} SET verdict = verdict", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(SourceError, match="append-only"):
                forger.run(change.format(relation))


def test_a_key_that_partitions_make_impossible_is_told_of(forger: Forger) -> None:
    forger.run(sql("schema.sql"))
    forger.run(
        """
        ALTER TABLE ledger_entries RENAME TO model;
        CREATE TABLE ledger_entries (LIKE model INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
            PARTITION BY RANGE ((id % 2));
        """
    )
    made = planned(forger)
    assert [words.partition(";")[0] for words in made.impossible] == [
        f"{key}: a table that is partitioned by an expression cannot have a key"
        for key in ("PRIMARY KEY (id)", "UNIQUE (sequence_number)", "UNIQUE (entry_hash)")
    ]


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


SCHEMA, NAME = "my schema.%s{0}\u200b", "we\"ird\n-- \\ %s {ledger} 'x'"
HOSTILE_TABLE = ".".join('"{}"'.format(part.replace('"', '""')) for part in (SCHEMA, NAME))
HOSTILE_NAME = "x; DROP TABLE y; --\n$$ '\\ \u202e"


def test_hostile_names_are_names_and_nothing_else(ledger: Forger) -> None:
    quoted = '"{}"'.format(HOSTILE_NAME.replace('"', '""'))
    ledger.run(
        f"""
        CREATE TABLE y ();
        ALTER TRIGGER ledger_refuse_delete ON ledger_entries RENAME TO {quoted};
        ALTER TABLE ledger_entries DISABLE TRIGGER {quoted};
        CREATE FUNCTION {quoted}() {LAX};
        {another_update("BEFORE UPDATE", quoted)};
        DROP TRIGGER ledger_refuse_truncate ON ledger_entries;
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_track_check, DROP CONSTRAINT ledger_entries_pkey,
            ADD CONSTRAINT {quoted} CHECK (track IN ('symbolic', 'llm')) NOT VALID;
        DROP INDEX ledger_entries_rule_id;
        SELECT setval('ledger_entries_id_seq', 1);
        ALTER SEQUENCE ledger_entries_id_seq RENAME TO {quoted};
        """
    )
    schema, name = (f'"{part}"' for part in (SCHEMA, NAME.replace('"', '""')))
    ledger.run(f"CREATE SCHEMA {schema}; ALTER TABLE ledger_entries SET SCHEMA {schema}")
    ledger.run(f"ALTER TABLE {schema}.ledger_entries RENAME TO {name}")
    made = planned(ledger, HOSTILE_TABLE)
    comments = re.findall(r"^-- (.*)\nBEGIN;", made.script(), re.MULTILINE)
    assert all(what.isprintable() for what in (*words(made), *made.impossible))
    assert comments == words(made)
    assert all(line.isprintable() for line in made.script().splitlines())
    repair(ledger, HOSTILE_TABLE)
    assert len(made.steps) >= 7
    assert_guarded(ledger, HOSTILE_TABLE)
    assert ledger.run("SELECT FROM y") == []


def test_the_script_of_hostile_names_runs_too(ledger: Forger) -> None:
    schema, name = (f'"{part}"' for part in (SCHEMA, NAME.replace('"', '""')))
    ledger.run(f"{EVERYTHING}; CREATE SCHEMA {schema}; ALTER TABLE ledger_entries SET SCHEMA {schema}")
    ledger.run(f"ALTER TABLE {schema}.ledger_entries RENAME TO {name}")
    ledger.run(planned(ledger, HOSTILE_TABLE).script())
    assert planned(ledger, HOSTILE_TABLE) == RepairPlan((), ())


def test_a_long_name_is_cut_as_postgresql_cuts_it(ledger: Forger) -> None:
    ledger.run(f"{EVERYTHING}; {TABLE} RENAME TO {'l' * 62}")
    made = repair(ledger, "l" * 62)
    for name in re.findall(r'(?:CONSTRAINT|INDEX) "(\w+)"', statements(made)):
        assert len(name) <= 63
    assert_guarded(ledger, "l" * 62)


def refused(forger: Forger, dsn: str, made: RepairPlan) -> SourceError:
    """Carry out a plan that must fail; assert that it changed nothing."""
    before = definitions(forger)
    with pytest.raises(SourceError) as caught:
        apply_repair(PostgresSource(dsn), made)
    assert definitions(forger) == before
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_role_that_does_not_own_the_ledger_changes_nothing(ledger: Forger) -> None:
    ledger.run("DROP FUNCTION ledger_refuse_change CASCADE; GRANT CREATE ON SCHEMA public TO PUBLIC")
    with role(ledger, "repairer") as name:
        ledger.run(f"GRANT SELECT, TRIGGER ON ledger_entries TO {name}")
        made = plan_repair(PostgresSource(login(ledger.dsn, name)))
        assert made == planned(ledger)
        error = refused(ledger, login(ledger.dsn, name), made)
    ((owner,),) = ledger.run("SELECT current_user")
    assert (
        error.message
        == f"The role {name} may not repair public.ledger_entries, which belongs to {owner}; nothing was changed."
    )
    assert error.remedy == f"Connect as {owner} or as a superuser."


def test_the_owner_needs_no_superuser(ledger: Forger) -> None:
    with role(ledger, "owner") as name:
        ledger.run(f"{EVERYTHING}; {TABLE} OWNER TO {name}")
        apply_repair(PostgresSource(login(ledger.dsn, name)), planned(ledger))
        assert planned(ledger) == RepairPlan((), ())
        assert_guarded(ledger)


def test_an_owner_who_may_not_create_a_function_is_told_so(ledger: Forger) -> None:
    with role(ledger, "owner") as name:
        ledger.run(f"{EVERYTHING}; {TABLE} OWNER TO {name}; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        error = refused(ledger, login(ledger.dsn, name), planned(ledger))
    assert "Step 1 of " in error.message
    assert "(create the function public.ledger_refuse_change" in error.message
    assert "nothing was changed, and no later step was tried" in error.message
    assert f"Grant CREATE on the schema public to the owner {name}" in error.remedy


def test_a_lock_is_waited_for_and_then_told_of(ledger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.run(f"{TABLE} DISABLE TRIGGER USER")
    made = planned(ledger)
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    with another_session(ledger.dsn, "LOCK TABLE ledger_entries IN ROW EXCLUSIVE MODE"):
        error = refused(ledger, ledger.dsn, made)
    assert "Another session holds a lock on the ledger" in error.message
    apply_repair(source(ledger), made)


def test_a_server_that_only_reads_is_left_as_it_is(ledger: Forger) -> None:
    ledger.run(f"{TABLE} DISABLE TRIGGER USER")
    ((name,),) = ledger.run("SELECT current_database()")
    ledger.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    error = refused(ledger, ledger.dsn, planned(ledger))
    assert "the server is read-only" in error.message


def test_a_step_that_fails_leaves_those_before_it_done(ledger: Forger) -> None:
    ledger.run(f"{TABLE} DISABLE TRIGGER ledger_refuse_update, DROP CONSTRAINT ledger_entries_verdict_check")
    ledger.run("DROP INDEX ledger_entries_rule_id")
    made = planned(ledger)
    ledger.run(f"{TABLE} ADD CONSTRAINT ledger_entries_verdict_check CHECK (true)")
    with pytest.raises(SourceError) as caught:
        apply_repair(source(ledger), made)
    assert caught.value.message.startswith("Step 2 of 4 failed (restore CHECK on verdict")
    assert "the step before it is done, and no later step was tried." in caught.value.message
    assert caught.value.remedy == "Repeat with --repair --dry-run to plan the repair again."
    assert [what.split()[0] for what in words(planned(ledger))] == ["restore", "validate", "create"]
    repair(ledger)
    assert_guarded(ledger)


def test_a_ledger_that_is_gone_is_told_of(ledger: Forger) -> None:
    ledger.run(f"{TABLE} DISABLE TRIGGER USER")
    made = planned(ledger)
    ledger.run(f"{TABLE} RENAME TO elsewhere")
    assert "There is no longer a table public.ledger_entries" in refused(ledger, ledger.dsn, made).message


def test_planning_changes_nothing(ledger: Forger) -> None:
    ledger.run(EVERYTHING)
    before = definitions(ledger), entries(ledger)
    planned(ledger)
    assert (definitions(ledger), entries(ledger)) == before


NEVER = r"\b(?:DROP|DELETE FROM|UPDATE [\"a-z]|INSERT INTO|TRUNCATE [\"a-z]|TYPE|OWNER|POLICY|RULE|DISABLE|COPY)\b"


@pytest.mark.parametrize("how", [*TRIGGERS, *CONSTRAINTS])
def test_no_statement_can_touch_an_entry_and_every_name_is_qualified(ledger: Forger, how: str) -> None:
    ledger.run({**TRIGGERS, **CONSTRAINTS}[how][0])
    text = statements(planned(ledger))
    assert not re.search(NEVER, text)
    assert not re.search(r'(?<!"public"\.)"(?:ledger_entries|ledger_refuse_change|lax)"', text)
