"""The values for SQL in a suite: `vars` (from the environment, or the default) and `parametrize`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.suite.mistakes import shown
from pytest_audit_ledger.suite.yaml_document import AMBIGUOUS, YamlDocument
from pytest_audit_ledger.suite.yaml_document import Path as DataPath

Value = str | int | float | bool

_TYPES: Mapping[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
_WORDS = {"int": "a whole number", "float": "a number", "str": "text (put it in quotes)", "bool": "true or false"}


def resolve(document: YamlDocument, environment: Mapping[str, str]) -> dict[str, Value]:
    """Return the value of every variable that a suite declares; record a mistake if there is none."""
    declared = document.data.get("vars")
    values: dict[str, Value] = {}
    for name, variable in declared.items() if isinstance(declared, dict) else ():
        if isinstance(variable, dict) and variable.get("type") in _TYPES:
            value = _value(document, name, variable, environment)
            if value is not None:
                values[name] = value
    return values


def _value(
    document: YamlDocument, name: str, variable: Mapping[str, Any], environment: Mapping[str, str]
) -> Value | None:
    path: DataPath = ("vars", name)
    kind, default, source = variable["type"], variable.get("default"), variable.get("env")
    if default is not None and not _fits(default, kind):
        place = document.place("vars", name, "default")
        document.mistake(place, f"'default' of variable {name!r} must be {_WORDS[kind]}; got {shown(default)}")
        return None
    if isinstance(source, str) and source in environment:
        value = _read(environment[source], kind)
        if value is None:
            message = f"the environment variable {source} of variable {name!r} must be {_WORDS[kind]}; got "
            document.mistake(document.place("vars", name, "env"), message + shown(printable(environment[source], 60)))
        return value
    if default is None:
        how = f"{source} is not set, and there is no default" if source else "it has neither default nor env"
        document.mistake(document.key(*path), f"variable {name!r} has no value: {how}")
    found: Value | None = default
    return found


def _fits(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def _read(text: str, kind: str) -> Value | None:
    """Return the value of a text from the environment, None if it is not of this type."""
    if kind == "str":
        return text
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower())
    if kind == "int":
        return int(text) if re.fullmatch(r"[-+]?[0-9]{1,30}", text) else None
    readable = re.fullmatch(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?", text) and not AMBIGUOUS.fullmatch(text)
    return float(text) if readable else None


def combinations(parametrize: Any) -> list[dict[str, Value]]:
    """Return every combination of the values of `parametrize`, in order; one empty one if there is no `parametrize`."""
    if not isinstance(parametrize, dict) or not all(isinstance(values, list) for values in parametrize.values()):
        return [{}]
    return [dict(zip(parametrize, values, strict=True)) for values in product(*parametrize.values())]


def suffix(combination: Mapping[str, Value]) -> str:
    """Return the end of the id of a check of a `parametrize`: `[track=llm,limit=5]`."""
    if not combination:
        return ""
    values = ",".join(f"{name}={printable(_text(value), 100)}" for name, value in combination.items())
    return f"[{values}]"


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
