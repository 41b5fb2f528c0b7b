"""What another copy says, whichever of the two was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_audit_ledger.investigate.incident import Certainty, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.entry import entry_hash
from pytest_audit_ledger.output.investigation_text import conclusion, timeline
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS
from tests.forger import Forger
from tests.support.incidents import (
    KEY,
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
    start_deleted,
    told,
    update,
)


def test_a_checkpoint_shows_a_rewritten_ledger_and_another_copy_its_first_entry(forger: Forger, tmp_path: Path) -> None:
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


def test_another_copy_shows_a_missing_end(forger: Forger, tmp_path: Path) -> None:
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
    assert (found.against.difference.same, found.against.difference.added.count) == (100, 1)


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


def test_a_change_of_the_other_copy_is_not_one_of_the_ledger(forger: Forger, tmp_path: Path) -> None:
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


def test_a_checkpoint_and_another_copy_show_one_incident_together(forger: Forger, tmp_path: Path) -> None:
    ledger = Ledger(forger.build(100).dsn)
    ledger.create_checkpoint(tmp_path / "checkpoints", KEY)
    ledger.export_entries(output_file=tmp_path / "before.jsonl", fields=COPY_COLUMNS)
    trusted = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(KEY.verifier())]}
    forger.rewrite(50, lambda entry: replace(entry, reasoning="nothing to see"))
    rewrite = only(investigated(forger, against=str(tmp_path / "before.jsonl"), **trusted))
    assert (rewrite.what, rewrite.first, rewrite.certainty) == (IncidentType.REWRITE, 50, Certainty.PROVEN)
    assert "was signed" in rewrite.because[-1]


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
def test_what_was_done_to_the_other_copy_is_said_of_it(
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


def test_a_renumbered_copy_is_reported_and_the_ledger_not_accused(forger: Forger, tmp_path: Path) -> None:
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


def test_a_newer_copy_is_not_called_a_missing_end(forger: Forger, tmp_path: Path) -> None:
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


def test_of_a_gap_that_is_too_long_to_examine_no_more_is_claimed(
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


def test_a_part_leaves_undecided_what_stands_after_it(forger: Forger, tmp_path: Path) -> None:
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
