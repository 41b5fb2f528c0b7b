"""What protects the entries and is not as it must be, as one incident, and what can be done about it. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.investigate.incident import (
    Advice,
    Certainty,
    Command,
    Incident,
    IncidentType,
    capital,
    counted,
)
from pytest_audit_ledger.kinds.table_guard import BEYOND_REPAIR
from pytest_audit_ledger.model.outcome import Finding, Outcome, Severity, Status
from pytest_audit_ledger.verify.verification import Verification

SHOWN = 10
"""Findings of one incident that are told in words; all are counted."""

GUARDS = ("append_only", "table_guard", "checkpoint_guards")

REPAIR = Command("verify", ("--repair", "--dry-run"))


def findings(outcome: Outcome | None) -> list[Finding]:
    """Return the findings of a check, without those that are only told."""
    return [one for one in outcome.findings if one.severity is not Severity.INFO] if outcome else []


def guards(verification: Verification) -> Iterator[Incident]:
    """Tell that what protects the entries is not as it must be."""
    outcomes = [outcome for outcome in verification.outcomes if outcome.kind in GUARDS]
    found = [one for outcome in outcomes for one in findings(outcome)]
    count = sum(outcome.unexpected_count for outcome in outcomes)
    if not found:
        return
    more = (f"{count - SHOWN:,} more, which are not told here.",) if count > SHOWN else ()
    windows = any(outcome.kind == "checkpoint_guards" and findings(outcome) for outcome in outcomes)
    since = () if windows else ("The ledger does not tell since when; the record beside a checkpoint would.",)
    others = f", and {counted(count - 1, 'finding', 'findings')} more" if count > 1 else ""
    told = found[:SHOWN] if count > 1 else ()
    yield Incident(
        IncidentType.GUARDS,
        None,
        None,
        count,
        f"What protects the entries is not as it must be: {found[0].message}{others}.",
        Certainty.PROVEN,
        because=(*(f"{capital(one.message)}." for one in told), *more, *_unproven(verification, found), *since),
        next_step=(_advice(verification, found),),
    )


def _unproven(verification: Verification, found: Sequence[Finding]) -> Iterator[str]:
    """Say that no hash could be checked, where a column that they are made of is not what it was."""
    failed = any(one.kind == "entry_hash" for one in verification.with_status(Status.ERROR))
    if failed and any(one.code in ("COLUMN_RETYPED", "COLUMN_MISSING") for one in found):
        yield "So no hash of an entry could be checked, and whether entries were changed is not known."


def _advice(verification: Verification, found: Sequence[Finding]) -> Advice:
    """Say what can be done, and claim of a repair no more than it can restore."""
    lasting = [one for one in found if one.code in BEYOND_REPAIR]
    twice = any("SEQUENCE_DUPLICATE" in outcome.codes for outcome in verification.outcomes)
    if len(lasting) == len(found):
        return Advice("Find out who changed it. No command restores it, and this says what to do instead.", (REPAIR,))
    if lasting:
        return Advice("Find out who changed it; this shows what of it can be restored, and what cannot.", (REPAIR,))
    if twice and any(one.expected.startswith("UNIQUE") for one in found):
        words = (
            "Find out who changed it. No UNIQUE constraint can be restored while entries stand there twice; this shows"
        )
        return Advice(f"{words} what can be.", (REPAIR,))
    return Advice("Find out who changed it, and restore it; this shows how.", (REPAIR,))
