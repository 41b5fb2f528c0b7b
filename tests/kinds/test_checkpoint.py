"""A ledger against its checkpoints: what an attack below one shows, and what one above, or an honest one, does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger, OutputError, UsageError
from pytest_audit_ledger.checkpoints.merkle import leaf_hash, root_of_proof
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey
from pytest_audit_ledger.checkpoints.record import json_file, note_file
from pytest_audit_ledger.checkpoints.store import checkpoint_path, read_store
from pytest_audit_ledger.model.entry import canonical_timestamp, entry_hash
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.anchored import KEY, ORIGIN, ROTATED, STRANGER, checkpoint, codes, messages, verify
from tests.support.checks import Readers, accusing, both, outcomes


@pytest.fixture
def ledger(forger: Forger) -> Forger:
    """The sample ledger with 100 entries, in which only `created_at` differs from the one that was signed."""
    return forger.build(100)


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoints without their records, which are of another table."""
    copy = tmp_path / "checkpoints"
    copy.mkdir()
    for path in signed.glob("*.checkpoint"):
        shutil.copy(path, copy)
    return copy


@both
def test_a_clean_ledger_is_anchored_and_says_how_far(ledger: Forger, folder: Path, readers: Readers) -> None:
    verification = verify(ledger, folder, **readers)
    assert checkpoint(verification).status is Status.PASS, messages(verification)
    assert verification.assurance is Assurance.ANCHORED
    assert verification.is_valid
    assert (
        "80 of 100 entries are proven in their hashed columns by the checkpoint dated 2025-09-01; "
        "20 newer entries are self-consistent only." in verification.sentence
    )
    assert verification.anchor is not None
    assert (verification.anchor.entries, verification.anchor.total) == (80, 100)
    assert verification.anchor.moment == ledger.entry(80).timestamp


def renumbered_deletion(forger: Forger) -> None:
    """Take entry 50 out, renumber the rest and link it again."""
    rest = [replace(entry, sequence_number=entry.sequence_number - 1) for entry in forger.entries(51)]
    link = entry_hash(forger.entry(49))
    linked = []
    for entry in rest:
        linked.append(replace(entry, previous_hash=link))
        link = entry_hash(linked[-1])
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number >= 50")
    forger.append(linked)


