"""Rules that derive the value that was hashed from the one that is stored now. No I/O.

A migration that retypes a column, or a writer that hashes before the database converts a value, leaves the stored and
the hashed value in a fixed relation: two hours apart, without trailing white space, in another Unicode normal form.
Such a rule explains one entry as well as a million (`systematic.py`).

A rule returns a value unchanged if it does not apply; that is not a hypothesis.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from operator import methodcaller
from typing import Literal

from pytest_audit_ledger.investigate.ski_payloads import CANONICAL, Value, payloads_in
from pytest_audit_ledger.model.batch import json_text, plain_text
from pytest_audit_ledger.model.forms import Form
from pytest_audit_ledger.model.times import OFFSETS

NULLABLE = ("rule_id", "knowledge_graph_version", "reasoning", "track")
HASHES = ("previous_hash", "telemetry_hash")
MOST_RENUMBERED = 1000
"""The largest change of a sequence number that is tried."""


@dataclass(frozen=True)
class Rewriting:
    """A rule; `words` say what was hashed in terms of what is stored ("the time 2 hours later"), and are unique.

    Picklable; a rule equals its pickled copy.
    """

    column: str
    words: str
    rule: Callable[[Value], Value] = field(compare=False)

    def original(self, value: Value) -> Value:
        """Return what was hashed if `value` is stored."""
        return self.rule(value)


# times


def moment_of(text: Value) -> datetime | None:
    """Return a canonical timestamp as a moment, None for anything else."""
    try:
        return datetime.fromisoformat(text) if text is not None and "T" in text else None
    except ValueError:
        return None


def _shifted(value: Value, minutes: int) -> Value:
    moment = moment_of(value)
    try:
        return value if moment is None else (moment + timedelta(minutes=minutes)).isoformat()
    except OverflowError:
        return value


def _cut(value: Value, unit: int) -> Value:
    moment = moment_of(value)
    return value if moment is None else moment.replace(microsecond=moment.microsecond // unit * unit).isoformat()


def _duration(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "day"), (hours, "hour"), (rest, "minute"))
    return " and ".join(f"{number} {unit}{'s' if number > 1 else ''}" for number, unit in parts if number)


_SHIFTS = (
    *sorted({*OFFSETS, *(-minutes for minutes in OFFSETS)}, key=lambda m: (m % 60 > 0, abs(m), m < 0)),
    *(sign * days * 24 * 60 for days in range(1, 8) for sign in (1, -1)),
)


def _times() -> Iterator[tuple[str, Callable[[Value], Value]]]:
    for minutes in _SHIFTS:
        direction = "later" if minutes > 0 else "earlier"
        yield f"the time {_duration(minutes)} {direction}", partial(_shifted, minutes=minutes)
    yield "the same time without its microseconds", partial(_cut, unit=1_000)
    yield "the same time without its fraction", partial(_cut, unit=1_000_000)


# texts


def _of_text(function: Callable[[str], str], value: Value) -> Value:
    """Apply a function to a text; return a value unchanged that is missing or that it cannot handle."""
    try:
        return value if value is None else function(value)
    except UnicodeError:
        return value


def _newlines(text: str, newline: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", newline)


def _around(text: str, before: str = "", after: str = "") -> str:
    return f"{before}{text}{after}"


def _recoded(text: str, written: str, read: str) -> str:
    return text.encode(written).decode(read)


_STRAIGHT = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u00a0": " "}
)
"""ASCII characters for typographic quotes, dashes and the no-break space."""
_NORMAL_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
_WIDTHS = (8, 10, 12, 16, 20, 24, 30, 32, 36, 40, 50, 64, 71, 80, 100, 128, 200, 255, 256)

_TEXTS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("without the white space at the end", str.rstrip),
    ("without the white space around it", str.strip),
    ("without the white space in front", str.lstrip),
    *((f"with {words} at the end", partial(_around, after=after)) for words, after in (
        ("a space", " "), ("two spaces", "  "), ("a line feed", "\n"), ("CR and LF", "\r\n"), ("a tab", "\t"),
    )),
    ("with a space in front", partial(_around, before=" ")),
    ("with a byte order mark in front", partial(_around, before="\ufeff")),
    ("with CR and LF at the ends of lines", partial(_newlines, newline="\r\n")),
    ("with LF at the ends of lines", partial(_newlines, newline="\n")),
    ("with CR at the ends of lines", partial(_newlines, newline="\r")),
    ("with spaces for the ends of lines", partial(_newlines, newline=" ")),
    *((f"in Unicode normal form {form}", partial(unicodedata.normalize, form)) for form in _NORMAL_FORMS),
    ("in lower case", str.lower),
    ("in upper case", str.upper),
    ("with a capital", str.capitalize),
    ("with capitals", str.title),
    *((f"padded with spaces to {width} characters", methodcaller("ljust", width)) for width in _WIDTHS),
    ("before UTF-8 was taken for Latin-1", partial(_recoded, written="latin-1", read="utf-8")),
    ("before UTF-8 was taken for Windows-1252", partial(_recoded, written="cp1252", read="utf-8")),
    ("with UTF-8 taken for Latin-1", partial(_recoded, written="utf-8", read="latin-1")),
    ("with UTF-8 taken for Windows-1252", partial(_recoded, written="utf-8", read="cp1252")),
    ("with straight quotes and plain hyphens", methodcaller("translate", _STRAIGHT)),
    ("with HTML's entities resolved", html.unescape),
    ("with HTML's special characters as entities", html.escape),
    ("with \\n for the ends of lines", methodcaller("replace", "\n", "\\n")),
    ("with the ends of lines for \\n", methodcaller("replace", "\\n", "\n")),
    ("with spaces for tabs", methodcaller("replace", "\t", " ")),
)  # fmt: skip

_HASHES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("with sha256: in front", partial(_around, before="sha256:")),
    ("without sha256: in front", methodcaller("replace", "sha256:", "")),
    ("with 0x in front", partial(_around, before="0x")),
)

_ABSENT = ("", "null", "None", "NULL", "N/A", "-")
"""What some writers store for a missing value."""


def _constant(_: Value, value: Value) -> Value:
    return value


def constant(column: str, value: Value) -> Rewriting:
    """Return the rule of a column that had this value in every entry before it was set to another."""
    words = "no value" if value is None else f"the value {_quoted(value)}"
    return Rewriting(column, words, partial(_constant, value=value))


def _for_absent(value: Value, original: Value, stored: Value) -> Value:
    return original if value == stored else value


def _renumbered(value: Value, by: int) -> Value:
    return value if value is None else str(int(value) + by)


def _rules(column: str) -> Iterator[tuple[str, Callable[[Value], Value]]]:
    if column == "sequence_number":
        for by in range(1, MOST_RENUMBERED + 1):
            for move in (by, -by):
                yield f"the number {by:,} {'higher' if move > 0 else 'lower'}", partial(_renumbered, by=move)
        return
    if column == "timestamp":
        yield from _times()
        return
    if column in NULLABLE:
        for text in _ABSENT:
            yield f"{_quoted(text)} for a missing value", partial(_for_absent, original=text, stored=None)
            yield f"a missing value for {_quoted(text)}", partial(_for_absent, original=None, stored=text)
    for words, function in (*(_HASHES if column in HASHES else ()), *_TEXTS):
        yield words, partial(_of_text, function)


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "an empty text"


@cache
def rewritings(column: str) -> tuple[Rewriting, ...]:
    """Return every rule that is tried for a column, the likely ones first."""
    return tuple(Rewriting(column, words, rule) for words, rule in _rules(column))


def original_texts(rewriting: Rewriting, texts: list[str]) -> list[str]:
    """Return a column of a batch as it was hashed by this rule; each distinct value is rewritten once."""
    found = {text: json_text(rewriting.original(plain_text(text))) for text in set(texts)}
    return [found[text] for text in texts]


@dataclass(frozen=True)
class Transformation:
    """What turns stored entries into what was hashed: rules for some columns, and the form. Picklable."""

    rewritings: tuple[Rewriting, ...] = ()
    form: Form = CANONICAL

    @property
    def edited(self) -> tuple[Rewriting, ...]:
        """The rules of columns that were set to one value, which no writer and no migration does by itself."""
        return tuple(one for one in self.rewritings if isinstance(one.rule, partial) and one.rule.func is _constant)

    @property
    def is_edit(self) -> bool:
        """Whether a column was set to one value."""
        return bool(self.edited)

    @property
    def words(self) -> tuple[str, ...]:
        """How the entries were hashed, each difference in words that follow "hashed"."""
        return (*(f"with another {one.column} ({one.words})" for one in self.rewritings), *self.form.departures)

    def originals(self, columns: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return columns of JSON text as they were hashed."""
        return {**columns, **{one.column: original_texts(one, columns[one.column]) for one in self.rewritings}}

    def payloads(self, columns: Mapping[str, list[str]]) -> list[bytes]:
        """Return the payloads that were hashed, of entries as columns of JSON text."""
        return payloads_in(self.form).payloads(self.originals(columns))


UNCHANGED = Transformation()
