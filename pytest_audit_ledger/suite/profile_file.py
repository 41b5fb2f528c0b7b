"""Load a profile from `NAME.profile.yaml`, or report every mistake at its place.

The JSON Schema (checks/profile.schema.json) says which keys and values are allowed. The rest is checked here: columns
with two roles, a chain where one is needed, keys of HMACs, known quirks, and recipes, which are compiled for that.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_audit_ledger.errors import ProfileError, UsageError
from pytest_audit_ledger.files.reading import is_file
from pytest_audit_ledger.files.resources import folder, json_schema, mistakes_in
from pytest_audit_ledger.model.profile import (
    ROLES,
    Accepted,
    Genesis,
    Hashing,
    Profile,
    Version,
)
from pytest_audit_ledger.model.recipes import Recipe, RecipeError, compile_hashing, compile_recipe
from pytest_audit_ledger.model.sql_names import split_name
from pytest_audit_ledger.suite.mistakes import did_you_mean, record
from pytest_audit_ledger.suite.payload_functions import belongs_to_python, lazily, name_functions
from pytest_audit_ledger.suite.yaml_document import Path as DataPath
from pytest_audit_ledger.suite.yaml_document import YamlDocument, parse, read_text

if TYPE_CHECKING:
    from pluggy import PluginManager

SUFFIX = ".profile.yaml"
Declared = Mapping[str, Any]

_QUIRKS = ("fork", "gap", "unverified_before")


def shipped_profiles() -> dict[str, Path]:
    """Return the files of the shipped profiles by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted((folder("checks") / "profiles").glob(f"*{SUFFIX}"))}


def find_profile(named: str | Path) -> Path:
    """Return the file of a profile: a shipped one by its name, a file by its path, or `NAME.profile.yaml` here.

    A shipped profile comes first, so that no file in the current folder can take its place unnoticed. Raises
    UsageError if there is none; a name that looks like a DSN is not repeated, because of its password.
    """
    name = str(named)
    if name in (shipped := shipped_profiles()):
        return shipped[name]
    for path in (Path(named), Path(f"{name}{SUFFIX}")):
        if is_file(path):
            return path
    if re.search("[@=]|:/", name):
        raise UsageError("A DSN is not a profile.", f"Name a *{SUFFIX} file, or one of {', '.join(shipped)}.")
    hint = did_you_mean(name, shipped)
    advice = f"Name a *{SUFFIX} file, or one of {', '.join(shipped)}."
    raise UsageError(f"There is no profile {name!r}{hint or '.'}", advice)


def load_profile(named: str | Path, manager: PluginManager | None = None) -> Profile:
    """Return the profile of that name, or in that file.

    `manager`: where functions that a profile names are registered, by default the installed plugins. Raises UsageError
    if there is no such profile, and ProfileError, whose message lists every mistake as `file:line:column: …` with the
    line itself.
    """
    return read_profile(find_profile(named), manager)[0]


def read_profile(path: Path, manager: PluginManager | None = None) -> tuple[Profile, YamlDocument]:
    """Return the profile in a file, and the document with the place of everything in it. Raises ProfileError."""
    content, text = read_text(path, path.name, "profile", ProfileError)
    document = parse(text, "profile")
    if not document.mistakes:
        _validate(document, path)
    if not document.mistakes:
        for declared in _declared(document.data):
            declared["payload"] = name_functions(declared["payload"], lazily(manager))
        recipes = _compiled(document)
        for at, message in _objections(document.data, recipes):
            # a version without a hash of its own is hashed as the profile says
            document.mistake(document.places.get(at) or document.place("hash"), message)
    if document.mistakes:
        raise ProfileError(document.render(path.name))
    return _profile(document.data, path, sha256(content).hexdigest()), document


@cache
def _language() -> Mapping[str, Any]:
    """Return the schema without recipes, whose mistakes the compiler of recipes knows better."""
    whole = json_schema("profile.schema.json")
    return {**whole, "$defs": {**whole["$defs"], "recipe": {"type": "object"}}}


def _validate(document: YamlDocument, file: Path) -> None:
    """Record what the schema does not allow."""
    for error in mistakes_in(file, _language, document.data):
        path: DataPath = tuple(error.absolute_path)
        if path[-2:] == ("hash", "key"):  # most likely the key itself, which no message may show
            document.secrets.add(path)
            message = "'key' must say where the key is: write env:NAME or @FILE, and never the key itself"
            document.mistake(document.place(*path), message)
        else:
            record(document, error)


