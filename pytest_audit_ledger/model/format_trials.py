"""Recipes that differ from one in the format of a single column, to find out which column keeps hashes from matching.

No I/O.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pytest_audit_ledger.model.recipes.compiler import RECIPES
from pytest_audit_ledger.model.recipes.formats import DOCUMENTS, FLOATS, INTEGERS, plain_type
from pytest_audit_ledger.model.recipes.moments import DIGITS, OFFSETS, UNITS

PREVIOUS = "previous"

_Path = tuple["str | int", ...]

_DIGITS = tuple(int(digits) if digits.isdigit() else digits for digits in DIGITS)
_ANY = ("as_stored", "python_str", "sha256_hex", "hex", "base64")
_MOMENTS = (
    *({"iso": {"digits": d, "offset": o, **s}} for d, o, s in product(_DIGITS, OFFSETS, ({}, {"separator": " "}))),
    *({"unix": unit} for unit in UNITS),
    {"strftime": "%d-%m-%Y"},
    {"strftime": "%Y-%m-%d"},
)
_NUMBERS = ("json", *({"decimals": digits} for digits in range(7)))
_BOOLEANS = tuple(
    {"booleans": list(pair)}
    for pair in (("true", "false"), ("True", "False"), ("1", "0"), ("1", ""), ("t", "f"), (True, False), (1, 0))
)
_DOCUMENTS = (
    "json_pg",
    "jcs",
    *(
        {"json": {"keys": k, "separators": s, "ascii": a}}
        for k, s, a in product(("sorted", "stored"), ([",", ":"], [", ", ": "]), (True, False))
    ),
    *({"json": {"keys": k, "style": s}} for k, s in product(("sorted", "stored"), ("javascript", "go", "php"))),
)
_NULLS = ("", "null", "None", "NULL", "keep", "omit")
_HASHES = ("as_stored", "raw", "hex", "HEX", "base64")


@dataclass(frozen=True)
class Trial:
    """A recipe with another `item` for `column`, which is `previous` for the previous hash."""

    column: str
    item: Any
    payload: Mapping[str, Any]


def trials(payload: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[Trial]:
    """Yield the recipes that differ from `payload` in one item; `types` are those of the columns."""
    payload = {name: _with_options(name, inner) for name, inner in payload.items()}
    for path, item in _items(payload, ()):
        column = _column(item)
        for other in _others(item, column, plain_type(types.get(column, ""))):
            if other != item:
                yield Trial(column, other, _replaced(payload, path, other))


def _with_options(name: str, inner: Any) -> Any:
    return {"text": inner} if name == "template" and isinstance(inner, str) else inner


def _items(recipe: Mapping[str, Any], path: _Path) -> Iterator[tuple[_Path, Any]]:
    """Yield every item that is a column or the previous hash, with its path; also those of nested recipes."""
    for name, inner in recipe.items():
        if name == "template":
            yield from _fields(inner, (*path, name))
        elif name in RECIPES:
            options = {"of": inner} if isinstance(inner, list) else inner
            place = (*path, name) if isinstance(inner, list) else (*path, name, "of")
            yield from _listed(options.get("of", ()), place)


def _listed(items: Iterable[Any], path: _Path) -> Iterator[tuple[_Path, Any]]:
    for index, item in enumerate(items):
        here = (*path, index)
        condition = next((key for key in ("unless_first", "of") if isinstance(item, Mapping) and key in item), None)
        if condition is not None:
            yield from _listed(item[condition], (*here, condition))
        elif isinstance(item, Mapping) and item.keys() & set(RECIPES):
            yield from _items(item, here)
        elif _column(item):
            yield here, item


def _fields(template: Any, path: _Path) -> Iterator[tuple[_Path, Any]]:
    """Yield the fields of a template that is written with its options."""
    if isinstance(template, Mapping):
        given = template.get("of", {})
        for _, name, _, _ in string.Formatter().parse(template["text"]):
            if name:
                yield (*path, "of", name), given.get(name, name)


def _column(item: Any) -> str:
    """Return the column of an item; empty for a text or a constant."""
    if isinstance(item, str):
        return item
    if "column" in item:
        return str(item["column"])
    if PREVIOUS in item:
        return PREVIOUS
    return "" if item.keys() & {"text", "constant"} else str(next(iter(item)))


def _others(item: Any, column: str, type_: str) -> Iterator[Any]:
    if column == PREVIOUS:
        own = item if isinstance(item, Mapping) else {}
        yield from ({**own, PREVIOUS: form} for form in _HASHES)
        return
    if isinstance(item, str):
        full: dict[str, Any] = {"column": column}
    else:
        full = dict(item) if "column" in item else {"column": column, "format": item[column]}
    yield from (_short({**full, "format": format_}) for format_ in _formats(type_))
    yield from ({**full, "null": null} for null in _NULLS)
    yield from ({**full, **more} for more in ({"trim": "both"}, {"quoted": True}, {"quoted": False}))


def _short(full: dict[str, Any]) -> Any:
    """Return `{column: format}` for an item that has nothing else."""
    return {full["column"]: full["format"]} if full.keys() == {"column", "format"} else full


def _formats(type_: str) -> Iterable[Any]:
    if type_.startswith("timestamp") or type_ == "date":
        return (*_ANY, *_MOMENTS)
    if type_ in INTEGERS or type_ in FLOATS or type_ == "numeric":
        return (*_ANY, *_NUMBERS)
    if type_ == "boolean":
        return (*_ANY, *_BOOLEANS)
    if type_ in DOCUMENTS:
        return (*_ANY, *_DOCUMENTS)
    if type_ == "bytea":
        return (*_ANY, "raw", "HEX")
    return (*_ANY, "json_array", *_MOMENTS, *_DOCUMENTS) if not type_ or "[]" in type_ else (*_ANY, "uuid", *_DOCUMENTS)


def _replaced(data: Any, path: _Path, value: Any) -> Any:
    """Return data with another value at a path; keys on the way are made if they are not there."""
    if not path:
        return value
    key, *rest = path
    if isinstance(data, list):
        return [_replaced(one, tuple(rest), value) if at == key else one for at, one in enumerate(data)]
    return {**data, key: _replaced(data.get(key, {}), tuple(rest), value)}
