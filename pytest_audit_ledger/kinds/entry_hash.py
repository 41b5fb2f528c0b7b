"""The kind entry_hash: every entry matches its stored hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pytest_audit_ledger.kinds.kind import PRESERVE, ScanKind
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.outcome import RECOMPUTED, Family, Finding, Sides


class EntryHash(ScanKind):
    """The hash recomputed from every entry's canonical payload is the one stored. No parameters."""

    name = "entry_hash"
    family = Family.CHAIN
    rule = "Every entry_hash is the SHA-256 of the entry's canonical payload."
    remedy = PRESERVE
    integrity = True
    columns = ("entry_hash", *PAYLOAD_COLUMNS.values())
    sides: ClassVar[Mapping[str, Sides]] = {"ENTRY_HASH_MISMATCH": RECOMPUTED}

    def feed(self, batch: Batch) -> None:
        """Recompute the hash of every entry."""
        stored = batch.text("entry_hash")
        recomputed = batch.recomputed_hashes
        if recomputed == stored and batch.has_canonical_timestamps:
            return
        rows = zip(batch.sequence_numbers, recomputed, stored, batch.text("timestamp"), strict=True)
        for number, own, of_entry, timestamp in rows:
            if "T" not in timestamp:
                message = f"the entry cannot be hashed: its timestamp {shown(timestamp)} has no canonical form"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, "no hash exists", shown(of_entry)))
            elif own != of_entry:
                message = "the entry does not match its stored hash"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, own, shown(of_entry)))
