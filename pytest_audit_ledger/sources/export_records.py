r"""The records of an export, one by one in constant memory: JSON Lines, JSON, CSV and tab-separated text, also gzip.

A record is the line it starts on, its length in characters, and its values by name. What cannot be read raises a
SourceError that names the line.

JSON: RFC 8259; JSON Lines: one object a line. CSV: RFC 4180 as PostgreSQL's COPY writes it, where an empty field is a
missing value and `""` an empty text. Python's csv module reads both alike, but a hash depends on the difference.

Tab-separated text is what `mysql --batch` prints: column names first, no quotes, and tab, newline, NUL and backslash as
`\t`, `\n`, `\0` and `\\`. It prints a missing value as `NULL`, so a text `NULL` is read as one, too. `SELECT … INTO
OUTFILE` and the text format of COPY print it as `\N`; COPY has the escapes `\b`, `\f`, `\r` and `\v` besides. An empty
field is an empty text.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.reading import open_regular
from pytest_audit_ledger.files.stores import AnyPath
from pytest_audit_ledger.model.jsonb import unique_keys
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.segment import FilePart
from pytest_audit_ledger.sources.export_parts import open_part

Record = tuple[int, int, dict[str, Any]]

CHUNK = 256 * 1024
"""Characters to read at once."""

LONGEST_RECORD = 64 * 1024 * 1024
"""Characters that an entry may have; a longer one is refused before it fills the memory."""


MOST_SPACE = 1024 * 1024
"""Characters of white space between two entries above which a file is refused: gzip makes gigabytes of a few bytes."""

MOST_COLUMNS = 1_600
"""Columns that a table of PostgreSQL can have, and so an entry."""


FETCH = "Fetch the file again from where it was filed, or export the ledger again."


def format_of(path: AnyPath) -> str | None:
    """Return `json`, `jsonl`, `csv` or `tsv` by a file's suffix, with or without `.gz`; None for any other."""
    found = re.search(r"\.(jsonl?|csv|tsv)(\.gz)?$", path.name, re.IGNORECASE)
    return found.group(1).lower() if found else None


def records(path: AnyPath, part: FilePart | None = None, names: Sequence[str] = ()) -> Iterator[Record]:
    """Yield the records of a file, or of a part of one; the suffix says the format.

    `names`: the columns, which the first line of CSV names, and no part but the first has.
    """
    readers: dict[str, Callable[[_Text], Iterator[Record]]] = {"json": _json, "tsv": _tsv}
    readers["csv"] = partial(_csv, names=list(names) if part is not None and part.start else None)
    readers["jsonl"] = partial(_json_lines, must_end=part is not None and part.has_next)
    with _opened(path, part) as text:
        yield from readers[format_of(path) or "jsonl"](text)


class _Text:
    """Text that is read piece by piece, and the number of the current line."""

    def __init__(self, stream: io.TextIOBase, name: str, line: int = 1) -> None:
        self.stream = stream
        self.name = name
        self.line = line
        self.buffer = ""
        self.position = 0

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise SourceError(
            f"{self.name}:{line or self.line}: {message}.",
            FETCH,
        )

    def fill(self) -> bool:
        """Read more, and return whether there was more; while a record goes on, twice as much each time."""
        rest = self.buffer[self.position :]
        if len(rest) > LONGEST_RECORD:
            self.fail(f"an entry has more than {LONGEST_RECORD:,} characters")
        more = self.stream.read(max(CHUNK, len(rest)))
        self.buffer, self.position = rest + more, 0
        return bool(more)

    def skip(self, end: int) -> None:
        """Go on to `end`, counting lines."""
        self.line += self.buffer.count("\n", self.position, end)
        self.position = end


