"""The kind chain_linkage: every entry names the hash of the entry before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import PRESERVE, WHOLE_EXPORT, PairwiseScanKind
from pytest_audit_ledger.model.batch import NULL, Batch, shown
from pytest_audit_ledger.model.entry import GENESIS_HASH
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Sides


class ChainLinkage(PairwiseScanKind):
    """Every `previous_hash` is the `entry_hash` of the entry before; the first is 64 zeros. No parameters."""

    name = "chain_linkage"
    family = Family.CHAIN
    rule = "Every previous_hash is the entry_hash of the entry before; that of the first entry is 64 zeros."
    remedy = PRESERVE
    integrity = True
    columns = ("previous_hash", "entry_hash")
    sides: ClassVar[Mapping[str, Sides]] = {"HASH_MISMATCH": ("hash before", "previous_hash")}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.open_ends = 0
        """The number of links whose other end is not in the export."""

    def feed(self, batch: Batch) -> None:
        """Compare the column previous_hash with the column entry_hash, shifted by one."""
        previous, hashes = batch.text("previous_hash"), batch.text("entry_hash")
        numbers = batch.sequence_numbers
        if previous[1:] == hashes[:-1] and NULL not in previous:
            self.join((numbers[0], previous[0], hashes[0]))
            self.last = (numbers[-1], previous[-1], hashes[-1])
        else:
            for current in zip(numbers, previous, hashes, strict=True):
                self.join(current)

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find a broken link."""
        number, link, _ = current
        hash_before = GENESIS_HASH if previous is None else previous[2]
        if link == hash_before and link != NULL:
            return None
        before = 0 if previous is None else previous[0]
        if self.ledger.extent is not Extent.WHOLE and None not in (number, before) and number != before + 1:
            self.open_ends += 1
            return None
        if previous is None:
            message = "the previous_hash of the first entry is not 64 zeros"
        else:
            message = f"previous_hash does not match the entry_hash of the entry before it (sequence {previous[0]})"
        return Finding("HASH_MISMATCH", message, number, shown(hash_before), shown(link))

    def merge(self, later: ChainLinkage) -> None:
        """Add up the open ends, too."""
        super().merge(later)
        self.open_ends += later.open_ends

    def close(self) -> None:
        """Judge the first entry, and refuse to conclude if links could not be followed."""
        super().close()
        if self.open_ends and not self.findings.counts:
            raise CannotEvaluate(
                f"{self.open_ends:,} of {self.element_count:,} links lead to entries that are not in the export; "
                "the others match.",
                WHOLE_EXPORT,
            )
