"""Outcomes and verifications of which a test says only what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_audit_ledger.model.outcome import Assurance, Family, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification

_OUTCOME = Outcome(
    check_id="one",
    suite="tests",
    kind="entry_hash",
    family=Family.CHAIN,
    integrity=True,
    severity=Severity.CRITICAL,
    controls=(),
    status=Status.FAIL,
    description="",
    rule="The rule.",
    remedy="The remedy.",
    unit="entries",
)


def outcome(**said: Any) -> Outcome:
    """Return the outcome of a failed check of the entries' hashes, but for what is said."""
    return replace(_OUTCOME, **said)


def verification(*outcomes: Outcome, **said: Any) -> Verification:
    """Return a verification with these outcomes that read nothing, but for what is said."""
    nothing = Verification(
        database="",
        table="",
        info=None,
        survey=None,
        outcomes=outcomes,
        assurance=Assurance.SELF_CONSISTENT,
        sentence="",
        started_at="",
        duration_s=0.0,
    )
    return replace(nothing, **said)
