"""Suites, checks and kinds in words, for authors of suites."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pytest_audit_ledger.kinds.data_kind import NAMES_OF_COLUMNS
from pytest_audit_ledger.kinds.kind import Kind, QueryKind
from pytest_audit_ledger.model.columns import Column
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.suite.check import Check, Suite


def _nominal(profile: Profile, check: Check) -> LedgerInfo:
    """Return a nominal ledger, to show the SQL of a check without a server. It has the columns that the check names."""
    columns: Mapping[str, Column] = profile.schemas[-1].columns if profile.schemas else {}
    if not columns:
        given = [check.parameters.get(name, ()) for name in NAMES_OF_COLUMNS]
        named = [name for value in given for name in ([value] if isinstance(value, str) else value)]
        columns = {profile.named(name): Column("text", False) for name in (*profile.columns.values(), *named)}
    return LedgerInfo("", "{ledger}", "r", columns, "", "", "", profile=profile)


def listing(suites: Iterable[Suite]) -> str:
    """Return a table of all checks: kind, severity, controls, tags and place."""
    rows = [
        (
            printable(check.id),
            check.kind.name,
            check.severity.value + (" (waived)" if check.waiver else ""),
            printable(", ".join(check.controls)),
            printable(", ".join(check.tags)),
            printable(check.location),
        )
        for suite in suites
        for check in suite.checks
    ]
    head = ("check", "expects", "severity", "controls", "tags", "where")
    return tabulate(rows, head, tablefmt="simple", disable_numparse=True)


def explanation(check: Check, suite: Suite, samples: int, profile: Profile = SKI) -> str:
    """Return everything about a check, with its SQL for a ledger. Raises LedgerError if the SQL cannot be built."""
    lines = [f"{printable(check.id)}: {check.kind.name}", f"  where     {printable(check.location)}"]
    if check.description:
        lines.append(f"  about     {printable(check.description)}")
    lines += [f"  rule      {check.kind.rule}", f"  next      {check.kind.remedy}"]
    lines.append(f"  severity  {check.severity.value}{', about integrity' if check.kind.integrity else ''}")
    for control in check.controls:
        lines.append(f"  control   {printable(control)}: {printable(suite.controls[control].title)}")
    more = {"owner": check.owner, "tags": ", ".join(check.tags), "waiver": str(check.waiver or "")}
    lines += [f"  {name:<9} {printable(text, 1000)}" for name, text in more.items() if text]
    for name, value in _effective(check).items():
        if name == "variables":
            lines += [f"  variable  {variable} = {printable(repr(bound))}" for variable, bound in value.items()]
        else:
            lines.append(f"  parameter {name} = {printable(_plain(value), 1000)}")
    if issubclass(check.kind, QueryKind):
        lines += _sql(check.kind(check.parameters, _nominal(profile, check), check.samples or samples))
    return "\n".join(lines)


def _effective(check: Check) -> Mapping[str, Any]:
    schemas = check.kind.parameters_schema
    return {**{name: schema["default"] for name, schema in schemas.items() if "default" in schema}, **check.parameters}


def _sql(kind: QueryKind) -> Iterator[str]:
    for purpose, statement in kind.statements().items():
        yield f"  SQL to {purpose}:"
        yield from (f"    {printable(line, 1000)}" for line in statement.sql.splitlines())
        own = {name: value for name, value in statement.values.items() if name.startswith("check.")}
        yield from (f"    -- %({name})s is {printable(repr(value), 1000)}" for name, value in own.items())


def kinds(known: Iterable[type[Kind]]) -> str:
    """Return every kind with its rule and its parameters."""
    return "\n\n".join("\n".join(_kind(kind)) for kind in known)


def _kind(kind: type[Kind]) -> Iterator[str]:
    yield kind.name + (" (integrity)" if kind.integrity else "")
    if kind.aliases:
        yield f"  also called {', '.join(kind.aliases)}"
    yield from (f"  {line}".rstrip() for line in (inspect.getdoc(kind) or kind.rule).splitlines())
    for name, schema in sorted(
        kind.parameters_schema.items(), key=lambda item: item[0] not in kind.required_parameters
    ):
        required = " (required)" if name in kind.required_parameters else ""
        default = f" [default: {_plain(schema['default'])}]" if "default" in schema else ""
        yield f"    {name}{required}: {schema.get('description', '')}{default}"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def summary(suites: Sequence[Suite]) -> str:
    """Return a line for each suite, all of which are without mistakes."""
    return "\n".join(f"{printable(s.name, 1000)}: {_counted(len(s.checks), 'check')}, no mistakes" for s in suites)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
