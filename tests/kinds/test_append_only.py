"""append_only against a real server: which guards hold, which do not, and who may get past them."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.outcome import Outcome, Severity, Status
from pytest_audit_ledger.sources import postgres
from tests.forger import Forger
from tests.support.checks import run_check, told
from tests.support.databases import another_session, build_partitioned, emptied, login, needs_version, role

OPERATIONS = ("UPDATE", "DELETE", "TRUNCATE")

CHANGES = {
    "UPDATE": "UPDATE ledger_entries SET reasoning = 'changed' WHERE sequence_number = 1",
    "DELETE": "DELETE FROM ledger_entries WHERE sequence_number = 1",
    "TRUNCATE": "TRUNCATE ledger_entries",
}


@pytest.fixture
def ledger(forger: Forger) -> Forger:
    """A ledger of five entries with the guards of sql/append_only.sql."""
    return forger.build(5)


def examine(forger: Forger, **parameters: object) -> Outcome:
    return run_check(forger.dsn, "append_only", parameters)


def codes_but_roles(outcome: Outcome) -> dict[str, int]:
    return {code: number for code, number in outcome.codes.items() if code != "ROLE_MAY_CHANGE"}


def replace_trigger(forger: Forger, operation: str, definition: str, enable: str = "ENABLE ALWAYS") -> None:
    """Put another trigger in the place of the one that refuses an operation."""
    name = f"ledger_refuse_{operation.lower()}"
    forger.run(f"DROP TRIGGER {name} ON ledger_entries; CREATE TRIGGER {name} {definition}")
    forger.run(f"ALTER TABLE ledger_entries {enable} TRIGGER {name}")


def accepts(forger: Forger, operation: str) -> bool:
    """Tell whether the server does as told, as the superuser that the forger is; it is undone."""
    try:
        forger.run(f"BEGIN; {CHANGES[operation]}")
    except SourceError:
        return False
    finally:
        forger.run("ROLLBACK")
    return True


@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_a_clean_ledger_passes_with_at_most_roles_to_tell_of(forger: Forger, schema: str) -> None:
    outcome = examine(forger.build(5, schema=schema))
    assert outcome.status is Status.PASS, told(outcome)
    assert codes_but_roles(outcome) == {}
    assert outcome.unexpected_count == 0
    assert outcome.element_count > len(OPERATIONS)
    assert not any(accepts(forger, operation) for operation in OPERATIONS)


def test_a_ledger_without_any_trigger_lacks_all_three(forger: Forger) -> None:
    forger.run(sql("schema.sql"))
    outcome = examine(forger)
    assert outcome.status is Status.FAIL
    assert outcome.codes["TRIGGER_MISSING"] == outcome.unexpected_count == 3
    assert [finding.message for finding in outcome.findings[:3]] == [
        f"no trigger refuses {operation} on public.ledger_entries" for operation in OPERATIONS
    ]


SWITCHES = {
    "dropped": ("DROP TRIGGER {name} ON ledger_entries", "TRIGGER_MISSING"),
    "disabled": ("ALTER TABLE ledger_entries DISABLE TRIGGER {name}", "TRIGGER_DISABLED"),
    "for replicas only": ("ALTER TABLE ledger_entries ENABLE REPLICA TRIGGER {name}", "TRIGGER_DISABLED"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", SWITCHES)
def test_a_trigger_that_does_not_fire_is_found(ledger: Forger, how: str, operation: str) -> None:
    statement, code = SWITCHES[how]
    ledger.run(statement.format(name=f"ledger_refuse_{operation.lower()}"))
    assert accepts(ledger, operation)
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {code: 1}), told(outcome)
    finding = outcome.findings[0]
    assert f" {operation} on public.ledger_entries" in finding.message
    assert f"BEFORE {operation} " in finding.expected
    if code == "TRIGGER_DISABLED":
        assert f"ledger_refuse_{operation.lower()}" in finding.message
        state = "DISABLE" if "DISABLE" in statement else "ENABLE REPLICA"
        assert finding.actual.startswith(f"{state}: CREATE TRIGGER ")


DEFINITIONS = {
    "WHEN": ("BEFORE {operation} ON ledger_entries {each} WHEN (current_user = 'nobody')", "TRIGGER_CONDITIONAL"),
    "AFTER": ("AFTER {operation} ON ledger_entries {each}", "TRIGGER_MISSING"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", DEFINITIONS)
def test_a_trigger_that_fires_too_late_or_not_always_is_found(ledger: Forger, how: str, operation: str) -> None:
    definition, code = DEFINITIONS[how]
    each = "FOR EACH STATEMENT" if operation == "TRUNCATE" else "FOR EACH ROW"
    replace_trigger(
        ledger,
        operation,
        f"{definition.format(operation=operation, each=each)} EXECUTE FUNCTION ledger_refuse_change()",
    )
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {code: 1}), told(outcome)
    assert f" {operation} on public.ledger_entries" in outcome.findings[0].message
    if how == "WHEN":
        assert "WHEN (" in outcome.findings[0].actual


def test_a_trigger_for_some_columns_is_found(ledger: Forger) -> None:
    replace_trigger(
        ledger,
        "UPDATE",
        "BEFORE UPDATE OF verdict, entry_hash ON ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()",
    )
    assert accepts(ledger, "UPDATE")
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {"TRIGGER_CONDITIONAL": 1}), told(outcome)
    assert "UPDATE OF verdict, entry_hash" in outcome.findings[0].actual


LAX_BODIES = {
    "emptied": "BEGIN RETURN coalesce(NEW, OLD); END",
    "only a notice": "BEGIN RAISE NOTICE 'append-only'; RETURN coalesce(NEW, OLD); END",
    "only a warning, in small letters": "begin raise warning 'append-only'; return coalesce(NEW, OLD); end",
    "returns first": "BEGIN RETURN coalesce(NEW, OLD); RAISE EXCEPTION 'append-only'; END",
    "conditional": "BEGIN IF current_user = 'nobody' THEN RAISE EXCEPTION 'no'; END IF; RETURN coalesce(NEW, OLD); END",
    "in a loop that never turns": (
        "BEGIN WHILE false LOOP RAISE EXCEPTION 'no'; END LOOP; RETURN coalesce(NEW, OLD); END"
    ),
    "in a CASE": (
        "BEGIN CASE WHEN TG_OP = 'x' THEN RAISE EXCEPTION 'no'; ELSE NULL; END CASE; RETURN coalesce(NEW, OLD); END"
    ),
    "swallowed": "BEGIN RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN RETURN coalesce(NEW, OLD); END",
    "swallowed in an inner block": (
        "BEGIN BEGIN RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN NULL; END; RETURN NEW; END"
    ),
    "in a line comment": "BEGIN -- RAISE EXCEPTION 'no';\n RETURN coalesce(NEW, OLD); END",
    "in a comment": "BEGIN /* RAISE EXCEPTION 'no'; */ RETURN coalesce(NEW, OLD); END",
    "in a comment within a comment": "BEGIN /* /* */ RAISE EXCEPTION 'no'; */ RETURN coalesce(NEW, OLD); END",
    "in a string": "BEGIN PERFORM '; RAISE EXCEPTION ''no'';'; RETURN coalesce(NEW, OLD); END",
    "in a dollar-quoted string": "BEGIN PERFORM $q$; RAISE EXCEPTION 'no';$q$; RETURN coalesce(NEW, OLD); END",
    "in a quoted name": 'DECLARE "; RAISE EXCEPTION" int; BEGIN RETURN coalesce(NEW, OLD); END',
    "behind a string that ends in a backslash": (
        r"BEGIN PERFORM '\'; RETURN coalesce(NEW, OLD); PERFORM '; RAISE EXCEPTION '; END"
    ),
    "behind names that hold dollar signs": (
        "DECLARE a$q$ int; b$q$ int; "
        "BEGIN PERFORM a$q$; RETURN coalesce(NEW, OLD); PERFORM b$q$; RAISE EXCEPTION 'no'; END"
    ),
}


@pytest.mark.parametrize("how", LAX_BODIES)
def test_a_function_that_lets_changes_through_is_found_and_shown(ledger: Forger, how: str) -> None:
    body = LAX_BODIES[how]
    ledger.run(f"CREATE FUNCTION lax() RETURNS trigger LANGUAGE plpgsql AS $body$ {body}; $body$")
    replace_trigger(ledger, "UPDATE", "BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION lax()")
    assert accepts(ledger, "UPDATE"), "the server itself has to let it through, or the case is not one"
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {"TRIGGER_FUNCTION": 1}), told(outcome)
    finding = outcome.findings[0]
    assert "UPDATE on public.ledger_entries" in finding.message
    assert "public.lax" in finding.message
    assert finding.actual == f"{' '.join(body.split())};"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_emptied_function_is_found_for_each_operation_that_relies_on_it(ledger: Forger, operation: str) -> None:
    ledger.run("CREATE FUNCTION lax() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END;'")
    each = "FOR EACH STATEMENT" if operation == "TRUNCATE" else "FOR EACH ROW"
    replace_trigger(ledger, operation, f"BEFORE {operation} ON ledger_entries {each} EXECUTE FUNCTION lax()")
    assert accepts(ledger, operation)
    outcome = examine(ledger)
    assert codes_but_roles(outcome) == {"TRIGGER_FUNCTION": 1}
    assert f"does not refuse every {operation} on" in outcome.findings[0].message


def test_replacing_the_one_function_they_share_is_found_for_all_three(ledger: Forger) -> None:
    ledger.run(
        "CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN coalesce(NEW, OLD); END;'"
    )
    outcome = examine(ledger)
    assert codes_but_roles(outcome) == {"TRIGGER_FUNCTION": 3}
    assert [f" {operation} " in outcome.findings[n].message for n, operation in enumerate(OPERATIONS)] == [True] * 3


def test_a_function_that_is_not_plpgsql_cannot_be_believed(ledger: Forger) -> None:
    # PostgreSQL lets no SQL function be a trigger, so C is what is left on every server.
    replace_trigger(
        ledger,
        "UPDATE",
        "BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    )
    assert accepts(ledger, "UPDATE")
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {"TRIGGER_FUNCTION": 1}), told(outcome)
    assert "pg_catalog.suppress_redundant_updates_trigger is written in internal" in outcome.findings[0].message
    assert outcome.findings[0].actual == "suppress_redundant_updates_trigger"


HOLDING_BODIES = {
    "bare message": "BEGIN RAISE 'append-only'; END",
    "small letters": "begin raise exception 'append-only'; end",
    "error code": "BEGIN RAISE EXCEPTION 'no %', TG_OP USING ERRCODE = 'restrict_violation'; END",
    "condition name": "BEGIN RAISE insufficient_privilege USING MESSAGE = 'append-only'; END",
    "SQLSTATE": "BEGIN RAISE SQLSTATE '42501'; END",
    "declarations and a label": "<<guard>> DECLARE who text := current_user; BEGIN RAISE EXCEPTION 'no, %', who; END",
    "a notice and a record of the attempt first": (
        "BEGIN RAISE LOG 'attempt'; PERFORM pg_backend_pid(); RAISE EXCEPTION 'no'; RETURN NULL; END"
    ),
    "comments": "BEGIN -- refuse; always\n /* whatever; happens */ RAISE EXCEPTION 'no'; END",
    "a message that looks like code": "BEGIN RAISE EXCEPTION 'it''s no; EXCEPTION WHEN OTHERS THEN RETURN NEW;'; END",
    "a path with backslashes": r"BEGIN RAISE EXCEPTION 'see C:\guards\'; END",
}


@pytest.mark.parametrize("how", HOLDING_BODIES)
def test_a_function_that_raises_whatever_happens_is_believed(ledger: Forger, how: str) -> None:
    ledger.run(
        f"CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql "
        f"AS $body$ {HOLDING_BODIES[how]}; $body$"
    )
    assert not any(accepts(ledger, operation) for operation in OPERATIONS)
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.PASS, {}), told(outcome)


INNOCENT = {
    "other names": """
        ALTER TRIGGER ledger_refuse_update ON ledger_entries RENAME TO "Kein Ändern";
        ALTER FUNCTION ledger_refuse_change() RENAME TO "no;change";
    """,
    "statement-level": """
        DROP TRIGGER ledger_refuse_update ON ledger_entries;
        CREATE TRIGGER no_update BEFORE UPDATE ON ledger_entries
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
        ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER no_update;
    """,
    "one trigger for two operations": """
        DROP TRIGGER ledger_refuse_update ON ledger_entries;
        DROP TRIGGER ledger_refuse_delete ON ledger_entries;
        CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON ledger_entries
            FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER no_change;
    """,
    "one trigger for all three": """
        DROP TRIGGER ledger_refuse_update ON ledger_entries;
        DROP TRIGGER ledger_refuse_delete ON ledger_entries;
        DROP TRIGGER ledger_refuse_truncate ON ledger_entries;
        CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
        ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER no_change;
    """,
    "an unrelated trigger": """
        CREATE FUNCTION notify_writer() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END;';
        CREATE TRIGGER notify AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION notify_writer();
    """,
    "a function in another schema": """
        CREATE SCHEMA other;
        ALTER FUNCTION ledger_refuse_change() SET SCHEMA other;
    """,
    "a disabled trigger besides": """
        CREATE TRIGGER also BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        ALTER TABLE ledger_entries DISABLE TRIGGER also;
    """,
    "an origin-only trigger besides": """
        CREATE TRIGGER also BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
    """,
    "a trigger that does nothing besides": """
        CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END;';
        CREATE TRIGGER "0 first" BEFORE UPDATE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION nothing();
    """,
}


@pytest.mark.parametrize("how", INNOCENT)
def test_a_guard_of_another_shape_that_holds_passes(ledger: Forger, how: str) -> None:
    ledger.run(INNOCENT[how])
    assert not any(accepts(ledger, operation) for operation in OPERATIONS)
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.PASS, {}), told(outcome)


SKI_INSTALLATION = """
    CREATE FUNCTION ledger_block_update_delete() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'ledger_entries is append-only: % not permitted', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END;
    $$;
    CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger_entries
        FOR EACH ROW EXECUTE FUNCTION ledger_block_update_delete();
    CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger_entries
        FOR EACH ROW EXECUTE FUNCTION ledger_block_update_delete();
    CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_block_update_delete();
