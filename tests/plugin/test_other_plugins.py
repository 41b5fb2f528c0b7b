"""Runs in which other plugins, options and CI systems have a say, too."""

from __future__ import annotations

import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.forger import TAMPERINGS, Forger
from tests.plugin.test_processes import Terminal, left_behind, locked, scratch
from tests.support.command import RunLedger, until_no_session
from tests.support.waiting import until

__all__ = ["scratch"]  # a fixture

WARNING = """
version: 1
checks:
  - id: verdicts
    expect: accepted_values
    column: verdict
    values: [NOTHING]
    severity: warning
"""
SLEEPS = "import time\ndef test_mine():\n    time.sleep(30)\n"


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_the_time_that_a_test_may_take_is_not_that_of_the_verification(
    tmp_path: Path, forger: Forger, method: str
) -> None:
    pytest.importorskip("pytest_timeout")
    forger.build(100)
    with locked(forger) as until_waited_for:
        terminal = Terminal(tmp_path, f"--ledger-db={forger.dsn}", "--timeout=1", f"--timeout-method={method}")
        until_waited_for()
        time.sleep(2)
    assert terminal.finish() == 0
    assert "SELF-CONSISTENT: " in terminal.output


@pytest.mark.slow
def test_a_test_that_takes_too_long_is_a_failure_and_leaves_no_session(tmp_path: Path, forger: Forger) -> None:
    pytest.importorskip("pytest_timeout")
    forger.build(100)
    (tmp_path / "test_mine.py").write_text("def test_mine(ledger):\n    ledger.verify_integrity()\n")
    with locked(forger) as until_waited_for:
        arguments = ["--timeout=3", "--timeout-method=signal", "test_mine.py", "-k", "test_mine"]
        terminal = Terminal(tmp_path, f"--ledger-db={forger.dsn}", *arguments)
        until_waited_for()
        assert terminal.finish() == pytest.ExitCode.TESTS_FAILED
    until_no_session(forger)
    assert "INTERNALERROR" not in terminal.output
    assert "Failed: Timeout" in terminal.output


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_test_that_takes_too_long_leaves_no_demo_behind(tmp_path: Path, scratch: Path, method: str) -> None:
    """With the method thread, pytest-timeout ends the process at once; then the server notices that."""
    pytest.importorskip("pytest_timeout")
    scratch.chmod(0o1777)
    (tmp_path / "test_mine.py").write_text(SLEEPS)
    terminal = Terminal(tmp_path, "--ledger-db=demo", "--timeout=3", f"--timeout-method={method}")
    assert terminal.finish() == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in terminal.output
    until(lambda: left_behind(scratch) == [])


def test_a_warning_that_is_made_an_error_is_a_failure_without_a_traceback(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    pytester.makefile(".ledger.yaml", my=WARNING)
    result = run(f"--ledger-db={forger.build(5).dsn}", "-W", "error", "my.ledger.yaml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["verdicts: 5 findings, first at sequence 1"])
    result.stdout.fnmatch_lines(["FAILED my.ledger.yaml::verdicts - Failed: verdicts: 5 findings, *"])
    result.stdout.no_fnmatch_line("*warn_explicit*")
    findings = [line for line in result.outlines if "VALUE_NOT_ACCEPTED sequence 5" in line]
    assert len(findings) == 1


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_an_item_that_is_run_again_has_its_properties_once(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, options: list[str]
) -> None:
    pytest.importorskip("pytest_rerunfailures")
    TAMPERINGS["edit"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}", "--reruns=2", "-k", "entry_hash", "--junitxml=out.xml", *options)
    result.stdout.fnmatch_lines(["*1 failed*2 rerun*"])
    for case in ElementTree.parse(pytester.path / "out.xml").iter("testcase"):  # one for each time
        names = [one.attrib["name"] for one in case.iter("property")]
        assert len(names) == len(set(names))
    assert "ledger.status" in names


def test_each_finding_is_shown_once_in_ci(run: RunLedger, forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    TAMPERINGS["edit"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}")
    findings = [line for line in result.outlines if "ENTRY_HASH_MISMATCH sequence 50" in line]
    assert len(findings) == 1
    result.stdout.fnmatch_lines(["FAILED *entry_hash - Failed: entry_hash: 1 finding, first at sequence 50"])
