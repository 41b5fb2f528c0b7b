"""What comes of making a checkpoint, and of proving an entry."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_audit_ledger.checkpoints.store import Trusted
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True, kw_only=True)
class CheckpointResult:
    """What came of making a checkpoint.

    `path` is the checkpoint of the ledger's size, empty if the verification forbade one. `files` are the files that
    were written, none if the checkpoint existed before.
    """

    verification: Verification
    path: str
    files: tuple[Written, ...]


@dataclass(frozen=True, kw_only=True)
class EntryProof:
    """What came of proving an entry.

    `file` is None if the entries do not lead to the root that `checkpoint` signs: then nothing is proven, and no file
    was written.
    """

    checkpoint: Trusted
    file: Written | None
