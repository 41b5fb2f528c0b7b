"""The tricks of entry.py and copy_text.py, against the plain way of doing the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.checkpoints.record import row_leaves
from pytest_audit_ledger.model.batch import Batch, json_text, plain_text
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, Entry
from pytest_audit_ledger.native import ROWS
from pytest_audit_ledger.sources import copy_text
from tests.model.recipes.columns import copied
from tests.support.laws import examples

FRAGMENTS = ["\\N", "null", '"\\N"', '"', "\\", "\\v", "\v", "\t", "\n", "\r", "\b", "\f", "\x1f", "\x7f", "\x85", "N"]
FRAGMENTS += ["é", "ÿ", "\u2028", "🏭", "\\.", "\\u000b", "\ufeff", ",", "{", " "]

any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
texts = st.one_of(st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join), any_text)
nullable = st.none() | texts
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)) | st.datetimes(
    datetime(2025, 1, 1), datetime(2025, 1, 2)
).map(lambda moment: moment.replace(microsecond=0))
entries = st.builds(
    Entry,
    sequence_number=st.integers(-(2**63), 2**63 - 1),
    previous_hash=texts,
    timestamp=moments.map(lambda moment: moment.replace(tzinfo=timezone.utc).isoformat()),
    verdict=texts,
    telemetry_id=texts,
    telemetry_hash=texts,
    rule_id=nullable,
    knowledge_graph_version=nullable,
    ski_model_version=texts,
    reasoning=nullable,
    track=nullable,
)


@pytest.fixture(params=["python", "native"], scope="module", autouse=True)
def core(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read COPY text both ways."""
    if request.param == "native" and ROWS is None:
        pytest.skip("the native core was not built on this machine")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(copy_text, "ROWS", None)
        yield


def expected_payload(entry: Entry) -> bytes:
    values = asdict(entry)
    values["kg_version"] = values.pop("knowledge_graph_version")
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def printed(moment: datetime) -> str:
    """Return a moment as PostgreSQL prints a timestamptz with DateStyle ISO and TimeZone UTC."""
    seconds = moment.replace(microsecond=0).isoformat(sep=" ")
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{seconds}{fraction}+00"


def copied_row(values: list[str | None]) -> bytes:
    return b"\t".join(map(copied, values)) + b"\n"


def fields(entry: Entry) -> list[str | None]:
    """Return the hashed columns as the server prints them."""
    values = {**asdict(entry), "timestamp": printed(datetime.fromisoformat(entry.timestamp).replace(tzinfo=None))}
    return [None if values[name] is None else str(values[name]) for name in HASHED_COLUMNS]


@given(st.lists(entries, min_size=1, max_size=5))
def test_the_payloads_of_a_batch_are_those_of_json_dumps(given_entries: list[Entry]) -> None:
    rows = [asdict(entry) for entry in given_entries]
    texts = {name: [None if row[name] is None else str(row[name]) for row in rows] for name in HASHED_COLUMNS}
    columns = {name: list(map(json_text, column)) for name, column in texts.items()}
    assert Batch(columns).payloads() == list(map(expected_payload, given_entries))


@given(st.lists(entries, min_size=1, max_size=5))
def test_the_payloads_of_a_batch_read_from_copy_are_those_of_json_dumps(given_entries: list[Entry]) -> None:
    read = copy_text.batch(
        copy_text.plain_layout(HASHED_COLUMNS), b"".join(copied_row(fields(entry)) for entry in given_entries)
    )
    payloads = list(map(expected_payload, given_entries))
    assert read.payloads() == payloads
    assert read.recomputed_hashes == [sha256(payload).hexdigest() for payload in payloads]
    assert read.sequence_numbers == [entry.sequence_number for entry in given_entries]
    assert read.has_canonical_timestamps


@given(st.lists(entries, min_size=1, max_size=3))
def test_the_leaves_of_rows_are_hashes_of_their_json(given_entries: list[Entry]) -> None:
    data = b"".join(copied_row(fields(entry)) for entry in given_entries)
    rows = [{name: None if text is None else str(text) for name, text in asdict(one).items()} for one in given_entries]
    written = [json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for row in rows]
    leaves = row_leaves(copy_text.batch(copy_text.plain_layout(HASHED_COLUMNS), data), HASHED_COLUMNS)
    assert leaves == [sha256(b"\0" + row).digest() for row in written]


