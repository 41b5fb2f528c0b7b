"""Findings: counted in full, kept as samples, as grave as their check allows."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.model.outcome import LONGEST_TEXT, Finding, Findings, Severity
from pytest_audit_ledger.model.printable import clip

CRITICAL, WARNING, INFO = Severity


def finding(number: int, code: str = "CODE", severity: Severity | None = None) -> Finding:
    return Finding(code, f"finding {number}", number, severity=severity)


def findings(limit: int, *numbers: int) -> Findings:
    found = Findings(limit)
    for number in numbers:
        found.add(finding(number))
    return found


def kept(found: Findings) -> list[int | None]:
    return [sample.sequence_number for sample in found.samples]


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 9])
def test_every_finding_is_counted_and_the_first_are_kept(limit: int) -> None:
    found = findings(limit, *range(5))
    assert kept(found) == list(range(5))[:limit]
    assert found.unexpected() == 5
    assert found.codes() == {"CODE": 5}


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 9])
def test_what_follows_is_counted_and_kept_while_there_is_room(limit: int) -> None:
    found = findings(limit, 1, 2)
    found.extend(findings(limit, 3, 4))
    assert kept(found) == [1, 2, 3, 4][:limit]
    assert found.unexpected() == 4


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 9])
def test_what_stands_before_takes_the_first_places(limit: int) -> None:
    found = findings(limit, 2, 3)
    found.prepend([finding(0), finding(1)])
    assert kept(found) == [0, 1, 2, 3][:limit]
    assert found.unexpected() == 4


def test_codes_are_counted_over_all_severities() -> None:
    found = Findings(1)
    for code, severity in [("A", None), ("B", INFO), ("A", WARNING), ("A", INFO), ("B", None)]:
        found.add(finding(1, code, severity))
    assert found.codes() == {"A": 3, "B": 2}


def test_findings_that_are_only_told_are_not_unexpected() -> None:
    found = Findings(10)
    for severity in (None, CRITICAL, WARNING, INFO, INFO):
        found.add(finding(1, severity=severity))
    assert found.unexpected() == 3
    assert len(found.samples) == 5


@pytest.mark.parametrize("of_the_check", Severity)
def test_no_finding_is_no_severity(of_the_check: Severity) -> None:
    assert Findings(20).worst(of_the_check) is None


@pytest.mark.parametrize(
    ("found", "of_the_check", "worst"),
    [
        ([None], CRITICAL, CRITICAL),
        ([None], WARNING, WARNING),
        ([None], INFO, INFO),
        ([WARNING], CRITICAL, WARNING),
        ([INFO], CRITICAL, INFO),
        ([INFO, WARNING], CRITICAL, WARNING),
        ([INFO, None], CRITICAL, CRITICAL),
        ([INFO, None], WARNING, WARNING),
        ([CRITICAL], WARNING, WARNING),
        ([CRITICAL], INFO, INFO),
        ([WARNING], INFO, INFO),
        ([WARNING, CRITICAL], CRITICAL, CRITICAL),
        ([INFO], WARNING, INFO),
    ],
)
def test_the_worst_is_no_graver_than_the_check(
    found: list[Severity | None], of_the_check: Severity, worst: Severity
) -> None:
    several = Findings(0)
    for severity in found:
        several.add(finding(1, severity=severity))
    assert several.worst(of_the_check) is worst


def test_a_text_up_to_the_limit_is_kept_as_it_is() -> None:
    assert clip("x" * 10, 10) == "x" * 10
    assert clip("", 10) == ""


def test_a_longer_text_is_cut_and_says_how_long_it_was() -> None:
    assert clip("x" * 1234, 10) == "xxxxxxxxxx… (1,234 characters)"


@pytest.mark.parametrize("name", ["message", "expected", "actual"])
def test_the_texts_of_a_finding_are_clipped(name: str) -> None:
    long = "x" * (LONGEST_TEXT + 1)
    texts = {"message": "", "expected": "", "actual": "", name: long}
    clipped = getattr(Finding("CODE", texts["message"], None, texts["expected"], texts["actual"]), name)
    assert clipped == f"{'x' * LONGEST_TEXT}… (2,001 characters)"


def test_a_short_finding_is_kept_as_it_is() -> None:
    assert Finding("C", "x" * LONGEST_TEXT).message == "x" * LONGEST_TEXT


def test_severities_stand_from_the_gravest_on() -> None:
    assert [severity.value for severity in Severity] == ["critical", "warning", "info"]
