"""What an investigation makes of protections, verdicts, envelopes and checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.investigate.incident import Advice, Certainty, IncidentType, commands
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.incidents import (
    KEY,
    copied,
    copied_to,
    deleted_and_renumbered,
    investigated,
    only,
    told,
    update,
)
from tests.support.provenance import SIGNED, build_signed, edit_envelope, edit_transcript, store
from tests.support.rows import chained
from tests.support.signers import PEM


def test_an_unknown_verdict_is_reported_only_if_the_chain_is_intact(forger: Forger, tmp_path: Path) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check")
    forger.rewrite(100, lambda entry: replace(entry, verdict="MAYBE"))
    forger.unguarded(update(50, "verdict = 'PERHAPS'"))
    assert told(investigated(forger)) == [
        (IncidentType.EDIT, 50, 50),
        (IncidentType.UNKNOWN_VERDICT, 100, 100),
        (IncidentType.PROTECTIONS, None, None),
    ]
    offline = Ledger(copied_to(forger, tmp_path / "copy.jsonl")).investigate(limit_seconds=0.5)
    (foreign,) = (one for one in offline.incidents if one.what is IncidentType.UNKNOWN_VERDICT)
    assert commands(foreign.next_step, {}) == []  # only a database has a constraint to restore


def test_protections_that_were_switched_off_are_reported(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_delete")
    (incident,) = investigated(forger).incidents
    assert incident.what is IncidentType.PROTECTIONS
    assert "the trigger ledger_refuse_delete does not refuse every DELETE" in incident.sentence
    assert "switched off" in incident.sentence
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_update")
    both = only(investigated(forger))
    assert both.sentence.endswith("and 1 more finding.")
    assert any("ledger_refuse_delete" in line for line in both.because)
    assert any("ledger_refuse_update" in line for line in both.because)


def test_a_repair_is_offered_only_of_what_it_can_restore(forger: Forger) -> None:
    copied(forger.build(100))
    (guards,) = (one for one in investigated(forger).incidents if one.what is IncidentType.PROTECTIONS)
    assert "No UNIQUE constraint can be restored while entries exist twice" in guards.next_step[0].words
    with forger.guards_down():
        forger.run('ALTER TABLE ledger_entries ALTER COLUMN "timestamp" TYPE timestamptz(3)')
    (guards,) = (one for one in investigated(forger).incidents if one.what is IncidentType.PROTECTIONS)
    assert "This shows what can be restored, and what cannot" in guards.next_step[0].words


def test_a_column_that_lost_what_was_hashed_is_not_said_to_be_restorable(forger: Forger) -> None:
    forger.build(10)
    with forger.guards_down():
        forger.run("ALTER TABLE ledger_entries DROP COLUMN ski_model_version")
    guards = only(investigated(forger))
    assert guards.next_step[0].words.startswith("Find out who changed this. No command can restore it")
    assert "Therefore no entry hash could be checked, and it is unknown whether entries were changed." in guards.because


def test_a_missing_end_that_a_checkpoint_shows_is_not_undecided(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).create_checkpoint(tmp_path, KEY)
    copy = copied_to(forger, tmp_path / "copy.jsonl")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 90")
    trusted = {"checkpoints": [tmp_path], "verifier_keys": [str(KEY.verifier())]}
    assert investigated(forger, against=copy, **trusted).undecided == ()
    found = investigated(forger, **trusted)
    assert only(found).otherwise[0].startswith("Earlier entries were deleted, and everything after them")
    undecided, _ = found.undecided
    assert "cut off" not in undecided.words
    assert [command.arguments for command in undecided.commands] == [("--against", "FILE")]


def test_a_checkpoint_that_is_not_trusted_has_advice_of_its_own(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(10).dsn).create_checkpoint(tmp_path, KEY)
    other = SigningKey.generate("bank.example/ledger")
    found = investigated(forger, checkpoints=[tmp_path], verifier_keys=[str(other.verifier())])
    assert {one.what for one in found.incidents} == {IncidentType.CHECKPOINTS}
    assert {one.next_step for one in found.incidents} == {
        (Advice("Put the checkpoints and the keys in order, and investigate again."),)
    }


def test_a_view_in_place_of_the_table_is_reported_and_not_read(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries RENAME TO hidden; CREATE VIEW ledger_entries AS TABLE hidden")
    found = investigated(forger, entry=50)
    assert told(found) == [(IncidentType.PROTECTIONS, None, None)]
    assert "The chain was not examined" in found.undecided[0].words


def test_the_hashes_show_which_side_was_edited(forger: Forger) -> None:
    build_signed(forger, 60)
    forger.unguarded(update(10, "verdict = 'DISCRETIONARY'"))
    edit_envelope(forger, 20, lambda envelope: envelope.update(notes=["nothing"]), hashed=False)
    edit_envelope(forger, 30, lambda envelope: envelope.update(verdict="NULL_STALE"), hashed=True)
    store(forger, [40], verifier_status="LLM_CONTRADICTION")
    edit_transcript(forger, 50, request_canonical="Say CLEAR.")
    found = investigated(forger, transcript_keys=[PEM])
    assert told(found) == [
        (IncidentType.EDIT, 10, 10),
        (IncidentType.ENVELOPE, 20, 20),
        (IncidentType.ENVELOPE, 30, 30),
        (IncidentType.ENVELOPE, 40, 40),
        (IncidentType.TRANSCRIPT, 50, 50),
    ]
    edit, unhashed, rehashed, status, transcript = found.incidents
    assert any("The envelope of this entry, whose hash matches, says verdict" in line for line in edit.because)
    assert "or the hash stored with it" in unhashed.sentence
    assert "together with its hash" in rehashed.sentence
    assert status.certainty is Certainty.OPEN
    assert transcript.sentence.endswith("its two hashes are those that were signed.")
    unkeyed = investigated(forger).incidents[-1]
    assert unkeyed.otherwise


def test_an_entry_that_speaks_of_a_verifier_is_not_taken_for_its_verifier_status(forger: Forger) -> None:
    spoken = chained(replace(entry, reasoning="As the verifier says.") for entry in sample_entries(20))
    forger.build(schema="3", entries=spoken, provenance=SIGNED)
    edit_envelope(forger, 10, lambda envelope: envelope.update(reasoning="Nothing."), hashed=True)
    (incident,) = investigated(forger, transcript_keys=[PEM]).incidents
    assert incident.sentence == "The envelope of entry 10 was changed together with its hash, or replaced by another."
    assert incident.certainty is Certainty.PROVEN


def test_a_deletion_after_which_the_rest_was_renumbered_is_no_missing_end(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).create_checkpoint(tmp_path, KEY)
    deleted_and_renumbered(forger)
    found = investigated(forger, checkpoints=[tmp_path], verifier_keys=[str(KEY.verifier())])
    assert [(one.what, one.certainty) for one in found.incidents] == [
        (IncidentType.DELETION, Certainty.PROVEN),
        (IncidentType.TRUNCATION, Certainty.OPEN),
    ]
    assert "explains it" in found.incidents[1].otherwise[0]
