"""pytest-audit-ledger: proves that a hash-chained audit ledger in PostgreSQL has not been tampered with.

This is the public face: a ledger to verify, to report on, to export and to back up (`ledger.py`), two to compare
(`diff/comparison.py`), the drill (`drill/run_drill.py`), what a kind, an artifact or an attack of your own needs
(`kinds/kind.py`, `kinds/data_kind.py`, `drill/attacks/attack.py`, `hookspecs.py`), the entry's hash, and whatever is
raised (`errors.py`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_audit_ledger.anchor.creation import CheckpointResult
    from pytest_audit_ledger.backup.creation import BackupResult
    from pytest_audit_ledger.backup.verification import BackupVerification, verify_backup
    from pytest_audit_ledger.differences.comparison import diff
    from pytest_audit_ledger.differences.difference import Difference
    from pytest_audit_ledger.drill.attacks.attack import Attack, Claim, Prevented, Target, attack
    from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Trial
    from pytest_audit_ledger.drill.run_drill import run_drill
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
    from pytest_audit_ledger.export.export import ExportResult
    from pytest_audit_ledger.files.writing import Written, whole_files
    from pytest_audit_ledger.investigate.incident import Certainty, Incident, IncidentType
    from pytest_audit_ledger.investigate.investigation import Investigation
    from pytest_audit_ledger.kinds.data_kind import DataKind, RowKind
    from pytest_audit_ledger.kinds.kind import CatalogKind, QueryKind, ScanKind
    from pytest_audit_ledger.ledger import Ledger
    from pytest_audit_ledger.model.batch import Batch
    from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, canonical_payload, entry_hash
    from pytest_audit_ledger.model.outcome import Anchor, Assurance, Finding, Outcome, Severity, Status
    from pytest_audit_ledger.model.questions import Catalog, Queries, Rows, Statement
    from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
    from pytest_audit_ledger.report import Report
    from pytest_audit_ledger.verify.verification import Survey, Verification

__all__ = [
    "GENESIS_HASH",
    "Anchor",
    "Artifact",
    "ArtifactContext",
    "Assurance",
    "Attack",
    "AttackResult",
    "BackupResult",
    "BackupVerification",
    "Batch",
    "CannotEvaluate",
    "Catalog",
    "CatalogKind",
    "Certainty",
    "CheckpointResult",
    "Claim",
    "DataKind",
    "Difference",
    "Entry",
    "EntryProof",
    "ExportResult",
    "Finding",
    "Incident",
    "IncidentType",
    "Investigation",
    "Ledger",
    "LedgerError",
    "Matrix",
    "NotApplicable",
    "Outcome",
    "OutputError",
    "Prevented",
    "Queries",
    "QueryKind",
    "RegistrationError",
    "Report",
    "RowKind",
    "Rows",
    "ScanKind",
    "Severity",
    "SourceError",
    "Statement",
    "Status",
    "SuiteError",
    "Survey",
    "Target",
    "Trial",
    "UsageError",
    "Verification",
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
    *("model.entry", "model.batch", "errors", "model.outcome", "model.questions", "kinds.kind", "kinds.data_kind"),
    *("verify.verification", "ledger", "investigate.incident", "investigate.investigation"),
    *("files.writing", "output.artifact", "export.export", "anchor.creation", "anchor.entry_proof"),
    *("backup.creation", "backup.verification", "differences.difference", "differences.comparison", "report.report"),
    *("drill.attacks.attack", "drill.matrix", "drill.run_drill"),
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
