"""What items and options of recipes mean, and where each mistake is found."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes import SQL_PAYLOAD, RecipeError, compile_recipe
from tests.model.recipes.columns import Columns, payloads

TYPES = {
    "seq": "bigint",
    "amount": "numeric(12,2)",
    "rate": "double precision",
    "ok": "boolean",
    "at": "timestamp",
    "doc": "jsonb",
    "tags": "text[]",
    "sizes": "integer[]",
    "code": "character(5)",
    "note": "text",
    "blob": "bytea",
}
ROW: dict[str, list[str | None]] = {
    "seq": ["7"],
    "amount": ["1.50"],
    "rate": ["1e+16"],
    "ok": ["t"],
    "at": ["2026-05-21 15:30:00"],
    "doc": ['{"b": 1.50, "aa": null}'],
    "tags": ['{a,"b c",NULL}'],
    "sizes": ["{1,2}"],
    "code": ["ab   "],
    "note": ['"é"'],
    "blob": ["\\x00ff"],
    "gone": [None],
}


def one(data: Mapping[str, Any], **previous: Any) -> str | None:
    (payload,) = payloads(data, ROW, TYPES, **previous)
    return None if payload is None else payload.decode("latin-1" if b"\xff" in payload else "utf-8")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("seq", "7"),
        ("amount", "1.50"),
        ("rate", "1e+16"),
        ("ok", "true"),
        ("at", '"2026-05-21 15:30:00"'),
        ("doc", '{"b": 1.5, "aa": null}'),
        ("tags", '["a", "b c", null]'),
        ("sizes", "[1, 2]"),
        ("note", '"\\"\\u00e9\\""'),
        ("gone", "null"),
        ({"column": "seq", "quoted": True}, '"7"'),
        ({"column": "note", "quoted": False}, '"é"'),
        ({"column": "code", "trim": True}, '"ab"'),
        ({"column": "code", "trim": "left"}, '"ab   "'),
        ({"column": "gone", "null": ""}, '""'),
        ({"column": "gone", "null": {"text": "keep"}}, '"keep"'),
        ({"doc": "json_pg"}, '{"b": 1.50, "aa": null}'),
        ({"at": {"unix": "s"}}, "1779377400"),
        ({"ok": {"booleans": [1, 0]}}, "1"),
        ({"ok": {"booleans": ["yes", "no"]}}, '"yes"'),
        ({"rate": "json"}, "1e+16"),
        ({"amount": {"json": {"style": "php"}}}, "1.5"),
        ({"text": "é"}, '"\\u00e9"'),
        ({"constant": 2}, "2"),
        ({"constant": None}, "null"),
        ({"constant": [True, "x", 1.5]}, '[true, "x", 1.5]'),
    ],
)
def test_a_value_in_json_is_written_as_its_type_and_its_item_ask(item: Any, expected: str) -> None:
    assert one({"array": [item]}) == f"[{expected}]"


def test_items_of_text_recipes_are_as_stored() -> None:
    of = ["seq", "ok", "doc", "code", {"constant": True}, {"constant": "x"}, {"text": "y"}]
    assert one({"join": {"by": "|", "of": of}}) == '7|t|{"b": 1.50, "aa": null}|ab   |true|x|y'


@pytest.mark.parametrize(
    ("hashing", "stored", "forms"),
    [
        (Hashing(), "00ff", {"as_stored": b"00ff", "raw": b"\0\xff", "HEX": b"00FF", "base64": b"AP8="}),
        (Hashing(prefix="sha256:"), "sha256:00ff", {"as_stored": b"sha256:00ff", "raw": b"\0\xff", "hex": b"00ff"}),
        (Hashing(encoding="base64"), "AP8=", {"as_stored": b"AP8=", "raw": b"\0\xff", "hex": b"00ff"}),
        (Hashing(encoding="bytea"), "\\x00ff", {"as_stored": b"\\x00ff", "raw": b"\0\xff", "hex": b"00ff"}),
        (Hashing(encoding="HEX"), "00FF", {"as_stored": b"00FF", "raw": b"\0\xff", "hex": b"00ff"}),
        (Hashing(), "", {"as_stored": b"", "raw": b"", "hex": b""}),
        (Hashing(), None, {"as_stored": b"", "raw": b"", "hex": b""}),
        (Hashing(), "GENESIS", {"as_stored": b"GENESIS", "raw": None, "hex": None}),
    ],
)
def test_the_previous_hash_has_five_forms(hashing: Hashing, stored: str | None, forms: dict[str, bytes | None]) -> None:
    for form, expected in forms.items():
        recipe = compile_recipe({"concat": [{"previous": form}]}, hashing=hashing)
        assert recipe.payloads(Columns({}, [stored])) == [expected]
        assert recipe.needs_previous


def test_a_recipe_says_which_columns_it_reads() -> None:
    of = ["a", {"key": "x", "column": "b"}, {"when_not_null": "c", "of": ["f", {"d": "hex"}]}]
    recipe = compile_recipe({"json": [*of, {"key": "n", "template": "{e}"}]})
    assert recipe.columns == ("a", "b", "f", "c", "d", "e")
    assert not recipe.needs_previous


def test_when_not_null_writes_its_items_only_where_the_column_has_a_value() -> None:
    data = {"join": {"by": "|", "of": ["a", {"when_not_null": "b", "of": [{"text": "B"}, "b"]}]}}
    assert payloads(data, {"a": ["1", "2"], "b": [None, ""]}) == [b"1", b"2|B|"]


def test_a_row_fails_alone() -> None:
    columns: dict[str, list[str | None]] = {"at": ["2026-05-21 15:30:00+00", "infinity", None], "doc": ["1", "2", "{"]}
    data = {"join": {"by": "|", "of": [{"at": {"iso": {"offset": "Z"}}}, {"doc": "json"}]}}
    assert payloads(data, columns) == [b"2026-05-21T15:30:00Z|1", None, None]


def test_a_lone_surrogate_has_no_payload_unless_it_is_escaped() -> None:
    columns = {"doc": [r'"\ud800"', '"a"']}
    for style, expected in {"javascript": rb'"\ud800"', "go": '"\ufffd"'.encode(), "php": None, "jcs": None}.items():
        assert payloads({"concat": [{"doc": {"json": {"style": style}}}]}, columns) == [expected, b'"a"']
    assert payloads({"lengths": [{"doc": {"json": {"ascii": False}}}]}, columns) == [None, b'3:"a"']


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("python", ["NaN", "-Infinity", "-0.0", "5.0", "1000000000000000.0"]),
        ("javascript", ["null", "null", "0", "5", "1000000000000000"]),
        ("go", [None, None, "-0", "5", "1000000000000000"]),
        ("php", [None, None, "-0", "5", "1000000000000000"]),
        ("jcs", [None, None, "0", "5", "1000000000000000"]),
    ],
)
def test_a_double_is_written_as_the_language_writes_it(style: str, expected: list[str | None]) -> None:
    columns = {"rate": ["NaN", "-Infinity", "-0", "5", "1e+15"]}
    for item in ("rate", {"rate": "json"}):
        found = payloads({"array": {"style": style, "of": [item]}}, columns, {"rate": "double precision"})
        assert found == [None if text is None else f"[{text}]".encode() for text in expected]


def test_an_empty_recipe_still_has_a_payload_for_each_row() -> None:
    assert payloads({"json": []}, {"a": ["1", "2"]}) == [b"{}", b"{}"]
    assert compile_recipe({"json": ["a"]}).payloads(Columns({"a": []})) == []


def test_what_a_format_leaves_open_is_as_in_the_recipe_around_it() -> None:
    options = {
        "style": "javascript",
        "of": [
            "doc",
            {"key": "x", "json": ["note"]},
            {"key": "y", "column": "doc", "format": {"json": {"keys": "sorted"}}},
        ],
    }
    assert one({"json": options}) == '{"doc":{"b":1.5,"aa":null},"x":{"note":"\\"é\\""},"y":{"aa":null,"b":1.5}}'


def test_the_server_makes_the_bytes_of_sql() -> None:
    recipe = compile_recipe({"sql": "convert_to(a || b, 'UTF8')"})
    assert (recipe.sql, recipe.columns, recipe.needs_previous) == ("convert_to(a || b, 'UTF8')", (), True)
    assert recipe.payloads(Columns({SQL_PAYLOAD: ["\\x6162", None, "ab"]})) == [b"ab", None, None]


def greeting(row: Mapping[str, str | None], previous: str | None) -> bytes | None:
    return None if row["a"] is None else f"{previous}:{row['a']}".encode()


def test_a_function_makes_the_bytes_of_python() -> None:
    name = f"{__name__}:greeting"
    recipe = compile_recipe({"python": {"function": name, "columns": ["a"]}})
    assert recipe.columns == ("a",)
    assert recipe.payloads(Columns({"a": ["x", None]}, ["p", "q"])) == [b"p:x", None]
    other = compile_recipe(
        {"python": {"function": "mine", "columns": []}}, resolve=lambda found: lambda row, link: found.encode()
    )
    assert other.payloads(Columns({}, ["p", "q"])) == [b"mine", b"mine"]


def test_a_recipe_can_be_pickled() -> None:
    recipe = compile_recipe({"json": ["a"]}, {"a": "bigint"})
    assert pickle.loads(pickle.dumps(recipe)).payloads(Columns({"a": ["1"]})) == [b'{"a": 1}']


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({}, (), "expected one recipe"),
        ({"join": {"by": "|", "of": []}, "json": []}, (), "expected one recipe"),
        ([], (), "expected a mapping"),
        ({"jsn": ["a"]}, ("jsn",), "unknown option 'jsn'"),
        ({"join": ["a"]}, ("join",), "join needs a text between the values"),
        ({"join": {"by": 1, "of": []}}, ("join", "by"), "expected a text, got a number"),
        ({"join": {"by": "|"}}, ("join", "of"), "expected a list of items, got nothing"),
        ({"join": {"by": "|", "null": "keep", "of": []}}, ("join", "null"), "keep writes the null of JSON"),
        ({"join": {"by": "|", "null": 0, "of": []}}, ("join", "null"), "expected a text, got a number"),
        ({"join": {"by": "|", "of": [{"key": "x", "column": "a"}]}}, ("join", "of", 0, "key"), "have no keys"),
        ({"concat": ["a", 5]}, ("concat", 1), "expected a column or a mapping"),
        ({"concat": [{"a": "isoo"}]}, ("concat", 0, "a"), "'isoo' is not a format"),
        ({"concat": [{"a": {"isoo": {}}}]}, ("concat", 0, "a", "isoo"), "unknown format 'isoo'"),
        ({"concat": [{"column": "a", "format": ["jcs", "md4_hex"]}]}, ("concat", 0, "format", 1), "'md4_hex' is not"),
        ({"concat": [{"a": {"iso": {"zone": "Mars"}}}]}, ("concat", 0, "a", "iso", "zone"), "not a time zone"),
        ({"concat": [{"a": {"iso": {"digits": 4}}}]}, ("concat", 0, "a", "iso", "digits"), "'4' is not one of 0, 3"),
        ({"concat": [{"a": {"strftime": "%c"}}]}, ("concat", 0, "a", "strftime"), "%c is not a directive"),
        ({"concat": [{"a": {"unix": "h"}}]}, ("concat", 0, "a", "unix"), "'h' is not one of s, ms"),
        ({"concat": [{"a": {"decimals": -1}}]}, ("concat", 0, "a", "decimals"), "expected a number of digits"),
        ({"concat": [{"a": {"booleans": ["1"]}}]}, ("concat", 0, "a", "booleans"), "what true and false"),
        ({"concat": [{"a": {"json": {"style": "perl"}}}]}, ("concat", 0, "a", "json", "style"), "'perl' is not one"),
        ({"concat": [{"b": "x", "c": "y"}]}, ("concat", 0), "an item needs one of"),
        ({"concat": [{"column": "a", "trim": "all"}]}, ("concat", 0, "trim"), "'all' is not one of both"),
        ({"concat": [{"column": "a", "quoted": True}]}, ("concat", 0, "quoted"), "only json and array have quotes"),
        ({"concat": [{"column": "a", "formt": "hex"}]}, ("concat", 0, "formt"), "unknown option 'formt'"),
        ({"concat": [{"text": 5}]}, ("concat", 0, "text"), "expected a text, got a number"),
        ({"concat": [{"constant": {1, 2}}]}, ("concat", 0, "constant"), "expected a text, a number"),
        ({"concat": [{"previous": "raws"}]}, ("concat", 0, "previous"), "'raws' is not one of as_stored"),
        ({"concat": [{"unless_first": "a"}]}, ("concat", 0, "unless_first"), "expected a list of items"),
        ({"concat": [{"when_not_null": "a"}]}, ("concat", 0, "of"), "expected a list of items, got nothing"),
        ({"concat": [{"sql": "1", "of": []}]}, ("concat", 0), "an item needs one of"),
        ({"json": ["a", "a"]}, ("json",), "the key 'a' occurs twice"),
        ({"json": {"of": [{"text": "x"}]}}, ("json", "of", 0), "an item of json needs a key"),
        ({"json": [{"concat": ["a"]}]}, ("json", 0), "an item of json needs a key"),
        ({"json": [{"a": "raw"}]}, ("json", 0), "bytes have no place in JSON"),
        ({"json": {"of": [], "sorted": "yes"}}, ("json", "sorted"), "expected true or false"),
        ({"json": {"of": [], "separators": [","]}}, ("json", "separators"), "expected a list of 2 texts"),
        ({"json": {"of": [], "indent": 0}}, ("json", "indent"), "expected 1 to 10 spaces"),
        ({"concat": [{"a": {"json": {"indent": "-"}}}]}, ("concat", 0, "a", "json", "indent"), "of white space"),
        ({"lengths": {"of": [], "prefix": 5}}, ("lengths", "prefix"), "'5' is not one of 4, 8"),
        ({"lengths": {"of": [], "prefix": ":"}}, ("lengths", "prefix"), "a text with {bytes}"),
        ({"template": "{a"}, ("template",), "write a brace that is not a field twice"),
        ({"template": "{a!r}"}, ("template",), "can only be a name"),
        ({"template": {"text": "{a}", "of": {"b": "hex"}}}, ("template", "of", "b"), "the text has no field 'b'"),
        ({"template": {"text": "{a}", "of": ["a"]}}, ("template", "of"), "expected a mapping, got a list"),
        ({"sql": 1}, ("sql",), "expected a text"),
        ({"python": "yaml:nothing"}, ("python",), "there is no function 'yaml:nothing'"),
        ({"python": "yaml:safe_load"}, ("python",), "needs the columns that it reads"),
    ],
)
def test_a_mistake_is_found_at_its_place(data: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        compile_recipe(data)
    assert raised.value.path == path
    assert message in str(raised.value)
