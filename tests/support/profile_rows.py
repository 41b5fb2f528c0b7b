"""The hashes that a profile asks for, of rows that need no ledger: texts by column, as COPY prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Profile, Version
from pytest_audit_ledger.model.recipes import compile_hashing, compile_recipe

Row = Mapping[str, "str | None"]
Types = Mapping[str, str]


@dataclass(frozen=True)
class One:
    """One row, as a recipe reads it."""

    row: Row
    before: str | None
    is_first: bool

    def __len__(self) -> int:
        return 1

    def values(self, column: str) -> list[str | None]:
        return [self.row[column]]

    def previous(self) -> list[str | None]:
        return [self.before]

    def first(self) -> list[bool]:
        return [self.is_first]


def in_streams(profile: Profile, rows: Sequence[Row]) -> list[One]:
    """Return rows, given in their order, each with the hash before it in its stream."""
    last: dict[tuple[str | None, ...], str | None] = {}
    found = []
    for row in rows:
        stream = tuple(row[column] for column in profile.streams)
        stored = row[profile.column(PREVIOUS)] if profile.has(PREVIOUS) else last.get(stream)
        found.append(One(row, stored, stream not in last))
        last[stream] = row[profile.column(HASH)]
    return found


def version_of(profile: Profile, row: Row) -> Version:
    """Return how a row is hashed."""
    if profile.version is not None:
        return profile.version
    return profile.versions.get(row[profile.version_column]) or profile.versions["default"]


def payloads(version: Version, types: Types, rows: Sequence[One]) -> list[bytes | None]:
    recipe = compile_recipe(version.payload, types, version.hashing)
    return [recipe.payloads(row)[0] for row in rows]


def hashes(version: Version, types: Types, rows: Sequence[One]) -> list[str | None]:
    return compile_hashing(version.hashing, lambda where: where.encode())(payloads(version, types, rows))


def entry_hashes(profile: Profile, types: Types, rows: Sequence[Row]) -> list[str | None]:
    """Return the hash that the profile asks for of each row."""
    return [hashes(version_of(profile, one.row), types, [one])[0] for one in in_streams(profile, rows)]


def line_hashes(profile: Profile, line: str, types: Types, rows: Sequence[Row]) -> list[str | None]:
    """Return the hash of a line that the profile asks for of each row."""
    return hashes(profile.lines[line], types, in_streams(profile, rows))
