"""What an author of kinds needs: `kinds/kind.py` explains kinds, `hookspecs.py` how to register one.

    from pytest_audit_ledger.kinds import Batch, Finding, ScanKind

The shipped kinds are in this room, each in the file of its name; what several of them share is beside them.
"""

from pytest_audit_ledger.errors import CannotEvaluate, NotApplicable, UsageError
from pytest_audit_ledger.kinds.data_kind import DataKind, RowKind, ValueKind
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, PairwiseScanKind, QueryKind, ScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, canonical_payload, entry_hash
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Finding, Findings, Severity
from pytest_audit_ledger.model.questions import Attempt, Catalog, Queries, Rows, Statement

__all__ = [
    "GENESIS_HASH",
    "Attempt",
    "Batch",
    "CannotEvaluate",
    "Catalog",
    "CatalogKind",
    "DataKind",
    "Entry",
    "Finding",
    "Findings",
    "Kind",
    "LedgerInfo",
    "NotApplicable",
    "PairwiseScanKind",
    "Queries",
    "QueryKind",
    "RowKind",
    "Rows",
    "ScanKind",
    "Severity",
    "Statement",
    "UsageError",
    "ValueKind",
    "canonical_payload",
    "entry_hash",
]
