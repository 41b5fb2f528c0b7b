"""Suites: from a YAML file to checks."""

from pytest_audit_ledger.suite.check import Check, Control, Suite, SuiteFile
from pytest_audit_ledger.suite.loader import load
from pytest_audit_ledger.suite.shipped import default_suites

__all__ = ["Check", "Control", "Suite", "SuiteFile", "default_suites", "load"]
