"""Recipes write what the obvious line of Python writes, and those that promise it give no two rows one payload."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.batch import Batch, json_text, plain_text, plain_texts
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, PAYLOAD_COLUMNS
from pytest_audit_ledger.model.recipes import compile_recipe
from pytest_audit_ledger.model.recipes.variants import own_layout
from pytest_audit_ledger.scratch.sample import copy_field, sample_entries
from pytest_audit_ledger.sources.copy_text import batch, plain_layout
from tests.model.recipes.columns import Columns, payloads

Row = tuple["str | None", "str | None", "str | None"]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6) | st.sampled_from(
    ["|", "&b=", ":", "1:"]
)
values = st.none() | texts
rows = st.lists(st.tuples(values, values, values), min_size=1, max_size=6)
COLUMNS = ("a", "b", "c")


def made(data: dict[str, Any], given_rows: list[Row]) -> list[bytes | None]:
    columns = {name: [row[place] for row in given_rows] for place, name in enumerate(COLUMNS)}
    return payloads(data, columns, dict.fromkeys(COLUMNS, "text"))


@given(given_rows=rows, by=texts, null=texts)
def test_join_is_join(given_rows: list[Row], by: str, null: str) -> None:
    expected = [by.join(null if text is None else text for text in row).encode() for row in given_rows]
    assert made({"join": {"by": by, "null": {"text": null}, "of": [*COLUMNS]}}, given_rows) == expected


@given(given_rows=rows, by=texts)
def test_skip_leaves_out_value_and_separator_as_concat_ws_does(given_rows: list[Row], by: str) -> None:
    expected = [by.join(text for text in row if text is not None).encode() for row in given_rows]
    assert made({"join": {"by": by, "null": "skip", "of": [*COLUMNS]}}, given_rows) == expected


@given(given_rows=rows)
def test_pairs_are_keys_and_values(given_rows: list[Row]) -> None:
    expected = ["&".join(f"{key}={text or ''}" for key, text in zip(COLUMNS, row, strict=True)) for row in given_rows]
    assert made({"pairs": [*COLUMNS]}, given_rows) == [text.encode() for text in expected]
    kept = [{key: text for key, text in zip("XYZ", row, strict=True) if text is not None} for row in given_rows]
    expected = [";".join(f"{key}: {text}" for key, text in pairs.items()) for pairs in kept]
    of = [{"key": key, "column": column} for key, column in zip("XYZ", COLUMNS, strict=True)]
    options = {"by": ";", "equals": ": ", "null": "omit", "of": of}
    assert made({"pairs": options}, given_rows) == [text.encode() for text in expected]


@given(given_rows=rows)
def test_lengths_count_bytes(given_rows: list[Row]) -> None:
    contents = [[(text or "").encode() for text in row] for row in given_rows]
    expected = [b"".join(b"%d:%s" % (len(content), content) for content in row) for row in contents]
    assert made({"lengths": [*COLUMNS]}, given_rows) == expected
    for size in (4, 8):
        expected = [b"".join(len(content).to_bytes(size, "big") + content for content in row) for row in contents]
        assert made({"lengths": {"prefix": size, "of": [*COLUMNS]}}, given_rows) == expected


@given(given_rows=rows)
def test_a_template_is_a_format_string(given_rows: list[Row]) -> None:
    template = "{{v1}} {a}|{b}:é{c}"
    expected = [
        template.format(**{key: text or "" for key, text in zip(COLUMNS, row, strict=True)}) for row in given_rows
    ]
    assert made({"template": template}, given_rows) == [text.encode() for text in expected]


@given(given_rows=rows, is_sorted=st.booleans(), is_ascii=st.booleans())
def test_json_is_that_of_python(given_rows: list[Row], is_sorted: bool, is_ascii: bool) -> None:
    of = [{"key": key, "column": column} for key, column in zip("zéA", COLUMNS, strict=True)]
    objects = [dict(zip("zéA", row, strict=True)) for row in given_rows]
    expected = [json.dumps(one, sort_keys=is_sorted, ensure_ascii=is_ascii).encode() for one in objects]
    assert made({"json": {"sorted": is_sorted, "ascii": is_ascii, "of": of}}, given_rows) == expected
    kept = [{key: text for key, text in one.items() if text is not None} for one in objects]
    assert made({"json": {"null": "omit", "of": of}}, given_rows) == [json.dumps(one).encode() for one in kept]


@given(given_rows=rows)
def test_an_array_is_that_of_python(given_rows: list[Row]) -> None:
    assert made({"array": [*COLUMNS]}, given_rows) == [json.dumps(row).encode() for row in given_rows]
    kept = [[text for text in row if text is not None] for row in given_rows]
    assert made({"array": {"null": "skip", "of": [*COLUMNS]}}, given_rows) == [json.dumps(row).encode() for row in kept]


@given(given_rows=st.lists(st.tuples(texts, texts, texts), min_size=2, max_size=8, unique=True))
def test_no_two_rows_have_one_payload_of_lengths(given_rows: list[Row]) -> None:
    for prefix in ("{bytes}:", 4, 8):
        assert len(set(made({"lengths": {"prefix": prefix, "of": [*COLUMNS]}}, given_rows))) == len(given_rows)


@given(given_rows=st.lists(st.tuples(values, values, values), min_size=2, max_size=8, unique=True))
def test_no_two_rows_have_one_payload_of_json(given_rows: list[Row]) -> None:
    for style in ("python", "javascript", "go", "php", "jcs"):
        for null in ("keep", "omit"):
            found = made({"json": {"style": style, "null": null, "of": [*COLUMNS]}}, given_rows)
            assert len(set(found)) == len(given_rows)
        assert len(set(made({"array": {"style": style, "of": [*COLUMNS]}}, given_rows))) == len(given_rows)


@given(given_rows=rows)
def test_recipes_nest(given_rows: list[Row]) -> None:
    body = [json.dumps({"b": b, "c": c}) for _, b, c in given_rows]
    inner = {"json": ["b", "c"]}
    expected = [f"{a or ''}{one}".encode() for (a, _, _), one in zip(given_rows, body, strict=True)]
    assert made({"concat": ["a", inner]}, given_rows) == expected
    hashed = {"key": "body", **inner, "format": "sha256_hex"}
    expected = [
        json.dumps({"a": a, "body": sha256(one.encode()).hexdigest()}).encode()
        for (a, _, _), one in zip(given_rows, body, strict=True)
    ]
    assert made({"json": ["a", hashed]}, given_rows) == expected
    as_text = {"key": "body", **inner, "quoted": True}
    expected = [json.dumps({"body": one}).encode() for one in body]
    assert made({"json": [as_text]}, given_rows) == expected


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.sampled_from(['",', "[]", "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(body=documents, indent=st.integers(1, 10) | st.sampled_from(["\t", "  \t"]), ascii_only=st.booleans())
def test_json_with_lines_is_that_of_python(body: Any, indent: int | str, ascii_only: bool) -> None:
    types = {"body": "json", "n": "integer"}
    columns: dict[str, list[str | None]] = {"body": [json.dumps(body)], "n": ["7"], "gone": [None]}
    inner = {"key": "in", "json": {"null": "omit", "of": ["gone"]}}
    of = ["n", "body", inner, {"key": "all", "array": ["gone", "n"]}]
    whole = {"n": 7, "body": body, "in": {}, "all": [None, 7]}
    hashed = {"key": "body", "column": "body", "format": [{"json": {"keys": "stored"}}, "sha256_hex"]}
    digest = sha256(json.dumps(body, ensure_ascii=ascii_only).encode()).hexdigest()
    for items, content in ((of, whole), ([hashed], {"body": digest})):
        recipe = {"json": {"indent": indent, "ascii": ascii_only, "of": items}}
        expected = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
        assert payloads(recipe, columns, types) == payloads(own_layout(recipe).payload, columns, types) == [expected]


def test_a_flat_profile_names_lines_as_a_step() -> None:
    made = compile_recipe({"json": {"indent": 2, "of": ["a"]}})
    assert (made.flat["steps"], made.plan) == ([("indented", "  ", ",")], None)


def test_the_payload_of_the_ski_ledger_is_a_recipe() -> None:
    entries = list(sample_entries(300))
    lines = ["\t".join(copy_field(getattr(entry, name)) for name in HASHED_COLUMNS) + "\n" for entry in entries]
    read = batch(plain_layout(HASHED_COLUMNS), "".join(lines).encode())
    of = [{"key": key, "column": column} for key, column in PAYLOAD_COLUMNS.items()]
    data = {"json": {"sorted": True, "ascii": False, "separators": [",", ":"], "of": of}}
    columns = {name: read.values(name) for name in HASHED_COLUMNS}
    assert payloads(data, columns, {"sequence_number": "bigint"}) == read.payloads()


@given(column=st.lists(values, min_size=1, max_size=5))
def test_a_column_of_json_text_is_decoded_as_its_texts_are(column: list[str | None]) -> None:
    given_texts = list(map(json_text, column))
    assert plain_texts(given_texts) == list(map(plain_text, given_texts)) == column
    assert Batch({"a": given_texts}).values("a") == column


def test_bytes_that_are_not_utf8_are_decoded_as_one_text_is() -> None:
    given_texts = ["a", "\xff", "\xc3\xa9", "\\u00e9", "\\N"]
    assert plain_texts(given_texts) == list(map(plain_text, given_texts)) == ["a", "\\xff", "é", "é", None]


def test_the_first_row_can_be_written_in_another_way() -> None:
    columns = Columns({"a": ["1", "2"]}, ["GENESIS", "ab" * 32])
    assert columns.first() == [True, False]
    data = {"concat": [{"unless_first": [{"previous": "raw"}, {"text": "|"}]}, "a"]}
    assert payloads(data, {"a": ["1", "2"]}, previous=["GENESIS", "ab" * 32]) == [b"1", b"\xab" * 32 + b"|2"]
