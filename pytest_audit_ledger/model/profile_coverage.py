"""Which columns of a ledger its hashes cover. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Profile, Version
from pytest_audit_ledger.model.recipes import compile_recipe


def all_versions(profile: Profile) -> Mapping[str, Version]:
    """Return how entries are hashed, by the words for their version; empty words if there is one version only."""
    if profile.version is not None:
        return {"": profile.version}
    return {"NULL" if value is None else value: version for value, version in profile.versions.items()}


def hashed_columns(profile: Profile, version: Version) -> frozenset[str] | None:
    """Return the columns that the hash of an entry of a version covers; None if the server makes its payload.

    If the hash covers the hash of a line, it covers what that is made of.
    """
    recipe = compile_recipe(version.payload, hashing=version.hashing)
    if recipe.sql:
        return None
    covered: set[str] = {profile.column(HASH)}
    if recipe.needs_previous and profile.has(PREVIOUS):
        covered.add(profile.column(PREVIOUS))
    waiting = list(recipe.columns)
    while waiting:
        column = waiting.pop()
        if column not in covered and (line := profile.lines.get(column)) is not None:
            waiting += compile_recipe(line.payload, hashing=line.hashing).columns
        covered.add(column)
    return frozenset(covered)


def line_columns(profile: Profile) -> frozenset[str]:
    """Return the columns under a line hash, and those that hold one. Whoever changes both leaves no trace there."""
    return frozenset(
        name
        for column, line in profile.lines.items()
        for name in (column, *compile_recipe(line.payload, hashing=line.hashing).columns)
    )


def named_columns(profile: Profile) -> frozenset[str]:
    """Return every column that a profile names; its table may have more."""
    recipes = [*all_versions(profile).values(), *profile.lines.values()]
    read = (column for one in recipes for column in compile_recipe(one.payload, hashing=one.hashing).columns)
    version = [profile.version_column] if profile.version_column else []
    return frozenset([*profile.columns.values(), *profile.streams, *profile.lines, *version, *read])
