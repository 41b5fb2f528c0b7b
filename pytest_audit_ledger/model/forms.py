r"""Forms: other ways to write the payload of an entry than the ledger's own. No I/O.

A writer in another language, or one that uses the default options of `json.dumps`, hashes the same content in another
form. Its hashes prove that content as well as ours do: `verify` and `investigate` recognise them with the same code.

A form is no way to hide an edit. A payload in any form reads back, as JSON, as one content only, whatever the form:
whoever wants an edited entry to match must find a second payload with the same SHA-256. What a form must never do is
write two contents alike, so these are **not** among them:

- an empty text for a missing value, because an edit of one into the other would match;
- a time with fewer digits than the column holds, because the other digits could be edited;
- a time that was moved by hours but keeps its offset, because that is what an edit looks like;
- a payload without a column (`without`), because that column could be edited. `investigate` tries it, and says so.

Some forms prove a little less than the content, and say so (`unproven`): a time without its offset, and what a column
cannot hold and lost when the entry was stored (`Lost`). A time without an offset can be moved by whole hours and match
in another zone; so only one zone, with its summer time, is taken for that of a ledger (`Recogniser.in_doubt`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from hashlib import sha256
from itertools import chain, product
from typing import Any, Protocol, TypeVar

from pytest_audit_ledger.model.batch import NULL, Batch, plain_text
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, PAYLOAD_COLUMNS

Row = Mapping[str, str]
"""The hashed columns of one entry, as JSON text like that of a batch."""

MOST_CANDIDATES = 1_000
"""Payloads that are tried for one entry in one form, if the column lost a part of what was hashed."""

MOST_IN_VAIN = 20
"""Entries that are tried in every form in vain before most are tried in the known forms only."""

MOST_KNOWN = 16
"""Forms kept that reproduced an entry; each is tried on every later one."""

_Way = TypeVar("_Way")

_HASH = re.compile("[0-9a-f]{64}")

_KEYS = {column: key for key, column in PAYLOAD_COLUMNS.items()}
_TEXTS = ("reasoning", "telemetry_id", "rule_id", "track", "knowledge_graph_version", "ski_model_version", "verdict")
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Nulls(str, Enum):
    """What the payload has for a missing value, in words."""

    KEPT = "null for a missing value"
    LEFT_OUT = "no key for a missing value"


class Escapes(str, Enum):
    r"""What is escaped in a text, in words. Each is JSON text for the same string.

    Python's `ensure_ascii` escapes what is not ASCII; Go's `json.Marshal` escapes `<`, `>`, `&` and two line
    separators; PHP's `json_encode` escapes what is not ASCII, and writes `\/` for a slash.
    """

    NEEDED = ""
    ASCII = "everything beyond ASCII escaped (ensure_ascii)"
    GO = "<, > and & escaped, as Go does"
    PHP = "slashes and everything beyond ASCII escaped, as PHP does"


class Lost(Enum):
    """What a column cannot hold and lost when the entry was stored.

    Each is searched for with at most MOST_CANDIDATES payloads an entry. What is stored follows from what was hashed, so
    an edit cannot match: PostgreSQL holds neither digits beyond the microsecond, nor NUL, nor half a surrogate pair,
    and no edit can put them there. Nanoseconds are cut off or rounded, and an entry rarely shows which; so a time is
    proven to one microsecond, and not better.
    """

    NOTHING = ""
    TICKS = "ticks"
    CUT = "nanoseconds, cut off"
    ROUNDED = "nanoseconds, rounded"
    NUL = "NUL"
    SURROGATE = "surrogate"

    @property
    def words(self) -> str:
        """What was hashed, in words that follow "hashed with"."""
        others = {Lost.NUL: "a NUL character", Lost.SURROGATE: "half a surrogate pair"}
        return f"{others[self]}, which no column holds" if self in others else "more digits of the time than are stored"


DIGITS: Mapping[Lost, tuple[range, int]] = {
    Lost.TICKS: (range(10), 1),
    Lost.CUT: (range(1_000), 3),
    Lost.ROUNDED: (range(-500, 500), 3),
}
"""What may have been hashed beyond the stored microsecond, and with how many digits."""

SURROGATES = tuple(chain(range(0xD83C, 0xD83F), range(0xD800, 0xD83C), range(0xD83F, 0xDC00)))
"""The first half of a pair, as a text that is cut at a length ends with one; those of emoji come first."""


class Epoch(str, Enum):
    """A unit in which a time is a number, in words."""

    NONE = ""
    SECONDS = "seconds"
    FLOAT = "seconds with a fraction"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"


_UNITS = {
    Epoch.SECONDS: (1_000_000, range(10**11)),
    Epoch.MILLISECONDS: (1_000, range(10**11, 10**14)),
    Epoch.MICROSECONDS: (1, range(10**14, 10**17)),
}
"""Microseconds in a unit, and the numbers that are taken for it, so that no number is a time in two units."""

_MOST_IN_A_FLOAT = 2**33 * 1_000_000
"""Microseconds up to which a float of seconds tells any two apart; that is until the year 2242."""


@dataclass(frozen=True)
class Time:
    """One way to write a time; the default is the ledger's own (`entry.py`, rule 3).

    `fraction`: None for six digits or none; 6 or 3 for so many; 0 for as many as are needed. A time that these digits
    cannot hold is not written so, so no two times are written alike. `minutes` is the offset of a local time.
    """

    fraction: int | None = None
    separator: str = "T"
    zone: str = "+00:00"
    minutes: int = 0
    epoch: Epoch = Epoch.NONE
    quoted: bool = True

    @property
    def is_without_offset(self) -> bool:
        """Whether the hash does not show which moment was meant."""
        return not self.zone and not self.epoch.value

    @property
    def departures(self) -> tuple[str, ...]:
        """The differences from the ledger's own form, in words that follow "written"."""
        digits = {6: "six digits of fraction", 3: "three digits of fraction", 0: "no zeros at the end of the fraction"}
        local = f"in the time zone {offset_of(self.minutes)}{'' if self.zone else ', without the offset'}"
        parts = {
            f"as {self.epoch.value} since 1970{', as a text' if self.quoted else ''}": bool(self.epoch.value),
            f"with {digits.get(self.fraction or 0)}": self.fraction is not None,
            "with a space for the T": self.separator == " ",
            local: bool(self.minutes),
            f"with {self.zone.strip()} for +00:00": not self.minutes and self.zone not in ("", "+00:00"),
            "without a time zone": not self.minutes and not self.zone,
        }
        return tuple(words for words, is_so in parts.items() if is_so)

    def write(self, text: str) -> str | None:
        """Return a canonical time in this way; None if it cannot be written so without a loss."""
        moment = datetime.fromisoformat(text)
        if self.epoch.value:
            return self._number(moment)
        try:
            local = moment + timedelta(minutes=self.minutes)
        except OverflowError:
            return None
        fraction = self._fraction(moment.microsecond)
        zone = self.zone if not (self.minutes and self.zone) else offset_of(self.minutes)
        whole = local.replace(microsecond=0, tzinfo=None).isoformat(self.separator)
        return None if fraction is None else f"{whole}{fraction}{zone}"

    def lossy(self, text: str, lost: Lost, step: int = 1) -> Iterator[str]:
        """Yield the times with more digits that are stored as this one; with a step of 10, those that end with 0."""
        moment = datetime.fromisoformat(text)
        extra, width = DIGITS[lost]
        second, unit = moment.replace(microsecond=0, tzinfo=None), 10**width
        at = moment.microsecond * unit
        numbers = range(at + extra.start, at + extra.stop, step)
        yield from self._fractions(second, (number for number in numbers if number >= 0), 6 + width)
        if numbers.start < 0 and second > datetime.min:
            earlier = (number + 1_000_000 * unit for number in range(numbers.start, 0, step))
            yield from self._fractions(second - _SECOND, earlier, 6 + width)

    def _fractions(self, second: datetime, numbers: Iterable[int], width: int) -> Iterator[str]:
        pattern = f"{second.isoformat(self.separator)}.%0{width}d"
        for number in numbers:
            text = pattern % number
            yield f"{text.rstrip('0').rstrip('.') if self.fraction == 0 else text}{self.zone}"

    def _number(self, moment: datetime) -> str | None:
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
        if self.epoch is Epoch.FLOAT:
            return repr(micros / 1_000_000) if 0 <= micros < _MOST_IN_A_FLOAT else None
        unit, numbers = _UNITS[self.epoch]
        number, rest = divmod(micros, unit)
        return str(number) if not rest and number in numbers else None

    def _fraction(self, micros: int) -> str | None:
        if self.fraction is None:
            return f".{micros:06}" if micros else ""
        if self.fraction == 0:
            return f".{micros:06}".rstrip("0").rstrip(".")
        unit = 10 ** (6 - self.fraction)
        return None if micros % unit else f".{micros // unit:0{self.fraction}}"


