"""Ledgers of every recipe, exported and verified from the file alone; an edit of the file is found at its entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.profile import HASH, Profile
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.profiled import RECIPES, profile_file, profiled

FORMATS = ("json", "jsonl", "csv")


def exported(forger: Forger, profile: Profile, path: Path, **options: object) -> Path:
    Ledger(forger.dsn, profile=profile).export_entries(output_file=path, **options)  # type: ignore[call-overload]
    return path


def verified(path: Path, profile: Profile) -> Verification:
    return Ledger(str(path), profile=profile).verify_integrity()


def found(verification: Verification) -> set[tuple[str, str, int | None]]:
    """Return code, stream and number of what was found about entries."""
    return {
        (finding.code, finding.stream, finding.sequence_number)
        for outcome in verification.outcomes
        if outcome.status is Status.FAIL and outcome.kind != "export_manifest"
        for finding in outcome.findings
    }


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_export_of_every_recipe_is_verified_without_the_server(
    forger: Forger, tmp_path: Path, recipe: str, format_: str
) -> None:
    profile = profiled(forger, recipe)
    path = exported(forger, profile, tmp_path / f"ledger.{format_}.gz")
    result = verified(path, profile)
    assert result.assurance is Assurance.SELF_CONSISTENT, result.outcomes
    assert result.survey is not None
    assert result.survey.entries == Ledger(forger.dsn, profile=profile).verify_integrity().survey.entries  # type: ignore[union-attr]
    manifest = json.loads(manifest_path(path).read_text("utf-8"))
    assert manifest["profile"] == {"name": profile.name, "sha256": profile.digest}
    assert manifest["types"].keys() == set(manifest["fields"])


TAMPERED: dict[str, tuple[Callable[[str], str], set[tuple[str, str, int | None]]]] = {
    "concat": (lambda text: text.replace("Vertrag", "Verträge"), {("ENTRY_HASH_MISMATCH", "", 2)}),
    "join": (lambda text: text.replace("-0.10", "-0.01"), {("ENTRY_HASH_MISMATCH", "DE01", 3)}),
    "json": (lambda text: text.replace("open invoices", "all invoices"), {("ENTRY_HASH_MISMATCH", "", 1)}),
    "lengths": (lambda text: text.replace("emergency!", "emergency?"), {("ENTRY_HASH_MISMATCH", "", 3)}),
    "pairs": (lambda text: text.replace("123.40", "123.04"), {("ENTRY_HASH_MISMATCH", "", 2)}),
    "template": (lambda text: text.replace("B-7", "B-8"), {("ENTRY_HASH_MISMATCH", "", 4)}),
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "sql"])
def test_an_edit_of_a_file_is_found_at_its_entry_and_stream(
    forger: Forger, tmp_path: Path, recipe: str, format_: str
) -> None:
    profile = profiled(forger, recipe)
    path = exported(forger, profile, tmp_path / f"ledger.{format_}")
    change, expected = TAMPERED[recipe]
    text = path.read_text("utf-8")
    assert change(text) != text
    path.write_text(change(text), "utf-8")
    result = verified(path, profile)
    assert result.assurance is Assurance.TAMPERED
    assert found(result) == expected


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_line_taken_out_is_found_where_its_chain_breaks(forger: Forger, tmp_path: Path, recipe: str) -> None:
    profile = profiled(forger, recipe)
    path = exported(forger, profile, tmp_path / "ledger.jsonl")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    number = json.loads(lines[-1])[profile.column("sequence_number")]
    path.write_text("".join([*lines[:-2], lines[-1]]), "utf-8")
    result = verified(path, profile)
    assert result.assurance is Assurance.TAMPERED
    assert number in {found_at for code, _, found_at in found(result) if code != "SEQUENCE_GAP"}


def test_the_payload_of_a_recipe_in_sql_is_in_the_file(forger: Forger, tmp_path: Path) -> None:
    profile = profiled(forger, "sql")
    path = exported(forger, profile, tmp_path / "orders.csv")
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].endswith('"(payload)"')
    path.write_text("\n".join([*lines[:2], lines[2].replace("4d", "4e", 1), *lines[3:]]) + "\n", "utf-8")
    assert ("ENTRY_HASH_MISMATCH", "", 2) in found(verified(path, profile))


def test_without_its_payloads_such_a_ledger_is_not_verified_offline(forger: Forger, tmp_path: Path) -> None:
    profile = profiled(forger, "sql")
    path = exported(forger, profile, tmp_path / "orders.csv", fields="order_no,customer,placed_at,prev_hash,hash")
    result = verified(path, profile)
    assert result.assurance is Assurance.UNVERIFIED
    reason = {outcome.kind: outcome.reason for outcome in result.outcomes}["entry_hash"]
    assert "does not have the payloads, which only the server of the ledger can build" in reason


def test_conditions_and_fields_go_by_roles(forger: Forger, tmp_path: Path) -> None:
    profile = profiled(forger, "join")
    ledger = Ledger(forger.dsn, profile=profile)
    options = {"fields": "account,role:entry_hash,kind", "start_date": "2026-05-02", "verdict_filter": "fee,withdrawal"}
    rows = list(ledger.export_entries(**options, limit=2))  # type: ignore[call-overload]
    assert [(row["account"], row["kind"]) for row in rows] == [("DE01", "withdrawal"), ("DE01", "fee")]
    assert all(row.keys() == {"account", profile.column(HASH), "kind"} for row in rows)
    path = exported(forger, profile, tmp_path / "may.csv")
    again = Ledger(str(path), profile=profile).export_entries(**options, limit=2)  # type: ignore[call-overload]
    assert list(again) == rows


def test_a_condition_on_what_the_profile_lacks_is_refused(forger: Forger) -> None:
    profile = profiled(forger, "json")
    with pytest.raises(UsageError, match="names no column for verdict"):
        Ledger(forger.dsn, profile=profile).export_entries(verdict_filter="CLEAR")
    with pytest.raises(UsageError, match="There is no verdict 'CLEAR'"):
        Ledger(forger.dsn, profile=profiled(forger, "join")).export_entries(verdict_filter="CLEAR")


def test_an_export_is_read_with_its_own_profile_only(forger: Forger, tmp_path: Path) -> None:
    path = exported(forger, profiled(forger, "join"), tmp_path / "ledger.csv")
    result = Ledger(str(path)).verify_integrity()
    assert "was made with the profile movements, but is read with the profile ski" in result.sentence
    with pytest.raises(SourceError, match="--ledger-profile movements"), Ledger(str(path)).source.snapshot():
        pass


def test_another_file_of_the_profile_is_a_warning(forger: Forger, tmp_path: Path) -> None:
    path = exported(forger, profiled(forger, "join"), tmp_path / "ledger.csv")
    other = tmp_path / "movements.profile.yaml"
    other.write_text(f"{profile_file('join').read_text('utf-8')}# reviewed\n", "utf-8")
    result = Ledger(str(path), profile=other).verify_integrity()
    (outcome,) = [one for one in result.outcomes if one.kind == "export_manifest"]
    assert outcome.status is Status.WARN
    assert [finding.code for finding in outcome.findings] == ["EXPORT_PROFILE"]
    assert result.is_valid


def test_a_column_with_the_name_of_the_stream_is_exported_as_it_is_or_not_at_all(
    forger: Forger, tmp_path: Path
) -> None:
    """Exports of ledgers with streams say in a column of this name what the server takes for one stream."""
    alone, streams = profiled(forger, "concat"), profiled(forger, "join")
    for profile in (alone, streams):
        forger.run(f"""ALTER TABLE {profile.table} ADD "(stream)" text NOT NULL DEFAULT 'its own'""")
    rows = exported(forger, alone, tmp_path / "alone.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(row)["(stream)"] for row in rows} == {"its own"}
    assert verified(tmp_path / "alone.jsonl", alone).assurance is Assurance.SELF_CONSISTENT
    with pytest.raises(UsageError, match=r"the table's own column \(stream\)"):
        exported(forger, streams, tmp_path / "streams.jsonl")
    others = ["entry_id", "account", "seq", "kind", "amount", "memo", "booked_at", "prev_hash", "row_hash"]
    path = exported(forger, streams, tmp_path / "streams.jsonl", fields=others)
    assert verified(path, streams).assurance is Assurance.SELF_CONSISTENT
