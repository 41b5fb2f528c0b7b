"""What an investigation says as a whole, and of one entry: in words, bounded, and with advice."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from pytest_audit_ledger.commands import completed_command
from pytest_audit_ledger.investigate.incident import IncidentType, commands, moment
from pytest_audit_ledger.investigate.reconstruction import Stopped, Unexplained
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.output.investigation_json import as_json
from pytest_audit_ledger.output.investigation_text import brief, timeline
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS
from tests.forger import Forger
from tests.support.incidents import copied, copied_to, deleted, edited, investigated, only, update
from tests.support.provenance import build_signed


def test_a_clean_ledger_has_nothing_to_investigate(forger: Forger) -> None:
    found = investigated(forger.build(100))
    assert found.is_clean
    assert found.incidents == ()
    assert timeline(found).split("\n\n")[-1].startswith("Nothing to investigate. SELF-CONSISTENT: ")


def test_an_empty_ledger_was_not_rewritten(forger: Forger) -> None:
    found = investigated(forger.build(0))
    assert found.incidents == ()
    assert not found.is_clean
    assert any("could not be evaluated" in one.words for one in found.undecided)


def test_entries_of_which_nothing_is_known_are_one_sentence(forger: Forger) -> None:
    forger.build(10)
    forger.unguarded(update(5, "track = 'llm'"))
    found = investigated(forger)
    unknown = [Unexplained(number, 1000, Stopped.EXHAUSTED) for number in (5, 6, 7)]
    many = replace(only(found), reconstructions=(*unknown,))
    text = timeline(replace(found, incidents=(many,)), width=1000)
    assert "  before   The original content of 3 entries from 5 to 7 is unknown: none of the 3,000 hypotheses" in text
    assert text.count("is unknown") == 1


def test_a_sentence_that_ends_with_a_value_has_one_full_stop(forger: Forger) -> None:
    build_signed(forger)
    forger.unguarded(update(50, "reasoning = 'another'"))
    assert ".." not in timeline(investigated(forger), width=1000).replace("...", "")


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


def test_an_entry_that_does_not_exist_is_shown_with_its_neighbours(forger: Forger) -> None:
    deleted(forger.build(100))
    for number, words in ((50, "Entry 49 exists"), (200, "The ledger ends with entry 100"), (51, "was deleted")):
        looked = investigated(forger, entry=number).inspection
        assert looked is not None
        assert not looked.fits
        assert looked.sentences[0] == f"Entry {number} does not exist."
        assert any(words in sentence for sentence in looked.sentences[1:])


def test_nothing_of_an_entry_becomes_a_control_code(forger: Forger) -> None:
    forger.build(100)
    forger.unguarded(update(50, r"reasoning = E'\x1b[31m<script>\u202e', rule_id = E'\x1b]0;evil\x07'"))
    text = timeline(investigated(forger, entry=50))
    assert "<script>" in text
    assert not set("\x1b\x07\u202e") & set(text)


def test_columns_that_no_hash_covers_are_marked(forger: Forger) -> None:
    found = investigated(forger.build(100), entry=50)
    assert found.inspection is not None
    assert found.inspection.uncovered == ("id", "escalation_status", "escalation_notes", "created_at")
    assert f"id                       * {50}" in timeline(found)
    assert f"sequence_number            {50}" in timeline(found)


def test_an_entry_that_was_asked_for_is_shown_without_other_incidents(forger: Forger) -> None:
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


def test_advice_is_given_once_and_times_are_those_of_neighbours(forger: Forger) -> None:
    copied(forger.build(100))
    forger.unguarded(update(20, "verdict = 'DISCRETIONARY'"), update(30, "verdict = 'DISCRETIONARY'"))
    found = investigated(forger)
    text = timeline(found, width=1000)
    assert text.count("Preserve the server") == 1
    assert "  next     Same as for 1.\n" in text
    before, after = moment(forger.entry(19).timestamp), moment(forger.entry(21).timestamp)
    assert f"  written  previous entry {before}, next entry {after}\n" in text
    twice = next(one for one in found.incidents if one.what is IncidentType.DUPLICATE)
    assert (twice.time_before, twice.time_after) == ("", "")


def test_advice_names_the_ledger_that_it_is_about(forger: Forger) -> None:
    edited(forger.build(100))
    found = investigated(forger)
    given = found.verification.given
    command = completed_command("audit-ledger investigate", given)
    assert command == f"audit-ledger investigate --ledger-db {shlex.quote(forger.dsn)}"
    assert commands(only(found).next_step, given) == [f"{command} --against FILE"]
    assert commands(found.undecided, given) == [
        f"{command} --checkpoint DIR --verifier-key KEY",
        f"{command} --against FILE",
    ]


def test_a_command_is_alone_on_its_line_however_long(forger: Forger) -> None:
    edited(forger.build(100))
    found = investigated(forger)
    given = found.verification.given
    lines = [line.strip() for line in timeline(found, width=40).splitlines() if "audit-ledger " in line]
    each = (command for one in found.undecided for command in commands([one], given))
    assert lines == [*commands(only(found).next_step, given), *each]
    assert brief(found, 40)[-1].strip() == completed_command("audit-ledger investigate", given)
