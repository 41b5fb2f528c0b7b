"""Repairing against a real server: every protection that can be restored is, and no entry is touched."""

from __future__ import annotations

import gzip
import re

import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.repair import RepairPlan, apply_repair, plan_repair
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.kinds.test_append_only import SKI_INSTALLATION
from tests.support.checks import core_statuses, run_suite
from tests.support.databases import build_partitioned, guard_partition, needs_version
from tests.support.repairs import (
    EVERYTHING,
    LAX,
    OPERATIONS,
    TABLE,
    another_update,
    assert_guarded,
    definitions,
    entries,
    planned,
    repair,
    source,
    statements,
    words,
)
from tests.verify.test_real_ledger import LEDGER

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
    if how == "identity":
        needs_version(ledger, 13, "identity column on an id that had a sequence")  # COPY refuses two owned sequences
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


def test_the_indexes_of_a_schema_are_not_asked_of_a_table_that_declares_none(forger: Forger) -> None:
    forger.run(sql("demo/verifactu.sql"))
    forger.run("ALTER TABLE registros_facturacion ADD rule_id text")
    found = plan_repair(PostgresSource(forger.dsn, profile=load_profile("verifactu")))
    assert not [step for step in found.steps if "rule_id" in step.what]
