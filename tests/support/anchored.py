"""Verifying a ledger against checkpoints, signed by keys that tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.verify.verification import Verification
from tests.forger import Forger
from tests.support.checks import outcomes

ORIGIN = "bank.example/ledger"

KEY = SigningKey(ORIGIN, bytes(range(32)))

ROTATED = SigningKey(ORIGIN, bytes(range(1, 33)))

STRANGER = SigningKey("other.example/ledger", bytes(range(2, 34)))


def verify(forger: Forger, folder: Path, *, keys: Any = (KEY,), **options: Any) -> Verification:
    trusted = [str(key.verifier()) for key in keys]
    return Ledger(forger.dsn).verify_integrity(checkpoints=[folder], verifier_keys=trusted, samples=100, **options)


def checkpoint(verification: Verification) -> Outcome:
    return outcomes(verification)["checkpoint"]


def codes(verification: Verification) -> list[str]:
    return [finding.code for finding in checkpoint(verification).findings]


def messages(verification: Verification) -> str:
    return "\n".join(finding.message for finding in checkpoint(verification).findings)
