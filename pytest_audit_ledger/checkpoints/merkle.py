"""The Merkle tree of RFC 6962, over leaves that are read once and not kept. No I/O.

1.  A leaf's hash is SHA-256(0x00 || leaf), a node's SHA-256(0x01 || left || right) (RFC 6962, section 2.1).
2.  A tree over n leaves joins the tree over the first k and the tree over the rest; k is the largest power of two
    smaller than n. So every tree is a row of perfect subtrees, one for each bit of n.
3.  An inclusion proof lists the roots of the sibling subtrees on the path from a leaf to the root (section 2.1.1).

A *compact range* is the row of perfect subtrees over the leaves from `begin` up to `end`: some forty hashes, whatever
the number of leaves. Adjacent ranges merge, so segments of a ledger can be read in parallel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256

from pytest_audit_ledger.native import LEAVES, NODES

HASH_SIZE = 32
"""Bytes of a hash."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of the empty tree (section 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf (rule 1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node from the hashes of its children (rule 1)."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Return the hash of each leaf."""
    # without the native core, like leaf_hash, without a call for each
    return LEAVES(leaves) if LEAVES else [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def node_hashes(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the hash of the node over each two of these; a last one without a partner has none."""
    if NODES:
        return NODES(hashes)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=False)]


@dataclass
class CompactRange:
    """The perfect subtrees over the leaves from `begin` up to, but not including, `end`, in order."""

    begin: int = 0
    end: int = field(default=-1)
    subtrees: list[tuple[int, bytes]] = field(default_factory=list)
    """Each with its height, 0 for a leaf, and its root."""

    def __post_init__(self) -> None:
        self.end = max(self.begin, self.end)

    def copy(self) -> CompactRange:
        """Return an independent copy."""
        return CompactRange(self.begin, self.end, list(self.subtrees))

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaves, given as their hashes.

        All pairs of a level are hashed at once; nodes without a partner among the leaves are at the edges.
        """
        level, index, nodes = 0, self.end, leaves
        right_edge: list[tuple[int, bytes]] = []
        while nodes:
            if index % 2:
                self._push(level, nodes[0])
                nodes, index = nodes[1:], index + 1
            if len(nodes) % 2:
                right_edge.append((level, nodes[-1]))
            nodes = node_hashes(nodes)
            level, index = level + 1, index // 2
        for height, root in reversed(right_edge):
            self._push(height, root)

    def merge(self, later: CompactRange) -> None:
        """Append the next range. Raises ValueError if it does not begin where this one ends."""
        if later.begin != self.end:
            raise ValueError(f"a range that begins at {later.begin} does not follow one that ends at {self.end}")
        for height, root in later.subtrees:
            self._push(height, root)

    def _push(self, height: int, root: bytes) -> None:
        """Append a perfect subtree, and join it with its left siblings in the range."""
        end = self.end + (1 << height)
        subtrees = self.subtrees
        # the subtree is a right child if its index on its level is odd
        while subtrees and subtrees[-1][0] == height and (end >> height) % 2 == 0:
            root = node_hash(subtrees.pop()[1], root)
            height += 1
        subtrees.append((height, root))
        self.end = end

    def root(self) -> bytes:
        """Return the root of the tree over these leaves (rule 2). Raises ValueError unless it begins at the first."""
        if self.begin:
            raise ValueError("a range has a root only if it begins with the first leaf")
        if not self.subtrees:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), self.hashes()[::-1])

    def hashes(self) -> list[bytes]:
        """Return the roots of the subtrees; a range that begins at 0 can be restored from them and `end`."""
        return [root for _, root in self.subtrees]

    @classmethod
    def restored(cls, size: int, hashes: Sequence[bytes]) -> CompactRange:
        """Return the range over the first `size` leaves from its `hashes`. Raises ValueError for a wrong number."""
        heights = [height for height in reversed(range(size.bit_length())) if size >> height & 1]
        return cls(0, size, list(zip(heights, hashes, strict=True)))


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges whose roots prove that a leaf is in a tree of `size`, from the leaf up (rule 3).

    Raises ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    return list(_siblings(index, 0, size))[::-1]


def _siblings(index: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sibling ranges on the path from the root of these leaves down to `index`."""
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield begin, middle
            begin = middle


def root_of_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to; compare it with a trusted one.

    `leaf` is the hash of the leaf. Raises ValueError if the proof has the wrong length for this leaf.
    """
    path = inclusion_path(index, size)
    if len(proof) != len(path):
        raise ValueError(f"it has {len(proof)} hashes instead of {len(path)}")
    root = leaf
    for (begin, _), sibling in zip(path, proof, strict=True):
        root = node_hash(root, sibling) if begin > index else node_hash(sibling, root)
    return root
