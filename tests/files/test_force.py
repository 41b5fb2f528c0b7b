"""Files that exist: refused before anything is read, and overwritten with --force, by the command and by pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forger import Forger
from tests.support.command import Invoke, RunLedger

WRITING = [("export", "x.jsonl"), ("report", "x.html"), ("backup", "x.dump")]
NOWHERE = "postgresql://nobody@nowhere.invalid/ledger"


@pytest.mark.parametrize(("command", "name"), WRITING)
def test_an_existing_file_is_refused_before_the_ledger_is_read(invoke: Invoke, command: str, name: str) -> None:
    Path(name).write_text("mine")
    result = invoke(command, "--source", NOWHERE, "--output", name)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {name} exists already. Choose another name, or overwrite it with --force.\n"
    assert Path(name).read_text() == "mine"


@pytest.mark.parametrize(("command", "name"), WRITING)
def test_an_existing_file_and_its_manifest_are_overwritten_by_force(
    invoke: Invoke, dsn: str, command: str, name: str
) -> None:
    for path in (name, f"{name}.manifest.json"):
        Path(path).write_text("old")
    assert invoke(command, "--source", dsn, "--output", name, "--force").exit_code == 0
    assert Path(name).read_bytes() != b"old"
    assert (Path(f"{name}.manifest.json").read_text() == "old") is (command == "report")


@pytest.mark.parametrize(("command", "name"), WRITING)
def test_pytest_refuses_an_existing_file_and_overwrites_it_by_force(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, command: str, name: str
) -> None:
    path = pytester.path / name
    path.write_text("mine")
    arguments = (f"--ledger-db={forger.build(100).dsn}", f"--ledger-{command}={name}")
    refused = run(*arguments)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*x.* exists already. Choose another name, or overwrite it with --ledger-force."])
    refused.stdout.no_fnmatch_line("*passed*")
    assert path.read_text() == "mine"
    assert run(*arguments, "--ledger-force").ret == pytest.ExitCode.OK
    assert path.read_bytes() != b"mine"


def test_force_without_a_file_to_overwrite_is_refused(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(100).dsn}", "--ledger-force")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --ledger-force only works with --ledger-export or --ledger-backup or *"])
