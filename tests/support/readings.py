"""What a verification must say of a ledger that was read as it is, and of one that was not."""

from __future__ import annotations

from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import (
    FOLDS,
    GUARDS,
    core_statuses,
    told,
)

ALL_PASS = dict.fromkeys((*FOLDS, *GUARDS), Status.PASS)


def assert_clean(verification: Verification, entries: int) -> None:
    assert core_statuses(verification) == ALL_PASS, [told(outcome) for outcome in verification.outcomes]
    assert verification.assurance is Assurance.SELF_CONSISTENT
    assert verification.survey is not None
    assert verification.survey.entries == entries


def assert_unread(verification: Verification, words: str, guards: Status = Status.ERROR) -> None:
    """Assert that nothing was concluded about the entries, and that every fold says why."""
    expected = {**dict.fromkeys(FOLDS, Status.ERROR), **dict.fromkeys(GUARDS, guards)}
    assert core_statuses(verification) == expected, [told(outcome) for outcome in verification.outcomes]
    assert verification.assurance is Assurance.UNVERIFIED
    assert verification.survey is None
    for outcome in verification.outcomes:
        if outcome.status is Status.ERROR:
            assert words in outcome.reason
            assert not outcome.findings


def this_database(forger: Forger) -> str:
    return str(forger.run("SELECT current_database()")[0][0])
