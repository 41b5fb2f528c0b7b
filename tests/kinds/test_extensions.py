"""Kinds of installed plugins, outside of pytest: the command and the class find them, and nobody else's code runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forger import Forger

KIND = """
from pytest_audit_ledger.kinds import Finding, ScanKind

class NoLlmVerdicts(ScanKind):
    name = "{name}"
    rule = "No verdict comes from the language model alone."
    remedy = "Ask why."
    columns = ("track",)

    def feed(self, batch):
        for number, track in zip(batch.sequence_numbers, batch.values("track")):
            if track == "llm":
                self.findings.add(Finding("LLM_VERDICT", "decided by the model", number))

def pytest_ledger_register_kinds():
    return [NoLlmVerdicts]
"""
SUITE = "version: 1\nchecks:\n  - {id: no-llm, expect: no_llm_verdicts, severity: warning}\n"


def install(folder: Path, name: str, code: str, requires: str = "pytest-audit-ledger>=0.1") -> None:
    """Put a plugin of pytest into a folder of packages, as pip would."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{name} = {name}\n")


def verify(folder: Path, dsn: str) -> subprocess.CompletedProcess[str]:
    (folder / "own.ledger.yaml").write_text(SUITE)
    command = [sys.executable, "-m", "pytest_audit_ledger", "verify", "--ledger-db", dsn, "--suite", "own.ledger.yaml"]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("requires", ["pytest-audit-ledger>=0.1", "Pytest_Audit.Ledger", "pytest-audit-ledger[demo]"])
def test_the_kind_of_an_installed_plugin_can_be_expected(tmp_path: Path, forger: Forger, requires: str) -> None:
    install(tmp_path, "tiny", KIND.format(name="no_llm_verdicts"), requires)
    done = verify(tmp_path, forger.build(100).dsn)
    assert done.returncode == 0, done.stdout + done.stderr
    ((count,),) = forger.run("SELECT count(*) FROM ledger_entries WHERE track = 'llm'")
    assert f"no-llm: {count} finding" in done.stdout


def test_a_plugin_that_does_not_require_this_package_is_not_even_imported(tmp_path: Path, forger: Forger) -> None:
    install(tmp_path, "noisy", "raise SystemExit('imported')", "pytest-audit-ledger-extras")
    done = verify(tmp_path, forger.build(10).dsn)
    assert done.returncode == 2
    assert "unknown kind 'no_llm_verdicts'" in done.stderr
    assert "imported" not in done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_the_kind", "The plugin tiny (tiny) cannot be loaded: ModuleNotFoundError"),
        (
            KIND.format(name="entry_hash"),
            "The kind 'entry_hash' of the plugin tiny is already registered by",
        ),
        ("def pytest_ledger_register_kinds(): return [int]", "The plugin tiny registered <class 'int'>, which is no"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named(tmp_path: Path, forger: Forger, code: str, message: str) -> None:
    install(tmp_path, "tiny", code)
    done = verify(tmp_path, forger.build(10).dsn)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
