"""The Merkle tree over the entries, as a fold: its roots over the first N of them, for every N asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from pytest_audit_ledger.entry import PAYLOAD_COLUMNS, Batch
from pytest_audit_ledger.kinds.base import Fold, LedgerInfo


class EntryTree(Fold):
    """Leaf i is the 32 bytes of the hash of sequence number i + 1, recomputed from its canonical payload."""

    name = "entry_tree"
    columns: ClassVar[Sequence[str]] = tuple(PAYLOAD_COLUMNS.values())

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.last = 0
        """The highest sequence number."""
        self.ask_for([])

    def ask_for(self, sizes: Sequence[int]) -> None:
        """Say for how many entries roots are wanted, before anything is read."""
        self.prefixes = Prefixes(sizes)
        self.moments = dict.fromkeys([0, 1, *sizes, *(size + 1 for size in sizes)], "")
        """The time of the last entry in each tree, and of the first that is not in it; empty where there is none."""

    def feed(self, batch: Batch) -> None:
        """Append the leaves of a batch."""
        numbers = batch.sequence_numbers
        digests = bytes.fromhex("".join(batch.recomputed_hashes))
        # leaf_hash of each, without the call
        leaves = [sha256(b"\x00" + digests[at : at + HASH_SIZE]).digest() for at in range(0, len(digests), HASH_SIZE)]
        self.prefixes.feed(numbers, leaves)
        self.last = max(self.last, *(number or 0 for number in numbers))
        for number in self.moments.keys() & set(numbers):
            self.moments[number] = batch.text("timestamp")[numbers.index(number)]

    def merge(self, later: Any) -> None:
        """Append the trees of the entries that follow."""
        super().merge(later)
        self.prefixes.merge(later.prefixes)
        self.last = max(self.last, later.last)
        self.moments.update({number: time for number, time in later.moments.items() if time})
