"""From a suite file to checks, with every mistake at its place.

The language is the JSON Schema checks/suite.schema.json; each kind adds the schema of its own parameters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from pytest_audit_ledger.errors import SuiteError, UsageError
from pytest_audit_ledger.kinds.base import Kind
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.outcome import Severity
from pytest_audit_ledger.resources import folder
from pytest_audit_ledger.suite.document import Document, parse
from pytest_audit_ledger.suite.document import Path as DataPath

DEFAULT_SUITE = "integrity.ledger.yaml"
EXPORT_SUITE = "export.ledger.yaml"


def default_suites(*, of_export: bool) -> tuple[str, ...]:
    """Return the names of the shipped suites that a ledger is verified with; an export has one more."""
    return (DEFAULT_SUITE, EXPORT_SUITE) if of_export else (DEFAULT_SUITE,)


@dataclass(frozen=True)
class Check:
    """One use of a kind, as declared in a suite; `suite` is the suite's name and `line` where the check stands."""

    id: str
    suite: str
    kind: type[Kind]
    parameters: Mapping[str, Any]
    severity: Severity
    description: str
    controls: tuple[str, ...]
    path: Path
    line: int


@dataclass(frozen=True)
class Suite:
    """A suite file: its name (the file's), the SHA-256 of its bytes, and its checks."""

    name: str
    path: Path
    sha256: str
    checks: tuple[Check, ...]


def load(path: Path, registry: Registry, name: str | None = None) -> Suite:
    """Return the suite in `path`; `name` stands for it in results, its file name otherwise.

    Raises SuiteError, whose message lists every mistake of the file as `file:line:column: …` with the line itself.
    """
    name = name or path.name
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SuiteError(f"The suite {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = content[: len(content) - len(error.object) + error.start].count(b"\n") + 1
        raise SuiteError(f"{name}:{line}:1: this is not UTF-8.", "Save the file in UTF-8.") from None
    document = parse(text)
    if not document.mistakes:
        _validate(document, registry)
    if document.mistakes:
        raise SuiteError(document.render(str(name)))
    checks = tuple(
        _check(declared, index, document, registry, name, path)
        for index, declared in enumerate(document.data["checks"])
    )
    if document.mistakes:
        raise SuiteError(document.render(str(name)))
    return Suite(name, path, sha256(content).hexdigest(), checks)


def _check(
    declared: Mapping[str, Any], index: int, document: Document, registry: Registry, name: str, path: Path
) -> Check:
    kind = registry.get(declared["expect"])
    assert kind is not None  # noqa: S101  (validated; tells the type checker)
    return Check(
        id=declared["id"],
        suite=name,
        kind=kind,
        parameters=_prepared(kind, declared, index, document, path),
        severity=Severity(declared.get("severity", Severity.CRITICAL.value)),
        description=declared.get("description", ""),
        controls=tuple(declared.get("controls", ())),
        path=path,
        line=document.places["checks", index][0],
    )


def _prepared(
    kind: type[Kind], declared: Mapping[str, Any], index: int, document: Document, path: Path
) -> Mapping[str, Any]:
    """Return the parameters of a check as its kind wants them, and record what the kind refuses."""
    parameters = {key: value for key, value in declared.items() if key in kind.parameters_schema}
    try:
        return kind.prepared(parameters, str(path.parent))
    except UsageError as error:
        document.mistake(document.places["checks", index], str(error))
        return parameters


@cache
def language() -> Mapping[str, Any]:
    """Return the JSON Schema of the suite language, without the parameters of kinds."""
    schema: Mapping[str, Any] = json.loads((folder("checks") / "suite.schema.json").read_text(encoding="utf-8"))
    return schema


def _validate(document: Document, registry: Registry) -> None:
    """Record every mistake: first the suite's own keys, then each check against its kind."""
    for error in Draft202012Validator(language()).iter_errors(document.data):
        _record(document, error, ())
    if not isinstance(document.data, dict) or not isinstance(document.data.get("checks"), list):
        return
    seen: dict[str, int] = {}
    for index, declared in enumerate(document.data["checks"]):
        if not isinstance(declared, dict):
            continue
        _validate_kind(document, declared, ("checks", index), registry)
        check_id = declared.get("id")
        if not isinstance(check_id, str):
            continue
        line, *_ = place = document.places["checks", index, "id"]
        if check_id in seen:
            document.mistake(place, f"the id {check_id!r} is taken by the check in line {seen[check_id]}")
        seen.setdefault(check_id, line)


def _validate_kind(document: Document, declared: Mapping[str, Any], path: DataPath, registry: Registry) -> None:
    name = declared.get("expect")
    if not isinstance(name, str):
        return
    kind = registry.get(name)
    if kind is None:
        hint = _did_you_mean(name, registry.names())
        known = "" if hint else f"; known are {', '.join(registry.names())}"
        expect: DataPath = (*path, "expect")
        document.mistake(document.places[expect], f"unknown kind {name!r}{hint}{known}")
        return
    common = language()["$defs"]["check"]["properties"]
    schema = {
        "type": "object",
        "properties": {**dict.fromkeys(common, True), **kind.parameters_schema},
        "required": list(kind.required_parameters),
        "additionalProperties": False,
    }
    for error in Draft202012Validator(schema).iter_errors(declared):
        _record(document, error, path)


def _record(document: Document, error: ValidationError, base: DataPath) -> None:
    """Record a validation error in words, at its place."""
    path: DataPath = (*base, *error.absolute_path)
    place = document.places[path]
    where = _where(document, path)
    rule: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        known = schema["properties"]
        for key in instance:
            if key not in known:
                key_path: DataPath = (*path, key)
                message = f"unknown key {key!r} in {where}{_did_you_mean(key, known)}"
                document.mistake(document.keys[key_path], message)
    elif error.validator == "required":
        for key in rule:
            if key not in instance:
                document.mistake(place, f"{where} has no key {key!r}")
    else:
        document.mistake(place, f"{where} {_expectation(error)}; got {_shown(instance)}")


def _where(document: Document, path: DataPath) -> str:
    """Name what stands at a path: the suite, a check by its id, or a key of either."""
    if not path:
        return "the suite"
    if path[0] != "checks" or len(path) == 1:
        return f"{path[0]!r}"
    declared = document.data["checks"][path[1]]
    check_id = declared.get("id") if isinstance(declared, dict) else None
    check = f"check {check_id!r}" if isinstance(check_id, str) else f"check number {int(path[1]) + 1}"
    return check if len(path) == 2 else f"{path[2]!r} of {check}"


_TYPES = {
    "string": "text (put it in quotes)",
    "array": "a list",
    "object": "a set of keys",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def _expectation(error: ValidationError) -> str:
    value: Any = error.validator_value
    if error.validator == "type":
        names = [value] if isinstance(value, str) else value
        return f"must be {' or '.join(_TYPES.get(name, name) for name in names)}"
    if error.validator == "enum":
        return f"must be one of {', '.join(map(str, value))}"
    if error.validator == "const":
        return f"must be {value}"
    if error.validator == "pattern":
        schema: Any = error.schema
        return f"must look like {' or '.join(schema.get('examples', [value]))}"
    if error.validator in ("minItems", "minLength"):
        return "must not be empty"
    return f"breaks the rule {error.validator}: {value}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
