"""The Merkle tree of RFC 6962, over leaves that are read once and kept nowhere. No I/O.

1.  The hash of a leaf is SHA-256(0x00 || leaf), that of a node SHA-256(0x01 || left || right) (RFC 6962, section 2.1).
2.  The tree over n leaves is that over the first k and that over the rest, k being the largest power of two smaller
    than n; so every tree is a row of perfect subtrees, one for each bit of n.
3.  An inclusion proof lists the roots of the subtrees beside the way from a leaf up to the root (section 2.1.1).

A *compact range* is the row of perfect subtrees over the leaves from `begin` up to `end`: some forty hashes, whatever
the number of leaves. Ranges that follow each other merge, so segments of a ledger can be read side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256

HASH_SIZE = 32
"""Bytes of a hash."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves (section 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf (rule 1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node from those of its children (rule 1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass
class CompactRange:
    """The perfect subtrees over the leaves from `begin` up to, and without, `end`, in order."""

    begin: int = 0
    end: int = field(default=-1)
    subtrees: list[tuple[int, bytes]] = field(default_factory=list)
    """Each with its height, 0 for a leaf, and its root."""

    def __post_init__(self) -> None:
        self.end = max(self.begin, self.end)

    def copy(self) -> CompactRange:
        """Return a range of its own that holds the same."""
        return CompactRange(self.begin, self.end, list(self.subtrees))

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaves, given as their hashes.

        All pairs of a level are hashed at once; what has no partner among the leaves stands at either edge.
        """
        level, index, nodes = 0, self.end, leaves
        right_edge: list[tuple[int, bytes]] = []
        while nodes:
            if index % 2:
                self._push(level, nodes[0])
                nodes, index = nodes[1:], index + 1
            if len(nodes) % 2:
                right_edge.append((level, nodes[-1]))
            pairs = zip(nodes[::2], nodes[1::2], strict=False)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            level, index = level + 1, index // 2
        for height, root in reversed(right_edge):
            self._push(height, root)

    def merge(self, later: CompactRange) -> None:
        """Append the range of the leaves that follow. Raises ValueError where it does not begin where this one ends."""
        if later.begin != self.end:
            raise ValueError(f"a range that begins at {later.begin} does not follow one that ends at {self.end}")
        for height, root in later.subtrees:
            self._push(height, root)

    def _push(self, height: int, root: bytes) -> None:
        """Append a perfect subtree, and join it with its left sibling as long as that is in the range."""
        end = self.end + (1 << height)
        subtrees = self.subtrees
        # the subtree is a right child where its index on its level is odd
        while subtrees and subtrees[-1][0] == height and (end >> height) % 2 == 0:
            root = node_hash(subtrees.pop()[1], root)
            height += 1
        subtrees.append((height, root))
        self.end = end

    def root(self) -> bytes:
        """Return the root of the tree over these leaves (rule 2). Raises ValueError where the first ones are not in."""
        if self.begin:
            raise ValueError("a range that does not begin with the first leaf has no root")
        if not self.subtrees:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), self.hashes()[::-1])

    def hashes(self) -> list[bytes]:
        """Return the roots of the subtrees; with `end`, they are the whole state of a range that begins at 0."""
        return [root for _, root in self.subtrees]

    @classmethod
    def restored(cls, size: int, hashes: Sequence[bytes]) -> CompactRange:
        """Return the range over the first `size` leaves from its `hashes`.

        Raises ValueError where there are more or fewer than it has.
        """
        heights = [height for height in reversed(range(size.bit_length())) if size >> height & 1]
        return cls(0, size, list(zip(heights, hashes, strict=True)))


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges of leaves whose roots prove that a leaf is in a tree of `size`, from the leaf up (rule 3).

    Raises ValueError where there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    return list(_siblings(index, 0, size))[::-1]


def _siblings(index: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what stands beside the way from the root of these leaves down to `index`."""
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield begin, middle
            begin = middle


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree over these leaves, given as their hashes."""
    return [tree_root(leaves[begin:end]) for begin, end in inclusion_path(index, len(leaves))]


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over these leaves, given as their hashes."""
    tree = CompactRange()
    tree.extend(leaves)
    return tree.root()


def root_of_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to, to be compared with a trusted one.

    `leaf` is the hash of the leaf. Raises ValueError where the proof has not the length that its place asks for.
    """
    path = inclusion_path(index, size)
    root = leaf
    for (begin, _), sibling in zip(path, proof, strict=True):
        root = node_hash(root, sibling) if begin > index else node_hash(sibling, root)
    return root