@given(st.lists(st.lists(nullable, min_size=2, max_size=2), min_size=1, max_size=8))
def test_a_batch_read_from_copy_holds_the_values_that_were_written(rows: list[list[str | None]]) -> None:
    read = copy_text.batch(copy_text.plain_layout(["rule_id", "reasoning"]), b"".join(map(copied_row, rows)))
    assert len(read) == len(rows)
    assert read.values("rule_id") == [row[0] for row in rows]
    assert read.values("reasoning") == [row[1] for row in rows]


@given(texts)
def test_copy_text_becomes_json_text(value: str) -> None:
    (text,) = copy_text.batch(copy_text.plain_layout(["reasoning"]), copied_row([value])).text("reasoning")
    assert not {"\t", "\n"} & set(text)
    assert json.loads(f'"{text}"'.encode("latin-1")) == value


@given(nullable)
def test_plain_text_undoes_json_text(value: str | None) -> None:
    assert plain_text(json_text(value)) == value


@given(texts, st.sampled_from(["verdict", "rule_id", "reasoning", "track"]))
def test_no_value_is_confused_with_null(value: str, column: str) -> None:
    read = copy_text.batch(copy_text.plain_layout([column]), copied_row([value]) + copied_row([None]))
    assert read.values(column) == [value, None]
    assert read.text(column)[0] != read.text(column)[1]


@given(entries, st.sampled_from(["\\N", "null", '"\\N"', "", "None", "NULL", '\\"\\N\\"']))
def test_literal_texts_that_look_like_null_keep_their_quotes_in_the_payload(entry: Entry, value: str) -> None:
    values = {**asdict(entry), "rule_id": value, "track": None, "reasoning": value}
    crafted = Entry(**values)
    (payload,) = copy_text.batch(copy_text.plain_layout(HASHED_COLUMNS), copied_row(fields(crafted))).payloads()
    assert payload == expected_payload(crafted)
    assert json.loads(payload)["rule_id"] == value
    assert json.loads(payload)["track"] is None


@given(moments)
def test_every_timestamp_converts_from_its_trimmed_form_to_isoformat(moment: datetime) -> None:
    expected = moment.replace(tzinfo=timezone.utc).isoformat()
    assert copy_text.canonical(printed(moment)) == expected
    read = copy_text.batch(copy_text.plain_layout(["timestamp"]), printed(moment).encode() + b"\n")
    assert read.text("timestamp") == [expected]
    assert read.has_canonical_timestamps


@st.composite
def odd_timestamps(draw: st.DrawFn) -> str:
    """Timestamps that PostgreSQL can hold and `datetime` cannot, with every length of fraction."""
    digits = draw(st.integers(0, 6))  # the last is no zero, because PostgreSQL trims zeros
    fraction = f"{draw(st.integers(0, 99_999)):05}{draw(st.integers(1, 9))}"[6 - digits :]
    rest = draw(st.datetimes(datetime(2001, 1, 1), datetime(2001, 12, 31))).strftime("-%m-%d %H:%M:%S")
    rest += f".{fraction}" if fraction else ""
    return draw(
        st.sampled_from(["infinity", "-infinity"])
        | st.integers(10_000, 294_276).map(lambda year: f"{year}{rest}+00")
        | st.integers(1, 4714).map(lambda year: f"{year:04}{rest}+00 BC")
    )


@examples(250)
@given(odd_timestamps(), st.lists(moments, max_size=3), st.integers(0, 3))
def test_a_timestamp_that_no_payload_can_hold_never_becomes_canonical(
    odd: str, others: list[datetime], position: int
) -> None:
    texts = list(map(printed, others))
    texts.insert(position, odd)
    read = copy_text.batch(copy_text.plain_layout(["timestamp"]), "".join(f"{text}\n" for text in texts).encode())
    assert not read.has_canonical_timestamps
    assert odd in read.text("timestamp")
