"""What has to be so before a report is filed: a short list of conditions, each met or not, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.outcome import Assurance, Outcome, Status
from pytest_audit_ledger.report.figures import MISSING, Figures
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class Condition:
    """One condition, and whether it is met."""

    condition: str
    met: bool
    reason: str


def conditions(
    verification: Verification, period: Selection, figures: Figures | None, controls: Sequence[Mapping[str, Any]]
) -> list[Condition]:
    """Return every condition; `figures` is None where the entries of the period were not counted."""
    return [
        *_of_the_ledger(verification),
        *_of_the_checks(verification, controls),
        _period_is_over(verification, period),
        *(_of_the_entries(figures) if figures else [Condition("The entries of the period were counted.", False, NOT)]),
    ]


NOT = "They could not be read."


def _of_the_ledger(verification: Verification) -> Iterator[Condition]:
    assurance = verification.assurance
    proven = assurance in (Assurance.ANCHORED, Assurance.SELF_CONSISTENT)
    yield Condition("Every integrity check passed.", proven, verification.sentence)
    anchored = assurance is Assurance.ANCHORED
    yield Condition(
        "The ledger was held against a checkpoint kept outside of the database.",
        anchored,
        _anchored(verification) if anchored else f"The assurance is {assurance.value}, and not ANCHORED.",
    )
    extent = verification.info.extent if verification.info else None
    whole = extent is Extent.WHOLE
    yield Condition(
        "The whole ledger was there to be read.",
        whole,
        f"The source holds {extent.value}." if extent else "It could not be opened.",
    )
    if verification.info and verification.info.resumed:
        yield Condition("Every entry was read.", False, verification.reading)


def _anchored(verification: Verification) -> str:
    anchor = verification.anchor
    if anchor is None:
        return "The assurance is ANCHORED."
    before = f", {anchor.unread:,} of them when it was made, and not re-read since" if anchor.unread else ""
    return f"{anchor.entries:,} of {anchor.total:,} entries are proven{before}."


def _of_the_checks(verification: Verification, controls: Sequence[Mapping[str, Any]]) -> Iterator[Condition]:
    outcomes = verification.outcomes
    yield _evaluated(verification)
    yield _none("No check failed.", verification.with_status(Status.FAIL), len(outcomes), "without failure", "failed")
    yield _none("No check warned.", verification.with_status(Status.WARN), len(outcomes), "without warning", "warned")
    waived = verification.with_status(Status.WAIVED)
    yield _none("No finding is excused by a waiver.", waived, len(outcomes), "without waiver", "waived")
    bare = [str(control["id"]) for control in controls if not control["served"]]
    yield Condition(
        "Every control is served by a check that passed, and by none that found something.",
        bool(controls) and not bare,
        f"Not so: {', '.join(bare)}." if bare else f"{len(controls):,} controls." if controls else "None is declared.",
    )


def _evaluated(verification: Verification) -> Condition:
    open_, skipped = verification.with_status(Status.ERROR), verification.with_status(Status.SKIP)
    of = len(verification.outcomes)
    told = _none(
        "Every check that applies was evaluated.", open_, of, "were evaluated, or skipped", "could not be evaluated"
    )
    if not skipped:
        return told
    ids = ", ".join(outcome.check_id for outcome in skipped)
    return replace(told, reason=f"{told.reason} {len(skipped):,} had nothing to be applied to: {ids}.")


def _none(condition: str, found: Sequence[Outcome], of: int, good: str, bad: str) -> Condition:
    if not of:
        return Condition(condition, False, "There was no check.")
    ids = ", ".join(outcome.check_id for outcome in found)
    reason = f"{len(found):,} of {of:,} {bad}: {ids}." if found else f"All {of:,} {good}."
    return Condition(condition, not found, reason)


def _period_is_over(verification: Verification, period: Selection) -> Condition:
    condition = "The period is over, so that no entry can be added to it."
    if period.before is None:
        return Condition(condition, False, "The period has no end.")
    over = period.before <= datetime.fromisoformat(verification.started_at)
    return Condition(condition, over, f"The ledger was read {'after' if over else 'before'} its end.")


def _of_the_entries(figures: Figures) -> Iterator[Condition]:
    entries = figures.entries
    yield Condition("The period has entries.", entries > 0, f"It has {entries:,}." if entries else "It has none.")
    unmapped = sum(number for name, number in figures.verdicts.named() if name.startswith("NULL_"))
    yield Condition(
        "Every entry of the period could be decided.",
        not unmapped and entries > 0,
        f"{unmapped:,} of {entries:,} have a verdict NULL_UNMAPPED or NULL_STALE, which decides nothing.",
    )
    violations, known = figures.violation_count, figures.violation_statuses
    open_ = violations - known.total + known.counts[MISSING]
    yield Condition(
        "Every violation of the period has an escalation status.",
        not open_,
        f"{open_:,} of {violations:,} have none." if violations else "There was no violation.",
    )