def emptied_table(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries")


def truncated_below(forger: Forger) -> None:
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 70")


def rewritten_and_truncated(forger: Forger) -> None:
    TAMPERINGS["edit-and-rewrite"](forger)
    truncated_below(forger)


ATTACKS: dict[str, tuple[Callable[[Forger], None], list[str], str]] = {
    "edit-and-rewrite": (TAMPERINGS["edit-and-rewrite"], ["REWRITTEN"], "an entry between 41 and 80 was changed"),
    "renumbered_deletion": (renumbered_deletion, ["REWRITTEN"], "an entry between 41 and 80 was changed"),
    "middle-deleted": (TAMPERINGS["middle-deleted"], ["REWRITTEN"], "between 41 and 80"),
    "start-deleted": (TAMPERINGS["start-deleted"], ["REWRITTEN"], "between 1 and 40"),
    "edit": (TAMPERINGS["edit"], ["REWRITTEN"], "between 41 and 80"),
    "swapped": (TAMPERINGS["swapped"], ["REWRITTEN"], "between 41 and 80"),
    "duplicated": (TAMPERINGS["duplicated"], ["REWRITTEN"], "between 41 and 80"),
    "inserted": (TAMPERINGS["inserted"], ["REWRITTEN"], "between 41 and 80"),
    "truncated_below": (truncated_below, ["TRUNCATED"], "10 entries are missing at the end: "),
    "emptied_table": (emptied_table, ["TRUNCATED"], "missing at the end: 1 to 80"),
    "rewritten_and_truncated": (rewritten_and_truncated, ["TRUNCATED"], "missing at the end: 71 to 80"),
}


@both
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_below_a_checkpoint_is_found(ledger: Forger, folder: Path, name: str, readers: Readers) -> None:
    attack, expected, words = ATTACKS[name]
    attack(ledger)
    verification = verify(ledger, folder, **readers)
    assert codes(verification) == expected
    assert words in messages(verification)
    assert accusing(verification) == []
    assert verification.assurance is Assurance.TAMPERED
    assert not verification.is_valid


def test_a_missing_tail_is_told_at_the_first_entry_that_is_gone(ledger: Forger, folder: Path) -> None:
    truncated_below(ledger)
    (finding,) = checkpoint(verify(ledger, folder)).findings
    assert finding.sequence_number == 71


def test_what_still_matches_is_told_beside_what_does_not(ledger: Forger, folder: Path) -> None:
    TAMPERINGS["edit-and-rewrite"](ledger)
    verification = verify(ledger, folder)
    assert verification.anchor is not None
    assert verification.anchor.entries == 40
    assert verification.sentence == (
        "The entries are consistent, but they are not the ones that were signed: checkpoint."
    )


@both
@pytest.mark.parametrize("name", ["end-deleted", "edit-and-rewrite"])
def test_above_the_newest_checkpoint_nothing_is_claimed(
    forger: Forger, folder: Path, name: str, readers: Readers
) -> None:
    forger.build(100)
    if name == "end-deleted":
        TAMPERINGS[name](forger)
    else:
        forger.rewrite(90, lambda entry: replace(entry, reasoning="nothing to see"))
    verification = verify(forger, folder, **readers)
    assert checkpoint(verification).status is Status.PASS
    assert verification.assurance is Assurance.ANCHORED
    assert "80 of " in verification.sentence
    assert "self-consistent only" in verification.sentence


def test_a_ledger_that_ends_at_its_checkpoint_is_proven_as_a_whole(forger: Forger, folder: Path) -> None:
    verification = verify(forger.build(80), folder)
    assert "All 80 entries are proven in their hashed columns by the checkpoint dated " in verification.sentence


# Files that are no checkpoints to be trusted.


def sign(folder: Path, name: str, key: SigningKey, size: int, root: bytes, origin: str = ORIGIN) -> Path:
    path = folder / name
    path.write_bytes(key.sign(Checkpoint(origin, size, root).text()))
    return path


def root_at(folder: Path, size: int) -> bytes:
    return next(one for one in read_store([folder], [KEY.verifier()]).trusted if one.size == size).checkpoint.root


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes().replace(b"80", b"81", 1)), "the signature of the key bank."),
        (lambda path: path.write_bytes(path.read_bytes().rpartition(b"\n\n")[0] + b"\n"), "it is not signed"),
        (lambda path: path.write_bytes(b""), "it is not signed"),
        (lambda path: path.write_bytes(bytes(range(256))), "it is not UTF-8"),
        (lambda path: sign(path.parent, path.name, ROTATED, 80, bytes(32)), "no trusted key signed it, only bank."),
        (lambda path: sign(path.parent, path.name, STRANGER, 80, bytes(32)), "no trusted key signed it, only other."),
        (lambda path: sign(path.parent, path.name, KEY, 80, bytes(32), "elsewhere"), "its origin is elsewhere"),
        (lambda path: path.write_bytes(KEY.sign("some\ntext\n")), "it is not a checkpoint"),
    ],
)
def test_a_file_that_cannot_be_trusted_fails_without_calling_the_ledger_tampered_with(
    ledger: Forger, folder: Path, change: Callable[[Path], None], reason: str
) -> None:
    change(checkpoint_path(folder, 80))
    verification = verify(ledger, folder)
    assert codes(verification) == ["CHECKPOINT_REJECTED"]
    assert reason in messages(verification)
    assert checkpoint(verification).status is Status.FAIL
    assert verification.assurance is Assurance.UNVERIFIED
    assert not verification.is_valid
    assert "Resolve the findings of checkpoint" in verification.recommendation


