"""The kind envelope_hash, and what the kinds have in common that read what schema v3 keeps next to an entry.

The entry hash covers neither an envelope nor its hash. An envelope that was edited shows here; one that was edited
together with its hash shows only where it no longer says what the entry says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import NULL, Batch, plain_text
from pytest_audit_ledger.model.jsonb import Derived, JsonDocument
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import RECOMPUTED, Family, Finding, Severity, Sides


class ProvenanceScanKind(ScanKind):
    """A fold over columns that only schema v3 has; not applicable to an older one."""

    family: ClassVar[Family] = Family.PROVENANCE
    integrity: ClassVar[bool] = True

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        if ledger.columns and ledger.schema_version != "3":
            raise NotApplicable("It has none of the columns that schema v3 added.")
        super().__init__(parameters, ledger, samples)
        self.carriers = 0
        """Entries that have what this fold examines."""

    def merge(self, later: Any) -> None:
        """Add up the carriers, too."""
        super().merge(later)
        self.carriers += later.carriers


class EnvelopeHash(ProvenanceScanKind):
    """The hash recomputed from every envelope is the one stored beside it. No parameters."""

    name = "envelope_hash"
    rule = "Every envelope_hash is the SHA-256 of the canonical JSON of the envelope beside it."
    remedy = (
        "The envelopes shown, or their hashes, were changed after they were written. The entry hash does not cover "
        "them: compare these entries with the latest backup or export."
    )
    columns = ("envelope_json", "envelope_hash")
    sides: ClassVar[Mapping[str, Sides]] = {
        "ENVELOPE_HASH_MISMATCH": RECOMPUTED,
        "ENVELOPE_NOT_REDERIVABLE": RECOMPUTED,
    }

    def feed(self, batch: Batch) -> None:
        """Recompute the hash of every envelope."""
        rows = zip(batch.sequence_numbers, batch.documents("envelope_json"), batch.text("envelope_hash"), strict=True)
        for number, envelope, stored in rows:
            if envelope is not None:
                self.carriers += 1
                self._compare(number, envelope, plain_text(stored))
            elif stored != NULL:
                message = "there is the hash of an envelope, and no envelope"
                beside = shown(plain_text(stored))
                self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, "no envelope", beside))

    def _compare(self, number: int | None, envelope: JsonDocument, stored: str | None) -> None:
        derived, likely = envelope.derive(stored)
        if envelope.problem:
            message = f"the envelope has no hash: {envelope.problem}"
            self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, "no hash exists", shown(stored)))
        elif derived is Derived.DIFFERS:
            message = "the envelope does not hash to the envelope_hash stored with it"
            self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, likely, shown(stored)))
        elif derived is Derived.UNDECIDED:
            self.findings.add(not_rederivable("ENVELOPE_NOT_REDERIVABLE", "the envelope", number, likely, stored))

    def close(self) -> None:
        """Say how many there were, or that there were none."""
        close_without(self, "an envelope")
        self.facts["envelopes"] = f"{self.carriers:,}"


def close_without(fold: ProvenanceScanKind, what: str) -> None:
    """Raise NotApplicable where no entry has what the fold examines, and nothing else was found."""
    if fold.element_count and not fold.carriers and not fold.findings.counts:
        raise NotApplicable(f"No entry carries {what}.")


def not_rederivable(code: str, what: str, number: int | None, likely: str, stored: str | None) -> Finding:
    """Return what is told of a document whose hash JSONB can no longer give: a warning, and no tampering."""
    message = (
        f"whether {what} was changed cannot be told: JSONB has changed too many of its numbers to try every way in "
        "which they can have been written"
    )
    return Finding(code, message, number, likely, shown(stored), Severity.WARNING)


def shown(value: Any) -> str:
    """Return a value of a document as a person reads it, a missing one as NULL."""
    return "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
