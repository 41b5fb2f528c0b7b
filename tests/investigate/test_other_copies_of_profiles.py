"""Another copy of a ledger of any profile: it restores what was edited, and neither copy is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.files.resources import json_schema, sql
from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.output.investigation_json import as_text
from pytest_audit_ledger.output.investigation_text import timeline
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.drill.test_profiles import JOIN, movements
from tests.forger import Forger

PROFILE = JOIN.with_suffix(".profile.yaml")
UNGUARDED = "ALTER TABLE movements DISABLE TRIGGER USER"
EDIT = "UPDATE movements SET kind = 'withdrawal', amount = 1234567.89, memo = 'x' WHERE account = 'DE01' AND seq = 25"


@pytest.fixture
def exported(forger: Forger, tmp_path: Path) -> Path:
    """Make the table of movements, and export it; then it may be changed."""
    movements(forger)
    Ledger(forger.dsn, profile=PROFILE).export_entries(output_file=tmp_path / "before.jsonl")
    forger.run(UNGUARDED)
    return tmp_path / "before.jsonl"


def compared(forger: Forger, against: Path) -> Investigation:
    found = Ledger(forger.dsn, profile=PROFILE).investigate(against=str(against), limit_seconds=0)
    schema = json_schema("investigation.schema.json")
    whole = {**schema["$defs"]["without_verification"], "$defs": schema["$defs"]}
    jsonschema.validate({k: v for k, v in json.loads(as_text(found)).items() if k in whole["properties"]}, whole)
    timeline(found)
    return found


def in_streams(found: Investigation) -> list[Incident]:
    return [one for one in found.incidents if one.stream]


def test_an_entry_that_was_edited_in_several_columns_is_restored_and_proven(forger: Forger, exported: Path) -> None:
    forger.run(EDIT)
    found = compared(forger, exported)
    (edit,) = in_streams(found)
    assert (edit.what, edit.first, edit.stream, edit.certainty) == (IncidentType.EDIT, 25, "DE01", Certainty.PROVEN)
    assert edit.sentence.startswith("Stream DE01: Entry 25 was written with kind fee")
    assert "1234567.89" in edit.sentence
    assert "Compared with" in timeline(found)


def test_a_deleted_entry_that_the_other_copy_has_is_said(forger: Forger, exported: Path) -> None:
    forger.run("DELETE FROM movements WHERE account = 'DE01' AND seq = 25")
    (gap,) = in_streams(compared(forger, exported))
    assert gap.what is IncidentType.DELETION
    assert gap.because[-1].endswith(" has entry 25, and the hashes close the gap: it was in this ledger.")


def test_an_end_that_was_cut_off_and_a_stream_that_is_gone_are_undecided(forger: Forger, exported: Path) -> None:
    forger.run("DELETE FROM movements WHERE (account = 'DE01' AND seq > 49) OR account = 'FR02'")
    found = in_streams(compared(forger, exported))
    assert [(one.what, one.stream, one.certainty) for one in found] == [
        (IncidentType.TRUNCATION, "DE01", Certainty.OPEN),
        (IncidentType.TRUNCATION, "FR02", Certainty.OPEN),
    ]
    assert "the stream ends with entry 49" in found[0].sentence
    assert "the ledger has no entry of the stream" in found[1].sentence


def edited_file(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for entry in entries:
        change(entry)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in entries), encoding="utf-8")
    for beside in path.parent.glob(f"{path.name}.*"):
        beside.unlink()


def test_an_edit_of_the_other_copy_is_no_edit_of_the_ledger(forger: Forger, exported: Path) -> None:
    def change(entry: dict[str, object]) -> None:
        if (entry["account"], entry["seq"]) == ("DE01", 25):
            entry["memo"] = "forged"

    edited_file(exported, change)
    (other,) = in_streams(compared(forger, exported))
    assert (other.what, other.first, other.certainty) == (IncidentType.OTHER_COPY, 25, Certainty.PROVEN)
    assert "not the ledger" in other.sentence
    assert "(memo)" in other.sentence


def test_a_column_under_no_hash_is_undecided(forger: Forger, exported: Path) -> None:
    forger.run("UPDATE movements SET entry_id = entry_id + 100000 WHERE account = 'DE01' AND seq = 25")
    (one,) = in_streams(compared(forger, exported))
    assert (one.what, one.certainty, one.count) == (IncidentType.UNHASHED_COLUMN, Certainty.OPEN, 1)
    assert "entry_id" in one.sentence


def test_a_rewritten_chain_matches_its_hashes_in_both_copies(forger: Forger, exported: Path) -> None:
    forger.run(EDIT)
    with ScratchLedger(forger.dsn, "public.movements", load_profile(PROFILE)) as ledger:
        ledger.relink(25)
    found = in_streams(compared(forger, exported))
    assert [(one.what, one.first, one.stream) for one in found] == [(IncidentType.REWRITE, 25, "DE01")]


def test_an_edited_entry_of_one_chain_is_restored(forger: Forger, tmp_path: Path) -> None:
    forger.run(sql("demo/frappe.sql"))
    ledger = Ledger(forger.dsn, profile="frappe")
    ledger.export_entries(output_file=tmp_path / "before.jsonl")
    forger.run("""UPDATE "tabTransaction Log" SET data = 'forged' WHERE row_index = '50'""")
    found = ledger.investigate(against=str(tmp_path / "before.jsonl"), limit_seconds=0, entry=50)
    (edit,) = (one for one in found.incidents if one.what is IncidentType.EDIT)
    assert (edit.first, edit.certainty) == (50, Certainty.PROVEN)
    assert edit.sentence.startswith("Entry 50 was written with data")
    assert found.inspection is not None
    assert any("differs in data" in one for one in found.inspection.sentences)
