"""Backups of other ledgers: restored and verified by the profile, which the manifest names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.backup.digest import digest
from pytest_audit_ledger.backup.proof import Method
from pytest_audit_ledger.backup.verification import verify_backup
from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.differences.comparison import diff
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.support.profiled import profile_file, profiled


@pytest.mark.parametrize("recipe", ["join", "sql"])
def test_a_backup_is_restored_and_verified_by_its_profile(
    forger: Forger, server: str, tmp_path: Path, recipe: str
) -> None:
    profile = profiled(forger, recipe)
    path = tmp_path / "ledger.dump"
    made = Ledger(forger.dsn, profile=profile).backup_database(path, verify=True, scratch_db=server)
    assert made.verified, made.proof
    assert json.loads(manifest_path(path).read_text("utf-8"))["profile"]["name"] == profile.name
    found = verify_backup(path, profile=profile_file(recipe), scratch_db=server)
    assert found.proof.method is Method.RESTORED
    assert found.proof.contradictions == ()
    assert found.proof.verification is not None
    assert found.proof.verification.assurance is Assurance.SELF_CONSISTENT


GROWN = "INSERT INTO movements (account, seq, kind, amount, booked_at) VALUES ('NEW', 1, 'fee', 1, '2026-06-07')"
EDITED = "UPDATE movements SET amount = 77 WHERE account = 'FR02' AND seq = 1"
GONE = "DELETE FROM movements WHERE account = 'FR02'"


@pytest.mark.parametrize(
    ("change", "assurance"),
    [
        ("", Assurance.ANCHORED),
        (GROWN, Assurance.ANCHORED),
        (EDITED, Assurance.TAMPERED),
        (GONE, Assurance.TAMPERED),
    ],
)
def test_a_backup_of_streams_is_compared_with_checkpoints_and_with_another_backup(
    forger: Forger, server: str, tmp_path: Path, change: str, assurance: Assurance
) -> None:
    ledger = Ledger(forger.dsn, profile=profiled(forger, "join"))
    verifier = str(write_signing_key(tmp_path / "key", "bank.example/x"))
    ledger.create_checkpoint(tmp_path / "kept", tmp_path / "key")
    before, after = tmp_path / "before.dump", tmp_path / "after.dump"
    ledger.backup_database(before)
    if change:
        triggers = "DISABLE" if change != GROWN else "ENABLE"
        forger.run(f"ALTER TABLE movements {triggers} TRIGGER USER; {change}")
    ledger.backup_database(after)
    given: Any = {"checkpoints": [tmp_path / "kept"], "verifier_keys": [verifier]}
    found = verify_backup(after, profile=profile_file("join"), scratch_db=server, **given)
    assert found.proof.contradictions == ()
    assert found.proof.verification is not None
    assert found.proof.verification.assurance is assurance
    differing = diff(str(before), str(after), profile=load_profile(profile_file("join")), scratch_db=server)
    assert [(one.stream, one.sequence_number) for one in differing.changes] == [("FR02", 1)] * (change == EDITED)
    assert differing.missing.in_streams() == [("FR02", 1, 2)] * (change == GONE)
    assert differing.added.in_streams() == [("NEW", 1, 1)] * (change == GROWN)


def test_a_backup_is_not_read_with_another_profile(forger: Forger, tmp_path: Path) -> None:
    profile = profiled(forger, "join")
    path = tmp_path / "ledger.dump"
    Ledger(forger.dsn, profile=profile).backup_database(path)
    with pytest.raises(SourceError, match="was made with the profile movements, but is read with the profile ski"):
        verify_backup(path)


def digest_of(forger: Forger, profile: Profile) -> str:
    with PostgresSource(forger.dsn, profile=profile).snapshot() as snapshot:
        return digest(snapshot)


def test_a_digest_does_not_depend_on_how_a_server_sorts_streams(forger: Forger) -> None:
    profile = profiled(forger, "join")
    forger.run("ALTER TABLE movements DISABLE TRIGGER ALL")
    before = digest_of(forger, profile)
    forger.run("CREATE TYPE account_name AS ENUM ('FR02', 'DE01', 'EX03')")  # which sorts by the order written here
    forger.run("ALTER TABLE movements ALTER account TYPE account_name USING account::account_name")
    first = next(iter(Ledger(forger.dsn, profile=profile).export_entries(fields="account")))
    assert first == {"account": "FR02"}
    assert digest_of(forger, profile) == before
    forger.run("UPDATE movements SET account = 'EX03' WHERE account = 'DE01'")
    assert digest_of(forger, profile) != before
