"""The files by which an auditor verifies an export with Python alone: the verifier, and the profile as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest_audit_ledger.standalone
from pytest_audit_ledger.model.profile import Profile

VERIFIER = "verify.py"
PROFILE_SUFFIX = ".profile.json"


def verifier() -> bytes:
    """Return the verifier, as it is installed."""
    return Path(pytest_audit_ledger.standalone.__file__).with_name(VERIFIER).read_bytes()


def verifier_files(profile: Profile) -> Mapping[str, bytes]:
    """Return the contents of the files by name. Raises OutputError if the file of the profile has changed."""
    from pytest_audit_ledger.suite.profile_json import profile_json  # noqa: PLC0415  (YAML is slow to import)

    return {VERIFIER: verifier(), f"{profile.name}{PROFILE_SUFFIX}": profile_json(profile).encode()}
