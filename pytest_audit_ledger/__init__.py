"""Detects tampering in hash-chained audit ledgers.

Here are the names that an application needs: a ledger to verify, investigate, report on, export and back up; results;
errors. Other audiences have a module each:

    pytest_audit_ledger.kinds      to write a kind of check
    pytest_audit_ledger.artifacts  to write a file when a run ends
    pytest_audit_ledger.attacks    to add an attack to the drill
    pytest_audit_ledger.types      every other type in a public signature, for annotations
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_audit_ledger.anchor.results import CheckpointResult, EntryProof
    from pytest_audit_ledger.backup.creation import BackupResult
    from pytest_audit_ledger.backup.verification import BackupVerification, verify_backup
    from pytest_audit_ledger.differences.comparison import diff
    from pytest_audit_ledger.drill.matrix import Matrix
    from pytest_audit_ledger.drill.run_drill import run_drill
    from pytest_audit_ledger.errors import LedgerError, OutputError, ProfileError, SourceError, SuiteError, UsageError
    from pytest_audit_ledger.export.export import ExportResult
    from pytest_audit_ledger.investigate.incident import Incident
    from pytest_audit_ledger.investigate.results import Investigation
    from pytest_audit_ledger.ledger import Ledger
    from pytest_audit_ledger.model.difference import Difference
    from pytest_audit_ledger.model.entry import Entry, entry_hash
    from pytest_audit_ledger.model.outcome import Assurance, Finding, Outcome, Severity, Status
    from pytest_audit_ledger.report import Report
    from pytest_audit_ledger.sources.dsn import Dsn
    from pytest_audit_ledger.verify.verification import Verification

__all__ = [
    "Assurance",
    "BackupResult",
    "BackupVerification",
    "CheckpointResult",
    "Difference",
    "Dsn",
    "Entry",
    "EntryProof",
    "ExportResult",
    "Finding",
    "Incident",
    "Investigation",
    "Ledger",
    "LedgerError",
    "Matrix",
    "Outcome",
    "OutputError",
    "ProfileError",
    "Report",
    "Severity",
    "SourceError",
    "Status",
    "SuiteError",
    "UsageError",
    "Verification",
    "diff",
    "entry_hash",
    "run_drill",
    "verify_backup",
]

_HOMES = (
    *("errors", "model.entry", "model.outcome", "sources.dsn", "verify.verification", "investigate.incident"),
    *("export.export", "backup.creation", "anchor.results", "report.report", "differences.difference"),
    *("investigate.results", "ledger", "drill.matrix", "backup.verification"),
    *("differences.comparison", "drill.run_drill"),
)
"""Where the names live, modules that import little first."""


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # a type checker would take any name to exist

    def __getattr__(name: str) -> object:
        """Import only what is asked for: pytest imports this package in every run, also without a ledger."""
        if name in __all__:
            for home in _HOMES:
                module = import_module(f"{__name__}.{home}")
                if name in vars(module):
                    return vars(module)[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
