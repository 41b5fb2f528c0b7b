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


def is_linked(profile: Profile, version: Version) -> bool:
    """Return whether the hash of an entry covers that of the entry before, as far as it can be known."""
    covered = hashed_columns(profile, version)
    if covered is None or (profile.has(PREVIOUS) and profile.column(PREVIOUS) in covered):
        return True
    recipes = [version, *(line for column, line in profile.lines.items() if column in covered)]
    return any(compile_recipe(one.payload, hashing=one.hashing).needs_previous for one in recipes)


def all_hashed_columns(profile: Profile) -> frozenset[str]:
    """Return the columns that the hash of an entry of any version covers."""
    return frozenset().union(*(hashed_columns(profile, one) or () for one in all_versions(profile).values()))


def line_columns(profile: Profile, column: str = "") -> frozenset[str]:
    """Return the columns under the line hash in a column, with that one; of all line hashes if none is named.

    Whoever changes a column and its line hash leaves no trace there.
    """
    lines = {column: profile.lines[column]} if column else profile.lines
    return frozenset(
        name
        for line, version in lines.items()
        for name in (line, *compile_recipe(version.payload, hashing=version.hashing).columns)
    )


def named_columns(profile: Profile) -> frozenset[str]:
    """Return every column that a profile names; its table may have more."""
    recipes = [*all_versions(profile).values(), *profile.lines.values()]
    read = (column for one in recipes for column in compile_recipe(one.payload, hashing=one.hashing).columns)
    version = [profile.version_column] if profile.version_column else []
    return frozenset([*profile.columns.values(), *profile.streams, *profile.lines, *version, *read])
