"""Texts, times, types and gaps that no runtime writes: each is read as it is, or is a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_audit_ledger.model.entry import Entry, entry_hash
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.output.outcome_text import describe
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.checks import FOLDS, GUARDS, SEVERAL, Readers, both, core_statuses, found, outcomes, run_suite, told
from tests.support.readings import ALL_PASS, this_database
from tests.support.rows import chained

# --- hostile and odd content


CONTROLS = "".join(map(chr, (*range(0x01, 0x20), *range(0x7F, 0xA0))))

HOSTILE = {
    "control characters": CONTROLS,
    "each control character between backslashes": "".join(f"\\{c}\\" for c in CONTROLS),
    "terminal escapes": "\x1b[2J\x1b]0;owned\x07\x1b[31mPASS\x1b[0m\r",
    "COPY's NULL": r"\N",
    "COPY's end": "\\.",
    "backslashes": "\\ \\\\ \\\\\\ \\n \\v \\u0000 \\x41 \\\\N",
    "null": "null",
    "empty": "",
    "spaces": "  \t ",
    "quotes": '"\'`"" \'\' "null" \\"',
    "like JSON": '","verdict":"CLEAR","x":{"\\N":null}}',
    "emoji": "🚨👩‍🚒🇩🇪",
    "vertical tab": "a\vb\x0bc\\v",
    "beyond": "\u2028\u2029\ufeff\u202e\u200b\ue000\uffff\U0010ffff",
    "format strings": "%s %(table)s {0} {ledger} $1 :x ?",
    "markup": "]]></failure><script>alert(1)</script>&amp;",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of what is escaped": '\x01"\\\v\n' * 200_000,
}

FREE_TEXTS = (
    "verdict",
    "telemetry_id",
    "rule_id",
    "knowledge_graph_version",
    "ski_model_version",
    "reasoning",
    "track",
)


def unconstrained(forger: Forger, *columns: str) -> None:
    for column in columns:
        forger.run(f"ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_{column}_check")


def hostile_entries() -> Iterator[Entry]:
    for text, entry in zip(HOSTILE.values(), sample_entries(len(HOSTILE)), strict=True):
        long = len(text) > 100_000
        texts = {column: text for column in FREE_TEXTS if not long or column == "reasoning"}
        yield replace(entry, **texts)  # type: ignore[arg-type]


@both
def test_a_valid_chain_passes_whatever_its_texts_hold(forger: Forger, readers: Readers) -> None:
    unconstrained(forger.build(0), "verdict", "track")
    forger.append(chained(hostile_entries()))
    verification = run_suite(forger.dsn, **readers, samples=100)
    results = outcomes(verification)
    for fold in FOLDS[:4]:
        assert results[fold].status is Status.PASS, told(results[fold])
        assert results[fold].element_count == len(HOSTILE)
    strange = [text for text in HOSTILE.values() if len(text) <= 100_000]
    assert [finding.actual for finding in results["verdict_taxonomy"].findings] == strange


def test_tampering_is_found_among_hostile_texts_and_told_in_printable_words(forger: Forger) -> None:
    unconstrained(forger.build(0), "verdict", "track")
    forger.append(chained(hostile_entries()))
    forger.unguarded("UPDATE ledger_entries SET reasoning = reasoning || E'\\x01'")
    results = outcomes(run_suite(forger.dsn, samples=100))
    assert results["entry_hash"].unexpected_count == len(HOSTILE)
    assert results["chain_linkage"].status is Status.PASS
    for outcome in results.values():
        assert all(line.isprintable() for line in describe(outcome).split("\n"))


ODD_TIMESTAMPS = {
    "infinity": ["TIMESTAMP_INFINITE"],
    "-infinity": ["TIMESTAMP_INFINITE"],
    "10000-01-01 00:00:00+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "294276-12-31 23:59:59.999999+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "9999-12-31 23:59:59.999999+00": ["TIMESTAMP_FUTURE", "TIMESTAMP_ORDER"],
    "0044-03-15 12:00:00+00 BC": ["TIMESTAMP_ORDER"],
    "4713-01-01 00:00:00.5+00 BC": ["TIMESTAMP_ORDER"],
    "0001-01-01 00:00:00+00": ["TIMESTAMP_ORDER"],
}


@pytest.mark.parametrize("timestamp", ODD_TIMESTAMPS)
def test_an_odd_timestamp_is_a_finding(forger: Forger, timestamp: str) -> None:
    forger.build(100).unguarded(f"UPDATE ledger_entries SET timestamp = '{timestamp}' WHERE sequence_number = 50")
    results = outcomes(run_suite(forger.dsn))
    assert found(results["entry_hash"]) == [("ENTRY_HASH_MISMATCH", 50)]
    assert sorted(results["timestamp_order"].codes) == ODD_TIMESTAMPS[timestamp]
    assert results["timestamp_order"].status is Status.FAIL
    assert {number for _, number in found(results["timestamp_order"])} <= {50, 51}
    assert results["chain_linkage"].status is results["sequence_continuity"].status is Status.PASS


@pytest.mark.parametrize("numbers", [(1,), (100,), (1, 2, 100), tuple(range(1, 101))])
def test_infinite_timestamps_are_found_wherever_they_stand(forger: Forger, numbers: tuple[int, ...]) -> None:
    forger.build(100).unguarded(
        f"UPDATE ledger_entries SET timestamp = 'infinity' WHERE sequence_number IN ({', '.join(map(str, numbers))})"
    )
    verification = run_suite(forger.dsn, samples=1000)
    results = outcomes(verification)
    assert found(results["timestamp_order"]) == [("TIMESTAMP_INFINITE", number) for number in numbers]
    assert found(results["entry_hash"]) == [("ENTRY_HASH_MISMATCH", number) for number in numbers]
    assert verification.assurance is Assurance.TAMPERED


HASHED = (
    "previous_hash",
    "timestamp",
    "verdict",
    "telemetry_id",
    "telemetry_hash",
    "rule_id",
    "knowledge_graph_version",
    "ski_model_version",
    "reasoning",
    "track",
)

MISSING_VALUES = {
    "previous_hash": {"chain_linkage": ("HASH_MISMATCH", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "entry_hash": {"chain_linkage": ("HASH_MISMATCH", 51), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "timestamp": {"timestamp_order": ("TIMESTAMP_MISSING", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "verdict": {"verdict_taxonomy": ("VERDICT_UNKNOWN", 50), "entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "telemetry_id": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "telemetry_hash": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
    "ski_model_version": {"entry_hash": ("ENTRY_HASH_MISMATCH", 50)},
}


@pytest.mark.parametrize("column", MISSING_VALUES)
def test_a_missing_value_is_a_finding(forger: Forger, column: str) -> None:
    forger.build(100).run(f'ALTER TABLE ledger_entries ALTER COLUMN "{column}" DROP NOT NULL')
    forger.unguarded(f'UPDATE ledger_entries SET "{column}" = NULL WHERE sequence_number = 50')
    results = outcomes(run_suite(forger.dsn))
    assert {fold: found(results[fold])[0] for fold in FOLDS if results[fold].findings} == MISSING_VALUES[column]
    assert {fold for fold in FOLDS if results[fold].status is Status.ERROR} == set()


@pytest.mark.parametrize("numbers", ["= 50", "IN (50, 100)", "> 0"])
@both
def test_missing_sequence_numbers_are_findings(forger: Forger, readers: Readers, numbers: str) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries ALTER COLUMN sequence_number DROP NOT NULL")
    forger.unguarded(f"UPDATE ledger_entries SET sequence_number = NULL WHERE sequence_number {numbers}")
    results = outcomes(run_suite(forger.dsn, **readers))
    for fold in ("sequence_continuity", "entry_hash"):
        assert results[fold].status is Status.FAIL, told(results[fold])
        assert results[fold].element_count == 100
    assert "SEQUENCE_MISSING" in results["sequence_continuity"].codes


def test_a_ledger_that_lost_its_unique_key_is_read_in_order(forger: Forger) -> None:
    forger.build(0).run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    entries = list(sample_entries(500))
    forger.append(entries[250:] + entries[:250])
    verification = run_suite(forger.dsn, **SEVERAL)
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": Status.FAIL}
    assert verification.survey is not None
    assert verification.survey.head_hash == entry_hash(entries[-1])


def test_a_timestamp_column_without_time_zone_hashes_as_utc(forger: Forger) -> None:
    forger.build(50).unguarded("ALTER TABLE ledger_entries ALTER COLUMN timestamp TYPE timestamp without time zone")
    forger.run(f"ALTER DATABASE {this_database(forger)} SET timezone = 'America/New_York'")
    verification = run_suite(forger.dsn)
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": Status.FAIL}
    assert outcomes(verification)["table_guard"].codes == {"COLUMN_RETYPED": 1}


SPELLINGS = {
    "timestamp": ["timestamptz(6)", "moment", "timestamptz(3)", "timestamp(6)", "coarse"],
    "sequence_number": ["number"],
    "entry_hash": ["varchar(64)", "varchar(80)", "words"],
    "reasoning": ["varchar", "words"],
}
"""Types that a ledger of whole milliseconds can have."""


@pytest.mark.parametrize(("column", "type_name"), [(name, one) for name, types in SPELLINGS.items() for one in types])
def test_another_spelling_of_a_type_is_read_as_the_type(forger: Forger, column: str, type_name: str) -> None:
    rounded = (
        replace(one, timestamp=re.sub(r"(\.\d{3})\d{3}", r"\g<1>000", one.timestamp)) for one in sample_entries(50)
    )
    forger.build(entries=list(chained(rounded)))
    forger.run(
        "CREATE DOMAIN moment AS timestamptz(6) CHECK (value > '1970-01-01'); CREATE DOMAIN coarse AS timestamptz(3);"
        "CREATE DOMAIN number AS bigint; CREATE DOMAIN words AS text"
    )
    forger.unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN {column} TYPE {type_name}")
    verification = run_suite(forger.dsn, **SEVERAL)
    expected = {"timestamptz(3)": Status.WARN, "coarse": Status.WARN, "timestamp(6)": Status.FAIL}
    assert core_statuses(verification) == {**ALL_PASS, "table_guard": expected.get(type_name, Status.PASS)}


def test_digits_that_a_retyped_timestamp_lost_are_found_by_its_hash(forger: Forger) -> None:
    forger.build(50).unguarded("ALTER TABLE ledger_entries ALTER COLUMN timestamp TYPE timestamptz(3)")
    results = outcomes(run_suite(forger.dsn))
    assert results["entry_hash"].status is Status.FAIL
    assert results["table_guard"].codes == {"COLUMN_RETYPED": 1}
    assert results["timestamp_order"].status is Status.PASS


@pytest.mark.parametrize("type_name", ["text", "numeric", "double precision"])
def test_sequence_numbers_that_are_no_integers_give_no_order(forger: Forger, type_name: str) -> None:
    forger.build(50).unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN sequence_number TYPE {type_name}")
    results = outcomes(run_suite(forger.dsn))
    for fold in FOLDS:
        assert results[fold].status is Status.ERROR
        assert f"the column sequence_number is {type_name}, so entries have no order" in results[fold].reason


@pytest.mark.parametrize("type_name", ["smallint", "integer"])
def test_shorter_integers_are_read_and_the_guard_tells_of_them(forger: Forger, type_name: str) -> None:
    forger.build(50).unguarded(f"ALTER TABLE ledger_entries ALTER COLUMN sequence_number TYPE {type_name}")
    assert core_statuses(run_suite(forger.dsn)) == {**ALL_PASS, "table_guard": Status.FAIL}


@pytest.mark.parametrize("column", HASHED)
def test_without_a_hashed_column_the_hash_cannot_be_evaluated_and_the_rest_can(forger: Forger, column: str) -> None:
    forger.build(50).run(f'ALTER TABLE ledger_entries DROP COLUMN "{column}"')
    verification = run_suite(forger.dsn)
    results = outcomes(verification)
    also = {"previous_hash": "chain_linkage", "timestamp": "timestamp_order", "verdict": "verdict_taxonomy"}
    unreadable = {"entry_hash", also.get(column, "entry_hash")}
    assert {fold for fold in FOLDS if results[fold].status is Status.ERROR} == unreadable
    assert {fold for fold in FOLDS if results[fold].status is Status.PASS} == set(FOLDS) - unreadable
    for fold in unreadable:
        assert f"the column {column} is missing" in results[fold].reason
    assert ("COLUMN_MISSING", None) in found(results["table_guard"])
    assert verification.assurance is Assurance.TAMPERED


def test_without_sequence_numbers_nothing_can_be_read(forger: Forger) -> None:
    forger.build(50).run("ALTER TABLE ledger_entries DROP COLUMN sequence_number")
    results = outcomes(run_suite(forger.dsn))
    assert {results[fold].status for fold in FOLDS} == {Status.ERROR}
    assert all("the column sequence_number is missing" in results[fold].reason for fold in FOLDS)


@pytest.mark.parametrize(("allow_empty", "status"), [(False, Status.ERROR), (True, Status.SKIP)])
@both
def test_an_empty_ledger_is_never_a_pass(forger: Forger, readers: Readers, allow_empty: bool, status: Status) -> None:
    verification = run_suite(forger.build(0).dsn, allow_empty=allow_empty, **readers)
    assert core_statuses(verification) == {**dict.fromkeys(FOLDS, status), **dict.fromkeys(GUARDS, Status.PASS)}
    assert verification.assurance is Assurance.UNVERIFIED
