"""What a waiver makes of an outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from pytest_audit_ledger.model.outcome import Family, Status, Waiver
from pytest_audit_ledger.verify.judgement import waived
from tests.support.outcomes import outcome

EXPIRES = datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
WAIVER = Waiver(id="W-7", reason="Replica rebuild", approved_by="CISO", expires=EXPIRES, ticket="GRC-112")
BEFORE, SECOND = EXPIRES - timedelta(seconds=1), timedelta(seconds=1)
FAILED = outcome(kind="recency", family=Family.DATA, integrity=False, waiver=WAIVER)
WORDS = "aiver W-7 until 2026-12-31 23:59:59 UTC: Replica rebuild (approved by CISO, GRC-112)"


@pytest.mark.parametrize("status", [Status.FAIL, Status.WARN])
def test_what_was_found_is_waived_until_the_waiver_expires(status: Status) -> None:
    judged = waived(replace(FAILED, status=status), BEFORE, integrity_too=False)
    assert (judged.status, judged.reason) == (Status.WAIVED, f"W{WORDS}")


@pytest.mark.parametrize("status", [Status.FAIL, Status.WARN])
@pytest.mark.parametrize("now", [EXPIRES, EXPIRES + SECOND])
def test_an_expired_waiver_fails_and_names_itself(status: Status, now: datetime) -> None:
    judged = waived(replace(FAILED, status=status), now, integrity_too=True)
    assert judged.status is Status.FAIL
    assert judged.reason == f"Its waiver has expired: w{WORDS}."


def test_a_waiver_that_waives_nothing_warns() -> None:
    judged = waived(replace(FAILED, status=Status.PASS), BEFORE, integrity_too=False)
    assert judged.status is Status.WARN
    assert judged.reason == "The check passed, so the waiver W-7 has nothing to waive. Remove it."
    expired = waived(replace(FAILED, status=Status.PASS), EXPIRES, integrity_too=False)
    assert expired.reason.endswith("It expired on 2026-12-31.")


@pytest.mark.parametrize("status", [Status.ERROR, Status.SKIP])
def test_what_was_not_evaluated_is_not_waived(status: Status) -> None:
    judged = replace(FAILED, status=status)
    assert waived(judged, BEFORE, integrity_too=True) == judged


def test_what_is_about_integrity_is_waived_only_where_the_run_allows_it() -> None:
    judged = replace(FAILED, integrity=True)
    refused = waived(judged, BEFORE, integrity_too=False)
    assert refused.status is Status.FAIL
    assert "--ledger-allow-integrity-waivers" in refused.remedy
    assert waived(judged, BEFORE, integrity_too=True).status is Status.WAIVED


def test_an_outcome_without_a_waiver_stays_as_it_is() -> None:
    judged = replace(FAILED, waiver=None)
    assert waived(judged, EXPIRES, integrity_too=True) == judged