def test_a_file_that_cannot_be_read_is_rejected(ledger: Forger, folder: Path) -> None:
    path = checkpoint_path(folder, 80)
    path.unlink()
    path.mkdir()
    assert "cannot be read: Not a regular file" in messages(verify(ledger, folder))


def test_a_rejected_file_does_not_hide_what_the_others_show(ledger: Forger, folder: Path) -> None:
    checkpoint_path(folder, 40).write_bytes(b"nonsense")
    truncated_below(ledger)
    verification = verify(ledger, folder)
    assert codes(verification) == ["TRUNCATED", "CHECKPOINT_REJECTED"]
    assert verification.assurance is Assurance.TAMPERED


def test_a_key_that_was_replaced_is_trusted_beside_the_new_one(ledger: Forger, folder: Path) -> None:
    root = root_at(folder, 80)
    sign(folder, checkpoint_path(folder, 80).name, ROTATED, 80, root)
    assert codes(verify(ledger, folder)) == ["CHECKPOINT_REJECTED"]
    assert verify(ledger, folder, keys=(KEY, ROTATED)).assurance is Assurance.ANCHORED


def test_two_signed_roots_of_one_size_are_kept_as_proof(ledger: Forger, folder: Path) -> None:
    other = sign(folder, "other.checkpoint", KEY, 80, bytes(32))
    verification = verify(ledger, folder)
    assert codes(verification) == ["EQUIVOCATION"]
    assert str(other) in messages(verification)
    assert str(checkpoint_path(folder, 80)) in messages(verification)
    assert verification.assurance is Assurance.TAMPERED


def test_a_signed_root_that_a_later_one_contradicts_is_kept_as_proof(ledger: Forger, folder: Path) -> None:
    other = sign(folder, "other.checkpoint", KEY, 60, bytes(32))
    verification = verify(ledger, folder)
    assert codes(verification) == ["EQUIVOCATION"]
    assert str(other) in messages(verification)


def test_a_second_copy_of_a_checkpoint_is_nothing_wrong(ledger: Forger, folder: Path) -> None:
    shutil.copy(checkpoint_path(folder, 80), folder / "copy.checkpoint")
    assert verify(ledger, folder).assurance is Assurance.ANCHORED


def test_checkpoints_of_two_ledgers_are_not_mixed(ledger: Forger, folder: Path) -> None:
    sign(folder, "other.checkpoint", STRANGER, 10, bytes(32), STRANGER.name)
    verification = verify(ledger, folder, keys=(KEY, STRANGER))
    assert checkpoint(verification).status is Status.ERROR
    assert f"of several ledgers: {STRANGER.name}, {ORIGIN}" in checkpoint(verification).reason
    assert verification.assurance is Assurance.UNVERIFIED


# Policies.


