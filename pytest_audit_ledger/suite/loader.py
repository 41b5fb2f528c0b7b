"""Load a suite file, and those that it includes, into checks, or report every mistake of every file at its place.

The JSON Schema (`schema.py`) says which keys and values are allowed. The rest is checked here: unique ids, declared
controls, variables with a value, SQL that only reads, waivers of existing checks, and the planned number of checks.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import SuiteError, UsageError
from pytest_audit_ledger.files.resources import mistakes_in
from pytest_audit_ledger.kinds.data_kind import EXPRESSION, QUERY
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.model.outcome import Severity
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.suite import sql_text
from pytest_audit_ledger.suite.check import Check, Control, Suite
from pytest_audit_ledger.suite.mistakes import described, did_you_mean, record, spelling
from pytest_audit_ledger.suite.other_tools import recognised
from pytest_audit_ledger.suite.schema import language, of_kind
from pytest_audit_ledger.suite.variables import Value, combinations, resolve, suffix
from pytest_audit_ledger.suite.waivers import waivers_of
from pytest_audit_ledger.suite.yaml_document import Path as DataPath
from pytest_audit_ledger.suite.yaml_document import YamlDocument, parse, read_text

Declared = Mapping[str, Any]


def load(
    path: Path,
    registry: Registry,
    name: str | None = None,
    *,
    root: Path | None = None,
    environment: Mapping[str, str] | None = None,
    profile: Profile | None = None,
) -> Suite:
    """Return the suite in `path`; `name` is its name in results, by default its file name.

    `root`: the folder that includes may not leave; by default the current one if it has the suite, else the suite's.
    `environment`: where variables are looked up, by default that of the process. `profile`: that of the ledger, if it
    is known; a suite for another one is a mistake.

    Raises SuiteError, whose message lists every mistake of every file as `file:line:column: …` with the line itself.
    """
    reader = _Reader(registry, root or _root(path), os.environ if environment is None else environment, profile)
    part = reader.read(path, name or path.name)
    if reader.mistakes:
        raise SuiteError("\n".join(reader.mistakes))
    checks = tuple(replace(check, suite=name or path.name) for check in part.checks)
    return Suite(name or path.name, path, part.sha256, checks, part.controls, tuple(part.included))


def _root(path: Path) -> Path:
    here = Path.cwd()
    return here if path.resolve().is_relative_to(here.resolve()) else path.resolve().parent


@dataclass
class _Part:
    """The contents of one file and those it includes; `complete`: whether no file has mistakes."""

    sha256: str = ""
    checks: list[Check] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """The id of every check, and its place; a parametrized check has one id here."""
    controls: dict[str, Control] = field(default_factory=dict)
    included: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = True

    def take(self, other: _Part, name: str) -> None:
        """Add the contents of an included file."""
        self.checks += other.checks
        self.ids.update(other.ids)
        self.controls.update(other.controls)
        self.included += [(name, other.sha256), *other.included]
        self.complete = self.complete and other.complete


class _Reader:
    """Reads files and collects their mistakes."""

    def __init__(self, registry: Registry, root: Path, environment: Mapping[str, str], profile: Profile | None) -> None:
        self.registry = registry
        self.profile = profile
        self.root = root.resolve()
        self.environment = environment
        self.mistakes: list[str] = []

    def read(self, path: Path, name: str, including: tuple[Path, ...] = ()) -> _Part:
        """Return the contents of a file. Raises SuiteError if it cannot be read at all."""
        content, text = read_text(path, name, "suite", SuiteError)
        document = parse(text)
        part = _Part(sha256=sha256(content).hexdigest())
        if not document.mistakes and (tool := recognised(document.data)):
            document.mistake((1, 1, 1), tool)
        if not document.mistakes:
            for error in mistakes_in(path, language, document.data):
                record(document, error)
            if isinstance(document.data, dict):
                _validate_profile(document, self.profile)
                self._include(document, path, name, including, part)
                self._understand(document, path, name, part)
        if document.mistakes:
            part.complete = False
            self.mistakes.insert(0, document.render(name))
        return part

    def _include(self, document: YamlDocument, path: Path, name: str, including: tuple[Path, ...], part: _Part) -> None:
        """Read the included files; record a mistake for each that cannot be read."""
        named = document.data.get("include")
        for index, other in enumerate(named if isinstance(named, list) else ()):
            place = document.place("include", index)
            if not isinstance(other, str) or not other:
                continue
            target = (path.parent / other).resolve()
            if not target.is_relative_to(self.root):
                document.mistake(place, f"the included file is outside {self.root}; move it into that folder")
            elif target in (*including, path.resolve()):
                document.mistake(place, f"{other} includes this file, so the includes form a loop; remove one of them")
            else:
                there = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
                try:
                    found = self.read(target, there, (*including, path.resolve()))
                except SuiteError as error:
                    document.mistake(place, error.message.rstrip(".").replace(f"The suite {target}", f"{other}"))
                    part.complete = False
                    continue
                twice = next((check for check in found.ids if check in part.ids), None)
                if twice is not None:
                    document.mistake(
                        place, f"its check {twice!r} already exists in {part.ids[twice]}; rename one of them"
                    )
                part.take(found, there)

    def _understand(self, document: YamlDocument, path: Path, name: str, part: _Part) -> None:
        """Check what the schema does not, and build the checks of a file without mistakes."""
        values = resolve(document, self.environment)
        _declare_controls(document, part)
        declared_checks = list(_declared(document))
        for at, declared in declared_checks:
            kind = self._validate_kind(document, declared, at, path)
            if kind is not None:
                _validate_sql(document, declared, at, kind, values)
            _validate_controls(document, declared, at, part.controls)
            _claim_id(document, declared, at, name, part)
        built: list[Check] = []
        if not document.mistakes:
            for at, declared in declared_checks:
                built += self._built(document, declared, at, path, name, values)
        ids = [*(check.id for check in part.checks), *_ids(declared_checks)]
        if part.complete:
            _validate_plan(document, len(ids))
        included = {check.id: check.waiver for check in part.checks if check.waiver is not None}
        waivers = waivers_of(document, ids if part.complete else None, included)
        part.checks = [replace(check, waiver=waivers.get(check.id)) for check in [*part.checks, *built]]

    def _validate_kind(self, document: YamlDocument, declared: Declared, at: DataPath, file: Path) -> type[Kind] | None:
        expect = spelling("expect", declared) or "expect"  # also a misspelt one, so that it hides no other mistake
        name = declared.get(expect)
        if not isinstance(name, str):
            return None
        kind = self.registry.get(name)
        if kind is None:
            hint = did_you_mean(name, self.registry.names())
            known = "" if hint else f"; known are {', '.join(self.registry.names())}"
            document.mistake(document.place(*at, expect), f"unknown kind {name!r}{hint}{known}")
            return None
        judged = {key: value for key, value in declared.items() if key != expect}
        if kind.integrity and judged.pop("mostly", None) is not None:
            message = f"'mostly' is not allowed for {name}: integrity kinds judge every entry; remove it"
            document.mistake(document.key(*at, "mostly"), message)
        errors = mistakes_in(file, partial(of_kind, kind), judged)
        for error in errors:
            record(document, error, at)
        if not errors:
            for key, message in kind.objections(_parameters(declared, kind)):
                path: DataPath = (*at, key if key in declared else expect)
                document.mistake(document.key(*path), f"{described(document, path)}: {message}")
        return kind

    def _built(
        self,
        document: YamlDocument,
        declared: Declared,
        at: DataPath,
        path: Path,
        name: str,
        values: Mapping[str, Value],
    ) -> Iterator[Check]:
        kind = self.registry.get(declared["expect"])
        assert kind is not None  # noqa: S101  (validated; for the type checker)
        defaults = document.data.get("defaults", {})
        parameters: Mapping[str, Any] = _parameters(declared, kind)
        if "redact" in kind.parameters_schema and "redact" in defaults:
            parameters = {"redact": defaults["redact"], **parameters}
        try:
            parameters = kind.prepared(parameters, str(path.parent))
        except UsageError as error:
            document.mistake(document.place(*at), f"{described(document, at)}: {error}")
            return
        used = {name for text in _sql(declared, kind).values() for name in sql_text.variables(text)}
        for combination in combinations(declared.get("parametrize")):
            variables = {name: value for name, value in {**values, **combination}.items() if name in used}
            yield Check(
                id=f"{declared['id']}{suffix(combination)}",
                suite=name,
                kind=kind,
                parameters={**parameters, "variables": variables} if variables else parameters,
                severity=Severity(declared.get("severity", defaults.get("severity", Severity.CRITICAL.value))),
                description=declared.get("description", ""),
                controls=tuple(declared.get("controls", ())),
                path=path,
                line=document.place(*at)[0],
                file=name,
                owner=declared.get("owner", defaults.get("owner", "")),
                tags=tuple(declared.get("tags", ())),
                samples=declared.get("samples", defaults.get("samples")),
                values=combination,
            )


def _declared(document: YamlDocument) -> Iterator[tuple[DataPath, Declared]]:
    """Yield the path and the keys of every check that has keys."""
    checks = document.data.get("checks")
    for index, declared in enumerate(checks if isinstance(checks, list) else ()):
        if isinstance(declared, dict):
            yield ("checks", index), declared


def _ids(declared_checks: list[tuple[DataPath, Declared]]) -> Iterator[str]:
    for _, declared in declared_checks:
        for combination in combinations(declared.get("parametrize")):
            yield f"{declared.get('id')}{suffix(combination)}"


def _claim_id(document: YamlDocument, declared: Declared, at: DataPath, name: str, part: _Part) -> None:
    check_id = declared.get("id")
    if not isinstance(check_id, str):
        return
    place = document.place(*at, "id")
    taken = part.ids.get(check_id)
    if taken is not None:
        file, _, line = taken.rpartition(":")
        where = f"line {line}" if file == name else taken
        document.mistake(place, f"the id {check_id!r} is already taken by the check in {where}; rename one of them")
    part.ids.setdefault(check_id, f"{name}:{place[0]}")
    ids = list(_ids([(at, declared)]))
    if len(set(ids)) != len(ids):
        document.mistake(
            document.key(*at, "parametrize"),
            "two of these values look the same, and would make two checks with the same id; remove one",
        )


def _declare_controls(document: YamlDocument, part: _Part) -> None:
    """Add the controls of a file to those of the files that it includes."""
    declared = document.data.get("controls")
    for control, given in declared.items() if isinstance(declared, dict) else ():
        if not isinstance(given, dict) or not isinstance(given.get("title"), str):
            part.controls.setdefault(control, Control(""))
            continue
        known = part.controls.get(control)
        if known is not None and known.title != given["title"]:
            place = document.place("controls", control, "title")
            document.mistake(place, f"an included file gives {control} the title {known.title!r}; use one title")
        part.controls[control] = Control(given["title"], str(given.get("url", "")), _in_catalog(given.get("oscal")))


def _in_catalog(oscal: object) -> tuple[str, str] | None:
    """Return the catalog and the id there that a control names; None if it names none, or makes a mistake in it."""
    return next(iter(oscal.items())) if isinstance(oscal, dict) and oscal else None


def _validate_controls(
    document: YamlDocument, declared: Declared, at: DataPath, controls: Mapping[str, Control]
) -> None:
    named = declared.get("controls")
    for index, control in enumerate(named if isinstance(named, list) else ()):
        if isinstance(control, str) and control and control not in controls:
            hint = did_you_mean(control, controls) or "; declare it under controls, with a title"
            document.mistake(document.place(*at, "controls", index), f"unknown control {control!r}{hint}")


def _validate_profile(document: YamlDocument, profile: Profile | None) -> None:
    wanted = document.data.get("profile")
    if profile is not None and isinstance(wanted, str) and wanted != profile.name:
        message = f"the suite is for ledgers with the profile {wanted!r}, but this one is read as {profile.name!r}"
        document.mistake(document.place("profile"), f"{message}; choose that profile, or another suite")


def _validate_plan(document: YamlDocument, yielded: int) -> None:
    plan = document.data.get("plan")
    if type(plan) is int and plan > 0 and plan != yielded:
        planned = f"the plan is {plan:,} {'check' if plan == 1 else 'checks'}, but the suite has {yielded:,}"
        message = f"{planned}; correct the plan, or look for what is missing"
        document.mistake(document.place("plan"), message)


def _parameters(declared: Declared, kind: type[Kind]) -> dict[str, Any]:
    """Return the parameters that a check gives its kind, without the semicolon at the end of a query."""
    queries = {name: text for name, text in _sql(declared, kind).items() if _form(kind, name) == QUERY}
    given = {name: value for name, value in declared.items() if name in kind.parameters_schema}
    return {**given, **{name: sql_text.one_statement(text) for name, text in queries.items()}}


def _form(kind: type[Kind], parameter: str) -> str:
    return str(kind.parameters_schema[parameter].get("format", ""))


def _sql(declared: Declared, kind: type[Kind]) -> dict[str, str]:
    """Return the parameters of a check that are SQL."""
    return {
        name: value
        for name, value in declared.items()
        if name in kind.parameters_schema and _form(kind, name) in (EXPRESSION, QUERY) and isinstance(value, str)
    }


def _validate_sql(
    document: YamlDocument, declared: Declared, at: DataPath, kind: type[Kind], values: Mapping[str, Value]
) -> None:
    parametrized = declared.get("parametrize")
    own = parametrized if isinstance(parametrized, dict) else {}
    texts = _sql(declared, kind)
    known = [*(document.data.get("vars") or values), *own]
    for name, text in texts.items():
        path: DataPath = (*at, name)
        for objection in sql_text.objections(text, _form(kind, name), known):
            place = document.within(path, text, objection.start, objection.end)
            document.mistake(place, f"{described(document, path)}: {objection.message}")
    used = {variable for text in texts.values() for variable in sql_text.mentioned(text)}
    for name in own:
        place = document.key(*at, "parametrize", name)
        if name in values:
            document.mistake(place, f"the name {name!r} is also a variable of the suite; rename one of them")
        elif name not in used:
            message = (
                f"the SQL of {described(document, at)} does not use %({name})s, so all its checks would be the same"
            )
            document.mistake(place, message)
