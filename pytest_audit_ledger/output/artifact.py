"""What an artifact is: something that a run writes when its checks are done, whether they passed or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.investigate.investigation import Investigation


@dataclass(frozen=True)
class ArtifactContext:
    """What an artifact is made from: a verification, and the very snapshot that it read, still open.

    `written` are the files that were written before it, `investigation` what happened, where that was asked for.
    """

    verification: Verification
    source: Source
    snapshot: Snapshot
    progress: Progress
    written: tuple[Written, ...] = ()
    investigation: Investigation | None = None


class Artifact(ABC):
    """Something that a run leaves behind; offered through the hook `pytest_ledger_artifacts`."""

    needs_junit: ClassVar[bool] = False
    """Whether it can be written only when pytest has written its JUnit file."""

    @abstractmethod
    def write(self, verified: ArtifactContext) -> Iterable[Written]:
        """Write it, whole or not at all (see `files.whole_files`), and return the files.

        Raises LedgerError with one sentence where that cannot be done; the run then fails.
        """
