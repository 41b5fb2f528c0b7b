"""Moments as texts and numbers, from how PostgreSQL prints them (ISO, in UTC). No I/O.

A column of `timestamp with time zone` is printed as `2026-05-21 15:30:00.87407+00`, with as many digits of a second as
it needs. Texts that other programs wrote (`2026-05-21T17:30:00+02:00`, a date alone, a `Z`) are read, too. A moment
without an offset counts as UTC, a date alone as its midnight.

No two languages agree on years before 1 and after 9999, so these have no text, only a number; infinity has neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

Step = Callable[[list[str]], "list[str | None]"]
"""From the values of a column to what is written for them; None where nothing can be."""

DIGITS = ("0", "3", "6", "9", "trimmed", "python", "java")
OFFSETS = ("Z", "+00:00", "+0000", "+00", "")
UNITS: Mapping[str, int] = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Units of time, each with its digits of a second."""

DIRECTIVES = frozenset("aAbBdHIjmMpSUwWyYzf%")
"""The directives of strftime that mean the same on every machine."""

_PARTS = {
    "%Y": slice(0, 4),
    "%m": slice(5, 7),
    "%d": slice(8, 10),
    "%H": slice(11, 13),
    "%M": slice(14, 16),
    "%S": slice(17, 19),
}
"""Directives of strftime that are parts of ISO 8601, and where."""

_MOMENT = re.compile(
    r"(?P<year>\d{4,})-(?P<day>\d\d-\d\d)"
    r"(?:[ T](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?(?P<offset>Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?)?"
    r"(?P<bc> BC)?"
)
_PRINTED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00")
_OFFSET = re.compile(r"([+-]\d\d):?(\d\d)?:?(\d\d)?")
_SECONDS, _FULL = len("2026-05-21 15:30:00"), len("2026-05-21 15:30:00.874071")
_MICROSECONDS = 6
_NANOSECONDS = 9
_CALENDAR_YEARS, _CALENDAR_DAYS = 400, 146_097
"""The Gregorian calendar repeats after so many years, which are so many days."""


class _Read(NamedTuple):
    """A second in UTC, moved into 1800 to 2199 by cycles of the calendar, and nine digits of its fraction."""

    moment: datetime
    cycles: int
    fraction: str


def _read(text: str) -> _Read | None:
    if printed := _PRINTED.fullmatch(text):  # nearly all, and most of the time is saved by what C reads
        try:
            moment = datetime.fromisoformat(f"{printed[1]}+00:00")
        except ValueError:
            return None
        return _Read(moment, 0, (printed[2] or "").ljust(_NANOSECONDS, "0"))
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year = 1 - int(found["year"]) if found["bc"] else int(found["year"])  # 1 BC is year 0 to astronomers
    cycles = (year - 1800) // _CALENDAR_YEARS
    try:
        shown = f"{year - cycles * _CALENDAR_YEARS}-{found['day']}T{found['clock'] or '00:00:00'}+00:00"
        moment = datetime.fromisoformat(shown) - _offset(found["offset"] or "Z")
    except ValueError:
        return None
    return _Read(moment, cycles, (found["fraction"] or "").ljust(_NANOSECONDS, "0"))


