"""A fold that resumes after an entry finds in the newer ones exactly what it finds when it reads all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.checkpoints.merkle import CompactRange, leaf_hash
from pytest_audit_ledger.checkpoints.note import Checkpoint as Statement
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, binding, json_file, note_file, row_leaves
from pytest_audit_ledger.checkpoints.store import checkpoint_path
from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.ledger_info import LedgerInfo, Resumed, Share
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS
from pytest_audit_ledger.verify import scan
from tests.support.laws import examples
from tests.support.merkle_trees import inclusion_proof
from tests.support.rows import LEDGER, Row, batch, sample_rows, signed_rows
from tests.support.signers import KEYS_GIVEN
from tests.verify.test_merge_laws import FOLDS, edit, edits, read

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
SIGNED, TURNS = 20, 7
NAMES = tuple(COPY_COLUMNS)

cuts = st.lists(st.integers(0, 40), max_size=5).map(sorted)


def segments(rows: Sequence[Row], at: Sequence[int]) -> list[Sequence[Row]]:
    bounds = [min(cut, len(rows)) for cut in at]
    return [rows[low:high] for low, high in zip([0, *bounds], [*bounds, len(rows)], strict=True)]


def resumed(make: Any, before: Row, rows: Sequence[Row], at: Sequence[int]) -> ScanKind:
    """Read the rows in segments after the entry `before`, as `scan.scan` does with workers."""
    first = make()
    first.resume(batch([before]))
    parts = [[first], *([read(make(), [batch(part)] if part else [])] for part in segments(rows, at))]
    (merged,) = reduce(scan._merge_parts, parts)
    assert isinstance(merged, ScanKind)
    return merged


@pytest.mark.parametrize("kind", FOLDS, ids=[kind.name for kind in FOLDS])
@examples(80)
@given(after=st.integers(1, 8), newer=st.integers(1, 20), changes=st.lists(edits, max_size=5), at=cuts)
def test_a_resumed_fold_finds_what_a_whole_one_finds(
    kind: type[ScanKind], after: int, newer: int, changes: list[tuple[str, int, Any]], at: list[int]
) -> None:
    rows = signed_rows(after + newer)
    older, later = rows[:after], rows[after:]
    parameters = KEYS_GIVEN.get(kind.name, {})
    for what, where, how in changes:
        edit(later, what, where, how)
    whole = read(kind(parameters, LEDGER, 100), [batch([*older, *later])])
    fold = resumed(lambda: kind(parameters, LEDGER, 100), older[-1], later, at)
    for one in (whole, fold):
        scan._guarded(one, one.close)
    assert (fold.findings.samples, fold.findings.counts) == (whole.findings.samples, whole.findings.counts)


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """A checkpoint of the first entries of the sample ledger, with its record."""
    rows = sample_rows(SIGNED)
    leaves = [leaf_hash(bytes.fromhex(row["entry_hash"] or "")) for row in rows]
    trees, pieces = [CompactRange(), CompactRange()], [Pieces(), Pieces()]
    for of_leaves, tree, of_tree in zip((leaves, row_leaves(batch(rows), NAMES)), trees, pieces, strict=True):
        tree.extend(of_leaves)
        of_tree.extend(of_leaves)
    record = CheckpointRecord(
        checkpoint=Statement(KEY.name, SIGNED, trees[0].root()),
        created_at=LEDGER.server_time,
        tool_version="x",
        database="x",
        table="x",
        server_version="x",
        columns=dict.fromkeys(NAMES, "text"),
        entries=trees[0],
        rows=trees[1],
        pieces=pieces[0],
        row_pieces=pieces[1],
        last_entry=rows[-1]["entry_hash"] or "",
        proof=tuple(inclusion_proof(leaves, SIGNED - 1)),
        guards={},
    )
    with tempfile.TemporaryDirectory() as name:
        path = checkpoint_path(Path(name), SIGNED)
        path.write_bytes(KEY.sign(record.checkpoint.text()))
        json_file(path).write_bytes(record.data())
        note_file(path).write_bytes(KEY.sign(binding(record.checkpoint, record.data())))
        yield name


def compared(folder: str, rows: Sequence[Row], at: Sequence[int], share: Share) -> CheckpointMatch:
    """Check the rows against the checkpoint in a run that resumes after it and reads a share again."""
    path = str(checkpoint_path(Path(folder), SIGNED))
    info: LedgerInfo = replace(
        LEDGER,
        resumed=Resumed(SIGNED, path, LEDGER.server_time, share),
        columns={name: Column("text", False) for name in NAMES},
    )
    parameters = {"folders": [folder], "verifier_keys": [str(KEY.verifier())]}
    by_number = {int(row["sequence_number"] or 0): row for row in rows}
    fold: Any = resumed(
        lambda: CheckpointMatch(parameters, info, 20),
        by_number[SIGNED],
        [row for number, row in by_number.items() if number > SIGNED],
        at,
    )
    for place, (first, last) in enumerate(fold.again):
        for number in range(first, last + 1):
            if number in by_number:
                fold.reread(place, batch([by_number[number]]))
    fold.close()
    assert isinstance(fold, CheckpointMatch)
    return fold


columns = st.sampled_from([name for name in NAMES if name not in ("sequence_number", "timestamp", "entry_hash")])
values = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4))


@examples(30)
@given(index=st.integers(0, SIGNED - 2), column=columns, value=values, newer=st.integers(0, 8), at=cuts)
def test_the_nights_of_a_month_find_every_edit_of_an_older_entry_and_each_only_its_own(
    folder: str, index: int, column: str, value: str | None, newer: int, at: list[int]
) -> None:
    rows = sample_rows(SIGNED + newer)
    unchanged = rows[index][column] == value
    rows[index][column] = value
    nights = [compared(folder, rows, at, Share(turn, TURNS)) for turn in range(TURNS)]
    due = [turn for turn in range(TURNS) if index % TURNS == turn and not unchanged]
    assert [turn for turn, fold in enumerate(nights) if fold.findings.counts] == due
    for turn in due:
        (finding,) = nights[turn].findings.samples
        assert f"entry {index + 1} " in finding.message
        assert finding.code == "REWRITTEN"
    assert sum(fold.anchor.reread for fold in nights if fold.anchor) == SIGNED


@examples(20)
@given(index=st.integers(0, SIGNED - 2), at=cuts)
def test_the_nights_of_a_month_find_every_older_entry_that_is_gone(folder: str, index: int, at: list[int]) -> None:
    rows = sample_rows(SIGNED + 3)
    del rows[index]
    nights = [compared(folder, rows, at, Share(turn, TURNS)) for turn in range(TURNS)]
    assert [turn for turn, fold in enumerate(nights) if fold.findings.codes() == {"REWRITTEN": 1}] == [index % TURNS]


@examples(30)
@given(newer=st.integers(0, 10), at=cuts, turn=st.integers(0, TURNS - 1))
def test_whatever_is_appended_passes_and_is_counted(folder: str, newer: int, at: list[int], turn: int) -> None:
    fold = compared(folder, sample_rows(SIGNED + newer), at, Share(turn, TURNS))
    assert fold.findings.codes() == {}
    assert fold.anchor is not None
    assert (fold.anchor.entries, fold.anchor.total) == (SIGNED, SIGNED + newer)
    assert fold.anchor.unread + fold.anchor.reread == SIGNED
