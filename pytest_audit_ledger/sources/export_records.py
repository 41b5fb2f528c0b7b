"""The records of an export, one by one and in constant memory: JSON Lines, JSON and CSV, each also compressed by gzip.

A record is the line it starts on, its length in characters, and its values by name. Whatever cannot be read is a
SourceError that names the line.

JSON: RFC 8259; JSON Lines: one object a line. CSV: RFC 4180 as PostgreSQL's COPY writes it, where a field that is empty
is a missing value and `""` is an empty text. Python's csv module does not tell the two apart, and a hash depends on it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.reading import open_regular
from pytest_audit_ledger.model.printable import printable

Record = tuple[int, int, dict[str, Any]]

CHUNK = 256 * 1024
"""Characters read at once."""

LONGEST_RECORD = 64 * 1024 * 1024
"""Characters of one entry above which a file is refused, instead of filling the memory."""


MOST_SPACE = 1024 * 1024
"""Characters of white space between two entries above which a file is refused: gzip makes gigabytes of a few bytes."""

MOST_COLUMNS = 1_600
"""Columns that a table of PostgreSQL can have, and so an entry."""


def format_of(path: Path) -> str | None:
    """Return `json`, `jsonl` or `csv` by the suffix of a file, with or without `.gz`; None for any other."""
    found = re.search(r"\.(jsonl?|csv)(\.gz)?$", path.name, re.IGNORECASE)
    return found.group(1).lower() if found else None


def records(path: Path) -> Iterator[Record]:
    """Yield the records of a file, whose suffix says how they are written."""
    reader: Callable[[_Text], Iterator[Record]] = {"json": _json, "jsonl": _json_lines, "csv": _csv}[
        format_of(path) or "jsonl"
    ]
    with _opened(path) as text:
        yield from reader(text)


class _Text:
    """Text that is read piece by piece, with the number of the line that was reached."""

    def __init__(self, stream: io.TextIOBase, name: str) -> None:
        self.stream = stream
        self.name = name
        self.line = 1
        self.buffer = ""
        self.position = 0

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise SourceError(
            f"{self.name}:{line or self.line}: {message}.",
            "Fetch the file again from where it was filed, or export the ledger again.",
        )

    def fill(self) -> bool:
        """Read more, twice as much each time while one record goes on; tell whether there was any."""
        rest = self.buffer[self.position :]
        if len(rest) > LONGEST_RECORD:
            self.fail("one entry is larger than any real one")
        more = self.stream.read(max(CHUNK, len(rest)))
        self.buffer, self.position = rest + more, 0
        return bool(more)

    def skip(self, end: int) -> None:
        """Go on to `end`, counting lines."""
        self.line += self.buffer.count("\n", self.position, end)
        self.position = end


@contextmanager
def _opened(path: Path) -> Iterator[_Text]:
    text: _Text | None = None
    try:
        with open_regular(path) as file:
            raw: Any = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
            # bytes that are no UTF-8 are refused as part of the value they stand in, where the line is known
            stream = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
            text = _Text(stream, path.name)
            yield text
    except (EOFError, zlib.error, gzip.BadGzipFile):
        line = text.line if text else 1
        raise SourceError(
            f"{path.name}: the compressed file is damaged or cut off, somewhere after line {line}.",
            "Fetch the file again from where it was filed, or export the ledger again.",
        ) from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its name and permissions.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: one reader would take the first value and another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class Number:
    """A number that Python would write otherwise than it stands in the file, such as `1.50`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _fraction(token: str) -> float | Number:
    number = float(token)
    return number if repr(number) == token else Number(token)


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_fraction)
"""Refuses what readers of JSON disagree on, and keeps numbers as they are written."""


def _mistake(error: Exception) -> str:
    """Return in words why a value could not be decoded."""
    if isinstance(error, json.JSONDecodeError):
        return "this is no JSON"
    if isinstance(error, RecursionError):
        return "this is nested too deeply to be read"
    return "a number has too many digits" if "digits" in str(error) else str(error)


def _json_lines(text: _Text) -> Iterator[Record]:
    space = 0
    while line := text.stream.readline(LONGEST_RECORD):
        space = _within(text, space + len(line)) if line.isspace() else 0
        if line.strip(" \t\r\n"):
            try:
                record = DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                text.fail(_mistake(error) + ("" if line.endswith("\n") else "; the file seems to be cut off"))
            yield text.line, len(line), _entry(text, record, text.line)
        text.line += 1


def _within(text: _Text, space: int) -> int:
    """Return a number of characters of white space. Raises SourceError for too many."""
    if space > MOST_SPACE:
        text.fail("there is more white space here than in any genuine file")
    return space


def _entry(text: _Text, record: Any, line: int) -> dict[str, Any]:
    if not isinstance(record, dict):
        text.fail("this is not a JSON object, as an entry is", line)
    if len(record) > MOST_COLUMNS:
        text.fail(f"this entry has {len(record):,} columns, and a table has at most {MOST_COLUMNS:,}", line)
    return record


