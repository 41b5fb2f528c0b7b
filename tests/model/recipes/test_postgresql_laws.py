"""What PostgreSQL prints is read as PostgreSQL means it: arrays, moments and booleans."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.recipes.arrays import elements
from tests.forger import Forger
from tests.model.recipes.columns import written
from tests.support.laws import examples

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
awkward = st.sampled_from(["", "NULL", "null", "{", "}", ",", '"', "\\", " ", "a b", "\t\n", "[0:1]="])
arrays = st.lists(texts | awkward, max_size=6)
square = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(texts | awkward, min_size=width, max_size=width), min_size=1)
)


@examples(60)
@given(value=arrays | square)
def test_an_array_is_read_as_it_was_written(workshop: Forger, value: list[Any]) -> None:
    ((text,),) = workshop.run("SELECT %s::text[]::text", [value])
    assert elements(text) == value
    assert written("json_array", text, type_="text[]") == [json.dumps(value)]


def test_arrays_of_other_types_and_bounds_are_read(workshop: Forger) -> None:
    ((numbers, bounds, flags),) = workshop.run(
        "SELECT '{{1,2},{3,NULL}}'::bigint[]::text, '[0:1]={a,b}'::text[]::text, ARRAY[true,false]::text"
    )
    assert written("json_array", numbers, type_="bigint[]") == ["[[1, 2], [3, null]]"]
    assert elements(bounds) == ["a", "b"]
    assert written("json_array", flags, type_="boolean[]") == ["[true, false]"]


def test_what_is_no_array_has_no_payload() -> None:
    assert written("json_array", "", "a", "{", "{a}}", '{"a', "{a}{b}") == [None] * 6


@examples(60)
@given(moment=st.datetimes(timezones=st.just(timezone.utc)), digits=st.integers(0, 6))
def test_a_moment_is_read_as_the_server_prints_it(workshop: Forger, moment: datetime, digits: int) -> None:
    rounded = moment.replace(microsecond=moment.microsecond // 10**digits * 10**digits)
    ((text, microseconds),) = workshop.run(
        "SELECT set_config('TimeZone', 'UTC', false) || moment::text, extract(epoch from moment) * 1000000 "
        "FROM (SELECT %s::timestamptz) AS given(moment)",
        [rounded],
    )
    printed = text.removeprefix("UTC")
    assert written("iso", printed, type_="timestamp with time zone") == [rounded.isoformat()]
    assert written({"unix": "us"}, printed) == [str(int(microseconds))]


zones = st.sampled_from(["Europe/Madrid", "America/St_Johns", "Asia/Kolkata", "Asia/Tokyo", "UTC"])


@examples(60)
@given(moment=st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31), timezones=st.just(timezone.utc)), zone=zones)
def test_a_moment_is_written_as_a_session_in_a_zone_prints_it(workshop: Forger, moment: datetime, zone: str) -> None:
    ((_, text, in_json),) = workshop.run(
        "SELECT set_config('TimeZone', %s, true), %s::timestamptz::text, to_jsonb(%s::timestamptz) #>> '{}'",
        [zone, moment, moment],
    )
    trimmed = {"digits": "trimmed", "zone": zone}
    printed = moment.isoformat(" ").replace("+00:00", "+00")
    assert written({"iso": {**trimmed, "offset": "+00", "separator": " "}}, printed) == [text]
    assert written({"iso": trimmed}, printed) == [in_json]


keys = st.sampled_from(["a", "", "{", 'b"'])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.sampled_from(['[",]', "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
)


@examples(60)
@given(document=documents)
def test_a_document_is_indented_as_the_server_does(workshop: Forger, document: Any) -> None:
    ((text, pretty),) = workshop.run(
        "SELECT doc::text, jsonb_pretty(doc) FROM (SELECT %s::jsonb) AS given(doc)", [json.dumps(document)]
    )
    assert written("jsonb_pretty", text, type_="jsonb") == [pretty]
    assert written({"json": {"indent": "jsonb_pretty", "ascii": False}}, text, type_="jsonb") == [pretty]


def test_moments_beyond_python_are_numbers(workshop: Forger) -> None:
    given_texts = ["4713-01-02 00:00:00+00 BC", "0001-12-31 23:59:59.5+00 BC", "20000-02-29 12:00:00+00"]
    for text in given_texts:
        ((milliseconds,),) = workshop.run("SELECT (extract(epoch from %s::timestamptz) * 1000)::bigint::text", [text])
        assert written({"unix": "ms"}, text) == [milliseconds]
