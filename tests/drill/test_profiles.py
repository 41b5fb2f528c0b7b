"""Drills of ledgers of other profiles: attacks by roles are made and noticed, and the others say why they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger, UsageError, run_drill
from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix
from pytest_audit_ledger.files.resources import sql
from tests.forger import Forger

JOIN = Path(__file__).parents[2] / "examples" / "profiles" / "join"
GUARDED = 51
"""Entries of the longer of two streams."""

UNNOTICED = {
    *("edit-and-rewrite", "inserted-and-rewritten", "middle-deleted-and-rewritten", "start-deleted-and-rewritten"),
    *("end-deleted", "rewritten-and-cut-off", "emptied-and-written-again", "exchanged-and-put-back", "rights-granted"),
    "false-entry",
}
"""What leaves a chain that is in order; only checkpoints notice it."""


def movements(forger: Forger) -> None:
    forger.run(JOIN.with_suffix(".sql").read_text(encoding="utf-8"))
    forger.run(
        "INSERT INTO movements (account, seq, kind, amount, booked_at) SELECT 'DE01', n, 'fee', -1, "
        f"timestamptz '2026-05-04 00:00+00' + n * interval '1 hour' FROM generate_series(4, {GUARDED}) AS n"
    )


def drilled(forger: Forger, profile: str | Path, *attacks: str) -> Matrix:
    return run_drill(forger.dsn, profile=profile, attacks=attacks, scratch_db=forger.dsn)


@pytest.mark.slow
def test_attacks_by_roles_are_made_and_noticed(forger: Forger) -> None:
    movements(forger)
    matrix = drilled(forger, JOIN.with_suffix(".profile.yaml"))
    assert matrix.with_verdict(AttackResult.ERROR, AttackResult.MISSED) == []
    assert {trial.attack for trial in matrix.unnoticed} == UNNOTICED
    by_name = {trial.attack: trial for trial in matrix.trials}
    assert [(one.check_id, one.sequence_number) for one in by_name["edit"].by] == [("entry_hash", 25)]
    assert [(one.check_id, one.sequence_number) for one in by_name["edit-with-own-hash"].by] == [("chain_linkage", 26)]
    assert by_name["trigger-dropped"].verdict is AttackResult.NOTICED
    others = matrix.with_verdict(AttackResult.NOT_APPLICABLE)
    of_ski = "It needs columns of the profile ski, so it does not apply to the profile movements."
    assert {one.attack for one in others if not CATALOGUE[one.attack].by_roles} == {
        one.attack for one in others if one.sentence.endswith(of_ski)
    }
    assert Ledger(forger.dsn, profile=JOIN.with_suffix(".profile.yaml")).verify_integrity().is_valid


def test_checkpoints_of_a_ledger_with_streams_notice_what_leaves_chains_in_order(
    forger: Forger, tmp_path: Path
) -> None:
    movements(forger)
    profile = JOIN.with_suffix(".profile.yaml")
    key = write_signing_key(tmp_path / "key", "bank.example/movements")
    Ledger(forger.dsn, profile=profile).create_checkpoint(tmp_path / "kept", tmp_path / "key")
    attacks = ("edit-and-rewrite", "end-deleted", "start-deleted-and-rewritten")
    matrix = run_drill(
        forger.dsn,
        profile=profile,
        attacks=attacks,
        checkpoints=[tmp_path / "kept"],
        verifier_keys=[str(key)],
        scratch_db=forger.dsn,
    )
    assert "The copy has two checkpoints of its own" in " ".join(matrix.about)
    assert [trial.verdict for trial in matrix.trials] == [AttackResult.NOTICED] * len(attacks)
    assert {one.check_id for trial in matrix.trials for one in trial.by} == {"checkpoint"}


@pytest.mark.parametrize(
    ("profile", "attack", "check"),
    [
        ("formance", "edit-with-own-hash", "entry_hash"),
        ("formance", "middle-deleted", "entry_hash"),
        ("frappe", "edit", "entry_hash"),
        ("frappe", "inserted", "chain_linkage"),
        ("verifactu", "swapped", "chain_linkage"),
    ],
)
def test_shipped_profiles_are_attacked(forger: Forger, profile: str, attack: str, check: str) -> None:
    forger.run(sql(f"demo/{profile}.sql"))
    (trial,) = drilled(forger, profile, attack).trials
    assert trial.verdict is AttackResult.NOTICED
    assert check in [one.check_id for one in trial.by]


@pytest.mark.slow
def test_payloads_that_the_server_builds_from_several_tables_are_attacked(forger: Forger) -> None:
    forger.run(sql("demo/odoo.sql"))
    matrix = drilled(forger, "odoo")
    assert matrix.with_verdict(AttackResult.ERROR, AttackResult.MISSED) == []
    assert {trial.attack for trial in matrix.unnoticed} <= UNNOTICED
    by_name = {trial.attack: trial for trial in matrix.trials}
    assert [(one.check_id, one.sequence_number) for one in by_name["edit"].by] == [("entry_hash", 50)]
    assert [(one.check_id, one.sequence_number) for one in by_name["edit-with-own-hash"].by] == [("entry_hash", 51)]
    assert "edit-and-rewrite" in {trial.attack for trial in matrix.unnoticed}
    assert by_name["forked-at-the-end"].verdict is AttackResult.NOT_APPLICABLE
    assert any('"public"."account_move_line"' in sentence for sentence in matrix.about)
    assert Ledger(forger.dsn, profile="odoo").verify_integrity().is_valid


def test_what_cannot_be_made_up_is_refused() -> None:
    with pytest.raises(UsageError, match="can make up a ledger of the profile ski only, not of frappe"):
        run_drill(profile="frappe")
