"""Suites: from a YAML file to checks."""

from pytest_audit_ledger.suite.check import Check, Control, Suite, SuiteSource
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.suite.shipped import checks_of, default_suites, shipped_suites

__all__ = ["Check", "Control", "Suite", "SuiteSource", "checks_of", "default_suites", "load", "shipped_suites"]
