"""pytest-audit-ledger: proves that a hash-chained audit ledger in PostgreSQL has not been tampered with.

This is the public face: a ledger to verify, to report on, to export and to back up (`ledger.py`), two to compare
(`comparison.py`), the drill (`drill/api.py`), what a kind, an artifact or an attack of your own needs (`kinds/base.py`,
`kinds/data.py`, `attacks/base.py`, `hookspecs.py`), the entry's hash, and whatever is raised (`errors.py`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_audit_ledger.artifacts.backup import BackupResult
    from pytest_audit_ledger.artifacts.backup_file import BackupVerification
    from pytest_audit_ledger.artifacts.base import Artifact, Verified
    from pytest_audit_ledger.artifacts.checkpoint import CheckpointResult
    from pytest_audit_ledger.artifacts.difference import Difference
    from pytest_audit_ledger.artifacts.export import ExportResult
    from pytest_audit_ledger.artifacts.files import Written, whole_files
    from pytest_audit_ledger.artifacts.report import Report
    from pytest_audit_ledger.attacks.base import Attack, Claim, Prevented, Target, attack
    from pytest_audit_ledger.comparison import diff, verify_backup
    from pytest_audit_ledger.drill.api import run_drill
    from pytest_audit_ledger.drill.matrix import Matrix, Trial, Verdict
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
    from pytest_audit_ledger.forensics.incident import Certainty, Incident, What
    from pytest_audit_ledger.forensics.investigation import Investigation
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
    "Attack",
    "BackupResult",
    "BackupVerification",
    "Batch",
    "CannotEvaluate",
    "Catalogue",
    "Certainty",
    "CheckpointResult",
    "Claim",
    "DataKind",
    "Difference",
    "Entry",
    "EntryProof",
    "ExportResult",
    "Finding",
    "Fold",
    "Guard",
    "Incident",
    "Investigation",
    "Ledger",
    "LedgerError",
    "Matrix",
    "NotApplicable",
    "Outcome",
    "OutputError",
    "Prevented",
    "Queries",
    "Query",
    "RegistrationError",
    "Report",
    "RowKind",
    "Rows",
    "Severity",
    "SourceError",
    "Statement",
    "Status",
    "SuiteError",
    "Survey",
    "Target",
    "Trial",
    "UsageError",
    "Verdict",
    "Verification",
    "Verified",
    "What",
    "Written",
    "attack",
    "canonical_payload",
    "diff",
    "entry_hash",
    "run_drill",
    "verify_backup",
    "whole_files",
]

_HOMES = (
    *("entry", "errors", "outcome", "kinds.base", "kinds.data", "judgement", "ledger"),
    *("forensics.incident", "forensics.investigation"),
    *("artifacts.files", "artifacts.base", "artifacts.export", "artifacts.checkpoint", "artifacts.entry_proof"),
    *("artifacts.backup", "artifacts.backup_file", "artifacts.difference"),
    *("artifacts.report", "comparison", "attacks.base", "drill.matrix", "drill.api"),
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
