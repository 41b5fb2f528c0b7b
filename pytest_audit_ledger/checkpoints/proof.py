"""The proof of one entry, as C2SP specifies it (tlog-proof v1). No I/O.

    c2sp.org/tlog-proof@v1
    index 41
    Y6ysKjThEjtKUwCyOlB0Xg4AdOcUzHDaRpqw24QVw9E=
    …

    bank.example/ledger
    4327
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — bank.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZni…

The index counts from 0, so it is the sequence number less one. The lines after it are the inclusion proof of RFC 6962,
from the leaf's sibling up to the child of the root; after an empty line follows the checkpoint as it was signed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE, CompactRange, inclusion_path, root_of_proof
from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, decode, encode

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"

LARGEST_PROOF = 2 * LARGEST_NOTE
"""Bytes: the checkpoint, and as much beside it."""


@dataclass(frozen=True)
class TlogProof:
    """That a leaf is in the tree of a checkpoint; `note` is the checkpoint as it was signed, and not yet proven."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes

    def data(self) -> bytes:
        """Return the file."""
        lines = (HEADER, f"index {self.index}", *map(encode, self.hashes), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Read a file (tlog-proof, "Format"), and pass over extra data, which nothing authenticates.

        Raises ValueError.
        """
        if len(data) > LARGEST_PROOF:
            raise ValueError(f"it is larger than {LARGEST_PROOF:,} bytes")
        head, parted, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ValueError("it holds what is no ASCII before its checkpoint") from None
        if first != HEADER or not parted:
            raise ValueError(f"it does not begin with {HEADER}, or has no checkpoint")
        if lines and lines[0].startswith("extra "):
            decode(lines.pop(0).removeprefix("extra "))
        index = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[0]) if lines else None
        if index is None:
            raise ValueError("it does not say the index of an entry")
        hashes = tuple(map(decode, lines[1:]))
        if any(len(node) != HASH_SIZE for node in hashes):
            raise ValueError("it holds a hash that is not 32 bytes long")
        return cls(int(index[1]), hashes, note)

    def root(self, leaf: bytes, size: int) -> bytes:
        """Return the root that the proof leads to from the hash of a leaf. Raises ValueError where it cannot be one."""
        return root_of_proof(leaf, self.index, size, self.hashes)


class InclusionPath:
    """The hashes beside the way from one leaf up to the root, from leaves that are read once and kept nowhere."""

    def __init__(self, index: int, size: int) -> None:
        """Take the leaf, counted from 0, and the size of the tree. Raises ValueError where there is no such leaf."""
        self._ranges = inclusion_path(index, size)
        self._trees = {begin: CompactRange() for begin, _ in self._ranges}
        self.index, self.size = index, size
        self.leaf = b""
        """The hash of the leaf itself, once it was fed."""

    def feed(self, begin: int, leaves: Sequence[bytes]) -> None:
        """Append leaves, given as their hashes, of which the first is number `begin`."""
        end = begin + len(leaves)
        if begin <= self.index < end:
            self.leaf = leaves[self.index - begin]
        for low, high in self._ranges:
            if low < end and begin < high:
                self._trees[low].extend(leaves[max(low - begin, 0) : high - begin])

    def hashes(self) -> tuple[bytes, ...]:
        """Return the inclusion proof; it leads to the root if, and only if, every leaf was there."""
        return tuple(self._trees[begin].root() for begin, _ in self._ranges)
