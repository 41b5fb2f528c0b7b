"""Roots and proofs of Merkle trees over leaves that are all in memory."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_audit_ledger.checkpoints.merkle import CompactRange, inclusion_path


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over these leaves, given as their hashes."""
    tree = CompactRange()
    tree.extend(leaves)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree over these leaves, given as their hashes."""
    return [tree_root(leaves[begin:end]) for begin, end in inclusion_path(index, len(leaves))]
