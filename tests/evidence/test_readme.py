"""The README of evidence: its commands work where they are pasted, and compute the numbers of the report again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_audit_ledger.ledger import Ledger
from tests.forger import Forger
from tests.support.command import RunLedger

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="the command jq is not installed")
Runs = Callable[[str], list[list[str]]]


def numbers_of(folder: Path) -> Runs:
    """Return what runs the command for a number, and returns the words of each line that it prints."""
    text = (folder / "README.txt").read_text()
    lines = text[text.index("\n3. Compute") : text.index("\n4. Verify")].splitlines()
    commands = {lines[at - 1]: line.strip() for at, line in enumerate(lines) if line.startswith("    ")}
    functions = "\n".join(command for command in commands.values() if "() {" in command)

    def run(name: str) -> list[list[str]]:
        script = ["sh", "-eu", "-c", f"{functions}\n{commands[name]}"]
        done = subprocess.run(script, cwd=folder, capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    return run


def counted(lines: list[list[str]]) -> dict[str, int]:
    return {" ".join(words): int(count) for count, *words in lines}


@needs_jq
@pytest.mark.parametrize("format_", ["json", "jsonl.gz", "csv.gz"])
def test_the_numbers_of_the_whole_ledger_are_computed_again_from_the_export(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, format_: str
) -> None:
    run(f"--ledger-db={forger.build(300).dsn}", f"--ledger-export=all.{format_}", "--ledger-evidence=filed")
    number, told = numbers_of(pytester.path / "filed"), json.loads(Path("filed/verification.json").read_text())
    entries = told["entries"]
    assert number("Entries") == [["300"]]
    assert number("First and last entry")[1] == ["300", entries["time_last"], entries["head_hash"]]
    assert counted(number("Verdicts")) == entries["verdicts"]
    assert counted(number("Checks by status")) == Counter(one["status"] for one in told["outcomes"])
    assert counted(number("Controls, by the status of their checks"))["NIST-AU-9 PASS"] >= 4


@needs_jq
def test_the_numbers_of_a_period_are_computed_again_from_an_export(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    dsn = forger.build(3000).dsn
    days = "--ledger-date-range=2025-09-02,2025-09-02"
    run(f"--ledger-db={dsn}", days, "--ledger-report=report.json", "--ledger-evidence=filed")
    Ledger(dsn).export_entries(output_file="ledger.jsonl.gz")
    number, told = numbers_of(pytester.path / "filed"), json.loads(Path("report.json").read_text())
    rows = told["verdicts"]["rows"]
    assert number("Entries in the period") == [[str(told["verdicts"]["entries"])]]
    assert counted(number("Verdicts in the period")) == {one["verdict"]: one["count"] for one in rows if one["count"]}
    before = {one["verdict"]: one["count_before"] for one in rows if one["count_before"]}
    assert counted(number("Verdicts in the preceding period")) == before
    rules = {one["name"]: one["count"] for one in told["violations"]["by_rule"]}
    assert counted(number("Violations in the period, by rule")) == rules
    by_day = counted(number("Verdicts in the period, by day in UTC"))
    assert by_day["2025-09-02 FLAG"] == told["violations"]["count"]
    statuses = {one["name"]: one["count"] for one in told["escalations"]["by_status"]}
    assert counted(number("Escalations in the period, by status")) == statuses


@needs_jq
def test_every_step_of_a_chart_is_computed_again(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    dsn, zone = forger.build(3000).dsn, "--ledger-time-zone=Europe/Berlin"
    days = "--ledger-date-range=2025-09-02,2025-09-02"
    run(f"--ledger-db={dsn}", days, zone, "--ledger-report=report.json", "--ledger-evidence=filed")
    Ledger(dsn).export_entries(output_file="ledger.jsonl.gz")
    number, told = numbers_of(pytester.path / "filed"), json.loads(Path("report.json").read_text())
    drawn = {
        f"{step['begin'][:13]} {verdict}": count
        for step in told["timeline"]["steps"]
        for verdict, count in step["counts"].items()
        if count
    }
    assert counted(number("Verdicts in the period, by hour in UTC")) == drawn
    by_day = counted(number("Verdicts in the period, by day in Europe/Berlin"))
    assert {day.split()[0] for day in by_day} == {"2025-09-02"}
    assert sum(by_day.values()) == told["verdicts"]["entries"]


def test_the_commands_that_verify_again_name_the_files_in_the_folder(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    (pytester.path / "own").mkdir()
    (pytester.path / "own" / "more.ledger.yaml").write_text(
        "version: 1\nchecks: [{id: all, expect: entry_hash, severity: critical}]\n"
    )
    Ledger(forger.build(20).dsn).export_entries(output_file="ledger.jsonl")
    run("--ledger-db=ledger.jsonl", "own/more.ledger.yaml", "integrity.ledger.yaml", "--ledger-evidence=filed")
    text = (pytester.path / "filed" / "README.txt").read_text()
    (command,) = (line.strip() for line in text.splitlines() if "--suite" in line and "--verbose" in line)
    assert command.startswith("audit-ledger verify --ledger-db ../ledger.jsonl --suite suites/own/more.ledger.yaml")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, shell=True, cwd="filed", env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
