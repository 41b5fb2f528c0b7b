"""The leaves of a tree in pieces of one length, so that some can be checked without reading the others. No I/O.

A piece is a perfect subtree of 2^height leaves; the rest at the end is a shorter piece. The roots of all pieces lead to
the root of the tree, which is signed. There are 128 to 255 whole pieces (in a small tree, each leaf is a piece): before
there are 256, each two neighbours are joined.

Each day a share of the pieces is re-read. With a share of 1/30, piece *i* is re-read on days where day number mod 30
equals *i* mod 30. So any thirty consecutive days cover every entry, also while the tree grows. When pieces are joined,
their numbers change; in the last eighth before that, a piece is re-read by its old number and by its new one. (A ledger
that grows by more than a seventh in thirty days can skip one turn then.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_audit_ledger.checkpoints.merkle import CompactRange, node_hashes
from pytest_audit_ledger.model.ledger_info import Share

MOST_PIECES = 256
"""Whole pieces; the roots of so many take about 24 kB in a record."""

CHANGING = MOST_PIECES - MOST_PIECES // 8
"""From this number of pieces on, a piece is also re-read by the number that it will have after joining."""


@dataclass
class Pieces:
    """The roots of the whole pieces of a tree, and the subtrees of the rest.

    `orders`: of each whole piece, the `order` of its last entry, by which it is read again if the ledger has streams.
    """

    height: int = 0
    roots: list[bytes] = field(default_factory=list)
    rest: CompactRange = field(default_factory=CompactRange)
    orders: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._whole = CompactRange()
        """The tree over the whole pieces."""
        for number, root in enumerate(self.roots):
            self._whole.merge(self._piece(number, root))

    @classmethod
    def restored(cls, height: int, roots: Sequence[bytes], tree: CompactRange, orders: Sequence[int] = ()) -> Pieces:
        """Return the pieces of a tree from their roots. Raises ValueError if these do not lead to the tree."""
        begin = len(roots) << height
        left = [subtree for subtree in tree.subtrees if subtree[0] < height]
        pieces = cls(height, list(roots), CompactRange(begin, max(begin, tree.end), left), list(orders))
        if orders and len(orders) != len(roots):
            raise ValueError("it does not give the order of every piece")
        if pieces.tree() != tree:
            raise ValueError("its pieces do not lead to the root of its tree")
        return pieces

    def copy(self) -> Pieces:
        """Return an independent copy."""
        return Pieces(self.height, list(self.roots), self.rest.copy(), list(self.orders))

    def extend(self, leaves: Sequence[bytes], orders: Sequence[int | None] = ()) -> None:
        """Append leaves, given as their hashes, perhaps each with its `order`."""
        taken = 0
        while taken < len(leaves):
            whole = self.rest.begin + (1 << self.height)
            some = leaves[taken : taken + whole - self.rest.end]
            self.rest.extend(some)
            taken += len(some)
            if self.rest.end == whole:
                self.roots.append(self.rest.subtrees[0][1])
                self._whole.merge(self.rest)
                self.orders += [order for order in orders[taken - 1 : taken] if order is not None]
                self.rest = CompactRange(whole)
            if len(self.roots) == MOST_PIECES:
                self.roots = node_hashes(self.roots)
                self.orders = self.orders[1::2]
                self.height += 1

    def tree(self) -> CompactRange:
        """Return the tree of these pieces."""
        tree = self._whole.copy()
        tree.merge(self.rest)
        return tree

    def __iter__(self) -> Iterator[CompactRange]:
        """Yield every piece, including the shorter one at the end."""
        yield from map(self._piece, range(len(self.roots)), self.roots)
        if self.rest.subtrees:
            yield self.rest.copy()

    def _piece(self, number: int, root: bytes) -> CompactRange:
        width = 1 << self.height
        return CompactRange(number * width, (number + 1) * width, [(self.height, root)])

    def due(self, share: Share) -> list[int]:
        """Return the numbers, from 0, of the pieces to re-read."""
        count = len(self.roots) + bool(self.rest.subtrees)
        changing = len(self.roots) >= CHANGING
        return [number for number in range(count) if share.has(number) or (changing and share.has(number // 2))]
