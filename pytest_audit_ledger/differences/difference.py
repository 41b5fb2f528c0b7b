"""Find what differs between two ledgers: entries that changed, column by column, are missing, or were added.

Both are read in parallel, stream by stream in order of sequence number, and joined batch by batch. Whole columns of a
batch are compared at once; entries are compared one by one only if something differs.

Values are compared as text, in the forms that `model/entry.py` and examples/reference/formats.md describe. An export
may spell a document, number or boolean differently than the server, so these are compared by their meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise, takewhile
from typing import Any

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.export.batch_iterator import BatchIterator
from pytest_audit_ledger.export.row_formats import DOCUMENTS, NUMBERS, batch_names
from pytest_audit_ledger.model.batch import NULL, Batch, plain_text, shown
from pytest_audit_ledger.model.difference import LAST, ChangedEntry, Difference, SequenceRanges, Side, Value
from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.outcome import LONGEST_TEXT
from pytest_audit_ledger.model.printable import clip
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM
from pytest_audit_ledger.model.progress import Advance, Progress, no_progress
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot

Named = tuple[str, Snapshot]
"""A ledger to compare: its name, without secrets, and its snapshot."""


def difference(a: Named, b: Named, *, samples: int, progress: Progress = no_progress) -> Difference:
    """Compare two ledgers entry by entry, in the columns that both have.

    `samples`: how many changes and ranges to keep; all are counted. Raises SourceError if a side cannot be read, or is
    not in order of sequence number.
    """
    (_, before), (_, after) = a, b
    profile = before.info.profile
    for label, snapshot in (a, b):
        for name in (SEQUENCE, *([STREAM] if profile.streams else [])):
            if (reason := snapshot.unreadable(name)) is not None:
                raise SourceError(f"{label} cannot be compared: {reason}.", "Compare another copy of it.")
    key = (*profile.streams, profile.column(SEQUENCE))
    first = before.info.columns or after.info.columns  # an empty export has none
    second = after.info.columns or before.info.columns
    common = [name for name in first if name in second and name not in key]
    found = Difference(
        a=Side(a[0], before.info),
        b=Side(b[0], after.info),
        columns=(*key, *common),
        only_in_a=tuple(name for name in first if name not in second),
        only_in_b=tuple(name for name in second if name not in first),
        limit=samples,
    )
    bounds = None if profile.streams else before.bounds()
    streams = _in_both_orders(_streams(before), _streams(after)) if profile.streams else [""]
    with ExitStack() as resources, progress(bounds[1] - bounds[0] + 1 if bounds else None) as advance:

        def cursor(label: str, snapshot: Snapshot) -> _Cursor:
            batches = BatchIterator(_reader(snapshot, common), snapshot.stop)
            return _Cursor(resources.enter_context(batches), label, batch_names(profile, common))

        one, other, judge = cursor(*a), cursor(*b), _Judge(found, common)
        for stream in streams:
            for part in (one, other, judge):
                part.begin(stream)
            _merge(one, other, judge, advance)
    return found


def _reader(snapshot: Snapshot, columns: Sequence[str]) -> Callable[[Callable[[Batch], None]], None]:
    """Return what reads columns of the table; an export without entries has none."""
    profile, has = snapshot.info.profile, snapshot.info.columns
    roles = [SEQUENCE, *([STREAM] if profile.streams else [])] if has else []
    wanted = [*roles, *batch_names(profile, (name for name in columns if name in has))]
    return lambda consume: snapshot.scan(wanted, Segment(), consume)


def _streams(snapshot: Snapshot) -> list[str]:
    """Return the streams of a ledger in the order in which it is read, as JSON text."""
    found: dict[str, None] = {}

    def consume(batch: Batch) -> None:
        found.update(dict.fromkeys(stream for stream, _ in batch.streams()))

    interruptible(lambda: _reader(snapshot, [])(consume), snapshot.stop)
    return list(found)


def _in_both_orders(a: Sequence[str], b: Sequence[str]) -> list[str]:
    """Return the streams of both in an order in which each side has its own.

    Raises SourceError if there is none: two servers may sort text differently.
    """
    of_a, of_b = set(a), set(b)
    if [stream for stream in a if stream in of_b] != [stream for stream in b if stream in of_a]:
        raise SourceError(
            "A and B have their streams in different orders, because their servers sort text differently.",
            "Compare two exports or restored backups that the same server sorted.",
        )
    found: list[str] = []
    rest = iter(b)
    for stream in a:
        if stream in of_b:
            found += takewhile(lambda other, common=stream: other != common, rest)  # type: ignore[misc]
        found.append(stream)
    return [*found, *rest]


class _Cursor:
    """A position in the entries of one side."""

    def __init__(self, batches: Iterator[Batch], label: str, columns: Sequence[str]) -> None:
        self._parts = (part for batch in batches for part in batch.streams())
        self._next: tuple[str, Batch] | None = next(self._parts, None)
        self._stream = ""
        self._label = label
        self._names = columns
        self.numbers: list[float] = []
        self.columns: list[list[str]] = []
        self.at = 0

    def begin(self, stream: str) -> None:
        """Go on with a stream, if it has entries."""
        self._stream, self.numbers, self.columns, self.at = stream, [], [], 0

    def fill(self) -> bool:
        """Read more if needed; return whether there is an entry of the stream at this position."""
        while self.at >= len(self.numbers):
            if self._next is None or self._next[0] != self._stream:
                return False
            (_, batch), self._next = self._next, next(self._parts, None)
            before = self.numbers[-1:]
            self.numbers = [LAST if number is None else number for number in batch.sequence_numbers]
            self.columns = [batch.text(name) for name in self._names]
            self.at = 0
            self._require_order([*before, *self.numbers])
        return True

    def _require_order(self, numbers: list[float]) -> None:
        for earlier, later in pairwise(numbers):
            if earlier > later:
                raise SourceError(
                    f"{self._label} is not in order of sequence number: {later} comes after {earlier}.",
                    "Export it again, or compare the database itself.",
                )

    @property
    def left(self) -> int:
        return len(self.numbers) - self.at


def _merge(a: _Cursor, b: _Cursor, judge: _Judge, advance: Advance) -> None:
    """Join two sides that are both in order."""
    while a.fill() and b.fill():
        width = min(a.left, b.left)
        if _alike(a, b, width):
            judge.same(a.numbers[a.at : a.at + width])
            a.at, b.at = a.at + width, b.at + width
            advance(width)
        else:
            _step(a, b, judge, advance)
    while a.fill():
        judge.missing(a.numbers[a.at :])
        advance(a.left)
        a.at = len(a.numbers)
    while b.fill():
        judge.added(b.numbers[b.at :])
        b.at = len(b.numbers)


def _alike(a: _Cursor, b: _Cursor, width: int) -> bool:
    pairs = zip([a.numbers, *a.columns], [b.numbers, *b.columns], strict=True)
    return all(one[a.at : a.at + width] == other[b.at : b.at + width] for one, other in pairs)  # type: ignore[index]


def _step(a: _Cursor, b: _Cursor, judge: _Judge, advance: Advance) -> None:
    """Compare entry by entry, to the end of a batch."""
    start = a.at
    while a.left and b.left:
        one, other = a.numbers[a.at], b.numbers[b.at]
        if one == other:
            judge.both(one, [column[a.at] for column in a.columns], [column[b.at] for column in b.columns])
            a.at, b.at = a.at + 1, b.at + 1
        elif one < other:
            judge.missing([one])
            a.at += 1
        else:
            judge.added([other])
            b.at += 1
    advance(a.at - start)


class _Judge:
    """Records what the merge found in a difference."""

    def __init__(self, found: Difference, columns: Sequence[str]) -> None:
        self.found = found
        self._columns = columns
        self._stream = ""
        exported = found.a.is_export or found.b.is_export
        self._meanings = [_meaning(found, name) if exported else None for name in columns]

    def begin(self, stream: str) -> None:
        self._stream = shown(stream)
        for ranges in (self.found.both, self.found.missing, self.found.added):
            ranges.stream = self._stream

    def _reached(self, numbers: Sequence[float], *, both: bool) -> None:
        """Note the last number of the stream."""
        if (last := next((int(one) for one in reversed(numbers) if one != LAST), None)) is not None:
            self.found.last_in_b[self._stream] = last
            if both:
                self.found.last_in_both[self._stream] = last

    def both(self, number: float, one: Sequence[str], other: Sequence[str]) -> None:
        pairs = zip(self._columns, self._meanings, one, other, strict=True)
        differing = {name: (left, right) for name, same, left, right in pairs if not _equal(left, right, same)}
        if not differing:
            self.same([number])
            return
        self.found.both.extend([number])
        self._reached([number], both=True)
        self.found.changed += 1
        first = differing.keys() - self.found.changed_columns.keys()  # many changes must not hide one of another kind
        self.found.changed_columns.update(differing.keys())
        if first or len(self.found.changes) < self.found.limit:
            values = {name: _shown(*both) for name, both in differing.items()}
            place = None if number == LAST else int(number)
            self.found.changes.append(ChangedEntry(place, values, self._stream))

    def same(self, numbers: Sequence[float]) -> None:
        self.found.same += len(numbers)
        self._reached(numbers, both=True)
        self.found.both.extend(numbers)
        self.found.last_same = next((int(one) for one in reversed(numbers) if one != LAST), self.found.last_same)

    def missing(self, numbers: Sequence[float]) -> None:
        self._absent(numbers, self.found.b, self.found.missing)

    def added(self, numbers: Sequence[float]) -> None:
        self._reached(numbers, both=False)
        self._absent(numbers, self.found.a, self.found.added)

    def _absent(self, numbers: Sequence[float], elsewhere: Side, runs: SequenceRanges) -> None:
        if elsewhere.info.extent is Extent.PART:
            self.found.unjudged += len(numbers)
            return
        runs.extend(numbers)


def _equal(left: str, right: str, meaning: Callable[[str], str] | None) -> bool:
    if left == right or meaning is None or NULL in (left, right):
        return left == right
    return meaning(left) == meaning(right)


def _meaning(found: Difference, name: str) -> Callable[[str], str] | None:
    """Return a function that normalizes the spelling of a column's values; None if a value has only one spelling."""
    sides = sorted((found.a, found.b), key=lambda side: side.is_export)  # prefer a database's types to an export's
    kind = next((side.info.columns[name].type for side in sides if name in side.info.columns), "text")
    if kind in DOCUMENTS or NUMBERS.fullmatch(kind) or kind == "boolean":
        return partial(_meant, truth=kind == "boolean")
    return None


