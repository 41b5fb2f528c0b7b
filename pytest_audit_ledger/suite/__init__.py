"""Suites: YAML files of checks. `load` turns one into checks, or raises a SuiteError that lists all its mistakes."""

from pytest_audit_ledger.suite.loader import Check, Suite, load

__all__ = ["Check", "Suite", "load"]
