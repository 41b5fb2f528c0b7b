"""The kind hash_coverage: in which columns an edit can be detected, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.trusted_checkpoints import ComparesCheckpoints, opened_store, shows
from pytest_audit_ledger.model.batch import NULL, Batch
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family


@dataclass(frozen=True)
class _Protection:
    """One way to protect columns. `carrier` is the column that a protected entry has; `limits` says what it misses."""

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
        "an edit that also recomputes the hash is detected only if it contradicts the entry",
    ),
    _Protection(
        "transcript signature",
        ("transcript_json", "transcript_signature", "signing_key_id"),
        "signing_key_id",
        "of transcript_json only request, response and names; only if the key is given",
    ),
)
"""The ways to protect single columns, entry by entry; a column in none of them is covered by nothing."""

UNSIGNED = ("started_at", "completed_at", "backend_name", "backend_metadata")
"""The fields of a transcript that are neither signed nor repeated elsewhere."""

HASHED = tuple(PAYLOAD_COLUMNS.values())
"""What a checkpoint covers without a record: the columns that an entry's hash is made of."""

NOTHING = "nothing in the ledger"
"""The fact that lists the columns that only something outside the ledger can cover, such as a checkpoint."""


class HashCoverage(ComparesCheckpoints, ScanKind):
    """Lists which columns are protected, by what, and which by nothing in the ledger. Never fails.

    `folders`, `verifier_keys`: as for `checkpoint`. The record of a checkpoint covers every column up to its last
    entry if this run can compare them; otherwise the checkpoint covers the hashed columns only. What a resumed run does
    not read is not claimed. The kind `checkpoint` compares them.
    """

    name = "hash_coverage"
    family = Family.COVERAGE
    rule = "Lists the columns in which an edit can be detected, and by what, and those in which it cannot."
    remedy = (
        "Do not rely on a column that nothing in the ledger covers, unless the check checkpoint proved it. Keep a copy "
        "of what matters elsewhere."
    )
    unit = "columns"
    columns: Sequence[str] = ()

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        # the columns that a protected entry has, if this ledger has them
        self.columns = [one.carrier for one in PROTECTIONS if one.carrier in ledger.columns]
        self.carriers = dict.fromkeys(self.columns, 0)
        self.signed = self._signed()

    def _signed(self) -> list[tuple[int, str, str, Sequence[str]]]:
        """Return what the newest checkpoint covers, and the newest record if this run can compare its columns.

        Each is its last entry, its path, words for its columns, and the columns.
        """
        try:
            store = opened_store(self.parameters, newest_record=True)
        except LedgerError:  # the kind checkpoint reports it
            return []
        found: list[tuple[int, str, str, Sequence[str]]]
        found = [(one.size, one.path, "only the hashed columns, ", HASHED) for one in store.trusted[-1:]]
        recorded = [(one.size, one.path, one.record.columns) for one in store.trusted if one.record is not None]
        for size, path, columns in recorded[-1:]:
            if shows(self.ledger, columns):
                found.append((size, path, "", tuple(columns)))
        return found

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
        """Group the columns by what protects them."""
        entries, names = self.element_count, list(self.ledger.columns)
        if not names or (self.ledger.resumed and not entries):  # an export without entries, or no newer entry
            return
        left = list(names)
        for protection in PROTECTIONS:
            covered = [name for name in names if name in protection.columns]
            carriers = self.carriers.get(protection.carrier, 0)
            if covered and carriers:
                left = [name for name in left if name not in covered]
                what = f"{', '.join(covered)}, in {carriers:,} of {entries:,} entries"
                self.facts[protection.name] = f"{what} ({protection.limits})"
        self._claim_signed(names)
        inside = f"of transcript_json {', '.join(UNSIGNED)}"
        partly = [] if "transcript_json" in left or "transcript_json" not in names else [inside]
        self.facts[NOTHING] = ", ".join([*left, *partly]) or "no column"
        self.element_count = len(names)

    def _claim_signed(self, names: Sequence[str]) -> None:
        """Say which columns of which entries this run compares with checkpoints."""
        before = self.ledger.resumed.after if self.ledger.resumed else 0
        for size, path, words, columns in self.signed:
            if before < size <= before + self.element_count:
                covered = ", ".join(name for name in names if name in columns)
                limits = f"compared with {path}, which locates an edit only roughly"
                self.facts["checkpoint"] = f"{words}{covered}, in entries {before + 1:,} to {size:,} ({limits})"
