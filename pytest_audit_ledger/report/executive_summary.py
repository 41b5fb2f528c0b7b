"""Write the executive summary of a report: what was read, how the checks ended, and what the period has."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_audit_ledger.investigate.incident import counted
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.report.figures import Figures
from pytest_audit_ledger.report.words import CHECK, ENTRY
from pytest_audit_ledger.verify.verification import Verification


def sentences(verification: Verification, figures: Figures | None, profile: Profile = SKI) -> list[str]:
    """Return the executive summary; `figures` is None if the entries of the period were not counted."""
    return [*_about_the_ledger(verification), *(_about_the_period(figures, profile) if figures else ())]


def _about_the_ledger(verification: Verification) -> Iterator[str]:
    survey, outcomes = verification.survey, verification.outcomes
    if survey is None:
        yield "The ledger could not be read completely."
    elif verification.info and verification.info.resumed:
        yield f"The ledger was not read completely. {verification.reading[0].upper()}{verification.reading[1:]}"
    elif survey.streams:
        entries, streams = ENTRY.counted(survey.entries), counted(survey.streams, "stream", "streams")
        yield f"The whole ledger was read: {entries} in {streams}."
    elif survey.entries:
        yield (
            f"The whole ledger was read: {ENTRY.counted(survey.entries)}, sequence number "
            f"{_number(survey.sequence_first)} to {_number(survey.sequence_last)}."
        )
    else:
        yield "The ledger has no entries."
    passed = len(verification.with_status(Status.PASS))
    yield f"{passed:,} of {CHECK.counted(len(outcomes))} passed{_others(verification)}."


def _others(verification: Verification) -> str:
    words = {
        Status.FAIL: "failed",
        Status.ERROR: "could not be evaluated",
        Status.WARN: "warned",
        Status.WAIVED: "had only waived findings",
        Status.SKIP: "did not apply",
    }
    counted = ((len(verification.with_status(status)), word) for status, word in words.items())
    others = ", ".join(f"{number:,} {word}" for number, word in counted if number)
    return f"; {others}" if others else ""


def _about_the_period(figures: Figures, profile: Profile) -> Iterator[str]:
    entries, violations = figures.entries, figures.violation_count
    if not entries:
        yield "The period has no entries, so there is nothing to report about it."
        return
    if not figures.violating:
        yield f"The period has {ENTRY.counted(entries)}."
        return
    named = f"verdict{'s' if len(figures.violating) > 1 else ''} {', '.join(figures.violating)}"
    yield (
        f"The period has {ENTRY.counted(entries)}; {violations:,} of them ({violations / entries:.1%}) "
        f"{'is a violation' if violations == 1 else 'are violations'} ({named})."
    )
    if figures.before is not None:
        yield _compared(figures)
    if violations:
        rules = figures.rules.named()
        if rules:
            name, number = rules[0]
            yield f"The rule broken most often is {name}, {counted(number, 'time', 'times')}."
        if profile.has("escalation_status"):
            unfollowed = counted(figures.open_violations, "violation has", "violations have")
            yield f"{unfollowed} no escalation status."


def _compared(figures: Figures) -> str:
    before = figures.before
    if before is None or not before.total:
        return "The preceding period of the same length has no entries to compare with."
    earlier = sum(before.counts[name] for name in figures.violating)
    return (
        f"The preceding period of the same length had {ENTRY.counted(before.total)} and {earlier:,} "
        f"violations ({earlier / before.total:.1%})."
    )


def _number(number: int | None) -> str:
    return "(missing)" if number is None else f"{number:,}"
