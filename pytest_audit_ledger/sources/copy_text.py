r"""From rows of PostgreSQL's COPY text format to a batch.

COPY text escapes backspace, form feed, newline, carriage return, tab, vertical tab and backslash with a backslash, and
writes NULL as `\N` (PostgreSQL documentation, COPY, "Text Format"). JSON escapes the same characters in the same way,
except the vertical tab, and also the quote and the other control characters (RFC 8259, section 7). So three patches
turn COPY text into JSON text, for a whole batch at once.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.native import ROWS
from pytest_audit_ledger.native.plan import Form, Plan, ReadDocument

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from pytest_audit_ledger.native import core

_CONTROL = bytes(code for code in range(0x01, 0x20) if chr(code) not in "\t\n")
_PAIR_OR_CONTROL = re.compile(rb"\\(.)|[\x01-\x08\x0b-\x1f]", re.DOTALL)


def _patch(match: re.Match[bytes]) -> bytes:
    if match.group() == b"\\v":
        return b"\\u000b"
    return match.group() if match.group(1) else b"\\u%04x" % match.group()[0]


def _needs_patches(text: bytes) -> bool:
    return b"\\v" in text or len(text.translate(None, _CONTROL)) != len(text)


def json_lines(data: bytes) -> str:
    """Return COPY text with every field as JSON text; tabs and newlines still separate fields and rows."""
    if b'"' in data:
        data = data.replace(b'"', b'\\"')
    if _needs_patches(data):  # few rows do, and the expression is slow
        rows = data.split(b"\n")
        data = b"\n".join([_PAIR_OR_CONTROL.sub(_patch, row) if _needs_patches(row) else row for row in rows])
    return data.decode("latin-1")


@dataclass(frozen=True, eq=False)
class Layout:
    """What the fields of a row are: the names that a batch gives to each, which may be several.

    `width`: the fields in a row. `places`: the place of each name. `moments`: names whose values are made canonical.
    """

    width: int
    places: Mapping[str, int]
    moments: Collection[str] = ()


def plain_layout(columns: Sequence[str], moments: Collection[str] = ("timestamp",)) -> Layout:
    """Return the layout of rows with one field for each name."""
    return Layout(len(columns), {name: place for place, name in enumerate(columns)}, moments)


def batch(layout: Layout, rows: bytes) -> Batch:
    """Return rows of COPY text as a batch; each row ends with a newline."""
    if ROWS is None:
        return Batch(_columns(layout, rows))
    quick = _QuickColumns(layout, rows, ROWS(rows, layout.width))
    found = Batch(quick)
    found.quick = quick
    return found


class _QuickColumns(Mapping[str, list[str]]):
    """Columns that the native core makes when they are asked for, and hashes for which no column is made."""

    def __init__(self, layout: Layout, data: bytes, rows: core.Rows) -> None:
        self._layout, self._data, self._rows = layout, data, rows
        self._made: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> list[str]:
        if name not in self._made:
            self._made[name] = self._rows.column(self._layout.places[name], name in self._layout.moments)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.places)

    def __len__(self) -> int:
        return len(self._layout.places)

    @cached_property
    def is_utf8(self) -> bool:
        """Whether all texts are UTF-8; those of a database in SQL_ASCII may not be."""
        try:
            return self._data.isascii() or bool(self._data.decode("utf-8"))
        except UnicodeDecodeError:
            return False

    def plain(self, name: str) -> list[str | None] | None:
        """Return a column as ordinary strings, None for a missing value; None if Python has to make it."""
        return None if name in self._layout.moments else self._rows.values(self._layout.places[name])

    def documents(self, name: str) -> list[ReadDocument | str | None]:
        """Return a column of JSON documents, None for a missing value and `null`; one for Python to read as it is."""
        return self._rows.documents(self._layout.places[name])

    def hashes(self, plan: Plan) -> list[str | None]:
        """Return the SHA-256 of every row's payload, None for one that Python has to write."""
        return self._rows.hashes(_placed(plan, self._layout), plan.end)

    def digests(self, plan: Plan) -> list[bytes | None]:
        """Return what `hashes` does, as bytes."""
        return self._rows.hashes(_placed(plan, self._layout), plan.end, True)

    def written(self, plan: Plan, between: bytes) -> bytes | None:
        """Return what is hashed of every row, joined by `between`; None if Python has to write one of them."""
        return self._rows.written(_placed(plan, self._layout), plan.end, between)


@lru_cache(maxsize=64)
def _placed(plan: Plan, layout: Layout) -> tuple[core.Piece, ...]:
    """Return the pieces of a plan with the places of their columns."""
    pieces = (
        # other texts than moments are JSON text only
        one._replace(form=Form.MOMENT if one.form is Form.TEXT else Form.CANONICAL)
        if one.column in layout.moments
        else one
        for one in plan.pieces
    )
    return tuple((one.before, layout.places[one.column], *one[2:]) for one in pieces)


def _columns(layout: Layout, rows: bytes) -> Mapping[str, list[str]]:
    fields = json_lines(rows).replace("\n", "\t").split("\t")
    by_name = {name: fields[place : -1 : layout.width] for name, place in layout.places.items()}
    for name in by_name.keys() & layout.moments:
        by_name[name] = [
            # most have six digits of fraction, and this is the fastest way for them
            f"{text.replace(' ', 'T')}:00" if text[26:] == "+00" and text[4] == "-" else canonical(text)
            for text in by_name[name]
        ]
    return by_name


def canonical(text: str) -> str:
    """Return a timestamp that PostgreSQL printed (ISO, UTC) in its canonical form, and any other text as it is.

    `2026-05-21 15:30:00.87407+00` becomes `2026-05-21T15:30:00.874070+00:00`.
    """
    if text[4:5] == "-" and text[-3:] == "+00":  # infinity, five-digit years and BC look different
        clock = text[11:-3] if len(text) == 22 else f"{text[11:-3]:0<15}"
        return f"{text[:10]}T{clock}+00:00"
    return text


class Sink(io.RawIOBase):
    """Turns what COPY writes into batches: each full buffer of rows becomes one."""

    def __init__(self, layout: Layout, consume: Callable[[Batch], None]) -> None:
        """Take what the fields of a row are."""
        super().__init__()
        self._layout = layout
        self._consume = consume
        self._rest = b""

    def writable(self) -> bool:
        """Return True, as a buffer requires."""
        return True

    def write(self, data: Buffer) -> int:
        """Take a full buffer; a row that it ends within is kept until its rest comes."""
        known = len(self._rest)
        text = b"".join((self._rest, data))
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if end:
            self._consume(batch(self._layout, text[:end]))
        return len(text) - known
