"""The kind envelope_hash: every envelope matches its stored hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pytest_audit_ledger.kinds.provenance import COMPARE, ProvenanceScanKind, not_rederivable, shown
from pytest_audit_ledger.model.batch import NULL, Batch, plain_text
from pytest_audit_ledger.model.jsonb import Derived, JsonDocument
from pytest_audit_ledger.model.outcome import RECOMPUTED, Finding, Sides


class EnvelopeHash(ProvenanceScanKind):
    """The hash recomputed from every envelope is the one stored with it. No parameters."""

    name = "envelope_hash"
    rule = "Every envelope_hash is the SHA-256 of the canonical JSON of the entry's envelope_json."
    remedy = COMPARE
    remedies: ClassVar[Mapping[str, str]] = {
        "ENVELOPE_NOT_REDERIVABLE": "Compare the envelopes shown with the writer's own copy."
    }
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
                message = "the entry has an envelope_hash, but no envelope"
                actual = shown(plain_text(stored))
                self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, "no envelope", actual))

    def _compare(self, number: int | None, envelope: JsonDocument, stored: str | None) -> None:
        derived, likely = envelope.derive(stored)
        if envelope.problem:
            message = f"the envelope cannot be hashed: {envelope.problem}"
            self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, "no hash exists", shown(stored)))
        elif derived is Derived.DIFFERS:
            message = "the envelope does not match its stored hash"
            self.findings.add(Finding("ENVELOPE_HASH_MISMATCH", message, number, likely, shown(stored)))
        elif derived is Derived.UNDECIDED:
            self.findings.add(not_rederivable("ENVELOPE_NOT_REDERIVABLE", "the envelope", number, likely, stored))

    def close(self) -> None:
        """Report the number of envelopes."""
        super().close()
        self.facts["envelopes"] = f"{self.carriers:,}"
