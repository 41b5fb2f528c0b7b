"""The proof of one entry, as C2SP specifies it (tlog-proof v1). No I/O.

    c2sp.org/tlog-proof@v1
    index 41
    Y6ysKjThEjtKUwCyOlB0Xg4AdOcUzHDaRpqw24QVw9E=
    …

    bank.example/ledger
    4327
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — bank.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZni…

The index counts from 0: it is the position (see `positions.py`) minus one. The next lines are the inclusion proof of
RFC 6962, from the leaf's sibling up to the child of the root; after an empty line follows the signed checkpoint.
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
"""Bytes: the checkpoint, and the same again for the rest."""


@dataclass(frozen=True)
class TlogProof:
    """A proof that a leaf is in the tree of a checkpoint; `note` is that checkpoint, not verified yet."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes

    def data(self) -> bytes:
        """Return the bytes of the file."""
        lines = (HEADER, f"index {self.index}", *map(encode, self.hashes), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Read a file (tlog-proof, "Format"), without its unauthenticated extra data. Raises ValueError."""
        head, separator, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError("it is not ASCII before its checkpoint") from error
        if first != HEADER or not separator:
            raise ValueError(f"it does not begin with {HEADER}, or has no checkpoint")
        if lines and lines[0].startswith("extra "):
            decode(lines.pop(0).removeprefix("extra "))
        index = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[0]) if lines else None
        if index is None:
            raise ValueError("it does not give the index of an entry")
        hashes = tuple(map(decode, lines[1:]))
        if any(len(node) != HASH_SIZE for node in hashes):
            raise ValueError("it contains a hash that is not 32 bytes long")
        return cls(int(index[1]), hashes, note)

    def root(self, leaf: bytes, size: int) -> bytes:
        """Return the root that the proof leads to from a leaf's hash. Raises ValueError for a proof of wrong length."""
        return root_of_proof(leaf, self.index, size, self.hashes)


class InclusionPath:
    """The sibling hashes on the path from one leaf to the root, from leaves that are read once and not kept."""

    def __init__(self, index: int, size: int) -> None:
        """Take the leaf's index, from 0, and the size of the tree. Raises ValueError if there is no such leaf."""
        self._ranges = inclusion_path(index, size)
        self._trees = {begin: CompactRange() for begin, _ in self._ranges}
        self.index, self.size = index, size
        self.leaf = b""
        """The hash of the leaf itself, after it was fed."""

    def feed(self, begin: int, leaves: Sequence[bytes]) -> None:
        """Append leaves, given as their hashes; the first has the index `begin`."""
        end = begin + len(leaves)
        if begin <= self.index < end:
            self.leaf = leaves[self.index - begin]
        for low, high in self._ranges:
            if low < end and begin < high:
                self._trees[low].extend(leaves[max(low - begin, 0) : high - begin])

    def hashes(self) -> tuple[bytes, ...]:
        """Return the inclusion proof; it leads to the root if and only if every leaf was fed."""
        return tuple(self._trees[begin].root() for begin, _ in self._ranges)
