"""pytest-audit-ledger: proves that a hash-chained audit ledger in PostgreSQL has not been tampered with.

This is the public face: a ledger to verify and to export (`ledger.py`), what a kind or an artifact of your own needs
(`kinds/base.py`, `kinds/data.py`, `hookspecs.py`), the entry's hash, and everything that is raised (`errors.py`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_audit_ledger.artifacts.base import Artifact, Verified
    from pytest_audit_ledger.artifacts.checkpoint import CheckpointResult
    from pytest_audit_ledger.artifacts.export import ExportResult
    from pytest_audit_ledger.artifacts.files import Written, whole_files
    from pytest_audit_ledger.entry import GENESIS_HASH, Batch, Entry, canonical_payload, entry_hash
    from pytest_audit_ledger.errors import (
        CannotEvaluate,
        LedgerError,
        NotApplicable,
        OutputError,
        RegistrationError,
        SourceError,
        SuiteError,
        UsageError,
    )
    from pytest_audit_ledger.judgement import Survey, Verification
    from pytest_audit_ledger.kinds.base import Catalogue, Fold, Guard, Queries, Query, Rows, Statement
    from pytest_audit_ledger.kinds.data import DataKind, RowKind
    from pytest_audit_ledger.ledger import Ledger
    from pytest_audit_ledger.outcome import Anchor, Assurance, Finding, Outcome, Severity, Status

__all__ = [
    "GENESIS_HASH",
    "Anchor",
    "Artifact",
    "Assurance",
    "Batch",
    "CannotEvaluate",
    "Catalogue",
    "CheckpointResult",
    "DataKind",
    "Entry",
    "ExportResult",
    "Finding",
    "Fold",
    "Guard",
    "Ledger",
    "LedgerError",
    "NotApplicable",
    "Outcome",
    "OutputError",
    "ProofResult",
    "Queries",
    "Query",
    "RegistrationError",
    "RowKind",
    "Rows",
    "Severity",
    "SourceError",
    "Statement",
    "Status",
    "SuiteError",
    "Survey",
    "UsageError",
    "Verification",
    "Verified",
    "Written",
    "canonical_payload",
    "entry_hash",
    "whole_files",
]

_HOMES = (
    *("entry", "errors", "outcome", "kinds.base", "kinds.data", "judgement"),
    *("artifacts.files", "artifacts.base", "artifacts.export", "artifacts.checkpoint", "artifacts.proof", "ledger"),
)
"""Where the names live, those that import little first."""


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: pytest imports this package in every run, also where nobody uses it."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"{__name__}.{home}")
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