def _meant(text: str, *, truth: bool) -> str:
    plain = plain_text(text) or ""
    if truth:
        plain = {"t": "true", "f": "false"}.get(plain, plain)
    try:
        return json.dumps(json.loads(plain), sort_keys=True)
    except (ValueError, RecursionError):
        return plain


def _shown(left: str, right: str) -> tuple[Value, Value]:
    """Return both values as plain text; of long ones, the part where they begin to differ."""
    one, other = plain_text(left), plain_text(right)
    if one is None or other is None or max(len(one), len(other)) <= LONGEST_TEXT:
        return _clipped(one), _clipped(other)
    pairs = enumerate(zip(one, other, strict=False))
    start = max(0, next((at for at, (x, y) in pairs if x != y), min(len(one), len(other))) - _BEFORE)
    before = "…" if start else ""
    return _clipped(before + one[start:]), _clipped(before + other[start:])


_BEFORE = 100
"""Characters shown before the first difference."""


def _clipped(value: Value) -> Value:
    return None if value is None else clip(value, LONGEST_TEXT)


def as_json(found: Difference) -> dict[str, Any]:
    """Return the difference, ready for `json.dumps`; checks/difference.schema.json describes it."""
    return {
        "schema_version": 1,
        "a": _side(found.a),
        "b": _side(found.b),
        "same": found.is_same,
        "columns": list(found.columns),
        "only_in_a": list(found.only_in_a),
        "only_in_b": list(found.only_in_b),
        "entries": {
            "same": found.same,
            "changed": found.changed,
            "missing": found.missing.count,
            "added": found.added.count,
            "unjudged": found.unjudged,
        },
        "changed_columns": dict(found.changed_columns),
        "changes": [
            {
                **({"stream": change.stream} if change.stream else {}),
                "sequence_number": change.sequence_number,
                "columns": {name: {"a": one, "b": other} for name, (one, other) in change.columns.items()},
            }
            for change in found.changes
        ],
        "missing": _ranges(found.missing),
        "added": _ranges(found.added),
        "notes": found.notes,
    }


def _ranges(ranges: SequenceRanges) -> list[list[Any]]:
    return [[first, last, *([stream] if stream else [])] for stream, first, last in ranges.in_streams()]


def _side(side: Side) -> dict[str, Any]:
    return {"ledger": side.label, "table": side.info.table, "extent": side.info.extent.value}
