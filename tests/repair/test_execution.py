"""Carrying a plan out: hostile names, missing rights, locks, and steps that fail."""

from __future__ import annotations

import re

import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.repair import RepairPlan, apply_repair, plan_repair
from pytest_audit_ledger.sources import postgres
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import Forger
from tests.support.databases import another_session, login, role
from tests.support.repairs import (
    EVERYTHING,
    LAX,
    TABLE,
    another_update,
    assert_guarded,
    definitions,
    planned,
    repair,
    source,
    statements,
    words,
)

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
