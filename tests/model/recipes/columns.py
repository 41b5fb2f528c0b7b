"""Rows for recipes, from plain lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_audit_ledger.model.recipes import compile_recipe

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
    """Return the payloads that a recipe makes of these columns."""
    return compile_recipe(data, types).payloads(Columns(columns, previous))


def written(format_: Any, *values: str | None, type_: str = "") -> list[str | None]:
    """Return what a format writes for values; NULL is written as ∅, and a failure is None."""
    data = {"concat": {"null": "∅", "of": [{"column": "value", "format": format_}]}}
    made = payloads(data, {"value": values}, {"value": type_} if type_ else {})
    return [None if payload is None else payload.decode() for payload in made]
