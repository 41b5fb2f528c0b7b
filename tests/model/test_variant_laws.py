"""No form of any recipe hides an edit: what two contents are written alike by a form, the recipe writes alike, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.forms import Form, Forms
from pytest_audit_ledger.model.hasher import BatchRows, RecipeHasher, no_key
from pytest_audit_ledger.model.profile import Profile, Version
from pytest_audit_ledger.model.recipes import RecipeError, compile_recipe
from tests.model.test_forms import batch_of
from tests.support.laws import examples

TYPES = {
    "n": "bigint",
    "at": "timestamp with time zone",
    "a": "text",
    "b": "text",
    "x": "double precision",
    "d": "json",
}

_MOMENTS = ("2026-05-21 15:30:00+00", "2026-05-21 17:30:00.5+00", "1970-01-01 00:00:00+00")
_PRINTED = ("2026-05-21T15:30:00Z", "2026-05-21T17:30:00.500000+02:00", "1779377400")
VALUES: Mapping[str, st.SearchStrategy[str | None]] = {
    "n": st.sampled_from([None, "0", "7", "-1", "9007199254740993", "9007199254740992"]),
    "at": st.sampled_from([None, *_MOMENTS]),
    "a": st.sampled_from([None, "", " ", "0", "7", "null", "é", "|", "\ufffd", *_PRINTED, f"0|{_PRINTED[0]}", "7|a=0"]),
    "b": st.sampled_from([None, "", "0", "7", "é/", "\ufffd", *_PRINTED, f"{_PRINTED[1]}|7", "n=7"]),
    "x": st.sampled_from([None, "0", "0.5", "1e+25", "NaN", "Infinity", "-0"]),
    "d": st.sampled_from(
        [
            None,
            "null",
            "{}",
            '{"a": 1}',
            ' {"a": 1.0}',
            '{"a":1}',
            '{"b": 2, "a": "\ufffd"}',
            '{"b": 2, "a": "\\ud800"}',
        ]
    ),
}
rows = st.fixed_dictionaries(dict(VALUES))

_iso = st.fixed_dictionaries(
    {"digits": st.sampled_from(["3", "6", "python", "trimmed"]), "offset": st.sampled_from(["Z", "+00:00", ""])},
    optional={"zone": st.just("Europe/Madrid"), "separator": st.just(" ")},
)
_moment: st.SearchStrategy[Any] = st.sampled_from(["iso", "as_stored", {"unix": "s"}, {"unix": "ms"}]) | _iso.map(
    lambda options: {"iso": options}
)
_DOCUMENTS = ("json_pg", "json", "jcs")
_column = st.one_of(
    st.sampled_from(
        ["n", "a", "b", "x", "d", *({"d": form} for form in _DOCUMENTS), *({"a": form} for form in _DOCUMENTS)]
    ),
    st.just({"column": "a", "quoted": False}),
    _moment.map(lambda format_: {"at": format_}),
    st.sampled_from([{"text": "|"}, {"text": "0"}, "previous"]),
)
_keyed = st.builds(
    lambda column, key, **more: {"column": column, "key": key, **more},
    st.sampled_from(["n", "at", "a", "b", "x", "d"]),
    st.sampled_from(["n", "a", "b", "x", "d", "at", "key"]),
)


def _sized(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=4)


_conditional = st.builds(lambda of: {"when_not_null": "b", "of": of}, _sized(_column))
_texts = st.sampled_from(["", "0", "skip", "NULL"])
_nulls = st.sampled_from(["omit", "keep", "", "0"])
_styles = st.sampled_from(["python", "javascript", "go", "php"])
payloads = st.one_of(
    st.fixed_dictionaries(
        {"by": st.sampled_from(["|", "\0"]), "null": _texts, "of": _sized(_column | _conditional)}
    ).map(lambda options: {"join": options}),
    st.fixed_dictionaries({"null": _texts, "of": _sized(_column | _conditional)}).map(
        lambda options: {"concat": options}
    ),
    st.fixed_dictionaries({"null": _texts, "of": _sized(_column)}).map(lambda options: {"lengths": options}),
    st.fixed_dictionaries({"null": _texts, "of": _sized(st.sampled_from(["n", "at", "a", "b"]))}).map(
        lambda options: {"pairs": options}
    ),
    st.fixed_dictionaries(
        {"null": st.sampled_from(["skip", "keep", "0"]), "style": _styles, "of": _sized(_column)}
    ).map(lambda options: {"array": options}),
    st.fixed_dictionaries(
        {
            "null": _nulls,
            "style": _styles,
            "ascii": st.booleans(),
            "sorted": st.booleans(),
            "of": _sized(_keyed | _column),
        }
    ).map(lambda options: {"json": options}),
)


@examples(300)
@given(payloads, rows, st.data())
def test_no_edit_is_explained_by_a_form(
    payload: Mapping[str, Any], row: dict[str, str | None], data: st.DataObject
) -> None:
    try:
        recipe = compile_recipe(payload, TYPES)
    except RecipeError:
        return
    columns = {"sequence_number": "n", "previous_hash": "prev", "entry_hash": "hash"}
    profile = Profile(name="own", table="own", columns=columns, version=Version(payload=payload))
    changed = data.draw(st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=2, unique=True))
    edited = {**row, **{column: data.draw(VALUES[column]) for column in changed}}
    before, after = (recipe.payloads(BatchRows(batch_of(one, "", "abc"), profile))[0] for one in (row, edited))
    if before is not None and before != after:
        batch = batch_of(edited, sha256(before).hexdigest(), "abc")
        form = Forms(RecipeHasher(profile, TYPES, no_key)).search(batch, 0)
        assert form is None or _is_spelling(form, row, edited), f"{before!r} {form.words}"


def _is_spelling(form: Form, row: Mapping[str, str | None], edited: Mapping[str, str | None]) -> bool:
    """Return whether an edit changed only how documents are spelled, which the form says that it does not prove."""
    changed = {column for column in row if row[column] != edited[column]}
    told = set(form.layout.rewritten)
    return changed <= told and all(_value(row[column]) == _value(edited[column]) for column in changed)


def _value(document: str | None) -> Any:
    return None if document is None else (json.loads(document),)


@pytest.mark.parametrize(
    ("type_", "recipe", "before", "after"),
    [
        ("text", {"join": {"by": "|", "null": "", "of": ["n", {"v": "jcs"}]}}, None, ""),
        ("text", {"pairs": {"null": "", "of": ["n", {"v": "json"}]}}, None, ""),
        ("text", {"json": {"null": "omit", "of": ["n", {"column": "v", "quoted": False}]}}, "null", None),
        ("text", {"array": {"of": ["n", {"v": "json_pg"}]}}, '{"a": 1}', ' {"a": 1}'),
        ("text", {"array": {"of": ["n", {"column": "v", "quoted": False}]}}, "", " "),
        ("json", {"array": {"of": ["n", {"v": "json_pg"}]}}, "[]", " []"),
        ("double precision", {"json": {"style": "go", "of": ["n", "v"]}}, "0", "-0"),
    ],
)
def test_what_is_missing_empty_or_a_space_is_told_apart(
    type_: str, recipe: Mapping[str, Any], before: str | None, after: str | None
) -> None:
    assert _found(type_, recipe, before, after) is None


@pytest.mark.parametrize(
    ("type_", "form", "before", "after"),
    [
        ("jsonb", {"json": {"keys": "sorted"}}, '{"a": 0}', '{"a": 0.0}'),
        ("json", "json_pg", '{"a":1}', '{"a": 1}'),
        ("json", {"json": {"keys": "stored"}}, '{"a":1,"b":2}', '{"b":2,"a":1}'),
    ],
)
def test_a_form_that_reads_documents_says_that_it_does_not_prove_their_spelling(
    type_: str, form: Any, before: str, after: str
) -> None:
    found = _found(type_, {"json": {"separators": [",", ":"], "of": ["n", {"v": form}]}}, before, after)
    assert found is not None
    assert found.unproven == "how v spells its JSON: the order of keys, spaces, 1.0 or 1"
    assert _found(type_, {"json": {"of": ["n", {"v": form}]}}, before, '{"a": 7}') is None


def _found(type_: str, payload: Mapping[str, Any], before: str | None, after: str | None) -> Form | None:
    """Return the form in which an entry has its hash after an edit of the column v."""
    types = {"n": "bigint", "v": type_}
    columns = {"sequence_number": "n", "previous_hash": "prev", "entry_hash": "hash"}
    profile = Profile(name="own", table="own", columns=columns, version=Version(payload=payload))
    (hashed,) = compile_recipe(payload, types).payloads(
        BatchRows(batch_of({"n": "7", "v": before}, "", "abc"), profile)
    )
    assert hashed is not None
    batch = batch_of({"n": "7", "v": after}, sha256(hashed).hexdigest(), "abc")
    return Forms(RecipeHasher(profile, types, no_key)).search(batch, 0)


@pytest.mark.parametrize(
    ("type_", "item", "value", "written"),
    [
        ("timestamp with time zone", {"format": {"unix": "s"}}, "2026-05-21 15:30:00+00", "1779377400"),
        ("boolean", {}, "t", "t"),
    ],
)
def test_what_no_edit_can_pad_has_forms_without_quotes_too(
    type_: str, item: Mapping[str, Any], value: str, written: str
) -> None:
    payload = {"json": {"of": ["n", {"column": "v", "quoted": False, **item}]}}
    columns = {"sequence_number": "n", "previous_hash": "prev", "entry_hash": "hash"}
    profile = Profile(name="own", table="own", columns=columns, version=Version(payload=payload))
    digest = sha256(f'{{"n":7,"v":{written}}}'.encode()).hexdigest()
    forms = Forms(RecipeHasher(profile, {"n": "bigint", "v": type_}, no_key))
    form = forms.search(batch_of({"n": "7", "v": value}, digest, "abc"), 0)
    assert form is not None
    assert form.words == "without spaces after commas and colons"
