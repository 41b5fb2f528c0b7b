"""The command `audit-ledger`; `python -m pytest_audit_ledger` is the same."""

from pytest_audit_ledger.cli.main import main

__all__ = ["main"]
