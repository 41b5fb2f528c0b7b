"""One pass over the entries: every fold sees every batch, and segments of the ledger can be read side by side.

Each process reads over a connection of its own that joins the same snapshot. The folds of the segments are merged in
order, so findings, counts and their order do not depend on the number of workers.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import reduce

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, SourceError, UsageError
from pytest_audit_ledger.kinds.kind import Kind, ScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.progress import Advance, Progress
from pytest_audit_ledger.sources.source import Segment, Snapshot, Source

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
    raise UsageError(f"{text!r} is no number of workers.", "Write auto, or a number from 1 to 256.")


def scan(
    source: Source,
    snapshot: Snapshot,
    folds: Sequence[ScanKind],
    workers: int | None,
    progress: Progress,
    after: int | None = None,
) -> list[ScanKind]:
    """Feed every entry of the snapshot to every fold, and return the folds, merged and closed.

    `workers` is a number of processes, or None to choose one by the size of the ledger and the processors at hand.
    `after`: resume after this entry, and read of those up to it only what the folds ask for again.
    Raises SourceError where the entries could not all be read.
    """
    columns = list(dict.fromkeys(["sequence_number", *(column for fold in folds for column in fold.columns)]))
    whole = EVERYTHING if after is None else Segment(after + 1)
    low, high = snapshot.bounds() or (1, 0)
    low = low if after is None else after + 1
    entries = max(0, high - low + 1)
    count = _choose(workers, entries) if snapshot.divisible else 1
    again = sum(last - first + 1 for fold in folds for first, last in fold.again)
    with progress(entries + again or None) as advance:
        fresh = pickle.dumps(list(folds)) if count > 1 else b""
        if after is not None:
            _resume(snapshot, columns, after, folds)
        if count == 1:
            parts = [_read(snapshot, columns, whole, folds, advance)]
        else:
            segments = cut(low, high, count * SEGMENTS_PER_WORKER, whole)
            parts = [list(folds)] if after is not None else []
            parts += _read_in_processes(source, snapshot, columns, fresh, segments, count, advance)
        merged = reduce(_merge_parts, parts)
        for fold in merged:
            _read_again(snapshot, fold, advance)
    for fold in merged:
        _guarded(fold, fold.close)
    return merged


def _resume(snapshot: Snapshot, columns: Sequence[str], after: int, folds: Sequence[ScanKind]) -> None:
    def tell(batch: Batch) -> None:
        for fold in folds:
            _guarded(fold, lambda fold=fold: fold.resume(batch))  # type: ignore[misc]

    snapshot.scan(columns, Segment(after, after + 1), tell)


def _read_again(snapshot: Snapshot, fold: ScanKind, advance: Advance) -> None:
    """Give a fold the older entries that it asks for, range by range."""
    columns = list(dict.fromkeys(["sequence_number", *fold.columns]))
    for place, (first, last) in enumerate(fold.again):

        def consume(batch: Batch, place: int = place) -> None:
            fold.element_count += len(batch)
            _guarded(fold, lambda: fold.reread(place, batch))
            advance(len(batch))

        snapshot.scan(columns, Segment(first, last + 1), consume)


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
    snapshot: Snapshot, columns: Sequence[str], segment: Segment, folds: Sequence[ScanKind], advance: Advance
) -> list[ScanKind]:
    def consume(batch: Batch) -> None:
        for fold in folds:
            fold.element_count += len(batch)
            _guarded(fold, lambda fold=fold: fold.feed(batch))  # type: ignore[misc]
        advance(len(batch))

    snapshot.scan(columns, segment, consume)
    return list(folds)


def _read_in_processes(
    source: Source,
    snapshot: Snapshot,
    columns: Sequence[str],
    fresh: bytes,
    segments: Sequence[Segment],
    workers: int,
    advance: Advance,
) -> list[list[ScanKind]]:
    """Read the segments from the front in other processes, and meanwhile from the back in this one.

    `fresh` are the folds, pickled, before they have seen anything.
    """
    import multiprocessing  # noqa: PLC0415  (slow to import, and most ledgers are read by one process)
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor  # noqa: PLC0415

    shared = snapshot.share()
    # spawn, because a fork would share the open connection, and threads that a test run may have started
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers - 1, mp_context=context, initializer=_ignore_interrupts)
    folds = pickle.loads(fresh)  # noqa: S301  (our own)
    parts: list[list[ScanKind]] = []
    try:
        futures = [executor.submit(_read_segment, source, shared, columns, segment, folds) for segment in segments]
        for future, segment in zip(reversed(futures), reversed(segments), strict=True):
            if future.cancel():
                parts.append(_read(snapshot, columns, segment, pickle.loads(fresh), advance))  # noqa: S301  (our own)
            else:
                parts.append(future.result())
                advance(parts[-1][0].element_count)
    except BrokenProcessPool:
        raise SourceError(
            "A process that read part of the ledger ended unexpectedly.",
            "Run with --ledger-workers 1, which needs no processes; kinds must be importable to be sent to one.",
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)
    return parts[::-1]


def _read_segment(
    source: Source, shared: str, columns: Sequence[str], segment: Segment, folds: Sequence[ScanKind]
) -> list[ScanKind]:
    return _read(_join(source, shared), columns, segment, folds, lambda _: None)


_joined: dict[str, tuple[Snapshot, ExitStack]] = {}


def _join(source: Source, shared: str) -> Snapshot:
    """Return this process's view of the snapshot, opened once for all of its segments; it ends with the process."""
    if shared not in _joined:
        resources = ExitStack()
        _joined[shared] = resources.enter_context(source.snapshot(shared)), resources
    return _joined[shared][0]


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which stops the readers by way of the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _merge_parts(earlier: list[ScanKind], later: list[ScanKind]) -> list[ScanKind]:
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


def _guarded(fold: ScanKind, action: Callable[[], None]) -> None:
    """Run code of a kind; if it fails, that is one check which could not be evaluated and no reason to stop others."""
    if fold.failure:
        return
    try:
        action()
    except LedgerError as error:
        fold.failure = error
    except Exception as error:  # noqa: BLE001  (anybody's code; whatever it raises becomes this check's ERROR)
        fold.failure = broken_kind(type(fold), error)


def broken_kind(kind: type[Kind], error: Exception) -> CannotEvaluate:
    """Return what is told of a kind whose code failed."""
    return CannotEvaluate(
        f"It could not be evaluated: the code of the kind {kind.name} failed with {type(error).__name__}: {error}."
    )
