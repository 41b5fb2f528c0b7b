"""What a backup must contain, how that was proven, and the result (see `prover.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, BinaryIO

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.reading import sha256_of
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.verify.verification import Verification


class Method(str, Enum):
    """How a backup was proven, from nothing to everything."""

    NONE = "none"
    CHECKSUM = "checksum"
    LISTED = "listed"
    RESTORED = "restored"


_GOOD = (Status.PASS, Status.WARN)


@dataclass(frozen=True)
class Content:
    """What a ledger contains: the manifest's fields about its entries; its digest and statuses of checks, if known."""

    entries: Mapping[str, Any]
    digest: str = ""
    statuses: Mapping[str, Status] = field(default_factory=dict)

    def contradicted_by(self, found: Content) -> list[str]:
        """Return in words what differs, of what both know."""
        pairs = [(name.replace("_", " "), value, found.entries[name]) for name, value in self.entries.items()]
        if self.digest and found.digest:
            pairs.append(("digest over all columns", self.digest, found.digest))
        for name in sorted(self.statuses.keys() & found.statuses.keys()):
            wanted, got = self.statuses[name], found.statuses[name]
            if wanted in _GOOD and got not in _GOOD:  # on another server a failure may disappear, but none may appear
                pairs.append((name, wanted.value, got.value))
        return [f"{name}: expected {wanted}, got {got}" for name, wanted, got in pairs if wanted != got]


def statuses(verification: Verification | None) -> dict[str, Status]:
    """Return the status of each check, by its id."""
    return {outcome.check_id: outcome.status for outcome in verification.outcomes} if verification else {}


@dataclass(frozen=True, kw_only=True)
class BackupProof:
    """How a backup was proven, and the result.

    If `meaning` ends with what to do, that is also `advice`. `server_version` and `verification` are of the restored
    ledger. `contradictions` say what differs from the manifest.
    """

    method: Method
    meaning: str
    server_version: str = ""
    verification: Verification | None = None
    contradictions: tuple[str, ...] = ()
    advice: str = ""


NOT_PROVEN = BackupProof(method=Method.NONE, meaning="It was not tested whether the file can be restored.")


def checksum(file: BinaryIO) -> str:
    """Return the SHA-256 of a file. Raises SourceError if it cannot be read."""
    file.seek(0)
    try:
        return sha256_of(file)
    except OSError as error:
        raise SourceError(f"The backup cannot be read: {error.strerror}.", "Check its permissions.") from error
