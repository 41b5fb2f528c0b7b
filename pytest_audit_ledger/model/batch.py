"""A batch: some hundred entries as columns. No I/O.

It keeps each column as *JSON text*: the characters between the quotes of the JSON string, their UTF-8 bytes decoded as
Latin-1. Latin-1 maps every byte to one character and back, so text beyond ASCII passes through untouched, and JSON
escapes only ASCII characters. So payloads are joined and not made by `json.dumps`; property tests compare the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import groupby, repeat
from operator import contains, ne

from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.jsonb import JsonDocument, Reader
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM
from pytest_audit_ledger.native.plan import Form, Piece, Plan, QuickRows

NULL = "\\N"
"""A missing value in a batch. No JSON text is equal to it, because JSON has no escape `\\N`."""


def json_text(value: str | None) -> str:
    """Return `value` as the JSON text that a batch holds."""
    return NULL if value is None else json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8").decode("latin-1")


_DECODER = json.JSONDecoder(strict=False)
"""It is kept, because `json.loads` makes one for each text."""


def plain_text(text: str) -> str | None:
    """Return the value of a batch's JSON text; bytes that are not UTF-8 come out escaped."""
    if text == NULL:
        return None
    decoded = text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")
    plain = str(_DECODER.decode(f'"{decoded}"')) if "\\" in decoded else decoded
    return plain if text.isascii() else plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def plain_texts(texts: list[str]) -> list[str | None]:
    """Return `plain_text` of each text; most have nothing to decode, and the others are decoded at once."""
    whole = "\n".join(texts)  # JSON text has no line ends of its own
    try:
        decoded = texts if whole.isascii() else whole.encode("latin-1").decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return list(map(plain_text, texts))
    if "\\" not in whole:
        return [*decoded]
    return [plain_text(text) if "\\" in text else plain for text, plain in zip(texts, decoded, strict=True)]


def shown(text: str) -> str:
    """Return the value of JSON text as it is shown, a missing value as NULL."""
    plain = plain_text(text)
    return "NULL" if plain is None else plain


def json_objects(columns: Mapping[str, tuple[list[str], bool]]) -> Iterator[str]:
    """Yield the rows as JSON objects. `columns` gives for each key a column, and whether its values need quotes.

    Constants and columns are joined row by row, all in C. A column without a missing value takes its quotes from the
    constants around it; one with a missing value is quoted value by value.
    """
    pieces: list[Iterable[str]] = []
    before = "{"
    for key, (column, quoted) in columns.items():
        quote = '"' if quoted else ""
        missing = column.count(NULL)
        if missing == len(column):
            column, quote = ["null"] * missing, ""  # noqa: PLW2901
        elif missing:
            column, quote = ["null" if text == NULL else f"{quote}{text}{quote}" for text in column], ""  # noqa: PLW2901
        pieces += [repeat(f'{before}"{key}":{quote}'), column]
        before = f"{quote},"
    pieces.append(repeat(before.replace(",", "}")))
    # zip ends with the columns, which have one length; the constants are endless
    return map("".join, zip(*pieces))  # noqa: B905


def json_plan(columns: Mapping[str, str], bare: Collection[str] = (), before: str = "") -> Plan:
    """Return how the native core writes what `json_objects` does: each key with its column; those in `bare` unquoted.

    The keys are JSON text. `before` precedes the object.
    """
    pieces: list[Piece] = []
    for key, column in columns.items():
        quote = b"" if column in bare else b'"'
        start = f'{"," if pieces else f"{before}{{"}"{key}":'.encode("latin-1")
        pieces.append(Piece(start, column, Form.TEXT, quote, quote, b"null"))
    return Plan(tuple(pieces), b"}")


SKI_PAYLOAD = json_plan(PAYLOAD_COLUMNS, ("sequence_number",))