def _compiled(document: YamlDocument) -> list[Recipe]:
    """Return the recipes of a profile that have no mistake; record the mistakes of the others."""
    return [recipe for at, version in versions_in(document.data) for recipe in _attempt(document, at, version)]


def _attempt(document: YamlDocument, at: DataPath, version: Version) -> Iterator[Recipe]:
    try:
        yield compile_recipe(version.payload, hashing=version.hashing)
    except RecipeError as error:
        path: DataPath = (*at, "payload", *error.path)
        is_key = path in document.keys and str(error).startswith("unknown")
        document.mistake(document.key(*path) if is_key else document.place(*path), str(error))


def _objections(data: Declared, recipes: Sequence[Recipe]) -> Iterator[tuple[DataPath, str]]:
    """Yield what is wrong in a profile that the schema allows, with the path of the value."""
    try:
        split_name(data["table"])
    except UsageError as error:
        yield ("table",), str(error)
    if "payload" in data and "versions" in data:
        yield ("payload",), "'versions' has recipes, too; move this one there, as the version default"
    yield from _doubled_columns(data)
    yield from _of_the_chain(data, any(recipe.needs_previous for recipe in recipes))
    yield from _of_values(data)
    for index, quirk in enumerate(data.get("accepted", ())):
        yield from ((("accepted", index, key), message) for key, message in _of_a_quirk(data, quirk))
    for at, version in versions_in(data):
        yield from _of_a_hash(at, version.hashing)
        if belongs_to_python(version.payload):
            message = "this function belongs to Python itself; name one of your own, which makes payloads"
            yield (*at, "payload", "python"), message
    for column in data.get("lines", {}):
        if column == data["roles"]["entry_hash"]:
            yield ("lines", column), f"{column!r} has the role 'entry_hash'; write its recipe under payload"


def _columns(roles: Declared) -> dict[str, str]:
    """Return the column of each role but the stream, by the role as the file spells it."""
    return {
        role: given["column"] if isinstance(given, Mapping) else given
        for role, given in roles.items()
        if role != "stream"
    }


def _streams(roles: Declared) -> tuple[str, ...]:
    given = roles.get("stream", ())
    return (given,) if isinstance(given, str) else tuple(given)


def _doubled_columns(data: Declared) -> Iterator[tuple[DataPath, str]]:
    """Yield the roles whose column is already that of a hash, and hashes whose column already has another role."""
    seen = dict.fromkeys(_streams(data["roles"]), "stream")
    for role, column in _columns(data["roles"]).items():
        if column in seen and {role, seen[column]} & {"previous_hash", "entry_hash"}:
            yield ("roles", role), f"{column!r} already has the role {seen[column]!r}; a hash has a column of its own"
        seen.setdefault(column, role)


def _of_the_chain(data: Declared, previous_is_hashed: bool) -> Iterator[tuple[DataPath, str]]:
    if "starts" in data and not (previous_is_hashed or "previous_hash" in data["roles"]):
        yield ("starts",), "no chain starts here: give a column the role 'previous_hash', or hash 'previous'"
    elif "starts" in data and "stream" in data["roles"]:
        message = "with streams, the first entries of every new stream would be before the start, and never verified; "
        yield ("starts",), f"{message}leave older rows out by 'where', such as where: id >= 5000"
    genesis, lines = data.get("genesis"), data.get("lines", {})
    if isinstance(genesis, Mapping) and genesis["line"] not in lines:
        hint = did_you_mean(genesis["line"], lines) or "; declare it under lines, with its payload"
        yield ("genesis", "line"), f"there is no line {genesis['line']!r}{hint}"


def _of_values(data: Declared) -> Iterator[tuple[DataPath, str]]:
    values = data.get("values", {})
    for name in values:
        role = "verdict" if name == "violations" else name
        if role not in data["roles"]:
            yield ("values", name), f"no column has the role {role!r}; add it to roles"
    known = values.get("verdict")
    for index, verdict in enumerate(values.get("violations", ())):
        if known is not None and verdict not in known:
            yield ("values", "violations", index), f"{verdict!r} is not a verdict{did_you_mean(verdict, known)}"


