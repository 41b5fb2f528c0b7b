"""The leaves of a tree in pieces of one length, so that some of them can be proven without reading the others. No I/O.

A piece is a perfect subtree of 2^height leaves; what is left at the end is a piece, too. The roots of all pieces lead
to the root of the tree, which is signed. There are 128 to 255 whole ones (fewer leaves: each is a piece): when there
would be 256, every two become one.

A share of the pieces is due on a day: of thirty shares, piece i is due when i and the number of the day leave the same
rest. So every entry has its turn in any thirty days that follow each other, also while the tree grows. Where pieces
become twice as long, turns change; in the eighth before that, a piece is due by its old turn and by its new one. (A
ledger that grows by more than a seventh in thirty days can miss one turn then.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_audit_ledger.checkpoints.merkle import CompactRange, node_hash
from pytest_audit_ledger.model.ledger_info import Share

MOST_PIECES = 256
"""Whole pieces; a record of that many has about 24 kB of their roots."""

CHANGING = MOST_PIECES - MOST_PIECES // 8
"""From so many on, pieces are due by the turns that they will have when two have become one, too."""


@dataclass
class Pieces:
    """The roots of the whole pieces of a tree, and the subtrees of what is left."""

    height: int = 0
    roots: list[bytes] = field(default_factory=list)
    rest: CompactRange = field(default_factory=CompactRange)

    @classmethod
    def restored(cls, height: int, roots: Sequence[bytes], tree: CompactRange) -> Pieces:
        """Return the pieces of a tree from their roots. Raises ValueError where these do not lead to the tree."""
        begin = len(roots) << height
        left = [subtree for subtree in tree.subtrees if subtree[0] < height]
        pieces = cls(height, list(roots), CompactRange(begin, max(begin, tree.end), left))
        if pieces.tree() != tree:
            raise ValueError("its pieces do not lead to the root of the tree")
        return pieces

    def copy(self) -> Pieces:
        """Return pieces of their own that hold the same."""
        return Pieces(self.height, list(self.roots), self.rest.copy())

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaves, given as their hashes."""
        taken = 0
        while taken < len(leaves):
            whole = self.rest.begin + (1 << self.height)
            some = leaves[taken : taken + whole - self.rest.end]
            self.rest.extend(some)
            taken += len(some)
            if self.rest.end == whole:
                self.roots.append(self.rest.subtrees[0][1])
                self.rest = CompactRange(whole)
            if len(self.roots) == MOST_PIECES:
                self.roots = list(map(node_hash, self.roots[::2], self.roots[1::2]))
                self.height += 1

    def tree(self) -> CompactRange:
        """Return the tree that they are pieces of."""
        tree = CompactRange()
        for piece in self:
            tree.merge(piece)
        return tree

    def __iter__(self) -> Iterator[CompactRange]:
        """Yield every piece, the one that is left at the end as well."""
        width = 1 << self.height
        for number, root in enumerate(self.roots):
            yield CompactRange(number * width, (number + 1) * width, [(self.height, root)])
        if self.rest.subtrees:
            yield self.rest.copy()

    def due(self, share: Share) -> list[int]:
        """Return the numbers of the pieces whose turn it is, counted from 0."""
        count = len(self.roots) + bool(self.rest.subtrees)
        changing = len(self.roots) >= CHANGING
        return [number for number in range(count) if share.has(number) or (changing and share.has(number // 2))]