class Batch:
    """Consecutive entries in order of `sequence_number`, as columns.

    Timestamps are canonical (rule 3 of `entry.py`). A value that has no canonical form (infinity, before year 1, after
    year 9999) is as the database prints it, which never has a `T`.
    """

    def __init__(self, columns: Mapping[str, list[str]]) -> None:
        """Take columns as lists of JSON text, all of one length."""
        self.quick: QuickRows | None = None
        """A quicker way to write and hash the entries, if their source has one."""
        self._columns = columns
        self._length = len(next(iter(columns.values())))
        self._documents: dict[str, list[JsonDocument | None]] = {}
        self._numbers: dict[str, list[int | None]] = {}

    def __len__(self) -> int:
        return self._length

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    def rows(self, at: Sequence[int]) -> Batch:
        """Return the entries at these places."""
        return Batch({name: [column[index] for index in at] for name, column in self._columns.items()})

    def having(self, name: str, column: list[str]) -> Batch:
        """Return the same entries with another column."""
        return Batch({**self._columns, name: column})

    def streams(self) -> Iterator[tuple[str, Batch]]:
        """Yield the entries of each stream, which follow one another, with the stream as JSON text.

        A ledger without streams has one, of an empty name.
        """
        streams = self._columns.get(STREAM)
        if streams is None or streams[0] == streams[-1]:
            yield streams[0] if streams else "", self
            return
        start = 0
        for stream, entries in groupby(streams):
            end = start + sum(1 for _ in entries)
            yield stream, Batch({name: column[start:end] for name, column in self._columns.items()})
            start = end

    def starts(self, before: str | None) -> list[int]:
        """Return the places where another stream begins; `before` is that of the entry before the first, if any."""
        streams = self._columns.get(STREAM, ())
        if not streams or before == streams[0] == streams[-1]:
            return []
        return [place for place, changes in enumerate(map(ne, streams, (before, *streams))) if changes]

    def text(self, column: str) -> list[str]:
        """Return a column as JSON text, which is quick to compare and not meant for people."""
        return self._columns[column]

    def values(self, column: str) -> list[str | None]:
        """Return a column as ordinary strings, None for a missing value."""
        found = self.quick.plain(column) if self.quick else None
        return plain_texts(self._columns[column]) if found is None else found

    def documents(self, column: str) -> list[JsonDocument | None]:
        """Return a column of JSON documents, None for a missing value and for `null`. They are parsed once."""
        if column not in self._documents:
            is_quick = self.quick is not None and self.quick.is_utf8
            found = self.quick.documents(column) if self.quick and is_quick else self.values(column)
            read = Reader().read
            self._documents[column] = [
                None
                if one is None or one == "null"
                else read(one)
                if isinstance(one, str)
                else JsonDocument.of_members(*one)
                for one in found
            ]
        return self._documents[column]

    @cached_property
    def sequence_numbers(self) -> list[int | None]:
        """The sequence numbers; None for a missing value, if the column has lost its NOT NULL."""
        return self.numbers(SEQUENCE)

    def numbers(self, column: str) -> list[int | None]:
        """Return a column of whole numbers, None for a missing value. They are parsed once."""
        if column not in self._numbers:
            texts = self._columns[column]
            try:
                self._numbers[column] = list(map(int, texts))
            except ValueError:
                self._numbers[column] = [None if text == NULL else int(text) for text in texts]
        return self._numbers[column]

    def payloads(self) -> list[bytes]:
        """Return the canonical payload of every entry."""
        columns = {key: (self._columns[name], name != "sequence_number") for key, name in PAYLOAD_COLUMNS.items()}
        return [payload.encode("latin-1") for payload in json_objects(columns)]

    @cached_property
    def recomputed_hashes(self) -> list[str]:
        """The hash of every entry, recomputed from its canonical payload; computed once for all scan kinds."""
        if self.quick is not None:
            return self.quick.hashes(SKI_PAYLOAD)  # type: ignore[return-value]  # it leaves no entry to Python
        return [sha256(payload).hexdigest() for payload in self.payloads()]

    @cached_property
    def has_canonical_timestamps(self) -> bool:
        """Whether every timestamp has a canonical form."""
        return all(map(contains, self._columns["timestamp"], repeat("T")))
