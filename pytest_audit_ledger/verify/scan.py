"""One pass over the entries: every scan kind sees every batch, and segments can be read in parallel.

Each process reads over a connection of its own that joins the same snapshot. What the kinds found in each segment is
merged in the order of the entries, so findings, counts and their order do not depend on the number of workers.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import reduce
from platform import node
from typing import NamedTuple

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, SourceError, UsageError
from pytest_audit_ledger.files.resources import tool_version
from pytest_audit_ledger.kinds.kind import Kind, ScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo, Resumed
from pytest_audit_ledger.model.profile import ORDER, SEQUENCE, STREAM
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.model.segment import FilePart, Segment, by_order
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.executors import Executor, Opening, Part, Read, local_workers

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
    resumed: Resumed | None = None,
    opening: Opening = local_workers,
    opened: Callable[[Executor | None], None] = lambda _: None,
) -> Scanned:
    """Feed every entry of the snapshot to every kind, and return the kinds, merged and closed.

    `workers` is how many read at a time, or None to choose. `resumed`: resume after this entry, and read older ones
    only if a kind asks for them again. `opening` opens the executor that reads the segments, and
    `opened` gets it.
    Raises SourceError if not all entries can be read, and UsageError if the executor may not get the source.
    """
    ways = sorted({_is_in_order(kind) for kind in kinds})
    low, high = _extent(snapshot, resumed)
    entries = max(0, high - low + 1)
    is_divisible = bool(snapshot.parts) or (snapshot.divisible and (resumed is None or resumed.order is None))
    fresh = _fresh(kinds) if is_divisible else None
    again = sum(_length(one) for kind in kinds if not _is_in_order(kind) for one in kind.again)
    note = "" if fresh or opening is local_workers else _UNUSED[is_divisible]
    with (
        nullcontext() if fresh is None else opening(source, workers, entries) as executor,
        progress(entries * len(ways) + again or None) as advance,
    ):
        opened(executor)
        if resumed is not None:
            _resume(snapshot, resumed, kinds)
        if executor is None or fresh is None:
            for way in ways:
                _read(snapshot, replace(_newer(resumed), in_order=way), kinds, advance)
            merged = list(kinds)
        else:
            segments = _segments(snapshot, ways, executor.segments, (low, high), _newer(resumed))
            parts = _parts(executor, source, snapshot, segments, fresh, advance)
            merged = _merged(kinds, segments, parts, is_resumed=resumed is not None)
            note = executor.note
        for kind in merged:
            _read_again(snapshot, kind, advance)
    for kind in merged:
        _guarded(kind, kind.close)
    return Scanned(merged, note)


_UNUSED = {
    False: "The executor was not used: the entries cannot be cut into segments, so one process read all of them.",
    True: "The executor was not used: a kind cannot be sent to other processes, so one process read all entries.",
}
"""Why no executor was opened, by whether the entries are divisible."""


def _parts(
    executor: Executor,
    source: Source,
    snapshot: Snapshot,
    segments: Sequence[Segment],
    fresh: Mapping[bool, bytes],
    advance: Advance,
) -> list[Part]:
    """Return what an executor reads, segment by segment."""
    try:
        return executor.run(
            _SegmentTask(source, snapshot.share(), fresh, _moment(snapshot.info)),
            segments,
            lambda segment: _read(snapshot, segment, _unpickled(fresh, segment), advance),
            lambda part: advance(part[0].element_count),
        )
    finally:
        snapshot.end_readers()


def _extent(snapshot: Snapshot, resumed: Resumed | None) -> tuple[int, int]:
    """Return the lowest and the highest number to read; with streams or in parts, 1 and how many entries, or 0."""
    if snapshot.parts and snapshot.info.export:
        return 1, (snapshot.info.export.manifest or {}).get("entries", 0)
    if snapshot.info.profile.streams:
        return 1, 0 if resumed else snapshot.count() or 0
    low, high = snapshot.bounds() or (1, 0)
    return low if resumed is None else resumed.after + 1, high


def _segments(
    snapshot: Snapshot, ways: Sequence[bool], count: int, extent: tuple[int, int], newer: Segment
) -> list[Segment]:
    """Return what several processes read: about `count` segments, and the order of writing if a kind reads in it.

    That order is one segment, and the first that is taken, because an entry's position in it is how many were read.
    A file is cut into its parts, however many there are.
    """
    export = snapshot.info.export
    whole = FilePart(0, export.size, export.sha256, 1) if export else None
    found = [Segment(in_order=True, part=whole)] if True in ways else []
    if False not in ways:
        return found
    if export:
        return [*found, *(Segment(part=part) for part in snapshot.parts)]
    if not snapshot.info.profile.streams:
        return [*found, *cut(*extent, count, newer)]
    places = snapshot.places(count, extent[1])
    return [*found, *(Segment(left=a, right=b) for a, b in zip([None, *places], [*places, None], strict=True))]


def _is_in_order(kind: ScanKind) -> bool:
    """Whether a kind reads in the order of writing; that of one chain is its own."""
    return kind.in_order and bool(kind.ledger.profile.streams)


def _columns(*kinds: ScanKind) -> list[str]:
    streams = [STREAM] if kinds and kinds[0].ledger.profile.streams else []
    order = [ORDER] if kinds and _is_in_order(kinds[0]) else []
    return list(dict.fromkeys([SEQUENCE, *streams, *order, *(column for kind in kinds for column in kind.columns)]))


def _fresh(kinds: Sequence[ScanKind]) -> Mapping[bool, bytes] | None:
    """Return the kinds as other processes get them, by whether they read in the order of writing.

    Return None if one of them cannot be sent to another process.
    """
    try:
        return {way: pickle.dumps([one for one in kinds if _is_in_order(one) == way]) for way in (False, True)}
    except Exception:  # noqa: BLE001  (anybody's code; the run then needs no other process)
        return None


def _unpickled(fresh: Mapping[bool, bytes], segment: Segment) -> Part:
    """Return the kinds that read a segment."""
    kinds: Part = pickle.loads(fresh[segment.in_order])  # noqa: S301  (pickled by this run)
    for kind in kinds:
        kind.segment = segment
    return kinds


def _newer(resumed: Resumed | None) -> Segment:
    """Return the entries that a run reads."""
    if resumed is None:
        return EVERYTHING
    return Segment(resumed.after + 1) if resumed.order is None else Segment(since=resumed.order + 1)


def _resume(snapshot: Snapshot, resumed: Resumed, kinds: Sequence[ScanKind]) -> None:
    """Give each kind what is before the newer entries: the last one of the checkpoint, or that of each stream."""

    def tell(batch: Batch) -> None:
        for kind in told:
            _guarded(kind, lambda kind=kind: kind.resume(batch))  # type: ignore[misc]

    order = resumed.order
    last = Segment(resumed.after, resumed.after + 1)
    before = {False: last} if order is None else {False: Segment(before=order + 1), True: by_order(order, order + 1)}
    for way, segment in before.items():
        if told := [kind for kind in kinds if _is_in_order(kind) == way]:
            snapshot.scan(_columns(*told), segment, tell)


def _read_again(snapshot: Snapshot, kind: ScanKind, advance: Advance) -> None:
    """Give a kind the entries that it asks for, range by range."""
    for place, asked in enumerate(kind.again):

        def consume(batch: Batch, place: int = place) -> None:
            kind.element_count += len(batch)
            _guarded(kind, lambda: kind.reread(place, batch))
            advance(len(batch))

        snapshot.scan(_columns(kind), _segment(asked, kind), consume)


def _segment(asked: tuple[int, int] | Segment, kind: ScanKind) -> Segment:
    """Return what a kind asks for again."""
    if isinstance(asked, Segment):
        return asked
    first, last = asked
    return by_order(first, last + 1) if _is_in_order(kind) else Segment(first, last + 1)


def _length(asked: tuple[int, int] | Segment) -> int:
    """Return how many entries a range has; those of a segment are not known, and are few."""
    return 0 if isinstance(asked, Segment) else asked[1] - asked[0] + 1


def cut(low: int, high: int, count: int, whole: Segment = EVERYTHING) -> list[Segment]:
    """Return at most `count` segments that cover every sequence number of `whole` once; the outer ones are as open."""
    width = max(1, -(-(high - low + 1) // count))
    starts = list(range(low + width, high + 1, width))[: count - 1]
    return [Segment(first, end) for first, end in zip([whole.first, *starts], [*starts, whole.end], strict=True)]


def _read(snapshot: Snapshot, segment: Segment, kinds: Sequence[ScanKind], advance: Advance) -> Part:
    """Feed a segment to those of the kinds that read in its way."""
    readers = [kind for kind in kinds if _is_in_order(kind) == segment.in_order]

    def consume(batch: Batch) -> None:
        for kind in readers:
            kind.element_count += len(batch)
            _guarded(kind, lambda kind=kind: kind.feed(batch))  # type: ignore[misc]
        advance(len(batch))

    snapshot.scan(_columns(*readers), segment, consume)
    return readers


def _version() -> str:
    """Return the versions that decide what a kind finds."""
    return f"pytest-audit-ledger {tool_version()} on Python {sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class _SegmentTask:
    """Reads segments in any process, over a connection of its own that joins the snapshot (see `executors.Task`)."""

    source: Source
    shared: str
    fresh: Mapping[bool, bytes] = field(repr=False)
    """The kinds, pickled, before they have seen anything: those that read in the order of writing, and the others."""
    moment: tuple[str, str]
    version: str = field(default_factory=_version)

    @contextmanager
    def joined(self) -> Iterator[Read]:
        """Join the snapshot, and yield what reads a segment. Raises SourceError."""
        if _version() != self.version:
            raise SourceError(
                f"The host {node()} has {_version()}, and this run {self.version}.",
                "Install the same versions on every worker.",
            )
        with self.source.reader(self.shared) as snapshot:
            if _moment(snapshot.info) != self.moment:  # names of snapshots are unique on one server only
                raise SourceError(
                    f"The host {node()} reached another server than this run: {self.source.label}.",
                    "Let every worker reach the very server of the run: several replicas are never one snapshot.",
                )
            yield lambda segment: _read(snapshot, segment, _unpickled(self.fresh, segment), lambda _: None)

    def expects(self, answer: object, segment: Segment) -> bool:
        """Return whether an answer is the part of this segment."""
        expected = [(type(kind), segment) for kind in _unpickled(self.fresh, segment)]
        return isinstance(answer, list) and expected == [(type(one), getattr(one, "segment", None)) for one in answer]


def _moment(info: LedgerInfo) -> tuple[str, str]:
    """Return what only connections to one server in one snapshot have in common."""
    return info.server_started, info.snapshot


def _merged(kinds: Sequence[ScanKind], segments: Sequence[Segment], parts: Sequence[Part], *, is_resumed: bool) -> Part:
    """Return the kinds, in their order, each with what all parts found that were read in its way."""
    merged: dict[bool, Iterator[ScanKind]] = {}
    for way in {segment.in_order for segment in segments}:
        read: list[Part] = [[kind for kind in kinds if _is_in_order(kind) == way]] if is_resumed else []
        read += [part for segment, part in zip(segments, parts, strict=True) if segment.in_order == way]
        whole: Part = reduce(_merge_parts, read)
        merged[way] = iter(whole)
    return [next(merged[_is_in_order(kind)]) for kind in kinds]


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
