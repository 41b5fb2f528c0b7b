"""Ways to write a time, and what columns lose of what was hashed: parts of forms (`forms.py`). No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import chain, product, starmap

from pytest_audit_ledger.model.key_orders import key_orders
from pytest_audit_ledger.model.recipes.moments import zone_of

MOST_CANDIDATES = 1_000
"""Payloads that are tried for one entry in one form, if the column lost a part of what was hashed."""

_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Lost(Enum):
    """What a column cannot hold and lost when the entry was stored.

    Each is searched for with at most MOST_CANDIDATES payloads an entry. What is stored follows from what was hashed, so
    an edit cannot match: PostgreSQL holds neither digits beyond the microsecond, nor NUL, nor half a surrogate pair,
    nor in jsonb an order of keys, and no edit can put them there. Nanoseconds are cut off or rounded, and an entry
    rarely shows which; so a time is proven to one microsecond, and not better.
    """

    NOTHING = ""
    TICKS = "ticks"
    CUT = "nanoseconds, cut off"
    ROUNDED = "nanoseconds, rounded"
    NUL = "NUL"
    SURROGATE = "surrogate"
    ORDER = "order"

    @property
    def words(self) -> str:
        """What was hashed, in words that follow "hashed with"."""
        if self is Lost.ORDER:
            return "the keys of JSON in another order than jsonb keeps"
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
    """One way to write a time; the default is that of Python's isoformat() in UTC.

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
    def distance(self) -> int:
        """How many differences from the default there are."""
        differences = (
            self.epoch.value,
            self.fraction is not None,
            self.separator == " ",
            self.minutes or not self.zone,
            not self.minutes and self.zone not in ("", "+00:00"),
        )
        return sum(map(bool, differences))

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

    def lossy(self, text: str, lost: Lost) -> list[str]:
        """Return the times with more digits that are stored as this one."""
        moment = datetime.fromisoformat(text)
        extra, width = DIGITS[lost]
        second, whole = moment.replace(microsecond=0, tzinfo=None), 10 ** (6 + width)
        at = moment.microsecond * 10**width
        first, end = at + extra.start, at + extra.stop
        found = self._fractions(second, range(max(0, first), end), 6 + width)
        if first < 0 and second > datetime.min:
            found += self._fractions(second - _SECOND, range(whole + first, whole), 6 + width)
        return found

    def _fractions(self, second: datetime, numbers: range, width: int) -> list[str]:
        pattern = f"{second.isoformat(self.separator)}.%0{width}d"
        if self.fraction == 0:
            return [(pattern % number).rstrip("0").rstrip(".") + self.zone for number in numbers]
        pattern += self.zone
        return [pattern % number for number in numbers]

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
class ZonedTime(Time):
    """A way to write a time in a zone of the IANA database, with its offset."""

    place: str = "UTC"

    def write(self, text: str) -> str | None:
        """Return a canonical time in this way; None if it cannot be written so without a loss."""
        offset = datetime.fromisoformat(text).astimezone(zone_of(self.place)).utcoffset()
        minutes, rest = divmod(offset.total_seconds() if offset else 0, 60)
        return None if rest else Time(self.fraction, self.separator, "+00:00", int(minutes)).write(text)


FRACTIONS = (None, 6, 3, 0)
SEPARATORS = "T "

_IN_UTC = sorted(
    [
        *starmap(Time, product(FRACTIONS, SEPARATORS, ("+00:00", "Z", "", "+00", "+0000", " UTC"))),
        *(Time(epoch=epoch, quoted=quoted) for epoch, quoted in product([*Epoch][1:], (False, True))),
    ],
    key=lambda time: time.distance,
)
_LOCAL = [
    Time(None, separator, zone, minutes) for minutes, separator, zone in product(OFFSETS, SEPARATORS, ("+00:00", ""))
]
_HOURS = [time for time in _LOCAL if time.minutes % 60 == 0 and time.separator == "T"]

TIMES: Sequence[Sequence[Time]] = ((*_IN_UTC, *_LOCAL), (*_IN_UTC, *_HOURS), _IN_UTC, (OWN_TIME,))
"""The ways to write a time that are tried in a layout with no, one, two and more departures: ever fewer."""


def damaged(lost: Lost, stored: str | None) -> Iterator[str]:
    """Yield the texts that a column stores as this one, because it cannot hold them."""
    text = stored or ""
    if lost is Lost.ORDER:
        return key_orders(text)
    if lost is Lost.SURROGATE:
        parts = text.split("\ufffd")
        return (chr(half).join(parts) for half in SURROGATES[:MOST_CANDIDATES] if len(parts) > 1)
    ends = range(min(len(text) + 1, MOST_CANDIDATES) if stored is not None else 0)
    return (f"{text[:end]}\0{text[end:]}" for end in ends)