def _json(text: _Text) -> Iterator[Record]:
    """Yield the entries of a list, or of the list `entries` in an object; an `entry_count` beside it must be right."""
    if _peek(text) == "[":
        yield from _json_list(text)
    else:
        count = 0
        members: dict[Any, Any] = {}
        for _ in _elements(text, "{", "}"):
            key = _value(text)
            if len(members) > MOST_COLUMNS:
                text.fail("this document has more keys than an export has")
            if not isinstance(key, str) or key in members:
                text.fail(f"the key {printable(repr(key), 80)} stands twice, or is no text")
            _take(text, ":")
            members[key] = None
            if key == "entries":
                for record in _json_list(text):
                    count += 1
                    yield record
            else:
                members[key] = _value(text)
        if "entries" not in members:
            text.fail("this document has no list of entries")
        stated = members.get("entry_count", count)
        if type(stated) is not int or stated != count:
            text.fail(f"the file holds {count:,} entries where its entry_count says {printable(repr(stated), 80)}")
    if _peek(text):
        text.fail("something stands after the end of the JSON document")


def _json_list(text: _Text) -> Iterator[Record]:
    for _ in _elements(text, "[", "]"):
        line, (record, length) = text.line, _measured(text)
        yield line, length, _entry(text, record, line)


def _elements(text: _Text, opening: str, closing: str) -> Iterator[None]:
    """Stop before each element of a list or an object, for the caller to read it."""
    _take(text, opening)
    if _peek(text) != closing:
        yield
        while _peek(text) == ",":
            text.skip(text.position + 1)
            _peek(text)
            yield
    _take(text, closing)


_SPACE = re.compile(r"[ \t\n\r]*")


def _peek(text: _Text) -> str:
    """Return the next character that is no space; empty at the end."""
    space = 0
    while True:
        match = _SPACE.match(text.buffer, text.position)
        assert match is not None  # noqa: S101  (the pattern matches nothing, too)
        space = _within(text, space + match.end() - text.position)
        text.skip(match.end())
        if text.position < len(text.buffer):
            return text.buffer[text.position]
        if not text.fill():
            return ""


def _take(text: _Text, wanted: str) -> None:
    found = _peek(text)
    if found != wanted:
        text.fail(f"{wanted!r} was expected here; got {found!r}" if found else "the file ends too early")
    text.skip(text.position + 1)


def _value(text: _Text) -> Any:
    """Return the next JSON value."""
    return _measured(text)[0]


def _measured(text: _Text) -> tuple[Any, int]:
    """Return the next JSON value, which may be longer than what was read, and its length."""
    if not _peek(text):
        text.fail("the file ends too early")
    more = True
    while True:
        try:
            value, end = DECODER.raw_decode(text.buffer, text.position)
        except json.JSONDecodeError as error:
            # what is cut off fails at the end of what was read, or in a string without one
            line = text.line + text.buffer.count("\n", text.position, error.pos)
            endless, left = error.msg.startswith("Unterminated"), len(text.buffer) - error.pos
            if not ((endless or left < _LONGEST_TOKEN) and text.fill()):
                text.fail("the file ends too early" if endless or not left else _mistake(error), line)
            continue
        except (ValueError, RecursionError) as error:
            text.fail(_mistake(error))
        if end < len(text.buffer) - _LONGEST_TOKEN or not more:
            length = end - text.position
            text.skip(end)
            return value, length
        more = text.fill()  # a number may go on


_LONGEST_TOKEN = len("-Infinity")


_FIELD = re.compile(r'("[^"]*(?:""[^"]*)*"|[^",\r\n]*)(?:,|\r?\n|\r)')


def _csv(text: _Text) -> Iterator[Record]:
    raw: list[str] = []

    def lines() -> Iterator[str]:
        while line := text.stream.readline(LONGEST_RECORD):
            raw.append(line)
            yield line

    csv.field_size_limit(LONGEST_RECORD)  # of the whole process; the default is less than an entry may hold
    rows = csv.reader(lines(), strict=True)
    names: list[str] | None = None
    space = 0
    while (row := _next_row(text, rows)) is not None:
        space = 0 if row else _within(text, space + 1)
        line, text.line = text.line, text.line + len(raw)
        if not raw[-1].endswith(("\n", "\r")):
            text.fail("this line has no end, so the file seems to be cut off", line)
        if names is None:
            names = row
            if len(set(names)) != len(names):
                text.fail("the first line names a column twice", line)
        elif row and len(row) != len(names):
            text.fail(f"{len(row)} fields stand here, where the first line names {len(names)}", line)
        elif row:
            written = "".join(raw)
            values = _with_missing(row, written)
            if values is None:
                text.fail("a quote stands within a field that is not quoted", line)
            yield line, len(written), _entry(text, dict(zip(names, values, strict=True)), line)
        raw.clear()


def _next_row(text: _Text, rows: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        cut = " and the file seems to be cut off" if "unexpected end" in str(error) else ""
        text.fail(f"a field that begins here, or further down, is not quoted as CSV is{cut}")


def _with_missing(row: list[str], raw: str) -> list[str | None] | None:
    """Tell a missing value from an empty text, which the csv module reads alike; few rows have empty texts.

    Returns None where that cannot be told.
    """
    if '""' not in raw:
        return [value or None for value in row]
    fields = _FIELD.findall(raw)
    if sum(map(len, fields)) + len(fields) - 1 != len(raw.rstrip("\r\n")):
        return None
    return [value if value or field else None for value, field in zip(row, fields, strict=True)]
