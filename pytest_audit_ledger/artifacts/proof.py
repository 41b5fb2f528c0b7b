"""How a backup is proven: it is restored, and what comes out is verified and compared, before anybody says so.

Where it cannot be restored, a lesser proof is made, and called what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any, BinaryIO

from pytest_audit_ledger.artifacts.digest import digest
from pytest_audit_ledger.artifacts.encryption import Opener, is_encrypted
from pytest_audit_ledger.artifacts.restore import Listing, listing, restored, unpack
from pytest_audit_ledger.artifacts.tally import tally
from pytest_audit_ledger.errors import LedgerError, SourceError
from pytest_audit_ledger.interruption import interruptible
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.outcome import Status
from pytest_audit_ledger.scan import Progress, no_progress
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSnapshot
from pytest_audit_ledger.sources.programs import CHUNK
from pytest_audit_ledger.suite import Check
from pytest_audit_ledger.verification import verify


class Method(str, Enum):
    """How much was done to prove a backup, from nothing to everything."""

    NONE = "none"
    CHECKSUM = "checksum"
    LISTED = "listed"
    RESTORED = "restored"


_GOOD = (Status.PASS, Status.WARN)


@dataclass(frozen=True)
class Content:
    """What a ledger holds: its tally, by the names of a manifest; its digest, and how its checks ended, if known."""

    told: Mapping[str, Any]
    digest: str = ""
    statuses: Mapping[str, Status] = field(default_factory=dict)

    def contradicted_by(self, found: Content) -> list[str]:
        """Return in words whatever is not the same in both, of what both know."""
        pairs = [(name.replace("_", " "), value, found.told[name]) for name, value in self.told.items()]
        if self.digest and found.digest:
            pairs.append(("digest over all columns", self.digest, found.digest))
        for name in sorted(self.statuses.keys() & found.statuses.keys()):
            wanted, got = self.statuses[name], found.statuses[name]
            if wanted in _GOOD and got not in _GOOD:  # on another server a complaint may go, and none may come
                pairs.append((name, wanted.value, got.value))
        return [f"{name}: expected {wanted}, got {got}" for name, wanted, got in pairs if wanted != got]


def content(snapshot: PostgresSnapshot, verification: Verification | None, progress: Progress = no_progress) -> Content:
    """Return what the ledger of a snapshot holds, all of it read. Raises SourceError."""
    return Content(tally(snapshot).told(), digest(snapshot, progress), statuses(verification))


def statuses(verification: Verification | None) -> dict[str, Status]:
    """Return how each check ended."""
    return {outcome.check_id: outcome.status for outcome in verification.outcomes} if verification else {}


@dataclass(frozen=True)
class Proof:
    """What was done to prove a backup, and what came of it.

    `server_version` and `verification` are of the restored ledger. `contradictions` say what is not as it has to be.
    """

    method: Method
    meaning: str
    server_version: str = ""
    verification: Verification | None = None
    contradictions: tuple[str, ...] = ()


NOT_PROVEN = Proof(Method.NONE, "Nothing was done to prove that the file can be restored.")


@dataclass(frozen=True)
class Prover:
    """Proves backups with these checks, on a scratch server: that of a DSN, or an embedded one where it is None."""

    checks: Sequence[Check]
    scratch: str | None = None
    timeout: int = DEFAULT_TIMEOUT_S
    progress: Progress = no_progress

    def prove(self, file: BinaryIO, opener: Opener, expected: Content, table: str) -> Proof:
        """Restore the backup that `file` is, and hold what comes out against what is expected.

        Where that cannot be done, do less.
        """
        if is_encrypted(file) and not opener:
            meaning = "It is encrypted, so it was not restored, and only its SHA-256 was compared."
            return Proof(Method.CHECKSUM, f"{meaning} Give the private key with --identity, or the passphrase.")
        try:
            return self._restored(file, opener, expected, table)
        except LedgerError as error:
            return _lesser(file, opener, str(error))

    def _restored(self, file: BinaryIO, opener: Opener, expected: Content, table: str) -> Proof:
        options: Any = {"scratch": self.scratch, "timeout": self.timeout, "progress": self.progress}
        with restored(file, opener, table=table, **options) as source, source.snapshot() as snapshot:
            verification = verify(source, self.checks, shared=snapshot.share(), progress=self.progress)
            found = content(snapshot, verification, self.progress)
            version = snapshot.info.server_version
        wrong = tuple(expected.contradicted_by(found))
        meaning = f"It was restored into PostgreSQL {version} and verified there"
        if wrong:
            return Proof(Method.RESTORED, f"{meaning}, and is not what it should be.", version, verification, wrong)
        noun = "entry" if found.told["entries"] == 1 else "entries"
        what = "head hash, range and digest over all columns" if expected.digest else "head hash and range"
        meaning = f"{meaning}: {found.told['entries']:,} {noun}, the same {what}."
        return Proof(Method.RESTORED, meaning, version, verification)


def _lesser(file: BinaryIO, opener: Opener, reason: str) -> Proof:
    """Read the backup to its end, and say what that shows."""
    with ExitStack() as resources:
        found = Listing(lambda: resources.enter_context(listing()))
        try:
            interruptible(lambda: unpack(file, opener, found), found.stop)
        except LedgerError as error:
            return Proof(Method.NONE, f"It was not restored. {reason}", contradictions=(error.message.rstrip("."),))
    done = "pg_restore --list read its list of contents" if found.custom else "it was read to its end"
    return Proof(Method.LISTED, f"It was not restored; {done}, which says nothing about the entries. {reason}")


def checksum(file: BinaryIO) -> str:
    """Return the SHA-256 of a file. Raises SourceError where it cannot be read."""
    found = sha256()
    file.seek(0)
    try:
        while block := file.read(CHUNK):
            found.update(block)
    except OSError as error:
        raise SourceError(f"The backup cannot be read: {error.strerror}.", "Check its permissions.") from None
    return found.hexdigest()
