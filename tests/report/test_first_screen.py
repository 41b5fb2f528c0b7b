"""The first screen: is it fine, how sure are we, what must who do; in five tones that do not rest on colour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.investigate import run
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.report import Report
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.report.test_report import conforms
from tests.support.anchored import KEY
from tests.support.hostile import escalate

NO_FLAGS = """
version: 1
controls:
  HOUSE-1: {title: Limits}
checks:
  - id: no-flags
    expect: accepted_values
    column: verdict
    values: [CLEAR, NULL_UNMAPPED, NULL_STALE, DISCRETIONARY]
    severity: critical
    owner: Shift leader
    description: No limit is exceeded.
    controls: [HOUSE-1]
"""


@pytest.fixture
def no_flags(tmp_path: Path) -> Path:
    """A suite with a critical check that fails, which somebody owns."""
    path = tmp_path / "house.ledger.yaml"
    path.write_text(NO_FLAGS)
    return path


def made(forger: Forger, **options: Any) -> Report:
    with Ledger(forger.dsn) as ledger:
        report = ledger.generate_report(**options)
    conforms(report)
    return report


def first(forger: Forger, **options: Any) -> Mapping[str, Any]:
    screen: Mapping[str, Any] = made(forger, **options).data["first"]
    return screen


def asked(screen: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["what"], one["who"], one["when"]) for one in screen["actions"]]


def test_a_ledger_that_matches_its_checkpoint_is_good(forger: Forger, tmp_path: Path) -> None:
    with Ledger(forger.build(100).dsn) as ledger:
        ledger.create_checkpoint(tmp_path / "checkpoints", KEY)
    options = {"checkpoints": [tmp_path / "checkpoints"], "verifier_keys": [str(KEY.verifier())]}
    screen = first(forger, end_date="2025-12-31", **options)
    assert (screen["tone"], screen["answer"]) == ("good", "The ledger is intact.")
    assert screen["lead"].startswith("Every integrity check passed. All 100 entries match a signed checkpoint")


def test_a_consistent_ledger_without_a_checkpoint_is_fair(forger: Forger) -> None:
    screen = first(forger.build(100), end_date="2025-12-31")
    assert (screen["tone"], screen["level"]) == ("fair", "the lower of two levels")
    assert screen["state"] == "Nothing blocks filing"
    assert ("Sign a first checkpoint.", "Key holder (security, internal audit)", "this week") in asked(screen)


def test_a_critical_check_of_the_users_needs_action_and_has_its_owner(forger: Forger, no_flags: Path) -> None:
    report = made(forger.build(100), suites=[no_flags], end_date="2025-12-31")
    screen = report.data["first"]
    ((flags,),) = forger.run("SELECT count(*) FROM ledger_entries WHERE verdict = 'FLAG'")
    assert (screen["tone"], screen["state"]) == ("act", "Not ready to file")
    assert screen["answer"] == "A critical check failed. The chain of entries holds."
    assert f"“No limit is exceeded.” {flags} of 100 entries do not comply." in screen["lead"]
    assert asked(screen)[0] == (f"Explain {flags} entries. Blocks filing.", "Shift leader", "before you file")
    (exception,) = [one for one in report.data["exceptions"] if one["status"] == "FAIL"]
    assert (exception["tested"], exception["owner"]) == ("No limit is exceeded.", "Shift leader")
    numbers = forger.run("SELECT sequence_number FROM ledger_entries WHERE verdict = 'FLAG' ORDER BY 1")
    assert (exception["first"], exception["last"]) == (numbers[0][0], numbers[-1][0])
    assert exception["time_first"] < exception["time_last"]
    (blocking,) = [one for one in report.data["filing"] if one["weight"] == "blocks"]
    assert blocking["controls"] == ["HOUSE-1"]


@pytest.mark.parametrize(("tampering", "tone"), [("verdict-edited", "stop"), ("", "none")])
def test_a_failed_critical_check_shows_whatever_the_assurance(
    forger: Forger, no_flags: Path, tampering: str, tone: str
) -> None:
    forger.build(100)
    options: dict[str, Any] = {}
    if tampering:
        TAMPERINGS[tampering](forger)
    else:
        options["require_checkpoint"] = True  # and there is none
    screen = first(forger, suites=[no_flags], **options)
    assert screen["tone"] == tone
    assert "No limit is exceeded." in screen["lead"]


def test_what_happened_is_said_in_facts_without_ids_of_checks(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    forger.build(300, schema="3").unguarded(
        "UPDATE ledger_entries SET verdict = 'CLEAR' WHERE sequence_number = "
        "(SELECT min(sequence_number) FROM ledger_entries WHERE verdict = 'FLAG' AND sequence_number > 100)",
        "DELETE FROM ledger_entries WHERE sequence_number BETWEEN 201 AND 205",
    )
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_refuse_update")
    screen = first(forger)
    changed, gone, trigger = screen["facts"]
    assert changed.endswith(" was changed: FLAG became CLEAR.")
    assert gone == "Entries 201 to 205 are missing; at least one was deleted."
    assert trigger == "The trigger ledger_refuse_update is switched off."
    assert [mark["last"] for mark in screen["proof"]["marks"]][-1] == 205
    assert first(forger, investigate=True)["facts"] == screen["facts"]
    monkeypatch.setattr(run, "BRIEFLY_ENTRIES", 10)  # as if it were too large to be read again
    screen = first(forger)
    by_findings = screen["facts"]
    assert any(one["more"].startswith("Run audit-ledger investigate --ledger-db ") for one in screen["actions"])
    assert "5 entries are missing after 200: 201 to 205." in by_findings
    assert not [one for one in by_findings if "sequence_continuity" in one or "chain_linkage" in one]


def test_an_empty_ledger_is_neither_good_nor_bad(forger: Forger) -> None:
    screen = first(forger.build(0))
    assert (screen["tone"], screen["answer"]) == ("none", "The ledger has no entries.")


def test_one_cause_counts_once(forger: Forger) -> None:
    """A check that warns of escalations and the period's own condition are one thing to disclose."""
    forger.build(entries=sample_entries(200))
    escalate(forger, "verdict = 'FLAG' AND sequence_number % 2 = 0", "OPEN")
    suites = [Path(__file__).parents[2] / "checks" / "compliance.ledger.yaml"]
    report = made(forger, suites=suites, end_date="2025-12-31")
    about = [one for one in report.data["filing"] if "escalat" in one["fact"] or "escalat" in one["detail"]]
    assert len(about) == 1
    assert about[0]["weight"] == "disclose"
    assert about[0]["controls"] == ["SOC2-CC7.3", "EU-AI-Act-14", "NIST-AU-6"]


def test_a_period_without_an_end_blocks_filing_and_asks_who_makes_the_report(forger: Forger) -> None:
    screen = first(forger.build(20))
    assert ("Give the report an end date.", "Whoever makes the report", "before you file") in asked(screen)
    assert screen["state"] == "One thing blocks filing"
