"""Checkpoints that several runs make at the same time."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import Forger
from tests.support.anchored import KEY, codes, verify


def test_a_checkpoint_that_another_run_signs_meanwhile_is_no_change_of_the_ledger(
    forger: Forger, tmp_path: Path
) -> None:
    folder, other = tmp_path / "checkpoints", tmp_path / "other"
    forger.build(20)
    Ledger(forger.dsn).create_checkpoint(other, KEY)
    forger.append(islice(sample_entries(25), 20, None))

    def read(_: int) -> None:
        shutil.copytree(other, folder, dirs_exist_ok=True)

    made = Ledger(forger.dsn, progress=lambda *_: nullcontext(read)).create_checkpoint(folder, KEY)
    assert made.verification.size == 25
    assert made.files
    assert codes(verify(forger, folder)) == []
