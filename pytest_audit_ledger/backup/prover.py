"""Prove a backup: restore it, then verify and compare the restored ledger.

If it cannot be restored, a lesser proof is made, and named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO

from pytest_audit_ledger.backup.digest import digest
from pytest_audit_ledger.backup.encryption import Opener, is_encrypted
from pytest_audit_ledger.backup.proof import BackupProof, Content, Method, statuses
from pytest_audit_ledger.backup.restore import Listing, listing, restored, unpack
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.export.manifest import tally
from pytest_audit_ledger.kinds.run_parameters import RunParameters
from pytest_audit_ledger.model.defaults import STANDBY_TOLERANCE
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.server import EMBEDDED, Scratch
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import PostgresSnapshot
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.verify.run import VerificationRequest, parse_standby_tolerance, verify
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class Prover:
    """Proves backups with these checks on a scratch server."""

    checks: Sequence[Check]
    scratch: Scratch = EMBEDDED
    progress: Progress = no_progress
    run_parameters: RunParameters = field(default_factory=dict)
    standby_tolerance_s: float = parse_standby_tolerance(STANDBY_TOLERANCE)

    def verify(self, source: Source, snapshot: Snapshot) -> Verification:
        """Verify the ledger of an open snapshot with these checks."""
        request = VerificationRequest(
            checks=self.checks, run_parameters=self.run_parameters, standby_tolerance_s=self.standby_tolerance_s
        )
        return verify(source, request, shared=snapshot.share(), progress=self.progress)

    def content(self, snapshot: PostgresSnapshot, verification: Verification | None) -> Content:
        """Return what the ledger of a snapshot contains; reads all of it. Raises SourceError."""
        return Content(tally(snapshot).fields(), digest(snapshot, self.progress), statuses(verification))

    def prove(
        self, file: BinaryIO, opener: Opener, expected: Content, table: str, profile: Profile = SKI
    ) -> BackupProof:
        """Restore a backup, and compare the restored ledger with what is expected; if that is impossible, do less."""
        if is_encrypted(file) and not opener:
            meaning = "It is encrypted, so it was not restored; only its SHA-256 was compared."
            advice = "Give the private key (--identity) or the passphrase (--encryption-key)."
            return BackupProof(method=Method.CHECKSUM, meaning=f"{meaning} {advice}", advice=advice)
        try:
            return self._restored(file, opener, expected, table, profile)
        except LedgerError as error:
            return _lesser(file, opener, error)

    def _restored(self, file: BinaryIO, opener: Opener, expected: Content, table: str, profile: Profile) -> BackupProof:
        restoring = restored(file, opener, scratch=self.scratch, table=table, profile=profile, progress=self.progress)
        with restoring as source, source.snapshot() as snapshot:
            verification = self.verify(source, snapshot)
            found = self.content(snapshot, verification)
            version = snapshot.info.server_version
        wrong = tuple(expected.contradicted_by(found))
        meaning = f"It was restored into PostgreSQL {version} and verified there"
        if wrong:
            return BackupProof(
                method=Method.RESTORED,
                meaning=f"{meaning}, but it differs from its manifest.",
                server_version=version,
                verification=verification,
                contradictions=wrong,
            )
        count = found.entries["entries"]
        what = "head hash, range and digest over all columns" if expected.digest else "head hash and range"
        meaning = f"{meaning}: {count:,} {'entry' if count == 1 else 'entries'} with the same {what}."
        return BackupProof(method=Method.RESTORED, meaning=meaning, server_version=version, verification=verification)


def _lesser(file: BinaryIO, opener: Opener, reason: LedgerError) -> BackupProof:
    """Read the backup to its end, and return what that shows."""
    with ExitStack() as resources:
        found = Listing(lambda: resources.enter_context(listing()))
        try:
            interruptible(lambda: unpack(file, opener, found), found.stop)
        except LedgerError as error:
            wrong = (error.message.rstrip("."),)
            return BackupProof(
                method=Method.NONE,
                meaning=f"It could not be restored. {reason}",
                contradictions=wrong,
                advice=reason.remedy,
            )
    done = "pg_restore could list its contents" if found.custom else "it could be read to its end"
    meaning = f"It could not be restored; {done}, which proves nothing about the entries. {reason}"
    return BackupProof(method=Method.LISTED, meaning=meaning, advice=reason.remedy)