def test_no_checkpoint_is_skipped_unless_one_is_required(ledger: Forger, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        skipped = verify(ledger, folder)
        assert checkpoint(skipped).status is Status.SKIP
        assert f"There is no checkpoint in {folder} yet." in checkpoint(skipped).reason
        assert skipped.assurance is Assurance.SELF_CONSISTENT
        required = verify(ledger, folder, require_checkpoint=True)
        assert codes(required) == ["CHECKPOINT_MISSING"]
        assert required.assurance is Assurance.UNVERIFIED


def test_a_required_checkpoint_that_is_there_lacks_its_record(ledger: Forger, folder: Path) -> None:
    verification = verify(ledger, folder, require_checkpoint=True)
    assert codes(verification) == ["CHECKPOINT_MISSING"]
    assert "record" in messages(verification)


def test_checkpoints_that_are_asked_for_without_a_folder_are_an_error(ledger: Forger) -> None:
    for options in ({"require_checkpoint": True}, {"max_unanchored": "5"}):
        outcome = outcomes(Ledger(ledger.dsn).verify_integrity(**options))["checkpoint"]
        assert outcome.status is Status.ERROR
        assert "no folder of checkpoints is named" in outcome.reason


def test_a_folder_without_a_key_is_a_mistake(ledger: Forger, folder: Path) -> None:
    with pytest.raises(UsageError, match="need the key"):
        Ledger(ledger.dsn).verify_integrity(checkpoints=[folder])


@pytest.mark.parametrize(
    ("limit", "over"), [("20", None), ("19", "20 entries are in no checkpoint yet, 1 more than the limit of 19")]
)
def test_a_tail_may_have_so_many_entries(ledger: Forger, folder: Path, limit: str, over: str | None) -> None:
    verification = verify(ledger, folder, max_unanchored=limit)
    assert codes(verification) == (["CHECKPOINT_STALE"] if over else [])
    assert verification.assurance is (Assurance.UNVERIFIED if over else Assurance.ANCHORED)
    if over:
        assert over in messages(verification)


def test_without_any_checkpoint_every_entry_is_in_the_tail(ledger: Forger, tmp_path: Path) -> None:
    verification = verify(ledger, tmp_path, max_unanchored="99")
    assert "100 entries are in no checkpoint yet, 1 more" in messages(verification)


@pytest.mark.parametrize(("limit", "stale"), [("3h", False), ("90m", True), ("1h", True)])
def test_a_tail_may_be_so_old(forger: Forger, tmp_path: Path, limit: str, stale: bool) -> None:
    now = datetime.now(timezone.utc)
    old = list(sample_entries(10, start=now - timedelta(hours=2), step_s=1))
    forger.build(0).append(old[:9])
    Ledger(forger.dsn).create_checkpoint(tmp_path, KEY)
    assert codes(verify(forger, tmp_path, max_unanchored=limit)) == []  # nothing is above the checkpoint
    forger.append(old[9:])
    verification = verify(forger, tmp_path, max_unanchored=limit)
    assert codes(verification) == (["CHECKPOINT_STALE"] if stale else [])
    if stale:
        assert canonical_timestamp(datetime.fromisoformat(old[9].timestamp)) in messages(verification)
        assert "longer than the" in messages(verification)


# Making checkpoints.


def test_a_checkpoint_is_what_a_stranger_can_check(forger: Forger, tmp_path: Path) -> None:
    forger.build(21)
    result = Ledger(forger.dsn).create_checkpoint(tmp_path / "new" / "folder", KEY)
    (one,) = read_store([tmp_path / "new" / "folder"], [KEY.verifier()]).trusted
    assert [file.path for file in result.files] == [
        one.path,
        str(note_file(Path(one.path))),
        str(json_file(Path(one.path))),
    ]
    assert one.record is not None
    last = forger.entry(21)
    leaf = leaf_hash(bytes.fromhex(entry_hash(last)))
    assert one.record.last_entry == entry_hash(last)
    assert root_of_proof(leaf, 20, 21, one.record.proof) == one.checkpoint.root


def test_a_checkpoint_of_a_size_is_made_once(forger: Forger, tmp_path: Path) -> None:
    forger.build(10)
    first = Ledger(forger.dsn).create_checkpoint(tmp_path, KEY)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    again = Ledger(forger.dsn).create_checkpoint(tmp_path, KEY)
    assert (again.path, again.files) == (first.path, ())
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("tampering", ["edit", "trigger-disabled", "empty"])
def test_no_checkpoint_is_made_of_what_was_not_verified(forger: Forger, tmp_path: Path, tampering: str) -> None:
    forger.build(0 if tampering == "empty" else 100)
    if tampering != "empty":
        TAMPERINGS[tampering](forger)
    result = Ledger(forger.dsn).create_checkpoint(tmp_path, KEY)
    assert (result.path, result.files) == ("", ())
    assert not result.verification.is_valid
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attack", [TAMPERINGS["edit-and-rewrite"], truncated_below, renumbered_deletion])
def test_no_checkpoint_is_made_of_another_ledger_than_the_one_that_was_signed(
    ledger: Forger, folder: Path, attack: Callable[[Forger], None]
) -> None:
    attack(ledger)
    before = sorted(folder.iterdir())
    result = Ledger(ledger.dsn).create_checkpoint(folder, KEY)
    assert result.path == ""
    assert result.verification.assurance is Assurance.TAMPERED
    assert sorted(folder.iterdir()) == before


def test_a_checkpoint_in_the_folder_that_is_not_trusted_is_no_ground_to_sign_on(ledger: Forger, folder: Path) -> None:
    result = Ledger(ledger.dsn).create_checkpoint(folder, ROTATED)
    assert codes(result.verification) == ["CHECKPOINT_REJECTED"] * 2
    assert result.path == ""
    rotated = Ledger(ledger.dsn).create_checkpoint(folder, ROTATED, verifier_keys=[str(KEY.verifier())])
    assert rotated.path == str(checkpoint_path(folder, 100))


def test_a_checkpoint_cannot_be_made_of_an_export(ledger: Forger, tmp_path: Path) -> None:
    Ledger(ledger.dsn).export_entries(output_file=tmp_path / "ledger.jsonl")
    with pytest.raises(UsageError, match="A checkpoint needs a database, not an export"):
        Ledger(str(tmp_path / "ledger.jsonl")).create_checkpoint(tmp_path, KEY)


def test_a_folder_that_cannot_be_made_is_told(forger: Forger, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be created"):
        Ledger(forger.build(5).dsn).create_checkpoint(tmp_path / "file" / "folder", KEY)


# Exports.


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.csv", "ledger.json.gz"])
@pytest.mark.parametrize("schema", ["2.1", "3"])
def test_an_export_is_held_against_checkpoints_like_the_database(
    forger: Forger, tmp_path: Path, schema: str, name: str
) -> None:
    forger.build(30, schema=schema)
    Ledger(forger.dsn).create_checkpoint(tmp_path / "checkpoints", KEY)
    Ledger(forger.dsn).export_entries(output_file=tmp_path / name)
    exported = Ledger(str(tmp_path / name)).verify_integrity(
        checkpoints=[tmp_path / "checkpoints"], verifier_keys=[str(KEY.verifier())], require_checkpoint=True
    )
    assert checkpoint(exported).status is Status.PASS, messages(exported)
    assert exported.assurance is Assurance.ANCHORED
    assert exported.anchor is not None
    assert exported.anchor.rows == (30 if schema == "2.1" else 0)  # an export writes documents again
    coverage = outcomes(exported)["hash_coverage"].facts["checkpoint"]
    if schema == "2.1":
        assert "All 30 entries are proven by the checkpoint dated " in exported.sentence
        assert coverage.startswith("id, sequence_number, ")
    else:
        assert "All 30 entries are proven in their hashed columns by the checkpoint dated " in exported.sentence
        assert coverage.startswith("only the hashed columns, sequence_number, previous_hash, timestamp, ")
    assert ("escalation_status" in coverage) is (schema == "2.1")
    assert outcomes(exported)["checkpoint_guards"].status is Status.SKIP


def test_an_export_of_a_rewritten_ledger_is_found(ledger: Forger, folder: Path, tmp_path: Path) -> None:
    TAMPERINGS["edit-and-rewrite"](ledger)
    Ledger(ledger.dsn).export_entries(output_file=tmp_path / "ledger.csv")
    exported = Ledger(str(tmp_path / "ledger.csv")).verify_integrity(
        checkpoints=[folder], verifier_keys=[str(KEY.verifier())]
    )
    assert codes(exported) == ["REWRITTEN"]


def test_a_filtered_export_is_not_called_truncated(ledger: Forger, folder: Path, tmp_path: Path) -> None:
    Ledger(ledger.dsn).export_entries(output_file=tmp_path / "flags.jsonl", limit=60)
    exported = Ledger(str(tmp_path / "flags.jsonl")).verify_integrity(
        checkpoints=[folder], verifier_keys=[str(KEY.verifier())]
    )
    assert checkpoint(exported).status is Status.ERROR
    assert "The export lacks entries that 1 of 2 checkpoints cover" in checkpoint(exported).reason
