"""Count the entries of a period: one pass over a few columns, in constant memory, from any source."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import compress, repeat
from operator import contains
from typing import Any

from pytest_audit_ledger.model.batch import NULL, Batch, json_text, plain_text
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM, TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.verify.verification import Survey

OTHER = "(other)"
MISSING = "(missing)"

MOST_NAMES = 1_000
"""Most rules, statuses or unknown verdicts that are counted by name."""

MOST_MOMENTS = 40_000
"""Most days or hours that are counted separately: more than a century of days."""

SHOWN = 20
"""Most entries that a report shows in detail; all are counted."""

BY_HOUR = timedelta(days=3)
"""Periods up to this length are counted by hour, longer ones by day."""

LONGEST_NAME, LONGEST_TEXT = 200, 1_000
"""Characters kept of a name, such as a rule's, and of a text, such as reasoning; an export has all of them."""

DETAILS = ("timestamp", "verdict", "rule_id", "telemetry_id", "reasoning", "escalation_status", "escalation_notes")
_TEXTS = ("reasoning", "escalation_notes")

Place = tuple[str, int]
"""The stream of an entry as JSON text, empty if there is one chain, and its number."""


def needed(profile: Profile) -> list[str]:
    """Return the columns that are counted, of those that the ledger has."""
    return [name for name in (SEQUENCE, STREAM, TIMESTAMP, VERDICT) if profile.has(name)]


