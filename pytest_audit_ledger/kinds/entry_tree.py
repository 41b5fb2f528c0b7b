"""The Merkle tree over the entries, as a scan: its roots over the first N entries, for every N asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_audit_ledger.checkpoints.merkle import leaf_hashes
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, row_leaves
from pytest_audit_ledger.checkpoints.written_order import WrittenOrder
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.hasher import Hasher
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import ORDER, TIMESTAMP

NO_ROWS: Mapping[tuple[str, ...], Sequence[int]] = {}


class EntryTree(ScanKind):
    """Leaf i is the hash of the entry at position i + 1, recomputed from its payload (see `checkpoints/positions.py`).

    Of a SKI ledger it is the 32 bytes of the hash, of any other the text that the column stores, in UTF-8.
    """

    name = "entry_tree"
    in_order = True
    columns: Sequence[str] = ()

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.last = 0
        """The highest position."""
        self.order = WrittenOrder()
        """What the role `order` says, if the ledger has streams."""
        self.count = 0
        """The number of entries."""
        self.head = ""
        """The hash of the last entry, recomputed like the leaves; a writer may have stored it in another form."""
        self.ask_for([])

    def ask_for(
        self,
        sizes: Sequence[int],
        rows: Mapping[tuple[str, ...], Sequence[int]] = NO_ROWS,
        start: CheckpointRecord | None = None,
    ) -> None:
        """Set for how many entries roots are needed. Call it before anything is read.

        `rows`: the columns that a second tree covers, and its sizes; these columns are then fetched, too.
        `start`: the record that the trees begin with, if the run resumes after the last entry of a checkpoint.
        """
        self.start = start
        self.prefixes = Prefixes(sizes)
        self.rows = {columns: Prefixes(of_rows) for columns, of_rows in rows.items()}
        profile = self.ledger.profile
        names = [*self.ledger.hasher.columns, *(profile.in_batch(name) for columns in rows for name in columns)]
        names += [TIMESTAMP] if profile.has(TIMESTAMP) else []
        self.columns = tuple(dict.fromkeys(names))
        self.moments = dict.fromkeys([0, 1, *sizes, *(size + 1 for size in sizes)], "")
        """The time of the last entry in each tree, and of the first after it; empty if there is none."""

    def resume(self, batch: Batch) -> None:
        """Begin with the trees of the checkpoint."""
        self.resumed, self.head = True, self.ledger.hasher.hashes(batch)[-1] or ""
        start = self.start.entries.end if self.start is not None else 0
        self._keep_moments(batch, [start] if self.ledger.profile.streams else batch.sequence_numbers)
        if self.start is not None:
            self.order = WrittenOrder(self.start.entries.end, self.start.order, dict(self.start.streams))
            self.last = self.count = self.start.entries.end
            self.prefixes.start(self.start.entries)
            for prefixes in self.rows.values():  # at most one, of the columns of that record
                prefixes.start(self.start.rows)

    def feed(self, batch: Batch) -> None:
        """Append the leaves of a batch."""
        numbers, orders = self._positions(batch)
        self.prefixes.feed(numbers, entry_leaves(self.ledger.hasher, batch), orders)
        for columns, prefixes in self.rows.items():
            prefixes.feed(numbers, row_leaves(batch, columns, self.ledger.profile))
        self.last = max(self.last, max(filter(None, numbers), default=0))
        self.count += len(batch)
        self.head = self.ledger.hasher.hashes(batch)[-1] or ""
        self._keep_moments(batch, numbers)

    def _positions(self, batch: Batch) -> tuple[Sequence[int | None], Sequence[int | None]]:
        """Return the positions of entries, and what they have in the role `order`, if the ledger has streams."""
        if not self.ledger.profile.streams:
            return batch.sequence_numbers, ()
        for finding in self.order.feed(batch):
            self.findings.add(finding)
        return range(self.count + 1, self.count + len(batch) + 1), batch.numbers(ORDER)

    def _keep_moments(self, batch: Batch, numbers: Sequence[int | None]) -> None:
        if not self.ledger.profile.has(TIMESTAMP):
            return
        for number in self.moments.keys() & set(numbers):
            self.moments[number] = batch.text(TIMESTAMP)[numbers.index(number)]

    def merge(self, later: Any) -> None:
        """Append the trees of the entries that follow."""
        super().merge(later)
        self.prefixes.merge(later.prefixes)
        for columns, prefixes in self.rows.items():
            prefixes.merge(later.rows[columns])
        self.last = max(self.last, later.last)
        self.count += later.count
        self.head = later.head
        self.moments.update({number: time for number, time in later.moments.items() if time})


def entry_leaves(hasher: Hasher, batch: Batch) -> list[bytes]:
    """Return the hash of the leaf of each entry."""
    return leaf_hashes(hasher.digests(batch))
