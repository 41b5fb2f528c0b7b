"""How a backup is proven: it is restored, and what comes out is verified and compared, before anybody says so.

Where it cannot be restored, a lesser proof is made, and called what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

from pytest_audit_ledger.backup.digest import digest
from pytest_audit_ledger.backup.encryption import Opener, is_encrypted
from pytest_audit_ledger.backup.proof import BackupProof, Content, Method, statuses
from pytest_audit_ledger.backup.restore import Listing, listing, restored, unpack
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.export.tally import tally
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSnapshot
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class Prover:
    """Proves backups with these checks, on a scratch server: that of a DSN, or an embedded one where it is None."""

    checks: Sequence[Check]
    scratch: str | None = None
    timeout: int = DEFAULT_TIMEOUT_S
    progress: Progress = no_progress

    def verify(self, source: Source, snapshot: Snapshot) -> Verification:
        """Verify a ledger, as it is in a snapshot that is open, with these checks."""
        return verify(source, VerificationRequest(checks=self.checks), shared=snapshot.share(), progress=self.progress)

    def content(self, snapshot: PostgresSnapshot, verification: Verification | None) -> Content:
        """Return what the ledger of a snapshot holds, all of it read. Raises SourceError."""
        return Content(tally(snapshot).told(), digest(snapshot, self.progress), statuses(verification))

    def prove(self, file: BinaryIO, opener: Opener, expected: Content, table: str) -> BackupProof:
        """Restore the backup that `file` is, and hold what comes out against what is expected.

        Where that cannot be done, do less.
        """
        if is_encrypted(file) and not opener:
            meaning = "It is encrypted, so it was not restored, and only its SHA-256 was compared."
            return BackupProof(Method.CHECKSUM, f"{meaning} Give the private key with --identity, or the passphrase.")
        try:
            return self._restored(file, opener, expected, table)
        except LedgerError as error:
            return _lesser(file, opener, error)

    def _restored(self, file: BinaryIO, opener: Opener, expected: Content, table: str) -> BackupProof:
        options: Any = {"scratch": self.scratch, "timeout": self.timeout, "progress": self.progress}
        with restored(file, opener, table=table, **options) as source, source.snapshot() as snapshot:
            verification = self.verify(source, snapshot)
            found = self.content(snapshot, verification)
            version = snapshot.info.server_version
        wrong = tuple(expected.contradicted_by(found))
        meaning = f"It was restored into PostgreSQL {version} and verified there"
        if wrong:
            return BackupProof(
                Method.RESTORED, f"{meaning}, and is not what it should be.", version, verification, wrong
            )
        noun = "entry" if found.told["entries"] == 1 else "entries"
        what = "head hash, range and digest over all columns" if expected.digest else "head hash and range"
        meaning = f"{meaning}: {found.told['entries']:,} {noun}, the same {what}."
        return BackupProof(Method.RESTORED, meaning, version, verification)


def _lesser(file: BinaryIO, opener: Opener, reason: LedgerError) -> BackupProof:
    """Read the backup to its end, and say what that shows."""
    with ExitStack() as resources:
        found = Listing(lambda: resources.enter_context(listing()))
        try:
            interruptible(lambda: unpack(file, opener, found), found.stop)
        except LedgerError as error:
            wrong = (error.message.rstrip("."),)
            return BackupProof(
                Method.NONE, f"It was not restored. {reason}", contradictions=wrong, advice=reason.remedy
            )
    done = "pg_restore --list read its list of contents" if found.custom else "it was read to its end"
    meaning = f"It was not restored; {done}, which says nothing about the entries. {reason}"
    return BackupProof(Method.LISTED, meaning, advice=reason.remedy)
