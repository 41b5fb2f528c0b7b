"""The tools for authors of profiles. None of them reads a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from pytest_audit_ledger.errors import ProfileError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, SEQUENCE, Profile, Version
from pytest_audit_ledger.model.profile_coverage import all_versions, hashed_columns, line_columns, named_columns
from pytest_audit_ledger.model.recipes import lint as lint_recipe
from pytest_audit_ledger.suite.profile_file import (
    SUFFIX,
    find_profile,
    load_profile,
    read_profile,
    shipped_profiles,
    versions_in,
)
from pytest_audit_ledger.suite.yaml_document import Path as DataPath
from pytest_audit_ledger.suite.yaml_document import YamlDocument


def listing(here: Path) -> str:
    """Return a table of the shipped profiles and of those in the folder `here`."""
    local = {path.name: path for path in sorted(here.glob(f"*{SUFFIX}"))}
    rows = [(name, *_about(path), "shipped") for name, path in shipped_profiles().items()]
    rows += [(name.removesuffix(SUFFIX), *_about(path), name) for name, path in local.items()]
    cells = [[printable(cell, 200) for cell in row] for row in rows]
    return tabulate(cells, ("profile", "table", "about", "where"), tablefmt="simple", disable_numparse=True)


def _about(path: Path) -> tuple[str, str]:
    try:
        profile = load_profile(path)
    except ProfileError:
        return "", f"has mistakes; list them: audit-ledger profile lint {path.name}"
    return profile.table, profile.description


def lint(named: Sequence[str]) -> str:
    """Return what the hashes of these profiles cover, and warnings about their recipes, without reading a ledger.

    Raises ProfileError with every mistake of every profile, and UsageError for a profile that does not exist.
    """
    results = [_linted(find_profile(name)) for name in named]
    mistakes = [str(result) for result in results if isinstance(result, ProfileError)]
    if mistakes:
        raise ProfileError("\n".join(mistakes))
    return "\n".join(str(result) for result in results)


def _linted(path: Path) -> str | ProfileError:
    try:
        profile, document = read_profile(path)
    except ProfileError as error:
        return error
    name = printable(path.name, 1000)
    warnings = (f"{name}:{line}:{column}: warning: {words}" for line, column, words in _warnings(profile, document))
    return "\n".join([*warnings, f"{name}: no mistakes", *_coverage(profile)])


def _warnings(profile: Profile, document: YamlDocument) -> list[tuple[int, int, str]]:
    """Return what the recipes cannot see, with line and column, in order; what is the same in a recipe only once."""
    places: dict[tuple[DataPath, str], list[tuple[int, int]]] = {}
    for at, version in versions_in(document.data):
        for path, message in _of_recipe(profile, version, is_line=at[:1] == ("lines",)):
            places.setdefault((at, message), []).append(document.place(*at, "payload", *path)[:2])
    found = []
    for (_, message), where in places.items():
        times = f" ({len(where):,} columns)" if len(where) > 1 else ""
        found.append((*min(where), f"{printable(message, 1000)}{times}"))
    return sorted(found)


def _of_recipe(profile: Profile, version: Version, *, is_line: bool) -> Iterator[tuple[DataPath, str]]:
    """Yield what a recipe cannot see; a line need not have the number and the previous hash, which the entry's has."""
    sequence = profile.column(SEQUENCE)
    through_line = sequence in (hashed_columns(profile, version) or ())
    for path, message in lint_recipe(
        version.payload,
        hashing=version.hashing,
        sequence="" if is_line or through_line else sequence,
        previous=profile.columns.get(PREVIOUS, ""),
        not_null=(sequence, profile.column(HASH)),
    ):
        if not (is_line and len(path) == 1 and "previous hash" in message):
            yield path, message


def _coverage(profile: Profile) -> Iterator[str]:
    """Yield which columns that a profile names are under a hash, and which are not, by version."""
    named = named_columns(profile)
    for value, version in all_versions(profile).items():
        covered = hashed_columns(profile, version)
        where = f" in version {printable(value)}" if value else ""
        if covered is None:
            yield f"  hashed{where}: what the server makes of the SQL"
        else:
            yield f"  hashed{where}: {_listed(covered)}"
            if alone := line_columns(profile) - covered:
                yield f"  only under a line hash{where}: {_listed(alone)}"
            yield f"  under no hash{where}: {_listed(named - covered - alone)}"
    if profile.starts_at is not None:
        yield f"  under no hash before entry {profile.starts_at:,}: every column"


def _listed(columns: frozenset[str]) -> str:
    return ", ".join(printable(column) for column in sorted(columns)) or "no column that the profile names"
