"""The kind entry_hash: every entry matches its stored hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.kind import PRESERVE, ScanKind
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.hashing import Hashes
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import RECOMPUTED, Family, Finding, Sides
from pytest_audit_ledger.model.profile import HASH, own


class EntryHash(ScanKind):
    """The hash recomputed from every entry's canonical payload is the one stored. No parameters."""

    name = "entry_hash"
    family = Family.CHAIN
    rule = "Every stored hash is the hash of the entry's payload."
    remedy = PRESERVE
    integrity = True
    columns: Sequence[str] = (HASH,)
    sides: ClassVar[Mapping[str, Sides]] = {"ENTRY_HASH_MISMATCH": RECOMPUTED, "LINE_HASH_MISMATCH": RECOMPUTED}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.columns = tuple(dict.fromkeys((HASH, *ledger.hasher.columns)))

    def feed(self, batch: Batch) -> None:
        """Recompute the hash of every entry."""
        hasher = self.ledger.hasher
        if hasher.hashes(batch) == batch.text(HASH) and all(
            hashes == batch.text(own(column)) for column, hashes in hasher.lines(batch).items()
        ):
            return
        for stream, entries in batch.streams():
            self.findings.stream = stream and shown(stream)
            for column, hashes in hasher.lines(entries).items():
                self._compare(entries, "LINE_HASH_MISMATCH", f"its stored {column}", hashes, entries.text(own(column)))
            self._compare(entries, "ENTRY_HASH_MISMATCH", "its stored hash", hasher.hashes(entries), entries.text(HASH))

    def _compare(self, entries: Batch, code: str, what: str, hashes: Hashes, stored: Sequence[str]) -> None:
        rows = zip(entries.sequence_numbers, hashes, stored, strict=True)
        for index, (number, recomputed, of_entry) in enumerate(rows):
            if number is not None and number < (self.ledger.profile.starts_at or number):
                continue
            if recomputed is None:
                message = f"the entry cannot be hashed: {self.ledger.hasher.obstacle(entries, index)}"
                self.findings.add(Finding(code, message, number, "no hash exists", shown(of_entry)))
            elif recomputed != of_entry:
                message = f"the entry does not match {what}"
                self.findings.add(Finding(code, message, number, shown(recomputed), shown(of_entry)))
