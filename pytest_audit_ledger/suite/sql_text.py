"""Mistakes in SQL that can be found without a server: in variables, quotes, brackets, and the kind of statement.

This is a help for authors, who see a mistake at its place before anything connects. It is not what keeps SQL from doing
harm: that is `sources/queries.py`, which asks the server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pytest_audit_ledger.kinds.data_kind import QUERY
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.sql_names import QUOTED
from pytest_audit_ledger.suite.mistakes import did_you_mean

_VARIABLE = re.compile(r"%\((?P<name>[^()\s]*)\)(?P<type>\w?)|%s\b")
_BRACES = re.compile(r"\{(\w+)\}")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_READING = ("select", "with", "values", "table")
_COLUMNS = V2_COLUMNS.keys() | V3_COLUMNS.keys()


@dataclass(frozen=True)
class Objection:
    """A mistake in SQL, from the character `start` up to `end`."""

    start: int
    end: int
    message: str


def _masked(text: str) -> str:
    """Return the text with quoted texts and comments replaced by blanks, so that places stay the same."""
    return QUOTED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def variables(text: str) -> set[str]:
    """Return the names of the variables that SQL uses."""
    return {found["name"] for found in _VARIABLE.finditer(_masked(text)) if found["type"] == "s"}


def mentioned(text: str) -> set[str]:
    """Return the names of variables anywhere in SQL, also inside quotes and comments."""
    return {found["name"] for found in _VARIABLE.finditer(text)}


def filled_in(text: str) -> str:
    """Return SQL with a name for `{ledger}` and NULL for each variable, for a parser; lines stay the same."""
    return _BRACES.sub("ledger", _VARIABLE.sub("NULL", text))


def one_statement(text: str) -> str:
    """Return the SQL without the semicolon at its end."""
    body = _masked(text).rstrip()
    return text[: len(body) - 1] + text[len(body) :] if body.endswith(";") else text


def objections(text: str, form: str, known: Collection[str]) -> Iterator[Objection]:
    """Yield the mistakes in SQL of a form, `sql-query` or `sql-expression`; `known` are the declared variables."""
    masked = _masked(text)
    if not QUOTED.sub(lambda found: "" if found[0].startswith(("--", "/*")) else found[0], text).strip():
        yield Objection(0, len(text), "there is no SQL")
        return
    yield from _unknown_names(text, masked, known)
    for quote in re.finditer(r"['\"]|/\*", masked):
        yield Objection(quote.start(), quote.end(), f"this {quote[0]} is never closed; close it")
        break
    for number in re.finditer(r"\$[0-9]+", masked):
        yield Objection(number.start(), number.end(), f"{number[0]} is not a variable of the suite; write %(name)s")
    yield from _several_statements(one_statement(masked) if form == QUERY else masked)
    yield from _slips(text, masked)
    yield from _brackets(masked)
    if form == QUERY:
        yield from _no_select(text, masked)
    elif word := re.match(r"\s*(where|having|and|or)\b", masked, re.IGNORECASE):
        yield Objection(*word.span(1), f"write the condition alone, without {word[1].upper()}")


def _unknown_names(text: str, masked: str, known: Collection[str]) -> Iterator[Objection]:
    for found in _VARIABLE.finditer(text):
        here, name = (found.start(), found.end()), found["name"]
        if _VARIABLE.match(masked, found.start()) is None:
            if name in known:
                yield Objection(
                    *here, f"{found[0]} is inside quotes or a comment; write it outside, because it is bound as a value"
                )
        elif name is None or found["type"] != "s":
            yield Objection(*here, f"{found[0]} is not a variable; write %(name)s")
        elif name not in known:
            hint = did_you_mean(name, known) or "; declare it under vars, or under parametrize"
            yield Objection(*here, f"unknown variable {name!r}{hint}")
    for found in _BRACES.finditer(_TEMPLATE.sub(lambda template: " " * len(template[0]), text)):
        inside = masked[found.start()] != "{"
        if inside and found[1] == "ledger":
            yield Objection(found.start(), found.end(), "{ledger} is inside quotes or a comment; write it outside")
        elif not inside and found[1] != "ledger":
            hint = did_you_mean(found[1], ["ledger"])
            yield Objection(
                found.start(), found.end(), f"{found[0]} is unknown{hint or '; write {ledger} for the table'}"
            )


def _slips(text: str, masked: str) -> Iterator[Objection]:
    """Yield what authors carry over from other languages and from text processors."""
    for found in re.finditer("[‘’‚“”„´`]", masked):  # noqa: RUF001
        yield Objection(*found.span(), f"{found[0]} is not a quote in SQL; write '")
    for found in re.finditer(r"(?<![<>=!~@*/#&|+-])==(?![=<>])", masked):
        yield Objection(*found.span(), "SQL compares with one equals sign; write =")
    for found in _TEMPLATE.finditer(text):
        if masked[found.start()] == " " and not re.match(r"\{\{-? .* -?\}\}", found[0]):
            continue  # a literal, such as an array of arrays
        advice = "is a template, which is not filled in; write {ledger} for the table, or %(name)s for a variable"
        yield Objection(*found.span(), f"{found[0][:2]}…{found[0][-2:]} {advice}")
    for found in re.finditer(r"(?:=|<>|!=)\s*(\"[^\"]*\")(?!\s*[.(])", text):
        name = found[1].strip('"')
        if masked[found.start()] in "=<!" and name not in _COLUMNS:
            advice = f"write '{name}' for a text, or its table's name before a column"
            yield Objection(*found.span(1), f"{found[1]} is a column in SQL; {advice}")


def _brackets(masked: str) -> Iterator[Objection]:
    """Yield the first bracket without its counterpart."""
    waiting: list[re.Match[str]] = []
    for bracket in re.finditer(r"[()\[\]]", masked):
        if bracket[0] in "([":
            waiting.append(bracket)
        elif not waiting or waiting.pop()[0] != {")": "(", "]": "["}[bracket[0]]:
            yield Objection(*bracket.span(), f"this {bracket[0]} closes nothing; remove it, or open it before")
            return
    if waiting:
        yield Objection(*waiting[-1].span(), f"this {waiting[-1][0]} is never closed; close it")


def _several_statements(masked: str) -> Iterator[Objection]:
    end = masked.find(";")
    if end >= 0:
        yield Objection(end, end + 1, "a check is one statement, but this ; ends it; remove what follows")


def _no_select(text: str, masked: str) -> Iterator[Objection]:
    first = re.search(r"\w+", masked)
    if first is None or first[0].lower() not in _READING:
        start, end = first.span() if first else (0, len(text))
        yield Objection(start, end, "a check only reads; write a SELECT")
    elif "{ledger}" not in masked:
        yield Objection(*first.span(), "the query never reads the ledger; add FROM {ledger}")
