"""table_guard against a real server: every column and constraint that can be lost, and every way to show other rows."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.outcome import Assurance, Outcome, Severity, Status
from pytest_audit_ledger.sources import postgres
from tests.forger import Forger
from tests.support.checks import FOLDS, core_statuses, run_check, run_suite, told
from tests.support.databases import another_session, build_partitioned, needs_version, role


@pytest.fixture
def ledger(forger: Forger) -> Forger:
    """A ledger of schema v2.1 with five entries."""
    return forger.build(5)


@pytest.fixture
def ledger_v3(forger: Forger) -> Forger:
    """A ledger of schema v3 with five entries."""
    return forger.build(5, schema="3")


def examine(forger: Forger) -> Outcome:
    return run_check(forger.dsn, "table_guard")


def assert_found(forger: Forger, *expected: tuple[str, str]) -> Outcome:
    """Assert that the check fails with these codes and nothing else; each message holds the words next to its code."""
    outcome = examine(forger)
    assert outcome.status is Status.FAIL, told(outcome)
    assert [finding.code for finding in outcome.findings] == [code for code, _ in expected], told(outcome)
    for finding, (_, words) in zip(outcome.findings, expected, strict=True):
        assert words in finding.message
    assert outcome.unexpected_count == len(expected)
    return outcome


def assert_clean(forger: Forger) -> Outcome:
    outcome = examine(forger)
    assert (outcome.status, outcome.findings) == (Status.PASS, ()), told(outcome)
    return outcome


@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_a_clean_ledger_passes(forger: Forger, schema: str) -> None:
    outcome = assert_clean(forger.build(5, schema=schema))
    assert outcome.facts == {"schema": f"v{schema}"}
    assert outcome.element_count > len(V2_COLUMNS) + (len(V3_COLUMNS) if schema == "3" else 0)


SKI_V3_CHECKS = {
    "verdict": "verdict IN ('CLEAR', 'FLAG', 'NULL_UNMAPPED', 'NULL_STALE', 'DISCRETIONARY')",
    "track": "track IS NULL OR length(track) > 0",
    "verifier_status": (
        "verifier_status IS NULL OR verifier_status IN "
        "('AGREED', 'LLM_CONTRADICTION', 'NEURO_SYMBOLIC_DIVERGENCE', 'UNVERIFIABLE')"
    ),
}


def test_the_schema_of_the_ski_framework_passes(ledger_v3: Forger) -> None:
    for column, expression in SKI_V3_CHECKS.items():
        ledger_v3.run(
            f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_check, "
            f"ADD CONSTRAINT chk_{column} CHECK ({expression})"
        )
    assert_clean(ledger_v3)


def drop_column(column: str) -> str:
    return f'ALTER TABLE ledger_entries DROP COLUMN "{column}" CASCADE'


LOST_WITH_COLUMN = {
    "id": [("CONSTRAINT_MISSING", "PRIMARY KEY on id")],
    "sequence_number": [("CONSTRAINT_MISSING", "UNIQUE on sequence_number")],
    "entry_hash": [("CONSTRAINT_MISSING", "UNIQUE on entry_hash")],
    "verdict": [("CONSTRAINT_MISSING", "CHECK on verdict")],
    "track": [("CONSTRAINT_MISSING", "CHECK on track")],
    "verifier_status": [("CONSTRAINT_MISSING", "CHECK on verifier_status")],
}
"""The constraints that a column takes with it."""


@pytest.mark.parametrize("column", V2_COLUMNS)
def test_a_missing_column_is_found(ledger: Forger, column: str) -> None:
    ledger.run(drop_column(column))
    missing = ("COLUMN_MISSING", f"the column {column} is missing")
    outcome = assert_found(ledger, missing, *LOST_WITH_COLUMN.get(column, []))
    assert outcome.findings[0].expected == V2_COLUMNS[column].type


@pytest.mark.parametrize("column", V3_COLUMNS)
def test_a_missing_column_of_schema_v3_is_found(ledger_v3: Forger, column: str) -> None:
    ledger_v3.run(drop_column(column))
    assert_found(ledger_v3, ("COLUMN_MISSING", f"the column {column} is missing"), *LOST_WITH_COLUMN.get(column, []))


RETYPED = {
    "id": "integer",
    "sequence_number": "numeric",
    "previous_hash": "character(70)",
    "entry_hash": "character varying(63)",
    "timestamp": "timestamp without time zone",
    "verdict": "character varying(20)",
    "telemetry_id": "character varying(500)",
    "telemetry_hash": "character(65)",
    "rule_id": "character varying(255)",
    "knowledge_graph_version": "name",
    "ski_model_version": "character(5)",
    "reasoning": "json",
    "track": "character varying(16)",
    "escalation_status": "character varying(500)",
    "escalation_notes": "character varying(500)",
    "created_at": "date",
    "envelope_json": "json",
    "envelope_hash": "character varying(70)",
    "transcript_json": "text",
    "transcript_signature": "bytea",
    "signing_key_id": "character varying(70)",
    "verifier_status": "character varying(500)",
}


@pytest.mark.parametrize("column", RETYPED)
def test_a_retyped_column_is_found(ledger_v3: Forger, column: str) -> None:
    actual = RETYPED[column]
    using = f"to_json({column})" if actual == "json" else f'"{column}"::{actual}'
    ledger_v3.unguarded(f'ALTER TABLE ledger_entries ALTER COLUMN "{column}" TYPE {actual} USING {using}')
    outcome = assert_found(ledger_v3, ("COLUMN_RETYPED", f"the column {column} has a different type"))
    assert outcome.findings[0].actual == actual


LOSSLESS = {
    "timestamp": ("timestamp(6) with time zone", None),
    "created_at": ("public.moment", "public.moment, a domain over timestamp with time zone"),
    "previous_hash": ("text", "text"),
    "entry_hash": ("character varying(64)", "character varying(64)"),
    "telemetry_id": ("character varying", "character varying"),
    "reasoning": ("public.words", "public.words, a domain over text"),
    "sequence_number": ("public.number", "public.number, a domain over bigint"),
    "envelope_hash": ("character varying(71)", "character varying(71)"),
}


@pytest.mark.parametrize("column", LOSSLESS)
def test_a_type_that_loses_nothing_is_information_at_most(ledger_v3: Forger, column: str) -> None:
    declared, actual = LOSSLESS[column]
    ledger_v3.run(
        "CREATE DOMAIN public.plain AS text; CREATE DOMAIN public.words AS public.plain CHECK (value <> '');"
        "CREATE DOMAIN public.moment AS timestamp(6) with time zone; CREATE DOMAIN public.number AS bigint"
    )
    ledger_v3.unguarded(f'ALTER TABLE ledger_entries ALTER COLUMN "{column}" TYPE {declared}')
    outcome = examine(ledger_v3)
    assert outcome.status is Status.PASS
    found = [(one.code, one.actual, one.severity) for one in outcome.findings]
    assert found == ([("COLUMN_RETYPED", actual, Severity.INFO)] if actual else [])


@pytest.mark.parametrize("declared", ["timestamp(3) with time zone", "public.coarse"])
def test_a_timestamp_with_fewer_digits_is_a_warning(ledger_v3: Forger, declared: str) -> None:
    ledger_v3.run("CREATE DOMAIN public.coarse AS timestamp(3) with time zone")
    ledger_v3.unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN timestamp TYPE {declared}")
    outcome = examine(ledger_v3)
    assert outcome.status is Status.WARN
    assert [one.message for one in outcome.findings] == [
        "the column timestamp keeps only 3 of the 6 decimals of a second"
    ]


@pytest.mark.parametrize("column", [name for name, column in V2_COLUMNS.items() if column.not_null and name != "id"])
def test_a_lost_not_null_is_found(ledger: Forger, column: str) -> None:
    ledger.run(f'ALTER TABLE ledger_entries ALTER COLUMN "{column}" DROP NOT NULL')
    assert_found(ledger, ("CONSTRAINT_MISSING", f"NOT NULL on {column}"))


LOST_KEYS = {
    "ledger_entries_pkey": "PRIMARY KEY on id",
    "ledger_entries_sequence_number_key": "UNIQUE on sequence_number",
    "ledger_entries_entry_hash_key": "UNIQUE on entry_hash",
}


@pytest.mark.parametrize("constraint", LOST_KEYS)
def test_a_lost_key_is_found(ledger: Forger, constraint: str) -> None:
    ledger.run(f"ALTER TABLE ledger_entries DROP CONSTRAINT {constraint}")
    assert_found(ledger, ("CONSTRAINT_MISSING", f"the constraint {LOST_KEYS[constraint]} is missing"))


def test_without_its_primary_key_the_id_can_lose_its_not_null_too(ledger: Forger) -> None:
    ledger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_pkey")
    ledger.run("ALTER TABLE ledger_entries ALTER COLUMN id DROP NOT NULL")
    assert_found(ledger, ("CONSTRAINT_MISSING", "NOT NULL on id"), ("CONSTRAINT_MISSING", "PRIMARY KEY on id"))


NO_KEYS = {
    "not unique": "CREATE INDEX ON ledger_entries ({column})",
    "partial": "CREATE UNIQUE INDEX ON ledger_entries ({column}) WHERE id > 3",
    "over an expression": "CREATE UNIQUE INDEX ON ledger_entries (({column}::text))",
    "over two columns": "ALTER TABLE ledger_entries ADD UNIQUE ({column}, id)",
    "over two columns, the other first": "ALTER TABLE ledger_entries ADD UNIQUE (id, {column})",
}


@pytest.mark.parametrize("column", ["sequence_number", "entry_hash"])
@pytest.mark.parametrize("how", NO_KEYS)
def test_an_index_that_lets_duplicates_in_is_no_key(ledger: Forger, how: str, column: str) -> None:
    ledger.run(f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_key")
    ledger.run(NO_KEYS[how].format(column=column))
    assert_found(ledger, ("CONSTRAINT_MISSING", f"UNIQUE on {column}"))


def test_a_unique_index_that_could_not_be_built_is_no_key(ledger: Forger) -> None:
    ledger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    ledger.run(
        "INSERT INTO ledger_entries (sequence_number, previous_hash, entry_hash, verdict, telemetry_id, "
        "telemetry_hash, ski_model_version) VALUES (3, '', 'another', 'CLEAR', '', '', '')"
    )
    with pytest.raises(Exception, match="could not create unique index"):
        ledger.run("CREATE UNIQUE INDEX CONCURRENTLY half_built ON ledger_entries (sequence_number)")
    assert ledger.run("SELECT count(*) FROM pg_index WHERE indexrelid = 'half_built'::regclass") == [(1,)]
    assert_found(ledger, ("CONSTRAINT_MISSING", "UNIQUE on sequence_number"))


INNOCENT_KEYS = {
    "renamed": """
        ALTER TABLE ledger_entries RENAME CONSTRAINT ledger_entries_sequence_number_key TO one_of_each;
        ALTER TABLE ledger_entries RENAME CONSTRAINT ledger_entries_pkey TO "Schlüssel";
        ALTER TABLE ledger_entries RENAME CONSTRAINT ledger_entries_verdict_check TO "the five";
    """,
    "a unique index instead of a constraint": """
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key;
        CREATE UNIQUE INDEX one_of_each ON ledger_entries (sequence_number DESC);
    """,
    "one that carries another column": """
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_entry_hash_key;
        CREATE UNIQUE INDEX one_of_each ON ledger_entries (entry_hash) INCLUDE (id);
    """,
    "deferrable": """
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key;
        ALTER TABLE ledger_entries ADD UNIQUE (sequence_number) DEFERRABLE INITIALLY DEFERRED;
    """,
    "more columns and indexes": """
        ALTER TABLE ledger_entries ADD COLUMN tenant text NOT NULL DEFAULT 'one', ADD CHECK (tenant <> '');
        CREATE INDEX ON ledger_entries (tenant);
        CREATE UNIQUE INDEX ON ledger_entries (telemetry_id) WHERE id > 3;
    """,
    "a column that was dropped long ago": """
        ALTER TABLE ledger_entries ADD COLUMN tenant text;
        ALTER TABLE ledger_entries DROP COLUMN tenant;
    """,
    "a policy that is not switched on": """
        CREATE POLICY all_of_them ON ledger_entries USING (true);
    """,
    "a comment, a default and statistics": """
        COMMENT ON TABLE ledger_entries IS 'verdict IN (''CLEAR'')';
        ALTER TABLE ledger_entries ALTER COLUMN verdict SET DEFAULT 'CLEAR';
        CREATE STATISTICS both_columns ON verdict, track FROM ledger_entries;
    """,
}


@pytest.mark.parametrize("how", INNOCENT_KEYS)
def test_a_ledger_of_another_shape_that_protects_as_much_passes(ledger: Forger, how: str) -> None:
    ledger.run(INNOCENT_KEYS[how])
    assert_clean(ledger)


FIVE = "'CLEAR', 'FLAG', 'NULL_UNMAPPED', 'NULL_STALE', 'DISCRETIONARY'"
GOOD_VERDICT_CHECKS = {
    "as it is": f"verdict IN ({FIVE})",
    "another order": "verdict IN ('FLAG', 'DISCRETIONARY', 'CLEAR', 'NULL_STALE', 'NULL_UNMAPPED')",
    "stricter": "verdict IN ('CLEAR', 'FLAG')",
    "one value": "verdict = 'CLEAR'",
    "ANY": f"verdict = ANY (ARRAY[{FIVE}])",
    "OR": "verdict = 'CLEAR' OR verdict = 'FLAG'",
    "NULL allowed, which NOT NULL refuses": f"verdict IS NULL OR verdict IN ({FIVE})",
    "NULL refused twice": f"verdict IS NOT NULL AND verdict IN ({FIVE})",
    "of another type": f"verdict::varchar IN ({FIVE})",
}
LAX_VERDICT_CHECKS = {
    "a sixth": f"verdict IN ({FIVE}, 'MAYBE')",
    "OR true": f"verdict IN ({FIVE}) OR true",
    "OR another column": f"verdict IN ({FIVE}) OR rule_id IS NULL",
    "OR a pattern": f"verdict IN ({FIVE}) OR verdict LIKE 'X%'",
    "NOT IN": f"verdict NOT IN ({FIVE})",
    "another column": f"telemetry_id IN ({FIVE})",
    "any case": f"upper(verdict) IN ({FIVE})",
    "cut off": "verdict::varchar(5) IN ('CLEAR')",
    "cut off, with spaces": "verdict::char(4) IN ('FLAG')",
    "spaces at the end": f"verdict::bpchar IN ({FIVE})",
    "only not empty": "verdict <> ''",
    "coalesced": f"coalesce(verdict IN ({FIVE}), true) OR NOT verdict IN ({FIVE})",
    "a quote within a value": f"verdict IN ({FIVE}, 'it''s')",
}


def replace_check(forger: Forger, column: str, expression: str, options: str = "") -> None:
    forger.run(
        f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_check, "
        f"ADD CONSTRAINT another CHECK ({expression}) {options}"
    )


def empty_ledger(forger: Forger, schema: str = "2.1") -> Forger:
    """A ledger without entries, to which any CHECK can be added."""
    return forger.build(0, schema=schema)


@pytest.mark.parametrize("how", GOOD_VERDICT_CHECKS)
def test_a_check_that_allows_no_sixth_verdict_passes(forger: Forger, how: str) -> None:
    replace_check(empty_ledger(forger), "verdict", GOOD_VERDICT_CHECKS[how])
    assert_clean(forger)


@pytest.mark.parametrize("how", LAX_VERDICT_CHECKS)
def test_a_check_that_allows_a_sixth_verdict_is_found(forger: Forger, how: str) -> None:
    replace_check(empty_ledger(forger), "verdict", LAX_VERDICT_CHECKS[how])
    outcome = assert_found(forger, ("CONSTRAINT_MISSING", "CHECK on verdict"))
    assert outcome.findings[0].expected == "one of CLEAR, FLAG, NULL_UNMAPPED, NULL_STALE, DISCRETIONARY"


TRACKS_V2 = {
    "track IN ('symbolic', 'llm')": True,
    "track IS NULL OR track IN ('symbolic', 'llm')": True,
    "track = 'symbolic'": True,
    "track IN ('symbolic', 'llm', 'human')": False,
    "length(track) > 0": False,
    "track IS NULL OR length(track) > 0": False,
}
TRACKS_V3 = {
    "length(track) > 0": True,
    "track IS NULL OR length(track) > 0": True,
    "char_length(track) >= 1": True,
    "octet_length(track) <> 0": True,
    "track <> ''": True,
    "track IS NULL OR track <> ''": True,
    "track IN ('symbolic', 'llm')": True,
    "track IN ('symbolic', 'llm', 'v3-evaluator')": True,
    "track IN ('symbolic', '')": False,
    "length(track) >= 0": False,
    "length(track) > 0 OR true": False,
    "length(rule_id) > 0": False,
    "track <> 'x'": False,
}


@pytest.mark.parametrize(
    ("schema", "expression", "holds"),
    [
        *(("2.1", expression, holds) for expression, holds in TRACKS_V2.items()),
        *(("3", expression, holds) for expression, holds in TRACKS_V3.items()),
    ],
)
def test_a_check_of_the_track_is_judged_by_what_it_allows(
    forger: Forger, schema: str, expression: str, holds: bool
) -> None:
    replace_check(empty_ledger(forger, schema), "track", expression)
    if holds:
        assert_clean(forger)
    else:
        assert_found(forger, ("CONSTRAINT_MISSING", "CHECK on track"))


@pytest.mark.parametrize("column", ["verdict", "track"])
@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_a_lost_check_is_found(forger: Forger, schema: str, column: str) -> None:
    forger.build(5, schema=schema).run(f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_check")
    outcome = assert_found(forger, ("CONSTRAINT_MISSING", f"CHECK on {column}"))
    assert outcome.findings[0].actual == "no such constraint"


def test_a_missing_check_of_the_verifier_status_only_warns(ledger_v3: Forger) -> None:
    ledger_v3.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verifier_status_check")
    outcome = examine(ledger_v3)
    assert outcome.status is Status.WARN, told(outcome)
    (finding,) = outcome.findings
    assert (finding.code, finding.severity) == ("CONSTRAINT_MISSING", Severity.WARNING)
    assert "CHECK on verifier_status" in finding.message


@pytest.mark.parametrize("column", ["verdict", "track"])
def test_a_check_that_was_not_validated_is_found_until_it_is(ledger: Forger, column: str) -> None:
    good = {"verdict": GOOD_VERDICT_CHECKS["as it is"], "track": "track IN ('symbolic', 'llm')"}[column]
    replace_check(ledger, column, good, "NOT VALID")
    outcome = assert_found(ledger, ("CONSTRAINT_MISSING", f"CHECK on {column}"))
    assert "not validated or not enforced" in outcome.findings[0].actual
    ledger.run("ALTER TABLE ledger_entries VALIDATE CONSTRAINT another")
    assert_clean(ledger)


def test_a_check_that_is_not_enforced_is_found(ledger: Forger) -> None:
    needs_version(ledger, 18, "NOT ENFORCED")
    replace_check(ledger, "verdict", GOOD_VERDICT_CHECKS["as it is"], "NOT ENFORCED")
    outcome = assert_found(ledger, ("CONSTRAINT_MISSING", "CHECK on verdict"))
    assert "not validated or not enforced" in outcome.findings[0].actual


def test_a_not_null_that_was_not_validated_is_found_until_it_is(ledger: Forger) -> None:
    needs_version(ledger, 18, "NOT VALID for a NOT NULL")
    ledger.run("ALTER TABLE ledger_entries ALTER COLUMN telemetry_id DROP NOT NULL")
    ledger.run("ALTER TABLE ledger_entries ADD CONSTRAINT another NOT NULL telemetry_id NOT VALID")
    assert_found(ledger, ("CONSTRAINT_MISSING", "NOT NULL on telemetry_id"))
    ledger.run("ALTER TABLE ledger_entries VALIDATE CONSTRAINT another")
    assert_clean(ledger)


FOREIGN_TABLE = """
    CREATE EXTENSION file_fdw;
    CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE ledger_entries ({columns}) SERVER files OPTIONS (filename '/dev/null')
