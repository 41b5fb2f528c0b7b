"""The forms of any recipe: those of SKI ledgers are found by its recipe, too, and none hides an edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import V2_COLUMNS
from pytest_audit_ledger.model.entry import Entry, entry_hash
from pytest_audit_ledger.model.forms import Form, Forms
from pytest_audit_ledger.model.hasher import RecipeHasher, no_key
from pytest_audit_ledger.model.profile import Profile, Version, own
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.investigate.test_reconstruction_laws import entries
from tests.support.laws import examples
from tests.support.ski_forms import EXACT_FORMS, is_written, payload

Values = Mapping[str, "str | None"]

SKI = Forms(RecipeHasher(load_profile("ski"), {name: column.type for name, column in V2_COLUMNS.items()}, no_key))


def batch_of(values: Values, stored: str, previous: str | None = "") -> Batch:
    columns = {own(name): [json_text(value)] for name, value in values.items()}
    chain = {"sequence_number": ["1"], "previous_hash": [json_text(previous)], "entry_hash": [json_text(stored)]}
    return Batch({**columns, **chain})


def printed(timestamp: str) -> str:
    """Return a canonical time as PostgreSQL prints it."""
    day, _, clock = timestamp.removesuffix("+00:00").partition("T")
    return f"{day} {clock.rstrip('0').rstrip('.') if '.' in clock else clock}+00"


def of_ski(entry: Entry, stored: str) -> Batch:
    values = {name: None if value is None else str(value) for name, value in asdict(entry).items()}
    return batch_of({**values, "timestamp": printed(entry.timestamp)}, stored, entry.previous_hash)


@examples(60)
@given(entries, st.sampled_from(EXACT_FORMS))
def test_a_form_of_ski_ledgers_is_a_form_of_their_recipe(entry: Entry, form: Form) -> None:
    written = payload(form, entry)
    stored = sha256(written).hexdigest()
    if is_written(form, entry) and stored != entry_hash(entry):
        found = SKI.search(of_ski(entry, stored), 0)
        assert found is not None
        assert [*SKI.fitting(found, of_ski(entry, stored), [0])] == [0]
        assert SKI.fitting(found, of_ski(entry, sha256(b"").hexdigest()), [0]) == {}


MOMENT = "2026-05-21 15:30:00.5+00"
TYPES = {
    "seq": "bigint",
    "at": "timestamp with time zone",
    "note": "text",
    "more": "jsonb",
    "day": "timestamp without time zone",
    "rate": "double precision",
}


def forms_of(payload: Mapping[str, Any]) -> Forms:
    columns = {"sequence_number": "seq", "previous_hash": "prev", "entry_hash": "hash"}
    profile = Profile(name="own", table="own", columns=columns, version=Version(payload=payload))
    return Forms(RecipeHasher(profile, TYPES, no_key))


def found(payload: Mapping[str, Any], written: str, **values: str | None) -> Form | None:
    row = {
        "seq": "7",
        "at": MOMENT,
        "note": "paid",
        "more": '{"b": 1, "a": "é"}',
        "day": "2026-05-21 15:30:00.5",
        "rate": "1",
    }
    return forms_of(payload).search(batch_of({**row, **values}, sha256(written.encode()).hexdigest(), "abc"), 0)


Z = {"at": {"iso": {"digits": 6, "offset": "Z"}}}
JOIN = {"join": {"by": "|", "of": ["previous", "seq", Z, "note"]}}
LITERALS = {"concat": ["note", {"text": '","at":"'}, Z, {"text": '"}'}]}


@pytest.mark.parametrize(
    ("payload", "written", "words"),
    [
        (JOIN, "abc|7|2026-05-21T15:30:00.500000+00:00|paid", "like 2026-05-21T15:30:00.120000+00:00"),
        (JOIN, "abc|7|2026-05-21T15:30:00.500000123Z|paid", "with more digits of the time than are stored"),
        (JOIN, "abc|7|2026-05-21T17:30:00.500000+02:00|paid", "like 2026-05-21T17:30:00.120000+02:00"),
        (JOIN, "abc|7|1779377400500|paid", "like 1779377400120"),
        (JOIN, "abc|7|2026-05-21T15:30:00.500000Z|pa\0id", "with a NUL character, which no column holds"),
        (LITERALS, 'paid","at":"2026-05-21 15:30:00.5"}', "like 2026-05-21 15:30:00.12"),
        ({"array": ["note", "more"]}, '["paid",{"a":"é","b":1}]', "without spaces after commas and colons"),
        ({"array": ["note", "more"]}, '["paid", {"a": "\\u00e9", "b": 1}]', "with the keys of documents sorted"),
        ({"json": ["note", "seq"]}, '{"note":"paid","seq":"7"}', "with whole numbers in quotes"),
        ({"lengths": ["note", "at"]}, "4:paid20:2026-05-21T15:30:00Z", ""),
        ({"lengths": ["note", "at"]}, "4:paid22:2026-05-21T15:30:00.5Z", "like 2026-05-21T15:30:00.12Z"),
        (
            {"json": ["seq", {"key": "x", "column": "note"}, "note"]},
            '{"seq":7,"x":"paid","note":"paid"}',
            "without spaces",
        ),
        ({"template": "{seq} {note} at {at}"}, "7 paid at 2026-05-21T15:30:00.5Z", "like 2026-05-21T15:30:00.12Z"),
    ],
)
def test_another_form_is_recognised_and_named(payload: Mapping[str, Any], written: str, words: str) -> None:
    form = found(payload, written)
    assert (words in form.words) if form and words else not (form or words)


@pytest.mark.parametrize(
    ("payload", "written", "edited"),
    [
        # digits that move from the time to the text after it
        (
            {"concat": [Z, "note"]},
            "2026-05-21T15:30:00.500000Zpaid",
            {"at": "2026-05-21 15:30:00+00", "note": ".500000Zpaid"},
        ),
        ({"concat": ["seq", {"day": "python_str"}, "note"]}, "72026-05-21 15:30:00.5000001", {"note": "000001"}),
        # a text that holds another time, between separators or the same literal texts
        (
            JOIN,
            "abc|7|2026-05-21T15:30:00.500000Z|2026-01-01T00:00:00+00:00|x",
            {"seq": "7|2026-05-21T15:30:00.500000Z", "at": "2026-01-01 00:00:00+00", "note": "x"},
        ),
        # a time that is moved by hours, in recipes without an offset
        ({"array": ["seq", {"day": "iso"}]}, '[7, "2026-05-21T12:30:00.500000+00:00"]', {}),
        ({"array": ["seq", {"day": {"iso": {"offset": ""}}}]}, '[7, "2026-05-21T12:30:00.500000"]', {}),
        (
            {"join": {"by": "|", "of": [{"at": {"unix": "ms"}}, "seq"]}},
            "1779377400|7",
            {"at": "2026-05-21 15:30:00.1+00"},
        ),
        # numbers, and keys, that a reader does not tell apart
        ({"json": ["more"]}, '{"more":{"n":9007199254740992}}', {"more": '{"n": 9007199254740993}'}),
        ({"json": [{"more": "json_pg"}]}, '{"more": {"n": 1}}', {"more": '{"n": 2, "n": 1}'}),
        # a time that is moved to the zone in which the recipe writes it without an offset
        (
            {"array": [{"at": {"iso": {"offset": "", "zone": "Europe/Madrid"}}}]},
            '["2026-05-21T17:30:00.500000"]',
            {"at": "2026-05-21 17:30:00.5+00"},
        ),
        # values that change places, because a column has the name of another one as its key
        (
            {"json": {"sorted": True, "of": [{"key": "note", "column": "seq"}, {"key": "seq", "column": "note"}]}},
            '{"note": "7", "seq": "paid"}',
            {"seq": "paid", "note": "7"},
        ),
        # what another program writes as null, or as the replacement character
        ({"json": {"null": "omit", "of": ["more"]}}, '{"more": null}', {"more": None}),
        ({"json": {"style": "javascript", "null": "omit", "of": ["rate"]}}, '{"rate":null}', {"rate": None}),
        ({"json": ["rate"]}, '{"rate":null}', {"rate": "NaN"}),
        ({"json": [{"note": "json"}]}, '{"note":{"n":null}}', {"note": '{"n": NaN}'}),
        ({"json": ["more"]}, '{"more":"\ufffd"}', {"more": '"\\ud800"'}),
        # a value that is written as a missing one, or in the place of one that is left out
        ({"json": {"null": {"text": "0"}, "of": ["seq"]}}, '{"seq": "0"}', {"seq": "0"}),
        ({"join": {"by": "|", "null": "0", "of": ["at", "note"]}}, "0|paid", {"at": "1970-01-01 00:00:00+00"}),
        ({"array": {"null": "skip", "of": ["seq", "note"]}}, '["7"]', {"note": None}),
        (
            {"join": {"by": "|", "null": "skip", "of": ["at", "note"]}},
            "2026-05-21T15:30:00.500000+00:00|paid",
            {},
        ),
        # a missing value is no empty one
        (JOIN, "abc|7|2026-05-21T15:30:00.500000Z|None", {"note": None}),
        ({"array": ["note", "seq"]}, "[7]", {"note": None}),
    ],
)
def test_no_form_hides_an_edit(payload: Mapping[str, Any], written: str, edited: Mapping[str, str | None]) -> None:
    assert found(payload, written, **edited) is None


@examples(60)
@given(st.data())
def test_what_two_contents_have_in_common_is_told_apart_by_no_form_of_a_join(data: st.DataObject) -> None:
    """A payload that a form reproduces has exactly the texts of the stored content between its separators."""
    texts = st.text(st.sampled_from("|aZ0:-T."), max_size=4)
    note, other = data.draw(texts), data.draw(texts)
    written = f"abc|7|2026-05-21T15:30:00.500000+00:00|{note}"
    form = found(JOIN, written, note=other)
    assert (form is not None) == (note == other and "|" not in note)


def test_a_text_with_the_replacement_character_is_searched_for_what_it_was() -> None:
    halved = found({"json": ["note", "seq"]}, '{"note": "x\\ud83d", "seq": 7}', note="x\ufffd")
    assert halved is not None
    assert "surrogate" in halved.words
    assert found({"json": ["note", "seq"]}, "something else", note="x\ufffd") is None


def test_the_search_for_the_form_of_a_long_text_ends_soon() -> None:
    text, begin = "x" * 1_000_000, process_time()
    assert found({"json": ["note", "at"]}, "something else", note=text) is None
    assert process_time() - begin < 20
    simple = found({"json": ["note", "seq"]}, f'{{"note":"{text}","seq":7}}', note=text)
    assert simple is not None
