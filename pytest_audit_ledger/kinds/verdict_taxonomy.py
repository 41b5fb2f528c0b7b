"""The kind verdict_taxonomy: every verdict is one of the five of the framework."""

from __future__ import annotations

from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.entry import VERDICTS
from pytest_audit_ledger.model.outcome import Family, Finding


class VerdictTaxonomy(ScanKind):
    """Every verdict is one of the five. No parameters."""

    name = "verdict_taxonomy"
    family = Family.VERDICTS
    rule = f"Every verdict is one of {', '.join(VERDICTS)}."
    remedy = (
        "Find out what wrote the verdicts shown, and restore the CHECK constraint that refuses them "
        "(audit-ledger verify --repair)."
    )
    integrity = True
    columns = ("verdict",)

    def feed(self, batch: Batch) -> None:
        """Compare the set of verdicts in the batch with the five."""
        verdicts = batch.text("verdict")
        if set(verdicts) <= _KNOWN_VERDICTS:
            return
        for number, verdict in zip(batch.sequence_numbers, verdicts, strict=True):
            if verdict not in _KNOWN_VERDICTS:
                message = "the verdict is not one of the five"
                self.findings.add(Finding("VERDICT_UNKNOWN", message, number, ", ".join(VERDICTS), shown(verdict)))


_KNOWN_VERDICTS = frozenset(VERDICTS)
