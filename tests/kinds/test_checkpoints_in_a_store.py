"""Checkpoints in an object store: written, compared, never replaced, and missed, as those in a folder."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.command import Invoke, RunLedger
from tests.support.object_store import BUCKET, LOCKED, ObjectStore

THERE = f"s3://{BUCKET}/bank/ledger"


@pytest.fixture
def keys(invoke: Invoke, store: ObjectStore) -> Path:
    """A folder with signing.key and verifier.key, which is the current one."""
    made = invoke("checkpoint", "keygen", "--origin", "bank.example/ledger", "--output", "signing.key")
    Path("verifier.key").write_text(made.output)
    return Path.cwd()


def create(invoke: Invoke, dsn: str, *more: str, output: str = THERE) -> str:
    result = invoke(
        "checkpoint", "create", "--ledger-db", dsn, "--signing-key", "signing.key", "--output", output, *more
    )
    assert result.exit_code == 0, result.output
    return result.output


def verify(invoke: Invoke, dsn: str, *more: str, checkpoint: str = THERE) -> tuple[int, str]:
    trusted = ("--checkpoint", checkpoint, "--verifier-key", "verifier.key")
    result = invoke("verify", "--ledger-db", dsn, *trusted, *more)
    return result.exit_code, result.output


def test_a_checkpoint_and_its_record_are_written_listed_and_anchor_the_ledger(
    invoke: Invoke, keys: Path, store: ObjectStore, dsn: str
) -> None:
    assert f"{THERE}/000000000100.checkpoint" in create(invoke, dsn)
    names = [f"bank/ledger/000000000100.{end}" for end in ("checkpoint", "record.json", "record.note")]
    assert store.keys(BUCKET) == names
    assert json.loads(store.get(BUCKET, names[1]))["size"] == 100
    listed = invoke("checkpoint", "list", THERE, "--verifier-key", "verifier.key")
    assert (listed.exit_code, listed.output.split()[-1]) == (0, f"{THERE}/000000000100.checkpoint")
    alone = invoke("checkpoint", "verify", f"{THERE}/000000000100.checkpoint", "--verifier-key", "verifier.key")
    assert alone.exit_code == 0, alone.output
    assert "record   made" in alone.output
    code, output = verify(invoke, dsn, "--require-checkpoint")
    assert code == 0, output
    assert "ANCHORED" in output


def test_the_next_checkpoint_goes_on_from_the_one_in_the_store(
    invoke: Invoke, keys: Path, store: ObjectStore, forger: Forger
) -> None:
    dsn = forger.build(100).dsn
    create(invoke, dsn)
    forger.append(islice(sample_entries(110), 100, None))
    create(invoke, dsn, "--since-checkpoint")
    code, output = verify(invoke, dsn, "--since-checkpoint")
    assert code == 0, output
    assert "110" in output


def test_an_existing_checkpoint_is_left_as_it_is(invoke: Invoke, keys: Path, store: ObjectStore, dsn: str) -> None:
    create(invoke, dsn)
    before = {key: store.get(BUCKET, key) for key in store.keys(BUCKET)}
    assert "There already is a checkpoint of 100 entries" in create(invoke, dsn)
    assert {key: store.get(BUCKET, key) for key in store.keys(BUCKET)} == before


def test_a_truncated_ledger_is_noticed_by_a_checkpoint_in_a_store(
    invoke: Invoke, keys: Path, store: ObjectStore, forger: Forger
) -> None:
    dsn = forger.build(100).dsn
    create(invoke, dsn)
    forger.unguarded("DELETE FROM ledger_entries WHERE sequence_number > 90")
    code, output = verify(invoke, dsn)
    assert code == 1
    assert "TRUNCATED" in output


def test_an_emptied_store_is_noticed_if_a_checkpoint_is_required(
    invoke: Invoke, keys: Path, store: ObjectStore, dsn: str
) -> None:
    code, output = verify(invoke, dsn, "--require-checkpoint")
    assert code == 1
    assert f"there is no checkpoint in {THERE}, but one is required" in output


def test_a_checkpoint_that_was_changed_in_the_store_is_rejected(
    invoke: Invoke, keys: Path, store: ObjectStore, dsn: str
) -> None:
    create(invoke, dsn)
    key = "bank/ledger/000000000100.checkpoint"
    store.put(BUCKET, key, store.get(BUCKET, key).replace(b"\n100\n", b"\n101\n"))
    code, output = verify(invoke, dsn)
    assert code == 1
    assert f"{THERE}/000000000100.checkpoint is not trusted" in output


def test_a_checkpoint_can_be_locked(invoke: Invoke, keys: Path, store: ObjectStore, dsn: str) -> None:
    create(invoke, dsn, "--object-lock", "compliance:3650d", output=f"s3://{LOCKED}")
    assert {store.head(LOCKED, key)["ObjectLockMode"] for key in store.keys(LOCKED)} == {"COMPLIANCE"}
    code, output = verify(invoke, dsn, checkpoint=f"s3://{LOCKED}")
    assert code == 0, output


def test_an_entry_is_proven_by_a_checkpoint_in_a_store(
    invoke: Invoke, keys: Path, store: ObjectStore, dsn: str
) -> None:
    create(invoke, dsn)
    trusted = ("--checkpoint", THERE, "--verifier-key", "verifier.key")
    result = invoke(
        "checkpoint", "prove", "--ledger-db", dsn, "--entry", "42", *trusted, "--output", f"{THERE}/42.proof"
    )
    assert result.exit_code == 0, result.output
    entry = invoke("export", "--source", dsn, "--output", "all.jsonl")
    assert entry.exit_code == 0
    Path("42.jsonl").write_text(Path("all.jsonl").read_text().splitlines()[41])
    checked = invoke(
        "checkpoint", "check-proof", f"{THERE}/42.proof", "--entry-file", "42.jsonl", "--verifier-key", "verifier.key"
    )
    assert checked.exit_code == 0, checked.output


def test_pytest_verifies_and_signs_the_next_one(keys: Path, store: ObjectStore, run: RunLedger, dsn: str) -> None:
    at_keys = {name: str(keys / name) for name in ("verifier.key", "signing.key")}
    given = [f"--ledger-db={dsn}", f"--ledger-checkpoint={THERE}", f"--ledger-verifier-key={at_keys['verifier.key']}"]
    signing = [f"--ledger-write-checkpoint={THERE}", f"--ledger-signing-key={at_keys['signing.key']}"]
    assert run(*given, *signing).ret == 0
    result = run(*given, "--ledger-require-checkpoint", "--ledger-since-checkpoint")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*ANCHORED*"])


def test_a_lock_without_anything_in_a_store_is_refused(run: RunLedger, dsn: str) -> None:
    result = run(f"--ledger-db={dsn}", "--ledger-object-lock=compliance:1d", "--ledger-export=x.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--ledger-object-lock only works with*"])
