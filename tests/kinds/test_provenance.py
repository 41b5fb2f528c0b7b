"""Envelopes and transcripts: every tampering with what comes with an entry, and what only looks like one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.kinds.hash_coverage import NOTHING as COVERED_BY_NOTHING
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.model.jsonb import canonical, digest
from pytest_audit_ledger.model.outcome import Assurance, Severity, Status
from pytest_audit_ledger.scratch.sample import Provenance, sample_entries
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import (
    ALONE,
    SEVERAL,
    UNUSED,
    Readers,
    accusing,
    both,
    found,
    outcomes,
    run_check,
    run_suite,
    statuses,
    told,
    told_of_entries,
)
from tests.support.databases import emptied
from tests.support.provenance import (
    NO_TRANSCRIPT,
    NOTHING,
    SIGNED,
    TAMPERINGS,
    build_signed,
    edit_envelope,
    edit_transcript,
    nothing,
    store,
    stored,
    unsigned,
)
from tests.support.signers import FOREIGN_PEM, KEYS_GIVEN, PEM

CHECKPOINT_KEY = SigningKey("bank.example/ledger", bytes(range(32)))

Found = dict[str, list[tuple[str, int | None]]]

HASH, TOLD, SIGNATURE = "envelope_hash", "envelope_consistency", "transcript_signature"


def at(code: str, *numbers: int) -> list[tuple[str, int | None]]:
    return [(code, number) for number in numbers]


INCONSISTENT, UNNAMED = at("ENVELOPE_INCONSISTENT", 50), at("TRANSCRIPT_INCONSISTENT", 50)
TRANSCRIPT_HASH, INVALID = at("TRANSCRIPT_HASH_MISMATCH", 50), at("SIGNATURE_INVALID", 50)
MISMATCH, INCOMPLETE = at("ENVELOPE_HASH_MISMATCH", 50), at("TRANSCRIPT_INCOMPLETE", 50)

EXPECTED: dict[str, Found] = {
    "envelope-edited-with-its-hash": {},
    "unsigned-parts-edited": {},
    "envelope-edited": {HASH: MISMATCH},
    "envelope-hash-edited": {HASH: MISMATCH},
    "envelope-taken-away": {HASH: MISMATCH, TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "envelope-hash-taken-away": {HASH: MISMATCH},
    "envelope-stripped": {TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "envelope-that-is-none": {HASH: MISMATCH, TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "envelope-verdict-edited": {TOLD: INCONSISTENT},
    "reasoning-of-the-envelope-edited-with-its-hash": {TOLD: INCONSISTENT},
    "verifier-result-edited-with-the-hash": {TOLD: INCONSISTENT},
    "verifier-status-edited": {TOLD: INCONSISTENT},
    "envelopes-exchanged": {TOLD: INCONSISTENT, SIGNATURE: UNNAMED},
    "request-edited": {SIGNATURE: TRANSCRIPT_HASH},
    "response-edited": {SIGNATURE: TRANSCRIPT_HASH},
    "response-edited-with-its-hash": {SIGNATURE: INVALID},
    "response-taken-away": {SIGNATURE: TRANSCRIPT_HASH},
    "request-that-is-no-text": {SIGNATURE: TRANSCRIPT_HASH},
    "transcript-that-is-none": {SIGNATURE: TRANSCRIPT_HASH},
    "signature-flipped": {SIGNATURE: INVALID},
    "signature-of-the-column-alone-flipped": {SIGNATURE: [*UNNAMED, *INVALID]},
    "signature-of-the-document-alone-flipped": {SIGNATURE: UNNAMED},
    "signature-that-is-none": {SIGNATURE: INVALID},
    "signature-taken-away": {SIGNATURE: INCOMPLETE},
    "signature-stripped": {SIGNATURE: INCOMPLETE},
    "document-stripped": {SIGNATURE: INCOMPLETE},
    "signed-by-a-foreign-key": {SIGNATURE: at("UNKNOWN_KEY", 50)},
    "signed-in-our-name": {SIGNATURE: INVALID},
    "key-that-is-none": {SIGNATURE: at("UNKNOWN_KEY", 50)},
    "transcripts-exchanged": {SIGNATURE: UNNAMED},
    "transcript-stripped": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50)},
    "transcripts-of-neighbours-taken-away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50, 51, 52)},
    "transcripts-at-both-ends-taken-away": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 1, 2, 99, 100)},
    "everything-stripped": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 50)},
    "everything-taken-away-at-the-end": {SIGNATURE: at("TRANSCRIPT_STRIPPED", 99, 100)},
    "called-unsigned": {SIGNATURE: at("TRANSCRIPT_UNSIGNED", 50, 51)},
}


def discovered(verification: Verification) -> Found:
    return {
        outcome.check_id: [(f.code, f.sequence_number) for f in findings]
        for outcome in verification.outcomes
        if (findings := [f for f in outcome.findings if f.severity is not Severity.INFO])
    }


@both
def test_a_clean_signed_ledger_passes_every_check(forger: Forger, readers: Readers) -> None:
    verification = run_suite(build_signed(forger).dsn, **readers, run_parameters=KEYS_GIVEN)
    assert set(told_of_entries(verification).values()) == {Status.PASS}
    assert outcomes(verification)[SIGNATURE].facts == {"transcripts": "100", "signatures verified": "100"}
    assert verification.assurance is Assurance.SELF_CONSISTENT


def test_every_tampering_has_an_expectation() -> None:
    assert EXPECTED.keys() == TAMPERINGS.keys()


# tests/verify/test_merge_laws.py holds that segments and readers never matter; here connections and a server are real
IN_SEGMENTS = [
    "envelope-edited",
    "reasoning-of-the-envelope-edited-with-its-hash",
    "request-edited",
    "signed-by-a-foreign-key",
    "transcripts-of-neighbours-taken-away",
    "transcripts-at-both-ends-taken-away",
    "everything-taken-away-at-the-end",
    "called-unsigned",
]


@pytest.mark.parametrize(
    ("name", "readers"), [(name, ALONE) for name in TAMPERINGS] + [(name, SEVERAL) for name in IN_SEGMENTS]
)
def test_a_tampering_is_found_for_what_it_is_and_nothing_else(forger: Forger, name: str, readers: Readers) -> None:
    TAMPERINGS[name](build_signed(forger))
    verification = run_suite(forger.dsn, **readers, samples=100, run_parameters=KEYS_GIVEN)
    assert discovered(verification) == EXPECTED[name]
    assert accusing(verification) == []
    warned = name == "called-unsigned"
    is_shown = EXPECTED[name] and not warned
    assert verification.assurance is (Assurance.TAMPERED if is_shown else Assurance.SELF_CONSISTENT)
    assert bool(verification.with_status(Status.WARN)) is warned


def test_what_disagrees_is_told_side_by_side_and_accuses_neither(forger: Forger) -> None:
    verdict = build_signed(forger).entry(50).verdict
    store(forger, [50], verdict="DISCRETIONARY", transcript_signature="00" * 64)
    told_of = outcomes(run_suite(forger.dsn, run_parameters=KEYS_GIVEN))
    (hashes,), (said,) = told_of["entry_hash"].findings, told_of[TOLD].findings
    assert hashes.sides == ("recomputed", "stored")
    assert (hashes.expected, hashes.actual) == (entry_hash(forger.entry(50)), forger.row(50)["entry_hash"])
    assert (said.sides, said.expected, said.actual) == (
        ("entry", "envelope"),
        "verdict DISCRETIONARY",
        f"verdict {verdict}",
    )
    assert "If entry_hash reports nothing there" in told_of[TOLD].remedy
    signature = told_of[SIGNATURE].findings[-1]
    assert (signature.code, signature.sides) == ("SIGNATURE_INVALID", ("key named", "signature"))
    assert (signature.expected, signature.actual) == (forger.row(50)["signing_key_id"], "00" * 64)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_same_is_found_in_an_export(forger: Forger, tmp_path: Path, suffix: str) -> None:
    build_signed(forger)
    for number, name in enumerate(("envelope-edited", "response-edited", "transcripts-at-both-ends-taken-away")):
        TAMPERINGS[name](forger)
        path = tmp_path / f"{number}{suffix}"
        with Ledger(forger.dsn) as ledger:
            ledger.export_entries(output_file=path)
        with Ledger(str(path)) as export, Ledger(forger.dsn) as ledger:
            offline, online = (one.verify_integrity(transcript_keys=[PEM], samples=100) for one in (export, ledger))
        assert discovered(offline) == discovered(online) != {}


def test_a_number_in_another_form_is_found_in_an_export_as_in_the_database(forger: Forger, tmp_path: Path) -> None:
    """JSON readers take 1.50 for 1.5 and give the number of the hash; the database still shows the edit."""
    build_signed(forger, 10)
    for number in (3, 4):
        envelope = {**stored(forger, number)["envelope_json"], "notes": [1.5, 1e-07, 1e22]}
        store(forger, [number], envelope_json=envelope, envelope_hash=digest(canonical(envelope)))
    forger.unguarded(
        "UPDATE ledger_entries SET envelope_json = replace(envelope_json::text, '1.5', '1.50')::jsonb "
        "WHERE sequence_number = 4"
    )
    for name in ("x.csv", "x.json"):
        with Ledger(forger.dsn) as ledger:
            assert found(outcomes(ledger.verify_integrity())[HASH]) == [("ENVELOPE_HASH_MISMATCH", 4)]
            ledger.export_entries(output_file=tmp_path / name)
        with Ledger(str(tmp_path / name)) as export:
            assert found(outcomes(export.verify_integrity())[HASH]) == [("ENVELOPE_HASH_MISMATCH", 4)]


# What cannot be told, and what only looks like tampering


def test_numbers_that_jsonb_changes_are_no_tampering(forger: Forger) -> None:
    build_signed(forger)
    numbers = [1e22, 10**22, -0.0, 1e-07, 1.5e300, 0.0, 2**70]
    envelope = {**stored(forger, 50)["envelope_json"], "notes": numbers}
    store(forger, [50], envelope_json=envelope, envelope_hash=digest(canonical(envelope)))
    assert told(run_check(forger.dsn, HASH)).startswith("PASS")


def test_what_jsonb_no_longer_gives_is_a_warning_and_said_to_be_so(forger: Forger) -> None:
    build_signed(forger)
    mixed = [-0.0, 0.0] * 20
    envelope = {**stored(forger, 50)["envelope_json"], "notes": mixed}
    store(forger, [50], envelope_json=envelope, envelope_hash=digest(canonical(envelope)))
    answer = {"verdict": "FLAG", "numbers": mixed}
    edit_transcript(forger, 51, response_canonical=answer, response_hash=digest(canonical(answer)))
    edit_transcript(forger, 52, backend_metadata={"numbers": mixed}, response_canonical={})
    verification = run_suite(forger.dsn)
    assert outcomes(verification)[HASH].status is Status.WARN
    assert discovered(verification) == {
        HASH: [("ENVELOPE_NOT_REDERIVABLE", 50)],
        # and numbers elsewhere in the document are no excuse for an edited response
        SIGNATURE: [
            ("SIGNATURES_UNVERIFIED", None),
            ("TRANSCRIPT_NOT_REDERIVABLE", 51),
            ("TRANSCRIPT_HASH_MISMATCH", 52),
        ],
    }


def test_without_a_key_the_hashes_are_checked_and_the_rest_is_a_warning(forger: Forger) -> None:
    outcome = run_check(build_signed(forger).dsn, SIGNATURE)
    assert outcome.status is Status.WARN
    (finding,) = outcome.findings
    assert finding.message == (
        "100 transcripts match their hashes; their signatures were not verified, because no key was given"
    )
    assert "--ledger-transcript-key" in outcome.remedy
    assert "Compare" not in outcome.remedy, "nothing was found that a backup could settle"
    TAMPERINGS["request-edited"](forger)
    outcome = run_check(forger.dsn, SIGNATURE)
    assert outcome.status is Status.FAIL
    assert "match" not in outcome.findings[0].message
    assert "--ledger-transcript-key" in outcome.remedy
    assert "Compare the entries shown" in outcome.remedy


def test_keys_that_were_in_use_one_after_the_other_are_all_trusted(forger: Forger) -> None:
    TAMPERINGS["signed-by-a-foreign-key"](build_signed(forger))
    outcome = run_check(forger.dsn, SIGNATURE, {"keys": [PEM, FOREIGN_PEM]})
    assert told(outcome).startswith("PASS")
    outcome = run_check(forger.dsn, SIGNATURE, {"keys": [FOREIGN_PEM]}, samples=1)
    assert outcome.codes == {"UNKNOWN_KEY": 99}


def test_a_ledger_without_provenance_skips_with_the_reason(forger: Forger) -> None:
    reasons = {"2.1": "The ledger has none of the columns of schema v3.", "3": "No entry has "}
    for schema, reason in reasons.items():
        emptied(forger).build(5, schema=schema)
        skipped = {outcome.kind: outcome.reason for outcome in run_suite(forger.dsn).with_status(Status.SKIP)}
        assert skipped.keys() == set(UNUSED)
        assert all(skipped[kind].startswith(reason) for kind in (HASH, TOLD, SIGNATURE))


def test_a_column_of_v3_that_is_lost_is_no_reason_to_skip(forger: Forger) -> None:
    build_signed(forger).run("ALTER TABLE ledger_entries DROP COLUMN envelope_hash")
    ended = statuses(run_suite(forger.dsn, run_parameters=KEYS_GIVEN))
    assert (ended[HASH], ended["table_guard"], ended[SIGNATURE]) == (Status.ERROR, Status.FAIL, Status.PASS)


@pytest.mark.parametrize("taken", [NO_TRANSCRIPT, NOTHING], ids=["transcripts", "everything"])
def test_transcripts_that_are_all_absent_are_a_warning_unless_declared(forger: Forger, taken: dict[str, None]) -> None:
    store(build_signed(forger), range(1, 101), **taken)
    outcome = run_check(forger.dsn, SIGNATURE, **SEVERAL)
    assert outcome.status is Status.WARN
    assert outcome.codes == {"TRANSCRIPTS_ABSENT": 1}
    assert outcome.findings[0].message.startswith(
        "100 entries should have a transcript, judging by their envelope or track"
    )
    assert run_check(forger.dsn, SIGNATURE, {"stripped": "allow"}).status is Status.SKIP
    assert run_check(forger.dsn, SIGNATURE, {"stripped": "every"}).codes == {"TRANSCRIPT_STRIPPED": 100}


INNOCENT: dict[str, dict[int, Provenance]] = {
    "a ledger that became v3 at entry 40": dict.fromkeys(range(1, 40), nothing),
    "a runtime that got its key at entry 40": dict.fromkeys(range(1, 40), unsigned),
    "a runtime that lost its key at entry 60": dict.fromkeys(range(60, 101), unsigned),
}


@pytest.mark.parametrize("story", INNOCENT)
def test_entries_that_never_had_a_transcript_are_no_findings(forger: Forger, story: str) -> None:
    without = INNOCENT[story]
    build_signed(forger, provenance=lambda entry: without.get(entry.sequence_number, SIGNED)(entry))
    verification = run_suite(forger.dsn, run_parameters=KEYS_GIVEN)
    assert discovered(verification) == {}
    assert run_check(forger.dsn, SIGNATURE, {"stripped": "every"}).codes["TRANSCRIPT_STRIPPED"] == len(without)


def test_entries_of_an_older_writer_between_signed_ones_are_no_findings(forger: Forger) -> None:
    """Its tracks, which the entry hash covers, are those of schema v2.1."""
    without = {50: nothing, 51: nothing}
    forger.build(100, schema="3", provenance=lambda entry: without.get(entry.sequence_number, SIGNED)(entry))
    assert discovered(run_suite(forger.dsn, run_parameters=KEYS_GIVEN)) == {}


def test_what_is_stripped_can_be_allowed(forger: Forger) -> None:
    TAMPERINGS["everything-stripped"](build_signed(forger))
    TAMPERINGS["transcripts-at-both-ends-taken-away"](forger)
    assert told(run_check(forger.dsn, SIGNATURE, {"stripped": "allow", "keys": [PEM]})).startswith("PASS")


def test_a_reference_of_another_scheme_is_not_compared(forger: Forger) -> None:
    build_signed(forger)
    edit_envelope(forger, 50, lambda envelope: envelope.update(transcript_ref="s3://elsewhere/7"), hashed=True)
    assert discovered(run_suite(forger.dsn, run_parameters=KEYS_GIVEN)) == {}


def test_coverage_counts_the_entries_that_are_protected(forger: Forger) -> None:
    build_signed(forger, 20, lambda entry: (SIGNED if entry.sequence_number > 5 else nothing)(entry))
    for readers in (ALONE, SEVERAL):
        outcome = run_check(forger.dsn, "hash_coverage", severity=Severity.INFO, **readers)
        assert (outcome.status, outcome.element_count, outcome.unit) == (Status.PASS, 22, "columns")
        assert ", in 20 of 20 entries" in outcome.facts["entry hash"]
        assert outcome.facts["envelope hash"].startswith("envelope_json, envelope_hash, verifier_status, in 15 of 20 ")
        assert ", in 15 of 20 entries" in outcome.facts["transcript signature"]
        assert outcome.facts[COVERED_BY_NOTHING].startswith(
            "id, escalation_status, escalation_notes, created_at, of transcript"
        )


def test_columns_that_nothing_uses_or_knows_are_covered_by_nothing(forger: Forger) -> None:
    forger.build(5, schema="3").run("ALTER TABLE ledger_entries ADD COLUMN own text")
    facts = run_check(forger.dsn, "hash_coverage").facts
    assert facts.keys() == {"entry hash", COVERED_BY_NOTHING}
    assert {"own", "envelope_json", "transcript_json", "signing_key_id"} <= set(facts[COVERED_BY_NOTHING].split(", "))


def test_coverage_claims_no_entries_that_a_resumed_run_does_not_read(forger: Forger, tmp_path: Path) -> None:
    trust: dict[str, Any] = {"checkpoints": [tmp_path], "verifier_keys": [str(CHECKPOINT_KEY.verifier())]}
    with Ledger(forger.build(20).dsn) as ledger:
        ledger.create_checkpoint(tmp_path, CHECKPOINT_KEY)
        forger.append(list(sample_entries(25))[20:])
        resumed = ledger.verify_integrity(since_checkpoint=True, **trust)
        assert resumed.assurance is Assurance.ANCHORED
        assert "checkpoint" not in outcomes(resumed)["hash_coverage"].facts
        whole = ledger.verify_integrity(**trust)
        assert ", in entries 1 to 20 (" in outcomes(whole)["hash_coverage"].facts["checkpoint"]


def test_coverage_tells_what_the_record_beside_a_checkpoint_covers(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(20, schema="3").dsn).create_checkpoint(tmp_path, CHECKPOINT_KEY)
    forger.append(list(sample_entries(25))[20:])
    given = run_parameters(checkpoints=[tmp_path], verifier_keys=[str(CHECKPOINT_KEY.verifier())])
    fact = run_check(forger.dsn, "hash_coverage", run_parameters=given).facts["checkpoint"]
    assert fact.startswith("id, sequence_number, ")
    assert f", verifier_status, in entries 1 to 20 (compared with {tmp_path / '000000000020.checkpoint'}, " in fact
    foreign = SigningKey.generate("bank.example/ledger").verifier()
    untrusted = run_parameters(checkpoints=[tmp_path], verifier_keys=[str(foreign)])
    assert "checkpoint" not in run_check(forger.dsn, "hash_coverage", run_parameters=untrusted).facts
