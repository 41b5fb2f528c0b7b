"""The kind verdict_taxonomy: every verdict is one of those that the profile lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, json_text, shown
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding
from pytest_audit_ledger.model.profile import VERDICT


class VerdictTaxonomy(ScanKind):
    """Every verdict is one of those that the profile lists: for ski, the five of the framework. No parameters."""

    name = "verdict_taxonomy"
    family = Family.VERDICTS
    rule = "Every verdict is one of those that the profile lists."
    remedy = (
        "Find out what wrote the verdicts shown. To restore the CHECK constraint that refuses them, run this as the "
        "table's owner: `audit-ledger verify --repair`."
    )
    integrity = True
    columns = (VERDICT,)

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        known = ledger.profile.values.get(VERDICT)
        if ledger.profile.has(VERDICT) and known is None:
            raise NotApplicable(f"The profile {ledger.profile.name} does not list the values of {VERDICT}.")
        self.listed = tuple(known or ())
        self.known = frozenset(map(json_text, self.listed))

    def feed(self, batch: Batch) -> None:
        """Compare the set of verdicts in the batch with those that are known."""
        verdicts = batch.text(VERDICT)
        if self.known.issuperset(verdicts):
            return
        for stream, entries in batch.streams():
            self.findings.stream = stream and shown(stream)
            for number, verdict in zip(entries.sequence_numbers, entries.text(VERDICT), strict=True):
                if verdict not in self.known:
                    column = self.ledger.profile.column(VERDICT)
                    message = f"the {column} is not one of the {len(self.listed)} that the profile lists"
                    found = Finding("VERDICT_UNKNOWN", message, number, ", ".join(self.listed), shown(verdict))
                    self.findings.add(found)
