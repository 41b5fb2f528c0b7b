"""The example of a night in CI, over several nights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.signers import write_private

EXAMPLE = Path(__file__).parents[1] / "examples" / "checkpoints"
KEY = SigningKey("bank.example/ledger", bytes(range(32)))


def night(forger: Forger, folder: Path) -> tuple[int, str]:
    """Run the script as CI does; return its exit code and what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    told = {"PATH": path, "LEDGER_DSN": forger.dsn, "VERIFIER_KEY": str(KEY.verifier())}
    done = subprocess.run(
        ["./nightly.sh"], cwd=folder, env={**inherited, **told}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_several_nights(forger: Forger, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "checkpoints")
    write_private(folder / "signing.key", KEY.text())
    entries = list(sample_entries(130))
    forger.build(0).append(entries[:100])

    code, said = night(forger, folder)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "CHECKPOINT_MISSING" in said  # trust begins with a person, not with the first night
    assert not (folder / "checkpoints").exists()

    Ledger(forger.dsn).create_checkpoint(folder / "checkpoints", KEY)
    code, said = night(forger, folder)
    assert code == 0, said
    assert "no entry follows, " in said
    assert " of 100 entries were not re-read: they were proven when the checkpoint was made" in said

    forger.append(entries[100:])  # of long ago, so a night was left out
    code, said = night(forger, folder)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "CHECKPOINT_STALE" in said
    assert "UNVERIFIED: " in said

    Ledger(forger.dsn).create_checkpoint(folder / "checkpoints", KEY)
    TAMPERINGS["edit-and-rewrite"](forger)
    code, said = night(forger, folder)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "REWRITTEN an entry between 1 and 100 was changed" in said
    assert "TAMPERED: " in said
    assert sorted(path.name for path in (folder / "checkpoints").glob("*.checkpoint")) == [
        "000000000100.checkpoint",
        "000000000130.checkpoint",
    ]
