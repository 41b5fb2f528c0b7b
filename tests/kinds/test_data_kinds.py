"""The kinds about data: on entries that are as expected, that are not, and that only look wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_audit_ledger.model.outcome import Outcome, Severity, Status
from tests.forger import Forger
from tests.support.checks import REGISTRY, run_check

HOSTILE = 'we"ird %(x)s {ledger} \\'
"""The name of a column."""

COLUMNS = f"""
    ALTER TABLE ledger_entries DISABLE TRIGGER USER;
    ALTER TABLE ledger_entries
        ADD word text DEFAULT 'a', ADD code char(5) DEFAULT 'ab', ADD number int DEFAULT 1,
        ADD price numeric(5,2) DEFAULT 1.5, ADD other int DEFAULT 0, ADD moment timestamptz,
        ADD "{HOSTILE.replace('"', '""')}" text DEFAULT 'a';
    UPDATE ledger_entries SET moment = '2026-01-01'::timestamptz + sequence_number * interval '1 microsecond';
"""


@pytest.fixture(scope="module")
def prepared(workshop: Forger) -> Forger:
    workshop.run("RESET ALL; SET TimeZone = 'UTC'; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    workshop.build(10).run(COLUMNS)
    workshop.run("CREATE TABLE words (word text); INSERT INTO words VALUES ('a'), (NULL)")
    return workshop


@pytest.fixture
def ledger(prepared: Forger) -> Forger:
    """Ten entries with columns to spoil, as they were before the last test."""
    prepared.run(
        "UPDATE ledger_entries SET word = 'a', code = 'ab', number = 1, price = 1.5, other = 0, "
        "moment = '2026-01-01'::timestamptz + sequence_number * interval '1 microsecond'"
    )
    return prepared


def spoil(ledger: Forger, assignments: Mapping[int, str]) -> None:
    for number, assignment in assignments.items():
        ledger.run(f"UPDATE ledger_entries SET {assignment} WHERE sequence_number = {number}")


def seen(outcome: Outcome) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.sequence_number) for finding in outcome.findings]


Violation = tuple[str, dict[str, Any], dict[int, str], str, list[int]]

# kind, parameters, what is changed at which sequence number, the code of the findings, and where they are
VIOLATIONS: list[Violation] = [
    ("not_null", {"column": "word"}, {3: "word = NULL", 9: "word = NULL"}, "VALUE_MISSING", [3, 9]),
    ("unique", {"column": "moment"}, {4: "moment = '2026-01-01 00:00:00.000005+00'"}, "DUPLICATE", [4, 5]),
    (
        "unique_combination_of_columns",
        {"columns": ["word", "moment"], "where": "sequence_number in (2, 3)"},
        {2: "word = NULL, moment = NULL", 3: "word = NULL, moment = NULL"},
        "DUPLICATE",
        [2, 3],
    ),
    ("accepted_values", {"column": "word", "values": ["a", "b"]}, {2: "word = 'A'"}, "VALUE_NOT_ACCEPTED", [2]),
    ("accepted_values", {"column": "word", "values": ["a"]}, {2: "word = 'a '"}, "VALUE_NOT_ACCEPTED", [2]),
    ("accepted_values", {"column": "word", "values": ["a"]}, {2: "word = ''"}, "VALUE_NOT_ACCEPTED", [2]),
    ("accepted_values", {"column": "number", "values": [1, 2]}, {2: "number = 3"}, "VALUE_NOT_ACCEPTED", [2]),
    (
        "accepted_range",
        {"column": "number", "min_value": 1, "max_value": 5},
        {2: "number = 0", 4: "number = 6"},
        "OUT_OF_RANGE",
        [2, 4],
    ),
    (
        "accepted_range",
        {"column": "number", "max_value": 1, "inclusive": False, "where": "sequence_number = 5"},
        {},
        "OUT_OF_RANGE",
        [5],
    ),
    ("accepted_range", {"column": "price", "max_value": 1.505}, {6: "price = 1.51"}, "OUT_OF_RANGE", [6]),
    ("accepted_range", {"column": "number", "max_value": 1.5}, {6: "number = 2"}, "OUT_OF_RANGE", [6]),
    (
        "accepted_range",
        {"column": "moment", "max_value": "2026-01-01T00:00:00.000010Z"},
        {6: "moment = '2026-01-01 00:00:00.000011+00'"},
        "OUT_OF_RANGE",
        [6],
    ),
    ("accepted_range", {"column": "code", "max_value": "abz"}, {6: "code = 'abzz'"}, "OUT_OF_RANGE", [6]),
    (
        "values_match_regex",
        {"column": "word", "regex": "^[a-c]$"},
        {5: "word = 'ab'", 6: "word = 'A'"},
        "NO_MATCH",
        [5, 6],
    ),
    ("values_increasing", {"column": "moment"}, {5: "moment = '2026-01-01 00:00:00.000003+00'"}, "NOT_INCREASING", [5]),
    (
        "values_increasing",
        {"column": "moment", "strictly": True},
        {5: "moment = '2026-01-01 00:00:00.000004+00'"},
        "NOT_INCREASING",
        [5],
    ),
    (
        "values_increasing",
        {"column": "number"},
        {2: "number = 5", 3: "number = NULL", 4: "number = 4"},
        "NOT_INCREASING",
        [4, 5],
    ),
    ("sequential_values", {"column": "sequence_number", "where": "sequence_number <> 7"}, {}, "NOT_SEQUENTIAL", [8]),
    (
        "sequential_values",
        {"column": "moment", "interval": "1s"},
        {1: "moment = '2026-01-01 00:00:00+00'"},
        "NOT_SEQUENTIAL",
        list(range(2, 11)),
    ),
    (
        "pair_a_greater_than_b",
        {"column_a": "number", "column_b": "other"},
        {3: "other = 1", 4: "other = 2"},
        "PAIR_ORDER",
        [3, 4],
    ),
    (
        "pair_a_greater_than_b",
        {"column_a": "number", "column_b": "other", "or_equal": True},
        {3: "other = 1", 4: "other = 2"},
        "PAIR_ORDER",
        [4],
    ),
    (
        "relationships",
        {"column": "word", "to": "public.words", "field": "word"},
        {8: "word = 'b'"},
        "NO_COUNTERPART",
        [8],
    ),
    (
        "expression_is_true",
        {"expression": "number < 2"},
        {2: "number = 2", 3: "number = NULL"},
        "EXPRESSION_NOT_TRUE",
        [2, 3],
    ),
    (
        "failed_rows",
        {"query": "SELECT sequence_number FROM {ledger} WHERE number > 1"},
        {7: "number = 2"},
        "FAILED_ROW",
        [7],
    ),
]


@pytest.mark.parametrize(
    ("kind", "parameters", "changes", "code", "where"), VIOLATIONS, ids=lambda value: str(value)[:40]
)
def test_what_is_unexpected_is_found_where_it_is_and_nowhere_else(
    ledger: Forger, kind: str, parameters: dict[str, Any], changes: dict[int, str], code: str, where: list[int]
) -> None:
    spoil(ledger, changes)
    outcome = run_check(ledger.dsn, kind, parameters)
    assert seen(outcome) == [(code, number) for number in where], outcome.reason
    assert outcome.status is Status.FAIL
    assert outcome.unexpected_count == len(where)


INNOCENT: list[tuple[str, dict[str, Any], dict[int, str]]] = [
    ("not_null", {"column": "word"}, {2: "word = ''", 3: "word = ' '"}),
    ("unique", {"column": "moment"}, {2: "moment = NULL", 3: "moment = NULL"}),
    ("accepted_values", {"column": "word", "values": ["a"]}, {2: "word = NULL"}),
    ("accepted_values", {"column": "code", "values": ["ab"]}, {2: "code = 'ab   '"}),
    (
        "accepted_values",
        {"column": "word", "values": ["a", "it's", '"', "%(x)s", "{ledger}", "\\", "é"]},
        {
            2: "word = 'it''s'",
            3: "word = '\"'",
            4: "word = '%(x)s'",
            5: "word = '{ledger}'",
            6: r"word = '\'",
            7: "word = 'é'",
        },
    ),
    ("accepted_values", {"column": HOSTILE, "values": ["a"]}, {}),
    ("not_null", {"column": HOSTILE}, {}),
    ("unique_combination_of_columns", {"columns": ["number", "id"]}, {}),
    ("accepted_range", {"column": "number", "min_value": 1, "max_value": 3}, {2: "number = 3", 3: "number = NULL"}),
    ("accepted_range", {"column": "price", "min_value": 1.5, "max_value": 1.5}, {}),
    ("accepted_range", {"column": "moment", "max_value": "2026-01-01T01:00:00.000010+01:00"}, {}),
    (
        "values_match_regex",
        {"column": "word", "regex": r"^(a|%\(x\)s|\{ledger\}|'\\)$"},
        {2: "word = '%(x)s'", 3: "word = '{ledger}'", 4: r"word = '''\'", 5: "word = NULL"},
    ),
    ("values_increasing", {"column": "moment", "strictly": True}, {5: "moment = NULL"}),
    ("values_increasing", {"column": "number"}, {}),
    ("sequential_values", {"column": "sequence_number"}, {}),
    ("sequential_values", {"column": "sequence_number", "interval": 2, "where": "sequence_number % 2 = 1"}, {}),
    ("pair_a_greater_than_b", {"column_a": "number", "column_b": "other"}, {3: "number = NULL", 4: "other = NULL"}),
    ("relationships", {"column": "word", "to": "words", "field": "word"}, {8: "word = NULL"}),
    ("expression_is_true", {"expression": "number = 1 -- always"}, {}),
    ("failed_rows", {"query": "SELECT 1 FROM {ledger} WHERE word = '%'"}, {}),
    ("row_count_between", {"min_value": 10, "max_value": 10}, {}),
    ("row_count_between", {"max_value": 0, "where": "false"}, {}),
    ("recency", {"column": "created_at", "within": "1h"}, {}),
    ("columns_match_set", {"columns": ["id", "word"], "exact": False}, {}),
    ("metric", {"expression": "sum(number)", "error_if": "> 10", "warn_if": "< 10"}, {}),
]


@pytest.mark.parametrize(("kind", "parameters", "changes"), INNOCENT, ids=lambda value: str(value)[:40])
def test_what_only_looks_wrong_passes(
    ledger: Forger, kind: str, parameters: dict[str, Any], changes: dict[int, str]
) -> None:
    spoil(ledger, changes)
    outcome = run_check(ledger.dsn, kind, parameters)
    assert (outcome.status, outcome.unexpected_count, seen(outcome), outcome.reason) == (Status.PASS, 0, [], "")
    assert outcome.element_count > 0


def test_every_kind_about_data_is_shown_to_fail_and_to_pass() -> None:
    about_data = {kind.name for kind in REGISTRY if not kind.integrity} - {"hash_coverage"}
    failing = {row[0] for row in VIOLATIONS} | {row[0] for row in TOTALS}
    assert about_data == failing
    assert {row[0] for row in INNOCENT} == failing


TOTALS: list[tuple[str, dict[str, Any], list[str], str, str]] = [
    ("row_count_between", {"min_value": 11}, ["ROW_COUNT"], "at least 11", "10"),
    ("row_count_between", {"max_value": 9}, ["ROW_COUNT"], "at most 9", "10"),
    ("row_count_between", {"min_value": 1, "where": "false"}, ["ROW_COUNT"], "at least 1", "0"),
    ("recency", {"column": "moment", "within": "1s"}, ["STALE"], "within 1s before", "2026-01-01 00:00:00.00001+00"),
    (
        "columns_match_set",
        {"columns": ["id", "nothing"], "exact": False},
        ["COLUMN_MISSING"],
        "nothing",
        "no such column",
    ),
    ("metric", {"expression": "sum(number)", "error_if": ">= 10"}, ["METRIC"], "not >= 10", "10"),
    ("metric", {"expression": "avg(price)", "error_if": "!= 1.51"}, ["METRIC"], "not != 1.51", "1.5"),
]


@pytest.mark.parametrize(
    ("kind", "parameters", "codes", "expected", "actual"), TOTALS, ids=lambda value: str(value)[:40]
)
def test_what_is_wrong_with_the_whole_is_found(
    ledger: Forger, kind: str, parameters: dict[str, Any], codes: list[str], expected: str, actual: str
) -> None:
    outcome = run_check(ledger.dsn, kind, parameters)
    assert outcome.status is Status.FAIL, outcome.reason
    (finding,) = outcome.findings
    assert [finding.code] == codes
    assert finding.expected.startswith(expected)
    assert finding.actual.startswith(actual)


def test_columns_that_are_not_listed_are_found(ledger: Forger) -> None:
    listed = [
        name
        for (name,) in ledger.run(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_entries'::regclass AND attnum > 0"
        )
    ]
    assert run_check(ledger.dsn, "columns_match_set", {"columns": listed}).status is Status.PASS
    outcome = run_check(ledger.dsn, "columns_match_set", {"columns": [name for name in listed if name != "word"]})
    assert [(finding.code, finding.actual) for finding in outcome.findings] == [("COLUMN_UNEXPECTED", "word")]


def test_times_in_the_future_do_not_make_a_ledger_recent(ledger: Forger) -> None:
    spoil(ledger, {10: "moment = now() + interval '1 day'"})
    assert run_check(ledger.dsn, "recency", {"column": "moment", "within": "1h"}).status is Status.FAIL
    ledger.run("UPDATE ledger_entries SET moment = now() + interval '1 day'")
    (finding,) = run_check(ledger.dsn, "recency", {"column": "moment", "within": "1h"}).findings
    assert finding.message == "every moment is in the future"


# how much is too much

TWO = {3: "word = NULL", 9: "word = NULL"}


@pytest.mark.parametrize(
    ("limits", "status", "severity"),
    [
        ({"mostly": 0.8}, Status.PASS, Severity.INFO),
        ({"mostly": 0.80000001}, Status.FAIL, None),
        ({"mostly": 1}, Status.FAIL, None),
        ({"error_if": "> 2"}, Status.PASS, Severity.INFO),
        ({"error_if": ">= 2"}, Status.FAIL, None),
        ({"error_if": "> 2", "warn_if": "> 1"}, Status.WARN, Severity.WARNING),
        ({"error_if": "> 2", "warn_if": "> 2"}, Status.PASS, Severity.INFO),
        ({"error_if": "> 1", "warn_if": "> 0"}, Status.FAIL, None),
        ({"warn_if": "= 2"}, Status.WARN, Severity.WARNING),
        ({"warn_if": "!= 2"}, Status.PASS, Severity.INFO),
    ],
)
def test_limits_are_kept_to_the_last_entry(
    ledger: Forger, limits: dict[str, Any], status: Status, severity: Severity | None
) -> None:
    spoil(ledger, TWO)
    outcome = run_check(ledger.dsn, "not_null", {"column": "word", **limits})
    assert outcome.status is status
    assert {finding.severity for finding in outcome.findings} == {severity}
    assert outcome.unexpected_count == 2


@pytest.mark.parametrize(
    ("severity", "status"),
    [(Severity.CRITICAL, Status.FAIL), (Severity.WARNING, Status.WARN), (Severity.INFO, Status.PASS)],
)
def test_the_severity_of_the_check_decides_what_findings_do(ledger: Forger, severity: Severity, status: Status) -> None:
    spoil(ledger, TWO)
    outcome = run_check(ledger.dsn, "not_null", {"column": "word"}, severity=severity)
    assert (outcome.status, outcome.unexpected_count) == (status, 2)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("not_null", {"column": "word"}),
        ("accepted_values", {"column": "word", "values": ["a"]}),
        ("metric", {"expression": "count(*)", "error_if": "> 5"}),
        ("recency", {"column": "moment", "within": "1h"}),
        ("expression_is_true", {"expression": "true"}),
    ],
)
def test_nothing_judged_is_an_error_unless_it_may_be(ledger: Forger, kind: str, parameters: dict[str, Any]) -> None:
    outcome = run_check(ledger.dsn, kind, {**parameters, "where": "false"})
    assert outcome.status is Status.ERROR
    assert outcome.reason.startswith("There was no entry to judge")
    allowed = run_check(ledger.dsn, kind, {**parameters, "where": "false", "allow_empty": True})
    assert allowed.status is Status.SKIP


def test_nothing_but_missing_values_is_nothing_judged(ledger: Forger) -> None:
    ledger.run("UPDATE ledger_entries SET word = NULL")
    outcome = run_check(ledger.dsn, "accepted_values", {"column": "word", "values": ["a"]})
    assert outcome.status is Status.ERROR


def test_where_decides_which_entries_are_judged(ledger: Forger) -> None:
    spoil(ledger, TWO)
    outcome = run_check(ledger.dsn, "not_null", {"column": "word", "where": "sequence_number < 9 -- not the last"})
    assert (outcome.element_count, seen(outcome)) == (8, [("VALUE_MISSING", 3)])


def test_no_more_findings_are_kept_than_asked_for_and_all_are_counted(ledger: Forger) -> None:
    outcome = run_check(ledger.dsn, "accepted_values", {"column": "word", "values": ["b"]}, samples=3)
    assert (outcome.unexpected_count, len(outcome.findings)) == (10, 3)


def test_a_value_is_shown_beside_the_one_before_unless_it_is_redacted(ledger: Forger) -> None:
    spoil(ledger, {5: "moment = '2026-01-01 00:00:00.000001+00'"})
    parameters = {"column": "moment"}
    (finding,) = run_check(ledger.dsn, "values_increasing", parameters).findings
    assert finding.actual == (
        "moment = 2026-01-01 00:00:00.000001+00, the value before = 2026-01-01 00:00:00.000004+00"
    )
    (finding,) = run_check(ledger.dsn, "values_increasing", {**parameters, "redact": ["moment"]}).findings
    assert finding.actual == "moment = (redacted)"


def test_a_column_that_is_not_there_is_named_with_the_one_that_was_meant(ledger: Forger) -> None:
    outcome = run_check(ledger.dsn, "not_null", {"column": "verdikt"})
    assert (outcome.status, outcome.reason) == (
        Status.ERROR,
        "The ledger has no column 'verdikt'. Did you mean 'verdict'?",
    )
