"""The kind timestamp_order: time does not run backwards, and no entry is in the future."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import repeat
from operator import contains, le
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import PairwiseScanKind
from pytest_audit_ledger.model.batch import NULL, Batch
from pytest_audit_ledger.model.duration import DURATION_PATTERN, duration
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Findings, Sides
from pytest_audit_ledger.model.profile import TIMESTAMP


class TimestampOrder(PairwiseScanKind):
    """No entry is older than the one before it, infinite, or in the future by the server's clock.

    `future_tolerance`: how far ahead of the server's clock a timestamp may be, for example `90s`, `5m`, `24h`.
    """

    name = "timestamp_order"
    family = Family.TIME
    rule = "Every entry has a finite timestamp, neither earlier than that of the entry before it nor in the future."
    remedy = (
        "Compare the clocks of the writer and of the database server, and compare the entries shown with the writer's "
        "log. If chain_linkage or entry_hash fails at the same entries, treat them as inserted, moved or edited."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "TIMESTAMP_FUTURE": (
            "Compare the clocks of the writer and of the database server. If the difference is acceptable, raise "
            "future_tolerance; if not, compare the entries shown with the writer's log."
        ),
    }
    integrity = True
    columns = ("timestamp",)
    sides: ClassVar[Mapping[str, Sides]] = {"TIMESTAMP_ORDER": ("in order", "timestamp")}
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "future_tolerance": {
            "type": "string",
            "pattern": DURATION_PATTERN,
            "default": "5m",
            "examples": ["90s", "5m", "24h", "7d"],
            "description": "How far ahead of the server's clock a timestamp may be: 90s, 5m, 24h.",
        }
    }

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.leading = Findings(samples)
        """The findings before the first timestamp that can be compared."""
        column = ledger.columns.get(ledger.profile.column(TIMESTAMP))
        self.is_written = column is not None and column.type.startswith(("text", "character"))
        """Whether the times are texts, as a program wrote them."""
        self.unreadable = 0
        now = datetime.fromisoformat(ledger.server_time)
        try:
            self.latest = canonical_timestamp(now + duration(self.parameters["future_tolerance"]))
        except OverflowError:
            self.latest = canonical_timestamp(datetime.max.replace(tzinfo=timezone.utc))

    def _texts(self, batch: Batch) -> Sequence[str]:
        texts = batch.text(TIMESTAMP)
        return [text if text == NULL else _moment(text) for text in texts] if self.is_written else texts

    def _sort(self, batch: Batch, texts: Sequence[str]) -> bool:
        """Return whether the times of a batch sort as text."""
        return all(map(contains, texts, repeat("T"))) if self.is_written else batch.has_canonical_timestamps

    def flawless(self, batch: Batch, starts: Sequence[int]) -> Any:
        """Compare all timestamps with those before them at once. Canonical timestamps sort as text."""
        texts = self._texts(batch)
        if not self._sort(batch, texts) or (self.last is None and starts[0] > 0):
            return None
        before = [texts[0] if self.last is None else self.last[1], *texts[:-1]]
        for place in starts:
            before[place] = texts[place]
        last = (batch.sequence_numbers[-1], texts[-1])
        return last if all(map(le, before, texts)) and max(texts) <= self.latest else None

    def feed_stream(self, batch: Batch) -> None:
        """Compare the column with itself, shifted by one. Canonical timestamps sort as text."""
        texts = self._texts(batch)
        numbers = batch.sequence_numbers
        if self._sort(batch, texts) and all(map(le, texts, texts[1:])) and texts[-1] <= self.latest:
            self.join((numbers[0], texts[0]))
            self.last = (numbers[-1], texts[-1])
        else:
            for number, text in zip(numbers, texts, strict=True):
                self._examine(number, text)

    def _examine(self, number: int | None, text: str) -> None:
        if text == NULL:
            self._add(Finding("TIMESTAMP_MISSING", "the entry has no timestamp", number, "a time", "NULL"))
        elif text == _UNREADABLE:
            self.unreadable += 1
            message = "the timestamp is a text that is not in ISO 8601, so its order is unknown"
            self._add(Finding("TIMESTAMP_UNREADABLE", message, number, "a time", "another text"))
        elif text.endswith("infinity"):
            message = "the timestamp is infinite"
            self._add(Finding("TIMESTAMP_INFINITE", message, number, "a time", text))
        else:
            self.join((number, text))
            if _age(text) > _age(self.latest):
                message = "the timestamp is further ahead of the server's clock than the tolerance allows"
                self._add(Finding("TIMESTAMP_FUTURE", message, number, f"at most {self.latest}", text))

    def _add(self, finding: Finding) -> None:
        self.leading.stream = self.findings.stream
        (self.leading if self.is_leading else self.findings).add(finding)

    def resume(self, batch: Batch) -> None:
        """Take the entry as the one before the first, and drop what was found in it."""
        super().resume(batch)
        self.leading = Findings(self.leading.limit)

    def merge(self, later: TimestampOrder) -> None:
        """Put what the later segment found before its first moment before what the seam shows."""
        (self.leading if self.is_leading else self.findings).extend(later.leading)
        self.unreadable += later.unreadable
        super().merge(later)

    def close(self) -> None:
        """Put all findings in order; refuse to conclude from times that are all written in another way."""
        if self.unreadable == self.element_count > 0:
            raise CannotEvaluate(
                f"No text in {self.ledger.profile.column(TIMESTAMP)} is a time in ISO 8601.",
                "If it has numbers, give its unit in the profile; otherwise leave out the role timestamp.",
            )
        self.leading.extend(self.findings)
        self.findings = self.leading

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find an entry that is older than the one before it."""
        if previous is None or _age(current[1]) >= _age(previous[1]):
            return None
        message = f"the entry is older than the one before it (sequence {previous[0]})"
        return Finding("TIMESTAMP_ORDER", message, current[0], f"{previous[1]} or later", current[1])


def _age(text: str) -> tuple[int, str]:
    """Return a key that orders timestamps as PostgreSQL prints them, also beyond year 9999 and before year 1."""
    year, _, rest = text.partition("-")
    return (-int(year) if rest.endswith(" BC") else int(year), rest)


_UNREADABLE = ""
_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?)? ?(?:Z|([+-]\d\d):?(\d\d)?)?", re.IGNORECASE
)


def _moment(text: str) -> str:
    """Return a time in ISO 8601 in UTC with nine digits of fraction, so that it sorts as text.

    Programs leave out digits that are zero and write offsets that change with the season, so their texts do not sort.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return _UNREADABLE
    day, clock, fraction, hours, minutes = found.groups("")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{hours or '+00'}:{minutes or '00'}")
        moment = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return _UNREADABLE
    return f"{moment.isoformat()[:19]}.{fraction:0<9}+00:00"
