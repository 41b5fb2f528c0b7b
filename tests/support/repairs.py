"""Planning a repair, carrying it out, and what was there before and after."""

from __future__ import annotations

from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.repair import RepairPlan, apply_repair, plan_repair
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.checks import GUARDS, outcomes, run_suite, told

OPERATIONS = ("UPDATE", "DELETE", "TRUNCATE")

LAX = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END;'"


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


EVERYTHING = f"""
    DROP FUNCTION ledger_refuse_change CASCADE;
    {TABLE} DROP CONSTRAINT ledger_entries_pkey, DROP CONSTRAINT ledger_entries_sequence_number_key,
        DROP CONSTRAINT ledger_entries_entry_hash_key, DROP CONSTRAINT ledger_entries_verdict_check,
        DROP CONSTRAINT ledger_entries_track_check, ALTER reasoning DROP NOT NULL, ALTER previous_hash DROP NOT NULL;
    DROP INDEX ledger_entries_rule_id, ledger_entries_verdict_timestamp
"""