"""


def test_the_triggers_of_the_ski_framework_warn_that_replication_silences_them(forger: Forger) -> None:
    forger.run(sql("schema.sql") + SKI_INSTALLATION)
    outcome = examine(forger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.WARN, {"TRIGGER_BYPASS": 3}), told(outcome)
    for operation, finding in zip(OPERATIONS, outcome.findings, strict=False):
        assert f"refuses {operation} on public.ledger_entries" in finding.message
        assert "ENABLE ALWAYS" in finding.expected
        assert finding.actual.startswith(f"ENABLE: CREATE TRIGGER ledger_no_{operation.lower()} ")
        assert finding.severity is Severity.WARNING
    assert "ENABLE ALWAYS" in outcome.remedy


def test_triggers_that_are_always_on_hold_in_a_replica_session(ledger: Forger) -> None:
    ledger.run("SET session_replication_role = replica")
    try:
        assert not any(accepts(ledger, operation) for operation in OPERATIONS)
        ledger.run("ALTER TABLE ledger_entries ENABLE TRIGGER ledger_refuse_delete")
        assert accepts(ledger, "DELETE")
    finally:
        ledger.run("RESET session_replication_role")
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.WARN, {"TRIGGER_BYPASS": 1}), told(outcome)


def test_a_partitioned_ledger_is_examined_partition_by_partition(forger: Forger) -> None:
    outcome = examine(build_partitioned(forger, 20, 10, 15))
    assert (outcome.status, codes_but_roles(outcome)) == (Status.PASS, {}), told(outcome)
    one_table = examine(emptied(forger).build(5))
    assert outcome.element_count - one_table.element_count == 3 * len(OPERATIONS)


PARTITION_DAMAGE = {
    "UPDATE disabled": ("ALTER TABLE part_2 DISABLE TRIGGER ledger_refuse_update", "TRIGGER_DISABLED", "UPDATE"),
    "DELETE disabled": ("ALTER TABLE part_2 DISABLE TRIGGER ledger_refuse_delete", "TRIGGER_DISABLED", "DELETE"),
    "TRUNCATE dropped": ("DROP TRIGGER ledger_refuse_truncate ON part_2", "TRIGGER_MISSING", "TRUNCATE"),
}


@pytest.mark.parametrize("how", PARTITION_DAMAGE)
def test_a_trigger_lost_on_one_partition_is_found_and_names_it(forger: Forger, how: str) -> None:
    statement, code, operation = PARTITION_DAMAGE[how]
    build_partitioned(forger, 20, 10, 15).run(statement)
    outcome = examine(forger)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.FAIL, {code: 1}), told(outcome)
    assert f"{operation} on public.part_2" in outcome.findings[0].message


GRANTS = {
    "UPDATE": ("GRANT UPDATE ON ledger_entries TO {role}", "may update the table"),
    "UPDATE of a column": ("GRANT UPDATE (reasoning) ON ledger_entries TO {role}", "may update the table"),
    "DELETE": ("GRANT DELETE ON ledger_entries TO {role}", "may delete from the table"),
    "TRUNCATE": ("GRANT TRUNCATE ON ledger_entries TO {role}", "may truncate the table"),
    "everybody": ("GRANT DELETE ON ledger_entries TO PUBLIC", "may delete from the table"),
    "a built-in role": ("GRANT pg_write_all_data TO {role}", "may update, delete from the table"),
    "owner": ("ALTER TABLE ledger_entries OWNER TO {role}", "owns the table, so it may change entries and protections"),
}
SEVERITIES = {
    "info": (Status.PASS, Severity.INFO, 0),
    "warning": (Status.WARN, Severity.WARNING, 1),
    "critical": (Status.FAIL, Severity.CRITICAL, 1),
}


@pytest.mark.parametrize("how", GRANTS)
def test_a_role_that_may_change_entries_is_told_of_and_does_not_fail_the_check(ledger: Forger, how: str) -> None:
    statement, words = GRANTS[how]
    if how == "a built-in role":
        needs_version(ledger, 14, "pg_write_all_data")
    with role(ledger, "meddler") as name:
        before = examine(ledger)
        ledger.run(statement.format(role=name))
        outcome = examine(ledger)
    told_of = [finding for finding in outcome.findings if finding.actual == name]
    assert not [finding for finding in before.findings if finding.actual == name]
    assert [(f.code, f.severity) for f in told_of] == [("ROLE_MAY_CHANGE", Severity.INFO)], told(outcome)
    assert told_of[0].message == f"the role {name} {words}"
    assert (outcome.status, outcome.unexpected_count) == (Status.PASS, 0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_parameter_roles_decides_how_grave_such_a_role_is(ledger: Forger, severity: str) -> None:
    status, expected, unexpected = SEVERITIES[severity]
    with role(ledger, "meddler") as name:
        ledger.run(f"GRANT UPDATE, DELETE ON ledger_entries TO {name}")
        outcome = examine(ledger, roles=severity)
        inserting = run_check(ledger.dsn, "append_only", {"roles": severity}, severity=Severity.WARNING)
    assert outcome.status is status, told(outcome)
    assert outcome.unexpected_count >= unexpected
    (finding,) = [finding for finding in outcome.findings if finding.actual == name]
    assert finding.severity is expected
    assert inserting.status is not Status.FAIL, "no finding is graver than its check"


@pytest.mark.parametrize("how", ["DELETE", "UPDATE of a column", "owner"])
def test_a_role_that_may_change_one_partition_is_told_of(forger: Forger, how: str) -> None:
    build_partitioned(forger, 20, 10)
    statement, words = GRANTS[how]
    with role(forger, "meddler") as name, role(forger, "reader") as reader:
        forger.run(statement.replace("ledger_entries", "part_2").format(role=name))
        forger.run(f"GRANT SELECT ON part_1, part_2 TO {reader}")
        outcome = examine(forger)
        forger.run("ALTER TABLE part_2 OWNER TO CURRENT_USER")
    (finding,) = [finding for finding in outcome.findings if finding.actual in (name, reader)]
    assert finding.message == f"the role {name} {words.replace('the table', 'the table or a partition of it')}"
    assert outcome.facts["owner"] != name


def test_a_role_that_may_only_append_and_read_is_not_told_of(ledger: Forger) -> None:
    with role(ledger, "writer") as name:
        ledger.run(f"GRANT INSERT, SELECT ON ledger_entries TO {name}")
        outcome = examine(ledger, roles="critical")
    assert name not in [finding.actual for finding in outcome.findings]


def test_a_role_is_told_of_for_what_its_group_may_do(ledger: Forger) -> None:
    with role(ledger, "group") as group, role(ledger, "member") as member:
        ledger.run(f"GRANT DELETE ON ledger_entries TO {group}; GRANT {group} TO {member}")
        outcome = examine(ledger, roles="critical")
    assert outcome.status is Status.FAIL
    assert {group, member} <= {finding.actual for finding in outcome.findings}


def test_superusers_are_a_fact_and_no_finding(ledger: Forger) -> None:
    with role(ledger, "almighty", "SUPERUSER") as name:
        outcome = examine(ledger, roles="critical")
    assert name in outcome.facts["superusers"].split(", ")
    assert name not in [finding.actual for finding in outcome.findings]
    assert outcome.facts["owner"] in outcome.facts["superusers"].split(", ")


def physical_rows(forger: Forger) -> list[tuple[object, ...]]:
    return forger.run("SELECT xmin::text, xmax::text, ctid::text, ledger_entries::text FROM ledger_entries ORDER BY id")


def test_a_probe_is_refused_by_a_clean_ledger(ledger: Forger) -> None:
    entries = list(ledger.entries())
    outcome = examine(ledger, probe=True)
    assert (outcome.status, codes_but_roles(outcome)) == (Status.PASS, {}), told(outcome)
    for operation in ("UPDATE", "DELETE"):
        assert outcome.facts[f"probe {operation}"] == f"refused: the ledger is append-only: {operation} is refused"
    assert "probe TRUNCATE" not in outcome.facts
    assert list(ledger.entries()) == entries


def test_a_probe_shows_what_the_server_accepts_and_changes_nothing(ledger: Forger) -> None:
    ledger.run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    entries = list(ledger.entries())
    outcome = examine(ledger, probe=True)
    assert outcome.status is Status.FAIL
    assert codes_but_roles(outcome) == {"TRIGGER_DISABLED": 3, "PROBE_ACCEPTED": 2}
    accepted = [finding for finding in outcome.findings if finding.code == "PROBE_ACCEPTED"]
    assert [finding.actual for finding in accepted] == ["1 entry (rolled back)"] * 2
    assert ["UPDATE" in accepted[0].message, "DELETE" in accepted[1].message] == [True, True]
    assert list(ledger.entries()) == entries
    assert not [name for name in outcome.facts if name.startswith("probe")]


def test_a_probe_of_a_role_that_may_only_read_proves_nothing(ledger: Forger) -> None:
    with role(ledger) as name:
        ledger.run(f"GRANT SELECT ON ledger_entries TO {name}")
        outcome = run_check(login(ledger.dsn, name), "append_only", {"probe": True})
    assert outcome.status is Status.ERROR
    assert f"the role {name} may not UPDATE, so the server refuses before any trigger is reached" in outcome.reason


@pytest.mark.parametrize("rights", ["UPDATE, DELETE", "UPDATE (verdict), DELETE"])
def test_a_refusal_by_the_trigger_counts_also_where_it_has_the_code_of_a_missing_right(
    ledger: Forger, rights: str
) -> None:
    ledger.run(
        "CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'not allowed' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    with role(ledger) as name:
        ledger.run(f"GRANT SELECT, {rights} ON ledger_entries TO {name}")
        outcome = run_check(login(ledger.dsn, name), "append_only", {"probe": True})
    assert outcome.status is Status.PASS, told(outcome)
    assert outcome.facts["probe UPDATE"] == "refused: not allowed"


def test_a_probe_of_an_empty_ledger_does_not_say_that_a_change_was_accepted(forger: Forger) -> None:
    outcome = examine(forger.build(0), probe=True)
    assert "PROBE_ACCEPTED" not in outcome.codes, told(outcome)
    assert outcome.status is not Status.FAIL


LOCKS = {
    "row": "SELECT FROM ledger_entries WHERE sequence_number = 1 FOR UPDATE",
    "table": "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE",
}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_probe_that_a_lock_holds_up_proves_nothing(
    ledger: Forger, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    with another_session(ledger.dsn, LOCKS[lock]):
        outcome = examine(ledger, probe=True)
    assert outcome.status is Status.ERROR, told(outcome)
    assert "Another session holds a lock on the ledger" in outcome.reason
    assert not outcome.findings


def test_a_lock_that_holds_up_the_probe_does_not_hide_a_missing_trigger(
    ledger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    ledger.run("DROP TRIGGER ledger_refuse_truncate ON ledger_entries")
    with another_session(ledger.dsn, LOCKS["row"]):
        outcome = examine(ledger, probe=True)
    assert outcome.status is Status.FAIL, told(outcome)
    assert outcome.codes["TRIGGER_MISSING"] == 1


def test_a_probe_of_a_server_that_only_reads_proves_nothing(ledger: Forger) -> None:
    (name,) = ledger.run("SELECT current_database()")[0]
    ledger.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    outcome = examine(ledger, probe=True)
    assert outcome.status is Status.ERROR, told(outcome)
    assert "read-only transaction" in outcome.reason


@pytest.mark.parametrize("guarded", [True, False])
def test_without_a_probe_nothing_is_written(ledger: Forger, guarded: bool) -> None:
    if not guarded:
        ledger.run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    before = physical_rows(ledger)
    examine(ledger)
    assert physical_rows(ledger) == before
    examine(ledger, probe=True)
    assert physical_rows(ledger) != before, "a probe leaves its mark in xmax, so this test would see one"


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_what_is_no_table_cannot_be_evaluated(ledger: Forger, kind: str) -> None:
    ledger.run(f"ALTER TABLE ledger_entries RENAME TO real; CREATE {kind} ledger_entries AS SELECT * FROM real")
    outcome = examine(ledger)
    assert outcome.status is Status.ERROR
    assert "public.ledger_entries is not a table" in outcome.reason


BY_OTHER = "ON ledger_entries FOR EACH ROW EXECUTE FUNCTION other()"
INSERT_TRIGGERS = {
    "changes": f"CREATE TRIGGER other BEFORE INSERT {BY_OTHER}",
    "also on update": f"CREATE TRIGGER other BEFORE INSERT OR UPDATE {BY_OTHER}",
}
INNOCENT_INSERT_TRIGGERS = {
    "afterwards": f"CREATE TRIGGER other AFTER INSERT {BY_OTHER}",
    "sees no row": "CREATE TRIGGER other BEFORE INSERT ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION other()",
    "off": f"{INSERT_TRIGGERS['changes']}; ALTER TABLE ledger_entries DISABLE TRIGGER other",
}
OTHER = "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"


@pytest.mark.parametrize("how", INSERT_TRIGGERS)
def test_a_trigger_that_can_change_what_is_appended_is_a_warning(ledger: Forger, how: str) -> None:
    ledger.run(f"{OTHER}; {INSERT_TRIGGERS[how]}")
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)["INSERT_TRIGGER"]) == (Status.WARN, 1)
    assert "the trigger other on public.ledger_entries can change or discard entries" in told(outcome)


@pytest.mark.parametrize("how", INNOCENT_INSERT_TRIGGERS)
def test_a_trigger_on_insert_that_can_change_no_row_passes(ledger: Forger, how: str) -> None:
    ledger.run(f"{OTHER}; {INNOCENT_INSERT_TRIGGERS[how]}")
    assert codes_but_roles(examine(ledger)) == {}


def test_a_trigger_on_insert_into_a_partitioned_ledger_is_one_finding(forger: Forger) -> None:
    needs_version(forger, 13, "BEFORE row triggers on partitioned tables")
    build_partitioned(forger, 20, 10).run(f"{OTHER}; {INSERT_TRIGGERS['changes']}")
    assert codes_but_roles(examine(forger)) == {"INSERT_TRIGGER": 1}


DEFINER = "CREATE FUNCTION change() RETURNS void LANGUAGE {language} SECURITY DEFINER AS $f$ {body} $f$"
WRITING = {
    "update": ("sql", "UPDATE ledger_entries SET verdict = 'CLEAR'"),
    "qualified": ("plpgsql", 'BEGIN DELETE FROM ONLY "public"."ledger_entries"; END'),
    "in a list": ("sql", "TRUNCATE TABLE spare, public . ledger_entries"),
    "in a text": ("plpgsql", "BEGIN EXECUTE 'UPDATE ledger_entries SET track = null'; END"),
    "after a text that looks like a comment": (
        "plpgsql",
        "BEGIN RAISE NOTICE '--'; ALTER TABLE ledger_entries DISABLE TRIGGER ALL; END",
    ),
}
INNOCENT_FUNCTIONS = {
    "reads": DEFINER.format(language="sql", body="SELECT FROM ledger_entries"),
    "another table": DEFINER.format(language="sql", body="TRUNCATE spare; DELETE FROM ledger_entries_old"),
    "another schema": DEFINER.format(language="plpgsql", body="BEGIN UPDATE old.ledger_entries SET id = 1; END"),
    "a comment": DEFINER.format(language="plpgsql", body="BEGIN /* never\nUPDATE ledger_entries */ RETURN; END"),
    "with the rights of whoever calls it": DEFINER.replace(" SECURITY DEFINER", "").format(
        language="sql", body=WRITING["update"][1]
    ),
    "for its owner only": DEFINER.format(language="sql", body=WRITING["update"][1])
    + "; REVOKE ALL ON FUNCTION change() FROM PUBLIC",
}


@pytest.mark.parametrize("how", WRITING)
def test_a_function_that_changes_the_ledger_for_everybody_is_a_warning(ledger: Forger, how: str) -> None:
    language, body = WRITING[how]
    ledger.run(f"CREATE TABLE spare (); {DEFINER.format(language=language, body=body)}")
    outcome = examine(ledger)
    assert (outcome.status, codes_but_roles(outcome)["DEFINER_FUNCTION"]) == (Status.WARN, 1)
    assert "the function public.change runs " in told(outcome)


@pytest.mark.parametrize("how", INNOCENT_FUNCTIONS)
def test_a_function_that_does_not_change_the_ledger_for_others_passes(ledger: Forger, how: str) -> None:
    ledger.run(f"CREATE TABLE spare (); CREATE TABLE ledger_entries_old (); {INNOCENT_FUNCTIONS[how]}")
    assert codes_but_roles(examine(ledger)) == {}


def test_a_function_that_only_appends_is_told_of(ledger: Forger) -> None:
    ledger.run(DEFINER.format(language="sql", body="INSERT INTO ledger_entries (sequence_number) VALUES (1)"))
    outcome = examine(ledger)
    assert outcome.status is Status.PASS
    assert [one.severity for one in outcome.findings if one.code == "DEFINER_FUNCTION"] == [Severity.INFO]


def test_a_function_in_standard_sql_is_read_too(ledger: Forger) -> None:
    needs_version(ledger, 14, "functions in standard SQL")
    ledger.run(
        "CREATE FUNCTION change() RETURNS void LANGUAGE sql SECURITY DEFINER "
        "BEGIN ATOMIC UPDATE ledger_entries SET track = null; END"
    )
    assert codes_but_roles(examine(ledger)) == {"DEFINER_FUNCTION": 1}
    ledger.run("UPDATE pg_proc SET prosrc = 'SELECT 1' WHERE proname = 'change'")  # which is not what runs
    assert codes_but_roles(examine(ledger)) == {"DEFINER_FUNCTION": 1}


def test_a_role_that_appends_and_is_a_member_of_the_owner_is_a_warning(ledger: Forger) -> None:
    with role(ledger, "owner") as owner, role(ledger, "writer") as writer, role(ledger, "administrator") as another:
        ledger.run(f"GRANT {owner} TO {writer}, {another}; GRANT INSERT ON ledger_entries TO {writer}")
        ledger.run(f"ALTER TABLE ledger_entries OWNER TO {owner}")
        try:
            outcome = examine(ledger)
        finally:
            ledger.run("ALTER TABLE ledger_entries OWNER TO CURRENT_USER")
    assert [one.actual for one in outcome.findings if one.code == "WRITER_MAY_CHANGE"] == [writer]
    assert f"the role {writer} appends entries, and as a member of {owner} it may also change them" in told(outcome)


def test_a_role_that_appends_and_may_write_all_data_is_a_warning(ledger: Forger) -> None:
    needs_version(ledger, 14, "pg_write_all_data")
    with role(ledger, "writer") as writer, role(ledger, "reader") as reader, role(ledger, "loader") as loader:
        ledger.run(f"GRANT INSERT ON ledger_entries TO {writer}, {reader}")
        ledger.run(f"GRANT pg_write_all_data TO {writer}, {loader}; GRANT pg_read_all_data TO {reader}")
        outcome = examine(ledger)
    assert [one.actual for one in outcome.findings if one.code == "WRITER_MAY_CHANGE"] == [writer]