def _offset(text: str) -> timedelta:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return timedelta()
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    sign = -1 if text.startswith("-") else 1
    return timedelta(hours=hours, minutes=sign * minutes, seconds=sign * seconds)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database, which not every machine has. Raises ValueError if not."""
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} is not a time zone that this machine knows, such as Europe/Madrid; pip install tzdata adds all"
        ) from error


def _local(text: str, zone: tzinfo) -> tuple[datetime, str] | None:
    """Return a moment in a zone, without its fraction, and the nine digits of that; None if it has no text."""
    read = _read(text)
    if read is None:
        return None
    try:
        moment = read.moment
        if read.cycles:
            moment = moment.replace(year=moment.year + read.cycles * _CALENDAR_YEARS)
        return moment.astimezone(zone), read.fraction
    except (ValueError, OverflowError):
        return None


def flat_iso(digits: str, offset: str, zone: str, separator: str) -> tuple[tuple[str, str, str]]:
    """Return what `iso` does as steps of a flat profile."""
    end = f"%{{{offset}}}" if offset else ""
    return (("time", f"%Y-%m-%d{separator.replace('%', '%%')}%H:%M:%S%{{{digits}}}{end}", zone),)


def iso(digits: str = "python", offset: str = "+00:00", zone: str = "UTC", separator: str = "T") -> Step:
    """Return the step to ISO 8601.

    `digits`: so many digits of a second; or `trimmed` of zeros, `python` (six, or none if all are zero), `java` (none,
    three, six or nine). `offset`: `+00:00` writes the offset of the zone in this form, `+0000` without a colon, `+00`
    as PostgreSQL does, without minutes that are zero, `Z` as Z in UTC, and an empty one writes none.
    """
    local = zone_of(zone)

    def one(text: str) -> str | None:
        if zone == "UTC" and (printed := _PRINTED.fullmatch(text)):
            fraction = (printed[2] or "").ljust(_NANOSECONDS, "0")
            return f"{printed[1].replace(' ', separator)}{_fraction(fraction, digits)}{offset}"
        found = _local(text, local)
        if found is None:
            return None
        moment, fraction = found
        shown = moment.isoformat()
        return f"{shown[:10]}{separator}{shown[11:19]}{_fraction(fraction, digits)}{_shown_offset(shown[19:], offset)}"

    count = int(digits) if digits.isdigit() else _MICROSECONDS
    end, padding = (_SECONDS + 1 + min(count, _MICROSECONDS) if count else _SECONDS), "0" * (count - _MICROSECONDS)
    if zone != "UTC":
        return lambda column: list(map(one, column))
    tail = f"{padding}{offset}"
    return lambda column: [
        # most have six digits of fraction, the last of them not zero, and this is the fastest way for them
        f"{text[:end].replace(' ', separator)}{tail}"
        if text[_FULL:] == "+00" and text[_FULL - 1] != "0" and text[4] == "-"
        else one(text)
        for text in column
    ]


def _fraction(nine: str, digits: str) -> str:
    if digits.isdigit():
        kept = nine[: int(digits)]
    else:
        kept = nine.rstrip("0")
        if digits == "python":
            kept = nine[:6] if kept else ""
        elif digits == "java":
            kept = nine[: -(-len(kept) // 3) * 3]
    return f".{kept}" if kept else ""


def _shown_offset(text: str, form: str) -> str:
    if form == "+0000":
        return text.replace(":", "")
    if form == "+00":
        return text.removesuffix(":00") if len(text) == len("+00:00") else text
    return "" if not form else "Z" if form == "Z" and text == "+00:00" else text


def strftime(pattern: str, zone: str = "UTC") -> Step:
    """Return the step to a pattern of C's strftime, with a year of four digits and six digits for `%f`.

    Raises ValueError for a directive that is not in `DIRECTIVES`.
    """
    local = zone_of(zone)
    pieces = re.findall(r"%.?|[^%]+", pattern, re.DOTALL)
    for piece in pieces:
        if piece[0] == "%" and piece[1:] not in DIRECTIVES:
            raise ValueError(
                f"{piece} is not a directive that means the same everywhere: {' '.join(sorted(DIRECTIVES))}"
            )

    def one(text: str) -> str | None:
        found = _local(text, local)
        if found is None:
            return None
        moment, fraction = found
        shown = moment.isoformat()
        return "".join([_strftime(piece, moment, shown, fraction) for piece in pieces])

    return lambda column: list(map(one, column))


def _strftime(piece: str, moment: datetime, shown: str, fraction: str) -> str:
    """Return a piece of a pattern for a moment, whose ISO 8601 is `shown`: C does not pad years, and is slower."""
    if piece in _PARTS:
        return shown[_PARTS[piece]]
    if piece == "%f":
        return fraction[:_MICROSECONDS]
    return moment.strftime(piece) if piece[0] == "%" else piece


def unix(unit: str) -> Step:
    """Return the step to a whole number of seconds, milli-, micro- or nanoseconds since 1970, rounded down."""
    places = UNITS[unit]
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)

    def one(text: str) -> str | None:
        read = _read(text)
        if read is None:
            return None
        since = read.moment - epoch
        seconds = (since.days + read.cycles * _CALENDAR_DAYS) * 86_400 + since.seconds
        return str(seconds * 10**places + int(read.fraction[:places] or 0))

    return lambda column: list(map(one, column))
