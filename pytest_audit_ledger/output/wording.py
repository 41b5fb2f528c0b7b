"""Remedies with the options as the command `audit-ledger` spells them.

A remedy spells an option as pytest does, `--ledger-checkpoint`; the command has the same one as `--checkpoint`. What
the command prints, and every report, is passed through here. Only remedies are, because every word of them is ours:
what an entry, a server or a user says stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pytest_audit_ledger.model.outcome import Outcome, Status
from pytest_audit_ledger.options import OPTIONS
from pytest_audit_ledger.verify.verification import Verification

SPELLED = {option.pytest: option.shown[0] for option in OPTIONS if option.in_pytest and option.commands}
"""How the command spells the options that pytest has as well."""

_OPTION = re.compile(rf"(?<!\S)({'|'.join(SPELLED)})(?![\w-])")


def for_command(remedy: str) -> str:
    """Return a remedy with the options as the command spells them."""
    return _OPTION.sub(lambda option: SPELLED[option[0]], remedy)


def ending_for_command(text: str, advice: str) -> str:
    """Return a text with the options named as the command has them in its end, if that is the remedy `advice`."""
    return f"{text.removesuffix(advice)}{for_command(advice)}" if text.endswith(advice) else text


def verification_for_command(verification: Verification) -> Verification:
    """Return a verification whose remedies spell the options as the command does."""
    advice = next((outcome.advice for outcome in verification.outcomes if outcome.status is Status.ERROR), "")
    sentence = ending_for_command(verification.sentence, advice)
    return replace(verification, sentence=sentence, outcomes=tuple(map(_outcome, verification.outcomes)))


def _outcome(outcome: Outcome) -> Outcome:
    reason = ending_for_command(outcome.reason, outcome.advice)
    return replace(outcome, remedy=for_command(outcome.remedy), reason=reason, advice=for_command(outcome.advice))
