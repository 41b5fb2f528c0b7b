"""The Merkle tree against the published vectors of RFC 6962, and against its definition."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.checkpoints.merkle import (
    EMPTY_ROOT,
    CompactRange,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of_proof,
)
from tests.support.merkle_trees import inclusion_proof, tree_root

# The vectors of the certificate-transparency project, which transparency-dev/merkle (testonly) carries on.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOFS = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}
HASHES = [leaf_hash(leaf) for leaf in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_were_published(size: int) -> None:
    assert tree_root(HASHES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PROOFS)
def test_proofs_are_those_that_were_published(index: int, size: int) -> None:
    assert tuple(node.hex() for node in inclusion_proof(HASHES[:size], index)) == PROOFS[index, size]


def test_a_tree_without_leaves_has_a_root() -> None:
    assert CompactRange().root() == EMPTY_ROOT


def test_a_leaf_is_no_node() -> None:
    left, right = HASHES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


def test_ranges_that_do_not_follow_each_other_do_not_merge() -> None:
    tree = CompactRange()
    tree.extend(HASHES[:3])
    with pytest.raises(ValueError, match="does not follow"):
        tree.merge(CompactRange(begin=4))


def test_a_range_that_does_not_begin_with_the_first_leaf_has_no_root() -> None:
    with pytest.raises(ValueError, match="has a root only if"):
        CompactRange(begin=1).root()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (8, 8), (-1, 8)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        inclusion_path(index, size)


def test_a_proof_of_another_length_proves_nothing() -> None:
    proof = inclusion_proof(HASHES, 3)
    for wrong in (proof[:-1], [*proof, proof[0]], []):
        with pytest.raises(ValueError, match=r"it has \d hashes instead of 3"):
            root_of_proof(HASHES[3], 3, 8, wrong)


def test_a_saved_range_with_too_few_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        CompactRange.restored(7, HASHES[:2])
