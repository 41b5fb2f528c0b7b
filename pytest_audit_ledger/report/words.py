"""Numbers, lists, days and times as the sentences of a report show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from pytest_audit_ledger.investigate.incident import counted
from pytest_audit_ledger.model.profile import Profile

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Noun:
    """What a report calls something, once and many times."""

    one: str
    many: str

    def counted(self, number: int) -> str:
        """Return a number with the noun."""
        return counted(number, self.one, self.many)


ENTRY, CHECK, THING = Noun("entry", "entries"), Noun("check", "checks"), Noun("thing", "things")


def violation_of(profile: Profile) -> Noun:
    """Return what a violation is called in a ledger with this profile."""
    return Noun("flag", "flags") if tuple(profile.violations) == ("FLAG",) else Noun("violation", "violations")


def spelled(number: int) -> str:
    """Return a small number as a word, and another one in digits."""
    return _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"


def enumerated(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def percent(share: float | None) -> str:
    """Return a share in percent, a dash for None."""
    return "–" if share is None else f"{share:.1%}"  # noqa: RUF001  (a dash for no number)


@dataclass(frozen=True)
class Dates:
    """Writes canonical timestamps as days and times of a zone; any other text stays as it is."""

    zone: tzinfo = timezone.utc

    @property
    def name(self) -> str:
        """The name of the zone."""
        return "UTC" if self.zone is timezone.utc else str(self.zone)

    def local(self, text: str) -> datetime | None:
        """Return the moment in the zone; None if the text is none."""
        try:
            return datetime.fromisoformat(text).astimezone(self.zone) if "T" in text else None
        except (ValueError, OverflowError):
            return None

    def day(self, text: str | None) -> str:
        """Return the day, such as 21 May 2026."""
        found = self.local(text or "")
        return day(found) if found else text or "–"  # noqa: RUF001  (a dash for no day)

    def moment(self, text: str | None) -> str:
        """Return the time to the minute, without the zone."""
        found = self.local(text or "")
        return f"{day(found)}, {found:%H:%M}" if found else text or "–"  # noqa: RUF001  (as above)

    def zoned(self, text: str | None) -> str:
        """Return the time to the minute, with the zone."""
        found = self.local(text or "")
        return f"{self.moment(text)} {found:%Z}" if found else text or "–"  # noqa: RUF001  (as above)

    def second(self, text: str | None) -> str:
        """Return the time to the second, in UTC, for whoever compares it with a log."""
        found = self.local(text or "")
        utc = found.astimezone(timezone.utc) if found else None
        return f"{day(utc)}, {utc:%H:%M:%S} UTC" if utc else text or "–"  # noqa: RUF001  (as above)

    def last_day(self, before: str) -> str:
        """Return the last day before a moment."""
        found = self.local(before)
        return day(found - timedelta(microseconds=1)) if found else before

    def span(self, begin: str, end: str) -> str:
        """Return the days from one moment to before another one."""
        first, last = self.local(begin), self.local(end)
        if first is None or last is None:
            return f"{begin} to {end}"
        return days(first, max(first, last - timedelta(microseconds=1)))


def day(moment: datetime) -> str:
    """Return a day, such as 21 May 2026."""
    return f"{moment.day} {moment:%b} {moment.year}"


def days(first: datetime, last: datetime) -> str:
    """Return the days from the first to the last one, without saying month and year twice."""
    if first.date() == last.date():
        return day(last)
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"  # noqa: RUF001  (a range)
    if first.month != last.month:
        return f"{first.day} {first:%b} – {day(last)}"  # noqa: RUF001  (a range)
    return f"{first.day} – {day(last)}"  # noqa: RUF001  (a range)


def numbers(first: int, last: int) -> str:
    """Return the numbers of entries from the first to the last one."""
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
