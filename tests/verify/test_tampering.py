"""Every attack of the catalogue against the default suite: exactly the findings it deserves, and no others."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from pytest_audit_ledger.drill.attacks import catalog_edits, checkpoints, provenance
from pytest_audit_ledger.drill.attacks.catalogue import attacks_in
from pytest_audit_ledger.model.outcome import Assurance, Severity, Status
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import ALONE, FOLDS, SEVERAL, UNUSED, Readers, accusing, run_suite, statuses
from tests.support.databases import build_partitioned, empty_database

Found = dict[str, list[tuple[str, int | None]]]

INSERTED: list[tuple[str, int | None]] = [("ENTRY_HASH_MISMATCH", number) for number in range(51, 102)]
OTHER: Found = {"table_guard": [("OTHER_LEDGER", None)]}
SHADOWED: Found = {"table_guard": [("OTHER_LEDGER", None), ("NAME_SHADOWED", None)]}

UNREFUSED: tuple[str, int | None] = ("TRIGGER_FUNCTION", None)

EXPECTED: dict[str, Found] = {
    "edit": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)]},
    "edit-with-own-hash": {"chain_linkage": [("HASH_MISMATCH", 51)]},
    "middle-deleted": {"chain_linkage": [("HASH_MISMATCH", 53)], "sequence_continuity": [("SEQUENCE_GAP", 50)]},
    "start-deleted": {"chain_linkage": [("HASH_MISMATCH", 5)], "sequence_continuity": [("SEQUENCE_GAP", 1)]},
    "swapped": {
        "chain_linkage": [("HASH_MISMATCH", number) for number in (50, 51, 52)],
        "entry_hash": [("ENTRY_HASH_MISMATCH", 50), ("ENTRY_HASH_MISMATCH", 51)],
        "timestamp_order": [("TIMESTAMP_ORDER", 51)],
    },
    "duplicated": {
        "chain_linkage": [("HASH_MISMATCH", 50)],
        "sequence_continuity": [("SEQUENCE_DUPLICATE", 50)],
        "table_guard": [("CONSTRAINT_MISSING", None), ("CONSTRAINT_MISSING", None)],
    },
    "inserted": {"chain_linkage": [("HASH_MISMATCH", 51)], "entry_hash": INSERTED},
    "clock-moved-back": {"timestamp_order": [("TIMESTAMP_ORDER", 50)]},
    "foreign-verdict": {
        "verdict_taxonomy": [("VERDICT_UNKNOWN", 50)],
        "table_guard": [("CONSTRAINT_MISSING", None)],
    },
    "trigger-disabled": {"append_only": [("TRIGGER_DISABLED", None)]},
    "trigger-emptied": {"append_only": [UNREFUSED, UNREFUSED, UNREFUSED]},
    "unique-dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "view-in-place": {"table_guard": [("NOT_A_TABLE", None)]},
    "rows-hidden": {"table_guard": [("ROW_SECURITY", None)]},
    "edit-and-rewrite": {},
    "end-deleted": {},
    "verdict-edited": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)]},
    "inserted-and-rewritten": {},
    "forked": {
        "chain_linkage": [("HASH_MISMATCH", 50), ("HASH_MISMATCH", 51)],
        "sequence_continuity": [("SEQUENCE_DUPLICATE", 50)],
        "table_guard": [("CONSTRAINT_MISSING", None)],
    },
    "forked-at-the-end": {"chain_linkage": [("HASH_MISMATCH", 101)]},
    "future-date": {"timestamp_order": [("TIMESTAMP_FUTURE", 100)]},
    "infinite-time": {
        "entry_hash": [("ENTRY_HASH_MISMATCH", 50)],
        "timestamp_order": [("TIMESTAMP_INFINITE", 50)],
    },
    "id-edited": {},
    "created-at-edited": {},
    "escalation-edited": {},
    "notes-edited": {},
    "false-entry": {},
    "middle-deleted-and-renumbered": {
        "chain_linkage": [("HASH_MISMATCH", 50)],
        "entry_hash": [("ENTRY_HASH_MISMATCH", number) for number in range(50, 98)],
    },
    "middle-deleted-and-rewritten": {},
    "start-deleted-and-rewritten": {},
    "rewritten-and-cut-off": {},
    "emptied-and-written-again": {},
    "trigger-dropped": {"append_only": [("TRIGGER_MISSING", None)]},
    "trigger-for-replicas": {"append_only": [("TRIGGER_DISABLED", None)]},
    "trigger-silenced": {"append_only": [("TRIGGER_BYPASS", None)]},
    "trigger-swallows": {"append_only": [UNREFUSED, UNREFUSED, UNREFUSED]},
    "trigger-conditional": {"append_only": [("TRIGGER_CONDITIONAL", None)]},
    "trigger-for-one-column": {"append_only": [("TRIGGER_CONDITIONAL", None)]},
    "shadowed-trigger-function": {"append_only": [UNREFUSED]},
    "silenced-and-edited": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)]},
    "unique-hash-dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "primary-key-dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "check-dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "check-not-validated": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "not-null-dropped": {"table_guard": [("CONSTRAINT_MISSING", None)]},
    "column-dropped": {"table_guard": [("COLUMN_MISSING", None)]},
    "column-retyped": {"table_guard": [("COLUMN_RETYPED", None)]},
    "rights-granted": {},
    "written-otherwise": {"append_only": [("INSERT_TRIGGER", None)]},
    "function-granted": {"append_only": [("DEFINER_FUNCTION", None)]},
    "inserts-swallowed": {"table_guard": [("REWRITE_RULE", None)]},
    "unlogged": {"table_guard": [("TABLE_UNLOGGED", None)]},
    "materialized-view-in-place": {"table_guard": [("NOT_A_TABLE", None)]},
    "entry-in-a-child-table": {
        "chain_linkage": [("HASH_MISMATCH", 50)],
        "sequence_continuity": [("SEQUENCE_DUPLICATE", 50)],
        "append_only": [("TRIGGER_MISSING", None)] * 3,
        "table_guard": [("CHILD_TABLE", None)],
    },
    "lying-index": {"sequence_continuity": [("ENTRIES_HIDDEN", None)]},
    "entry-missing-in-an-index": {},
    "shadowed-table": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)], **SHADOWED},
    "shadow-for-others": SHADOWED,
    "copy-left-behind": OTHER,
    "exchanged-and-put-back": {},
    "shown-while-verified": OTHER,
    "column-generated": {"table_guard": [("COLUMN_GENERATED", None)]},
    "triggers-switched-off": {"table_guard": [("CATALOG_CONTRADICTION", None)]},
    "trigger-hidden": {"table_guard": [("CATALOG_CONTRADICTION", None)]},
    "checks-switched-off": {"table_guard": [("CATALOG_CONTRADICTION", None)]},
    "uniqueness-switched-off": {"table_guard": [("CATALOG_CONTRADICTION", None), ("CONSTRAINT_MISSING", None)]},
    "check-not-true": {"table_guard": [("CONSTRAINT_UNTRUE", None)]},
    "shadowed-functions": {"entry_hash": [("ENTRY_HASH_MISMATCH", 50)]},
}


def found(verification: Verification) -> Found:
    return {
        outcome.check_id: [(f.code, f.sequence_number) for f in findings]
        for outcome in verification.outcomes
        if (findings := [f for f in outcome.findings if f.severity is not Severity.INFO])
    }


WARNED = {
    *("trigger-silenced", "unlogged", "copy-left-behind", "shown-while-verified", "written-otherwise"),
    "function-granted",
}
"""What fails no check, because it may be meant."""

OF_THE_CATALOG = {attack.name for attack in attacks_in(catalog_edits)}
"""What cannot be undone, not even by dropping the table, so it needs a database of its own."""

ELSEWHERE = {
    "emptied",
    "shown-by-a-rule",
    "foreign-partition",
    "edited-as-a-replica",
    *(attack.name for attack in attacks_in(provenance, checkpoints)),
}
"""What leaves no entry to read, is refused, needs schema v3 (test_provenance.py), or checkpoints (test_attacks.py)."""


def test_every_attack_has_an_expectation() -> None:
    assert EXPECTED.keys() | ELSEWHERE == TAMPERINGS.keys()


@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_a_clean_ledger_passes_every_check(forger: Forger, schema: str) -> None:
    verification = run_suite(forger.build(100, schema=schema).dsn)
    skipped = {name for name, status in statuses(verification).items() if status is Status.SKIP}
    assert skipped == set(UNUSED)
    assert not verification.with_status(Status.WARN, Status.FAIL, Status.ERROR)
    assert verification.sentence.startswith("All integrity checks passed. ")
    assert verification.assurance is Assurance.SELF_CONSISTENT


# tests/verify/test_merge_laws.py holds that segments and readers never matter; here connections and a server are real
IN_SEGMENTS = [
    *("edit", "edit-with-own-hash", "middle-deleted", "start-deleted", "swapped", "duplicated", "inserted"),
    *("clock-moved-back", "foreign-verdict", "infinite-time", "entry-in-a-child-table", "end-deleted"),
]


@pytest.mark.parametrize(
    ("name", "readers"), [(name, ALONE) for name in EXPECTED] + [(name, SEVERAL) for name in IN_SEGMENTS]
)
def test_an_attack_is_found_for_what_it_is_and_nothing_else(
    server: str, forger: Forger, name: str, readers: Readers
) -> None:
    with ExitStack() as stack:
        if name in OF_THE_CATALOG:
            forger = stack.enter_context(Forger(stack.enter_context(empty_database(server))))
        TAMPERINGS[name](forger.build(100))
        verification = run_suite(forger.dsn, **readers, samples=100)
    assert found(verification) == EXPECTED[name]
    assert accusing(verification) == []
    warned = name in WARNED
    shown = Assurance.SELF_CONSISTENT if warned or not EXPECTED[name] else Assurance.TAMPERED
    assert verification.assurance is (Assurance.UNVERIFIED if name == "shadow-for-others" else shown)
    assert bool(verification.with_status(Status.WARN)) is warned


OF_PARTITIONS = ["edit-and-rewrite", "inserted", "swapped", "foreign-verdict", "trigger-disabled", "lying-index"]


@pytest.mark.parametrize("name", OF_PARTITIONS)
def test_an_attack_on_a_partitioned_ledger_is_found_as_in_one_table(forger: Forger, name: str) -> None:
    TAMPERINGS[name](build_partitioned(forger, 100, 30, 60))
    codes = {kind: {code for code, _ in findings} for kind, findings in found(run_suite(forger.dsn)).items()}
    assert codes == {kind: {code for code, _ in findings} for kind, findings in EXPECTED[name].items()}


def test_an_emptied_table_leaves_nothing_to_evaluate(forger: Forger) -> None:
    TAMPERINGS["emptied"](forger.build(100))
    verification = run_suite(forger.dsn)
    assert verification.assurance is Assurance.UNVERIFIED
    assert {outcome.kind for outcome in verification.with_status(Status.ERROR)} == set(FOLDS)


def test_the_view_in_the_tables_place_is_not_read(forger: Forger) -> None:
    TAMPERINGS["view-in-place"](forger.build(100))
    outcomes = {outcome.check_id: outcome for outcome in run_suite(forger.dsn).outcomes}
    assert {name for name, outcome in outcomes.items() if outcome.status is Status.ERROR} == outcomes.keys() - {
        "table_guard",
        *UNUSED,
    }


@pytest.mark.parametrize("name", ["edit-and-rewrite", "end-deleted"])
def test_what_only_a_checkpoint_can_show_is_not_claimed(forger: Forger, name: str) -> None:
    TAMPERINGS[name](forger.build(100))
    assert "cannot be detected" in run_suite(forger.dsn).sentence
