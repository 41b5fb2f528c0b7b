"""What an investigation says of entries in another form, of unknown recipes, and of entries changed alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.investigate.incident import Certainty, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Witness
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.output.investigation_text import timeline
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.odd_writers import Content, Writer, canonical, every, with_nanoseconds, with_z, write
from tests.support.provenance import build_signed

KEY = SigningKey.generate("bank.example/ledger")


def investigated(forger: Forger, **options: Any) -> Investigation:
    return Ledger(forger.dsn).investigate(**{"limit_seconds": 20, **options})


@pytest.mark.parametrize("odd", [with_z, with_nanoseconds])
@pytest.mark.parametrize("apart", [200, 5])
@pytest.mark.parametrize("samples", [2, 200])
def test_entries_in_another_form_are_one_incident_and_nobody_is_accused(
    forger: Forger, odd: Writer, apart: int, samples: int
) -> None:
    write(forger.build(0), sample_entries(400), every(apart, odd))
    found = investigated(forger, samples=samples)
    assert [(one.what, one.first, one.count) for one in found.incidents] == [
        (IncidentType.HASH_FORM, apart, 400 // apart)
    ]
    assert found.incidents[0].sentence.endswith("; the stored content is proven.")
    assert "changed" not in timeline(found).partition("Undecided")[0]


def test_an_entry_in_another_form_is_said_to_match_when_it_is_inspected(forger: Forger) -> None:
    write(forger.build(0), sample_entries(20), every(10, with_z))
    inspection = investigated(forger, entry=10).inspection
    assert inspection is not None
    assert inspection.fits


def other_recipe(content: Content) -> bytes:
    return canonical({**content, "secret": "what no column has"})


def test_a_ledger_that_nobody_can_verify_is_one_undecided_incident(forger: Forger) -> None:
    write(forger.build(0), sample_entries(150), other_recipe)
    (incident,) = investigated(forger, limit_seconds=1).incidents
    assert (incident.what, incident.certainty, incident.count) == (IncidentType.HASHES_UNKNOWN, Certainty.OPEN, 150)
    assert "They were hashed by another recipe." in incident.otherwise


def test_a_proven_edit_of_every_entry_is_no_unknown_recipe(forger: Forger) -> None:
    build_signed(forger, 60)
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'nothing to see'")
    found = investigated(forger)
    edit = found.incidents[0]
    assert (edit.what, edit.certainty, edit.count) == (IncidentType.EDIT, Certainty.PROVEN, 60)
    assert "were written with the reasoning that the envelope of each has" in edit.sentence
    assert found.verification.assurance is Assurance.TAMPERED
    assert found.hypotheses < 1_000_000


@pytest.mark.parametrize("count", [3, 20, 41])
def test_entries_that_were_changed_alike_are_one_sentence(forger: Forger, count: int) -> None:
    forger.build(200)
    forger.unguarded(
        "UPDATE ledger_entries SET ski_model_version = '9.9.9' WHERE sequence_number IN (SELECT sequence_number"
        f" FROM ledger_entries WHERE sequence_number % 4 = 0 ORDER BY 1 LIMIT {count})"
    )
    (incident,) = investigated(forger, samples=60).incidents
    assert (incident.what, incident.count, incident.certainty) == (IncidentType.EDIT, count, Certainty.PROVEN)
    assert "ski_model_version 3.1.0" in incident.sentence
    assert "9.9.9" in incident.sentence


def test_entries_of_which_nothing_is_known_are_not_called_changed_or_proven(forger: Forger) -> None:
    forger.build(100)
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'x' || id WHERE sequence_number IN (10, 50, 90)")
    (incident,) = investigated(forger, limit_seconds=0.2).incidents
    assert incident.sentence == "3 entries between 10 and 90 do not match their stored hashes."
    assert incident.certainty is Certainty.FITS
    assert incident.otherwise == ("A writer hashed other content, or in a form that is not known.",)


def test_an_edit_of_the_last_entry_is_proven_by_a_signed_record(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).create_checkpoint(tmp_path, KEY)
    forger.unguarded("UPDATE ledger_entries SET ski_model_version = '9.9.9' WHERE sequence_number = 100")
    unsigned = investigated(forger).incidents[0]
    assert unsigned.certainty is Certainty.FITS
    assert "no entry follows that names its hash" in timeline(investigated(forger), width=1000)
    found = investigated(forger, checkpoints=[tmp_path], verifier_keys=[str(KEY.verifier())])
    edit = found.incidents[0]
    (one,) = edit.reconstructions
    assert isinstance(one, Reconstruction)
    assert (one.witness, edit.certainty) == (Witness.SIGNED, Certainty.PROVEN)
    assert "a signed record of the last entry has the hash" in edit.because[0].lower()


def test_an_entry_after_a_skipped_number_confirms_the_hash_that_it_names(forger: Forger) -> None:
    last = forger.build(100).entry(100)
    forger.append([replace(last, sequence_number=102, previous_hash=entry_hash(last))])
    forger.unguarded("UPDATE ledger_entries SET ski_model_version = '9.9.9' WHERE sequence_number = 100")
    found = investigated(forger)
    edit = next(one for one in found.incidents if one.what is IncidentType.EDIT)
    assert edit.certainty is Certainty.PROVEN
    assert "no entry follows" not in timeline(found, width=1000).lower()


def test_columns_under_no_hash_are_undecided_also_if_a_checkpoint_anchors_older_entries(
    forger: Forger, tmp_path: Path
) -> None:
    Ledger(forger.build(100).dsn).create_checkpoint(tmp_path, KEY)
    trusted = {"checkpoints": [tmp_path], "verifier_keys": [str(KEY.verifier())]}
    assert investigated(forger, **trusted).undecided == ()
    last = forger.entry(100)
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last))])
    (undecided,) = investigated(forger, **trusted).undecided
    assert undecided.words.startswith("No entry hash covers id, escalation_status, escalation_notes, created_at after")


def test_a_fork_warns_that_a_dead_branch_can_be_removed_without_a_trace(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    last = forger.entry(100)
    linked = replace(last, sequence_number=101, previous_hash=entry_hash(last))
    branches = [replace(linked, telemetry_id=f"writer {number}") for number in range(2)]
    forger.append(branches[:1])
    forger.append(branches[1:])
    forger.append([replace(linked, sequence_number=102, previous_hash=entry_hash(branches[1]))])
    fork = next(one for one in investigated(forger).incidents if one.what is IncidentType.FORK)
    assert any("can remove it without a trace" in advice.words for advice in fork.next_step)
