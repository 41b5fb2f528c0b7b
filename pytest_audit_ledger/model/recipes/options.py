"""Options of recipes, items and formats, read from data with the place of each mistake. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pytest_audit_ledger.model.recipes.errors import Path, RecipeError


def mapping(data: Any, known: Collection[str] | None, path: Path) -> dict[str, Any]:
    """Return a mapping whose keys are all known, or any if `known` is None.

    Raises RecipeError for any other key, and for what is no mapping.
    """
    if not isinstance(data, Mapping):
        expected = "a mapping" if known is None else f"a mapping with {listed(known)}"
        raise RecipeError(path, f"expected {expected}, got {kind_of(data)}")
    found = {named(key): value for key, value in data.items()}
    if known is None:
        return found
    for key in found.keys() - set(known):
        raise RecipeError((*path, key), f"unknown option {key!r}; known are {listed(known)}")
    return found


def named(key: Any) -> str:
    """Return a key as a text. YAML reads the key `null` as nothing, unless it is in quotes."""
    return "null" if key is None else str(key)


def text(data: Any, path: Path) -> str:
    """Return a text. Raises RecipeError for anything else."""
    if isinstance(data, str):
        return data
    raise RecipeError(path, f"expected a text, got {kind_of(data)}; write it in quotes")


def switch(data: Any, path: Path) -> bool:
    """Return true or false. Raises RecipeError for anything else."""
    if isinstance(data, bool):
        return data
    raise RecipeError(path, f"expected true or false, got {kind_of(data)}")


def one_of(data: Any, choices: Collection[str], path: Path) -> str:
    """Return one of the choices; a number counts as its text. Raises RecipeError for anything else."""
    found = str(data) if isinstance(data, int) and not isinstance(data, bool) else data
    if isinstance(found, str) and found in choices:
        return found
    raise RecipeError(path, f"{found!r} is not one of {listed(choices)}")


def texts(data: Any, count: int, path: Path) -> list[str]:
    """Return a list of so many texts. Raises RecipeError for anything else."""
    if not isinstance(data, list) or len(data) != count:
        raise RecipeError(path, f"expected a list of {count} texts, got {kind_of(data)}")
    return [text(value, (*path, place)) for place, value in enumerate(data)]


def listed(names: Collection[str]) -> str:
    """Return names as they are listed in a message."""
    return ", ".join(name or '""' for name in names)


def kind_of(data: Any) -> str:
    """Return what data is, in the words of YAML."""
    if data is None:
        return "nothing"
    if isinstance(data, bool):
        return str(data).lower()
    kinds = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return kinds.get(type(data), f"a {type(data).__name__}")
