"""The kind envelope_consistency: an envelope says what its entry says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.envelope_hash import ProvenanceScanKind, close_without, shown
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.outcome import Finding, Sides


class EnvelopeConsistency(ProvenanceScanKind):
    """The envelope's verdict, reasoning and verifier status are those of its entry. No parameters."""

    name = "envelope_consistency"
    rule = "Every envelope gives the verdict, the reasoning and the verifier status that its entry gives."
    remedy = (
        "An envelope shown was changed or exchanged after it was written, or its entry or the verifier_status beside "
        "it was changed. Where entry_hash passes, the entry's verdict and reasoning are as they were written; where it "
        "fails and envelope_hash passes, the envelope may say what the entry said."
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
                    message = "there is the verifier_status of an envelope, and no envelope"
                    self._add(message, number, f"verifier_status {status}", "no envelope")
                continue
            self.carriers += 1
            if envelope.problem:
                message = f"the envelope says nothing: {envelope.problem}"
                self._add(message, number, f"verdict {shown(verdict)}", "no verdict")
            for field, said in _statements(envelope.value):
                own = {"verdict": verdict, "reasoning": reasoning}.get(field, status)
                if said != own and not envelope.problem:
                    message = f"the envelope's {field} is not that of the entry"
                    self._add(message, number, f"{field} {shown(own)}", f"{field} {shown(said)}")

    def _add(self, message: str, number: int | None, entry: str, envelope: str) -> None:
        self.findings.add(Finding("ENVELOPE_INCONSISTENT", message, number, entry, envelope))

    def close(self) -> None:
        """Say so where there was nothing to compare."""
        close_without(self, "an envelope")


def _statements(envelope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what an envelope says that its entry says, too."""
    yield "verdict", envelope.get("verdict")
    yield "reasoning", envelope.get("reasoning")
    result = envelope.get("verifier_result")
    yield "verifier_result.status", result.get("status") if isinstance(result, dict) else result
