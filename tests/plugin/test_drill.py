"""The drill in pytest: one item an attack, one drill for all processes, and how each verdict ends."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.forger import Forger
from tests.support.command import RunLedger

ATTACKS = """
from pytest_audit_ledger.attacks import Claim, LedgerError, attack

@attack("claim too much", noticed_by=(Claim("entry_hash"),))
def claims_too_much(target):
    '''Edit a note, which no hash covers.'''
    target.ledger.store([target.middle], escalation_notes="<b>\\x1b[31m")

@attack("fall over", noticed_by=(Claim("entry_hash"),))
def falls_over(target):
    '''Fail like code does.'''
    raise ZeroDivisionError("by nothing")

@attack("have nothing to attack", noticed_by=(Claim("entry_hash"),), applies=lambda target: "There is none of it.")
def has_nothing(target):
    '''Do nothing.'''

def pytest_ledger_register_attacks():
    return [claims_too_much, falls_over, has_nothing]
"""
OWN = ("drill::claims-too-much", "drill::falls-over", "drill::has-nothing")
UNNOTICED = "1 of 4 attacks noticed, 2 unnoticed, 1 unknown."
SMALL = ("--ledger-drill", "--ledger-drill-entries=40")


def properties(path: Path, which: str) -> dict[str, str]:
    return {one.attrib["name"]: one.attrib["value"] for one in ElementTree.parse(path).getroot().findall(which)}


def test_every_verdict_ends_as_it_must(
    pytester: pytest.Pytester, run: RunLedger, server: str, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    pytester.makeconftest(ATTACKS)
    named = ("drill::edit", "drill::edit-and-rewrite", *OWN)
    result = run(
        *(*SMALL, f"--ledger-scratch-db={server}", f"--ledger-db={forger.build(60).dsn}", "-rA", "-n2"),
        *("--junitxml=junit.xml", *named),
    )
    result.assert_outcomes(passed=1, failed=1, errors=1, skipped=1, xfailed=1)
    output = result.stdout.str()
    assert re.search(r"XFAIL drill::edit-and-rewrite - (reason: )?Not noticed\. Keep checkpoints", output)
    assert "claims-too-much: claim too much" in output
    assert "Not noticed, although entry_hash claims to notice it." in output
    assert "its code failed with ZeroDivisionError: by nothing" in output
    assert "Not applicable: There is none of it." in output
    assert output.count("A copy of the first 40 entries of postgresql://") == 1
    result.stdout.fnmatch_lines(
        [
            "*= audit ledger drill =*",
            UNNOTICED,
            "MISSED: claims-too-much. Do not rely on the checks that claim to notice it.*",
            "NOT COVERED: edit-and-rewrite. Keep checkpoints outside the database:*",
            "A copy of the first 40 entries of *",
        ]
    )
    summary = (pytester.path / "summary.md").read_text().splitlines()
    assert summary[:3] == ["## Audit ledger drill", "", f"**{UNNOTICED}**"]
    missed = "- MISSED: claims-too-much. Do not rely on the checks that claim to notice it."
    assert [line for line in summary if line.startswith(missed)]
    assert [line for line in summary if line.startswith("- A copy of the first 40 entries of postgresql://")]
    told = properties(pytester.path / "junit.xml", ".//testsuite/properties/property")
    assert told["ledger.drill.meaning"] == UNNOTICED
    assert told["ledger.drill.unnoticed.edit-and-rewrite"].startswith("Keep checkpoints outside the database:")
    assert "ledger.drill.unnoticed.edit" not in told
    edit = properties(pytester.path / "junit.xml", ".//testcase[@name='edit']/properties/property")
    assert edit["ledger.drill.verdict"] == "noticed"
    assert (edit["ledger.drill.noticed_by"], edit["ledger.drill.found_at"]) == ("entry_hash", "20")
    assert edit["ledger.drill.touched"] == "entry 20"


def test_without_a_ledger_one_is_made_and_last_failed_finds_its_attack(
    pytester: pytest.Pytester, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(ATTACKS)
    chosen = (*SMALL, f"--ledger-scratch-db={server}")
    first = pytester.runpytest_subprocess(*chosen, "-k", "claims-too-much or swapped", timeout=60)
    first.assert_outcomes(passed=1, failed=1)
    assert "A made-up ledger of 40 entries (schema v3, signed transcripts) was attacked" in first.stdout.str()
    again = pytester.runpytest_subprocess(*chosen, "--lf", timeout=60)
    again.assert_outcomes(failed=1)
    assert "0 of 1 attack noticed, 1 unnoticed." in again.stdout.str()


def test_collecting_makes_no_attack_and_a_name_that_is_none_is_a_mistake(run: RunLedger) -> None:
    collected = run("--ledger-drill", "--collect-only", "-q", "-k", "swapped")
    assert "drill::swapped" in collected.stdout.str()
    wrong = run("--ledger-drill", "drill::swaped")
    assert wrong.ret == pytest.ExitCode.INTERRUPTED
    assert "There is no attack 'swaped'. Did you mean swapped?" in wrong.stdout.str()


def test_a_mistake_in_an_option_shows_at_once(run: RunLedger) -> None:
    few = run("--ledger-drill", "--ledger-drill-entries=3")
    assert few.ret == pytest.ExitCode.USAGE_ERROR
    few.stderr.fnmatch_lines(["*--ledger-drill-entries cannot be 3. Give a whole number of at least 40."])
