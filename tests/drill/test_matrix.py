"""What tells an attacked ledger from the untouched one: only what is worse, and was not there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from pytest_audit_ledger.drill.matrix import Touched, noticed
from pytest_audit_ledger.model.outcome import Assurance, Family, Finding, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification


def outcome(status: Status, *findings: Finding, more: int = 0) -> Outcome:
    """Return the outcome of a check with these findings, and so many more of the first code that were not kept."""
    codes = Counter(finding.code for finding in findings)
    if more:
        codes[findings[0].code] += more
    return Outcome(
        check_id="one",
        suite="tests",
        kind="entry_hash",
        family=Family.CHAIN,
        integrity=True,
        severity=Severity.CRITICAL,
        controls=(),
        status=status,
        description="",
        rule="",
        remedy="",
        unit="entries",
        element_count=10,
        unexpected_count=sum(codes.values()),
        findings=findings,
        codes=codes,
        reason="it broke" if status is Status.ERROR else "",
    )


def verification(one: Outcome) -> Verification:
    return Verification(
        database="",
        table="",
        info=None,
        survey=None,
        outcomes=(one,),
        assurance=Assurance.SELF_CONSISTENT,
        sentence="",
        started_at="",
        duration_s=0.0,
    )


def told(before: Outcome, after: Outcome) -> list[tuple[str, int | None]]:
    found = noticed(verification(before), verification(after))
    return [(one.code, one.sequence_number) for one in found]


def finding(number: int | None, code: str = "BAD", severity: Severity | None = None) -> Finding:
    return Finding(code, "words", number, severity=severity)


PASSED = outcome(Status.PASS)
KNOWN = outcome(Status.FAIL, finding(7))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PASSED, PASSED, []),
        (PASSED, outcome(Status.FAIL, finding(7)), [("BAD", 7)]),
        (PASSED, outcome(Status.WARN, finding(7)), [("BAD", 7)]),
        (PASSED, outcome(Status.ERROR), [("", None)]),
        (outcome(Status.ERROR), outcome(Status.ERROR), []),
        (PASSED, outcome(Status.SKIP), []),  # what examines nothing any more is no alarm
        (PASSED, outcome(Status.WAIVED, finding(7)), []),
        (PASSED, outcome(Status.PASS, finding(7, severity=Severity.INFO)), []),
        (KNOWN, KNOWN, []),
        (KNOWN, PASSED, []),
        (KNOWN, outcome(Status.FAIL, finding(7), finding(9)), [("BAD", 9)]),
        (KNOWN, outcome(Status.FAIL, finding(9)), [("BAD", 9)]),
        (KNOWN, outcome(Status.FAIL, finding(7), finding(7)), [("BAD", 7)]),
        (KNOWN, outcome(Status.FAIL, finding(7), finding(9, severity=Severity.INFO)), []),
        (KNOWN, outcome(Status.FAIL, finding(7), finding(None, "WORSE")), [("WORSE", None)]),
    ],
)
def test_only_what_is_worse_notices(
    before: Outcome, after: Outcome, expected: Sequence[tuple[str, int | None]]
) -> None:
    assert told(before, after) == expected


def test_of_more_findings_than_are_kept_the_number_tells() -> None:
    before = outcome(Status.FAIL, finding(1), finding(2), more=5)
    assert told(before, outcome(Status.FAIL, finding(2), finding(3), more=5)) == []  # one was taken away: no alarm
    assert told(before, outcome(Status.FAIL, finding(1), finding(2), more=6)) == [("BAD", 1)]
    assert told(before, outcome(Status.FAIL, finding(1), finding(2), finding(3), more=6)) == [("BAD", 3)]


@pytest.mark.parametrize(("number", "right"), [(49, False), (50, True), (52, True), (53, True), (54, False)])
def test_what_a_deletion_leaves_shows_at_the_entry_that_follows(number: int, right: bool) -> None:
    assert Touched(50, 52).told_at(number) is right