"""
IMPOSTORS = {
    "a view": "CREATE VIEW ledger_entries AS SELECT * FROM hidden",
    "a materialized view": "CREATE MATERIALIZED VIEW ledger_entries AS SELECT * FROM hidden",
    "a foreign table": FOREIGN_TABLE,
    "a sequence": "CREATE SEQUENCE ledger_entries",
    "a composite type": "CREATE TYPE ledger_entries AS (sequence_number bigint)",
}


@pytest.mark.parametrize("what", IMPOSTORS)
def test_what_is_no_table_fails_and_its_rows_are_not_judged(ledger: Forger, what: str) -> None:
    columns = ", ".join(f'"{name}" {column.type}' for name, column in V2_COLUMNS.items())
    if what == "a foreign table" and not ledger.run("SELECT 1 FROM pg_available_extensions WHERE name = 'file_fdw'"):
        pytest.skip("the server has no file_fdw to make a foreign table with")
    ledger.run("ALTER TABLE ledger_entries RENAME TO hidden")
    ledger.run(IMPOSTORS[what].format(columns=columns))
    outcome = assert_found(ledger, ("NOT_A_TABLE", f"public.ledger_entries is {what}"))
    assert outcome.findings[0].actual == what
    verification = run_suite(ledger.dsn)
    assert core_statuses(verification) == {
        **dict.fromkeys((*FOLDS, "append_only"), Status.ERROR),
        "table_guard": Status.FAIL,
    }
    assert verification.assurance is Assurance.TAMPERED
    assert verification.survey is None


HIDING = {
    "row-level security without a policy": (
        "ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY",
        "ROW_SECURITY",
        "row-level security is enabled (no policy)",
    ),
    "row-level security with policies": (
        """
        ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY hide ON ledger_entries USING (sequence_number <> 3);
        CREATE POLICY also ON ledger_entries FOR SELECT USING (true);
        """,
        "ROW_SECURITY",
        "row-level security is enabled (also, hide)",
    ),
    "a rule that throws entries away": (
        "CREATE RULE swallow AS ON INSERT TO ledger_entries WHERE NEW.verdict = 'FLAG' DO INSTEAD NOTHING",
        "REWRITE_RULE",
        "rewrite rules (swallow)",
    ),
    "a rule that does more": (
        "CREATE RULE more AS ON UPDATE TO ledger_entries DO ALSO SELECT 1",
        "REWRITE_RULE",
        "rewrite rules (more)",
    ),
    "a child table": (
        "CREATE SCHEMA other; CREATE TABLE other.more () INHERITS (ledger_entries)",
        "CHILD_TABLE",
        "child tables (other.more)",
    ),
}


@pytest.mark.parametrize("how", HIDING)
def test_what_can_show_other_rows_is_found(ledger: Forger, how: str) -> None:
    statement, code, words = HIDING[how]
    ledger.run(statement)
    assert_found(ledger, (code, words))


def test_several_changes_are_found_each_once(ledger_v3: Forger) -> None:
    ledger_v3.run(
        """
        ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ledger_entries DROP COLUMN envelope_hash;
        ALTER TABLE ledger_entries ALTER COLUMN telemetry_id DROP NOT NULL;
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_entry_hash_key;
        ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check;
        """
    )
    assert_found(
        ledger_v3,
        ("ROW_SECURITY", "no policy"),
        ("CONSTRAINT_MISSING", "NOT NULL on telemetry_id"),
        ("COLUMN_MISSING", "envelope_hash"),
        ("CONSTRAINT_MISSING", "UNIQUE on entry_hash"),
        ("CONSTRAINT_MISSING", "CHECK on verdict"),
    )


def test_the_keys_of_a_partitioned_ledger_may_hold_the_partition_key(forger: Forger) -> None:
    assert_clean(build_partitioned(forger, 20, 10))


def test_a_partition_that_a_crash_would_empty_is_named(forger: Forger) -> None:
    build_partitioned(forger, 20, 10).run("ALTER TABLE part_2 SET UNLOGGED")
    (finding,) = examine(forger).findings
    assert (finding.code, finding.severity) == ("TABLE_UNLOGGED", Severity.WARNING)
    assert finding.message == "public.part_2 is UNLOGGED, so a crash of the server empties it"


def test_a_lost_key_of_a_partitioned_ledger_is_found(forger: Forger) -> None:
    build_partitioned(forger, 20, 10).run("ALTER TABLE ledger_entries DROP CONSTRAINT one_hash")
    assert_found(forger, ("CONSTRAINT_MISSING", "UNIQUE on entry_hash"))


def test_a_unique_index_that_the_partitions_lack_is_no_key(forger: Forger) -> None:
    build_partitioned(forger, 20, 10).run(
        "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key"
    )
    forger.run("CREATE UNIQUE INDEX ON ONLY ledger_entries (sequence_number)")
    assert_found(forger, ("CONSTRAINT_MISSING", "UNIQUE on sequence_number"))


def test_a_lock_is_never_taken_for_a_change(ledger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_S", 0.2)
    with another_session(ledger.dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        outcome = examine(ledger)
    assert not outcome.findings
    if outcome.status is not Status.PASS:  # from PostgreSQL 17 on, printing a CHECK waits for the table
        assert outcome.status is Status.ERROR
        assert "Another session holds a lock on the ledger" in outcome.reason


BY_NAME = "CREATE SCHEMA shadow; CREATE TABLE shadow.ledger_entries (id bigint)"
SHADOWING = {
    "database": "ALTER DATABASE {database} SET search_path = shadow, public",
    "role": 'ALTER ROLE {role} SET search_path = "$user", shadow, public',
    "role in the database": "ALTER ROLE {role} IN DATABASE {database} SET search_path = shadow, public",
}
NOT_SHADOWING = {
    "none": "SELECT 1",
    "later": "ALTER ROLE {role} SET search_path = public, shadow",
    "another tenant": "ALTER ROLE {role} SET search_path = shadow",
    "a user that is not there": f"ALTER SCHEMA shadow RENAME TO nobody; {SHADOWING['role']}",
    "another table": f"ALTER TABLE shadow.ledger_entries RENAME TO others; {SHADOWING['role']}",
}


def shadowed(ledger: Forger, setting: str) -> Outcome:
    """Examine a ledger with another table of its name, and a setting of a role's, which is taken back."""
    with role(ledger) as name:
        ((database,),) = ledger.run("SELECT current_database()")
        ledger.run(BY_NAME)
        ledger.run(setting.format(role=name, database=database))
        return examine(ledger)


@pytest.mark.parametrize("how", SHADOWING)
def test_another_table_that_a_search_path_finds_first_is_found_and_is_no_tampering(ledger: Forger, how: str) -> None:
    outcome = shadowed(ledger, SHADOWING[how])
    assert (outcome.status, outcome.inconclusive) == (Status.FAIL, True)
    assert [finding.code for finding in outcome.findings] == ["NAME_SHADOWED"]
    assert "a statement that names no schema finds shadow.ledger_entries instead of the ledger" in told(outcome)


@pytest.mark.parametrize("how", NOT_SHADOWING)
def test_another_table_that_no_search_path_finds_first_passes(ledger: Forger, how: str) -> None:
    assert shadowed(ledger, NOT_SHADOWING[how]).status is Status.PASS


def test_another_table_in_the_schema_of_a_role_is_a_warning(ledger: Forger) -> None:
    outcome = shadowed(ledger, "ALTER SCHEMA shadow RENAME TO {role}")
    assert (outcome.status, [finding.code for finding in outcome.findings]) == (Status.WARN, ["NAME_SHADOWED"])
    assert "the default search_path of the role audit_ledger_test_reader" in told(outcome)
