"""The parameters of a verification, for the functions that hand them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.model.sql_names import split_name
from pytest_audit_ledger.suite.check import Suite

_NONE: Mapping[str, Mapping[str, Any]] = {}
_DEFAULT = default_suites(of_export=True)


class SettingUp(TypedDict, total=False):
    """What a ledger is verified with; `Ledger.verify_integrity` describes each."""

    suites: Sequence[str | Path]
    check_timestamps: bool
    checkpoints: Sequence[str | Path]
    verifier_keys: Sequence[str]
    require_checkpoint: bool
    max_unanchored: str | None
    allow_integrity_waivers: bool
    transcript_keys: Sequence[str | Path]


class Verifying(SettingUp, total=False):
    """What a ledger is verified with, and how; `Ledger.verify_integrity` describes each."""

    workers: int | None
    executor: str
    samples: int
    allow_empty: bool
    standby_tolerance: str


def given(
    ledger: str,
    table: str = "",
    *,
    profile: Profile = SKI,
    run_parameters: Mapping[str, Mapping[str, Any]] = _NONE,
    suites: Sequence[Suite] = (),
) -> Given:
    """Return what a run was given, for the commands that it suggests.

    `ledger` names the ledger without secrets, `table` as `schema.table`. See `kinds/run_parameters.py` for the others.
    """
    is_usual = not table or split_name(table) == split_name(profile.table)
    trusted = {name: value for values in run_parameters.values() for name, value in values.items()}
    limit = trusted.get("max_unanchored")
    found: dict[str, Sequence[str] | None] = {
        "db": [ledger],
        "table": None if is_usual else [table],
        "profile": [profile.given_as] if profile.given_as else None,
        "suite": [_path(one) for one in suites if one.name not in _DEFAULT],
        "checkpoint": trusted.get("folders"),
        "verifier-key": trusted.get("verifier_keys"),
        "transcript-key": trusted.get("keys"),
        "max-unanchored": [limit] if limit else None,
    }
    flags: Given = {"require-checkpoint": ()} if trusted.get("require") else {}
    return {**{name: values for name, values in found.items() if values}, **flags}


def _path(suite: Suite) -> str:
    """Return what names a suite to a command: a shipped one by its name, a file from where the command is run."""
    if suite.path.parent == folder("checks"):
        return suite.path.name
    return str(suite.path.relative_to(Path.cwd()) if suite.path.is_relative_to(Path.cwd()) else suite.path)
