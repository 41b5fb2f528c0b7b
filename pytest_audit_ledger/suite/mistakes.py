"""What the JSON Schema does not allow, in words, at its place in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any

from pytest_audit_ledger.kinds.data_kind import LIMIT_PATTERN
from pytest_audit_ledger.suite.yaml_document import AMBIGUOUS, YamlDocument, unambiguous
from pytest_audit_ledger.suite.yaml_document import Path as DataPath

if TYPE_CHECKING:
    from jsonschema import ValidationError

_NOUNS = {"checks": "check", "waivers": "waiver", "vars": "variable", "controls": "control", "accepted": "quirk"}


def record(document: YamlDocument, error: ValidationError, base: DataPath = ()) -> None:
    """Record a validation error in words, at its place."""
    path: DataPath = (*base, *error.absolute_path)
    where = described(document, path)
    instance: Any = error.instance
    if error.validator in ("additionalProperties", "required") or _asks_for_one_of(error):
        _record_keys(document, error, path, where)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"the name {instance!r} in {where} {_expectation(error)}"
        document.mistake(document.key(*path, instance), message)
    else:
        document.mistake(document.place(*path), f"{where} {_expectation(error)}; got {shown(instance)}")


def _asks_for_one_of(error: ValidationError) -> bool:
    """Tell whether one of several keys is missing."""
    parts: Any = error.validator_value
    return error.validator == "anyOf" and all(part.keys() == {"required"} for part in parts)


def _record_keys(document: YamlDocument, error: ValidationError, path: DataPath, where: str) -> None:
    """Record unknown and missing keys; a misspelt one, which is both, as unknown only."""
    schema: Any = error.schema
    instance: Any = error.instance
    known = schema.get("properties", {})
    # one key of each group must be there (for a suite: checks or include)
    groups = [[key] for key in schema.get("required", ())]
    groups += [[key for one in schema.get("anyOf", ()) for key in one["required"]]]
    missing = [group for group in groups if group and not instance.keys() & set(group)]
    unknown = [key for key in instance if key not in known]
    misspelt = {key: meant for key in unknown if (meant := closest(key, chain.from_iterable(missing)))}
    for key in unknown if error.validator == "additionalProperties" else misspelt:
        key_path: DataPath = (*path, key)
        hint = did_you_mean(key, [misspelt[key]] if key in misspelt else known)
        document.mistake(document.key(*key_path), f"unknown key {key!r} in {where}{hint}")
    for group in missing:
        if not set(group) & set(misspelt.values()):
            example = "; name its kind, such as expect: not_null" if group[0] == "expect" else ""
            document.mistake(document.place(*path), f"{where} lacks the required key {group[0]!r}{example}")


def described(document: YamlDocument, path: DataPath) -> str:
    """Return a name for a path: the suite or profile, a check or a waiver by its id, or a key of either."""
    if not path:
        return f"the {document.subject}"
    noun = _NOUNS.get(str(path[0]))
    if noun is None or len(path) == 1:
        return "'" + ".".join(map(str, path)) + "'" if isinstance(path[-1], str) else f"{path[0]!r}"
    if isinstance(path[1], str):
        name = f"{noun} {path[1]!r}"
    else:
        declared = document.data[path[0]][path[1]]
        identity = declared.get("id") if isinstance(declared, dict) else None
        name = f"{noun} {identity!r}" if isinstance(identity, str) else f"{noun} number {path[1] + 1}"
    return name if len(path) == 2 else f"{path[2]!r} of {name}"


_TYPES = {
    "string": "text (put it in quotes)",
    "array": "a list",
    "object": "a set of keys",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}

_BOUNDS = {
    "minimum": "must be at least",
    "maximum": "must be at most",
    "exclusiveMinimum": "must be more than",
    "exclusiveMaximum": "must be less than",
    "maxLength": "must not have more characters than",
}


def _expectation(error: ValidationError) -> str:
    value: Any = error.validator_value
    schema: Any = error.schema
    quoting_helps = value == "string" and re.search(schema.get("pattern", ""), str(error.instance))
    if error.validator == "pattern" or (value == "string" and "examples" in schema and not quoting_helps):
        examples = _limits(error.instance) if schema.get("pattern") == LIMIT_PATTERN else None
        return f"must look like {' or '.join(map(str, examples or schema.get('examples', [value])))}"
    if error.validator == "type":
        names = [value] if isinstance(value, str) else value
        return f"must be {' or '.join(_TYPES.get(name, name) for name in names)}"
    if error.validator == "enum":
        return f"must be one of {', '.join(map(str, value))}"
    if error.validator == "const":
        return f"must be {value}"
    if error.validator in ("minLength", "minProperties") or (error.validator == "minItems" and value == 1):
        return "must not be empty"
    if error.validator == "minItems":
        return f"must have at least {value} items"
    if error.validator == "maxProperties":
        return f"must not have more than {value} {'key' if value == 1 else 'keys'}"
    if error.validator == "uniqueItems":
        return "must not repeat an item"
    if error.validator in _BOUNDS:
        return f"{_BOUNDS[error.validator]} {value}"
    return f"breaks the rule {error.validator}: {value}"


def _limits(value: Any) -> list[str] | None:
    """Return limits that the author of this value can have meant; None if it has no number."""
    found = None if isinstance(value, bool) else _LIMIT.fullmatch(str(value).strip())
    if found is None:
        return None
    sign, number = _SIGNS.get(found[1], ">"), found[2]
    return [f'"{sign} {one}"' for one in (unambiguous(number) if AMBIGUOUS.fullmatch(number) else [number])]


_LIMIT = re.compile(r"([<>=!]*) *(-?[0-9]+(?:\.[0-9]+)?)")
_SIGNS = {**{sign: sign for sign in (">=", "<=", ">", "<", "=", "!=")}, "=>": ">=", "=<": "<=", "==": "=", "<>": "!="}


def shown(value: Any) -> str:
    """Return a value as JSON, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, or nothing."""
    close = closest(word, known)
    return f"; did you mean {close!r}?" if close else ""


def spelling(key: str, keys: Iterable[str]) -> str | None:
    """Return `key` if it is among these, else the first one that looks like a misspelling of it."""
    keys = list(keys)
    return key if key in keys else next((other for other in keys if closest(other, [key])), None)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the nearest known word, ignoring case; None if none is similar."""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None
