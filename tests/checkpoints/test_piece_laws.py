"""However leaves come, the pieces of a tree lead to its root, and every one of them has its turn."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.checkpoints.merkle import CompactRange, leaf_hash
from pytest_audit_ledger.checkpoints.pieces import CHANGING, MOST_PIECES, Pieces
from pytest_audit_ledger.checkpoints.proof import InclusionPath
from pytest_audit_ledger.model.ledger_info import Share
from tests.support.laws import examples
from tests.support.merkle_trees import inclusion_proof, tree_root

LEAVES = [leaf_hash(str(number).encode()) for number in range(1200)]
NIGHTS = 30

sizes = st.integers(0, len(LEAVES))
cuts = st.lists(sizes, max_size=8).map(sorted)


def grown(size: int, at: list[int]) -> Pieces:
    pieces = Pieces()
    bounds = [0, *(min(cut, size) for cut in at), size]
    for low, high in itertools.pairwise(bounds):
        pieces.extend(LEAVES[low:high])
    return pieces


@examples(60)
@given(sizes, cuts)
def test_pieces_lead_to_the_root_however_the_leaves_came(size: int, at: list[int]) -> None:
    pieces = grown(size, at)
    tree = CompactRange()
    tree.extend(LEAVES[:size])
    assert pieces.tree() == tree
    assert pieces == grown(size, [])
    assert Pieces.restored(pieces.height, pieces.roots, tree) == pieces
    assert len(pieces.roots) < MOST_PIECES
    assert len(pieces.roots) >= MOST_PIECES // 2 or pieces.height == 0
    assert [piece.begin for piece in pieces] == list(range(0, size, 1 << pieces.height))


@examples(60)
@given(st.integers(1, len(LEAVES)), st.data())
def test_pieces_that_are_not_those_of_the_tree_are_refused(size: int, data: st.DataObject) -> None:
    pieces = grown(size, [])
    tree = pieces.tree()
    roots = list(pieces.roots)
    how = data.draw(st.sampled_from(["change", "drop", "add", "height"]))
    at = data.draw(st.integers(0, len(roots) - 1))
    if how == "change":
        roots[at] = bytes(32)
    elif how == "drop":
        del roots[at]
    elif how == "add":
        roots.insert(at, roots[at])
    with pytest.raises(ValueError, match="do not lead to the root"):
        Pieces.restored(pieces.height + (how == "height"), roots, tree)


def shape(size: int) -> Pieces:
    """Return pieces of a tree of that size whose hashes are nothing: only turns are asked for."""
    height = 0
    while size >> height >= MOST_PIECES:
        height += 1
    count, left = size >> height, size % (1 << height)
    return Pieces(height, [b""] * count, CompactRange(count << height, size, [(0, b"")] if left else []))


@examples(100)
@given(size=st.integers(1, 10**7), turns=st.integers(1, 60))
def test_every_piece_has_its_turn_and_a_run_costs_about_its_share(size: int, turns: int) -> None:
    pieces = shape(size)
    due = [pieces.due(Share(turn, turns)) for turn in range(turns)]
    count = sum(1 for _ in pieces)
    assert {number for numbers in due for number in numbers} == set(range(count))
    most = -(-count // turns)
    assert max(map(len, due)) <= (3 * most if len(pieces.roots) >= CHANGING else most)


@examples(100)
@given(size=st.integers(1, 10**7), first=st.integers(0, NIGHTS - 1), growth=st.floats(0, 0.13))
def test_what_is_old_has_its_turn_within_thirty_nights_while_the_ledger_grows(
    size: int, first: int, growth: float
) -> None:
    waiting = {size * part // 997 for part in range(997)}
    for night in range(NIGHTS):
        pieces = shape(size + int(size * growth * night / NIGHTS))
        due = set(pieces.due(Share((first + night) % NIGHTS, NIGHTS)))
        waiting = {index for index in waiting if index >> pieces.height not in due}
    assert waiting == set()


def test_each_day_has_another_share() -> None:
    days = [date(2026, 2, 27) + timedelta(days) for days in range(30)]
    assert {Share.of("1/30", day).turn for day in days} == set(range(30))


@examples(60)
@given(st.integers(1, 200), cuts, st.data())
def test_the_proof_of_a_leaf_is_found_in_one_pass(size: int, at: list[int], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = InclusionPath(index, size)
    bounds = [0, *(min(cut, size) for cut in at), size]
    for low, high in itertools.pairwise(bounds):
        path.feed(low, LEAVES[low:high])
    assert path.leaf == LEAVES[index]
    assert list(path.hashes()) == inclusion_proof(LEAVES[:size], index)
    assert tree_root(LEAVES[:size])
