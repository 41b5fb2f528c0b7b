"""The profile that a user chooses. Most runs have the built-in one, and do without everything that reads files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI

if TYPE_CHECKING:
    from pluggy import PluginManager


def chosen_profile(named: str | Path | None, manager: PluginManager | None = None) -> Profile:
    """Return the profile that a user names; the built-in one for `ski` or for nothing.

    `manager`: the plugins of a pytest run, which may register functions for payloads. Raises UsageError if there is no
    such profile, and ProfileError if it has mistakes.
    """
    if named is None or str(named) == SKI.name:
        return SKI
    from pytest_audit_ledger.suite.profile_file import load_profile  # noqa: PLC0415  (YAML is slow to import)

    return load_profile(named, manager)
