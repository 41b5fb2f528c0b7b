"""The JSON Schema of the suite language: the keys of every suite, and the parameters that each kind adds.

checks/suite.schema.json is the whole schema for the kinds of this package, for editors. `complete` returns it with the
kinds of plugins. The loader uses the language without kinds from the same file, and then validates each check against
its own kind, so that a message is about that kind.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.kinds.kind import Kind


@cache
def language() -> Mapping[str, Any]:
    """Return the schema of a suite without the parameters of kinds."""
    whole = json_schema("suite.schema.json")
    definitions = whole["$defs"]
    check = {name: value for name, value in definitions["check"].items() if name not in _OF_KINDS}
    expect = {name: value for name, value in check["properties"]["expect"].items() if name != "enum"}
    check["properties"] = {**check["properties"], "expect": expect}
    return {**whole, "$defs": {**definitions, "check": check}}


_OF_KINDS = ("allOf", "unevaluatedProperties")


def common_keys() -> Iterable[str]:
    """Return the keys that every check may have, whatever its kind."""
    keys: Mapping[str, Any] = language()["$defs"]["check"]["properties"]
    return keys.keys()


def of_kind(kind: type[Kind]) -> dict[str, Any]:
    """Return the schema of a check of this kind; `language` judges the keys that all checks have."""
    return {
        "type": "object",
        "properties": {**dict.fromkeys(common_keys(), True), **kind.parameters_schema},
        "required": list(kind.required_parameters),
        "additionalProperties": False,
    }


def complete(kinds: Iterable[type[Kind]]) -> dict[str, Any]:
    """Return the schema of a suite with these kinds, for editors and other tools that use JSON Schema."""
    kinds = list(kinds)
    check = language()["$defs"]["check"]
    names = [name for kind in kinds for name in (kind.name, *kind.aliases)]
    expect = {**check["properties"]["expect"], "enum": names}
    whole = {
        **check,
        "properties": {**check["properties"], "expect": expect},
        "allOf": [_fragment(kind) for kind in kinds],
        "unevaluatedProperties": False,
    }
    return {**language(), "$defs": {**language()["$defs"], "check": whole}}


def _fragment(kind: type[Kind]) -> dict[str, Any]:
    """Return the condition for checks of this kind."""
    names = [kind.name, *kind.aliases]
    parameters: dict[str, Any] = {"description": first_line(kind), "properties": dict(kind.parameters_schema)}
    if kind.required_parameters:
        parameters["required"] = list(kind.required_parameters)
    return {"if": {"properties": {"expect": {"enum": names}}, "required": ["expect"]}, "then": parameters}


def first_line(kind: type[Kind]) -> str:
    """Return the first paragraph of a kind's docstring, or its rule if it has no docstring."""
    paragraph = (inspect.getdoc(kind) or "").partition("\n\n")[0] if "__doc__" in vars(kind) else ""
    return " ".join(paragraph.split()) or kind.rule
