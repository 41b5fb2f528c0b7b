"""The profile that a user chooses. Most runs have the built-in one, and do without everything that reads files."""

from __future__ import annotations

from pathlib import Path

from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI


def chosen_profile(named: str | Path | None) -> Profile:
    """Return the profile that a user names; the built-in one for `ski` or for nothing.

    Raises UsageError if there is none, and ProfileError if it has mistakes.
    """
    if named is None or str(named) == SKI.name:
        return SKI
    from pytest_audit_ledger.suite.profile_file import load_profile  # noqa: PLC0415  (YAML is slow to import)

    return load_profile(named)
