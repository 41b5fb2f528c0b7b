"""What happened to the chain: edits, deletions, insertions and moves, each at the right entry and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_audit_ledger.investigate.evidence_scan import FARTHEST, MOST
from pytest_audit_ledger.investigate.incident import Certainty, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.incidents import (
    Told,
    clock_set_back,
    copied,
    copied_to,
    deleted,
    deleted_and_renumbered,
    edited,
    edited_with_its_hash,
    inserted,
    investigated,
    numbers_skipped,
    only,
    replaced_with_its_link,
    shifted,
    start_deleted,
    told,
    update,
)
from tests.support.provenance import build_signed, edit_envelope
from tests.support.rows import chained


def hash_altered(forger: Forger) -> None:
    forger.unguarded(update(50, f"entry_hash = '{'e' * 64}'"))


def start_deleted_and_renumbered(forger: Forger) -> None:
    start_deleted(forger)
    forger.unguarded(*shifted(5, -4))


def swapped(first: int, second: int) -> Callable[[Forger], None]:
    def swap(forger: Forger) -> None:
        forger.unguarded(
            update(first, "sequence_number = -1"),
            update(second, f"sequence_number = {first}"),
            update(-1, f"sequence_number = {second}"),
        )

    return swap


def moved(forger: Forger) -> None:
    """Move entry 50 after entry 53."""
    forger.unguarded(
        update(50, "sequence_number = -1"),
        *(update(number, f"sequence_number = {number - 1}") for number in (51, 52, 53)),
        update(-1, "sequence_number = 53"),
    )


INCIDENTS: dict[Callable[[Forger], None], Told] = {
    edited: [(IncidentType.EDIT, 50, 50)],
    edited_with_its_hash: [(IncidentType.EDIT_WITH_HASH, 50, 50)],
    replaced_with_its_link: [(IncidentType.EDIT_WITH_HASH, 50, 50)],
    hash_altered: [(IncidentType.HASH_ALTERED, 50, 50)],
    deleted: [(IncidentType.DELETION, 50, 52)],
    deleted_and_renumbered: [(IncidentType.DELETION, 50, 52)],
    start_deleted: [(IncidentType.PREFIX_DELETION, 1, 4)],
    start_deleted_and_renumbered: [(IncidentType.PREFIX_DELETION, 1, 4)],
    inserted: [(IncidentType.INSERTION, 50, 51)],
    swapped(50, 51): [(IncidentType.REORDERING, 50, 51)],
    swapped(30, 70): [(IncidentType.REORDERING, 30, 70)],
    moved: [(IncidentType.REORDERING, 50, 53)],
    copied: [(IncidentType.DUPLICATE, 50, 50), (IncidentType.PROTECTIONS, None, None)],
    numbers_skipped: [(IncidentType.NUMBERS_SKIPPED, 101, 101)],
    clock_set_back: [(IncidentType.CLOCK, 101, 101)],
}
OPEN: dict[Callable[[Forger], None], Certainty] = {
    edited_with_its_hash: Certainty.PROVEN,
    replaced_with_its_link: Certainty.FITS,
    clock_set_back: Certainty.FITS,
    numbers_skipped: Certainty.FITS,
}
"""Those that no hash of the evidence proves, and what remains; the track of an entry is found by reconstruction."""


@pytest.mark.parametrize("commit", INCIDENTS, ids=lambda commit: commit.__qualname__.partition(".")[0])
def test_an_incident_is_named_and_nothing_else_is(forger: Forger, commit: Callable[[Forger], None]) -> None:
    commit(forger.build(100))
    found = investigated(forger)
    assert told(found) == INCIDENTS[commit]
    assert found.incidents[0].certainty is OPEN.get(commit, Certainty.PROVEN)
    assert not found.is_clean


def test_the_incidents_do_not_depend_on_the_number_of_workers(forger: Forger) -> None:
    inserted(forger.build(100))
    swapped(10, 30)(forger)
    assert investigated(forger, workers=2).incidents == investigated(forger).incidents


def test_several_incidents_are_separate_and_in_order(forger: Forger) -> None:
    inserted(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"), "DELETE FROM ledger_entries WHERE sequence_number = 80")
    forger.unguarded(*shifted(81, -1))
    assert told(investigated(forger)) == [
        (IncidentType.EDIT, 20, 20),
        (IncidentType.INSERTION, 50, 51),
        (IncidentType.DELETION, 78, 78),
    ]


def test_entries_appended_after_a_renumbered_end_are_no_incident(forger: Forger) -> None:
    deleted_and_renumbered(forger.build(100))
    last = forger.entry(97)
    ((stored,),) = forger.run("SELECT entry_hash FROM ledger_entries WHERE sequence_number = 97")
    forger.append([replace(last, sequence_number=98, previous_hash=stored)])
    assert told(investigated(forger)) == [(IncidentType.DELETION, 50, 52)]


def test_equal_contents_in_an_intact_chain_are_no_duplicate_and_equal_times_no_wrong_clock(forger: Forger) -> None:
    (one, *_) = sample_entries(1)
    assert investigated(forger.build(entries=chained([one] * 20))).is_clean


def test_what_an_entry_said_is_proven(forger: Forger) -> None:
    before = forger.build(100).entry(50)
    forger.unguarded(update(50, "ski_model_version = '2.0.0'"))
    (one,) = only(investigated(forger)).reconstructions
    assert isinstance(one, Reconstruction)
    assert [(change.column, change.original) for change in one.changes] == [
        ("ski_model_version", before.ski_model_version)
    ]


def test_a_gap_proves_one_deletion_and_not_how_many(forger: Forger) -> None:
    deleted(forger.build(100))
    gap = only(investigated(forger))
    words = "Numbers 50 to 52 are missing after entry 49: at least one of these entries was deleted."
    assert gap.sentence == words
    forger.unguarded(*shifted(53, -3))
    assert only(investigated(forger)).sentence.startswith("At least one of the entries written as 50 to 52 was deleted")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number = 20")
    assert investigated(forger).incidents[0].sentence.startswith("Number 20 is missing after entry 19: this entry")


def test_a_gap_is_decided_by_what_the_entry_after_it_was_written_with(forger: Forger) -> None:
    forger.build(100)
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number = 50", update(51, "ski_model_version = '9.9.9'"))
    gap, edit = investigated(forger, limit_seconds=5).incidents
    assert (gap.what, gap.first, gap.last, gap.certainty) == (IncidentType.DELETION, 50, 50, Certainty.PROVEN)
    assert gap.because == (
        "The original content of entry 51 is proven: it linked to an earlier entry that is missing.",
    )
    assert (edit.what, edit.first, edit.certainty) == (IncidentType.EDIT, 51, Certainty.PROVEN)


def test_a_link_of_an_entry_whose_own_hash_fails_proves_no_number_skipped(forger: Forger, tmp_path: Path) -> None:
    before = copied_to(forger.build(100), tmp_path / "before.jsonl")
    ((link,),) = forger.run("SELECT entry_hash FROM ledger_entries WHERE sequence_number = 93")
    forger.unguarded(
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 94 AND 99", update(100, f"previous_hash = '{link}'")
    )
    forger.unguarded(update(100, f"entry_hash = '{'d' * 64}'"))
    for found in (investigated(forger), investigated(forger, against=before)):
        gap, last = found.incidents
        assert (gap.what, gap.first, gap.last, gap.certainty) == (IncidentType.DELETION, 94, 99, Certainty.OPEN)
        assert "no entry is missing" not in gap.sentence
        assert last.certainty is Certainty.FITS
        assert not any("write to the other copy" in str(one.next_step) for one in found.incidents)


def three_rotated(forger: Forger) -> None:
    forger.unguarded(
        "UPDATE ledger_entries SET sequence_number = -sequence_number WHERE sequence_number IN (10, 20, 30)",
        "UPDATE ledger_entries SET sequence_number = CASE sequence_number WHEN -10 THEN 20 WHEN -20 THEN 30 ELSE 10 END"
        " WHERE sequence_number < 0",
    )


def turned_round(forger: Forger) -> None:
    forger.unguarded(
        "UPDATE ledger_entries SET sequence_number = -sequence_number WHERE sequence_number BETWEEN 41 AND 50",
        "UPDATE ledger_entries SET sequence_number = 91 + sequence_number WHERE sequence_number < 0",
    )


def put_in_with_a_made_up_hash(forger: Forger) -> None:
    forger.unguarded(*shifted(50, 1))
    before = forger.entry(49)
    forger.append([replace(before, sequence_number=50, previous_hash=entry_hash(before))])
    forger.unguarded(update(50, f"entry_hash = '{'d' * 64}'"))


def last_moved_to_an_old_number(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number = 50", update(100, "sequence_number = 50"))


@pytest.mark.parametrize(
    ("commit", "expected"),
    [
        (three_rotated, [(IncidentType.REORDERING, 10, 30)]),
        (turned_round, [(IncidentType.REORDERING, 41, 50)]),
        (put_in_with_a_made_up_hash, [(IncidentType.INSERTION, 50, 50)]),
        (last_moved_to_an_old_number, [(IncidentType.DELETION, 50, 50), (IncidentType.REORDERING, 50, 50)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_entries_are_laid_out_as_they_were_written_before_anything_is_said(
    forger: Forger, commit: Callable[[Forger], None], expected: Told
) -> None:
    commit(forger.build(100))
    found = investigated(forger)
    assert told(found) == expected
    assert {one.certainty for one in found.incidents} == {Certainty.PROVEN}


def test_an_entry_that_was_given_a_number_far_from_its_own_is_no_edit(forger: Forger, tmp_path: Path) -> None:
    before = copied_to(forger.build(FARTHEST + 200), tmp_path / "before.jsonl")
    forger.unguarded(
        "DELETE FROM ledger_entries WHERE sequence_number = 50", update(FARTHEST + 200, "sequence_number = 50")
    )
    forger.unguarded(update(49, "ski_model_version = '9.9.9'"))
    for found in (investigated(forger), investigated(forger, against=before)):
        assert told(found)[:3] == [
            (IncidentType.EDIT, 49, 49),
            (IncidentType.DELETION, 50, 50),
            (IncidentType.REORDERING, 50, 50),
        ]
        assert found.incidents[2].sentence == "Entry 50 was written as 1,200 and later moved."


def test_a_mismatch_that_nothing_follows_was_changed_or_inserted(forger: Forger) -> None:
    last = forger.build(100).entry(100)
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last))])
    forger.unguarded(update(101, f"entry_hash = '{'d' * 64}'"))
    one = only(investigated(forger))
    assert (one.what, one.first, one.certainty) == (IncidentType.EDIT, 101, Certainty.FITS)
    assert "or inserted with a made-up hash" in one.sentence


def test_times_that_were_set_later_by_one_update_are_no_wrong_clock_and_an_edit_among_them_is_reported(
    forger: Forger,
) -> None:
    before = forger.build(100).entry(55)
    later = 'UPDATE ledger_entries SET "timestamp" = "timestamp" + interval \'2 hours\' WHERE sequence_number'
    forger.unguarded(f"{later} BETWEEN 40 AND 70", update(55, "track = 'llm'"))
    found = investigated(forger, limit_seconds=20)
    assert told(found) == [(IncidentType.COMMON_CAUSE, 40, 70), (IncidentType.EDIT, 55, 55)]
    cause, edit = found.incidents
    assert any("UPDATE" in line for line in cause.otherwise)
    (one,) = edit.reconstructions
    assert isinstance(one, Reconstruction)
    assert {change.column: change.original for change in one.changes} == {
        "track": before.track,
        "timestamp": before.timestamp,
    }


def test_a_clock_set_back_after_times_that_were_changed_is_reported(forger: Forger) -> None:
    clock_set_back(forger.build(100))
    later = 'UPDATE ledger_entries SET "timestamp" = "timestamp" + interval \'2 hours\' WHERE sequence_number'
    forger.unguarded(f"{later} BETWEEN 75 AND 100")
    found = investigated(forger, limit_seconds=20)
    assert told(found) == [(IncidentType.COMMON_CAUSE, 75, 100), (IncidentType.CLOCK, 101, 101)]


def test_more_than_can_be_kept_is_counted(forger: Forger) -> None:
    forger.build(3 * MOST)
    forger.unguarded("UPDATE ledger_entries SET reasoning = sequence_number::text WHERE sequence_number % 2 = 0")
    found = investigated(forger, limit_seconds=0)
    assert sum(one.count for one in found.incidents) == 3 * MOST // 2
    assert found.incidents[-1].what is IncidentType.UNEXPLAINED


def test_an_entry_that_does_not_match_its_hash_is_not_said_to_be_the_last_unless_it_is(forger: Forger) -> None:
    forger.build(100)
    for number in (50, 51):
        forger.unguarded(update(number, f"entry_hash = '{number:064}', reasoning = 'x', track = 'llm'"))
    first = investigated(forger, limit_seconds=0).incidents[0]
    assert not any("No entry follows" in line for line in first.because)
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 51")
    last = investigated(forger, limit_seconds=0).incidents[0]
    assert "No entry follows that could confirm the stored entry_hash." in last.because


def test_an_entry_without_a_number_is_reported_in_the_words_of_its_check(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries ALTER sequence_number DROP NOT NULL")
    forger.unguarded(update(50, "sequence_number = NULL"))
    found = investigated(forger, entry=50)
    assert (IncidentType.UNEXPLAINED, None, None) in told(found)
    assert found.inspection is not None
    assert found.inspection.sentences[0] == "Entry 50 does not exist."


def test_many_entries_that_were_changed_alike_are_one_incident_and_an_edit(forger: Forger) -> None:
    forger.build(500)
    flags = forger.run("SELECT sequence_number FROM ledger_entries WHERE verdict = 'FLAG' ORDER BY 1")
    forger.unguarded("UPDATE ledger_entries SET verdict = 'CLEAR' WHERE verdict = 'FLAG'")
    incident = only(investigated(forger, limit_seconds=20))
    assert (incident.what, incident.first, incident.last) == (IncidentType.EDIT, flags[0][0], flags[-1][0])
    assert (incident.count, incident.certainty) == (len(flags), Certainty.PROVEN)
    assert "FLAG" in incident.sentence


def test_what_envelopes_say_of_many_entries_that_were_changed_alike_is_no_incident_of_its_own(forger: Forger) -> None:
    build_signed(forger, 200)
    count = len(forger.run("SELECT 1 FROM ledger_entries WHERE verdict = 'FLAG'"))
    fitting = [number for (number,) in forger.run("SELECT sequence_number FROM ledger_entries WHERE verdict = 'CLEAR'")]
    forger.unguarded("UPDATE ledger_entries SET verdict = 'CLEAR' WHERE verdict = 'FLAG'")
    incident = only(investigated(forger, limit_seconds=20, samples=5))
    assert (incident.what, incident.count) == (IncidentType.EDIT, count)
    assert any(f"In {count} places, envelopes" in line for line in incident.because)
    edit_envelope(forger, fitting[-1], lambda envelope: envelope.update(verdict="FLAG"), hashed=True)
    assert [one.count for one in investigated(forger, limit_seconds=20, samples=5).incidents] == [count, count + 1 - 5]
