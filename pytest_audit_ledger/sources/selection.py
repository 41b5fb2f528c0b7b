"""Selections of entries: by time, verdict, rule and number. A mistake is a usage error that lists what exists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.profile import TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.model.ski import SKI

SMALLEST_STEP = timedelta(microseconds=1)
"""PostgreSQL's resolution of time."""


@dataclass(frozen=True)
class Selection:
    """Entries from `since` on and before `before` (both aware), with one of `verdicts` and the rule `rule_id`.

    `number`: from this sequence number on. Of these, the first `limit`. A field that is None or empty is no condition.
    """

    since: datetime | None = None
    before: datetime | None = None
    verdicts: tuple[str, ...] = ()
    rule_id: str | None = None
    limit: int | None = None
    number: int | None = None

    def described(self) -> dict[str, str]:
        """Return each condition in words, by name; empty if all entries are selected."""
        conditions = {
            "since": canonical_timestamp(self.since) if self.since else "",
            "before": canonical_timestamp(self.before) if self.before else "",
            "verdict": ", ".join(self.verdicts),
            "rule_id": self.rule_id if self.rule_id is not None else "",
            "limit": str(self.limit) if self.limit is not None else "",
        }
        return {name: words for name, words in conditions.items() if words}


def selection(
    *,
    start_date: str | None = None,
    end_date: str | None = None,
    verdict: str | Sequence[str] | None = None,
    rule_id: str | None = None,
    limit: int | None = None,
    time_zone: str | None = None,
    profile: Profile = SKI,
) -> Selection:
    """Return the selection for the texts of options.

    Dates are whole days of the time zone, which is UTC if None, including the end day; full timestamps count to the
    microsecond, and a time without an offset is one of that zone. Several verdicts are separated by commas. Raises
    UsageError for a text that is not valid, and for a condition on what the ledger does not have by its profile.
    """
    zone = zone_of(time_zone)
    conditions = {TIMESTAMP: start_date if start_date is not None else end_date, VERDICT: verdict, "rule_id": rule_id}
    for role, condition in conditions.items():
        if condition is not None and not profile.has(role):
            raise UsageError(
                f"The profile {profile.name} names no column for {role}, so no entries can be selected by it.",
                "Leave that condition out, or add the role to the profile.",
            )
    since = _bound(start_date, zone, end=False) if start_date is not None else None
    before = _bound(end_date, zone, end=True) if end_date is not None else None
    if since and before and since >= before:
        raise UsageError(f"The range {start_date} to {end_date} is reversed.", "Write the earlier date first.")
    if limit is not None and not 1 <= limit < 2**63:
        raise UsageError(f"Invalid limit {limit}.", "Use a number of at least 1, or omit it.")
    if rule_id == "":
        raise UsageError("The rule id is empty.", "Name a rule, or omit it; perhaps a shell variable is not set.")
    if rule_id is not None and re.search("[\0\ud800-\udfff]", rule_id):
        raise UsageError(f"Invalid rule id {rule_id!r}.", "Write it in UTF-8.")
    return Selection(since, before, _verdicts(verdict, profile.values.get(VERDICT)), rule_id, limit)


def zone_of(name: str | None) -> tzinfo:
    """Return the time zone with a name of the IANA database; UTC for None. Raises UsageError for an unknown name."""
    if name is None or name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"There is no time zone {name!r} on this machine.",
            "Use a name of the IANA database, such as Europe/Berlin. If that is missing, too, pip install tzdata.",
        ) from error


def date_range(text: str) -> tuple[str | None, str | None]:
    """Return the two ends of `FROM,TO`, None for an empty one. Raises UsageError for any other text."""
    ends = [end.strip() for end in text.split(",")]
    if len(ends) != 2 or not any(ends):
        raise UsageError(
            f"Invalid range of dates {text!r}.", "Use FROM,TO, for example 2026-05-01,2026-05-31; one may be empty."
        )
    return ends[0] or None, ends[1] or None


def fields(named: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names in a list, or in a text separated by commas. Raises UsageError if one is empty or repeated."""
    names = tuple(name.strip() for name in named.split(",")) if isinstance(named, str) else tuple(named)
    if not all(names):
        raise UsageError(f"The list of fields {named!r} has an empty name.", "Use, for example, id,timestamp,verdict.")
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageError(f"The field {twice[0]} is named twice.", "Name each field once.")
    return names


def _verdicts(verdict: str | Sequence[str] | None, known: Sequence[str] | None) -> tuple[str, ...]:
    if verdict is None:
        return ()
    named = tuple(name.strip() for name in (verdict.split(",") if isinstance(verdict, str) else verdict))
    for name in named:
        if known is not None and name not in known:
            raise UsageError(f"There is no verdict {name!r}.", f"Use one of {', '.join(known)}.")
    return tuple(dict.fromkeys(named))


_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.(?P<fraction>[0-9]{1,6}))?"
    r"(?P<zone>[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
"""ISO 8601 as people write it. It is parsed here first, because older Pythons read less of it than newer ones."""


def read_moment(text: str, zone: tzinfo = timezone.utc) -> datetime | None:
    """Return the moment of a day or a time in UTC, None if the text is neither; without an offset it is of `zone`."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    fraction = f".{found['fraction'].ljust(6, '0')}" if found["fraction"] else ""
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00'}{fraction}{_offset(found['zone'])}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _offset(written: str | None) -> str:
    """Return an offset as every Python reads it: `+02:00` for +2, and nothing if none is written."""
    if written is None:
        return ""
    digits = written.upper().replace("Z", "+00:00").replace(":", "").ljust(5, "0")
    return f"{digits[:3]}:{digits[3:]}"


def _bound(text: str, zone: tzinfo, *, end: bool) -> datetime:
    """Return the moment at which a date begins, or for the end of a range the moment after it."""
    moment = read_moment(text.strip(), zone)
    if moment is None:
        raise UsageError(
            f"Invalid date {text!r}.",
            "Use a day such as 2026-05-31, or a time such as 2026-05-31T12:30:00Z. Days are in UTC unless you set a "
            "time zone.",
        )
    whole_day = len(text.strip()) == len("2026-05-31")
    try:
        if not end:
            return moment
        return next_day(moment, zone) if whole_day else moment + SMALLEST_STEP
    except OverflowError as error:
        raise UsageError(f"{text} is beyond the calendar.", "Leave that end of the range open.") from error


def next_day(midnight: datetime, zone: tzinfo) -> datetime:
    """Return the midnight of a zone that follows another one, in UTC. A day may have 23 or 25 hours."""
    return (midnight.astimezone(zone) + timedelta(days=1)).astimezone(timezone.utc)
