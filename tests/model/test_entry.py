"""The canonical payload and the hash, against vectors of the peer and against the peer itself."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from audit_ledger.canonical import canonical_entry_payload

from pytest_audit_ledger.model.batch import NULL, Batch, json_text, plain_text
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, canonical_payload, canonical_timestamp, entry_hash
from pytest_audit_ledger.sources import copy_text
from tests.support.rows import batch, row, sample_rows

DATA = Path(__file__).parents[1] / "data"

ENTRY = Entry(
    sequence_number=1,
    previous_hash=GENESIS_HASH,
    timestamp="2026-05-21T15:30:00.123456+00:00",
    verdict="FLAG",
    telemetry_id="T-1",
    telemetry_hash="a" * 64,
    rule_id="energy.so2.cap",
    knowledge_graph_version="kg-1",
    ski_model_version="3.1.0",
    reasoning="so2_ppm=104.8 exceeds the limit of 100.",
    track="symbolic",
)

NULLABLE = ("rule_id", "knowledge_graph_version", "reasoning", "track")
FREE_TEXT = ("verdict", "telemetry_id", "ski_model_version", *NULLABLE)

HOSTILE = {
    "empty": "",
    "spaces": "  leading and trailing  ",
    "quote": 'a "quoted" word',
    "backslash": "C:\\new\\table\\v",
    "backslash at the end": "ends in \\",
    "the word null": "null",
    "the marker of NULL": "\\N",
    "the marker of NULL in quotes": '"\\N"',
    "a quote before the marker": '"\\N',
    "every control character": "".join(map(chr, range(1, 32))),
    "delete": "\x7f",
    "C1 controls": "\x80\x85\x9b",
    "Latin-1": "Ærøskøbing ÿ",
    "line separators": "a\u2028b\u2029c",
    "bidirectional": "\u202eFLAG\u202c",
    "byte order mark": "\ufeffx",
    "beyond the basic plane": "🏭🧪 \U0010ffff",
    "combining": "e\u0301 é",
    "JSON": '","verdict":"CLEAR","x":"',
    "a unicode escape": "\\u0041",
    "a slash": "</script>",
    "end of COPY": "\\.",
    "a tab and a newline": "a\tb\nc\r\n",
    "percent and braces": "%s {0} {verdict}",
}


def vectors() -> list[dict[str, Any]]:
    text = (DATA / "canonical-vectors.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def entry_of(fields: dict[str, Any]) -> Entry:
    values = dict(fields)
    return Entry(knowledge_graph_version=values.pop("kg_version"), **values)


def peer_payload(entry: Entry) -> bytes:
    values = asdict(entry)
    return canonical_entry_payload(
        timestamp_iso=values.pop("timestamp"), kg_version=values.pop("knowledge_graph_version"), **values
    )


def test_payload_and_hash_are_those_of_two_hundred_vectors() -> None:
    entries = [entry_of(vector["entry"]) for vector in vectors()]
    assert len(entries) == 200
    assert [canonical_payload(entry) for entry in entries] == [v["canonical"].encode("utf-8") for v in vectors()]
    assert [entry_hash(entry) for entry in entries] == [vector["entry_hash"] for vector in vectors()]


def test_a_batch_of_all_vectors_has_their_payloads() -> None:
    payloads = batch([row(entry_of(vector["entry"])) for vector in vectors()]).payloads()
    assert payloads == [vector["canonical"].encode("utf-8") for vector in vectors()]


def test_every_entry_that_the_real_runtime_wrote_hashes_to_what_it_stored() -> None:
    text = gzip.decompress((DATA / "ski-v3-runtime.csv.gz").read_bytes()).decode("utf-8")
    csv.field_size_limit(2**24)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    entries = [
        Entry(
            sequence_number=int(row["sequence_number"]),
            previous_hash=row["previous_hash"],
            timestamp=copy_text.canonical(row["timestamp"]),
            verdict=row["verdict"],
            telemetry_id=row["telemetry_id"],
            telemetry_hash=row["telemetry_hash"],
            rule_id=row["rule_id"] or None,
            knowledge_graph_version=row["knowledge_graph_version"] or None,
            ski_model_version=row["ski_model_version"],
            reasoning=row["reasoning"] or None,
            track=row["track"] or None,
        )
        for row in rows
    ]
    assert len(entries) == 383
    assert [entry_hash(entry) for entry in entries] == [row["entry_hash"] for row in rows]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_payload_of_a_hostile_value_is_the_peers_whatever_column_has_it(value: str) -> None:
    entries = [Entry(**{**asdict(ENTRY), column: value}) for column in FREE_TEXT]
    payloads = [peer_payload(entry) for entry in entries]
    assert [canonical_payload(entry) for entry in entries] == payloads
    assert [batch([row(entry)]).payloads() for entry in entries] == [[payload] for payload in payloads]


@pytest.mark.parametrize("column", NULLABLE)
def test_a_missing_value_is_null_in_the_payload(column: str) -> None:
    entry = Entry(**{**asdict(ENTRY), column: None})
    payload = json.loads(canonical_payload(entry))
    assert payload["kg_version" if column == "knowledge_graph_version" else column] is None
    assert batch([row(entry)]).payloads() == [canonical_payload(entry)] == [peer_payload(entry)]


@pytest.mark.parametrize("number", [1, 0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_a_sequence_number_is_a_bare_number_of_any_size(number: int) -> None:
    entry = Entry(**{**asdict(ENTRY), "sequence_number": number})
    assert f'"sequence_number":{number},'.encode() in canonical_payload(entry)
    assert batch([row(entry)]).payloads() == [peer_payload(entry)]


def test_the_payload_has_eleven_keys_in_order_and_no_spaces() -> None:
    payload = canonical_payload(ENTRY)
    assert list(json.loads(payload)) == sorted(json.loads(payload))
    assert len(json.loads(payload)) == 11
    assert b'", "' not in payload
    assert b'": ' not in payload


@pytest.mark.parametrize("column", asdict(ENTRY))
def test_every_column_of_an_entry_is_hashed(column: str) -> None:
    other = 2 if column == "sequence_number" else f"{asdict(ENTRY)[column]} "
    assert entry_hash(Entry(**{**asdict(ENTRY), column: other})) != entry_hash(ENTRY)


def test_a_hash_is_lower_case_hexadecimal() -> None:
    digest = entry_hash(ENTRY)
    assert len(digest) == 64
    assert set(digest) <= set("0123456789abcdef")


EAST = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 21, 15, 30, 0, 123456, timezone.utc), "2026-05-21T15:30:00.123456+00:00"),
        (datetime(2026, 5, 21, 15, 30, 0, 874070, timezone.utc), "2026-05-21T15:30:00.874070+00:00"),
        (datetime(2026, 5, 21, 15, 30, 0, 0, timezone.utc), "2026-05-21T15:30:00+00:00"),
        (datetime(2026, 5, 21, 15, 30, 0, 1, timezone.utc), "2026-05-21T15:30:00.000001+00:00"),
        (datetime(2026, 5, 21, 1, 30, 0, 0, EAST), "2026-05-20T19:45:00+00:00"),
        (datetime(1, 1, 1, 0, 0, 0, 0, timezone.utc), "0001-01-01T00:00:00+00:00"),
    ],
)
def test_a_moment_is_hashed_in_utc_with_six_digits_or_none(moment: datetime, text: str) -> None:
    assert canonical_timestamp(moment) == text


@pytest.mark.parametrize(
    ("printed", "canonical"),
    [
        ("2026-05-21 15:30:00+00", "2026-05-21T15:30:00+00:00"),
        ("2026-05-21 15:30:00.8+00", "2026-05-21T15:30:00.800000+00:00"),
        ("2026-05-21 15:30:00.87407+00", "2026-05-21T15:30:00.874070+00:00"),
        ("2026-05-21 15:30:00.874071+00", "2026-05-21T15:30:00.874071+00:00"),
        ("2026-05-21 15:30:00.000001+00", "2026-05-21T15:30:00.000001+00:00"),
        ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_printed_timestamp_is_padded_to_its_canonical_form(printed: str, canonical: str) -> None:
    read = copy_text.batch(copy_text.plain_layout(["timestamp"]), printed.encode() + b"\n")
    assert read.text("timestamp") == [canonical] == [copy_text.canonical(printed)]
    assert read.has_canonical_timestamps


def test_a_timestamp_without_fraction_has_no_fraction_in_the_payload() -> None:
    entry = Entry(**{**asdict(ENTRY), "timestamp": copy_text.canonical("2026-05-21 15:30:00+00")})
    assert b'"timestamp":"2026-05-21T15:30:00+00:00"' in canonical_payload(entry)


@pytest.mark.parametrize(
    "printed", ["infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00.123+00 BC"]
)
def test_a_timestamp_that_no_payload_can_hold_stays_as_it_is_printed(printed: str) -> None:
    read = copy_text.batch(copy_text.plain_layout(["timestamp"]), printed.encode() + b"\n")
    assert read.text("timestamp") == [printed]
    assert not read.has_canonical_timestamps


def test_a_missing_timestamp_is_read_as_missing() -> None:
    read = copy_text.batch(copy_text.plain_layout(["sequence_number", "timestamp"]), b"1\t\\N\n")
    assert read.values("timestamp") == [None]
    assert not read.has_canonical_timestamps


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_text_stands_for_the_value_it_was_made_from(value: str) -> None:
    assert plain_text(json_text(value)) == value


def test_a_missing_value_is_not_the_text_of_its_marker() -> None:
    assert json_text(None) == NULL
    assert plain_text(NULL) is None
    assert json_text(NULL) != NULL
    assert plain_text(json_text(NULL)) == NULL


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"\xff", "\\xff"),
        (b"caf\xe9 ok", "caf\\xe9 ok"),
        (b'\xff \\"quoted\\" \\n', '\\xff "quoted" \n'),
        (b"\xc3", "\\xc3"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ],
    ids=["one byte", "Latin-1", "with escapes", "cut off", "surrogate"],
)
def test_bytes_that_are_no_utf8_are_shown_as_escapes(sent: bytes, shown: str) -> None:
    assert plain_text(sent.decode("latin-1")) == shown


def test_bytes_that_are_no_utf8_reach_the_payload_as_they_are() -> None:
    rows = sample_rows(1)
    columns = {name: [json_text(value)] for name, value in rows[0].items()}
    columns["reasoning"] = [b"caf\xe9".decode("latin-1")]
    assert b'"reasoning":"caf\xe9"' in Batch(columns).payloads()[0]


def test_a_batch_knows_its_length_and_its_columns() -> None:
    rows = sample_rows(3)
    rows[2]["sequence_number"] = None
    rows[1]["rule_id"] = None
    read = batch(rows)
    assert len(read) == 3
    assert read.sequence_numbers == [1, 2, None]
    assert read.values("rule_id") == [row["rule_id"] for row in rows]
