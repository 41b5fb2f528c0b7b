"""Recipes that cannot see a change are warned of, and those that can are not."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_audit_ledger.model.recipes import lint
from tests.model.recipes.columns import payloads

TYPES = {
    "seq": "bigint",
    "a": "text",
    "b": "character varying(20)",
    "doc": "jsonb",
    "id": "uuid",
    "amount": "numeric(9,2)",
    "at": "timestamp with time zone",
    "ok": "boolean",
}
NOT_NULL = ["a", "b", "seq", "at", "doc"]


@pytest.mark.parametrize(
    "data",
    [
        {"json": ["previous", "seq", "a", "b"]},
        {"array": ["previous", "seq", "a", "b"]},
        {"lengths": ["previous", "seq", "a", "b"]},
        {"join": {"by": "|", "of": ["previous", "seq", "a", "at", "ok"]}},
        {"join": {"by": "-", "of": ["previous", "seq", "id", "a", "at"]}},
        {"join": {"by": "|", "of": ["previous", "seq", {"a": "sha256_hex"}, {"b": "hex"}]}},
        {"pairs": ["previous", "seq", "a"]},
        {"concat": ["previous", "seq", {"at": {"iso": {"digits": 6}}}]},
        {"concat": ["previous", "seq", {"text": "|"}, "a"]},
        {"concat": ["previous", {"json": ["seq", "a", "b"]}]},
        {"concat": ["previous", "seq", {"join": {"by": "|", "of": ["a", "ok"]}, "format": "sha256_hex"}]},
        {"template": "{previous}|{seq}|{a}"},
        {"sql": "x"},
    ],
)
def test_a_recipe_that_sees_every_change_has_no_warning(data: dict[str, Any]) -> None:
    assert lint(data, TYPES, not_null=NOT_NULL) == []


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({"join": {"by": "|", "of": ["previous", "seq", "a", "b"]}}, ("join",), "a and b can have '|' in them"),
        ({"pairs": ["previous", "seq", "a", "b"]}, ("pairs",), "a and b can have '&' in them"),
        ({"join": {"by": "1", "of": ["previous", "seq", "at"]}}, ("join",), "seq and at can have '1' in them"),
        ({"concat": ["previous", "seq", "at"]}, ("concat",), "seq and at have no fixed length"),
        (
            {"concat": ["previous", {"text": "|"}, "a", {"text": "|"}, "b", {"text": "|"}, "seq"]},
            ("concat",),
            "a and b",
        ),
        ({"template": "{previous}{seq}{a}"}, ("template",), "seq and a have no fixed length"),
        ({"template": "{previous}|{seq}|{a}|{b}"}, ("template",), "a and b can have what is between them"),
        (
            {"join": {"by": "|", "of": ["previous", "seq", "a", {"join": {"by": ",", "of": ["b", "ok"]}}]}},
            ("join",),
            "a, b and ok can have '|' in them",
        ),
        (
            {"concat": ["previous", "seq", {"join": {"by": "|", "of": ["a", "b"]}, "format": "sha256_hex"}]},
            ("concat", 2, "join"),
            "a and b can have '|' in them",
        ),
        ({"json": ["seq", "a"]}, ("json",), "does not have the previous hash"),
        ({"json": ["previous", "a", "at"]}, ("json",), "does not have a number"),
    ],
)
def test_a_recipe_that_misses_a_change_is_warned_of(data: Any, path: tuple[str], message: str) -> None:
    ((found, told),) = lint(data, TYPES, not_null=NOT_NULL)
    assert found == path
    assert message in told


def test_two_rows_that_a_warning_is_about_have_one_payload() -> None:
    data = {"join": {"by": "|", "null": "skip", "of": ["a", "b"]}}
    one, other = payloads(data, {"a": ["x|", "x"], "b": ["y", "|y"]})
    assert one == other
    one, other = payloads(data, {"a": ["x", None], "b": [None, "x"]})
    assert one == other


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        (
            {"join": {"by": "|", "of": ["previous", "seq", "a", "amount", {"column": "id", "null": "none"}]}},
            ("join", "of", 2),
            "an empty text",
        ),
        ({"json": ["previous", "seq", {"key": "a", "column": "a", "null": "n/a"}]}, ("json", 2), "the text 'n/a'"),
    ],
)
def test_null_that_hashes_like_a_text_is_warned_of(data: Any, path: tuple[str | int, ...], text: str) -> None:
    assert lint(data, TYPES) == [(path, f"NULL and {text} hash alike; json keeps them apart")]


def test_values_that_can_take_the_place_of_each_other_are_warned_of() -> None:
    data: Any = {"array": {"null": "skip", "of": ["previous", "seq", "a", "b"]}}
    ((path, message),) = lint(data, TYPES, not_null=["seq"])
    assert path == ("array",)
    assert "a and b are left out if NULL" in message
    assert lint({"json": {"null": "omit", "of": ["previous", "seq", "a", "b"]}}, TYPES) == []


def test_the_columns_of_roles_count() -> None:
    data = {"json": ["link", "number", "a"]}
    assert lint(data, sequence="number", previous="link") == []
    messages = [message for _, message in lint(data, sequence="seq")]
    assert messages[0].startswith("the payload does not have the number 'seq'")
    assert messages[1].startswith("the payload does not have the previous hash")


def test_without_types_any_text_can_be_in_a_column() -> None:
    data = {"join": {"by": "|", "of": ["previous", "seq", {"at": "iso"}, "a"]}}
    assert "seq and a can have '|'" in lint(data, not_null=NOT_NULL)[0][1]
    assert lint(data, not_null=NOT_NULL, sequence="seq") == []
