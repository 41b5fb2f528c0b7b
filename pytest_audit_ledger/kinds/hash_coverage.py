"""The kind hash_coverage: in which columns an edit would be detected, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.checkpoint import FOLDERS, VERIFIER_KEYS, beside_suite, opened_store
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import NULL, Batch
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family


@dataclass(frozen=True)
class _Protection:
    """What protects columns: its name, the column that an entry has where it is protected so, and its limits."""

    name: str
    columns: tuple[str, ...]
    carrier: str
    limits: str


PROTECTIONS = (
    _Protection("entry hash", (*PAYLOAD_COLUMNS.values(), "entry_hash"), "entry_hash", "linked from entry to entry"),
    _Protection(
        "envelope hash",
        ("envelope_json", "envelope_hash", "verifier_status"),
        "envelope_hash",
        "an edit that also recomputes the hash shows only where the entry says otherwise",
    ),
    _Protection(
        "transcript signature",
        ("transcript_json", "transcript_signature", "signing_key_id"),
        "signing_key_id",
        "of transcript_json its request, response and names; only where the key is given",
    ),
)
"""What protects single columns, entry by entry; whatever column is in none of them is covered by nothing."""

UNSIGNED = ("started_at", "completed_at", "backend_name", "backend_metadata")
"""What stands in a transcript and is neither signed nor repeated elsewhere."""

NOTHING = "nothing in the ledger"
"""The fact that lists what only something outside of it covers, such as the record beside a checkpoint."""


class HashCoverage(ScanKind):
    """Lists which columns are protected, by what, and which by nothing that the ledger holds. Never fails.

    `folders`, `verifier_keys`: as those of `checkpoint`. The record beside a checkpoint covers every column up to its
    last entry; whether they are what they were is the matter of `checkpoint`.
    """

    name = "hash_coverage"
    family = Family.COVERAGE
    rule = "Which columns an edit would show in is told, and which it would not, by what the ledger itself holds."
    remedy = (
        "Rely on no column that is listed as covered by nothing, unless the check checkpoint proved it; "
        "keep what matters elsewhere as well."
    )
    unit = "columns"
    columns: ClassVar[Sequence[str]] = ()
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {"folders": FOLDERS, "verifier_keys": VERIFIER_KEYS}

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """Read the keys, and name the folders as they lie beside the suite."""
        return beside_suite(parameters, folder)

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        # what tells whether an entry is protected, as far as this ledger has it
        self.columns = [one.carrier for one in PROTECTIONS if one.carrier in ledger.columns]  # type: ignore[misc]
        self.carriers = dict.fromkeys(self.columns, 0)
        self.recorded = self._recorded()

    def _recorded(self) -> tuple[int, str, tuple[str, ...]] | None:
        """Return up to which entry the newest record covers columns, its checkpoint, and which; None without any."""
        try:
            store = opened_store(self.parameters, newest_record=True)
        except LedgerError:  # which the check checkpoint tells
            return None
        records = [(one.size, one.path, tuple(one.record.columns)) for one in store.trusted if one.record is not None]
        return records[-1] if records else None

    def feed(self, batch: Batch) -> None:
        """Count the entries that are protected in each way."""
        for column in self.columns:
            self.carriers[column] += len(batch) - batch.text(column).count(NULL)

    def merge(self, later: HashCoverage) -> None:
        """Add up the counts."""
        super().merge(later)
        for column in self.columns:
            self.carriers[column] += later.carriers[column]

    def close(self) -> None:
        """Sort the columns by what protects them."""
        entries, names = self.element_count, list(self.ledger.columns)
        if not names or (self.ledger.resumed and not entries):  # an export without entries, or none that is newer
            return
        left = list(names)
        for protection in PROTECTIONS:
            covered = [name for name in names if name in protection.columns]
            carriers = self.carriers.get(protection.carrier, 0)
            if covered and carriers:
                left = [name for name in left if name not in covered]
                what = f"{', '.join(covered)}, in {carriers:,} of {entries:,} entries"
                self.facts[protection.name] = f"{what} ({protection.limits})"
        if self.recorded is not None:
            size, path, columns = self.recorded
            covered = [name for name in names if name in columns]
            limits = f"held against {path}; which entry and column it was shows only roughly"
            self.facts["checkpoint"] = f"{', '.join(covered)}, in entries 1 to {size:,} ({limits})"
        inside = f"of transcript_json {', '.join(UNSIGNED)}"
        partly = [] if "transcript_json" in left or "transcript_json" not in names else [inside]
        self.facts[NOTHING] = ", ".join([*left, *partly]) or "no column"
        self.element_count = len(names)
