"""What happened to a ledger: every type of incident at the right entry, and what only looks like one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.investigate.evidence_scan import FARTHEST, MOST
from pytest_audit_ledger.investigate.incident import Advice, Certainty, Incident, IncidentType, commands, moment
from pytest_audit_ledger.investigate.investigation import Investigation
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Stopped, Unexplained
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, canonical_payload, canonical_timestamp, entry_hash
from pytest_audit_ledger.output.investigation_json import as_json
from pytest_audit_ledger.output.investigation_text import brief, conclusion, timeline
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, sample_entries
from tests.forger import Forger
from tests.support.provenance import SIGNED, build_signed, edit_envelope, edit_transcript, store
from tests.support.rows import chained
from tests.support.signers import PEM

KEY = SigningKey.generate("bank.example/ledger")

Told = list[tuple[IncidentType, int | None, int | None]]


def investigated(forger: Forger, **options: Any) -> Investigation:
    """Investigate, with as little time for reconstructions as these ledgers need."""
    return Ledger(forger.dsn).investigate(**{"limit_seconds": 0.5, **options})


def told(found: Investigation) -> Told:
    return [(one.what, one.first, one.last) for one in found.incidents]


def only(found: Investigation) -> Incident:
    """Return the one incident."""
    (incident,) = found.incidents
    return incident


def update(number: int, columns: str) -> str:
    return f"UPDATE ledger_entries SET {columns} WHERE sequence_number = {number}"


def shifted(first: int, by: int) -> tuple[str, str]:
    """Return statements that renumber the entries from one on."""
    return (
        f"UPDATE ledger_entries SET sequence_number = -1000 - sequence_number WHERE sequence_number >= {first}",
        f"UPDATE ledger_entries SET sequence_number = -1000 - sequence_number + {by} WHERE sequence_number < -1000",
    )


def edited(forger: Forger) -> None:
    forger.unguarded(update(50, "verdict = 'DISCRETIONARY'"))


def edited_with_its_hash(forger: Forger) -> None:
    digest = entry_hash(replace(forger.entry(50), track="llm"))
    forger.unguarded(update(50, f"track = 'llm', entry_hash = '{digest}'"))


def replaced_with_its_link(forger: Forger) -> None:
    other = replace(forger.entry(50), previous_hash="a" * 64, reasoning="another")
    forger.unguarded(
        update(50, f"reasoning = 'another', previous_hash = '{'a' * 64}', entry_hash = '{entry_hash(other)}'")
    )


def hash_altered(forger: Forger) -> None:
    forger.unguarded(update(50, f"entry_hash = '{'e' * 64}'"))


def deleted(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number BETWEEN 50 AND 52")


def deleted_and_renumbered(forger: Forger) -> None:
    deleted(forger)
    forger.unguarded(*shifted(53, -3))


def start_deleted(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number < 5")


def start_deleted_and_renumbered(forger: Forger) -> None:
    start_deleted(forger)
    forger.unguarded(*shifted(5, -4))


def inserted(forger: Forger) -> None:
    forger.unguarded(*shifted(50, 2))
    before = forger.entry(49)
    one = replace(before, sequence_number=50, previous_hash=entry_hash(before))
    forger.append([one, replace(one, sequence_number=51, previous_hash=entry_hash(one))])


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


def without_keys(forger: Forger) -> None:
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_sequence_number_key")
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_entry_hash_key")


def copied(forger: Forger) -> None:
    without_keys(forger)
    forger.append([forger.entry(50)])


def numbers_skipped(forger: Forger) -> None:
    """A writer skipped a number and went on: its link says so."""
    last = forger.entry(100)
    forger.append([replace(last, sequence_number=102, previous_hash=entry_hash(last))])


def clock_set_back(forger: Forger) -> None:
    last = forger.entry(100)
    earlier = canonical_timestamp(datetime.fromisoformat(last.timestamp) - timedelta(hours=3))
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last), timestamp=earlier)])


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
def test_an_incident_is_told_for_what_it_is_and_nothing_else(forger: Forger, commit: Callable[[Forger], None]) -> None:
    commit(forger.build(100))
    found = investigated(forger)
    assert told(found) == INCIDENTS[commit]
    assert found.incidents[0].certainty is OPEN.get(commit, Certainty.PROVEN)
    assert not found.is_clean


@pytest.mark.parametrize("commit", [deleted_and_renumbered, inserted, copied, swapped(30, 70)])
def test_the_incidents_do_not_depend_on_the_number_of_workers(forger: Forger, commit: Callable[[Forger], None]) -> None:
    commit(forger.build(100))
    assert investigated(forger, workers=2).incidents == investigated(forger).incidents


def test_several_incidents_are_told_apart_and_in_order(forger: Forger) -> None:
    inserted(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"), "DELETE FROM ledger_entries WHERE sequence_number = 80")
    forger.unguarded(*shifted(81, -1))
    assert told(investigated(forger)) == [
        (IncidentType.EDIT, 20, 20),
        (IncidentType.INSERTION, 50, 51),
        (IncidentType.DELETION, 78, 78),
    ]


def test_entries_appended_behind_a_renumbered_end_are_no_incident(forger: Forger) -> None:
    deleted_and_renumbered(forger.build(100))
    last = forger.entry(97)
    ((stored,),) = forger.run("SELECT entry_hash FROM ledger_entries WHERE sequence_number = 97")
    forger.append([replace(last, sequence_number=98, previous_hash=stored)])
    assert told(investigated(forger)) == [(IncidentType.DELETION, 50, 52)]


def test_a_clean_ledger_has_nothing_to_investigate(forger: Forger) -> None:
    found = investigated(forger.build(100))
    assert found.is_clean
    assert found.incidents == ()
    assert timeline(found).split("\n\n")[-1].startswith("Nothing to investigate. SELF-CONSISTENT: ")


def test_equal_contents_in_a_proper_chain_are_no_copy_and_equal_times_no_clock_set_back(forger: Forger) -> None:
    (one, *_) = sample_entries(1)
    assert investigated(forger.build(entries=chained([one] * 20))).is_clean


def test_an_empty_ledger_was_not_rewritten(forger: Forger) -> None:
    found = investigated(forger.build(0))
    assert found.incidents == ()
    assert not found.is_clean
    assert any("could not be evaluated" in one.words for one in found.undecided)


def test_an_entry_that_was_hashed_in_another_form_is_not_said_to_be_changed(forger: Forger) -> None:
    last = forger.build(100).entry(100)
    one = replace(last, sequence_number=101, previous_hash=entry_hash(last))
    payload = json.dumps(json.loads(canonical_payload(one)), sort_keys=True, ensure_ascii=False)
    digest = sha256(payload.encode()).hexdigest()
    forger.append([one])
    forger.unguarded(update(101, f"entry_hash = '{digest}'"))
    forger.append([replace(one, sequence_number=102, previous_hash=digest)])
    words = "Entry 101 was hashed with spaces after commas and colons; the stored content is proven."
    assert only(investigated(forger, limit_seconds=20)).sentence == words


def test_what_an_entry_said_is_proven(forger: Forger) -> None:
    before = forger.build(100).entry(50)
    forger.unguarded(update(50, "ski_model_version = '2.0.0'"))
    (one,) = only(investigated(forger)).reconstructions
    assert isinstance(one, Reconstruction)
    assert [(change.column, change.original) for change in one.changes] == [
        ("ski_model_version", before.ski_model_version)
    ]


def test_a_foreign_verdict_is_told_where_the_chain_holds_only(forger: Forger, tmp_path: Path) -> None:
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
    assert commands(foreign.next_step) == []  # only a database has a constraint to restore


def test_guards_that_were_switched_off_are_told(forger: Forger) -> None:
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


def test_entries_of_which_nothing_is_known_are_told_in_one_sentence(forger: Forger) -> None:
    forger.build(10)
    forger.unguarded(update(5, "track = 'llm'"))
    found = investigated(forger)
    unknown = [Unexplained(number, 1000, Stopped.EXHAUSTED) for number in (5, 6, 7)]
    many = replace(only(found), reconstructions=(*unknown,))
    text = timeline(replace(found, incidents=(many,)), width=1000)
    assert "  before   The original content of 3 entries from 5 to 7 is unknown: none of the 3,000 hypotheses" in text
    assert text.count("is unknown") == 1


def test_a_cut_off_end_that_a_checkpoint_tells_is_not_undecided(forger: Forger, tmp_path: Path) -> None:
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


def test_a_checkpoint_that_is_not_trusted_is_to_be_put_in_order_in_words_of_its_own(
    forger: Forger, tmp_path: Path
) -> None:
    Ledger(forger.build(10).dsn).create_checkpoint(tmp_path, KEY)
    other = SigningKey.generate("bank.example/ledger")
    found = investigated(forger, checkpoints=[tmp_path], verifier_keys=[str(other.verifier())])
    assert {one.what for one in found.incidents} == {IncidentType.CHECKPOINTS}
    assert {one.next_step for one in found.incidents} == {
        (Advice("Put the checkpoints and the keys in order, and investigate again."),)
    }


def test_a_sentence_that_ends_with_a_value_has_one_full_stop(forger: Forger) -> None:
    build_signed(forger)
    forger.unguarded(update(50, "reasoning = 'another'"))
    assert ".." not in timeline(investigated(forger), width=1000).replace("...", "")


def test_a_gap_proves_one_deletion_and_not_how_many(forger: Forger) -> None:
    deleted(forger.build(100))
    gap = only(investigated(forger))
    words = "Numbers 50 to 52 are missing after entry 49: at least one of these entries was deleted."
    assert gap.sentence == words
    forger.unguarded(*shifted(53, -3))
    assert only(investigated(forger)).sentence.startswith("At least one of the entries written as 50 to 52 was deleted")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number = 20")
    assert investigated(forger).incidents[0].sentence.startswith("Number 20 is missing after entry 19: this entry")


def test_a_gap_is_decided_by_what_the_entry_behind_it_was_written_with(forger: Forger) -> None:
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


def test_what_nothing_follows_was_changed_or_put_there(forger: Forger) -> None:
    last = forger.build(100).entry(100)
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last))])
    forger.unguarded(update(101, f"entry_hash = '{'d' * 64}'"))
    one = only(investigated(forger))
    assert (one.what, one.first, one.certainty) == (IncidentType.EDIT, 101, Certainty.FITS)
    assert "or inserted with a made-up hash" in one.sentence


class Writer:
    """Appends over a connection of its own, after the last entry that it read; two of them wait for each other."""

    def __init__(self, dsn: str, turn: Barrier, number: str) -> None:
        self.dsn, self.turn, self.number = dsn, turn, number

    def append(self) -> None:
        with Forger(self.dsn) as forger:
            last = forger.entry(100)
            self.turn.wait(10)
            ((number,),) = forger.run(f"SELECT {self.number}")
            moment = canonical_timestamp(datetime.now(timezone.utc))
            entry = replace(last, sequence_number=number, previous_hash=entry_hash(last), timestamp=moment)
            forger.append([replace(entry, telemetry_id=f"writer {id(self)}")])


@pytest.mark.parametrize("number", ["101", "nextval('numbers')"], ids=["one number", "two numbers"])
def test_a_fork_by_two_writers_at_the_same_time_is_no_tampering(forger: Forger, number: str) -> None:
    without_keys(forger.build(100))
    forger.run("CREATE SEQUENCE numbers START 101")
    turn = Barrier(2)
    threads = [Thread(target=Writer(forger.dsn, turn, number).append) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = list(forger.entries())[-1]
    moment = canonical_timestamp(datetime.now(timezone.utc))
    forger.append([replace(last, sequence_number=103, previous_hash=entry_hash(last), timestamp=moment)])
    found = investigated(forger, check_timestamps=False)
    fork = found.incidents[0]
    assert fork.what is IncidentType.FORK
    assert fork.sentence.startswith("Two entries follow entry 100: ")
    assert "1 entry is aside" in fork.sentence
    assert {one.what for one in found.incidents} <= {
        IncidentType.FORK,
        IncidentType.PROTECTIONS,
        IncidentType.NUMBERS_SKIPPED,
    }


@pytest.mark.parametrize("writer", [0, 1])
def test_a_number_skipped_behind_a_fork_is_no_deletion_whichever_branch_goes_on(forger: Forger, writer: int) -> None:
    """The next entry links to one that exists, though it may not be the one that is read before it."""
    without_keys(forger.build(100))
    last = forger.entry(100)
    linked = replace(last, sequence_number=101, previous_hash=entry_hash(last))
    branches = [replace(linked, telemetry_id=f"writer {number}") for number in range(2)]
    for branch in branches:
        forger.append([branch])
    forger.append([replace(linked, sequence_number=103, previous_hash=entry_hash(branches[writer]))])
    found = investigated(forger, check_timestamps=False)
    assert told(found)[:2] == [(IncidentType.FORK, 101, 101), (IncidentType.NUMBERS_SKIPPED, 102, 102)]
    assert found.incidents[1].because == ("Entry 103 links to entry 101, and its hash covers that link.",)


def written_by(forger: Forger, entries: Iterator[Entry], hashed: Callable[[Entry], Entry]) -> None:
    """Append entries as a writer does that hashes them in another form."""
    link = GENESIS_HASH
    names = COPY_COLUMNS
    for entry in entries:
        linked = replace(entry, previous_hash=link)
        link = entry_hash(hashed(linked))
        values = [*(getattr(linked, name) for name in names[:-1]), link]
        columns = ", ".join(f'"{name}"' for name in names)
        forger.run(f"INSERT INTO ledger_entries ({columns}) VALUES ({', '.join(['%s'] * len(names))})", values)


def in_summer_time(entry: Entry) -> Entry:
    moment = datetime.fromisoformat(entry.timestamp).astimezone(timezone(timedelta(hours=2)))
    return replace(entry, timestamp=moment.isoformat())


def test_a_writer_in_another_time_zone_is_a_form_and_an_edit_inside_is_found(forger: Forger) -> None:
    written_by(forger.build(0), sample_entries(60), in_summer_time)
    forger.unguarded(update(30, "track = 'llm'"))
    found = investigated(forger, limit_seconds=20)
    assert told(found) == [(IncidentType.HASH_FORM, 1, 60), (IncidentType.EDIT, 30, 30)]
    cause, edit = found.incidents
    assert cause.count == 59
    assert "+02:00" in cause.sentence
    assert isinstance(edit.reconstructions[0], Reconstruction)


def test_times_that_were_set_later_by_one_update_are_no_clock_and_an_edit_among_them_is_told_in_full(
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


def test_a_clock_set_back_behind_times_that_were_changed_is_told_nevertheless(forger: Forger) -> None:
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


def test_output_is_bounded_by_type_and_counts_the_rest(forger: Forger, tmp_path: Path) -> None:
    forger.build(1000).run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_delete")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number % 2 = 0")
    found = investigated(forger, samples=3)
    assert len(found.incidents) == 500
    rest = "496 more incidents of type deletion, from 8 to 998, 496 proven; not listed."
    text = timeline(found, width=1000)
    assert [line.partition(" ")[2][:5] for line in text.splitlines() if line.startswith("✗ ")] == [
        "1/500",
        "2/500",
        "3/500",
        "500/5",
    ]
    assert f"\n\n… {rest}\nUse --samples N to list more.\n\n" in text
    assert "500 incidents, all proven." in text
    document = as_json(found)
    assert [(one["what"], one["first"]) for one in document["incidents"]] == [
        *(("deletion", number) for number in (2, 4, 6)),
        ("guards", None),
    ]
    assert [(one["what"], one["incidents"], one["sentence"]) for one in document["more_incidents"]] == [
        ("deletion", 496, rest)
    ]
    asked = as_json(investigated(forger, samples=3, entry=500))
    assert [one["first"] for one in asked["incidents"]] == [2, 4, 6, 500, None]
    assert asked["more_incidents"][0]["incidents"] == 495
    assert "  … 494 more incidents of type deletion, from 12 to 998, 494 proven; not listed." in brief(found)
    assert "  … 1 more incident of type guards, 1 proven; not listed." in brief(found)
    report = Ledger(forger.dsn).generate_report(investigate=True)
    for name in ("report.html", "report.md"):
        Ledger(forger.dsn).save_report(report, tmp_path / name)
        assert "479 more incidents of type deletion, from 42 to 998, 479 proven; not listed." in (
            tmp_path / name
        ).read_text(encoding="utf-8")


def test_columns_that_no_hash_covers_are_undecided_unless_they_were_compared(forger: Forger, tmp_path: Path) -> None:
    whole = copied_to(forger.build(20), tmp_path / "whole.jsonl")
    part = copied_to(forger, tmp_path / "part.jsonl", fields=[*COPY_COLUMNS, "id"])
    expected = {None: "id, escalation_status, escalation_notes, created_at", whole: "", part: "escalation_status, "}
    for against, columns in expected.items():
        words = " ".join(one.words for one in investigated(forger, against=against).undecided)
        assert (f"No entry hash covers {columns}" in words) is bool(columns)


def test_an_entry_that_does_not_match_its_hash_is_not_said_to_be_the_last_unless_it_is(forger: Forger) -> None:
    forger.build(100)
    for number in (50, 51):
        forger.unguarded(update(number, f"entry_hash = '{number:064}', reasoning = 'x', track = 'llm'"))
    first = investigated(forger, limit_seconds=0).incidents[0]
    assert not any("No entry follows" in line for line in first.because)
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 51")
    last = investigated(forger, limit_seconds=0).incidents[0]
    assert "No entry follows that could confirm the stored entry_hash." in last.because


def test_a_rewritten_ledger_is_told_by_a_checkpoint_and_its_first_entry_by_another_copy(
    forger: Forger, tmp_path: Path
) -> None:
    ledger = Ledger(forger.build(100).dsn)
    ledger.create_checkpoint(tmp_path / "checkpoints", KEY)
    ledger.export_entries(output_file=tmp_path / "before.jsonl")
    forger.rewrite(50, lambda entry: replace(entry, reasoning="nothing to see"))
    trusted = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(KEY.verifier())]}
    assert told(investigated(forger)) == []
    assert (IncidentType.REWRITE, 1, None) in told(investigated(forger, **trusted))
    against = investigated(forger, against=str(tmp_path / "before.jsonl"))
    rewrite = next(one for one in against.incidents if one.what is IncidentType.REWRITE)
    assert (rewrite.first, rewrite.count, rewrite.certainty) == (50, 51, Certainty.FITS)
    assert against.differs
    assert against.differences[0].columns["reasoning"][1] == "nothing to see"


def test_a_cut_off_end_is_told_by_another_copy(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file=tmp_path / "before.jsonl")
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 90")
    assert told(investigated(forger, against=str(tmp_path / "before.jsonl"))) == [(IncidentType.TRUNCATION, 91, 100)]


def test_a_ledger_that_has_grown_since_the_other_copy_is_clean(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file=tmp_path / "before.jsonl")
    last = forger.entry(100)
    forger.append([replace(last, sequence_number=101, previous_hash=entry_hash(last))])
    found = investigated(forger, against=str(tmp_path / "before.jsonl"))
    assert found.is_clean
    assert found.against is not None
    assert (found.against.same, found.against.added) == (100, 1)


def test_what_another_copy_says_of_an_edited_entry_is_proven_by_its_hash(forger: Forger, tmp_path: Path) -> None:
    before = forger.build(100).entry(50)
    Ledger(forger.dsn).export_entries(output_file=tmp_path / "before.csv")
    forger.unguarded(update(50, "reasoning = 'nothing to see'"))
    (one,) = only(investigated(forger, against=str(tmp_path / "before.csv"))).reconstructions
    assert isinstance(one, Reconstruction)
    assert [(change.column, change.original) for change in one.changes] == [("reasoning", before.reasoning)]


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.csv.gz"])
def test_an_export_shows_the_incidents_of_its_database(forger: Forger, tmp_path: Path, name: str) -> None:
    inserted(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"))
    Ledger(forger.dsn).export_entries(output_file=tmp_path / name)
    assert told(Ledger(str(tmp_path / name)).investigate()) == told(investigated(forger))


def test_a_filtered_export_is_no_deletion(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file=tmp_path / "part.jsonl", verdict_filter="FLAG")
    found = Ledger(str(tmp_path / "part.jsonl")).investigate()
    assert found.incidents == ()
    assert not found.is_clean


def test_a_view_in_the_tables_place_is_told_and_nothing_is_read_from_it(forger: Forger) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries RENAME TO hidden; CREATE VIEW ledger_entries AS TABLE hidden")
    found = investigated(forger, entry=50)
    assert told(found) == [(IncidentType.PROTECTIONS, None, None)]
    assert "The chain was not examined" in found.undecided[0].words


def test_an_entry_that_is_fine_is_said_to_be(forger: Forger) -> None:
    edited(forger.build(100))
    looked = investigated(forger, entry=51).inspection
    assert looked is not None
    assert looked.fits
    assert looked.sentences[0].startswith(
        "Entry 51 is as it was written, as far as the chain shows: its hashed columns match "
    )


def test_an_entry_is_confirmed_by_one_next_entry_only(forger: Forger) -> None:
    copied(forger.build(100))
    for number, words in ((49, "Entry 50 exists 2 times, so nothing"), (100, "No entry 101 exists, so nothing")):
        inspection = investigated(forger, entry=number).inspection
        assert inspection is not None
        assert f"{words} confirms it." in inspection.sentences[0]


def test_an_entry_that_is_not_there_is_told_with_what_surrounds_it(forger: Forger) -> None:
    deleted(forger.build(100))
    for number, words in ((50, "Entry 49 exists"), (200, "The ledger ends with entry 100"), (51, "was deleted")):
        looked = investigated(forger, entry=number).inspection
        assert looked is not None
        assert not looked.fits
        assert looked.sentences[0] == f"Entry {number} does not exist."
        assert any(words in sentence for sentence in looked.sentences[1:])


def test_the_hashes_tell_which_side_was_edited(forger: Forger) -> None:
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


def test_nothing_of_an_entry_becomes_a_control_code(forger: Forger) -> None:
    forger.build(100)
    forger.unguarded(update(50, r"reasoning = E'\x1b[31m<script>\u202e', rule_id = E'\x1b]0;evil\x07'"))
    text = timeline(investigated(forger, entry=50))
    assert "<script>" in text
    assert not set("\x1b\x07\u202e") & set(text)


def test_another_copy_that_was_changed_is_told_and_not_the_ledger(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).export_entries(output_file=tmp_path / "copy.jsonl")
    text = (tmp_path / "copy.jsonl").read_text()
    (tmp_path / "copy.jsonl").write_text(text.replace(' "CLEAR"', ' "FLAG"', 1).replace(':"CLEAR"', ':"FLAG"', 1))
    found = investigated(forger, against=str(tmp_path / "copy.jsonl"))
    assert found.verification.is_valid
    assert found.differs
    change = only(found)
    assert (change.what, change.first, change.certainty) == (IncidentType.OTHER_COPY, 1, Certainty.PROVEN)
    assert "differs at entry 1 (verdict)" in change.sentence
    assert conclusion(found).startswith("1 incident in the other copy, proven; none in the ledger. By itself ")


def test_a_checkpoint_and_another_copy_tell_one_incident_together(forger: Forger, tmp_path: Path) -> None:
    ledger = Ledger(forger.build(100).dsn)
    ledger.create_checkpoint(tmp_path / "checkpoints", KEY)
    ledger.export_entries(output_file=tmp_path / "before.jsonl", fields=COPY_COLUMNS)
    trusted = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(KEY.verifier())]}
    forger.rewrite(50, lambda entry: replace(entry, reasoning="nothing to see"))
    rewrite = only(investigated(forger, against=str(tmp_path / "before.jsonl"), **trusted))
    assert (rewrite.what, rewrite.first, rewrite.certainty) == (IncidentType.REWRITE, 50, Certainty.PROVEN)
    assert "was signed" in rewrite.because[-1]


def test_a_deletion_behind_which_the_rest_was_renumbered_is_no_cut_off_end(forger: Forger, tmp_path: Path) -> None:
    Ledger(forger.build(100).dsn).create_checkpoint(tmp_path, KEY)
    deleted_and_renumbered(forger)
    found = investigated(forger, checkpoints=[tmp_path], verifier_keys=[str(KEY.verifier())])
    assert [(one.what, one.certainty) for one in found.incidents] == [
        (IncidentType.DELETION, Certainty.PROVEN),
        (IncidentType.TRUNCATION, Certainty.OPEN),
    ]
    assert "explains it" in found.incidents[1].otherwise[0]


def test_an_entry_without_a_number_is_told_in_the_words_of_its_check(forger: Forger) -> None:
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


def test_a_copy_that_was_changed_is_an_edit_and_a_fork_with_an_edit_inside_is_not_called_sound(forger: Forger) -> None:
    copied(forger.build(100))
    forger.unguarded("UPDATE ledger_entries SET track = 'llm' WHERE id = (SELECT max(id) FROM ledger_entries)")
    edit, _ = investigated(forger).incidents
    assert (edit.what, edit.first) == (IncidentType.EDIT, 50)
    assert any("exists twice" in line for line in edit.because)
    forger.unguarded("UPDATE ledger_entries SET track = 'llm' WHERE sequence_number = 50 AND id = 50")
    forger.unguarded("UPDATE ledger_entries SET track = 'symbolic' WHERE sequence_number = 50 AND id > 50")
    found = investigated(forger).incidents
    fork = next(one for one in found if one.what is IncidentType.FORK)
    assert fork.certainty is Certainty.OPEN
    assert fork.because[0].startswith("Not every entry of both branches matches")


# What another copy says, whichever of the two was changed.


def copied_to(forger: Forger, path: Path, **options: Any) -> str:
    """Export the forger's ledger, and return the path."""
    Ledger(forger.dsn).export_entries(output_file=path, **options)
    return str(path)


