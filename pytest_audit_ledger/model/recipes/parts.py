r"""Parts of a payload: each makes a column of texts from the rows that a recipe reads. No I/O.

A column has one text for each row; None means that nothing is written for this row, not even a separator. Bytes travel
as texts, too: as Latin-1, which maps every byte to one character and back. So texts and bytes are joined by the same
code, all in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import chain, repeat
from typing import Any, Protocol, cast

from pytest_audit_ledger.model.recipes.errors import Path
from pytest_audit_ledger.native.plan import Plan

Column = Sequence["str | None"]
Step = Callable[[list[str]], Sequence["str | None"]]
"""From the values of a column, without NULL, to what is written for them; None for a value that cannot be written."""


class Rows(Protocol):
    """What a recipe reads: consecutive entries, as columns."""

    def __len__(self) -> int: ...

    def values(self, column: str) -> Column:
        r"""Return a column as COPY prints it (UTF-8 text, moments in ISO and UTC, `t` and `f`, bytea as `\x…`)."""

    def previous(self) -> Column:
        """Return the previous hash of each entry, as stored; None if there is none."""

    def first(self) -> list[bool]:
        """Return for each entry whether it starts its stream."""


class Reading:
    """Rows while payloads are made of them. `failed` are the places of rows that no payload can be made for."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.failed: set[int] = set()
        self._columns: dict[str, Column] = {}

    def values(self, column: str) -> Column:
        """Return a column of the table, read once."""
        if column not in self._columns:
            self._columns[column] = self.rows.values(column)
        return self._columns[column]

    @cached_property
    def previous(self) -> Column:
        """The previous hash of each entry."""
        return self.rows.previous()

    def written(self, values: Column, step: Step) -> Column:
        """Return what a step makes of values. None stays None; if it makes nothing of a value, the row fails."""
        if None not in values:
            result = list(step(cast("list[str]", values)))
        else:
            made = iter(step([value for value in values if value is not None]))
            result = [None if value is None else next(made) for value in values]
        if None in result:
            pairs = enumerate(zip(values, result, strict=True))
            self.failed.update(place for place, (value, text) in pairs if text is None and value is not None)
        return result


class Kind(Enum):
    """What a column holds: texts, JSON, or bytes as Latin-1."""

    TEXT = "text"
    JSON = "JSON"
    BYTES = "bytes"


@dataclass(frozen=True)
class Shape:
    """Which texts a part can write. `alphabet`: their characters, None for any. `fixed`: whether all are equally long.

    `empty`: whether an empty text is among them. `marks`: characters with a place of their own, such as a sign, which
    cannot be mistaken.
    """

    alphabet: frozenset[str] | None = None
    fixed: bool = False
    empty: bool = False
    marks: frozenset[str] = frozenset()

    def can_have(self, text: str) -> bool:
        """Return whether a text can be a part of these, and be taken for something else."""
        return self.alphabet is None or (self.alphabet.issuperset(text) and self.marks.isdisjoint(text))

    def can_be(self, text: str) -> bool:
        """Return whether a text can be one of these."""
        if not text:
            return self.empty
        return not self.fixed and (self.alphabet is None or self.alphabet.issuperset(text))


ANYTHING = Shape(empty=True)

FlatSteps = tuple[tuple[Any, ...], ...]
"""What is done to a value, one after the other: the names of steps, each with all its options."""

FORMATTED = "format"
"""What a part does with its one member that writes it in a format, such as a digest of it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a payload.

    `build` makes its column. `columns` are those of the table that it reads; `previous`: whether it reads the previous
    hash. The rest is for `lint`: `path` is where the part is in the data, `recipe` what it does with its `members`,
    `separator` what it writes between them, `null` the text that it writes for NULL, if it does, and `optional`:
    whether it is left out for NULL. `plan` is how the native core writes the same, if it can, and `flat` is the same as
    an item of a flat profile (see `suite/flat_profile.py`).
    """

    build: Callable[[Reading], Column]
    path: Path
    kind: Kind = Kind.TEXT
    shape: Shape = ANYTHING
    columns: tuple[str, ...] = ()
    previous: bool = False
    recipe: str = ""
    separator: str = ""
    members: tuple[Part, ...] = ()
    null: str | None = None
    optional: bool = False
    plan: Plan | None = None
    flat: Mapping[str, Any] = field(default_factory=dict)


def constant(text: str, path: Path, kind: Kind = Kind.TEXT) -> Part:
    """Return the part that writes one text for every row."""
    return Part(
        build=lambda reading: [text] * len(reading.rows),
        path=path,
        kind=kind,
        shape=Shape(frozenset(text), fixed=True),
        plan=Plan(end=as_utf8(text)),
        flat={"lead": "", "when": [], "text": text, "steps": []},
    )


def as_utf8(text: str) -> bytes:
    """Return a text of a plan in UTF-8; a recipe with a lone surrogate has no plan (see `Recipe`)."""
    return text.encode("utf-8", "surrogatepass")


def as_bytes(part: Part) -> Callable[[Reading], Column]:
    """Return what builds a part as bytes: its UTF-8, or the bytes that it has."""
    if part.kind is Kind.BYTES:
        return part.build
    return lambda reading: reading.written(part.build(reading), utf8)


def utf8(texts: list[str]) -> Sequence[str | None]:
    """Return the UTF-8 of texts as Latin-1; None for a lone surrogate, which has none."""
    return texts if "".join(texts).isascii() else list(map(_utf8, texts))


def _utf8(text: str) -> str | None:
    try:
        return text if text.isascii() else text.encode().decode("latin-1")
    except UnicodeEncodeError:
        return None


def joined(columns: Sequence[Column], prefixes: Sequence[str], separator: str, ends: tuple[str, str]) -> list[str]:
    """Return rows of columns as texts: each value after its prefix, separators between them, and ends around all.

    A None is left out with its prefix and its separator.
    """
    before, after = ends
    leads = [f"{separator}{prefix}" for prefix in prefixes]
    try:
        if not any((*prefixes, *ends)):
            return list(map(separator.join, zip(*columns, strict=True)))
        first, *others = zip(map(repeat, leads), columns, strict=True)
        return _rows(repeat(f"{before}{prefixes[0]}"), first[1], *chain(*others), repeat(after))
    except TypeError:  # there is a None, which would take longer to look for
        pairs = zip(leads, columns, strict=True)
        pieces = chain(*([_led(lead, column)] if None in column else [repeat(lead), column] for lead, column in pairs))
        start = len(separator)  # the first value of a row has no separator before it
        return [f"{before}{row[start:]}{after}" for row in _rows(*pieces)]


def _led(lead: str, column: Column) -> list[str]:
    return ["" if text is None else lead + text for text in column]


def _rows(*pieces: Iterable[Any]) -> list[str]:
    """Return the pieces of each row as one text. Raises TypeError if one of them is None."""
    # zip ends with the columns, which have one length; the constants are endless
    return list(map("".join, zip(*pieces)))  # noqa: B905
