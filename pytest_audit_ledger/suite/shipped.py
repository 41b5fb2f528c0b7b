"""The suites of this package, in checks/."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.model.outcome import Family
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.suite.loader import load


def shipped_suites(registry: Registry, *, of_export: bool = False) -> list[Suite]:
    """Return the suites that a ledger is verified with by default; an export has one more."""
    return [load(folder("checks") / name, registry) for name in default_suites(of_export=of_export)]


def checks_of(suites: Iterable[Suite], *, times: bool = True) -> list[Check]:
    """Return the checks of suites, in order; `times`: also those of kinds about the order of times."""
    return [check for suite in suites for check in suite.checks if times or check.kind.family is not Family.TIME]
