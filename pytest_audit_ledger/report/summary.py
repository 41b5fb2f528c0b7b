"""What a report says in sentences: what was read, what that proves, and what the period held."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.report.figures import MISSING, VIOLATION, Figures
from pytest_audit_ledger.verify.verification import Verification


def sentences(verification: Verification, figures: Figures | None) -> list[str]:
    """Return the executive summary; `figures` is None where the entries of the period were not counted."""
    return [*_of_the_ledger(verification), *(_of_the_period(figures) if figures else ())]


def _of_the_ledger(verification: Verification) -> Iterator[str]:
    survey, outcomes = verification.survey, verification.outcomes
    if survey is None:
        yield "The entries of the ledger could not be read as a whole."
    elif verification.info and verification.info.resumed:
        yield f"The ledger was not read as a whole. {verification.reading[0].upper()}{verification.reading[1:]}"
    elif survey.entries:
        yield (
            f"The ledger as a whole was read: {_counted(survey.entries, 'entry', 'entries')}, sequence number "
            f"{_number(survey.sequence_first)} to {_number(survey.sequence_last)}."
        )
    else:
        yield "The ledger has no entries."
    passed = len(verification.with_status(Status.PASS))
    yield f"{passed:,} of {_counted(len(outcomes), 'check', 'checks')} passed{_others(verification)}."


def _others(verification: Verification) -> str:
    words = {
        Status.FAIL: "failed",
        Status.ERROR: "could not be evaluated",
        Status.WARN: "warned",
        Status.WAIVED: "found what a waiver excuses",
        Status.SKIP: "had nothing to be applied to",
    }
    counted = ((len(verification.with_status(status)), word) for status, word in words.items())
    told = ", ".join(f"{number:,} {word}" for number, word in counted if number)
    return f"; {told}" if told else ""


def _of_the_period(figures: Figures) -> Iterator[str]:
    entries = figures.entries
    if not entries:
        yield "The period holds no entry, so there is nothing to report of it."
        return
    violations = figures.violation_count
    share = f" ({violations / entries:.1%})"
    yield (
        f"The period holds {_counted(entries, 'entry', 'entries')}, and {violations:,} of them{share} "
        f"{'is a violation' if violations == 1 else 'are violations'} (verdict {VIOLATION})."
    )
    if figures.before is not None:
        yield _compared(figures)
    if violations:
        rules = figures.rules.named()
        if rules:
            name, number = rules[0]
            yield f"The rule broken most often is {name}, {_counted(number, 'time', 'times')}."
        known = figures.violation_statuses
        open_ = violations - known.total + known.counts[MISSING]
        yield f"{_counted(open_, 'violation has', 'violations have')} no escalation status."


def _compared(figures: Figures) -> str:
    before = figures.before
    if before is None or not before.total:
        return "The preceding period of the same length holds no entry, so there is nothing to compare with."
    earlier = before.counts[VIOLATION]
    return (
        f"The preceding period of the same length held {_counted(before.total, 'entry', 'entries')}, and {earlier:,} "
        f"violations ({earlier / before.total:.1%})."
    )


def _number(number: int | None) -> str:
    return "(missing)" if number is None else f"{number:,}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
