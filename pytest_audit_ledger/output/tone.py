"""How good or bad the news of a verification is, and what else it found besides how much it proves.

The assurance is about integrity only: a ledger can be ANCHORED while a rule of the user's own is broken. So whatever
shows an assurance first shows the worst that happened, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pytest_audit_ledger.commands import ends_apart
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.verify.verification import Verification

MOST_NAMED = 10
"""Checks that a sentence names; the others are counted."""

_WORDS = {Status.FAIL: "failed", Status.ERROR: "could not be evaluated", Status.WARN: "warned"}


class Tone(Enum):
    """How good the news is; the value is the color of a terminal."""

    GOOD = "green"
    FAIR = "cyan"
    """Nothing is wrong, and not everything is proven."""
    DOUBTFUL = "yellow"
    BAD = "red"


def tone_of(verification: Verification) -> Tone:
    """Return the tone of a verification, by the worst that happened."""
    assurance, ended = verification.assurance, {outcome.status for outcome in verification.outcomes}
    if assurance is Assurance.TAMPERED or Status.FAIL in ended:
        return Tone.BAD
    if assurance is Assurance.UNVERIFIED or ended & {Status.ERROR, Status.WARN}:
        return Tone.DOUBTFUL
    return Tone.GOOD if assurance is Assurance.ANCHORED else Tone.FAIR


def headlines(verification: Verification) -> list[str]:
    """Return what a verification found in one or two lines, the worst first."""
    stated = f"{verification.assurance.value}: {ends_apart(verification.sentence, _advice(verification))}"
    lines = [printable(others_of(verification), 2000), stated]
    return list(filter(None, reversed(lines) if verification.assurance is Assurance.TAMPERED else lines))


def _advice(verification: Verification) -> str:
    """Return the advice that the sentence of a verification ends with, if it does."""
    advices = (one.advice for one in verification.outcomes if one.status is Status.ERROR and one.advice)
    return next((one for one in advices if verification.sentence.endswith(one)), "")


def others_of(verification: Verification) -> str:
    """Return `others` for a verification; nothing if no check could be evaluated, which its sentence says."""
    ended = [(one.check_id, one.status) for one in verification.outcomes if not one.integrity]
    return "" if verification.obstacle else others(ended)


def others(checks: Iterable[tuple[str, Status]]) -> str:
    """Return which of these checks did not pass, in one sentence for each way, the worst first; empty if all passed."""
    by_status: dict[Status, list[str]] = {}
    for name, status in checks:
        by_status.setdefault(status, []).append(name)
    return " ".join(_sentence(by_status[status], words) for status, words in _WORDS.items() if status in by_status)


def _sentence(names: list[str], words: str) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    count = f"{len(names):,} {'check' if len(names) == 1 else 'checks'}"
    return f"{count} {words}: {', '.join(names[:MOST_NAMED])}{more}."
