"""The kind entry_hash: every stored hash is the one recomputed from the entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.outcome import RECOMPUTED, Family, Finding, Sides


class EntryHash(ScanKind):
    """The hash recomputed from every entry's canonical payload is the one stored. No parameters."""

    name = "entry_hash"
    family = Family.CHAIN
    rule = "Every entry_hash is the SHA-256 of the entry's canonical payload."
    remedy = (
        "Each entry shown, or the entry_hash stored with it, was changed after it was written. Stop relying on the "
        "ledger, preserve the server, see what audit-ledger investigate can prove, and compare with the latest backup "
        "or export."
    )
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
        for number, own, beside, timestamp in rows:
            if "T" not in timestamp:
                message = f"the timestamp {shown(timestamp)} is none that a canonical payload can hold"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, "no hash exists", shown(beside)))
            elif own != beside:
                message = "the entry's contents do not hash to the entry_hash stored with them"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, own, shown(beside)))
