"""Every tampering of the forger against the default suite: exactly the findings it deserves, and no others."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.outcome import Assurance, Severity, Status
from tests.forger import TAMPERINGS, Forger
from tests.postgres.support import UNUSED, run_suite, statuses

Found = dict[str, list[tuple[str, int | None]]]

INSERTED: list[tuple[str, int | None]] = [("ENTRY_HASH_MISMATCH", number) for number in range(51, 102)]
UNREFUSED: tuple[str, int | None] = ("TRIGGER_FUNCTION", None)

EXPECTED: dict[str, Found] = {
    "edit": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)]},
    "edit_with_own_hash": {"chain_linkage": [("HASH_MISMATCH", 51)]},
    "middle_deletion": {"chain_linkage": [("HASH_MISMATCH", 53)], "sequence_continuity": [("SEQUENCE_GAP", 50)]},
    "prefix_deletion": {"chain_linkage": [("HASH_MISMATCH", 5)], "sequence_continuity": [("SEQUENCE_GAP", 1)]},
    "swap": {
        "chain_linkage": [("HASH_MISMATCH", number) for number in (50, 51, 52)],
        "entry_hash": [("ENTRY_HASH_MISMATCH", 50), ("ENTRY_HASH_MISMATCH", 51)],
        "timestamp_order": [("TIMESTAMP_ORDER", 51)],
    },
    "duplicate": {
        "chain_linkage": [("HASH_MISMATCH", 50)],
        "sequence_continuity": [("SEQUENCE_DUPLICATE", 50)],
        "table_guard": [("CONSTRAINT_MISSING", None), ("CONSTRAINT_MISSING", None)],
    },
    "insertion": {"chain_linkage": [("HASH_MISMATCH", 51)], "entry_hash": INSERTED},
    "clock_regression": {"timestamp_order": [("TIMESTAMP_ORDER", 50)]},
    "foreign_verdict": {
        "verdict_taxonomy": [("VERDICT_UNKNOWN", 50)],
        "table_guard": [("CONSTRAINT_MISSING", None)],
    },
    "trigger_disabled": {"append_only": [("TRIGGER_DISABLED", None)]},
    "trigger_body_emptied": {"append_only": [UNREFUSED, UNREFUSED, UNREFUSED]},
    "constraint_dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "view_in_place": {"table_guard": [("NOT_A_TABLE", None)]},
    "rows_hidden_by_policy": {"table_guard": [("ROW_SECURITY", None)]},
    "full_rewrite": {},
    "tail_truncation": {},
}


def found(verification: Verification) -> Found:
    return {
        outcome.check_id: [(f.code, f.sequence_number) for f in findings]
        for outcome in verification.outcomes
        if (findings := [f for f in outcome.findings if f.severity is not Severity.INFO])
    }


def test_every_tampering_has_an_expectation() -> None:
    assert EXPECTED.keys() == TAMPERINGS.keys()


@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_a_clean_ledger_passes_every_check(forger: Forger, schema: str) -> None:
    verification = run_suite(forger.build(100, schema=schema).dsn)
    skipped = {name for name, status in statuses(verification).items() if status is Status.SKIP}
    assert skipped == set(UNUSED)
    assert not verification.with_status(Status.WARN, Status.FAIL, Status.ERROR)
    assert verification.sentence.startswith("Every integrity check that ran passed. ")
    assert verification.assurance is Assurance.SELF_CONSISTENT


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_found_for_what_it_is_and_nothing_else(forger: Forger, name: str, workers: int) -> None:
    TAMPERINGS[name](forger.build(100))
    verification = run_suite(forger.dsn, workers=workers, samples=100)
    assert found(verification) == EXPECTED[name]
    assert verification.assurance is (Assurance.TAMPERED if EXPECTED[name] else Assurance.SELF_CONSISTENT)


def test_the_view_in_the_tables_place_is_not_read(forger: Forger) -> None:
    TAMPERINGS["view_in_place"](forger.build(100))
    outcomes = {outcome.check_id: outcome for outcome in run_suite(forger.dsn).outcomes}
    assert {name for name, outcome in outcomes.items() if outcome.status is Status.ERROR} == outcomes.keys() - {
        "table_guard",
        *UNUSED,
    }


@pytest.mark.parametrize("name", ["full_rewrite", "tail_truncation"])
def test_what_only_a_checkpoint_can_show_is_not_claimed(forger: Forger, name: str) -> None:
    TAMPERINGS[name](forger.build(100))
    assert "would not show" in run_suite(forger.dsn).sentence
