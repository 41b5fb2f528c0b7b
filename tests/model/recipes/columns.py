"""Rows for recipes, from plain lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from pytest_audit_ledger.model.profile import PREVIOUS, own
from pytest_audit_ledger.model.recipes import Recipe, compile_recipe
from pytest_audit_ledger.sources import copy_text

Column = list["str | None"]


class Columns:
    """Columns of a table as a recipe reads them; the first row starts the stream."""

    def __init__(self, columns: Mapping[str, Sequence[str | None]], previous: Sequence[str | None] = ()) -> None:
        self._columns = columns
        self._length = len(previous) or len(next(iter(columns.values())))
        self._previous = list(previous) or [None] * self._length

    def __len__(self) -> int:
        return self._length

    def values(self, column: str) -> Column:
        return list(self._columns[column])

    def previous(self) -> Column:
        return self._previous

    def first(self) -> list[bool]:
        return [place == 0 for place in range(self._length)]


def payloads(
    data: Mapping[str, Any],
    columns: Mapping[str, Sequence[str | None]],
    types: Mapping[str, str] | None = None,
    previous: Sequence[str | None] = (),
) -> list[bytes | None]:
    """Return the payloads that a recipe makes of these columns, after the native core has hashed the same ones."""
    recipe = compile_recipe(data, types)
    found = recipe.payloads(Columns(columns, previous))
    hashes = quick_hashes(recipe, columns, previous)
    expected = [None if payload is None else sha256(payload).hexdigest() for payload in found]
    for by_python, natively in zip(expected, hashes, strict=True):
        assert natively in (by_python, None)  # None: it is left to Python
    return found


def quick_hashes(
    recipe: Recipe, columns: Mapping[str, Sequence[str | None]], previous: Sequence[str | None] = ()
) -> list[str | None]:
    """Return the hashes that the native core makes of these columns; None for what it leaves to Python."""
    named = {own(name): column for name, column in columns.items()} | ({PREVIOUS: previous} if previous else {})
    count = len(next(iter(named.values())))
    try:
        rows = [b"\t".join(map(copied, row)) + b"\n" for row in zip(*named.values(), strict=True)]
    except UnicodeEncodeError:  # a lone surrogate, which PostgreSQL has no text with
        return [None] * count
    read = copy_text.batch(copy_text.plain_layout(list(named), ()), b"".join(rows))
    missing = recipe.needs_previous and not previous
    return read.quick.hashes(recipe.plan) if recipe.plan and read.quick and not missing else [None] * count


def copied(value: str | None) -> bytes:
    """Return a field as `COPY … TO STDOUT` writes it: the table of escapes in PostgreSQL's documentation of COPY."""
    if value is None:
        return rb"\N"
    escapes = {8: rb"\b", 12: rb"\f", 10: rb"\n", 13: rb"\r", 9: rb"\t", 11: rb"\v", 92: rb"\\"}
    return b"".join(escapes.get(byte, bytes([byte])) for byte in value.encode("utf-8"))


def written(format_: Any, *values: str | None, type_: str = "") -> list[str | None]:
    """Return what a format writes for values; NULL is written as ∅, and a failure is None."""
    data = {"concat": {"null": "∅", "of": [{"column": "value", "format": format_}]}}
    made = payloads(data, {"value": values}, {"value": type_} if type_ else {})
    return [None if payload is None else payload.decode() for payload in made]
