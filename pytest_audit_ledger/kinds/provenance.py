"""The base class of the kinds that examine the columns of schema v3: envelopes and transcripts.

The entry hash covers none of these columns. An edited envelope can be detected by its own hash; an envelope that was
edited together with its hash, only if it then contradicts its entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import NotApplicable
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Severity

COMPARE = "Compare the entries shown with the latest backup or export. The entry hash does not cover these columns."
"""The remedy if a document of schema v3 contradicts its hash."""


class ProvenanceScanKind(ScanKind):
    """Examine columns that only schema v3 has; not applicable to an older ledger, or to one without documents."""

    family: ClassVar[Family] = Family.PROVENANCE
    integrity: ClassVar[bool] = True
    document: ClassVar[str] = "an envelope"
    """What it examines, with its article."""

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        if ledger.columns and ledger.schema_version != "3":
            raise NotApplicable("The ledger has none of the columns of schema v3.")
        super().__init__(parameters, ledger, samples)
        self.carriers = 0
        """The number of entries that have such a document."""

    def merge(self, later: Any) -> None:
        """Add up the carriers, too."""
        super().merge(later)
        self.carriers += later.carriers

    def close(self) -> None:
        """Raise NotApplicable if no entry has such a document, and nothing else was found."""
        if self.element_count and not self.carriers and not self.findings.counts:
            raise NotApplicable(f"No entry has {self.document}.")


def not_rederivable(code: str, what: str, number: int | None, likely: str, stored: str | None) -> Finding:
    """Return the warning about a document whose hash JSONB can no longer reproduce, which is no sign of tampering."""
    message = (
        f"it is unknown whether {what} matches its hash: JSONB has changed too many of its numbers to try all ways in "
        "which they can have been written"
    )
    return Finding(code, message, number, likely, shown(stored), Severity.WARNING)


def shown(value: Any) -> str:
    """Return a value of a document as it is shown, a missing one as NULL."""
    return "NULL" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