@contextmanager
def _opened(path: AnyPath, part: FilePart | None) -> Iterator[_Text]:
    text: _Text | None = None
    try:
        with open_regular(path) if part is None else open_part(path, part) as file:
            raw: Any = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
            # bytes that are not UTF-8 are refused with their value, when the line is known
            encoding = "utf-8" if part is not None and part.start else "utf-8-sig"
            stream = io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")
            text = _Text(stream, path.name, part.line if part is not None else 1)
            yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        line = text.line if text else 1
        raise SourceError(
            f"{path.name}: the compressed file is damaged or truncated, somewhere after line {line}.",
            "Fetch the file again from where it was filed, or export the ledger again.",
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its name and permissions.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Number:
    """A number that Python would write differently from the file, such as `1.50` and `-0`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _fraction(token: str) -> float | Number:
    number = float(token)
    return number if repr(number) == token else Number(token)


def _whole(digits: str) -> int | Number:
    return Number(digits) if digits == "-0" else int(digits)


DECODER = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_constant=_refuse_constant, parse_float=_fraction, parse_int=_whole
)
"""Refuses JSON that readers interpret differently, and keeps numbers as they are written."""


def _mistake(error: Exception) -> str:
    """Return why a value could not be decoded."""
    if isinstance(error, json.JSONDecodeError):
        return "this is not JSON"
    if isinstance(error, RecursionError):
        return "this is nested too deeply to be read"
    return "a number has too many digits" if "digits" in str(error) else str(error)


def _json_lines(text: _Text, *, must_end: bool) -> Iterator[Record]:
    space = 0
    while line := text.stream.readline(LONGEST_RECORD):
        space = _within(text, space + len(line)) if line.isspace() else 0
        if line.strip(" \t\r\n"):
            try:
                record = DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                text.fail(_mistake(error) + ("" if line.endswith("\n") else "; the file seems to be truncated"))
            if must_end and not line.endswith("\n"):
                text.fail("this line does not end, so the file seems to be truncated")
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
    """Yield the entries of a list, or of the list `entries` in an object, whose `entry_count` must be right."""
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
                text.fail(f"the key {printable(repr(key), 80)} occurs twice, or is not text")
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
            text.fail(f"the file has {count:,} entries, but its entry_count says {printable(repr(stated), 80)}")
    if _peek(text):
        text.fail("there is more after the end of the JSON document")


def _json_list(text: _Text) -> Iterator[Record]:
    for _ in _elements(text, "[", "]"):
        line, (record, length) = text.line, _measured(text)
        yield line, length, _entry(text, record, line)


def _elements(text: _Text, opening: str, closing: str) -> Iterator[None]:
    """Yield before each element of a list or an object, for the caller to read it."""
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
    """Return the next character that is not white space, empty at the end."""
    space = 0
    while True:
        match = _SPACE.match(text.buffer, text.position)
        assert match is not None  # noqa: S101  (the pattern matches an empty text)
        space = _within(text, space + match.end() - text.position)
        text.skip(match.end())
        if text.position < len(text.buffer):
            return text.buffer[text.position]
        if not text.fill():
            return ""


def _take(text: _Text, wanted: str) -> None:
    found = _peek(text)
    if found != wanted:
        text.fail(f"expected {wanted!r} here, got {found!r}" if found else "the file ends too early")
    text.skip(text.position + 1)


def _value(text: _Text) -> Any:
    """Return the next JSON value."""
    return _measured(text)[0]


def _measured(text: _Text) -> tuple[Any, int]:
    """Return the next JSON value, which may need more to be read, and its length."""
    if not _peek(text):
        text.fail("the file ends too early")
    more = True
    while True:
        try:
            value, end = DECODER.raw_decode(text.buffer, text.position)
        except json.JSONDecodeError as error:
            # a truncated value fails at the end of what was read, or in a string that does not end
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


def _csv(text: _Text, names: list[str] | None = None) -> Iterator[Record]:
    raw: list[str] = []

    def lines() -> Iterator[str]:
        while line := text.stream.readline(LONGEST_RECORD):
            raw.append(line)
            yield line

    csv.field_size_limit(LONGEST_RECORD)  # of the whole process; the default is less than an entry may hold
    rows = csv.reader(lines(), strict=True)
    space = 0
    while (row := _next_row(text, rows)) is not None:
        space = 0 if row else _within(text, space + 1)
        line, text.line = text.line, text.line + len(raw)
        if not raw[-1].endswith(("\n", "\r")):
            text.fail("this line does not end, so the file seems to be truncated", line)
        if names is None:
            names = _distinct(text, row, line)
        elif row and len(row) != len(names):
            text.fail(f"this line has {len(row)} fields, but the first line names {len(names)}", line)
        elif row:
            written = "".join(raw)
            values = _with_missing(row, written)
            if values is None:
                text.fail("an unquoted field contains a quote", line)
            yield line, len(written), _entry(text, dict(zip(names, values, strict=True)), line)
        raw.clear()


def _next_row(text: _Text, rows: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        cut = ", and the file seems to be truncated" if "unexpected end" in str(error) else ""
        text.fail(f"a field that begins on this line or below is not quoted as in CSV{cut}")


def _with_missing(row: list[str], raw: str) -> list[str | None] | None:
    """Return the values of a row, None for a missing one; return None if they cannot be told from empty texts.

    The csv module reads both alike. Few rows have empty texts, so this rarely costs time.
    """
    if '""' not in raw:
        return [value or None for value in row]
    fields = _FIELD.findall(raw)
    if sum(map(len, fields)) + len(fields) - 1 != len(raw.rstrip("\r\n")):
        return None
    return [value if value or field else None for value, field in zip(row, fields, strict=True)]


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v"}
_MISSING = frozenset({"NULL", "\\N"})


def _tsv(text: _Text) -> Iterator[Record]:
    names: list[str] | None = None
    while line := _tsv_line(text):
        if not line.endswith("\n"):
            text.fail("this line does not end, so the file seems to be truncated")
        row = line[:-1].split("\t")
        if names is None:
            names = _distinct(text, row, text.line)
        elif len(row) != len(names):
            text.fail(f"this line has {len(row)} fields, but the first line names {len(names)}")
        else:
            yield text.line, len(line), _entry(text, dict(zip(names, map(_tsv_value, row), strict=True)), text.line)
        text.line += 1


def _tsv_line(text: _Text) -> str:
    """Return the next line; a carriage return in it is part of a value."""
    line = text.stream.readline(LONGEST_RECORD)
    while line.endswith("\r") and (more := text.stream.readline(LONGEST_RECORD - len(line))):
        line += more
    return line


def _tsv_value(field: str) -> str | None:
    if field in _MISSING:
        return None
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), field) if "\\" in field else field


def _distinct(text: _Text, names: list[str], line: int) -> list[str]:
    if len(set(names)) != len(names):
        text.fail("the first line names a column twice", line)
    return names