def offset_of(minutes: int) -> str:
    """Return an offset from UTC as ISO 8601 writes it."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


OFFSETS = tuple(sorted((m for m in range(-12 * 60, 14 * 60 + 1, 15) if m), key=lambda m: (m % 60 > 0, abs(m), m < 0)))
"""Offsets of time zones in minutes: whole hours first, then half and quarter hours; small ones first."""

OWN_TIME = Time()


@dataclass(frozen=True)
class Form:
    """One way to write a payload; the default is the ledger's own (`entry.py`, rule 1).

    `spaced`: a space after each comma and colon. `schema_order`: keys as the table has its columns, not sorted.
    `column_name`: the key `knowledge_graph_version` for `kg_version`. `quoted_number`: the sequence number as a text.
    None of these changes what the payload says to whoever reads it as JSON, so no two contents are written alike.
    `without`: a column that was not in the payload; such a form does not prove the column, and `verify` has none.
    """

    escapes: Escapes = Escapes.NEEDED
    spaced: bool = False
    schema_order: bool = False
    column_name: bool = False
    quoted_number: bool = False
    nulls: Nulls = Nulls.KEPT
    time: Time = OWN_TIME
    lost: Lost = Lost.NOTHING
    without: str = ""

    @cached_property
    def departures(self) -> tuple[str, ...]:
        """The differences from the ledger's own form, in words that follow "hashed"."""
        time = replace(self.time, fraction=None) if self.lost in DIGITS else self.time  # said by `lost`
        times = time.departures
        departures = {
            f"with {self.escapes.value}": self.escapes is not Escapes.NEEDED,
            "with spaces after commas and colons": self.spaced,
            "with the keys in the order of the columns, not sorted": self.schema_order,
            "with the key knowledge_graph_version for kg_version": self.column_name,
            "with the sequence number as a text": self.quoted_number,
            f"with {self.nulls.value}": self.nulls is not Nulls.KEPT,
            f"with the time written {' and '.join(times)}": bool(times),
            f"with {self.lost.words}": self.lost is not Lost.NOTHING,
            f"without {self.without}": bool(self.without),
        }
        return tuple(words for words, is_so in departures.items() if is_so)

    @property
    def words(self) -> str:
        """The departures as one phrase that follows "hashed"."""
        return " and ".join(self.departures)

    @property
    def unproven(self) -> str:
        """What of the stored content a hash in this form does not prove; empty if it proves all."""
        if self.time.is_without_offset:
            return "the time zone, and so the hour, of timestamp"
        if self.lost in DIGITS:
            return "the last microsecond of timestamp"
        return self.without

    @property
    def minutes(self) -> int | None:
        """The offset of a local time that is written without it; None if the hash shows which moment was meant."""
        return self.time.minutes if self.time.is_without_offset else None

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The columns in the order of their keys."""
        return HASHED_COLUMNS if self.schema_order else tuple(sorted(HASHED_COLUMNS, key=self._key))

    @property
    def separator(self) -> str:
        """The text between two members."""
        return ", " if self.spaced else ","

    def members(self, column: str, texts: Iterable[str]) -> list[str]:
        """Return the members of the payload for these values of a column, as JSON text; empty if left out."""
        if column == self.without:
            return ["" for _ in texts]
        name, quote = f'"{self._key(column)}":{" " if self.spaced else ""}', self._quote(column)
        missing = f"{name}null" if self.nulls is Nulls.KEPT else ""
        if self.escapes is not Escapes.NEEDED:
            texts = map(_ESCAPED[self.escapes], texts)
        if column == "timestamp":
            return [missing if text == NULL else f"{name}{self._time(text)}" for text in texts]
        return [missing if text == NULL else f"{name}{quote}{text}{quote}" for text in texts]

    def payloads(self, columns: Mapping[str, Sequence[str]]) -> list[bytes]:
        """Return the payload of each entry of these columns; in a form that lost something, as if nothing was lost."""
        rows: Iterable[Iterable[str]] = zip(*(self.members(name, columns[name]) for name in self.order), strict=True)
        if self.without or self.nulls is Nulls.LEFT_OUT:
            rows = (filter(None, row) for row in rows)
        return [f"{{{text}}}".encode("latin-1") for text in map(self.separator.join, rows)]

    def reproduces(self, row: Row, stored: str) -> bool:
        """Whether the content of an entry has this hash in this form."""
        if self.lost is Lost.NOTHING:
            (payload,) = self.payloads({column: [text] for column, text in row.items()})
            return sha256(payload).hexdigest() == stored
        return any(self._has(row, column, texts, stored) for column, texts in self._candidates(row))

    def around(self, row: Row, column: str) -> tuple[bytes, bytes]:
        """Return the payload of an entry before and after the value of a column that it has."""
        marked = self.payloads({name: ["\x00" if name == column else text] for name, text in row.items()})
        head, _, tail = marked[0].partition(b"\x00")
        return head, tail

    def _has(self, row: Row, column: str, texts: Iterable[str], stored: str) -> bool:
        head, tail = self.around(row, column)
        begun, target = sha256(head), bytes.fromhex(stored)
        for text in texts:
            hasher = begun.copy()
            hasher.update(text.encode("latin-1") + tail)
            if hasher.digest() == target:
                return True
        return False

    def _candidates(self, row: Row) -> Iterator[tuple[str, Iterable[str]]]:
        """Yield a column, and the JSON text of what may have been hashed in it."""
        if self.lost in DIGITS:
            yield "timestamp", self.time.lossy(row["timestamp"], self.lost)
            return
        escaped = _ESCAPED[self.escapes]
        texts = {name: row[name] for name in _TEXTS if row[name] != NULL}
        if self.lost is Lost.SURROGATE:
            damaged = {name: text.split(_REPLACED) for name, text in texts.items() if _REPLACED in text}
            for name, parts in damaged.items():
                around = [*map(escaped, parts)]
                yield name, (f"\\u{half:04x}".join(around) for half in SURROGATES[: MOST_CANDIDATES // len(damaged)])
            return
        left = MOST_CANDIDATES
        for name, text in texts.items():
            pieces = [*map(escaped, _characters(text))][:left]
            left -= len(pieces)
            yield name, ("".join((*pieces[:at], "\\u0000", *pieces[at:])) for at in range(len(pieces) + 1))

    def _quote(self, column: str) -> str:
        return "" if column == "sequence_number" and not self.quoted_number else '"'

    def _time(self, text: str) -> str:
        """Return a time as JSON; nothing if it cannot be written so, which makes a payload that nobody hashed."""
        written = self.time.write(text) if "T" in text and self.time is not OWN_TIME else text
        return "" if written is None else f'"{written}"' if self.time.quoted or written == text else written

    def _key(self, column: str) -> str:
        return column if self.column_name else _KEYS[column]


def _escaped(text: str) -> str:
    return text if text.isascii() else json.dumps(plain_text(text))[1:-1]


def _as_go(text: str) -> str:
    for character, escape in _GO.items():
        text = text.replace(character, escape)
    return text


def _as_php(text: str) -> str:
    return _escaped(text).replace("/", "\\/")


def _of_utf8(text: str) -> str:
    """Return a text as a batch holds it, byte by byte."""
    return text.encode().decode("latin-1")


_GO = {_of_utf8(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_REPLACED = _of_utf8("\ufffd")

_ESCAPED: Mapping[Escapes, Callable[[str], str]] = {
    Escapes.NEEDED: str,
    Escapes.ASCII: _escaped,
    Escapes.GO: _as_go,
    Escapes.PHP: _as_php,
}


def _characters(text: str) -> list[str]:
    """Return the characters of JSON text as a batch holds it, an escape as one."""
    return _CHARACTER.findall(text)


_CHARACTER = re.compile(r"\\u[0-9a-f]{4}|\\.|[\xc0-\xff][\x80-\xbf]*|.", re.DOTALL)

CANONICAL = Form()


# every form that is tried


def _product(made: Callable[..., Any], choices: Mapping[str, Sequence[Any]]) -> list[Any]:
    return [made(**dict(zip(choices, chosen, strict=True))) for chosen in product(*choices.values())]


def _simple_first(forms: Iterable[Form]) -> tuple[Form, ...]:
    return tuple(sorted(forms, key=lambda form: len(form.departures) + len(form.time.departures)))


_LAYOUTS = _simple_first(
    _product(
        Form,
        {
            "escapes": tuple(Escapes),
            **dict.fromkeys(("spaced", "schema_order", "column_name", "quoted_number"), (False, True)),
            "nulls": tuple(Nulls),
        },
    )
)

_ZONES = ("+00:00", "Z", "", "+00", "+0000", " UTC")
_IN_UTC: list[Time] = [
    *_product(Time, {"fraction": (None, 6, 3, 0), "separator": "T ", "zone": _ZONES}),
    *_product(Time, {"epoch": tuple(Epoch)[1:], "quoted": (False, True)}),
]
_IN_UTC.sort(key=lambda time: len(time.departures))
_LOCAL: list[Time] = _product(Time, {"minutes": OFFSETS, "separator": "T ", "zone": ("+00:00", "")})


_HOURS = [time for time in _LOCAL if time.minutes % 60 == 0 and time.separator == "T"]

TIMES: Sequence[Sequence[Time]] = ((*_IN_UTC, *_LOCAL), (*_IN_UTC, *_HOURS), _IN_UTC, (OWN_TIME,))
"""The ways to write a time that are tried in a layout with no, one, two and more departures: ever fewer."""


def _times(layout: Form) -> int:
    """Return which of TIMES are tried in a layout."""
    return min(len(layout.departures), len(TIMES) - 1)


EXACT_FORMS = _simple_first(
    form for layout in _LAYOUTS for time in TIMES[_times(layout)] if (form := replace(layout, time=time)) != CANONICAL
)
"""Every form that writes each content in one way, those with the fewest differences first."""

_LOSSY_LAYOUTS = [one for one in _LAYOUTS if one == Form(one.escapes, nulls=one.nulls)]

LOSSY_FORMS = (
    *(
        replace(layout, time=Time(zone=zone, fraction=fraction), lost=lost)
        for layout, lost in product(_LOSSY_LAYOUTS, DIGITS)
        for zone, fraction in product(("+00:00", "Z"), (None, 0))
    ),
    *(Form(escapes, lost=lost) for lost in (Lost.NUL, Lost.SURROGATE) for escapes in (Escapes.NEEDED, Escapes.ASCII)),
)
"""Every form in which the column lost a part of what was hashed."""

PARTIAL_FORMS = tuple(Form(without=column) for column in HASHED_COLUMNS)
"""Payloads without a column, which prove only the others, so that nobody may call an entry with one intact."""


def recognised(row: Row, stored: str) -> Form | None:
    """Return the simplest form in which the content of an entry has the hash `stored`; None if no form reproduces it.

    Takes some milliseconds.
    """
    if not _HASH.fullmatch(stored) or "T" not in row["timestamp"]:
        return None
    times = [_written(some, row["timestamp"]) for some in TIMES]
    tried: set[tuple[bytes, bytes]] = set()
    for layout in _LAYOUTS:
        around = layout.around(row, "timestamp")
        if around not in tried:  # it is, if the entry is written alike in a simpler layout
            tried.add(around)
            time = next(_with_hash(stored, times[_times(layout)], around), None)
            if time is not None:
                return _simplest(replace(layout, time=time), row)
    return _recognised_lossy(row, stored)


def _recognised_lossy(row: Row, stored: str) -> Form | None:
    ways: dict[tuple[bytes, bool], Form] = {}
    for form in LOSSY_FORMS:
        if form.lost in DIGITS and form == Form(time=form.time, lost=form.lost):
            step = 10 if form.time.fraction == 0 else 1  # without a zero at the end, it is written as in a simpler form
            for text in form.time.lossy(row["timestamp"], form.lost, step):
                ways.setdefault((text.encode(), True), form)
    tried: set[tuple[bytes, bytes]] = set()
    for layout in _LOSSY_LAYOUTS:
        around = layout.around(row, "timestamp")
        found = None if around in tried else next(_with_hash(stored, ways, around), None)
        if found is not None:
            return _simplest(replace(layout, time=found.time, lost=found.lost), row)
        tried.add(around)
    return next((one for one in LOSSY_FORMS if one.lost not in DIGITS and one.reproduces(row, stored)), None)


def _written(times: Iterable[Time], text: str) -> Mapping[tuple[bytes, bool], Time]:
    """Return a time as it is written in each way, and whether in quotes; each text once, with the simplest way."""
    found: dict[tuple[bytes, bool], Time] = {}
    for time in times:
        if (written := time.write(text)) is not None:
            found.setdefault((written.encode(), time.quoted), time)
    return found


def _with_hash(stored: str, times: Mapping[tuple[bytes, bool], _Way], around: tuple[bytes, bytes]) -> Iterator[_Way]:
    """Yield the way to write the time with which a payload has a hash; `around` is the rest, with quotes."""
    head, tail = around
    quoted, bare = sha256(head), sha256(head[:-1])
    for (text, is_quoted), time in times.items():
        hasher = (quoted if is_quoted else bare).copy()
        hasher.update(text + (tail if is_quoted else tail[1:]))
        if hasher.hexdigest() == stored:
            yield time


def _simplest(form: Form, row: Row) -> Form:
    """Return the simplest form that writes this entry alike, so that what is found does not depend on other entries."""
    if form.nulls is not Nulls.KEPT and NULL not in row.values():
        form = replace(form, nulls=Nulls.KEPT)
    if form.escapes is not Escapes.NEEDED:
        texts = [row[name] for name in HASHED_COLUMNS]
        written = [*map(_ESCAPED[form.escapes], texts)]
        same = next(one for one, escape in _ESCAPED.items() if [*map(escape, texts)] == written)
        form = replace(form, escapes=same)
    if form.time.fraction is not None and form.lost is Lost.NOTHING:
        text = row["timestamp"]
        times = (replace(form.time, fraction=fraction) for fraction in (None, 6, 3, 0))
        form = replace(form, time=next(time for time in times if time.write(text) == form.time.write(text)))
    return form


AnyForm = Any
"""A form of its family: a `Form`, or a `RecipeForm`. It has `words`, `unproven`, `departures`, `lost` and `minutes`."""


class Family(Protocol):
    """The forms of one ledger, or of one recipe of it. Can be pickled."""

    def has_hash(self, batch: Batch, place: int) -> bool:
        """Whether an entry has a hash that a form may reproduce."""

    def search(self, batch: Batch, place: int) -> AnyForm | None:
        """Return the simplest form in which an entry has its hash, in some milliseconds; None if there is none."""

    def fits(self, form: AnyForm, batch: Batch, places: Sequence[int]) -> list[bool]:
        """Return which entries have their hash in a form."""

    def simplest(self, form: AnyForm, batch: Batch, place: int) -> AnyForm:
        """Return the simplest form that writes an entry as this one does."""


class SkiForms:
    """The forms of a SKI ledger."""

    def has_hash(self, batch: Batch, place: int) -> bool:
        """Whether the stored hash is one, and the time has a canonical form."""
        return "T" in batch.text("timestamp")[place] and bool(_HASH.fullmatch(batch.text("entry_hash")[place]))

    def search(self, batch: Batch, place: int) -> Form | None:
        """Return the simplest form in which an entry has its hash; None if there is none."""
        return recognised(_row(batch, place), batch.text("entry_hash")[place])

    def fits(self, form: Form, batch: Batch, places: Sequence[int]) -> list[bool]:
        """Return which entries have their hash in a form."""
        stored = batch.text("entry_hash")
        if form.lost is not Lost.NOTHING:
            return [form.reproduces(_row(batch, place), stored[place]) for place in places]
        columns = {name: [batch.text(name)[place] for place in places] for name in HASHED_COLUMNS}
        hashes = (sha256(payload).hexdigest() for payload in form.payloads(columns))
        return [own == stored[place] for own, place in zip(hashes, places, strict=True)]

    def simplest(self, form: Form, batch: Batch, place: int) -> Form:
        """Return the simplest form that writes an entry as this one does."""
        return _simplest(form, _row(batch, place))


SKI_FORMS = SkiForms()


@dataclass
class Recognised:
    """How many entries were hashed in a form, and the numbers of the first and the last."""

    form: AnyForm
    count: int = 0
    first: int | None = None
    last: int | None = None
    stream: str = ""
    """The stream of the first one, in a ledger with several."""

    def add(self, count: int, first: int | None, last: int | None) -> None:
        """Count the entries that follow."""
        self.first = first if self.first is None else self.first
        self.last = last if last is not None else self.last
        self.count += count


@dataclass
class Recogniser:
    """Recognises the forms of entries while a ledger is read, in bounded time, and counts them. Picklable.

    A form that reproduced one entry is tried on every later one, which costs one hash. All forms are tried only on
    entries that these do not reproduce: on the first MOST_IN_VAIN, and then on ever fewer (the 32nd, the 64th ...), so
    that a form that begins late is found as well. `untried` is how many entries were tried in the known forms only.
    What is found depends on the entries and their order, and not on the batches that they come in.
    """

    family: Family = SKI_FORMS
    found: dict[str, Recognised] = field(default_factory=dict)
    untried: int = 0
    _known: list[AnyForm] = field(default_factory=list)
    _in_vain: int = 0

    @classmethod
    def of(cls, forms: Iterable[Form]) -> Recogniser:
        """Return one that knows forms, and hardly searches for others."""
        return cls(_known=list(forms), _in_vain=MOST_IN_VAIN)

    @property
    def entries(self) -> int:
        """How many entries a form proves."""
        return sum(one.count for one in self.forms)

    @property
    def in_doubt(self) -> list[Recognised]:
        """Times without an offset that match in another zone than most, as times do that were moved by hours.

        One hour apart is no doubt: so are summer and winter.
        """
        local = [one for one in self.found.values() if one.form.minutes is not None]
        usual = max(local, key=lambda one: one.count).form.minutes if local else 0
        return [one for one in local if abs(one.form.minutes - usual) > 60]

    @property
    def forms(self) -> list[Recognised]:
        """The forms that prove content, in the order in which they were found."""
        doubts = self.in_doubt
        return [one for one in self.found.values() if one not in doubts]

    def recognise(self, batch: Batch, places: Iterable[int], stream: str = "") -> set[int]:
        """Return those places of a batch whose stored hash a form reproduces from the content; the others are edits.

        `stream` is that of the entries, if the ledger has several.
        """
        open_ = [place for place in places if self.family.has_hash(batch, place)]
        forms: dict[int, AnyForm] = {}
        for form in self._known:
            open_ = self._proven(form, batch, open_, forms)
        for place in list(open_):
            if place not in forms and (new := self._searched(batch, place)) is not None:
                if len(self._known) < MOST_KNOWN:
                    self._known.append(new)
                    self._known.sort(key=lambda one: one.lost is not Lost.NOTHING)  # quick ones first
                self._proven(new, batch, [one for one in open_ if one >= place and one not in forms], forms)
        for place in sorted(forms):
            form, number = self.family.simplest(forms[place], batch, place), batch.sequence_numbers[place]
            self.found.setdefault(form.words, Recognised(form, stream=stream)).add(1, number, number)
        return set(forms)

    def merge(self, later: Recogniser) -> None:
        """Add what the entries of a later segment show."""
        for words, one in later.found.items():
            self.found.setdefault(words, Recognised(one.form, stream=one.stream)).add(one.count, one.first, one.last)
        self.untried += later.untried

    def _searched(self, batch: Batch, place: int) -> AnyForm | None:
        """Try every form on an entry, unless too many were tried in vain."""
        seen = self._in_vain + self.untried + 1
        if seen > MOST_IN_VAIN and seen & (seen - 1):
            self.untried += 1
            return None
        form = self.family.search(batch, place)
        self._in_vain += form is None
        return form

    def _proven(self, form: AnyForm, batch: Batch, places: list[int], forms: dict[int, AnyForm]) -> list[int]:
        """Note the places whose stored hash a form reproduces, and return the others."""
        fits = self.family.fits(form, batch, places)
        forms.update({place: form for place, is_so in zip(places, fits, strict=True) if is_so})
        return [place for place, is_so in zip(places, fits, strict=True) if not is_so]


def _row(batch: Batch, place: int) -> Row:
    return {name: batch.text(name)[place] for name in HASHED_COLUMNS}
