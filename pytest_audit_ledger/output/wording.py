"""Remedies in the words of the command `audit-ledger`.

A remedy names an option as pytest has it, `--ledger-checkpoint`; the command has the same one without the prefix. What
the command prints, and every report, whose reader has the command, is passed through here. Nothing but remedies is,
since these are ours to the last word: what an entry, a server or a user says stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.verify.verification import Verification

SHARED = (
    "allow-empty",
    "allow-integrity-waivers",
    "checkpoint",
    "encryption-key",
    "max-unanchored",
    "recheck",
    "require-checkpoint",
    "samples",
    "scratch-db",
    "since-checkpoint",
    "table",
    "timeout",
    "transcript-key",
    "verifier-key",
    "workers",
)
"""The options that are `--ledger-NAME` in pytest and `--NAME` in the command; --ledger-db is called so in both."""

_OPTION = re.compile(rf"(?<!\S)--ledger-({'|'.join(SHARED)})(?![\w-])")


def for_command(remedy: str) -> str:
    """Return a remedy with the options named as the command has them."""
    return _OPTION.sub(r"--\1", remedy)


def ending_for_command(text: str, advice: str) -> str:
    """Return a text whose end is a remedy, `advice`, with the options in that named as the command has them."""
    return f"{text.removesuffix(advice)}{for_command(advice)}"


def verification_for_command(verification: Verification) -> Verification:
    """Return a verification whose remedies name the options as the command has them."""
    return replace(verification, outcomes=tuple(map(_outcome, verification.outcomes)))


def _outcome(outcome: Outcome) -> Outcome:
    reason = ending_for_command(outcome.reason, outcome.advice)
    return replace(outcome, remedy=for_command(outcome.remedy), reason=reason, advice=for_command(outcome.advice))
