"""Define artifacts: files that a run writes after its checks, whether they passed or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class ArtifactContext:
    """What an artifact is made from: a verification, and the snapshot that it read, which is still open.

    `written` are the files that artifacts before this one wrote; `investigation` is None unless it was requested.
    """

    verification: Verification
    source: Source
    snapshot: Snapshot
    progress: Progress
    written: tuple[Written, ...] = ()
    investigation: Investigation | None = None


class Artifact(ABC):
    """Something that a run writes; plugins add theirs through the hook `pytest_ledger_artifacts`."""

    needs_junit: ClassVar[bool] = False
    """Whether it can be written only after pytest wrote its JUnit file."""

    @abstractmethod
    def write(self, verified: ArtifactContext) -> Iterable[Written]:
        """Write it, completely or not at all (see `whole_files`), and return the files.

        Raises LedgerError with one sentence if it cannot be written; the run then fails.
        """
