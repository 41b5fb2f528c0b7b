"""An entry, its canonical payload and its hash; and the batch, some hundred entries as columns. No I/O.

The rule, from the SKI Framework's ledger specification:

1.  The payload is a JSON object with the eleven keys of `PAYLOAD_COLUMNS`, written as
    `json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8.
2.  `entry_hash` is the SHA-256 of the payload in lower-case hexadecimal.
3.  `timestamp` is `datetime.isoformat()` in UTC, so a fraction has six digits, or is absent when it is zero.
4.  `previous_hash` is the entry hash of the entry before; the first entry has `GENESIS_HASH`.

A ledger has millions of entries and a payload is needed for each, so a batch does not build `json.dumps` objects. It
holds each column as *JSON text*: what stands between the quotes of the JSON string, its UTF-8 bytes decoded as Latin-1.
Latin-1 maps every byte to one character and back, so text beyond ASCII passes through untouched and undecoded, and
JSON escapes only ASCII characters. Property tests hold the result against `json.dumps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from functools import cached_property
from hashlib import sha256
from itertools import repeat
from operator import contains

from pytest_audit_ledger.jsonb import Document, Reader

GENESIS_HASH = "0" * 64
"""The `previous_hash` of the first entry."""

PAYLOAD_COLUMNS: Mapping[str, str] = {
    "kg_version": "knowledge_graph_version",
    "previous_hash": "previous_hash",
    "reasoning": "reasoning",
    "rule_id": "rule_id",
    "sequence_number": "sequence_number",
    "ski_model_version": "ski_model_version",
    "telemetry_hash": "telemetry_hash",
    "telemetry_id": "telemetry_id",
    "timestamp": "timestamp",
    "track": "track",
    "verdict": "verdict",
}
"""Each key of the payload, in its order there, and the column of the ledger that it is taken from."""

VERDICTS = ("CLEAR", "FLAG", "NULL_UNMAPPED", "NULL_STALE", "DISCRETIONARY")
"""The five verdicts an automated decision can have."""

NULL = "\\N"
"""A missing value in a batch. No JSON text is equal to it, because JSON has no escape `\\N`."""


@dataclass(frozen=True)
class Entry:
    """The hashed part of one entry; `timestamp` is ISO 8601 text exactly as hashed."""

    sequence_number: int
    previous_hash: str
    timestamp: str
    verdict: str
    telemetry_id: str
    telemetry_hash: str
    rule_id: str | None
    knowledge_graph_version: str | None
    ski_model_version: str
    reasoning: str | None
    track: str | None


HASHED_COLUMNS = tuple(field.name for field in fields(Entry))
"""The columns that the entry hash covers, in the order of the table."""


def canonical_timestamp(moment: datetime) -> str:
    """Return an aware `moment` as the ledger hashes it: ISO 8601 in UTC, six digits of fraction or none."""
    return moment.astimezone(timezone.utc).isoformat()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""`json.dumps` with these would make one for every entry."""


def canonical_payload(entry: Entry) -> bytes:
    """Return the bytes whose SHA-256 is the entry's hash (rule 1)."""
    payload = {key: getattr(entry, column) for key, column in PAYLOAD_COLUMNS.items()}
    return _ENCODER.encode(payload).encode("utf-8")


def entry_hash(entry: Entry) -> str:
    """Return the entry's hash as 64 lower-case hexadecimal digits (rule 2)."""
    return sha256(canonical_payload(entry)).hexdigest()


def json_text(value: str | None) -> str:
    """Return `value` as the JSON text that a batch holds."""
    return NULL if value is None else json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8").decode("latin-1")


def plain_text(text: str) -> str | None:
    """Return what the JSON text of a batch stands for; bytes that are no UTF-8 come out escaped."""
    if text == NULL:
        return None
    decoded = text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")
    plain = str(json.loads(f'"{decoded}"', strict=False)) if "\\" in decoded else decoded
    return plain if text.isascii() else plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def json_objects(columns: Mapping[str, tuple[list[str], bool]]) -> Iterator[str]:
    """Yield the rows of columns as JSON objects: for each key a column, and whether it is JSON text, to be quoted.

    The constant parts and the columns are joined row by row, all in C. A column without a missing value takes its
    quotes from the constants around it; one with a missing value is quoted value by value.
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
    # zip ends with the columns, which are of one length; the constants go on for ever
    return map("".join, zip(*pieces))  # noqa: B905


class Batch:
    """Consecutive entries in order of `sequence_number`, as columns.

    Timestamps are canonical (rule 3), or, where the canonical form cannot express the value (infinity, before year 1,
    after year 9999), as the database prints them, which never holds a `T`.
    """

    def __init__(self, columns: Mapping[str, list[str]]) -> None:
        """Take the columns as lists of JSON text, all of one length."""
        self._columns = columns
        self._length = len(next(iter(columns.values())))
        self._documents: dict[str, list[Document | None]] = {}

    def __len__(self) -> int:
        return self._length

    def text(self, column: str) -> list[str]:
        """Return a column as JSON text (see the module): quick to compare, not meant for people."""
        return self._columns[column]

    def values(self, column: str) -> list[str | None]:
        """Return a column as ordinary strings, None for a missing value."""
        return [plain_text(text) for text in self._columns[column]]

    def documents(self, column: str) -> list[Document | None]:
        """Return a column of JSON documents, None for a missing value and for `null`; read once for all that ask."""
        if column not in self._documents:
            read = Reader().read
            texts = self.values(column)
            self._documents[column] = [None if text is None or text == "null" else read(text) for text in texts]
        return self._documents[column]

    @cached_property
    def sequence_numbers(self) -> list[int | None]:
        """The sequence numbers; None where the column has lost its NOT NULL and a value is missing."""
        texts = self._columns["sequence_number"]
        try:
            return list(map(int, texts))
        except ValueError:
            return [None if text == NULL else int(text) for text in texts]

    def payloads(self) -> list[bytes]:
        """Return the canonical payload of every entry."""
        columns = {key: (self._columns[name], name != "sequence_number") for key, name in PAYLOAD_COLUMNS.items()}
        return [payload.encode("latin-1") for payload in json_objects(columns)]

    @cached_property
    def recomputed_hashes(self) -> list[str]:
        """The hash of every entry, recomputed from its canonical payload; once, however many folds ask."""
        return [sha256(payload).hexdigest() for payload in self.payloads()]

    @cached_property
    def has_canonical_timestamps(self) -> bool:
        """Whether every timestamp is one that the canonical payload can express."""
        return all(map(contains, self._columns["timestamp"], repeat("T")))