class VerdictTally:
    """Counts by name; if there are too many names, the rarest are counted together as `others`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.others = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count texts of a batch by their shortened names."""
        for text, number in Counter(texts).items():
            self.counts[named(text)] += number
        if len(self.counts) > MOST_NAMES:
            kept = dict(self.counts.most_common(MOST_NAMES // 2))
            self.others += self.counts.total() - sum(kept.values())
            self.counts = Counter(kept)

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return self.counts.total() + self.others

    def named(self) -> list[tuple[str, int]]:
        """Return names with their counts, the most frequent first, the others last."""
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        rest = [(OTHER, self.others)] if self.others else []
        return [*ranked, *rest]


def named(text: str) -> str:
    """Return the shortened name for the JSON text of a value."""
    plain = plain_text(text)
    return MISSING if plain is None else clip(plain, LONGEST_NAME) or "(empty)"


@dataclass
class Figures:
    """The counts for a period.

    `moments` counts entries by day of the `zone` (`2026-05-21`) or hour of UTC (`2026-05-21T15`) and verdict; unknown
    verdicts are `OTHER`. `untimed` counts those with a time outside of the calendar, or beyond `MOST_MOMENTS`.
    `rule_moments` counts violations by rule and moment, as long as there are few enough. `before` are the verdicts of
    the preceding period, `rules_before` its violations by rule; None if there is none. `known` are the verdicts that
    `moments` tells apart, `violating` those of violations. Without a role `verdict`, every entry counts as `(empty)`.
    `oldest` is the time of the first violation with each escalation status.
    """

    hourly: bool
    known: Sequence[str]
    violating: Sequence[str]
    zone: tzinfo = timezone.utc
    verdicts: VerdictTally = field(default_factory=VerdictTally)
    before: VerdictTally | None = None
    moments: Counter[tuple[str, str]] = field(default_factory=Counter)
    untimed: int = 0
    violation_count: int = 0
    rules: VerdictTally = field(default_factory=VerdictTally)
    rules_before: VerdictTally | None = None
    rule_moments: Counter[tuple[str, str]] = field(default_factory=Counter)
    violation_statuses: VerdictTally = field(default_factory=VerdictTally)
    statuses: VerdictTally = field(default_factory=VerdictTally)
    oldest: dict[str, str] = field(default_factory=dict)
    violations: deque[Place] = field(default_factory=lambda: deque(maxlen=SHOWN))
    escalated: deque[Place] = field(default_factory=lambda: deque(maxlen=SHOWN))
    unfollowed: list[Place] = field(default_factory=list)
    first: Mapping[str, str] | None = None
    last: Mapping[str, str] | None = None
    details: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """The number of entries in the period."""
        return self.verdicts.total

    @property
    def open_violations(self) -> int:
        """The number of violations without an escalation status."""
        known = self.violation_statuses
        return self.violation_count - known.total + known.counts[MISSING]


def preceding(request: ReportRequest) -> Selection | None:
    """Return the period of as many days, or of the same length, before this one; None if this one is open."""
    period, zone = request.period, request.zone
    if period.since is None or period.before is None:
        return None
    try:
        since, before = period.since.astimezone(zone), period.before.astimezone(zone)
        return Selection(since=(since - (before - since)).astimezone(timezone.utc), before=period.since)
    except OverflowError:
        return None


def count(snapshot: Snapshot, request: ReportRequest, survey: Survey | None, progress: Progress) -> Figures:
    """Read and count the entries of a period and of the preceding one. Raises SourceError."""
    earlier, period, profile = preceding(request), request.period, snapshot.info.profile
    figures = Figures(
        _length(period, survey) <= BY_HOUR,
        tuple(profile.values.get(VERDICT, ())),
        tuple(profile.violations),
        zone=request.zone,
        before=VerdictTally() if earlier else None,
        rules_before=VerdictTally() if earlier else None,
    )
    boundary = canonical_timestamp(period.since) if earlier and period.since else None
    more = [name for name in ("rule_id", "escalation_status") if _can_be_read(snapshot, name)]
    columns = [*needed(profile), *more]
    read = Selection(since=earlier.since if earlier else period.since, before=period.before)
    with progress(survey.entries if survey and not read.described() else None) as advance:

        def consume(batch: Batch) -> None:
            taken = {name: batch.text(name) for name in columns}
            _count(figures, taken if boundary is None else _after(figures, taken, boundary))
            advance(len(batch))

        snapshot.select(columns, read, consume)
    figures.details = _details(snapshot, {*figures.violations, *figures.escalated})
    figures.details = {**figures.details, **_details(snapshot, {*figures.unfollowed})}
    return figures


def _length(period: Selection, survey: Survey | None) -> timedelta:
    since = period.since or _moment(survey.time_first if survey else "")
    before = period.before or _moment(survey.time_last if survey else "")
    return before - since if since and before else timedelta.max


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(timezone.utc) if "T" in text else None


def _after(figures: Figures, columns: dict[str, list[str]], boundary: str) -> dict[str, list[str]]:
    """Count the entries before the period, and return the others."""
    inside = [time >= boundary for time in columns[TIMESTAMP]]
    if all(inside):
        return columns
    if figures.before is not None and figures.rules_before is not None:
        earlier = {name: list(compress(column, [not one for one in inside])) for name, column in columns.items()}
        figures.before.add(_verdicts(earlier))
        if "rule_id" in earlier:
            figures.rules_before.add(earlier["rule_id"][index] for index in _violating(figures, _verdicts(earlier)))
    return {name: list(compress(column, inside)) for name, column in columns.items()}


def _can_be_read(snapshot: Snapshot, name: str) -> bool:
    return snapshot.info.profile.has(name) and snapshot.unreadable(name) is None


def _verdicts(columns: Mapping[str, list[str]]) -> list[str]:
    """Return the verdicts; empty ones if the ledger has none, so that entries are counted all the same."""
    return columns[VERDICT] if VERDICT in columns else [""] * len(columns[SEQUENCE])


def _violating(figures: Figures, verdicts: Sequence[str]) -> list[int]:
    wrong = frozenset(map(json_text, figures.violating))
    return [index for index, verdict in enumerate(verdicts) if verdict in wrong]


def _places(columns: Mapping[str, list[str]], at: Iterable[int]) -> Iterator[Place]:
    numbers, streams = columns[SEQUENCE], columns.get(STREAM)
    return ((streams[index] if streams else "", int(numbers[index])) for index in at if numbers[index] != NULL)


def _count(figures: Figures, columns: Mapping[str, list[str]]) -> None:
    verdicts = _verdicts(columns)
    if not verdicts:
        return
    figures.first = figures.first or {name: column[0] for name, column in columns.items()}
    figures.last = {name: column[-1] for name, column in columns.items()}
    figures.verdicts.add(verdicts)
    moments = _moments(figures, columns.get(TIMESTAMP, [""] * len(verdicts)))
    _count_moments(figures, Counter(zip(moments, verdicts, strict=True)))
    if violations := _violating(figures, verdicts):
        _count_violations(figures, columns, violations, moments)
    statuses = columns.get("escalation_status")
    if statuses is not None and statuses.count(NULL) != len(statuses):
        escalated = [index for index, status in enumerate(statuses) if status != NULL]
        figures.statuses.add(statuses[index] for index in escalated)
        figures.escalated.extend(_places(columns, escalated))


def _moments(figures: Figures, times: Sequence[str]) -> list[str]:
    """Return the hour of UTC, or the day of the report's zone, of each time; nothing for one outside of the calendar.

    PostgreSQL prints years outside of the calendar in another form.
    """
    width = 13 if figures.hourly else 10
    if not figures.hourly and figures.zone is not timezone.utc:
        return list(map({time: _day(time, figures.zone) for time in set(times)}.__getitem__, times))
    if all(map(contains, times, repeat("T"))):
        return [time[:width] for time in times]
    return [time[:width] if "T" in time else "" for time in times]


def _day(time: str, zone: tzinfo) -> str:
    try:
        return f"{datetime.fromisoformat(time).astimezone(zone).isoformat()[:10]}" if "T" in time else ""
    except OverflowError:
        return time[:10]


def _count_violations(
    figures: Figures, columns: Mapping[str, list[str]], violations: Sequence[int], moments: Sequence[str]
) -> None:
    figures.violation_count += len(violations)
    figures.violations.extend(_places(columns, violations))
    if "rule_id" in columns:
        rules = [columns["rule_id"][index] for index in violations]
        figures.rules.add(rules)
        _count_rules(figures, Counter(zip(rules, (moments[index] for index in violations), strict=True)))
    if "escalation_status" in columns:
        statuses = columns["escalation_status"]
        figures.violation_statuses.add(statuses[index] for index in violations)
        _note_oldest(figures, columns, violations)
        room = SHOWN - len(figures.unfollowed)
        figures.unfollowed.extend(_places(columns, [index for index in violations if statuses[index] == NULL][:room]))


def _count_rules(figures: Figures, counts: Mapping[tuple[str, str], int]) -> None:
    for (rule, moment), number in counts.items():
        key = (named(rule), moment)
        if moment and (key in figures.rule_moments or len(figures.rule_moments) < MOST_MOMENTS):
            figures.rule_moments[key] += number


def _note_oldest(figures: Figures, columns: Mapping[str, list[str]], violations: Sequence[int]) -> None:
    """Note when the first violation of each status was written; entries come in the order of their numbers."""
    statuses, times = columns["escalation_status"], columns.get(TIMESTAMP)
    for index in violations if times else ():
        if times and "T" in times[index] and len(figures.oldest) < MOST_NAMES:
            figures.oldest.setdefault(named(statuses[index]), times[index])


def _count_moments(figures: Figures, counts: Mapping[tuple[str, str], int]) -> None:
    """Count by moment and verdict; a ledger with countless different days must not fill the memory."""
    moments, known = figures.moments, {json_text(name): name for name in figures.known}
    for (moment, verdict), number in counts.items():
        key = (moment, known.get(verdict, OTHER))
        if moment and (key in moments or len(moments) < MOST_MOMENTS):
            moments[key] += number
        else:
            figures.untimed += number


def _details(snapshot: Snapshot, places: set[Place]) -> dict[Place, dict[str, str | None]]:
    """Return the entries at these places, as text."""
    found: dict[Place, dict[str, str | None]] = {}
    columns = [name for name in (SEQUENCE, STREAM, *DETAILS) if _can_be_read(snapshot, name)]

    def consume(batch: Batch) -> None:
        streams = batch.text(STREAM) if STREAM in columns else [""] * len(batch)
        for index, place in enumerate(zip(streams, batch.sequence_numbers, strict=True)):
            if place in places:
                found[place] = {name: _clipped(name, batch.text(name)[index]) for name in columns}

    numbers = [number for _, number in places]
    if numbers:
        snapshot.scan(columns, Segment(min(numbers), max(numbers) + 1), consume)
    return found


def times_of(snapshot: Snapshot, numbers: Iterable[int]) -> dict[int, str]:
    """Return the canonical times of entries by number, of a ledger with one chain. Raises SourceError."""
    found: dict[int, str] = {}
    if STREAM in (columns := needed(snapshot.info.profile)) or TIMESTAMP not in columns:
        return found

    def consume(batch: Batch) -> None:
        times = zip(batch.sequence_numbers, batch.text(TIMESTAMP), strict=True)
        found.update((number, time) for number, time in times if number is not None and "T" in time)

    for number in sorted(set(numbers)):
        snapshot.scan([SEQUENCE, TIMESTAMP], Segment(number, number + 1), consume)
    return found


def _clipped(column: str, text: str) -> str | None:
    plain = plain_text(text)
    return None if plain is None else clip(plain, LONGEST_TEXT if column in _TEXTS else LONGEST_NAME)


def unreadable(snapshot: Snapshot) -> str | None:
    """Return why the entries cannot be counted; None if they can."""
    return next(filter(None, map(snapshot.unreadable, needed(snapshot.info.profile))), None)
