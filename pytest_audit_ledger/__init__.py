"""pytest-audit-ledger: proves that a hash-chained audit ledger in PostgreSQL has not been tampered with.

This is the public face: what a kind of your own needs (see `kinds/base.py`), and the entry's hash.
"""

from pytest_audit_ledger.entry import GENESIS_HASH, Batch, Entry, canonical_payload, entry_hash
from pytest_audit_ledger.kinds.base import Catalogue, Fold, Guard
from pytest_audit_ledger.outcome import Assurance, Finding, Outcome, Severity, Status

__all__ = [
    "GENESIS_HASH",
    "Assurance",
    "Batch",
    "Catalogue",
    "Entry",
    "Finding",
    "Fold",
    "Guard",
    "Outcome",
    "Severity",
    "Status",
    "canonical_payload",
    "entry_hash",
]
