"""The suites of this package, in checks/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.model.outcome import Family
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.suite.discovery import own_suites
from pytest_audit_ledger.suite.loader import load


def shipped_suites(registry: Registry, *, of_export: bool = False) -> list[Suite]:
    """Return the suites that a ledger is verified with by default; an export has one more."""
    return [load(folder("checks") / name, registry) for name in default_suites(of_export=of_export)]


def suites_of_run(
    named: Sequence[str | Path], registry: Registry, profile: Profile | None = None, *, of_export: bool = False
) -> list[Suite]:
    """Return the shipped suites and those that are named; one that is shipped does not run twice.

    Raises UsageError, and SuiteError.
    """
    shipped = shipped_suites(registry, of_export=of_export)
    known = [one.path.resolve() for one in shipped]
    return [*shipped, *(one for one in own_suites(named, registry, profile) if one.path.resolve() not in known)]


def checks_of(suites: Iterable[Suite], *, times: bool = True) -> list[Check]:
    """Return the checks of suites, in order; `times`: also those of kinds about the order of times."""
    return [check for suite in suites for check in suite.checks if times or check.kind.family is not Family.TIME]
