"""Outcomes and verifications in words, for a terminal, a log or a JUnit file. Nothing here judges.

What comes from the ledger or the catalogue is hostile until it went through `printable`.
"""

from pytest_audit_ledger.rendering.outcomes import VALUE, describe, facts, table
from pytest_audit_ledger.rendering.summary import ASCII, UNICODE, Marks, findings, full_report, tree

__all__ = ["ASCII", "UNICODE", "VALUE", "Marks", "describe", "facts", "findings", "full_report", "table", "tree"]
