"""What an investigation returns. It imports little: the Python API and every artifact name it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_audit_ledger.investigate.incident import Advice, Incident, IncidentType
from pytest_audit_ledger.investigate.inspection import EntryInspection
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.verify.verification import Verification

_SHOWN_BY_ANOTHER = (
    IncidentType.REWRITE,
    IncidentType.TRUNCATION,
    IncidentType.UNHASHED_COLUMN,
    IncidentType.OTHER_COPY,
)


@dataclass(frozen=True, kw_only=True)
class Investigation:
    """What a verification found, and what happened, as far as the evidence shows it.

    `incidents` are in order of the ledger; those about no entry come last. Outputs list the first `samples` of each
    type. `differences` are what the other copy says of the entries that were examined, column by column. `undecided` is
    what the evidence cannot decide. `hypotheses` is how many were hashed, in at most `limit_s` seconds; `left_out` is
    how many changed entries were not examined one by one, because there were more than `samples` or the time was up.
    """

    verification: Verification
    incidents: tuple[Incident, ...]
    against: OtherCopy | None
    differences: tuple[ChangedEntry, ...]
    inspection: EntryInspection | None
    undecided: tuple[Advice, ...]
    hypotheses: int
    left_out: int
    limit_s: float
    duration_s: float
    samples: int = DEFAULT_SAMPLES

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to investigate."""
        return self.verification.is_valid and not self.incidents and (self.inspection is None or self.inspection.fits)

    @property
    def differs(self) -> bool:
        """Whether the other copy shows what the ledger itself does not."""
        return self.against is not None and any(one.what in _SHOWN_BY_ANOTHER for one in self.incidents)
