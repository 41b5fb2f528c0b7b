"""What tells an attacked ledger from the untouched one: only what is worse, and was not there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from pytest_audit_ledger.drill.matrix import Touched, noticed
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity, Status
from tests.support.outcomes import outcome, verification


def found(status: Status, *findings: Finding, more: int = 0) -> Outcome:
    """Return the outcome of a check with these findings, and so many more of the first code that were not kept."""
    codes = Counter(finding.code for finding in findings)
    if more:
        codes[findings[0].code] += more
    reason = "it broke" if status is Status.ERROR else ""
    return outcome(
        status=status, unexpected_count=codes.total(), findings=findings, codes=codes, reason=reason, element_count=10
    )


def told(before: Outcome, after: Outcome) -> list[tuple[str, int | None]]:
    return [(one.code, one.sequence_number) for one in noticed(verification(before), verification(after))]


def finding(number: int | None, code: str = "BAD", severity: Severity | None = None) -> Finding:
    return Finding(code, "words", number, severity=severity)


PASSED = found(Status.PASS)
KNOWN = found(Status.FAIL, finding(7))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PASSED, PASSED, []),
        (PASSED, found(Status.FAIL, finding(7)), [("BAD", 7)]),
        (PASSED, found(Status.WARN, finding(7)), [("BAD", 7)]),
        (PASSED, found(Status.ERROR), [("", None)]),
        (found(Status.ERROR), found(Status.ERROR), []),
        (PASSED, found(Status.SKIP), []),  # what examines nothing any more is no alarm
        (PASSED, found(Status.WAIVED, finding(7)), []),
        (PASSED, found(Status.PASS, finding(7, severity=Severity.INFO)), []),
        (KNOWN, KNOWN, []),
        (KNOWN, PASSED, []),
        (KNOWN, found(Status.FAIL, finding(7), finding(9)), [("BAD", 9)]),
        (KNOWN, found(Status.FAIL, finding(9)), [("BAD", 9)]),
        (KNOWN, found(Status.FAIL, finding(7), finding(7)), [("BAD", 7)]),
        (KNOWN, found(Status.FAIL, finding(7), finding(9, severity=Severity.INFO)), []),
        (KNOWN, found(Status.FAIL, finding(7), finding(None, "WORSE")), [("WORSE", None)]),
    ],
)
def test_only_what_is_worse_notices(
    before: Outcome, after: Outcome, expected: Sequence[tuple[str, int | None]]
) -> None:
    assert told(before, after) == expected


def test_of_more_findings_than_are_kept_the_number_tells() -> None:
    before = found(Status.FAIL, finding(1), finding(2), more=5)
    assert told(before, found(Status.FAIL, finding(2), finding(3), more=5)) == []  # one was taken away: no alarm
    assert told(before, found(Status.FAIL, finding(1), finding(2), more=6)) == [("BAD", 1)]
    assert told(before, found(Status.FAIL, finding(1), finding(2), finding(3), more=6)) == [("BAD", 3)]


@pytest.mark.parametrize(("number", "right"), [(49, False), (50, True), (52, True), (53, True), (54, False)])
def test_what_a_deletion_leaves_shows_at_the_entry_that_follows(number: int, right: bool) -> None:
    assert Touched(50, 52).told_at(number) is right
