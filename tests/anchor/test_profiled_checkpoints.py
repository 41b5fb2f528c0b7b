"""Checkpoints of ledgers with other profiles: made, compared and proven, or refused in one sentence before anything."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.resources import json_schema, mistakes_by
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance, Status
from tests.forger import Forger
from tests.support.command import Invoke
from tests.support.profiled import profile_file, profiled

ORIGIN = "bank.example/ledger"
WITH_CHECKPOINTS = ("join", "json", "lengths", "pairs", "sql", "template")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    """A signing key, and its verifier key."""
    path = tmp_path / "signing.key"
    return path, str(write_signing_key(path, ORIGIN))


@pytest.mark.parametrize("recipe", WITH_CHECKPOINTS)
def test_a_checkpoint_of_every_recipe_anchors_its_ledger_and_finds_an_edit(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str], recipe: str
) -> None:
    signing, verifier = keys
    profile = profiled(forger, recipe)
    ledger = Ledger(forger.dsn, profile=profile)
    made = ledger.create_checkpoint(tmp_path / "checkpoints", signing)
    record = json.loads(next((tmp_path / "checkpoints").glob("*.record.json")).read_text("utf-8"))
    assert list(mistakes_by(json_schema("checkpoint-record.schema.json"), record)) == []
    assert record["profile"] == {"name": profile.name, "sha256": profile.digest}
    assert made.verification.survey is not None
    if not profile.streams:  # which have a head each
        assert record["last_entry"]["entry_hash"] == made.verification.survey.head_hash
    trusted: Any = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [verifier]}
    assert ledger.verify_integrity(**trusted).assurance is Assurance.ANCHORED
    assert ledger.create_checkpoint(tmp_path / "checkpoints", signing).files == ()
    uncovered = {"json": "UPDATE tool_calls SET called_at = called_at + interval '1 microsecond' WHERE id = 2"}
    forger.run(uncovered.get(recipe, f"ALTER TABLE {profile.table} ADD extra int DEFAULT 1"))
    if recipe == "json":  # the hash has milliseconds only; the record has every digit
        found = {one.kind: one for one in ledger.verify_integrity(**trusted).outcomes}
        assert found["entry_hash"].status is Status.PASS
        assert [one.code for one in found["checkpoint"].findings] == ["UNCOVERED_CHANGED"]


@pytest.mark.parametrize(("recipe", "orders"), [("json", 1), ("join", 2)])
def test_making_a_checkpoint_reads_the_entries_once_in_each_order(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str], recipe: str, orders: int
) -> None:
    profile = profiled(forger, recipe)
    read: list[int] = []
    made = Ledger(forger.dsn, profile=profile, progress=lambda *_: nullcontext(read.append)).create_checkpoint(
        tmp_path / "checkpoints", keys[0]
    )
    assert made.files
    assert sum(read) == orders * made.verification.size


def test_a_chain_that_is_rewritten_as_a_whole_is_found(forger: Forger, tmp_path: Path, keys: tuple[Path, str]) -> None:
    signing, verifier = keys
    profile = profiled(forger, "json")
    ledger = Ledger(forger.dsn, profile=profile)
    ledger.create_checkpoint(tmp_path / "checkpoints", signing)
    forger.run("CREATE TEMP TABLE kept AS SELECT * FROM tool_calls; DELETE FROM tool_calls")
    forger.run("INSERT INTO tool_calls SELECT id, agent, 'other', arguments, approved, called_at FROM kept ORDER BY id")
    found = ledger.verify_integrity(checkpoints=[tmp_path / "checkpoints"], verifier_keys=[verifier])
    assert found.assurance is Assurance.TAMPERED
    assert "REWRITTEN" in {one.code for outcome in found.outcomes for one in outcome.findings}


def test_a_run_resumes_after_a_checkpoint(forger: Forger, tmp_path: Path, keys: tuple[Path, str]) -> None:
    signing, verifier = keys
    profile = profiled(forger, "json")
    ledger = Ledger(forger.dsn, profile=profile)
    ledger.create_checkpoint(tmp_path / "checkpoints", signing)
    forger.run("INSERT INTO tool_calls VALUES (5, 'clerk', 'read', '{}', NULL, '2026-05-02 09:00:00+00')")
    trusted: Any = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [verifier]}
    found = ledger.verify_integrity(since_checkpoint=True, **trusted)
    assert found.info is not None
    assert found.info.resumed is not None
    assert found.info.resumed.after == 4
    assert found.assurance is Assurance.ANCHORED
    assert ledger.create_checkpoint(tmp_path / "checkpoints", signing, since_checkpoint=True).path.endswith(
        "5.checkpoint"
    )
    assert ledger.verify_integrity(**trusted).assurance is Assurance.ANCHORED


def test_a_hash_that_needs_the_one_before_it_is_not_resumed(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str]
) -> None:
    signing, verifier = keys
    profile = profiled(forger, "template")
    ledger = Ledger(forger.dsn, profile=profile)
    ledger.create_checkpoint(tmp_path / "checkpoints", signing)
    found = ledger.verify_integrity(
        since_checkpoint=True, checkpoints=[tmp_path / "checkpoints"], verifier_keys=[verifier]
    )
    assert found.assurance is Assurance.ANCHORED
    assert "each hash is made with the one before it, which no column holds" in found.reading


def test_an_entry_is_proven_offline_with_the_profile(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str], invoke: Invoke
) -> None:
    signing, verifier = keys
    profiled(forger, "pairs")
    named = ("--profile", str(profile_file("pairs")))
    source = ("--ledger-db", forger.dsn, *named)
    assert invoke("checkpoint", "create", *source, "--signing-key", str(signing), "--output", "kept").exit_code == 0
    described = invoke("checkpoint", "verify", "kept/000000000003.checkpoint", "--verifier-key", verifier).stdout
    assert "guards, profile receipts" in described
    trusted = ("--checkpoint", "kept", "--verifier-key", verifier)
    assert invoke("checkpoint", "prove", *source, "--entry", "2", *trusted, "--output", "2.tlog-proof").exit_code == 0
    assert invoke("export", *source, "--output", "all.jsonl").exit_code == 0
    lines = (tmp_path / "all.jsonl").read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "2.jsonl").write_text(lines[1], "utf-8")
    check = ("checkpoint", "check-proof", "2.tlog-proof", "--entry-file", "2.jsonl", "--verifier-key", verifier, *named)
    done = invoke(*check)
    assert done.exit_code == 0, done.output
    assert "entry 2 is among the 3" in done.stdout
    (tmp_path / "2.jsonl").write_text(lines[1].replace("123.40", "123.41"), "utf-8")
    assert invoke(*check).exit_code == 1


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ("concat", "its numbers can be skipped or occur twice, so they are not positions"),
    ],
)
def test_a_ledger_whose_entries_have_no_positions_gets_none(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str], invoke: Invoke, recipe: str, why: str
) -> None:
    signing, verifier = keys
    ledger = Ledger(forger.dsn, profile=profiled(forger, recipe))
    with pytest.raises(UsageError, match=why):
        ledger.create_checkpoint(tmp_path / "checkpoints", signing)
    with pytest.raises(UsageError, match=why):
        ledger.prove_entry(1, tmp_path / "proof", checkpoints=[tmp_path], verifier_keys=[verifier])
    (tmp_path / "checkpoints").mkdir()
    result = ledger.verify_integrity(checkpoints=[tmp_path / "checkpoints"], verifier_keys=[verifier])
    assert result.assurance is Assurance.UNVERIFIED
    assert why in {one.kind: one.reason for one in result.outcomes}["checkpoint"]


def test_an_edit_before_the_start_of_the_chain_is_found_by_a_checkpoint_alone(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str]
) -> None:
    signing, verifier = keys
    profile = profiled(forger, "json")
    columns = "id, agent, tool, arguments, approved, called_at"
    forger.run("CREATE TEMP TABLE kept AS SELECT * FROM tool_calls; DELETE FROM tool_calls")
    forger.run(f"ALTER TABLE tool_calls DISABLE TRIGGER USER;"
               f"INSERT INTO tool_calls ({columns}) SELECT {columns} FROM kept WHERE id < 3")  # fmt: skip
    forger.run(f"ALTER TABLE tool_calls ENABLE TRIGGER USER;"
               f"INSERT INTO tool_calls ({columns}) SELECT {columns} FROM kept WHERE id > 2 ORDER BY id")  # fmt: skip
    path = tmp_path / "migrated.profile.yaml"
    path.write_text(f"{profile_file('json').read_text('utf-8')}\nstarts: {{at: 3}}\n", "utf-8")
    ledger = Ledger(forger.dsn, profile=path)
    ledger.create_checkpoint(tmp_path / "kept", signing)
    for column, value in (("tool", "'other'"), ("called_at", "called_at + interval '1 microsecond'")):
        forger.run(f"UPDATE {profile.table} SET {column} = {value} WHERE id = 1")
        assert ledger.verify_integrity().assurance is Assurance.SELF_CONSISTENT
        found = ledger.verify_integrity(checkpoints=[tmp_path / "kept"], verifier_keys=[verifier])
        assert found.assurance is Assurance.TAMPERED
        (codes,) = (one.codes for one in found.outcomes if one.kind == "checkpoint")
        assert codes.keys() & {"REWRITTEN", "UNCOVERED_CHANGED"}


def test_checkpoints_of_another_profile_are_not_compared(
    forger: Forger, tmp_path: Path, keys: tuple[Path, str]
) -> None:
    signing, verifier = keys
    Ledger(forger.dsn, profile=profiled(forger, "pairs")).create_checkpoint(tmp_path / "checkpoints", signing)
    other = Ledger(forger.dsn, profile=profiled(forger, "json"))
    found = other.verify_integrity(checkpoints=[tmp_path / "checkpoints"], verifier_keys=[verifier])
    assert found.assurance is Assurance.UNVERIFIED
    reason = {one.kind: one.reason for one in found.outcomes}["checkpoint"]
    assert "was made with the profile receipts, but the ledger is read with the profile tool-calls" in reason
