"""Merkle roots over the first N entries, for every requested N, in one pass and over segments that merge. No I/O.

Leaf i belongs to position i + 1, in a ledger of one chain the number. Where the positions are not 1, 2, 3 … (a gap, a
duplicate, a missing number) the tree ends, and no root is known for any larger N. That is not a finding by itself; the
comparison decides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import takewhile

from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.pieces import Pieces


class Prefixes:
    """The trees over the first N leaves, for the requested sizes N, as far as one segment of the ledger shows them."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self._sizes = sorted(set(sizes))
        self._range: CompactRange | None = None
        self._complete = True
        """Whether every entry seen is in the range."""
        self._trees: dict[int, CompactRange] = {}
        self.pieces: Pieces | None = None
        """The pieces of the whole tree; set them before feeding, in a single process that reads all entries."""

    def covers(self, sizes: Iterable[int]) -> bool:
        """Return whether all these sizes were requested; the tree of another one is unknown."""
        return {*sizes} <= {*self._sizes}

    def start(self, tree: CompactRange) -> None:
        """Begin with a known tree instead of its leaves."""
        self._range = tree.copy()
        self._trees[tree.end] = tree.copy()

    def feed(self, numbers: Sequence[int | None], leaves: Sequence[bytes], orders: Sequence[int | None] = ()) -> None:
        """Append entries: their positions, the hashes of their leaves, and perhaps their `order`."""
        if self._range is None:
            first = numbers[0]
            self._range = CompactRange((first or 0) - 1)
            self._complete = self.pieces is None or first == 1
        if not self._complete:
            return
        start = self._range.end
        regular = _regular(numbers, start + 1)
        self._complete = regular == len(numbers)
        sizes = self._sizes[bisect_right(self._sizes, start) : bisect_right(self._sizes, start + regular)]
        position = 0
        for size in sizes:
            self._trees[size] = self._grown(leaves[position : size - start], orders[position : size - start]).copy()
            position = size - start
        self._range = self._grown(leaves[position:regular], orders[position:regular])

    def _grown(self, leaves: Sequence[bytes], orders: Sequence[int | None]) -> CompactRange:
        """Append leaves, and return the range that ends with them."""
        if self.pieces is not None:
            self.pieces.extend(leaves, orders)
            return self.pieces.tree()
        assert self._range is not None  # noqa: S101  (feed has begun it; for the type checker)
        self._range.extend(leaves)
        return self._range

    def merge(self, later: Prefixes) -> None:
        """Append the results of the next segment."""
        if self._range is None:
            self._range, self._complete, self._trees = later._range, later._complete, later._trees
            return
        if later._range is None:
            return
        self._complete = self._complete and later._range.begin == self._range.end
        if not self._complete:
            return
        for size, tree in later._trees.items():
            whole = self._trees[size] = self._range.copy()
            whole.merge(tree)
        self._range.merge(later._range)
        self._complete = later._complete

    def tree(self, size: int) -> CompactRange | None:
        """Return the tree over the first `size` leaves; None if the entries do not show it."""
        tree = CompactRange() if size == 0 else self.range(size)
        return tree if tree is not None and tree.begin == 0 else None

    def range(self, size: int) -> CompactRange | None:
        """Return the range that ends at `size`, wherever it begins; None if the entries do not reach it."""
        return self._trees.get(size)

    def root(self, size: int) -> bytes | None:
        """Return the root over the first `size` leaves; None if the entries do not show it."""
        tree = self.tree(size)
        return None if tree is None else tree.root()


def _regular(numbers: Sequence[int | None], first: int) -> int:
    """Return how many of these numbers count up from `first` without a break."""
    expected = range(first, first + len(numbers))
    if numbers == expected or numbers == list(expected):  # a range, or a list
        return len(numbers)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(numbers, expected, strict=True)))
