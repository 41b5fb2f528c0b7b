"""However a ledger is cut into segments and batches, a fold finds the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch
from pytest_audit_ledger.kinds.export_manifest import ExportManifest
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.scratch.sample import PROVENANCE_COLUMNS
from pytest_audit_ledger.verify import scan
from tests.support.laws import examples
from tests.support.rows import LEDGER, Row, batch, signed_rows
from tests.support.signers import KEYS_GIVEN

FOLDS = [kind for kind in SHIPPED if issubclass(kind, ScanKind) and kind not in (ExportManifest, CheckpointMatch)]
"""Those that judge the entries by themselves, and not against files."""

TIMES = [
    "infinity",
    "-infinity",
    None,
    "10000-01-01 00:00:00+00",
    "10000-01-01 00:00:00.5+00",
    "0044-03-15 12:00:00.123+00 BC",
    "0001-01-01T00:00:00+00:00",
    "2025-09-01T06:00:00+00:00",
    "2027-01-01T00:00:00+00:00",
]
VALUES: dict[str, list[str | None]] = {
    "timestamp": [*TIMES],
    "verdict": ["MAYBE", "", None, "NULL", "flag"],
    "previous_hash": [None, "f" * 64, ""],
    "entry_hash": [None, "e" * 64],
    "reasoning": [None, "nothing to see", "\\N"],
    "sequence_number": ["0", "-3", "1", "7", "1000"],
    "track": ["v3-evaluator"],
    "envelope_json": [None, "null", "{}", '{"transcript_ref": "transcript:unsigned"}', '{"large": 1' + 40 * "0" + "}"],
    "envelope_hash": [None, f"sha256:{64 * '0'}"],
    "verifier_status": [None, "AGREED"],
    "transcript_json": [None, "{}", "[1]", '{"request_canonical": "?"}'],
    "transcript_signature": [None, "", 128 * "0"],
    "signing_key_id": [None, f"sha256:{64 * '0'}"],
}

values = st.sampled_from([(column, value) for column, several in VALUES.items() for value in several])
edits = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 30), values),
    st.tuples(st.just("forget"), st.integers(0, 30), st.none()),
    st.tuples(st.just("stop the clock"), st.integers(0, 30), st.sampled_from(["infinity", None])),
    st.tuples(st.just("strip"), st.integers(0, 30), st.sampled_from([3, 6])),
    st.tuples(st.just("delete"), st.integers(0, 30), st.none()),
    st.tuples(st.just("duplicate"), st.integers(0, 30), st.none()),
    st.tuples(st.just("swap"), st.integers(0, 30), st.integers(0, 30)),
)


def edit(rows: list[Row], what: str, where: int, how: Any) -> None:
    """Tamper with the rows at `where`, counted round."""
    here = where % len(rows)
    if what == "set":
        rows[here][how[0]] = how[1]
    elif what == "forget":  # a link that is missing on both of its sides
        rows[here]["entry_hash"] = None
        rows[(here + 1) % len(rows)]["previous_hash"] = None
    elif what == "stop the clock":  # no time at all, and then one from before
        rows[here]["timestamp"] = how
        rows[(here + 1) % len(rows)]["timestamp"] = "2025-09-01T06:00:00+00:00"
    elif what == "strip":  # the transcripts of two neighbours, or all that comes with them
        for row in (rows[here], rows[(here + 1) % len(rows)]):
            row.update(dict.fromkeys(PROVENANCE_COLUMNS[-how:]))
    elif what == "delete" and len(rows) > 1:
        del rows[here]
    elif what == "duplicate":
        rows.insert(here, dict(rows[here]))
    elif what == "swap":
        other = how % len(rows)
        rows[here], rows[other] = rows[other], rows[here]


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    rows = signed_rows(draw(st.integers(1, 20)))
    for what, where, how in draw(st.lists(edits, max_size=6)):
        edit(rows, what, where, how)
    for row in rows[len(rows) - draw(st.integers(0, 2)) :]:  # PostgreSQL sorts them last
        row["sequence_number"] = None
    return rows


@st.composite
def cuts(draw: st.DrawFn) -> list[list[list[Row]]]:
    """Return a ledger as segments of batches; segments may be empty, batches are not."""
    rows = draw(ledgers())
    some = st.lists(st.integers(0, len(rows)), max_size=5).map(sorted)
    inner = draw(some | st.just(list(range(1, len(rows)))))
    segments = [rows[low:high] for low, high in zip([0, *inner], [*inner, len(rows)], strict=True)]
    size = draw(st.integers(1, 7))
    return [[part[at : at + size] for at in range(0, len(part), size)] for part in segments]


def read(fold: ScanKind, batches: Sequence[Batch]) -> ScanKind:
    """Feed a segment to a fold, as scan._read does."""
    for one in batches:
        fold.element_count += len(one)
        fold.feed(one)
    return fold


def result(fold: ScanKind) -> tuple[Any, ...]:
    scan._guarded(fold, fold.close)
    return str(fold.failure), fold.findings.samples, fold.findings.counts, fold.element_count, fold.facts


@pytest.mark.parametrize("kind", FOLDS, ids=[kind.name for kind in FOLDS])
@examples(60)
@given(segments=cuts(), samples=st.integers(0, 8))
def test_segments_and_batches_do_not_change_what_a_fold_finds(
    kind: type[ScanKind], segments: list[list[list[Row]]], samples: int
) -> None:
    rows = [row for segment in segments for part in segment for row in part]
    parameters = KEYS_GIVEN.get(kind.name, {})
    whole = read(kind(parameters, LEDGER, samples), [batch(rows)])
    parts = [[read(kind(parameters, LEDGER, samples), list(map(batch, segment)))] for segment in segments]
    (merged,) = reduce(scan._merge_parts, parts)
    assert merged.failure is None
    assert result(merged) == result(whole)


@pytest.mark.parametrize("kind", FOLDS, ids=[kind.name for kind in FOLDS])
@examples(50)
@given(rows=ledgers(), samples=st.integers(0, 8))
def test_the_samples_are_the_first_findings_and_every_finding_is_counted(
    kind: type[ScanKind], rows: list[Row], samples: int
) -> None:
    everything = read(kind({}, LEDGER, 1000), [batch(rows)])
    some = read(kind({}, LEDGER, samples), [batch(rows)])
    _, all_findings, all_counts, *_ = result(everything)
    _, kept, counts, *_ = result(some)
    assert kept == all_findings[:samples]
    assert counts == all_counts
    assert all_counts.total() == len(all_findings)


NUMBERS = st.integers(-(2**63), 2**63 - 1)


def holds(segment: Segment, number: int) -> bool:
    return (segment.first is None or segment.first <= number) and (segment.end is None or number < segment.end)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(1, 64))
def test_the_segments_of_a_cut_cover_every_number_once(one: int, other: int, number: int, count: int) -> None:
    segments = scan.cut(min(one, other), max(one, other), count)
    assert 1 <= len(segments) <= count
    assert sum(holds(segment, number) for segment in segments) == 1


@given(st.integers(-5, 5), st.integers(0, 60), st.integers(1, 70))
def test_no_segment_of_a_cut_is_empty_and_the_outer_ones_are_open(low: int, length: int, count: int) -> None:
    segments = scan.cut(low, low + length, count)
    assert segments[0].first is None
    assert segments[-1].end is None
    for number in range(low - 2, low + length + 3):
        assert sum(holds(segment, number) for segment in segments) == 1
    for segment in segments:
        assert any(holds(segment, number) for number in range(low, low + length + 1))


def test_an_empty_ledger_is_one_open_segment() -> None:
    assert scan.cut(1, 0, 8) == [Segment()]
