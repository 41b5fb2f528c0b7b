"""Verify a ledger and find out what happened to it, from one snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan
from pytest_audit_ledger.investigate.investigation import Compare, Inquiry
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Assurance
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.run import VerificationRequest, can_read, verify
from pytest_audit_ledger.verify.scan import scan
from pytest_audit_ledger.verify.verification import Verification


@dataclass(frozen=True)
class Investigated:
    """A verification, and what happened to the ledger; or the error that kept this from being found out."""

    verification: Verification
    investigation: Investigation | None = None
    error: LedgerError | None = None


def verify_and_investigate(
    source: Source,
    snapshot: Snapshot,
    request: VerificationRequest,
    *,
    always: bool = False,
    entry: int | None = None,
    stream: str | None = None,
    compare: Compare | None = None,
    limit_s: float | None = None,
    progress: Progress = no_progress,
) -> Investigated:
    """Verify what an open snapshot shows and, if it is not valid or `always`, investigate it.

    `entry`: inspect the entry with this number, of this `stream` if several have it. `compare` compares with another
    copy. `limit_s`: seconds in which entries may be reconstructed, a minute if None. As many entries as the request's
    `samples` are examined one by one.
    An error of the investigation is in the result, so that the verification is never lost.
    """
    _refuse_what_does_not_apply(snapshot.info.profile, stream)
    gathering = replace(request, extra_scans=(*request.extra_scans, EvidenceScan))
    gathered = verify(source, gathering, progress=progress, shared=snapshot.share())
    verification = replace(gathered, extra_scans=())
    if gathered.is_valid and not always:
        return Investigated(verification)
    try:
        investigation = Inquiry(source, snapshot, gathered, request.samples, limit_s, progress).run(
            entry, compare, stream
        )
    except LedgerError as error:
        return Investigated(verification, error=error)
    return Investigated(verification, replace(investigation, verification=verification))


BRIEFLY_S = 5.0
"""Seconds in which entries are reconstructed without being asked to."""

BRIEFLY_ENTRIES = 1_000_000
"""Entries that are read again for that, which takes a few seconds."""


def investigate_briefly(
    source: Source, snapshot: Snapshot, verification: Verification, progress: Progress = no_progress
) -> Investigation | None:
    """Return what happened to a ledger, as far as a few seconds show it, for a document about its verification.

    None if no integrity check failed, the ledger has too many entries to read them again, or they cannot be read.
    """
    if verification.assurance is not Assurance.TAMPERED or verification.size > BRIEFLY_ENTRIES:
        return None
    info = verification.info or snapshot.info
    evidence = EvidenceScan({}, info, 0)
    try:
        if can_read(snapshot, evidence):
            kinds = scan(source, snapshot, [evidence], 1, progress, info.resumed).kinds
            gathered = replace(verification, extra_scans=tuple(one for one in kinds if not one.failure))
            found = Inquiry(source, snapshot, gathered, DEFAULT_SAMPLES, BRIEFLY_S, progress).run()
            return replace(found, verification=verification)
    except LedgerError:  # the verification stands without it
        pass
    return None


def _refuse_what_does_not_apply(profile: Profile, stream: str | None) -> None:
    if stream is not None and not profile.streams:
        raise UsageError(f"A ledger of the profile {profile.name} has one stream.", "Leave out --stream.")
