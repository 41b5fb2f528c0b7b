"""Whatever is done to entries below a checkpoint is found, whatever is appended is not, however the ledger is cut."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.checkpoints.merkle import leaf_hash
from pytest_audit_ledger.checkpoints.note import Checkpoint as Statement
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.store import checkpoint_path
from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.verify.scan import _merge
from tests.support.merkle_trees import tree_root
from tests.support.rows import LEDGER, Row, batch, sample_rows

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
SIZES = (3, 12, 20)
ENTRIES = 30

positions = st.integers(0, SIZES[-1] - 1)
cuts = st.lists(st.integers(0, ENTRIES + 5), max_size=5).map(sorted)
columns = st.sampled_from([name for name in PAYLOAD_COLUMNS.values() if name not in ("sequence_number", "timestamp")])
values = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5))


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """Checkpoints of the sample ledger, at several sizes."""
    leaves = [leaf_hash(bytes.fromhex(row["entry_hash"] or "")) for row in sample_rows(ENTRIES)]
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            note = KEY.sign(Statement(KEY.name, size, tree_root(leaves[:size])).text())
            checkpoint_path(Path(name), size).write_bytes(note)
        yield name


def judged(folder: str, rows: Sequence[Row], at: Sequence[int]) -> CheckpointMatch:
    """Hold the rows against the checkpoints, read in segments of one batch each."""
    parameters = {"folders": [folder], "verifier_keys": [str(KEY.verifier())]}
    bounds = [0, *(min(cut, len(rows)) for cut in at), len(rows)]
    parts: list[ScanKind] = []
    for low, high in pairwise(bounds):
        part = CheckpointMatch(parameters, LEDGER, 20)
        if high > low:
            part.feed(batch(rows[low:high]))
            part.element_count = high - low
        parts.append(part)
    whole: Any = reduce(_merge, parts)
    whole.close()
    return whole  # type: ignore[no-any-return]


def window(index: int) -> str:
    """Return how the window that an entry is in is described, counted from 0."""
    first = max((size for size in (0, *SIZES) if size <= index), default=0) + 1
    last = min(size for size in SIZES if size > index)
    return f"an entry between {first} and {last} "


@given(positions, columns, values, cuts)
def test_any_edit_below_a_checkpoint_is_found_in_its_window(
    folder: str, index: int, column: str, value: str | None, at: list[int]
) -> None:
    rows = sample_rows(ENTRIES)
    unchanged = rows[index][column] == value
    rows[index][column] = value
    fold = judged(folder, rows, at)
    assert fold.findings.codes() == ({} if unchanged else {"REWRITTEN": 1})
    if not unchanged:
        assert window(index) in fold.findings.samples[0].message


def renumbered(rows: list[Row]) -> list[Row]:
    return [{**row, "sequence_number": str(number)} for number, row in enumerate(rows, 1)]


reordering = st.sampled_from(["delete", "delete and renumber", "insert", "insert and renumber", "swap"])


@given(positions, positions, reordering, cuts)
def test_any_deletion_insertion_or_reorder_below_a_checkpoint_is_found(
    folder: str, index: int, other: int, how: str, at: list[int]
) -> None:
    rows = sample_rows(ENTRIES)
    if how.startswith("delete"):
        del rows[index]
    elif how.startswith("insert"):
        rows.insert(index, dict(rows[other]))
    else:
        rows[index], rows[other] = rows[other], rows[index]
    if how.endswith("renumber"):
        rows = renumbered(rows)
    # a swap with itself, or the last entry twice, leaves those below as they are
    unchanged = rows[: SIZES[-1]] == sample_rows(ENTRIES)[: SIZES[-1]]
    assert judged(folder, rows, at).findings.codes() == ({} if unchanged else {"REWRITTEN": 1})


@given(st.integers(0, SIZES[-1] - 1), cuts)
def test_any_truncation_below_a_checkpoint_is_found(folder: str, left: int, at: list[int]) -> None:
    fold = judged(folder, sample_rows(ENTRIES)[:left], at)
    assert fold.findings.codes() == {"TRUNCATED": 1}
    assert fold.findings.samples[0].sequence_number == left + 1


@given(st.integers(0, ENTRIES - SIZES[-1]), st.lists(st.tuples(columns, values), max_size=5), cuts)
def test_whatever_is_appended_passes(
    folder: str, appended: int, edits: list[tuple[str, str | None]], at: list[int]
) -> None:
    rows = sample_rows(SIZES[-1] + appended)
    for offset, (column, value) in enumerate(edits):
        for row in rows[SIZES[-1] + offset :][:1]:
            row[column] = value
    fold = judged(folder, rows, at)
    assert fold.findings.codes() == {}
    assert fold.anchor is not None
    assert (fold.anchor.entries, fold.anchor.total) == (SIZES[-1], len(rows))
