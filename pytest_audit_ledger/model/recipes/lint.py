"""Warnings of recipes that cannot see a change: two different rows with one payload. No I/O.

A text may be any text unless its type or format says otherwise. So a warning does not say that two such rows exist, but
that nothing keeps them from existing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.model.recipes.errors import Path
from pytest_audit_ledger.model.recipes.formats import INTEGERS, plain_type
from pytest_audit_ledger.model.recipes.parts import FORMATTED, Part
from pytest_audit_ledger.model.recipes.recipe import DEFAULT, Resolve, compile_recipe, imported

Weakness = tuple[Path, str]
"""What a recipe cannot see, after its place in the data."""

_BOUNDED = ("json", "array", "lengths")
"""Recipes whose texts say themselves where they and their members end."""
_UNKEYED = ("join", "concat", "lengths", "array")
_NUMBERS = INTEGERS | {"numeric"}


def lint(
    data: Mapping[str, Any],
    types: Mapping[str, str] | None = None,
    *,
    hashing: Hashing = DEFAULT,
    resolve: Resolve = imported,
    sequence: str = "",
    previous: str = "",
    not_null: Collection[str] = (),
) -> list[Weakness]:
    """Return warnings of a recipe, each with its place in the data. Raises RecipeError if it is not valid.

    `sequence`, `previous`: the columns of these roles. Without `sequence`, any number counts. `not_null`: columns that
    cannot be NULL.
    """
    known = {**({sequence: "bigint"} if sequence else {}), **(types or {})}
    recipe = compile_recipe(data, known, hashing, resolve)
    if recipe.sql:
        return []  # what the server evaluates can be anything
    numbers = {sequence} if sequence else {name for name, type_ in known.items() if plain_type(type_) in _NUMBERS}
    path = (next(iter(data)),)
    found = list(_inside(recipe.part, frozenset(not_null)))
    if (sequence or types is not None) and not numbers.intersection(recipe.columns):
        named = f"the number {sequence!r}" if sequence else "a number"
        found.append((path, f"the payload does not have {named}, so entries can be renumbered unnoticed; add it"))
    if not recipe.needs_previous and previous not in recipe.columns:
        message = "the payload does not have the previous hash, so an entry can be replaced alone; add previous"
        found.append((path, message))
    return found


def _inside(part: Part, not_null: frozenset[str]) -> Iterator[Weakness]:
    if part.recipe and part.recipe not in _BOUNDED:
        yield from _without_bounds(part)
    if part.recipe in _UNKEYED:
        yield from _shifted(part, not_null)
    for member in part.members:
        yield from _inside(member, not_null)
    if part.null is not None and part.shape.can_be(part.null) and not not_null.issuperset(part.columns):
        shown = f"the text {part.null!r}" if part.null else "an empty text"
        yield part.path, f"NULL and {shown} hash alike; json keeps them apart"


def _without_bounds(part: Part) -> Iterator[Weakness]:
    """Warn of members that can be cut in two ways: what ends one of them can as well begin the next."""
    free = [member for member in part.members if _can_have(member, part.separator)]
    cause = f"can have {part.separator!r} in them" if part.separator else "can have what is between them in them"
    if not part.separator:
        for is_constant, run in groupby(part.members, _is_constant):
            variable = [member for member in run if not is_constant and not _is_fixed(member)]
            if len(variable) > 1:
                free, cause = variable, "have no fixed length"
                break
    if len(free) > 1:
        yield part.path, f"{_names(free)} {cause}, so different values can give one payload; use lengths or json"


def _is_constant(part: Part) -> bool:
    return not part.columns and not part.previous and not part.members


def _is_fixed(part: Part) -> bool:
    if part.members and part.recipe != FORMATTED:
        return part.recipe in _BOUNDED or all(map(_is_fixed, part.members))
    return part.shape.fixed


def _can_have(part: Part, separator: str) -> bool:
    """Return whether a separator, or any text if it is empty, can be inside what a part writes."""
    if part.recipe in _BOUNDED:
        return False
    if part.members and part.recipe != FORMATTED:
        return part.separator == separator or any(_can_have(member, separator) for member in part.members)
    return part.shape.alphabet is None or (bool(separator) and part.shape.can_have(separator))


def _shifted(part: Part, not_null: frozenset[str]) -> Iterator[Weakness]:
    """Warn of members that are left out for NULL: the one after it takes the place of the one before."""
    optional = [member for member in part.members if member.optional and not not_null.issuperset(member.columns)]
    if len(optional) > 1:
        yield (
            part.path,
            f"{_names(optional)} are left out if NULL, so one can stand for the other; write NULL as a text",
        )


def _names(parts: Collection[Part]) -> str:
    names = [name for part in parts for name in part.columns or ("previous",)]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
