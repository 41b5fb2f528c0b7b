"""The kind envelope_consistency: an envelope agrees with its entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.provenance import ProvenanceScanKind, shown
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.outcome import Finding, Sides


class EnvelopeConsistency(ProvenanceScanKind):
    """The envelope's verdict, reasoning and verifier status are those of its entry. No parameters."""

    name = "envelope_consistency"
    rule = "Every envelope has the same verdict, reasoning and verifier status as its entry."
    remedy = (
        "Compare the entries shown, and their envelopes, with the latest backup or export. If entry_hash reports "
        "nothing there, the entry still has the verdict and reasoning that were written. If only envelope_hash reports "
        "nothing, the envelope may still have them."
    )
    columns = ("envelope_json", "verdict", "reasoning", "verifier_status")
    sides: ClassVar[Mapping[str, Sides]] = {"ENVELOPE_INCONSISTENT": ("entry", "envelope")}

    def feed(self, batch: Batch) -> None:
        """Compare every envelope with its entry."""
        columns = [batch.values(name) for name in self.columns[1:]]
        rows = zip(batch.sequence_numbers, batch.documents("envelope_json"), *columns, strict=True)
        for number, envelope, verdict, reasoning, status in rows:
            if envelope is None:
                if status is not None:
                    message = "the entry has a verifier_status, but no envelope"
                    self._add(message, number, f"verifier_status {status}", "no envelope")
                continue
            self.carriers += 1
            if envelope.problem:
                message = f"the envelope cannot be compared: {envelope.problem}"
                self._add(message, number, f"verdict {shown(verdict)}", "no verdict")
            own, repeated = (verdict, reasoning, status), _repeated(envelope.value)
            if envelope.problem or repeated == own:
                continue
            for field, value, of_entry in zip(_REPEATED, repeated, own, strict=True):
                if value != of_entry:
                    message = f"the envelope's {field} differs from the entry's"
                    self._add(message, number, f"{field} {shown(of_entry)}", f"{field} {shown(value)}")

    def _add(self, message: str, number: int | None, entry: str, envelope: str) -> None:
        self.findings.add(Finding("ENVELOPE_INCONSISTENT", message, number, entry, envelope))


_REPEATED = ("verdict", "reasoning", "verifier_result.status")


def _repeated(envelope: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Return the fields of an envelope that repeat a value of its entry."""
    result = envelope.get("verifier_result")
    status = result.get("status") if isinstance(result, dict) else result
    return envelope.get("verdict"), envelope.get("reasoning"), status