def swapped_sides(forger: Forger, tmp_path: Path, commit: Callable[[Forger], None]) -> Investigation:
    """Export a clean ledger, tamper with the database, and investigate the export against that."""
    clean = copied_to(forger.build(100), tmp_path / "clean.jsonl")
    commit(forger)
    return Ledger(clean).investigate(against=forger.dsn)


@pytest.mark.parametrize(
    ("commit", "what", "certainty"),
    [
        (edited, (IncidentType.OTHER_COPY, 50, 50), Certainty.PROVEN),
        (edited_with_its_hash, (IncidentType.OTHER_COPY, 50, 50), Certainty.PROVEN),
        (deleted, (IncidentType.OTHER_COPY, 50, 52), Certainty.PROVEN),
        (start_deleted, (IncidentType.OTHER_COPY, 1, 4), Certainty.PROVEN),
        (copied, (IncidentType.OTHER_COPY, 50, 50), Certainty.FITS),
        (numbers_skipped, (IncidentType.TRUNCATION, 102, 102), Certainty.OPEN),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_done_to_the_other_copy_is_told_of_it(
    forger: Forger,
    tmp_path: Path,
    commit: Callable[[Forger], None],
    what: tuple[IncidentType, int, int],
    certainty: Certainty,
) -> None:
    found = swapped_sides(forger, tmp_path, commit)
    assert told(found) == [what]
    assert found.incidents[0].certainty is certainty
    assert found.differs
    assert found.verification.is_valid


def test_a_copy_that_was_renumbered_is_told_of_and_the_ledger_not_accused(forger: Forger, tmp_path: Path) -> None:
    found = swapped_sides(forger, tmp_path, deleted_and_renumbered)
    change = next(one for one in found.incidents if one.what is IncidentType.OTHER_COPY)
    assert (change.first, change.certainty) == (50, Certainty.FITS)
    assert IncidentType.REWRITE not in {one.what for one in found.incidents}
    assert any("The ledger was changed as well" in line for line in change.otherwise)
    assert change.because[-1] == "It does with the number 53: the other copy's entry 50 was renumbered."


def test_entries_that_were_renumbered_are_not_compared_by_their_number(forger: Forger, tmp_path: Path) -> None:
    before = copied_to(forger.build(100), tmp_path / "before.jsonl")
    deleted_and_renumbered(forger)
    found = investigated(forger, against=before, entry=60)
    assert told(found) == [(IncidentType.DELETION, 50, 52)]
    assert found.differences == ()
    assert found.inspection is not None
    assert not any("before.jsonl" in sentence for sentence in found.inspection.sentences)
    assert found.undecided[0].words.startswith("From entry 50 on, a number means another entry in ")


def test_a_newer_copy_is_not_called_a_cut_off_end(forger: Forger, tmp_path: Path) -> None:
    older = copied_to(forger.build(90), tmp_path / "older.jsonl")
    last = forger.entry(90)
    forger.append([replace(last, sequence_number=91, previous_hash=entry_hash(last))])
    newer = only(Ledger(older).investigate(against=forger.dsn))
    assert newer.certainty is Certainty.OPEN
    assert newer.because[-1] == "Its entry 91 links to the last entry of the ledger."
    assert any("The ledger is an older state" in line for line in newer.otherwise)


@pytest.mark.parametrize("renumbered", [False, True])
def test_a_copy_that_closes_the_gap_proves_all_of_the_deletion(
    forger: Forger, tmp_path: Path, renumbered: bool
) -> None:
    before = copied_to(forger.build(100), tmp_path / "before.jsonl")
    (deleted_and_renumbered if renumbered else deleted)(forger)
    gap = next(
        one for one in investigated(forger, against=before, entry=51).incidents if one.what is IncidentType.DELETION
    )
    assert gap.sentence.startswith(
        "3 entries, written as 50 to 52, were deleted" if renumbered else "Entries 50 to 52 were deleted"
    )
    assert gap.because[-1].endswith(
        "has entries 50 to 52, and the hashes close the gap: all of them were in this ledger."
    )


def test_of_a_gap_that_is_too_long_to_be_looked_at_no_more_is_claimed(
    forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_audit_ledger.investigate.other_copy.CLOSED", 2)
    before = copied_to(forger.build(100), tmp_path / "before.jsonl")
    forger.unguarded(
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 20 AND 22 OR sequence_number IN (50, 52)"
    )
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number BETWEEN 60 AND 69")
    near, *short, long = investigated(forger, against=before).incidents
    assert near.sentence.startswith("Entries 20 to 22 were deleted")
    for one in (*short, long):
        assert not any("either" in line for line in one.because)
    assert long.sentence.startswith("Numbers 60 to 69 are missing")
    assert long.because[-1].endswith("too many to test whether their hashes close the gap.")


def test_a_copy_that_has_other_entries_in_the_gap_proves_nothing(forger: Forger, tmp_path: Path) -> None:
    forger.build(100)
    forger.unguarded(update(51, "reasoning = 'made up'"))
    other = copied_to(forger, tmp_path / "other.jsonl")
    deleted(forger)
    found = investigated(forger, against=other, entry=51)
    gap = next(one for one in found.incidents if one.what is IncidentType.DELETION)
    assert gap.sentence.startswith("Numbers 50 to 52 are missing")
    assert gap.because[-1].endswith("but their hashes do not close the gap.")
    assert found.inspection is not None
    assert found.inspection.sentences[-1].endswith("no hash of the ledger shows whether it is the original.")


def test_a_part_leaves_undecided_what_stands_behind_it(forger: Forger, tmp_path: Path) -> None:
    part = copied_to(forger.build(100), tmp_path / "part.jsonl", limit=40)
    whole = copied_to(forger, tmp_path / "whole.jsonl")
    found = investigated(forger, against=part)
    assert found.is_clean
    (undecided,) = found.undecided
    assert (
        "has 40 of 100 entries (1 to 40). It ends with entry 40: only a checkpoint or a newer copy" in undecided.words
    )
    assert conclusion(found).startswith("Nothing to investigate in the 40 of 100 entries that ")
    (newer,) = investigated(forger, against=whole).undecided
    assert newer.words.startswith("Entries that were appended after ")


def test_entries_that_a_copy_without_a_manifest_lacks_are_undecided_and_no_accusation(
    forger: Forger, tmp_path: Path
) -> None:
    before = Path(copied_to(forger.build(100), tmp_path / "before.jsonl"))
    lines = before.read_text().splitlines(keepends=True)
    before.write_text("".join(lines[:49] + lines[52:]))
    Path(f"{before}.manifest.json").unlink()
    found = investigated(forger, against=str(before))
    assert found.incidents == ()
    assert found.undecided[0].words.startswith("Entries 50 to 52 are missing from ")


def test_an_entry_that_was_deleted_is_shown_as_the_other_copy_has_it(forger: Forger, tmp_path: Path) -> None:
    forger.build(100).run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_update")
    forger.run(update(51, r"escalation_notes = E'\x1b[31m'"))
    before = copied_to(forger, tmp_path / "before.jsonl")
    digest = entry_hash(forger.entry(51))
    deleted(forger)
    text = timeline(investigated(forger, against=before, entry=51), width=1000)
    assert f"entry_hash                 {digest}" in text
    assert r"escalation_notes         * \x1b[31m" in text
    assert "3 only there (50 to 52)" in text


def test_columns_that_no_hash_covers_are_marked(forger: Forger) -> None:
    found = investigated(forger.build(100), entry=50)
    assert found.inspection is not None
    assert found.inspection.uncovered == ("id", "escalation_status", "escalation_notes", "created_at")
    assert f"id                       * {50}" in timeline(found)
    assert f"sequence_number            {50}" in timeline(found)


def test_an_entry_that_was_asked_for_is_told_without_the_incidents_of_others(forger: Forger) -> None:
    edited(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"))
    found = investigated(forger, entry=20)
    text = timeline(found)
    assert len(found.incidents) == 2
    assert "1/2  Entry 20 was written with verdict " in text
    assert "Entry 50 was written" not in text
    assert "\n\n1 other incident. Leave out --entry to see it.\n\n" in text


def test_an_entry_between_those_of_an_incident_is_not_called_a_part_of_it(forger: Forger) -> None:
    forger.build(500)
    flags = [number for (number,) in forger.run("SELECT sequence_number FROM ledger_entries WHERE verdict = 'FLAG'")]
    forger.unguarded("UPDATE ledger_entries SET verdict = 'CLEAR' WHERE verdict = 'FLAG'")
    between = next(number for number in range(min(flags), max(flags)) if number not in flags)
    looked = investigated(forger, entry=between, limit_seconds=20).inspection
    assert looked is not None
    assert looked.fits
    assert looked.sentences[-1].startswith("Within the range of an incident that touches only some entries: ")


def test_advice_is_given_once_and_an_incident_gives_no_times_but_of_its_neighbours(forger: Forger) -> None:
    copied(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"), update(30, "verdict = 'DISCRETIONARY'"))
    found = investigated(forger)
    text = timeline(found, width=1000)
    assert text.count("Preserve the server") == 1
    assert "  next     As for 1.\n" in text
    before, after = moment(forger.entry(19).timestamp), moment(forger.entry(21).timestamp)
    assert f"  when     previous entry {before}, next entry {after}\n" in text
    twice = next(one for one in found.incidents if one.what is IncidentType.DUPLICATE)
    assert (twice.time_before, twice.time_after) == ("", "")


def test_advice_names_the_ledger_that_it_is_about(forger: Forger) -> None:
    edited(forger.build(100))
    found = investigated(forger)
    command = f"audit-ledger investigate {shlex.join(found.options)}"
    assert commands(only(found).next_step) == [f"{command} --against FILE"]
    assert commands(found.undecided) == [
        f"{command} --checkpoint DIR --verifier-key KEY",
        f"{command} --against FILE",
    ]


def test_a_command_stands_on_a_line_of_its_own_however_long_and_nothing_else_does_with_it(forger: Forger) -> None:
    edited(forger.build(100))
    found = investigated(forger)
    command = f"audit-ledger investigate {shlex.join(found.options)}"
    lines = [line.strip() for line in timeline(found, width=40).splitlines() if "audit-ledger " in line]
    each = (command for one in found.undecided for command in commands([one]))
    assert lines == [*commands(only(found).next_step), *each]
    assert brief(found, 40)[-1].strip() == command
