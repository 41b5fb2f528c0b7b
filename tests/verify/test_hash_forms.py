"""A writer that hashes in another form is not accused, on a real server; an edit among its entries is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Outcome, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import SEVERAL
from tests.support.command import RunLedger
from tests.support.odd_writers import Writer, canonical, every, odd_rows, with_nanoseconds, with_z, write

COUNT = 1_200
Z = "with timestamp written like 2026-05-21T15:30:00.120000Z"
NANOSECONDS = "with more digits of the time than are stored"


def verified(forger: Forger, **options: Any) -> tuple[Verification, Outcome]:
    """Return a verification, and what it says of entry hashes."""
    found = Ledger(forger.dsn).verify_integrity(**options)
    return found, next(one for one in found.outcomes if one.kind == "entry_hash")


@pytest.mark.parametrize(("odd", "words"), [(with_z, Z), (with_nanoseconds, NANOSECONDS)], ids=["Z", "nanoseconds"])
@pytest.mark.parametrize("apart", [600, 100, 1])
def test_entries_in_another_form_are_one_warning_however_many_there_are(
    forger: Forger, odd: Writer, words: str, apart: int
) -> None:
    write(forger.build(0), sample_entries(COUNT), every(apart, odd))
    for options in ({}, {"samples": 1, **SEVERAL}):
        found, outcome = verified(forger, **options)
        assert found.assurance is Assurance.SELF_CONSISTENT
        assert (outcome.status, outcome.codes) == (Status.WARN, {"HASH_FORM": 1})
        others = COUNT // apart
        assert outcome.facts["matching entries"] == f"{COUNT - others:,} of {COUNT:,}; {others:,} more in another form"
        (finding,) = outcome.findings
        assert finding.message.startswith(
            f"{COUNT // apart:,} entries were hashed {words}, which proves the stored content"
        )
        assert finding.sequence_number == apart


def test_an_edit_among_entries_in_another_form_is_tampering(forger: Forger) -> None:
    write(forger.build(0), sample_entries(COUNT), with_z)
    forger.unguarded("UPDATE ledger_entries SET verdict = 'DISCRETIONARY' WHERE sequence_number = 777")
    found, outcome = verified(forger)
    assert found.assurance is Assurance.TAMPERED
    assert outcome.codes == {"ENTRY_HASH_MISMATCH": 1, "HASH_FORM": 1}
    assert outcome.findings[0].sequence_number == 777


def test_a_form_that_begins_after_many_edits_is_still_recognised(forger: Forger) -> None:
    write(
        forger.build(0),
        sample_entries(COUNT),
        lambda one: (with_z if one["sequence_number"] > 1_000 else canonical)(one),
    )
    forger.unguarded(
        "UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number <= 800 AND sequence_number % 2 = 0"
    )
    found, outcome = verified(forger)
    assert found.assurance is Assurance.TAMPERED
    assert outcome.codes["HASH_FORM"] == 1
    assert outcome.codes["ENTRY_HASH_MISMATCH"] < 600
    assert int(outcome.facts["entries tried in known forms only"]) > 0


@pytest.mark.slow
def test_what_is_found_does_not_depend_on_the_number_of_workers(forger: Forger) -> None:
    """More mismatches than are searched, before, between and after entries in two forms."""

    def writer(content: dict[str, Any]) -> bytes:
        number = content["sequence_number"]
        odd = with_z if number > 700 and number % 3 else with_nanoseconds if number % 50 == 0 else canonical
        return odd(content)

    write(forger.build(0), sample_entries(COUNT), writer)
    forger.unguarded(
        "UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number % 4 = 1 OR sequence_number > 1100"
    )
    alone, outcome = verified(forger, workers=1)
    assert int(outcome.facts["entries tried in known forms only"]) > 0
    for workers in (2, 7):
        found, of_several = verified(forger, **{**SEVERAL, "workers": workers})
        assert (found.assurance, of_several) == (alone.assurance, outcome)


def test_a_checkpoint_anchors_entries_in_another_form(forger: Forger, tmp_path: Path) -> None:
    key = SigningKey.generate("bank.example/ledger")
    write(forger.build(0), sample_entries(100), with_z)
    Ledger(forger.dsn).create_checkpoint(tmp_path, key)
    found, _ = verified(forger, checkpoints=[tmp_path], verifier_keys=[str(key.verifier())])
    assert found.assurance is Assurance.ANCHORED


def hashed_otherwise(content: dict[str, Any]) -> bytes:
    return canonical({**content, "secret": "a part that no column has"})


@pytest.mark.parametrize("since", [0, 500])
def test_a_recipe_that_nobody_knows_is_one_finding_and_leaves_the_ledger_unverified(forger: Forger, since: int) -> None:
    def writer(content: dict[str, Any]) -> bytes:
        number = content["sequence_number"]
        return (canonical if number <= since or number == 900 else hashed_otherwise)(content)

    write(forger.build(0), sample_entries(COUNT), writer)
    for options in ({}, {"samples": 1}):
        found, outcome = verified(forger, **options)
        assert found.assurance is Assurance.UNVERIFIED
        assert (outcome.status, outcome.codes) == (Status.FAIL, {"HASHES_UNKNOWN": 1})
        assert outcome.findings[0].sequence_number == (since + 1 if since else None)
        assert outcome.findings[0].message.startswith(f"{COUNT - since - 1:,} entries")


def test_an_edit_before_entries_of_an_unknown_recipe_is_still_tampering(forger: Forger) -> None:
    def writer(content: dict[str, Any]) -> bytes:
        return (canonical if content["sequence_number"] <= 500 else hashed_otherwise)(content)

    write(forger.build(0), sample_entries(1_000), writer)
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number = 400")
    found, outcome = verified(forger)
    assert found.assurance is Assurance.TAMPERED
    assert outcome.codes == {"ENTRY_HASH_MISMATCH": 1, "HASHES_UNKNOWN": 1}
    assert outcome.findings[0].sequence_number == 400


def test_the_plugin_warns_of_a_form_and_the_run_passes(run: RunLedger, forger: Forger) -> None:
    write(forger.build(0), (replace(entry, track="llm") for entry in sample_entries(200)), every(50, with_z))
    result = run(f"--ledger-db={forger.dsn}")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*HASH_FORM (warning) sequence 50: 4 entries were hashed {Z}*"])


def test_an_edit_that_was_hashed_again_in_another_form_breaks_the_link(forger: Forger) -> None:
    forger.build(100)
    edited = replace(forger.entry(50), reasoning="nothing to see")
    digest = odd_rows([edited], lambda one: with_z({**one, "previous_hash": edited.previous_hash}))[0]["entry_hash"]
    forger.unguarded(
        f"UPDATE ledger_entries SET reasoning = 'nothing to see', entry_hash = '{digest}' WHERE sequence_number = 50"
    )
    found, outcome = verified(forger)
    assert outcome.codes == {"HASH_FORM": 1}
    assert found.assurance is Assurance.TAMPERED
    assert found.sentence == "Integrity checks failed: chain_linkage."


@pytest.mark.parametrize("stored", ["z" * 64, "A" * 64, "", None])
def test_what_is_no_hash_is_in_no_form(forger: Forger, stored: str | None) -> None:
    forger.build(10).run("ALTER TABLE ledger_entries ALTER entry_hash DROP NOT NULL")
    forger.run("ALTER TABLE ledger_entries DROP CONSTRAINT IF EXISTS ledger_entries_entry_hash_check")
    with forger.guards_down():
        forger.run("UPDATE ledger_entries SET entry_hash = %s WHERE sequence_number = 5", [stored])
    _, outcome = verified(forger)
    assert outcome.codes == {"ENTRY_HASH_MISMATCH": 1}


def in_berlin(content: dict[str, Any]) -> bytes:
    """Hash a local time without its offset; the sample begins in summer, and ends in winter."""
    moment = datetime.fromisoformat(content["timestamp"])
    hours = 2 if moment < datetime(2025, 9, 1, 12, tzinfo=timezone.utc) else 1
    return canonical({**content, "timestamp": (moment + timedelta(hours=hours)).replace(tzinfo=None).isoformat()})


def test_a_local_time_without_its_offset_is_a_form_in_summer_and_winter_and_hides_no_moved_time(forger: Forger) -> None:
    write(forger.build(0), sample_entries(COUNT), in_berlin)
    found, outcome = verified(forger)
    assert (found.assurance, outcome.codes) == (Assurance.SELF_CONSISTENT, {"HASH_FORM": 2})
    assert all("does not prove the time zone" in finding.message for finding in outcome.findings)
    forger.unguarded(
        """UPDATE ledger_entries SET "timestamp" = "timestamp" + interval '3 hours' WHERE sequence_number = 50"""
    )
    found, outcome = verified(forger, check_timestamps=False)
    assert found.assurance is Assurance.TAMPERED
    assert outcome.codes == {"ENTRY_HASH_MISMATCH": 1, "HASH_FORM": 2}
    assert outcome.findings[0].sequence_number == 50
    (doubt,) = (one for one in Ledger(forger.dsn).investigate().incidents if one.first == 50 and one.count == 1)
    assert "Their times were moved by hours." in doubt.otherwise


def test_a_column_that_lost_digits_is_named_as_the_likely_cause(forger: Forger) -> None:
    forger.build(60)
    with forger.guards_down():
        forger.run('ALTER TABLE ledger_entries ALTER COLUMN "timestamp" TYPE timestamptz(3)')
    _, outcome = verified(forger)
    assert outcome.codes == {"HASHES_UNKNOWN": 1}
    assert "the column timestamp, which is timestamp(3) with time zone, lost digits" in outcome.findings[0].message
