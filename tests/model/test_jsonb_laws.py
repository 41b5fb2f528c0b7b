"""What Python wrote as JSON is known again in what JSONB made of it; what was edited is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.jsonb import MOST_WRITINGS, Derived, JsonDocument, Reader, canonical, digest
from tests.forger import Forger
from tests.support.laws import examples

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
numbers = st.one_of(
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e16, 1e22, 1.5e300, 5e-324, 1e-07, 10**16, 10**22, 2**63, 104.817, 9007199254740993]),
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=4,
)
documents = st.dictionaries(texts, values, max_size=3)  # so few numbers that every way of writing them is tried


def through_jsonb(forger: Forger, written: list[str]) -> list[JsonDocument]:
    """Return documents as the server prints them, all in one round trip."""
    read = Reader().read
    texts = "SELECT document::jsonb::text FROM unnest(%s) WITH ORDINALITY AS given(document, place) ORDER BY place"
    return [read(text) for (text,) in forger.run(texts, [written])]


@examples(80)
@given(several=st.lists(documents, min_size=1, max_size=6))
def test_no_document_that_python_wrote_is_called_changed(workshop: Forger, several: list[dict[str, Any]]) -> None:
    found = through_jsonb(workshop, [json.dumps(document, ensure_ascii=False) for document in several])
    for document, read in zip(several, found, strict=True):
        assert read.problem == ""
        assert read.derive(digest(canonical(document)))[0] is Derived.HOLDS
        for key, value in document.items():
            assert read.derive(digest(canonical(value)), key)[0] is Derived.HOLDS


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | texts | st.sampled_from([0.5, 104.817, 1e-07, -2.25]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
plain_documents = st.dictionaries(texts, plain_values, max_size=4)


@examples(60)
@given(pairs=st.lists(st.tuples(plain_documents, plain_documents), min_size=1, max_size=6))
def test_an_edit_of_a_plain_document_is_always_found(workshop: Forger, pairs: list[tuple[Any, Any]]) -> None:
    edited = through_jsonb(workshop, [json.dumps(after, ensure_ascii=False) for _, after in pairs])
    for (before, after), read in zip(pairs, edited, strict=True):
        expected = Derived.HOLDS if canonical(before) == canonical(after) else Derived.DIFFERS
        assert read.derive(digest(canonical(before)))[0] is expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.5", "1.50"),
        ("104.817", "104.81700000000000001"),
        ("0.0", "0.00"),
        ("0.0", "0"),
        ("7.0", "7"),
        ("1e+22", "10000000000000000000001"),
        ("1e+22", "10000000000000000000000.0"),
        ("0.1", "0.10000000000000001"),
        ("5e-324", "4e-324"),
    ],
)
def test_a_number_in_another_form_is_an_edit(workshop: Forger, before: str, after: str) -> None:
    (read,) = through_jsonb(workshop, [f'{{"a": {after}}}'])
    assert read.derive(digest(f'{{"a":{before}}}'.encode()))[0] is Derived.DIFFERS


@pytest.mark.parametrize("written", ["1e+22", "10000000000000000000000", "-1e+16", "-0.0", "1.5e+300", "1e-07", "0.0"])
def test_every_way_to_write_a_number_is_known_again(workshop: Forger, written: str) -> None:
    (read,) = through_jsonb(workshop, [f'{{"a": [{written}, 1]}}'])
    assert read.derive(digest(f'{{"a":[{written},1]}}'.encode()))[0] is Derived.HOLDS


def written(count: int, number: str) -> str:
    return f'{{"a":[{",".join([number] * count)}]}}'


def test_twelve_numbers_are_tried_in_every_way_and_more_are_undecided() -> None:
    read = Reader().read
    assert MOST_WRITINGS == 2**12
    for count, expected in ((12, Derived.DIFFERS), (13, Derived.UNDECIDED)):
        assert read(written(count, "0.0")).derive(digest(b"another"))[0] is expected
    mixed = '{"a":[0.0,-0.0,1e+22,10000000000000000000000,-0.0,0.0,-0.0,0.0,1e+16,0.0,-0.0,10000000000000000]}'
    printed = mixed.replace("-0.0", "0.0").replace("1e+22", f"1{22 * '0'}").replace("1e+16", f"1{16 * '0'}")
    assert read(printed).derive(digest(mixed.encode()))[0] is Derived.HOLDS


def test_many_numbers_of_one_kind_are_known_again() -> None:
    read = Reader().read
    printed = written(500, f"1{22 * '0'}")
    assert read(printed).derive(digest(printed.encode()))[0] is Derived.HOLDS
    assert read(printed).derive(digest(written(500, "1e+22").encode()))[0] is Derived.HOLDS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("{", "not JSON"),
        ("", "not JSON"),
        ('{"a": 1, "a": 2}', "a key occurs twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": ' + 5000 * "9" + "}", "too many digits"),
        ('{"a": ' + 100_000 * "[" + 100_000 * "]" + "}", "nested too deeply"),
    ],
)
def test_what_is_no_document_is_told_and_has_no_hash(text: str, problem: str) -> None:
    document = Reader().read(text)
    assert problem in document.problem
    assert document.value == {}
