"""Plans: how payloads and rows of exports are written, as the native core takes them.

What a plan leaves out is written by Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol


class Form(IntEnum):
    """How a field is written: see `form` in `core.c`."""

    TEXT, RAW, MOMENT, SWITCH, ISO_0, ISO_3, ISO_6, ISO_9, ISO_TRIMMED, ISO_PYTHON, ISO_JAVA = range(11)
    DOCUMENT, QUOTED, DEFUSED, CANONICAL = range(11, 15)


class Piece(NamedTuple):
    """A constant and the column after it.

    `open` and `close` are around a value, `null` is instead of them all. A value with a byte of `refused` is left to
    Python.
    """

    before: bytes
    column: str
    form: Form
    open: bytes = b""
    close: bytes = b""
    null: bytes = b""
    refused: bytes = b""


class Plan(NamedTuple):
    """How a payload is written: pieces, and a constant at its end."""

    pieces: tuple[Piece, ...] = ()
    end: bytes = b""


ReadDocument = tuple[str, dict[str, str], dict[str, str]]
"""The SHA-256 of a document's canonical JSON in hexadecimal digits, its strings, and the JSON of its other members."""


class QuickRows(Protocol):
    """What a source may have that writes and hashes entries more quickly than Python."""

    @property
    def is_utf8(self) -> bool:
        """Whether all texts are UTF-8; those of a database in SQL_ASCII may not be."""

    def plain(self, name: str) -> list[str | None] | None:
        """Return a column as ordinary strings, None for a missing value; None if Python has to make it."""

    def documents(self, name: str) -> list[ReadDocument | str | None]:
        """Return a column of JSON documents, None for a missing value and `null`; one for Python to read as it is."""

    def hashes(self, plan: Plan) -> list[str | None]:
        """Return the SHA-256 of every entry's payload in hexadecimal digits, None for one that Python has to write."""

    def digests(self, plan: Plan) -> list[bytes | None]:
        """Return what `hashes` does, as bytes."""

    def written(self, plan: Plan, between: bytes) -> bytes | None:
        """Return what is hashed of every entry, joined by `between`; None if Python has to write one of them."""


def sequence(members: Sequence[Plan | None], leads: Sequence[bytes], ends: tuple[bytes, bytes]) -> Plan | None:
    """Return the plan that writes plans after their leads, between two ends; None if one of them is None."""
    pieces: list[Piece] = []
    before = ends[0]
    for lead, plan in zip(leads, members, strict=True):
        if plan is None:
            return None
        before += lead
        for piece in plan.pieces:
            pieces.append(piece._replace(before=before + piece.before))
            before = b""
        before += plan.end
    return Plan(tuple(pieces), before + ends[1])
