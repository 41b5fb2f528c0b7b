"""List the conditions for filing a report, each met or not, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.outcome import Assurance, Outcome, Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.report.figures import Figures
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class Condition:
    """One condition, and whether it is met."""

    condition: str
    met: bool
    reason: str


def conditions(
    verification: Verification,
    period: Selection,
    figures: Figures | None,
    controls: Sequence[Mapping[str, Any]],
    profile: Profile = SKI,
) -> list[Condition]:
    """Return every condition; `figures` is None if the entries of the period were not counted."""
    uncounted = Condition("The entries of the period were counted.", False, "They could not be read.")
    return [
        *_about_the_ledger(verification),
        *_about_the_checks(verification, controls),
        _period_is_over(verification, period),
        *(_about_the_entries(figures, profile) if figures else [uncounted]),
    ]


def _about_the_ledger(verification: Verification) -> Iterator[Condition]:
    assurance = verification.assurance
    proven = assurance in (Assurance.ANCHORED, Assurance.SELF_CONSISTENT)
    yield Condition("Every integrity check passed.", proven, verification.sentence)
    anchored = assurance is Assurance.ANCHORED
    yield Condition(
        "The ledger matches a checkpoint that is kept outside the database.",
        anchored,
        _anchored(verification) if anchored else f"The assurance is {assurance.value}, not ANCHORED.",
    )
    extent = verification.info.extent if verification.info else None
    yield Condition(
        "The whole ledger was available to read.",
        extent is Extent.WHOLE,
        f"The source has {extent.value}." if extent else "It could not be opened.",
    )
    if verification.info and verification.info.resumed:
        yield Condition("Every entry was read.", False, verification.reading)


def _anchored(verification: Verification) -> str:
    anchor = verification.anchor
    if anchor is None:
        return "The assurance is ANCHORED."
    old = f"; {anchor.unread:,} of them were last read when the checkpoint was made" if anchor.unread else ""
    return f"{anchor.entries:,} of {anchor.total:,} entries are proven{old}."


def _about_the_checks(verification: Verification, controls: Sequence[Mapping[str, Any]]) -> Iterator[Condition]:
    outcomes = verification.outcomes
    yield _evaluated(verification)
    for condition, status, verb in (
        ("No check failed.", Status.FAIL, "failed"),
        ("No check warned.", Status.WARN, "warned"),
        ("No finding is waived.", Status.WAIVED, "needed a waiver"),
    ):
        yield _none(condition, verification.with_status(status), len(outcomes), "", verb)
    bare = [str(control["id"]) for control in controls if not (control["served"] or control["partly"])]
    skipped = dict.fromkeys(check for control in controls for check in control["partly"])
    partly = f" Some only partly, because these checks were not evaluated: {', '.join(skipped)}." if skipped else ""
    yield Condition(
        "Every control is served: a check that names it passed, and none found anything.",
        bool(controls) and not bare,
        (
            f"Not served: {', '.join(bare)}."
            if bare
            else f"All {len(controls):,} controls are served."
            if controls
            else "The suites declare no control."
        )
        + partly,
    )


def _evaluated(verification: Verification) -> Condition:
    failing, skipped = verification.with_status(Status.ERROR), verification.with_status(Status.SKIP)
    condition, count = "Every check that applies was evaluated.", len(verification.outcomes)
    good = f"All {count:,} checks were evaluated or did not apply."
    found = _none(condition, failing, count, good, "could not be evaluated")
    if not skipped:
        return found
    ids = ", ".join(outcome.check_id for outcome in skipped)
    return replace(found, reason=f"{found.reason} {len(skipped):,} did not apply: {ids}.")


def _none(condition: str, found: Sequence[Outcome], of: int, good: str, bad: str) -> Condition:
    if not of:
        return Condition(condition, False, "There was no check.")
    ids = ", ".join(outcome.check_id for outcome in found)
    reason = f"{len(found):,} of {of:,} checks {bad}: {ids}." if found else good or f"None of the {of:,} checks {bad}."
    return Condition(condition, not found, reason)


def _period_is_over(verification: Verification, period: Selection) -> Condition:
    condition = "The period is over, so no entry can be added to it."
    if period.before is None:
        return Condition(condition, False, "The period has no end.")
    over = period.before <= datetime.fromisoformat(verification.started_at)
    return Condition(condition, over, f"The ledger was read {'after' if over else 'before'} the period ended.")


def _about_the_entries(figures: Figures, profile: Profile) -> Iterator[Condition]:
    entries, violations, unfollowed = figures.entries, figures.violation_count, figures.open_violations
    yield Condition("The period has entries.", entries > 0, f"It has {entries:,}." if entries else "It has none.")
    if profile.undecided:
        yield _decided(figures, profile.undecided)
    if figures.violating and profile.has("escalation_status"):
        yield Condition(
            "Every violation of the period has an escalation status.",
            not unfollowed,
            f"{unfollowed:,} of {violations:,} have none." if violations else "There was no violation.",
        )


def _decided(figures: Figures, names: Collection[str]) -> Condition:
    entries = figures.entries
    undecided = sum(number for name, number in figures.verdicts.named() if name in names)
    return Condition(
        "Every entry of the period has a verdict that decides.",
        not undecided and entries > 0,
        f"{undecided:,} of {entries:,} have {' or '.join(names)}, which decide nothing.",
    )
