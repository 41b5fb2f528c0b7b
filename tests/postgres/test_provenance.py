"""Envelopes and transcripts: every tampering with what is beside an entry, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.outcome import Assurance, Severity, Status
from tests.forger import Forger
from tests.postgres.support import outcomes, run_suite, statuses
from tests.provenance import (
    TAMPERINGS,
    build_signed,
)
from tests.signers import KEYS_GIVEN

Found = dict[str, list[tuple[str, int | None]]]

HASH, TOLD, SIGNATURE = "envelope_hash", "envelope_consistency", "transcript_signature"


def at(code: str, *numbers: int) -> list[tuple[str, int | None]]:
    return [(code, number) for number in numbers]


INCONSISTENT, UNNAMED = at("ENVELOPE_INCONSISTENT", 50), at("TRANSCRIPT_INCONSISTENT", 50)
TRANSCRIPT_HASH, INVALID = at("TRANSCRIPT_HASH_MISMATCH", 50), at("SIGNATURE_INVALID", 50)
MISMATCH, INCOMPLETE = at("ENVELOPE_HASH_MISMATCH", 50), at("TRANSCRIPT_INCOMPLETE", 50)

EXPECTED: dict[str, Found] = {
    "envelope_edited": {HASH: MISMATCH},
    "envelope_hash_edited": {HASH: MISMATCH},
    "envelope_taken_away": {HASH: MISMATCH, TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "envelope_hash_taken_away": {HASH: MISMATCH},
    "envelope_and_hash_taken_away": {TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "envelope_that_is_none": {HASH: MISMATCH, TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "verdict_of_the_envelope_edited_with_its_hash": {TOLD: INCONSISTENT},
    "reasoning_of_the_envelope_edited_with_its_hash": {TOLD: INCONSISTENT},
    "verifier_result_edited_with_the_hash": {TOLD: INCONSISTENT},
    "verifier_status_of_the_entry_edited": {TOLD: INCONSISTENT},
    "envelopes_exchanged": {TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "request_edited": {SIGNATURE: TRANSCRIPT_HASH},
    "response_edited": {SIGNATURE: TRANSCRIPT_HASH},
    "response_edited_with_its_hash": {SIGNATURE: INVALID},
    "response_taken_away": {SIGNATURE: TRANSCRIPT_HASH},
    "request_that_is_no_text": {SIGNATURE: TRANSCRIPT_HASH},
    "transcript_that_is_none": {SIGNATURE: TRANSCRIPT_HASH},
    "signature_flipped": {SIGNATURE: INVALID},
    "signature_of_the_column_alone_flipped": {SIGNATURE: [*UNNAMED, *INVALID]},
    "signature_of_the_document_alone_flipped": {SIGNATURE: UNNAMED},
    "signature_that_is_none": {SIGNATURE: INVALID},
    "signature_taken_away": {SIGNATURE: INCOMPLETE},
    "signature_and_key_taken_away": {SIGNATURE: INCOMPLETE},
    "document_taken_away": {SIGNATURE: INCOMPLETE},
    "signed_by_a_foreign_key": {SIGNATURE: at("UNKNOWN_KEY", 50)},
    "signed_by_a_foreign_key_in_the_name_of_ours": {SIGNATURE: INVALID},
    "key_that_is_none": {SIGNATURE: at("UNKNOWN_KEY", 50)},
    "transcripts_exchanged": {SIGNATURE: UNNAMED},
    "transcript_taken_away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50)},
    "transcripts_of_neighbours_taken_away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50, 51, 52)},
    "transcripts_at_both_ends_taken_away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 1, 2, 99, 100)},
    "everything_taken_away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50, 51)},
    "everything_taken_away_at_the_end": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 99, 100)},
    "called_unsigned": {SIGNATURE: at("TRANSCRIPT_UNSIGNED", 50, 51)},
}


def discovered(verification: Verification) -> Found:
    return {
        outcome.check_id: [(f.code, f.sequence_number) for f in findings]
        for outcome in verification.outcomes
        if (findings := [f for f in outcome.findings if f.severity is not Severity.INFO])
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_a_clean_signed_ledger_passes_every_check(forger: Forger, workers: int) -> None:
    verification = run_suite(build_signed(forger).dsn, workers=workers, given=KEYS_GIVEN)
    assert set(statuses(verification).values()) == {Status.PASS}
    assert outcomes(verification)[SIGNATURE].facts == {"transcripts": "100", "signatures verified": "100"}
    assert verification.assurance is Assurance.SELF_CONSISTENT


def test_every_tampering_has_an_expectation() -> None:
    assert EXPECTED.keys() == TAMPERINGS.keys()


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_found_for_what_it_is_and_nothing_else(forger: Forger, tmp_path: Path, name: str) -> None:
    TAMPERINGS[name](build_signed(forger))
    for workers in (1, 3):
        verification = run_suite(forger.dsn, workers=workers, samples=100, given=KEYS_GIVEN)
        assert discovered(verification) == EXPECTED[name]
        warned = name == "called_unsigned"
        assert verification.assurance is (Assurance.SELF_CONSISTENT if warned else Assurance.TAMPERED)
        assert bool(verification.with_status(Status.WARN)) is warned
