"""However leaves are cut into batches and segments, the trees over them are those that RFC 6962 defines."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.checkpoints import merkle
from pytest_audit_ledger.checkpoints.merkle import EMPTY_ROOT, CompactRange, leaf_hash, node_hash, root_of_proof
from pytest_audit_ledger.checkpoints.prefixes import Prefixes
from tests.support.merkle_trees import inclusion_proof

LEAVES = [leaf_hash(str(number).encode()) for number in range(1, 201)]

sizes = st.integers(0, len(LEAVES))
cuts = st.lists(sizes, max_size=8).map(sorted)


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """The tree hash as RFC 6962, section 2.1, writes it down."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


def pieces(leaves: Sequence[bytes], at: Sequence[int]) -> list[Sequence[bytes]]:
    return [leaves[low:high] for low, high in zip([0, *at], [*at, len(leaves)], strict=True)]


@given(sizes, cuts)
def test_batches_make_the_tree_of_the_definition(size: int, at: list[int]) -> None:
    tree = CompactRange()
    for piece in pieces(LEAVES[:size], [min(cut, size) for cut in at]):
        tree.extend(piece)
    assert (tree.root(), tree.end) == (by_definition(LEAVES[:size]), size)
    assert CompactRange.restored(size, tree.hashes()) == tree


@given(cuts)
def test_ranges_merge_to_the_tree_of_the_definition(at: list[int]) -> None:
    whole = CompactRange()
    for piece, begin in zip(pieces(LEAVES, at), [0, *at], strict=True):
        part = CompactRange(begin)
        part.extend(piece)
        assert len(part.subtrees) <= 2 * len(LEAVES).bit_length()
        whole.merge(part)
    assert whole.root() == by_definition(LEAVES)


@given(st.integers(1, len(LEAVES)), st.data())
def test_a_proof_leads_to_the_root_and_that_of_another_leaf_does_not(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(LEAVES[:size], index)
    root = by_definition(LEAVES[:size])
    assert root_of_proof(LEAVES[index], index, size, proof) == root
    if other != index:
        assert root_of_proof(LEAVES[other], index, size, proof) != root


@given(st.integers(1, len(LEAVES)))
def test_the_range_before_the_last_leaf_is_its_proof(size: int) -> None:
    before = CompactRange()
    before.extend(LEAVES[: size - 1])
    assert before.hashes()[::-1] == inclusion_proof(LEAVES[:size], size - 1)


def read(numbers: Sequence[int | None], asked: Sequence[int], segments: Sequence[int], batch: int) -> Prefixes:
    """Return the trees over entries with these numbers, each leaf made from its number, read in segments."""
    found = Prefixes(asked)
    bounds = [0, *(min(cut, len(numbers)) for cut in segments), len(numbers)]
    for low, high in pairwise(bounds):
        part = Prefixes(asked)
        for start in range(low, high, batch):
            chunk = numbers[start : min(start + batch, high)]
            part.feed(chunk, [sha256(str(number).encode()).digest() for number in chunk])
        found.merge(part)
    return found


@given(sizes, st.lists(sizes, max_size=6), cuts, st.integers(1, 50))
def test_the_roots_asked_for_do_not_depend_on_segments(size: int, asked: list[int], at: list[int], batch: int) -> None:
    numbers = list(range(1, size + 1))
    found = read(numbers, asked, at, batch)
    leaves = [sha256(str(number).encode()).digest() for number in numbers]
    for wanted in asked:
        expected = by_definition(leaves[:wanted]) if wanted <= size else None
        assert found.root(wanted) == expected


irregular = st.one_of(
    st.tuples(st.just("delete"), st.integers(0, 59)),
    st.tuples(st.just("duplicate"), st.integers(0, 59)),
    st.tuples(st.just("forget"), st.integers(0, 59)),
)


@given(irregular, cuts, st.integers(1, 50))
def test_no_root_is_known_from_an_irregular_number_on(how: tuple[str, int], at: list[int], batch: int) -> None:
    what, index = how
    numbers: list[int | None] = list(range(1, 61))
    if what == "delete":
        del numbers[index]
    elif what == "duplicate":
        numbers.insert(index, index + 1)
    else:  # PostgreSQL sorts missing numbers last
        del numbers[index]
        numbers.append(None)
    first_bad = index + 2 if what == "duplicate" else index + 1
    found = read(numbers, range(1, 61), at, batch)
    assert [size for size in range(1, 61) if found.root(size) is not None] == list(range(1, first_bad))


@given(st.lists(st.binary(max_size=200), max_size=9), st.booleans())
def test_hashes_made_at_once_are_those_of_each(texts: list[bytes], natively: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not natively:
            patch.setattr(merkle, "LEAVES", None)
            patch.setattr(merkle, "NODES", None)
        leaves = merkle.leaf_hashes(iter(texts))
        assert leaves == list(map(leaf_hash, texts))
        assert merkle.node_hashes(leaves) == list(map(node_hash, leaves[::2], leaves[1::2]))
