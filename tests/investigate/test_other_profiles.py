"""Investigations of ledgers of other profiles: by stream and number, with the hashes of the recipe as proof."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from pytest_audit_ledger import Ledger, UsageError
from pytest_audit_ledger.files.resources import json_schema, sql
from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.output.investigation_json import as_text
from pytest_audit_ledger.output.investigation_text import timeline
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.drill.test_profiles import GUARDED, JOIN, movements
from tests.forger import Forger
from tests.verify.test_shipped_ledgers import ALL, CUT_OFF

PROFILE = JOIN.with_suffix(".profile.yaml")
HERE = "account = 'DE01' AND seq = "
IN_THE_CHAIN = ("chain_linkage", "entry_hash", "sequence_continuity")


def investigated(forger: Forger, profile: str | Path, limit_seconds: float = 20) -> Investigation:
    found = Ledger(forger.dsn, profile=profile).investigate(limit_seconds=limit_seconds)
    schema = json_schema("investigation.schema.json")
    jsonschema.validate(
        json.loads(as_text(found))["incidents"], {**schema["properties"]["incidents"], "$defs": schema["$defs"]}
    )
    timeline(found)
    return found


def moved(forger: Forger, change: str) -> list[Incident]:
    """Return what happened to the ledger of movements after a change, without what its protections say."""
    movements(forger)
    forger.run(f"ALTER TABLE movements DISABLE TRIGGER USER; {change}; ALTER TABLE movements ENABLE TRIGGER USER")
    return [one for one in investigated(forger, PROFILE).incidents if one.what is not IncidentType.PROTECTIONS]


def test_a_listed_value_is_restored_and_proven(forger: Forger) -> None:
    (incident,) = moved(forger, f"UPDATE movements SET kind = 'deposit' WHERE {HERE} 25")
    assert (incident.stream, incident.first, incident.what) == ("DE01", 25, IncidentType.EDIT)
    assert incident.certainty is Certainty.PROVEN
    assert incident.sentence == "Stream DE01: Entry 25 was written with kind fee; it now says deposit."


def test_an_amount_is_restored_and_proven(forger: Forger) -> None:
    (incident,) = moved(forger, "UPDATE movements SET amount = 99.99 WHERE account = 'FR02' AND seq = 1")
    assert incident.sentence == "Stream FR02: Entry 1 was written with amount 20.50; it now says 99.99."
    (found,) = incident.reconstructions
    assert isinstance(found, Reconstruction)
    assert found.changes[0].excluded > 0


def test_a_hash_that_was_rewritten_is_restored_by_the_link_to_it(forger: Forger) -> None:
    change = f"UPDATE movements SET kind = 'deposit', row_hash = repeat('0', 64) WHERE {HERE} 25"
    (incident,) = moved(forger, change)
    assert incident.certainty is Certainty.PROVEN
    (found,) = incident.reconstructions
    assert isinstance(found, Reconstruction)
    assert [one.column for one in found.changes] == ["kind", "row_hash"]


def test_what_nothing_reproduces_is_no_accusation(forger: Forger) -> None:
    (incident,) = moved(forger, f"UPDATE movements SET booked_at = booked_at - interval '1 hour' WHERE {HERE} 25")
    assert incident.certainty is Certainty.FITS
    assert incident.sentence == "Stream DE01: Entry 25 does not match its stored hash."
    assert "row_hash" in incident.because[0]


RENUMBERED = (
    f"DELETE FROM movements WHERE {HERE} 25; UPDATE movements SET seq = seq + 999 WHERE account = 'DE01' AND seq > 25; "
    "UPDATE movements SET seq = seq - 1000 WHERE seq > 1000"
)
SWAPPED = (
    f"UPDATE movements SET seq = 999 WHERE {HERE} 25; UPDATE movements SET seq = 25 WHERE {HERE} 26; "
    f"UPDATE movements SET seq = 26 WHERE {HERE} 999"
)


@pytest.mark.parametrize(
    ("change", "what", "first"),
    [
        (f"DELETE FROM movements WHERE {HERE} 25", IncidentType.DELETION, 25),
        (f"DELETE FROM movements WHERE {HERE} 1", IncidentType.PREFIX_DELETION, 1),
        (RENUMBERED, IncidentType.DELETION, 25),
        (SWAPPED, IncidentType.REORDERING, 25),
    ],
    ids=["deleted", "first-deleted", "deleted-and-renumbered", "swapped"],
)
def test_what_happened_to_numbers_is_proven(forger: Forger, change: str, what: IncidentType, first: int) -> None:
    incident = moved(forger, change)[0]
    assert (incident.what, incident.stream, incident.first) == (what, "DE01", first)
    assert incident.certainty is Certainty.PROVEN


def test_a_fork_by_two_writers_is_told_as_a_fork(forger: Forger) -> None:
    movements(forger)
    with ScratchLedger(forger.dsn, "movements", load_profile(PROFILE)) as ledger:
        ledger.insert_linked(GUARDED, GUARDED - 1, sequence_number=GUARDED + 1)
    (incident,) = [one for one in investigated(forger, PROFILE).incidents if one.what is IncidentType.FORK]
    assert incident.sentence.startswith(f"Stream DE01: Two entries follow entry {GUARDED - 1}: ")
    assert incident.certainty is Certainty.FITS


@pytest.mark.parametrize(("profile", "tampering"), [(name, what) for name, all_ in ALL.items() for what in all_])
def test_every_tampering_is_told_in_its_stream(forger: Forger, profile: str, tampering: str) -> None:
    change, expected = ALL[profile][tampering]
    forger.run(sql(f"demo/{profile}.sql"))
    forger.run(change)
    found = investigated(forger, profile, limit_seconds=0)
    chain = [one for one in found.incidents if one.first is not None and one.what is not IncidentType.PROTECTIONS]
    assert {one.stream for one in chain} == {stream for _, stream, _ in expected}
    for _, stream, number in expected:
        assert any(one.stream == stream and abs((one.first or 0) - number) <= 3 for one in chain)


@pytest.mark.parametrize("profile", CUT_OFF)
def test_an_end_that_was_cut_off_is_undecided(forger: Forger, profile: str) -> None:
    forger.run(sql(f"demo/{profile}.sql"))
    forger.run(CUT_OFF[profile])
    found = Ledger(forger.dsn, profile=profile).investigate()
    assert [one for one in found.incidents if one.what is not IncidentType.PROTECTIONS] == []
    assert any("its end truncated" in one.words for one in found.undecided)


@pytest.mark.parametrize("path", sorted(JOIN.parent.glob("*.sql")), ids=lambda path: path.stem)
def test_there_is_nothing_to_investigate_in_a_table_of_any_recipe(forger: Forger, path: Path) -> None:
    forger.run(path.read_text(encoding="utf-8"))
    found = Ledger(forger.dsn, profile=path.with_suffix(".profile.yaml")).investigate()
    assert [one for one in found.incidents if one.what is not IncidentType.PROTECTIONS] == []


def test_one_entry_is_inspected_in_its_stream(forger: Forger) -> None:
    movements(forger)
    forger.run(f"ALTER TABLE movements DISABLE TRIGGER USER; UPDATE movements SET kind = 'deposit' WHERE {HERE} 2")
    ledger = Ledger(forger.dsn, profile=PROFILE)
    with pytest.raises(UsageError, match="Entry 2 is in 2 streams: DE01, FR02"):
        ledger.investigate(entry=2)
    found = ledger.investigate(entry=2, stream="DE01")
    schema = json_schema("investigation.schema.json")
    jsonschema.validate(
        json.loads(as_text(found))["entry"], {**schema["$defs"]["inspection"], "$defs": schema["$defs"]}
    )
    inspection = found.inspection
    assert inspection is not None
    assert (inspection.stream, inspection.fits, inspection.records[0].columns["kind"]) == ("DE01", False, "deposit")
    assert inspection.sentences[0] == "The content of entry 2 does not match its row_hash."
    assert any("Entry 2 was written with kind" in one for one in inspection.sentences)
    assert "entry_id" in inspection.uncovered
    assert "Entry 2 of stream DE01" in timeline(found)
    other = ledger.investigate(entry=2, stream="FR02").inspection
    assert other is not None
    assert other.sentences[0].startswith("Entry 2 ")
    assert other.fits
    missing = ledger.investigate(entry=900, stream="FR02").inspection
    assert missing is not None
    assert missing.sentences == ("Entry 900 does not exist.",)


def test_a_ledger_of_one_stream_needs_none_named(forger: Forger) -> None:
    forger.run(sql("demo/frappe.sql"))
    ledger = Ledger(forger.dsn, profile="frappe")
    inspection = ledger.investigate(entry=1).inspection
    assert inspection is not None
    assert inspection.fits
    with pytest.raises(UsageError, match="has one stream"):
        ledger.investigate(entry=1, stream="DE01")
