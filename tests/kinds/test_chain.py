"""The folds over the chain: each fault has its code and its place, and what only looks like one has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_audit_ledger.kinds.chain_linkage import ChainLinkage
from pytest_audit_ledger.kinds.entry_hash import EntryHash
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.sequence_continuity import SequenceContinuity
from pytest_audit_ledger.kinds.timestamp_order import TimestampOrder
from pytest_audit_ledger.kinds.verdict_taxonomy import VerdictTaxonomy
from pytest_audit_ledger.model.entry import GENESIS_HASH, VERDICTS, Entry, entry_hash
from pytest_audit_ledger.model.outcome import LONGEST_TEXT
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.support.rows import LEDGER, Row, batch, changed, places, row, run, sample_rows

FOLDS: list[type[ScanKind]] = [ChainLinkage, EntryHash, SequenceContinuity, TimestampOrder, VerdictTaxonomy]
OTHER = "f" * 64


@pytest.mark.parametrize("kind", FOLDS, ids=[kind.name for kind in FOLDS])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_valid_ledger_passes(kind: type[ScanKind], count: int) -> None:
    fold = run(kind, sample_rows(count))
    assert places(fold) == []
    assert fold.facts == {}


@pytest.mark.parametrize("kind", FOLDS, ids=[kind.name for kind in FOLDS])
def test_a_fold_that_saw_nothing_finds_nothing(kind: type[ScanKind]) -> None:
    fold = kind({}, LEDGER, 20)
    fold.close()
    assert places(fold) == []


# chain_linkage


def test_a_first_entry_that_does_not_start_from_zeros_is_found() -> None:
    fold = run(ChainLinkage, changed(sample_rows(), 1, previous_hash=OTHER))
    assert places(fold) == [("HASH_MISMATCH", 1)]
    (finding,) = fold.findings.samples
    assert (finding.expected, finding.actual) == (GENESIS_HASH, OTHER)


@pytest.mark.parametrize("number", [2, 5, 10])
@pytest.mark.parametrize(
    "link", [OTHER, "", GENESIS_HASH, None, "upper case", "trailing space"], ids=lambda link: str(link)[:14]
)
def test_a_link_to_another_hash_is_found_where_it_stands(number: int, link: str | None) -> None:
    rows = sample_rows()
    right = str(rows[number - 1]["previous_hash"])
    wrong = {"upper case": right.upper(), "trailing space": f"{right} "}.get(link or "", link)
    fold = run(ChainLinkage, changed(rows, number, previous_hash=wrong))
    assert places(fold) == [("HASH_MISMATCH", number)]
    (finding,) = fold.findings.samples
    assert (finding.expected, finding.actual) == (right, "NULL" if wrong is None else wrong)


@pytest.mark.parametrize("stored", [OTHER, None])
def test_another_entry_hash_is_found_at_the_entry_that_links_to_it(stored: str | None) -> None:
    assert places(run(ChainLinkage, changed(sample_rows(), 4, entry_hash=stored))) == [("HASH_MISMATCH", 5)]


def test_a_missing_link_to_a_missing_hash_is_no_link() -> None:
    rows = changed(changed(sample_rows(), 4, entry_hash=None), 5, previous_hash=None)
    assert places(run(ChainLinkage, rows)) == [("HASH_MISMATCH", 5)]


def test_a_deleted_entry_is_found_at_the_entry_after_it() -> None:
    rows = sample_rows()
    del rows[3:6]
    assert places(run(ChainLinkage, rows)) == [("HASH_MISMATCH", 7)]


def test_a_cut_off_start_is_found_at_the_first_entry_left() -> None:
    assert places(run(ChainLinkage, sample_rows()[3:])) == [("HASH_MISMATCH", 4)]


def test_a_duplicate_entry_is_found_at_its_second_place() -> None:
    rows = sample_rows()
    rows.insert(5, dict(rows[4]))
    assert places(run(ChainLinkage, rows)) == [("HASH_MISMATCH", 5)]


def test_swapped_entries_break_three_links() -> None:
    rows = sample_rows()
    rows[4], rows[5] = rows[5], rows[4]
    assert places(run(ChainLinkage, rows)) == [("HASH_MISMATCH", 6), ("HASH_MISMATCH", 5), ("HASH_MISMATCH", 7)]


def test_linkage_says_nothing_about_the_last_hash_nor_about_contents_nor_numbers() -> None:
    rows = changed(sample_rows(), 10, entry_hash=OTHER)
    rows = changed(rows, 5, reasoning="nothing to see", timestamp="infinity", sequence_number="77")
    assert places(run(ChainLinkage, rows)) == []


@pytest.mark.parametrize("broken", [(), (9,)], ids=["nothing else", "and another"])
def test_a_chain_that_starts_late_starts_from_zeros_whatever_else_is_in_the_batch(broken: tuple[int, ...]) -> None:
    rows = sample_rows()
    for number in broken:
        rows = changed(rows, number, previous_hash=OTHER)
    ledger = replace(LEDGER, profile=replace(LEDGER.profile, starts_at=5))
    fold = run(ChainLinkage, rows, ledger=ledger)
    assert places(fold) == [("HASH_MISMATCH", number) for number in (5, *broken)]
    begun = run(
        ChainLinkage, changed(changed(rows, 5, previous_hash=GENESIS_HASH), 3, previous_hash=None), ledger=ledger
    )
    assert places(begun) == [("HASH_MISMATCH", number) for number in broken]


def test_a_single_entry_that_starts_from_zeros_is_a_chain() -> None:
    assert places(run(ChainLinkage, sample_rows(1))) == []


# entry_hash


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sequence_number", "55"),
        ("sequence_number", None),
        ("previous_hash", OTHER),
        ("timestamp", "2025-09-01T06:00:01+00:00"),
        ("verdict", "DISCRETIONARY"),
        ("telemetry_id", "TEL_X"),
        ("telemetry_hash", OTHER),
        ("rule_id", "energy.none"),
        ("knowledge_graph_version", "energy-9.0.0"),
        ("ski_model_version", "3.1.0 "),
        ("reasoning", "nothing to see"),
        ("track", "symbolic "),
    ],
)
def test_a_changed_value_is_found_where_it_stands(column: str, value: str | None) -> None:
    rows = sample_rows()
    rows[4][column] = value
    number = int(rows[4]["sequence_number"]) if rows[4]["sequence_number"] else None
    fold = run(EntryHash, rows)
    assert places(fold) == [("ENTRY_HASH_MISMATCH", number)]
    assert fold.findings.samples[0].actual == rows[4]["entry_hash"]


@pytest.mark.parametrize("column", ["rule_id", "knowledge_graph_version", "reasoning", "track"])
@pytest.mark.parametrize(("written", "stored"), [(None, ""), ("", None), (None, "null"), (None, "\\N"), (None, "None")])
def test_a_missing_value_is_not_an_empty_or_similar_one(column: str, written: str | None, stored: str | None) -> None:
    (entry,) = sample_entries(1)
    as_written = row(Entry(**{**entry.__dict__, column: written}))
    assert places(run(EntryHash, [as_written])) == []
    assert places(run(EntryHash, [{**as_written, column: stored}])) == [("ENTRY_HASH_MISMATCH", 1)]


@pytest.mark.parametrize("stored", [OTHER, None, "", "upper case", GENESIS_HASH])
def test_another_stored_hash_is_found_with_the_one_it_should_be(stored: str | None) -> None:
    rows = sample_rows()
    right = str(rows[4]["entry_hash"])
    rows[4]["entry_hash"] = right.upper() if stored == "upper case" else stored
    fold = run(EntryHash, rows)
    assert places(fold) == [("ENTRY_HASH_MISMATCH", 5)]
    assert fold.findings.samples[0].expected == right


@pytest.mark.parametrize("odd", ["infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC", None])
def test_a_timestamp_that_no_payload_can_hold_has_no_hash(odd: str | None) -> None:
    fold = run(EntryHash, changed(sample_rows(), 5, timestamp=odd))
    assert places(fold) == [("ENTRY_HASH_MISMATCH", 5)]
    assert fold.findings.samples[0].expected == "no hash exists"


def test_a_hash_made_over_an_odd_timestamp_as_printed_does_not_excuse_it() -> None:
    (entry,) = sample_entries(1)
    assert places(run(EntryHash, [row(replace(entry, timestamp="infinity"))])) == [("ENTRY_HASH_MISMATCH", 1)]


def test_hostile_but_honest_contents_pass() -> None:
    (entry,) = sample_entries(1)
    hostile = replace(entry, reasoning='"\\N" \v\x1f \\ 🏭', rule_id="\\N", track="null", verdict='","x":"')
    assert places(run(EntryHash, [row(hostile)])) == []


def test_an_entry_of_its_own_says_nothing_about_links_order_or_verdicts() -> None:
    (entry,) = sample_entries(1)
    lone = replace(
        entry, sequence_number=7, previous_hash=OTHER, verdict="MAYBE", timestamp="0001-01-01T00:00:00+00:00"
    )
    assert places(run(EntryHash, [row(lone)])) == []


def test_every_changed_entry_is_found() -> None:
    rows = [{**row, "reasoning": "x"} for row in sample_rows(15)]
    fold = run(EntryHash, rows, samples=5)
    assert places(fold) == [("ENTRY_HASH_MISMATCH", number) for number in range(1, 6)]
    assert fold.findings.codes() == {"ENTRY_HASH_MISMATCH": 15}


# sequence_continuity


def numbered(*numbers: int | None) -> list[Row]:
    (model,) = sample_rows(1)
    return [{**model, "sequence_number": None if number is None else str(number)} for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "expected", "missing"),
    [
        ([1], [], None),
        ([1, 2, 3], [], None),
        ([1, 2, 4], [("SEQUENCE_GAP", 3)], "1"),
        ([1, 2, 6, 7], [("SEQUENCE_GAP", 3)], "3"),
        ([1, 3, 5], [("SEQUENCE_GAP", 2), ("SEQUENCE_GAP", 4)], "2"),
        ([2, 3], [("SEQUENCE_GAP", 1)], "1"),
        ([5, 6, 8], [("SEQUENCE_GAP", 1), ("SEQUENCE_GAP", 7)], "5"),
        ([1, 2**63 - 1], [("SEQUENCE_GAP", 2)], f"{2**63 - 3:,}"),
        ([0, 1, 2], [("SEQUENCE_START", 0)], None),
        ([-1, 0, 1], [("SEQUENCE_START", -1)], None),
        ([1, 2, 2, 3], [("SEQUENCE_DUPLICATE", 2)], None),
        ([1, 1], [("SEQUENCE_DUPLICATE", 1)], None),
        ([1, 2, 2, 2, 3], [("SEQUENCE_DUPLICATE", 2), ("SEQUENCE_DUPLICATE", 2)], None),
        ([1, 2, None], [("SEQUENCE_MISSING", None)], None),
        ([1, 2, None, None], [("SEQUENCE_MISSING", None), ("SEQUENCE_MISSING", None)], None),
        ([None], [("SEQUENCE_MISSING", None)], None),
    ],
    ids=lambda value: str(value) if isinstance(value, list) and value and isinstance(value[0], int) else "",
)
def test_sequence_numbers(
    numbers: list[int | None], expected: list[tuple[str, int | None]], missing: str | None
) -> None:
    fold = run(SequenceContinuity, numbered(*numbers))
    assert places(fold) == expected
    assert fold.facts == ({} if missing is None else {"missing entries": missing})


def test_a_gap_says_what_is_missing_and_what_stands_there() -> None:
    (gap,) = run(SequenceContinuity, numbered(1, 2, 6)).findings.samples
    assert gap.message == "3 entries are missing after 2: 3 to 5"
    assert (gap.expected, gap.actual) == ("3", "6")
    (gap,) = run(SequenceContinuity, numbered(1, 3)).findings.samples
    assert gap.message == "1 entry is missing after 1: 2"
    (gap,) = run(SequenceContinuity, numbered(4)).findings.samples
    assert gap.message == "3 entries are missing before the first entry: 1 to 3"


def test_a_gap_after_the_number_zero_does_not_stand_before_the_first_entry() -> None:
    _, gap = run(SequenceContinuity, numbered(0, 3)).findings.samples
    assert "before the first entry" not in gap.message


def test_continuity_says_nothing_about_links_contents_or_time() -> None:
    rows = sample_rows()
    for changed_row in rows:
        changed_row.update(previous_hash=OTHER, reasoning="x", timestamp="infinity", verdict="MAYBE")
    assert places(run(SequenceContinuity, rows)) == []


# timestamp_order; the server's clock stands at 2026-06-01T12:00:00, the tolerance is five minutes


def timed(*texts: str | None) -> list[Row]:
    (model,) = sample_rows(1)
    return [{**model, "sequence_number": str(number), "timestamp": text} for number, text in enumerate(texts, 1)]


DAY = "2026-05-01T"
ODD_OLD = "0044-03-15 12:00:00+00 BC"
ODD_FAR = "10000-01-01 00:00:00+00"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([f"{DAY}10:00:00+00:00", f"{DAY}10:00:00+00:00"], []),
        ([f"{DAY}10:00:00.000001+00:00", f"{DAY}10:00:00.000001+00:00"], []),
        ([f"{DAY}10:00:00+00:00", f"{DAY}10:00:00.000001+00:00"], []),
        ([f"{DAY}10:00:00.999999+00:00", f"{DAY}10:00:01+00:00"], []),
        ([f"{DAY}10:00:00.000001+00:00", f"{DAY}10:00:00+00:00"], [("TIMESTAMP_ORDER", 2)]),
        ([f"{DAY}10:00:01+00:00", f"{DAY}10:00:00.999999+00:00"], [("TIMESTAMP_ORDER", 2)]),
        (["2025-12-31T23:59:59+00:00", "2026-01-01T00:00:00+00:00"], []),
        (["2026-01-01T00:00:00+00:00", "2025-12-31T23:59:59+00:00"], [("TIMESTAMP_ORDER", 2)]),
        (["0001-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00"], []),
        # each entry is compared with the one before it, not with the latest so far
        (
            [f"{DAY}10:00:00+00:00", f"{DAY}12:00:00+00:00", f"{DAY}11:00:00+00:00", f"{DAY}11:30:00+00:00"],
            [("TIMESTAMP_ORDER", 3)],
        ),
        (["2026-06-01T12:05:00+00:00"], []),
        (["2026-06-01T12:00:00.000001+00:00"], []),
        (["2026-06-01T12:05:00.000001+00:00"], [("TIMESTAMP_FUTURE", 1)]),
        (["2027-01-01T00:00:00+00:00", f"{DAY}10:00:00+00:00"], [("TIMESTAMP_FUTURE", 1), ("TIMESTAMP_ORDER", 2)]),
        (["9999-12-31T23:59:59.999999+00:00"], [("TIMESTAMP_FUTURE", 1)]),
        ([f"{DAY}10:00:00+00:00", "infinity", f"{DAY}10:00:00+00:00"], [("TIMESTAMP_INFINITE", 2)]),
        (["-infinity", f"{DAY}10:00:00+00:00"], [("TIMESTAMP_INFINITE", 1)]),
        (["infinity", "-infinity"], [("TIMESTAMP_INFINITE", 1), ("TIMESTAMP_INFINITE", 2)]),
        ([f"{DAY}10:00:00+00:00", None, f"{DAY}10:00:00+00:00"], [("TIMESTAMP_MISSING", 2)]),
        (
            [f"{DAY}10:00:00+00:00", "infinity", f"{DAY}09:00:00+00:00"],
            [("TIMESTAMP_INFINITE", 2), ("TIMESTAMP_ORDER", 3)],
        ),
        ([ODD_OLD, f"{DAY}10:00:00+00:00"], []),
        ([f"{DAY}10:00:00+00:00", ODD_OLD], [("TIMESTAMP_ORDER", 2)]),
        (["0043-01-01 00:00:00+00 BC", ODD_OLD], [("TIMESTAMP_ORDER", 2)]),
        ([ODD_OLD, "0044-03-15 12:00:00.5+00 BC", "0044-03-15 12:00:00.51+00 BC"], []),
        (["0001-12-31 00:00:00+00 BC", "0001-01-01T00:00:00+00:00"], []),
        ([f"{DAY}10:00:00+00:00", ODD_FAR], [("TIMESTAMP_FUTURE", 2)]),
        (["9999-01-01T00:00:00+00:00", ODD_FAR], [("TIMESTAMP_FUTURE", 1), ("TIMESTAMP_FUTURE", 2)]),
        (
            [ODD_FAR, "9999-01-01T00:00:00+00:00"],
            [("TIMESTAMP_FUTURE", 1), ("TIMESTAMP_ORDER", 2), ("TIMESTAMP_FUTURE", 2)],
        ),
        (
            ["20000-01-01 00:00:00+00", ODD_FAR],
            [("TIMESTAMP_FUTURE", 1), ("TIMESTAMP_ORDER", 2), ("TIMESTAMP_FUTURE", 2)],
        ),
    ],
    ids=lambda value: " ".join(str(text)[:28] for text in value),
)
def test_timestamps(texts: list[str | None], expected: list[tuple[str, int | None]]) -> None:
    assert places(run(TimestampOrder, timed(*texts))) == expected


@pytest.mark.parametrize(
    ("tolerance", "last", "first"),
    [
        ("0s", "2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00.000001+00:00"),
        ("90s", "2026-06-01T12:01:30+00:00", "2026-06-01T12:01:30.000001+00:00"),
        ("5m", "2026-06-01T12:05:00+00:00", "2026-06-01T12:05:00.000001+00:00"),
        ("24h", "2026-06-02T12:00:00+00:00", "2026-06-02T12:00:00.000001+00:00"),
        ("7d", "2026-06-08T12:00:00+00:00", "2026-06-08T12:00:00.000001+00:00"),
    ],
)
@pytest.mark.parametrize("slow", [False, True], ids=["compared as a column", "examined one by one"])
def test_a_timestamp_at_the_tolerance_is_allowed_and_a_microsecond_later_is_not(
    tolerance: str, last: str, first: str, slow: bool
) -> None:
    """An infinite timestamp in the batch makes every entry of it be examined alone."""
    odd, found = (["infinity"], [("TIMESTAMP_INFINITE", 2)]) if slow else ([], [])
    assert places(run(TimestampOrder, timed(last, *odd), future_tolerance=tolerance)) == found
    assert places(run(TimestampOrder, timed(first, *odd), future_tolerance=tolerance)) == [
        ("TIMESTAMP_FUTURE", 1),
        *found,
    ]


@pytest.mark.parametrize("tolerance", ["3000000d", "999999999d"])
def test_a_tolerance_beyond_the_calendar_allows_what_the_calendar_holds(tolerance: str) -> None:
    rows = timed("9999-12-31T23:59:59.999999+00:00")
    assert places(run(TimestampOrder, rows, future_tolerance=tolerance)) == []


def test_the_order_of_time_says_nothing_about_links_or_numbers() -> None:
    rows = sample_rows()
    for changed_row in rows:
        changed_row.update(previous_hash=OTHER, entry_hash=OTHER, sequence_number="3")
    assert places(run(TimestampOrder, rows)) == []


# verdict_taxonomy


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_of_the_five_verdicts_is_known(verdict: str) -> None:
    assert places(run(VerdictTaxonomy, changed(sample_rows(), 5, verdict=verdict))) == []


@pytest.mark.parametrize(
    "verdict",
    ["MAYBE", "flag", "FLAG ", " FLAG", "FLAGS", "", None, "NULL", "\\N", "FL\u0410G", "CLEAR\n", "FLAG,CLEAR"],
)
def test_any_other_verdict_is_found_where_it_stands(verdict: str | None) -> None:
    fold = run(VerdictTaxonomy, changed(sample_rows(), 5, verdict=verdict))
    assert places(fold) == [("VERDICT_UNKNOWN", 5)]
    assert fold.findings.samples[0].actual == ("NULL" if verdict is None else verdict)


def test_a_huge_verdict_is_clipped_in_its_finding() -> None:
    (finding,) = run(VerdictTaxonomy, changed(sample_rows(), 5, verdict="x" * 1_000_000)).findings.samples
    assert len(finding.actual) < LONGEST_TEXT + 50
    assert finding.actual.endswith("(1,000,000 characters)")


def test_a_verdict_in_bytes_that_are_no_utf8_is_a_finding_and_no_crash() -> None:
    rows = changed(sample_rows(1), 1)
    read = batch(rows)
    read.text("verdict")[0] = b"FLAG\xff".decode("latin-1")
    fold = VerdictTaxonomy({}, LEDGER, 20)
    fold.feed(read)
    assert [(finding.code, finding.actual) for finding in fold.findings.samples] == [("VERDICT_UNKNOWN", "FLAG\\xff")]


def test_the_hash_that_a_ledger_is_made_with_is_the_one_that_is_checked() -> None:
    entries = list(sample_entries(3))
    assert [row(entry)["entry_hash"] for entry in entries] == list(map(entry_hash, entries))
