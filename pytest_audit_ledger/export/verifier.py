"""The files by which an auditor verifies an export with Python alone: the verifier, and the profile as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest_audit_ledger.standalone
from pytest_audit_ledger.model.flat_profile import flat_profile
from pytest_audit_ledger.model.ledger_info import LedgerInfo

VERIFIER = "verify.py"
PROFILE_SUFFIX = ".profile.json"


def verifier() -> bytes:
    """Return the verifier, as it is installed."""
    return Path(pytest_audit_ledger.standalone.__file__).with_name(VERIFIER).read_bytes()


def filed_profile(info: LedgerInfo) -> tuple[str, bytes]:
    """Return name and content of the file with a ledger's profile, as the verifier reads it."""
    types = info.types
    return f"{info.profile.name}{PROFILE_SUFFIX}", flat_profile(info.profile, types).encode()


def verifier_files(info: LedgerInfo) -> Mapping[str, bytes]:
    """Return the contents of the files by name."""
    return {VERIFIER: verifier(), **dict([filed_profile(info)])}
