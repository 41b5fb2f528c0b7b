"""What the kinds find, in suites that are run as a user runs them; the ledger is LEDGER_DSN, or else the demo."""

from __future__ import annotations

import os

import pytest

LEDGER = "env:LEDGER_DSN" if "LEDGER_DSN" in os.environ else "demo"


def run(pytester: pytest.Pytester, check: str) -> pytest.RunResult:
    """Run a suite with this one check."""
    pytester.makefile(".ledger.yaml", own=f"version: 1\nchecks:\n  - {{id: own, {check}}}\n")
    return pytester.runpytest(f"--ledger-db={LEDGER}", "own.ledger.yaml")


@pytest.mark.parametrize(
    "check",
    [
        "expect: working_hours, first_hour: 0, last_hour: 23",
        "expect: working_hours, verdict: NONE_LIKE_THIS, first_hour: 23, last_hour: 0",
        "expect: no_longer_than, column: verdict, longest: 13",
        "expect: no_longer_than, column: verdict, longest: 5, where: verdict = 'CLEAR'",
    ],
)
def test_what_is_as_expected_passes(pytester: pytest.Pytester, check: str) -> None:
    run(pytester, check).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("check", "finding"),
    [
        ("expect: working_hours, verdict: CLEAR, first_hour: 23, last_hour: 0", "*OUT_OF_HOURS*given outside of*"),
        ("expect: no_longer_than, column: verdict, longest: 4", "*TOO_LONG*verdict has more than 4 characters*"),
    ],
)
def test_what_is_not_fails_with_the_entry(pytester: pytest.Pytester, check: str, finding: str) -> None:
    result = run(pytester, check)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([finding])


def test_a_column_that_is_not_there_is_an_error_and_no_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, "expect: no_longer_than, column: verdct, longest: 4")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no column 'verdct'*verdict*"])


def test_a_parameter_that_makes_no_sense_is_refused_at_its_place(pytester: pytest.Pytester) -> None:
    result = run(pytester, "expect: no_longer_than, column: verdict, longest: many")
    result.stdout.fnmatch_lines(["own.ledger.yaml:3:*'longest' of check 'own' must be a whole number*"])
