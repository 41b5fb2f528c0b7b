"""Each format writes what Python's own modules write for the same value."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.recipes.columns import payloads, written

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
zones = st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Asia/Kathmandu"])
# fractions of few digits are as frequent as those of six
moments = st.tuples(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.sampled_from([1, 10, 1000, 100_000, 1_000_000])
).map(lambda parts: parts[0].replace(microsecond=parts[0].microsecond // parts[1] * parts[1], tzinfo=timezone.utc))


def printed(moment: datetime) -> str:
    """Return a moment as PostgreSQL prints it."""
    text = f"{moment.year:04}-{moment:%m-%d %H:%M:%S}"
    return f"{text}.{moment.microsecond:06}".rstrip("0") + "+00" if moment.microsecond else f"{text}+00"


@given(moment=moments, zone=zones, separator=st.sampled_from(["T", " "]))
def test_iso_of_python_is_that_of_datetime(moment: datetime, zone: str, separator: str) -> None:
    local = moment.astimezone(ZoneInfo(zone))
    options = {"digits": "python", "zone": zone, "separator": separator}
    assert written({"iso": options}, printed(moment)) == [local.isoformat(separator)]


@pytest.mark.parametrize(("digits", "timespec"), [(0, "seconds"), (3, "milliseconds"), (6, "microseconds")])
@given(moment=moments)
def test_iso_of_so_many_digits_is_cut_off_as_datetime_does(digits: int, timespec: str, moment: datetime) -> None:
    naive = moment.replace(tzinfo=None).isoformat(timespec=timespec)
    assert written({"iso": {"digits": digits, "offset": "Z"}}, printed(moment)) == [f"{naive}Z"]
    assert written({"iso": {"digits": digits, "offset": ""}}, printed(moment)) == [naive]


@given(moment=moments)
def test_trimmed_java_and_nine_digits_differ_in_their_zeros_only(moment: datetime) -> None:
    fraction = f"{moment.microsecond:06}000"
    trimmed = fraction.rstrip("0")
    java = next(fraction[:size] for size in (0, 3, 6) if not fraction[size:].strip("0"))
    whole = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    for digits, expected in {"trimmed": trimmed, "java": java, "9": fraction}.items():
        shown = f"{whole}.{expected}Z" if expected else f"{whole}Z"
        assert written({"iso": {"digits": digits, "offset": "Z"}}, printed(moment)) == [shown]


@given(moment=moments, zone=zones)
def test_strftime_is_that_of_datetime_with_four_digits_of_a_year(moment: datetime, zone: str) -> None:
    local = moment.astimezone(ZoneInfo(zone))
    expected = f"{local:%d-%m-}{local.year:04}{local: %H:%M:%S.%f %z %j%%}"
    options = {"pattern": "%d-%m-%Y %H:%M:%S.%f %z %j%%", "zone": zone}
    assert written({"strftime": options}, printed(moment)) == [expected]


@given(moment=moments)
def test_unix_is_rounded_down(moment: datetime) -> None:
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // datetime.resolution
    for unit, expected in {"s": microseconds // 10**6, "ms": microseconds // 1000, "us": microseconds}.items():
        assert written({"unix": unit}, printed(moment)) == [str(expected)]
    assert written({"unix": "ns"}, printed(moment)) == [str(microseconds * 1000)]


@pytest.mark.parametrize("value", ["infinity", "-infinity", "soon", "2026-02-30T00:00:00Z", ""])
def test_what_is_no_moment_has_no_payload(value: str) -> None:
    for format_ in ("iso", {"strftime": "%Y"}, {"unix": "s"}):
        assert written(format_, value) == [None]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0044-03-15 12:00:00+00 BC", -63517780800),
        ("0001-12-31 00:00:00+00 BC", -62135683200),
        ("10000-01-01 00:00:00+00", 253402300800),
        ("294276-12-31 23:59:59.999999+00", 9224318015999),
    ],
)
def test_years_that_python_does_not_have_are_numbers_but_no_texts(value: str, seconds: int) -> None:
    assert written({"unix": "s"}, value) == [str(seconds)]
    assert written("iso", value) == [None]
    assert written("as_stored", value) == [value]


@given(text=texts)
def test_digests_and_encodings_are_those_of_the_utf8(text: str) -> None:
    content = text.encode()
    assert written("hex", text, type_="text") == [content.hex()]
    assert written("HEX", text, type_="text") == [content.hex().upper()]
    assert written("base64", text, type_="text") == [base64.b64encode(content).decode()]
    for name in ("md5", "sha1", "sha256", "sha384", "sha512", "sha3-256", "blake2b"):
        digest = hashlib.new(name.replace("-", "_"), content).digest()
        assert written(f"{name}_hex", text, type_="text") == [digest.hex()]
        assert written(f"{name}_base64", text, type_="text") == [base64.b64encode(digest).decode()]
        raw = payloads({"concat": [{"value": f"{name}_raw"}, {"text": "é"}]}, {"value": [text]}, {"value": "text"})
        assert raw == [digest + "é".encode()]


@given(content=st.binary(max_size=20))
def test_the_bytes_of_a_bytea_are_read(content: bytes) -> None:
    text = f"\\x{content.hex()}"
    for types in ({"value": "bytea"}, None):
        assert payloads({"concat": [{"value": "raw"}]}, {"value": [text]}, types) == [content]
        assert payloads({"concat": [{"value": "sha256_raw"}]}, {"value": [text]}, types) == [
            hashlib.sha256(content).digest()
        ]
    assert payloads({"concat": [{"value": "raw"}]}, {"value": [text]}, {"value": "text"}) == [text.encode()]


@given(number=st.decimals(allow_nan=False, allow_infinity=False), digits=st.integers(0, 8))
def test_decimals_are_those_of_python(number: Decimal, digits: int) -> None:
    assert written({"decimals": digits}, format(number, "f"), type_="numeric") == [format(number, f".{digits}f")]


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_rounded_as_the_double_that_it_is(number: float) -> None:
    assert written({"decimals": 2}, repr(number), type_="double precision") == [f"{number:.2f}"]
    assert written("python_str", repr(number), type_="double precision") == [str(number)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "a", ""])
def test_what_has_no_digits_has_no_decimals(value: str) -> None:
    assert written({"decimals": 2}, value, type_="numeric") == [None]


@given(moment=moments, number=st.decimals(allow_nan=False, allow_infinity=False))
def test_python_str_is_str_of_what_psycopg_reads(moment: datetime, number: Decimal) -> None:
    assert written("python_str", printed(moment), type_="timestamp with time zone") == [str(moment)]
    plain = format(number, "f")
    assert written("python_str", plain, type_="numeric") == [str(Decimal(plain))]
    assert written("python_str", "t", "f", None, type_="boolean") == ["True", "False", "∅"]
    assert written("python_str", '{"a": [1, null, 0.50]}', type_="jsonb") == ["{'a': [1, None, 0.5]}"]


def test_booleans_are_written_as_asked() -> None:
    assert written({"booleans": ["1", ""]}, "t", "f", None, "x", type_="boolean") == ["1", "", "∅", None]


def test_a_uuid_is_in_its_usual_form_however_it_is_stored() -> None:
    usual = "c0ffee00-1234-4321-abcd-0123456789ab"
    for text in (usual, usual.upper(), usual.replace("-", ""), f"\\x{usual.replace('-', '')}"):
        assert written("uuid", text) == [usual]
    assert written("uuid", "none") == [None]


def test_formats_in_a_list_are_applied_one_after_the_other() -> None:
    canonical = '{"a":1.5,"b":"é"}'
    expected = hashlib.sha256(canonical.encode()).hexdigest()
    assert written(["jcs", "sha256_hex"], '{"b": "é", "a": 1.50}', "{", type_="jsonb") == [expected, None]


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
    )
)
def test_json_of_python_is_that_of_its_own_module(value: object) -> None:
    text = json.dumps(value)
    assert written("json", text, type_="json") == [text]
    options = {"keys": "sorted", "ascii": False, "separators": [",", ":"]}
    expected = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert written({"json": options}, text, type_="json") == [expected]


def test_json_as_postgresql_prints_it_stays_as_it_is() -> None:
    assert written("json_pg", '{"a": 1.50}', type_="jsonb") == ['{"a": 1.50}']


def test_json_that_is_nested_too_deeply_or_is_none_has_no_payload() -> None:
    assert written("json", "[" * 100_000 + "]" * 100_000, "{", "", type_="json") == [None, None, None]
    assert written("jcs", "[" * 100_000 + "]" * 100_000, "1e400", r'"\ud800"', type_="json") == [None, None, None]


def test_a_number_of_many_digits_is_kept_by_python_and_rounded_by_javascript() -> None:
    number = "1234567890123456789012345678901234567890"
    assert written("json", number, type_="jsonb") == [number]
    assert written({"json": {"style": "javascript"}}, number, type_="jsonb") == ["1.2345678901234568e+39"]


def test_a_megabyte_of_text_is_written() -> None:
    text = "é\n" * 2**19
    assert written({"json": {"style": "php"}}, json.dumps(text), type_="json") == [json.dumps(text)]
    assert written("sha256_hex", text) == [hashlib.sha256(text.encode()).hexdigest()]
