"""The verifier that lies in a folder, on exports of other tables: what it proves, and that it finds what we find."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.support.profiled import RECIPES, profile_file, profiled
from tests.support.standalone import pythons, verify_folder

Records = list[dict[str, Any]]
SUPPORTED = {"json", "join", "pairs", "concat", "lengths", "template"}


def filed(forger: Forger, profile: Profile, folder: Path) -> Path:
    """Make a folder with an export and its profile, and return the export."""
    folder.mkdir()
    Ledger(forger.dsn, profile=profile).export_entries(output_file=folder / "ledger.jsonl", with_verifier=True)
    return folder / "ledger.jsonl"


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_hashes_of_a_supported_recipe_are_proven(forger: Forger, tmp_path: Path, recipe: str, python: str) -> None:
    profile = profiled(forger, recipe)
    export = filed(forger, profile, tmp_path / "filed")
    told = verify_folder(export.parent, python=python)
    assert (told.code, told.against) == (0, []), told.output
    (proven,) = told.lines("PROVEN")
    if recipe in SUPPORTED:
        assert proven.endswith(f"numbers, times, links and entry hashes are correct by the profile {profile.name}")
        assert all("no entry hash covers" in line for line in told.lines("OPEN"))
    else:
        assert proven.endswith(f"numbers, times, links are correct by the profile {profile.name}")
        (open_,) = told.lines("OPEN")
        assert open_.endswith(f"were not recomputed; this file has no code for the recipe {recipe}")


def edit(records: Records, profile: Profile) -> None:
    """Change a text that is hashed."""
    column = next(
        name for name in ("memo", "tool", "patient", "issuer", "title", "reasoning", "badge") if name in records[0]
    )
    records[-2][column] = f"{records[-2][column]}."


def edit_the_hash(records: Records, profile: Profile) -> None:
    column = profile.column(HASH)
    head, mark, digits = records[-1][column].rpartition("\\x")  # a bytea stays one
    records[-1][column] = f"{head}{mark}{digits[::-1]}"


def cut_out(records: Records, profile: Profile) -> None:
    del records[-2]


def cut_off_the_head(records: Records, profile: Profile) -> None:
    del records[0]


def insert_twice(records: Records, profile: Profile) -> None:
    records.insert(1, dict(records[0]))


def swap(records: Records, profile: Profile) -> None:
    """Exchange what two entries say, but not their numbers."""
    number = profile.column(SEQUENCE)
    first, second = records[0], records[1]
    records[0], records[1] = {**second, number: first[number]}, {**first, number: second[number]}


def renumber(records: Records, profile: Profile) -> None:
    for record in records:
        record[profile.column(SEQUENCE)] += 1


def leave(records: Records, profile: Profile) -> None:
    """Change nothing."""


TAMPERINGS: list[Callable[[Records, Profile], None]] = [
    *(edit, edit_the_hash, cut_out, cut_off_the_head, insert_twice, swap, renumber, leave)
]


def rewrite(export: Path, records: Records, profile: Profile) -> None:
    """Write other entries to an export, and a manifest that fits them."""
    export.write_text("".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records), encoding="utf-8")
    content, manifest = export.read_bytes(), json.loads(manifest_path(export).read_text("utf-8"))
    number, hash_ = profile.column(SEQUENCE), profile.column(HASH)
    manifest |= {"size": len(content), "sha256": sha256(content).hexdigest(), "entries": len(records)}
    manifest |= {"sequence_first": records[0][number], "sequence_last": records[-1][number]}
    manifest |= {"head_hash": records[-1][hash_], "time_first": "", "time_last": ""}
    manifest_path(export).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("recipe", ["ski", *sorted(SUPPORTED)])
def test_a_tampering_is_found_if_the_program_finds_it(forger: Forger, tmp_path: Path, recipe: str) -> None:
    if recipe == "ski":
        forger.build(10)
    profile = SKI if recipe == "ski" else profiled(forger, recipe)
    export = filed(forger, profile, tmp_path / "filed")
    lines = export.read_text("utf-8").splitlines()
    for tampering in TAMPERINGS:
        records = [json.loads(line, parse_float=str) for line in lines]
        tampering(records, profile)
        rewrite(export, records, profile)
        found = Ledger(str(export), profile=profile).verify_integrity()
        told = verify_folder(export.parent)
        said = f"{tampering.__name__}: {found.outcomes}\n{told.output}"
        assert (found.assurance is Assurance.TAMPERED) == bool(told.against), said
        assert (tampering is leave) == (told.code == 0), said


@pytest.mark.parametrize(("gap", "code"), [("1-2", 0), ("1", 1), ("1-3", 1)])
def test_a_gap_is_accepted_as_it_is(forger: Forger, tmp_path: Path, gap: str, code: int) -> None:
    profiled(forger, "join")
    forger.run("ALTER TABLE movements DISABLE TRIGGER USER; DELETE FROM movements WHERE account = 'DE01' AND seq < 3")
    own = tmp_path / "own.profile.yaml"
    quirk = f"accepted: [{{gap: {gap}, stream: DE01, reason: archived}}]"
    own.write_text(profile_file("join").read_text("utf-8").replace("genesis:", f"{quirk}\ngenesis:"), "utf-8")
    told = verify_folder(filed(forger, load_profile(own), tmp_path / "filed").parent)
    assert (told.code, bool(told.against)) == (code, bool(code)), told.output
