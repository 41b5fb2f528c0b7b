"""Folders of checkpoints: whatever lies in them is trusted or rejected, and nothing hangs."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.record import json_file, note_file
from pytest_audit_ledger.checkpoints.store import checkpoint_path, read_store
from tests.vectors import WITNESS_KEY, cosigned

KEY = SigningKey("bank.example/ledger", bytes(range(32)))


def test_a_pipe_in_the_place_of_a_checkpoint_or_its_record_is_rejected(tmp_path: Path) -> None:
    good = checkpoint_path(tmp_path, 5)
    good.write_bytes(KEY.sign(Checkpoint(KEY.name, 5, bytes(32)).text()))
    for path in (json_file(good), note_file(good), checkpoint_path(tmp_path, 7)):
        os.mkfifo(path)
    store = read_store([tmp_path], [KEY.verifier()])
    assert [(one.size, one.record) for one in store.trusted] == [(5, None)]
    assert {one.path: one.reason.rpartition(": ")[2] for one in store.rejected} == {
        str(json_file(good)): "Not a regular file",
        str(checkpoint_path(tmp_path, 7)): "Not a regular file",
    }


def test_a_witness_vouches_for_a_checkpoint_and_not_for_its_record(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path, 5)
    path.write_bytes(cosigned(KEY.sign(Checkpoint(KEY.name, 5, bytes(32)).text()), 1_780_000_000))
    json_file(path).write_bytes(b"{}")
    note_file(path).write_bytes(b"whatever")
    store = read_store([tmp_path], [VerifierKey.parse(WITNESS_KEY)])
    assert [(one.size, one.record, one.keys) for one in store.trusted] == [(5, None, (VerifierKey.parse(WITNESS_KEY),))]
    assert store.rejected == ()
