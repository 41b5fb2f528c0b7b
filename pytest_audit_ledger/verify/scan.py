"""One pass over the entries: every scan kind sees every batch, and segments can be read in parallel.

Each process reads over a connection of its own that joins the same snapshot. What the kinds found in each segment is
merged in the order of the entries, so findings, counts and their order do not depend on the number of workers.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, UsageError
from pytest_audit_ledger.kinds.kind import Kind, ScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.profile import SEQUENCE, STREAM
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.sources.source import Segment, Snapshot, Source
from pytest_audit_ledger.verify.executors import LocalWorkers, Part

WORTH_A_PROCESS = 150_000
"""Entries for each worker below which starting a process costs more than it saves (about a third of a second)."""

MOST_WORKERS = 8
SEGMENTS_PER_WORKER = 32
"""So many that the last ones, which not every process has, take little time."""

EVERYTHING = Segment()


def parse_workers(text: str) -> int | None:
    """Return the number of workers that `text` asks for, None for `auto`. Raises UsageError for anything else."""
    if text == "auto":
        return None
    if text.isdecimal() and 1 <= int(text) <= 256:
        return int(text)
    raise UsageError(f"{text!r} is not a valid number of workers.", "Write auto, or a number from 1 to 256.")


class Scanned(NamedTuple):
    """The kinds that saw every entry, and what a user should know of how they were read; empty if there is nothing."""

    kinds: Part
    note: str = ""


def scan(
    source: Source,
    snapshot: Snapshot,
    kinds: Sequence[ScanKind],
    workers: int | None,
    progress: Progress,
    after: int | None = None,
) -> Scanned:
    """Feed every entry of the snapshot to every kind, and return the kinds, merged and closed.

    `workers` is a number of processes, or None to choose one by the size of the ledger and the processors at hand.
    `after`: resume after this entry, and read older ones only if a kind asks for them again.
    Raises SourceError if not all entries can be read.
    """
    columns = _columns(*kinds)
    whole = EVERYTHING if after is None else Segment(after + 1)
    low, high = snapshot.bounds() or (1, 0)
    low = low if after is None else after + 1
    entries = max(0, high - low + 1)
    fresh = _pickled(kinds) if snapshot.divisible else None
    count = 1 if fresh is None else _choose(workers, entries)
    executor = LocalWorkers(count - 1)
    again = sum(last - first + 1 for kind in kinds for first, last in kind.again)
    with progress(entries + again or None) as advance:
        if after is not None:
            _resume(snapshot, columns, after, kinds)
        if count == 1 or fresh is None:
            parts = [_read(snapshot, columns, whole, kinds, advance)]
        else:
            segments = cut(low, high, count * SEGMENTS_PER_WORKER, whole)
            parts = [list(kinds)] if after is not None else []
            parts += executor.run(
                _SegmentTask(source, snapshot.share(), columns, fresh),
                segments,
                lambda segment: _read(snapshot, columns, segment, _unpickled(fresh), advance),
                lambda part: advance(part[0].element_count),
            )
        merged = reduce(_merge_parts, parts)
        for kind in merged:
            _read_again(snapshot, kind, advance)
    for kind in merged:
        _guarded(kind, kind.close)
    return Scanned(merged, executor.note)


def _columns(*kinds: ScanKind) -> list[str]:
    streams = [STREAM] if kinds and kinds[0].ledger.profile.streams else []
    return list(dict.fromkeys([SEQUENCE, *streams, *(column for kind in kinds for column in kind.columns)]))


def _pickled(kinds: Sequence[ScanKind]) -> bytes | None:
    """Return the kinds as other processes get them, None if one of them cannot be sent to another process."""
    try:
        return pickle.dumps(list(kinds))
    except Exception:  # noqa: BLE001  (anybody's code; the run then needs no other process)
        return None


def _unpickled(fresh: bytes) -> Part:
    kinds: Part = pickle.loads(fresh)  # noqa: S301  (pickled by this run)
    return kinds


def _resume(snapshot: Snapshot, columns: Sequence[str], after: int, kinds: Sequence[ScanKind]) -> None:
    def tell(batch: Batch) -> None:
        for kind in kinds:
            _guarded(kind, lambda kind=kind: kind.resume(batch))  # type: ignore[misc]

    snapshot.scan(columns, Segment(after, after + 1), tell)


def _read_again(snapshot: Snapshot, kind: ScanKind, advance: Advance) -> None:
    """Give a kind the older entries that it asks for, range by range."""
    for place, (first, last) in enumerate(kind.again):

        def consume(batch: Batch, place: int = place) -> None:
            kind.element_count += len(batch)
            _guarded(kind, lambda: kind.reread(place, batch))
            advance(len(batch))

        snapshot.scan(_columns(kind), Segment(first, last + 1), consume)


def _choose(workers: int | None, entries: int) -> int:
    if workers is not None:
        return workers
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, MOST_WORKERS, entries // WORTH_A_PROCESS))


def cut(low: int, high: int, count: int, whole: Segment = EVERYTHING) -> list[Segment]:
    """Return at most `count` segments that cover every sequence number of `whole` once; the outer ones are as open."""
    width = max(1, -(-(high - low + 1) // count))
    starts = list(range(low + width, high + 1, width))[: count - 1]
    return [Segment(first, end) for first, end in zip([whole.first, *starts], [*starts, whole.end], strict=True)]


def _read(
    snapshot: Snapshot, columns: Sequence[str], segment: Segment, kinds: Sequence[ScanKind], advance: Advance
) -> Part:
    def consume(batch: Batch) -> None:
        for kind in kinds:
            kind.element_count += len(batch)
            _guarded(kind, lambda kind=kind: kind.feed(batch))  # type: ignore[misc]
        advance(len(batch))

    snapshot.scan(columns, segment, consume)
    return list(kinds)


@dataclass(frozen=True)
class _SegmentTask:
    """Reads a segment in any process, over a connection of its own that joins the snapshot."""

    source: Source
    shared: str
    columns: Sequence[str]
    fresh: bytes
    """The kinds, pickled, before they have seen anything."""

    def __call__(self, segment: Segment) -> Part:
        """Read a segment. Raises SourceError."""
        if self.shared not in _joined:
            resources = ExitStack()
            _joined[self.shared] = resources.enter_context(self.source.snapshot(self.shared)), resources
        return _read(_joined[self.shared][0], self.columns, segment, _unpickled(self.fresh), lambda _: None)


_joined: dict[str, tuple[Snapshot, ExitStack]] = {}
"""A worker's view of the snapshot, opened once for all segments that it reads; it ends with the process."""


def _merge_parts(earlier: Part, later: Part) -> Part:
    return [_merge(before, after) for before, after in zip(earlier, later, strict=True)]


def _merge(earlier: ScanKind, later: ScanKind) -> ScanKind:
    if not later.element_count:
        return earlier
    if not (earlier.element_count or earlier.resumed):
        return later
    earlier.failure = earlier.failure or later.failure
    _guarded(earlier, lambda: earlier.merge(later))
    earlier.element_count += later.element_count
    return earlier


def _guarded(kind: ScanKind, action: Callable[[], None]) -> None:
    """Run code of a kind; if it fails, that is one check which cannot be evaluated, and the others go on."""
    if kind.failure:
        return
    try:
        action()
    except LedgerError as error:
        kind.failure = error
    except Exception as error:  # noqa: BLE001  (anybody's code; whatever it raises becomes this check's ERROR)
        kind.failure = broken_kind(type(kind), error)


def broken_kind(kind: type[Kind], error: Exception) -> CannotEvaluate:
    """Return the error of a check whose kind has code that failed."""
    reason = f"The code of the kind {kind.name} failed with {type(error).__name__}: {error}."
    return CannotEvaluate(reason, "Report this to the author of the kind.")
