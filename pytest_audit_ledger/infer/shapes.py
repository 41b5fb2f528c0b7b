"""The shapes of payloads that are tried: a recipe with its options, and where the previous hash is. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from pytest_audit_ledger.infer.forms import WRITERS, Data

Context = tuple[str, str]
"""A recipe, with its options as JSON, that writes values as a shape does."""

PREVIOUS = ""
"""The name of the previous hash among columns."""

CONSTANT = "="
"""What the name of a constant among columns begins with, before its key."""

SEPARATORS = (
    "|",
    ":",
    "",
    ",",
    ";",
    "\n",
    "||",
    "-",
    "_",
    " ",
    "\t",
    "::",
    "#",
    "/",
    "~",
    "&",
    "\0",
    "\x1f",
    ", ",
    "|~|",
)
_RARITIES = (1, 2, 1, 4, 1, 3, 3, 3, 4, 5, 5, 6, 6, 6)
"""How rare each of the writers of JSON is."""

_JSONB: Sequence[tuple[float, Data]] = ((4, {"ascii": False}), (6, {"ascii": False, "indent": "jsonb_pretty"}))
"""What PostgreSQL makes of jsonb, with keys in an order of its own, each with how rare it is."""

_OUTSIDE: Mapping[str, float] = {"": 2, "|": 6, ":": 6}
"""What there may be between JSON and the previous hash outside of it, and how rare that is."""

_COMMON = 6
"""Separators that are common, the first ones."""

PAIRS = (
    *(("&", "="), (";", "="), ("|", "="), (",", "="), ("\n", "=")),
    *(("|", ":"), (",", ":"), ("\n", ":"), ("\n", ": ")),
)
"""What pairs have between them, and after a key."""
_PREVIOUS_KEYS = ("previous_hash", "prev_hash", "previous", "prev")


@dataclass(frozen=True)
class Shape:
    """A recipe without its items.

    `options` are those of the recipe. `keys` makes the key of a column, if items have keys; in a template, the text
    before it. `is_sorted`: by key, with `shortest_first` as jsonb sorts. `outside`: the previous hash stands `first` or
    `last` outside of JSON, with the text `by` between them. `order`: the only one in which it has columns, and `tail`
    what is after them. `weight`: how much rarer it is than the most common shapes.
    """

    recipe: str
    options: Data = field(default_factory=dict)
    keys: Callable[[str], str] | None = None
    previous_key: str = ""
    is_sorted: bool = False
    shortest_first: bool = False
    outside: str = ""
    by: str = ""
    order: tuple[str, ...] = ()
    tail: str = ""
    weight: float = 1

    @property
    def in_json(self) -> bool:
        """Whether values are written as JSON."""
        return self.recipe in ("json", "array")

    @cached_property
    def context(self) -> Context:
        """How values are written."""
        if self.in_json:
            return "array", json.dumps(self.options)
        return (self.recipe, json.dumps(self.options)) if self.recipe == "lengths" else ("join", "")

    def key(self, name: str) -> str:
        """Return the key of a column, or of the previous hash."""
        if self.keys is None:
            return ""
        if name.startswith(CONSTANT):
            return name.removeprefix(CONSTANT)
        return self.previous_key if name == PREVIOUS else self.keys(name)

    def rank(self, name: str) -> tuple[int, str]:
        """Return what columns are sorted by."""
        key = self.key(name)
        return len(key.encode()) * self.shortest_first, key

    def payload(self, items: Sequence[Any], outer: Any = None) -> dict[str, Any]:
        """Return the recipe with these items, `outer` is that of the previous hash outside."""
        if self.recipe == "template":
            return self._template(items)
        if self.recipe == "join" and len(items) == 1 and len(self.options) == 1:
            return {"concat": [*items]}  # which separator there would be, nobody knows
        names_sorted = self.is_sorted and self.in_json and not self.shortest_first
        options = {**self.options, **({"sorted": True} if names_sorted else {})}
        made = {self.recipe: {**options, "of": list(items)} if options else list(items)}
        if not self.outside:
            return made
        parts = [outer, made] if self.outside == "first" else [made, outer]
        return {"join": {"by": self.by, "of": parts}} if self.by else {"concat": parts}

    def _template(self, items: Sequence[Any]) -> dict[str, Any]:
        """Return the recipe for a text with columns in it."""
        names = [name or "previous" for name in self.order]
        pieces = [f"{_literal(self.key(name))}{{{field}}}" for name, field in zip(self.order, names, strict=True)]
        text = "".join([*pieces, _literal(self.tail)])
        formatted = {field: item for field, item in zip(names, items, strict=True) if item != field}
        options = {**self.options, **({"of": formatted} if formatted else {})}
        return {"template": {"text": text, **options} if options else text}


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def snake(name: str) -> str:
    """Return a name as it is."""
    return name


def camel(name: str) -> str:
    """Return a name in camelCase."""
    return re.sub("_+([a-zA-Z0-9])", lambda found: found[1].upper(), name)


def pascal(name: str) -> str:
    """Return a name in PascalCase."""
    found = camel(name)
    return found[:1].upper() + found[1:]


def spoken(name: str) -> str:
    """Return the name of a camelCase column in snake_case."""
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def abbreviated(column: str, inner: Callable[[str], str]) -> Callable[[str], str]:
    """Return the keys of `inner`, but for one column, whose first words are abbreviated by their initials."""
    *words, last = column.split("_")
    short = inner(f"{''.join(word[:1] for word in words)}_{last}")
    return lambda name: short if name == column else inner(name)


def template(before: Mapping[str, str], tail: str) -> Shape:
    """Return the shape of a text: what is before each column, in order, and after the last."""
    return Shape(
        "template", keys=dict(before).__getitem__, previous_key=before.get(PREVIOUS, ""), order=(*before,), tail=tail
    )


def keyed_by(keys: Mapping[str, str]) -> Callable[[str], str]:
    """Return the naming that gives columns these keys, and others their own names."""
    return lambda name: keys.get(name, name)


@dataclass(frozen=True)
class Suggested:
    """What the text of a program suggests: keys by column, separators, and texts with columns in them."""

    keys: Mapping[str, str] = field(default_factory=dict)
    separators: Sequence[str] = ()
    json_separators: Sequence[tuple[str, str]] = ()
    templates: Sequence[Shape] = ()


Writers = Sequence[tuple[float, Data]]
"""How programs write JSON, each with how rare it is."""

_NAMED = 0.05
"""The weight of shapes with the keys that a program names."""


def shapes(columns: Sequence[str], previous: str, separators: Sequence[str], suggested: Suggested) -> Iterator[Shape]:
    """Yield the shapes for a table with these columns, of which `previous` holds the previous hash, if any does.

    With `separators`, nothing but texts with these between them.
    """
    if separators:
        yield from _texts(separators)
        return
    odd = [
        (1, {"separators": [*pair], **ascii_})
        for pair in suggested.json_separators
        for ascii_ in ({}, {"ascii": False})
    ]
    writers: Writers = [*odd, *zip(_RARITIES, WRITERS, strict=True)]
    yield from _texts(list(dict.fromkeys([*SEPARATORS, *suggested.separators])))
    yield from (Shape("lengths", {"prefix": prefix}, weight=2) for prefix in ("{bytes}:", 4, 8, "{bytes}|"))
    for keys in _namings(columns):
        yield from _pairs(keys, previous)
        yield from _objects(keys, previous, writers)
    if suggested.keys:
        named = {**suggested.keys, previous: suggested.keys.get(PREVIOUS, previous)}
        found = [*_objects(keyed_by(named), previous, writers), *_pairs(keyed_by(named), previous)]
        yield from (replace(shape, weight=shape.weight * _NAMED) for shape in found)
    yield from suggested.templates
    yield from (Shape("array", options, weight=2 * rarity) for rarity, options in writers)
    for column in columns:
        if column.count("_") > 1:
            for naming in (snake, camel):
                found = [*_common_objects(abbreviated(column, naming), previous, writers)]
                yield from (replace(shape, weight=shape.weight * 2) for shape in found)


def _texts(separators: Sequence[str]) -> Iterator[Shape]:
    """Yield the shapes without keys."""
    for place, by in enumerate(separators):
        weight = 1 if place < _COMMON else 3
        yield Shape("join", {"by": by}, weight=weight) if by else Shape("concat", weight=weight)


def _namings(columns: Sequence[str]) -> list[Callable[[str], str]]:
    """Return what makes keys of columns, one for each result."""
    found: Mapping[tuple[str, ...], Callable[[str], str]] = {}
    found = {tuple(map(naming, columns)): naming for naming in (spoken, pascal, camel, snake)}
    return list(found.values())[::-1]


def _previous_keys(keys: Callable[[str], str], previous: str) -> dict[str, float]:
    """Return the keys that the previous hash may have, each with its weight."""
    usual = dict.fromkeys((snake if keys is spoken else keys)(key) for key in _PREVIOUS_KEYS)
    return {**dict.fromkeys(usual, 8.0 if previous else 4.0), **({keys(previous): 1.0} if previous else {})}


def _common_objects(keys: Callable[[str], str], previous: str, writers: Writers) -> Iterator[Shape]:
    for (rarity, options), is_sorted in product(writers, (True, False)):
        yield Shape("json", options, keys, keys(previous), is_sorted, weight=rarity)


def _pairs(keys: Callable[[str], str], previous: str) -> Iterator[Shape]:
    for place, (by, equals) in enumerate(PAIRS):
        weight = 3 if place == 0 else 15
        named = _previous_keys(keys, previous) if place == 0 or not previous else {keys(previous): 1.0}
        for key, factor in named.items():
            options = {"by": by, "equals": equals}
            yield Shape("pairs", options, keys, key, weight=weight * factor)
            yield Shape("pairs", options, keys, key, is_sorted=True, weight=weight * factor * 2)


def _objects(keys: Callable[[str], str], previous: str, writers: Writers) -> Iterator[Shape]:
    ways = [*product(writers, (True, False)), *product(_JSONB, (None,))]
    for (rarity, options), is_sorted in ways:
        shape = Shape("json", options, keys, is_sorted=is_sorted is not False, shortest_first=is_sorted is None)
        named = {keys(previous): 1.0} if previous and "indent" in options else _previous_keys(keys, previous)
        for key, factor in named.items():
            yield replace(shape, previous_key=key, weight=rarity * factor)
        for (by, factor), outside in product(_OUTSIDE.items(), ("first", "last")):
            yield replace(shape, outside=outside, by=by, weight=rarity * factor)
