"""What differs between two ledgers, entry by entry. No I/O; `differences/difference.py` finds it out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo

LAST = math.inf
"""The place of an entry without a sequence number: after all others."""

Value = str | None


@dataclass(frozen=True)
class Side:
    """One of the two ledgers: its name, without secrets, and what is known of it before reading entries."""

    label: str
    info: LedgerInfo

    @property
    def is_export(self) -> bool:
        """Whether it is a file: it may have fewer columns, and may spell some values differently."""
        return self.info.export is not None


@dataclass(frozen=True)
class ChangedEntry:
    """An entry in both ledgers, with both values of every column that differs; `stream` if there are several."""

    sequence_number: int | None
    columns: dict[str, tuple[Value, Value]]
    stream: str = ""

    @property
    def number(self) -> int:
        """Its sequence number, 0 if it has none."""
        return self.sequence_number or 0


@dataclass
class SequenceRanges:
    """Sequence numbers: all are counted, and the first ranges are kept; `last` is the last number of all.

    `stream` is the one that numbers are being added of.
    """

    limit: int
    count: int = 0
    last: int | None = None
    stream: str = ""
    ranges: list[tuple[str, int | None, int | None]] = field(default_factory=list)

    def extend(self, numbers: Sequence[float]) -> None:
        """Add the next numbers; consecutive ones are added at once."""
        first, last = numbers[0], numbers[-1]
        is_one = last != LAST and numbers == list(range(int(first), int(first) + len(numbers)))
        for low, high in [(first, last)] if is_one else zip(numbers, numbers, strict=True):
            self._add(None if low == LAST else int(low), None if high == LAST else int(high))
        self.count += len(numbers)

    def _add(self, first: int | None, last: int | None) -> None:
        stream, start, end = self.ranges[-1] if self.ranges else ("", None, None)
        if first is not None and stream == self.stream and end in (first - 1, first):
            self.ranges[-1] = stream, start, last
        elif len(self.ranges) <= self.limit:  # one more than is shown, so that the last one shown is complete
            self.ranges.append((self.stream, first, last))
        self.last = self.last if last is None else last

    def shown(self) -> list[tuple[int | None, int | None]]:
        """Return at most `limit` ranges."""
        return [(first, last) for _, first, last in self.in_streams()]

    def in_streams(self) -> list[tuple[str, int | None, int | None]]:
        """Return at most `limit` ranges, each after its stream."""
        return self.ranges[: self.limit]


@dataclass(kw_only=True)
class Difference:
    """What differs between A and B: `missing` entries are only in A, `added` ones only in B.

    `unjudged` entries are in one only, but the other is a part of a ledger, so the reason is unknown. `both` are the
    entries that were compared, `last_same` is the last of the same ones. `last_in_both` and `last_in_b` are the last
    numbers of each stream. `changes` are the first of the `changed` entries, and the first in each column.
    """

    a: Side
    b: Side
    columns: tuple[str, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    limit: int
    same: int = 0
    changed: int = 0
    unjudged: int = 0
    missing: SequenceRanges = field(init=False)
    added: SequenceRanges = field(init=False)
    both: SequenceRanges = field(init=False)
    last_same: int | None = None
    last_in_both: dict[str, int] = field(default_factory=dict)
    last_in_b: dict[str, int] = field(default_factory=dict)
    changed_columns: Counter[str] = field(default_factory=Counter)
    changes: list[ChangedEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.missing, self.added, self.both = (SequenceRanges(self.limit) for _ in range(3))

    @property
    def lacks_columns(self) -> bool:
        """Whether a column is missing in one of two databases; an export may have fewer columns on purpose."""
        return bool(self.only_in_a or self.only_in_b) and not (self.a.is_export or self.b.is_export)

    @property
    def is_same(self) -> bool:
        """Whether nothing differs of what could be compared."""
        return not (self.changed or self.missing.count or self.added.count or self.lacks_columns)

    @property
    def compared(self) -> int:
        """How many entries are in both."""
        return self.same + self.changed

    @property
    def notes(self) -> list[str]:
        """The limits of the comparison, in sentences."""
        return [*_extent_note("A", self.a.info), *_extent_note("B", self.b.info)]


def _extent_note(name: str, info: LedgerInfo) -> Iterator[str]:
    if info.extent is Extent.PART:
        yield f"{name} is a filtered export, so entries that are missing there may have been filtered out."
    if info.extent is Extent.UNKNOWN:
        yield f"{name} has no manifest, so it is unknown whether missing entries were filtered out."
    if info.export and info.export.manifest and info.export.manifest["sha256"] != info.export.sha256:
        yield f"{name} does not match its manifest, so the file or the manifest was changed."
