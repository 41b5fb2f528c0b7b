"""Laws of ledgers with several streams: what is found depends on the entries alone, not on how they are cut up."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
from pytest_audit_ledger.kinds.kind import PairwiseScanKind
from pytest_audit_ledger.kinds.sequence_continuity import SequenceContinuity
from pytest_audit_ledger.kinds.timestamp_order import TimestampOrder
from pytest_audit_ledger.model.batch import NULL, Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, SEQUENCE, STREAM, TIMESTAMP, Genesis, Profile
from pytest_audit_ledger.verify import scan
from pytest_audit_ledger.verify.executors import Part
from tests.support.laws import examples

COLUMNS = {SEQUENCE: "n", PREVIOUS: "p", HASH: "h", TIMESTAMP: "t"}
PAIRWISE: list[type[PairwiseScanKind]] = [ChainLinkage, SequenceContinuity, TimestampOrder]
MOMENTS = [f"2026-01-01T00:00:{second:02}+00:00" for second in range(60)]


def ledger(genesis: str | None, first: int | None) -> LedgerInfo:
    profile = Profile(name="p", table="t", columns=COLUMNS, streams=("s",), genesis=Genesis(text=genesis), first=first)
    return LedgerInfo("", "t", "r", {}, "", "2026-01-02T00:00:00+00:00", "", profile=profile)


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, str]]:
    """Return chains of streams, of which a few values are exchanged for wrong ones."""
    rows: list[dict[str, str]] = []
    for stream in draw(st.lists(st.sampled_from(["", *"abcdef"]), max_size=5, unique=True)):
        link = ""
        for number in range(1, draw(st.integers(1, 6)) + 1):
            values = {SEQUENCE: str(number), PREVIOUS: link, HASH: f"{stream}{number}", TIMESTAMP: MOMENTS[number]}
            rows.append({STREAM: stream, **values})
            link = values[HASH]
    wrong = {PREVIOUS: ["", NULL, "a1"], HASH: ["", NULL, "b2"], SEQUENCE: ["1", "9", NULL]}
    wrong[TIMESTAMP] = [MOMENTS[0], MOMENTS[59], NULL, "infinity"]
    for _ in range(draw(st.integers(0, 3)) if rows else 0):
        column = draw(st.sampled_from(sorted(wrong)))
        draw(st.sampled_from(rows))[column] = draw(st.sampled_from(wrong[column]))
    return rows


def fed(kind: PairwiseScanKind, rows: list[dict[str, str]], cuts: list[int]) -> PairwiseScanKind:
    """Feed rows in batches that end at these places."""
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        if start < end:
            kind.feed(Batch({name: [row[name] for row in rows[start:end]] for name in rows[0]}))
            kind.element_count += end - start
    return kind


def found(kind: PairwiseScanKind, rows: list[dict[str, str]], cuts: list[int]) -> Any:
    """Return what the kind finds in rows that come in batches that end at these places."""
    return result(fed(kind, rows, cuts))


def result(kind: PairwiseScanKind) -> Any:
    scan._guarded(kind, kind.close)
    return str(kind.failure), kind.findings.samples, kind.findings.counts, kind.facts


@pytest.mark.parametrize("kind", PAIRWISE, ids=[kind.name for kind in PAIRWISE])
@examples(300)
@given(
    rows=entries(),
    places=st.lists(st.integers(0, 30), max_size=4),
    genesis=st.sampled_from(["", None]),
    first=st.sampled_from([1, None]),
)
def test_neither_batches_nor_the_quick_way_change_what_is_found(
    kind: type[PairwiseScanKind], rows: list[dict[str, str]], places: list[int], genesis: str | None, first: int | None
) -> None:
    info = ledger(genesis, first)
    if genesis is None:
        rows = [{**row, PREVIOUS: NULL if row[PREVIOUS] == "" else row[PREVIOUS]} for row in rows]
    slow: type[Any] = type("Slow", (kind,), {"flawless": lambda *_: None})
    cuts = sorted(min(place, len(rows)) for place in places)
    assert found(kind({}, info, 99), rows, cuts) == found(slow({}, info, 99), rows, [])


@pytest.mark.parametrize("kind", PAIRWISE, ids=[kind.name for kind in PAIRWISE])
@examples(300)
@given(
    rows=entries(),
    ends=st.lists(st.integers(0, 30), max_size=6),
    places=st.lists(st.integers(0, 30), max_size=2),
    samples=st.integers(0, 4),
)
def test_segments_that_begin_within_a_stream_do_not_change_what_is_found(
    kind: type[PairwiseScanKind], rows: list[dict[str, str]], ends: list[int], places: list[int], samples: int
) -> None:
    info = ledger("", 1)
    ends = sorted(min(end, len(rows)) for end in ends)
    segments = [rows[start:end] for start, end in zip([0, *ends], [*ends, len(rows)], strict=True)]
    cuts = [sorted(min(place, len(segment)) for place in places) for segment in segments]
    parts: list[Part] = [[fed(kind({}, info, samples), *one)] for one in zip(segments, cuts, strict=True)]
    (merged,) = reduce(scan._merge_parts, parts)
    assert isinstance(merged, kind)
    assert result(merged) == found(kind({}, info, samples), rows, [])


@pytest.mark.parametrize("kind", PAIRWISE, ids=[kind.name for kind in PAIRWISE])
def test_streams_without_a_fault_are_judged_at_once(kind: type[PairwiseScanKind]) -> None:
    one = {SEQUENCE: ["1", "2", "1"], PREVIOUS: ["", "a1", ""], HASH: ["a1", "a2", "b1"], TIMESTAMP: MOMENTS[:3]}
    assert kind({}, ledger("", 1), 9).flawless(Batch({STREAM: ["a", "a", "b"], **one}), [0, 2]) is not None
