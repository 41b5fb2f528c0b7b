"""Suites: from a YAML file to checks."""

from pytest_audit_ledger.suite.loader import Check, Suite, default_suites, load

__all__ = ["Check", "Suite", "default_suites", "load"]