def _of_a_quirk(data: Declared, quirk: Declared) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in an accepted quirk, with the key."""
    first, *others = [what for what in _QUIRKS if what in quirk]
    for other in others:
        yield other, f"this quirk is already a {first!r}; write one quirk for each"
    if "stream" in quirk and "stream" not in data["roles"]:
        yield "stream", "no column has the role 'stream'; remove this"
    if "stream" in data["roles"] and "stream" not in quirk:
        yield first, "the ledger has several streams; name one with 'stream'"
    if isinstance(gap := quirk.get("gap"), str) and operator.ge(*_numbers(gap)):
        yield "gap", f"{gap} is no range; write the lower number first"
    try:
        date.fromisoformat(quirk.get("until", "2000-01-01"))
    except ValueError:
        yield "until", f"{quirk['until']} is not a day; write year-month-day, such as 2027-01-01"


def _of_a_hash(at: DataPath, hashing: Hashing) -> Iterator[tuple[DataPath, str]]:
    try:
        compile_hashing(hashing, lambda _: b"")
    except RecipeError as error:
        yield (*at, "hash"), str(error)


def _declared(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything in a profile that has a recipe."""
    yield from [data] if "payload" in data else []
    yield from data.get("versions", {}).get("of", {}).values()
    yield from data.get("lines", {}).values()


def versions_in(data: Declared) -> Iterator[tuple[DataPath, Version]]:
    """Yield everything in a profile that has a recipe, with its path: the profile itself or its versions, and lines."""
    if "payload" in data:
        yield (), _version(data, data)
    for value, declared in data.get("versions", {}).get("of", {}).items():
        yield ("versions", "of", value), _version(data, declared)
    for column, declared in data.get("lines", {}).items():
        yield ("lines", column), _version(data, declared)


def _version(data: Declared, declared: Declared) -> Version:
    """Return how a payload is made and hashed: as the profile says, but for what the version or line says."""
    return Version(payload=declared["payload"], hashing=Hashing(**{**data.get("hash", {}), **declared.get("hash", {})}))


def _profile(data: Declared, path: Path, digest: str) -> Profile:
    """Return the profile that data without mistakes describes."""
    recipes = dict(versions_in(data))
    roles, guards, sequence = data["roles"], data.get("guards", {}), data.get("sequence", {})
    values = {ROLES.get(name, name): tuple(known) for name, known in data.get("values", {}).items()}
    violations = values.pop("violations", ())
    start = sequence.get("start", 1)
    return Profile(
        name=data["name"],
        description=data.get("description", ""),
        table=data["table"],
        where=data.get("where", ""),
        types=data.get("types", {}),
        columns={ROLES.get(role, role): column for role, column in _columns(roles).items()},
        streams=_streams(roles),
        sequence_as=_given(roles["sequence"], "as"),
        timestamp_unit=_given(roles.get("timestamp"), "unit"),
        values=values,
        violations=violations,
        append_only=guards.get("append_only", True),
        unique=guards.get("unique", True),
        no_guards=guards.get("reason", f"The profile {data['name']} does not promise that its table is append-only."),
        accepted=tuple(_accepted(quirk) for quirk in data.get("accepted", ())),
        first=None if start == "any" else start,
        gaps=sequence.get("gaps") == "allowed",
        starts_at=data.get("starts", {}).get("at"),
        genesis=_genesis(data.get("genesis", "")),
        version=recipes.get(()),
        version_column=data.get("versions", {}).get("column", ""),
        versions={None if value == "null" else value: made for value, made in _under("versions", recipes)},
        lines=dict(_under("lines", recipes)),
        given_as=data["name"] if shipped_profiles().get(data["name"]) == path else str(path),
        file=str(path),
        digest=digest,
    )


def _under(key: str, recipes: Mapping[DataPath, Version]) -> Iterator[tuple[str, Version]]:
    return ((str(at[-1]), made) for at, made in recipes.items() if at[0:1] == (key,))


def _given(role: Any, key: str) -> str:
    return str(role.get(key, "")) if isinstance(role, Mapping) else ""


def _genesis(given: Any) -> Genesis:
    return Genesis(line=given["line"]) if isinstance(given, Mapping) else Genesis(text=given)


def _accepted(quirk: Declared) -> Accepted:
    what = next(name for name in _QUIRKS if name in quirk)
    until = date.fromisoformat(quirk["until"]) if "until" in quirk else None
    first, last = _numbers(quirk[what])
    return Accepted(
        what=what,
        entry=first,
        reason=quirk["reason"],
        stream=str(quirk.get("stream", "")),
        until=until,
        last=last if what == "gap" else None,
    )


def _numbers(given: int | str) -> tuple[int, int]:
    """Return the first and the last number of a gap: `7`, or `"7-9"`."""
    if isinstance(given, int):
        return given, given
    first, last = map(int, given.split("-"))
    return first, last
