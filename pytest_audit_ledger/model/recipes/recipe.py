"""Recipes, compiled: from rows to payloads. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes import formats, options
from pytest_audit_ledger.model.recipes.compiler import RECIPES, Compiler
from pytest_audit_ledger.model.recipes.errors import Path, RecipeError
from pytest_audit_ledger.model.recipes.parts import Column, Kind, Part, Reading, Rows
from pytest_audit_ledger.native.plan import Plan

SQL_PAYLOAD = "(payload)"
"""The column that a source adds for the recipe `sql`: its value as a bytea."""

DEFAULT = Hashing()

PayloadFunction = Callable[[Mapping[str, "str | None"], "str | None"], "bytes | None"]
"""What `python` names: from the columns and the previous hash of a row to its payload, None if it has none."""

Resolve = Callable[[str], PayloadFunction]
"""From `module:function` to the function. Raises LookupError or ImportError if there is none."""


def imported(name: str) -> PayloadFunction:
    """Return the function that is named `module:function`. Raises LookupError or ImportError if there is none."""
    module, _, function = name.partition(":")
    found = getattr(import_module(module), function, None) if function else None
    if not callable(found):
        raise LookupError(f"there is no function {name!r}; write module:function")
    return found  # type: ignore[no-any-return]


class Recipe:
    """How payloads are made. Can be pickled; the copy is compiled again.

    `columns` are those of the table that it reads. `needs_previous`: whether it reads the previous hash. `sql`: the
    expression that the server evaluates for it, empty for all other recipes. `part`: how it is made, for `lint`.
    `plan`: how the native core makes it of the columns of a batch, None if only Python can. `flat`: the same for
    programs that do not know this language.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        types: Mapping[str, str] | None = None,
        hashing: Hashing = DEFAULT,
        resolve: Resolve = imported,
    ) -> None:
        """Take what `compile_recipe` does."""
        self._arguments = (data, types, hashing, resolve)
        self.sql = ""
        name, value = _only(data)
        if name == "sql":
            self.sql = options.text(value, (name,))
            self.part = Part(
                build=_from_server, path=(name,), kind=Kind.BYTES, recipe=name, previous=True, flat={"sql": value}
            )
        elif name == "python":
            self.part = _python(value, (name,), resolve)
        else:
            self.part = Compiler(types or {}, hashing).recipe(name, value)
        self.columns = self.part.columns
        self.needs_previous = self.part.previous
        self.flat = self.part.flat
        self.plan = self.part.plan if self.part.plan and _is_utf8(self.part.plan) else None

    def __reduce__(self) -> tuple[Any, ...]:
        return Recipe, self._arguments

    def payloads(self, rows: Rows) -> list[bytes | None]:
        """Return the payload of each row; None if none can be made."""
        reading = Reading(rows)
        column = self.part.build(reading)
        encoding = "latin-1" if self.part.kind is Kind.BYTES else "utf-8"
        if not reading.failed and None not in column:
            try:
                return [text.encode(encoding) for text in column]  # type: ignore[union-attr]
            except UnicodeEncodeError:  # a lone surrogate; all others are encoded below
                pass
        return [
            None if text is None or place in reading.failed else _encoded(text, encoding)
            for place, text in enumerate(column)
        ]


def compile_recipe(
    data: Mapping[str, Any],
    types: Mapping[str, str] | None = None,
    hashing: Hashing = DEFAULT,
    resolve: Resolve = imported,
) -> Recipe:
    """Return a recipe from its data, as a profile has it.

    `types`: PostgreSQL's names of types by column, for example `bigint`; what they leave out counts as text. `hashing`:
    how previous hashes are stored, for `{previous: raw}`. `resolve` finds the function of a `python` recipe. Raises
    RecipeError, with the place in the data, if it is not a recipe.
    """
    return Recipe(data, types, hashing, resolve)


def _only(data: Any) -> tuple[str, Any]:
    known = (*RECIPES, "sql", "python")
    found = options.mapping(data, known, ())
    if len(found) != 1:
        raise RecipeError((), f"expected one recipe of {options.listed(known)}")
    return next(iter(found.items()))


def _is_utf8(plan: Plan) -> bool:
    """Return whether what a plan writes of its own can be written: a lone surrogate cannot."""
    own = b"".join([plan.end, *(piece.before + piece.null for piece in plan.pieces)])
    return b"\xed" not in own or own.decode("utf-8", "ignore").encode() == own


def _encoded(text: str, encoding: str) -> bytes | None:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return None


def _from_server(reading: Reading) -> Column:
    return reading.written(reading.values(SQL_PAYLOAD), formats.each(formats.of_bytea))


def _python(data: Any, path: Path, resolve: Resolve) -> Part:
    """Return the part whose bytes a function makes, from the columns that the options name, or the function itself."""
    known = ("function", "columns")
    found = {"function": data} if isinstance(data, str) else options.mapping(data, known, path)
    name = options.text(found.get("function"), (*path, "function"))
    try:
        function = resolve(name)
    except (LookupError, ImportError) as error:
        raise RecipeError(path, f"the function cannot be loaded: {error}") from error
    columns = found.get("columns", getattr(function, "columns", None))
    if not isinstance(columns, Sequence) or not all(isinstance(column, str) for column in columns):
        raise RecipeError(path, f"{name} needs the columns that it reads: write {{function: {name}, columns: [...]}}")

    def build(reading: Reading) -> Column:
        values = [reading.values(column) for column in columns]
        rows = zip(zip(*values, strict=True) if values else [()] * len(reading.rows), reading.previous, strict=True)
        made = [function(dict(zip(columns, row, strict=True)), previous) for row, previous in rows]
        return [None if payload is None else payload.decode("latin-1") for payload in made]

    return Part(
        build=build,
        path=path,
        kind=Kind.BYTES,
        columns=tuple(columns),
        previous=True,
        recipe="python",
        flat={"python": name},
    )
