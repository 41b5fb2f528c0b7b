"""Who reads the segments of a ledger: an executor. Local processes are one; `pools.py` has those on other machines.

An executor gets a task that can be pickled, which reads segments over a connection of its own to the same snapshot.
Segments may be read in any order and by anybody, since what they give is merged in order afterwards.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, Protocol

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Source

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH_A_PROCESS = 150_000
"""Entries for each worker below which starting a process costs more than it saves (about a third of a second)."""

START_S = 10
"""Seconds that a worker has to start, and to end when nothing is left to read, before it is taken for frozen."""

MOST_WORKERS = 8
SEGMENTS_PER_WORKER = 32
"""So many that the last ones, which not every process has, take little time."""

Part = list[ScanKind]
"""The kinds that read one segment, each with what it found there."""

Read = Callable[[Segment], Part]
Finished = Callable[[Part], None]
Ask = Callable[[Segment], "Part | Exception"]
"""Has a reader elsewhere read one segment, and returns its part, or why it could not read.

Raises LostReaderError, and SourceError if no reader can be asked any more.
"""


class Task(Protocol):
    """What a reader does, in any process. It can be pickled."""

    def joined(self) -> AbstractContextManager[Read]:
        """Join the snapshot, and return what reads segments in this thread; leaving ends the connection.

        Raises LedgerError.
        """

    def expects(self, answer: object, segment: Segment) -> bool:
        """Return whether an answer is the part of this segment, and not of another one, or something else."""


class Executor(Protocol):
    """What reads segments."""

    segments: int
    """Into how many segments to cut the ledger."""
    note: str
    """What a user should know of how they were read; empty if there is nothing."""

    def run(self, task: Task, segments: Sequence[Segment], here: Read, finished: Finished) -> list[Part]:
        """Return the part of every segment, in their order.

        `task` can be pickled and reads segments anywhere; `here` reads one in this process, if need be. `finished` is
        called with every part that was read elsewhere. Raises SourceError if a segment cannot be read.
        """

    def stop(self) -> None:
        """Wait for no reader any more: `run` ends soon. Call it from another thread, perhaps again and again."""


Opening = Callable[[Source, "int | None", int], AbstractContextManager["Executor | None"]]
"""Opens an executor for a source, so many workers (None to choose) and so many entries.

It returns None if this process alone is quicker. It raises UsageError if the source cannot be handed to the readers,
and SourceError if there are none.
"""


@contextmanager
def local_workers(source: Source, workers: int | None, entries: int) -> Iterator[LocalWorkers | None]:
    """Open the executor that starts processes on this machine."""
    count = processors(entries) if workers is None else workers
    yield LocalWorkers(count - 1, source.timeout + START_S) if count > 1 else None


def processors(entries: int | None = None) -> int:
    """Return how many processes of this machine to employ: no more than it has processors or the entries are worth."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(found, MOST_WORKERS) if entries is None else max(1, min(found, MOST_WORKERS, entries // WORTH_A_PROCESS))


class LostReaderError(Exception):
    """A reader ended before its time. Others read its segment."""


class LocalWorkers:
    """Processes of this machine, which take segments from the front while this process takes them from the back.

    A worker that is lost (killed, frozen, out of memory, or unable to import a kind) gives its segment back, and this
    process reads it. A worker ends as soon as its parent does, whatever it is doing.
    """

    def __init__(self, count: int, limit_s: float) -> None:
        """Take the number of processes to start besides this one, and after how many seconds a part will not come."""
        self.count, self.limit_s = count, limit_s
        self._workers: list[tuple[Any, Connection]] = []
        self.segments = (count + 1) * SEGMENTS_PER_WORKER
        self.note = ""

    def run(self, task: Task, segments: Sequence[Segment], here: Read, finished: Finished) -> list[Part]:
        """Read the segments (see Executor)."""
        reading = Reading(segments, finished)
        workers = self._workers = _started(self.count, task)
        threads = [Thread(target=reading.serve, args=(_asking(*one, self.limit_s),), daemon=True) for one in workers]
        try:
            for thread in threads:
                thread.start()
            reading.read_from_the_back(here)
            for thread in threads:
                thread.join()
            lost = reading.lost + self.count - len(workers)
            self.note = f"{lost:,} of {self.count + 1:,} workers were lost or did not start; others read their part."
            self.note = self.note if lost else ""
            return reading.completed(here)
        except BaseException:
            for process, _ in workers:  # what it reads is of no use any more
                process.kill()
            raise
        finally:
            for thread in filter(Thread.is_alive, threads):  # it gets the end of the pipe, which it may be reading
                thread.join()
            for _, connection in workers:
                connection.close()
            for process, _ in workers:
                process.join(START_S)
                process.kill()  # one that is frozen
                process.join()

    def stop(self) -> None:
        """Kill the workers, which may be frozen."""
        for process, _ in self._workers:
            process.kill()


class Reading:
    """The segments of one run: those that wait, and the parts of those that were read."""

    def __init__(self, segments: Sequence[Segment], finished: Finished) -> None:
        """Take the segments, and what to call with each part that was read elsewhere."""
        self.segments = segments
        self.finished = finished
        self.waiting = deque(range(len(segments)))
        self.parts: dict[int, Part] = {}
        self.error: Exception | None = None
        self.lost = 0
        """Readers that ended before their time."""

    def serve(self, ask: Ask) -> None:
        """Hand segments to one reader, one after the other, until none waits or the reader is lost.

        A segment that was handed out is never taken back: whoever has it may be reading it.
        """
        with suppress(IndexError):  # no segment waits
            while self.error is None:
                at = self.waiting.popleft()
                try:
                    answer = ask(self.segments[at])
                except LostReaderError:
                    self.lost += 1
                    return
                except SourceError as error:
                    answer = error
                if isinstance(answer, Exception):
                    self.error = self.error or answer
                    return
                self.parts[at] = answer
                self.finished(answer)

    def read_from_the_back(self, here: Read) -> None:
        """Read segments in this process until none waits."""
        with suppress(IndexError):
            while self.error is None:
                at = self.waiting.pop()
                self.parts[at] = here(self.segments[at])

    def completed(self, here: Read) -> list[Part]:
        """Read what lost readers had, and return all parts in order. Raises the first error of a reader."""
        if self.error is not None:
            raise self.error
        for at, segment in enumerate(self.segments):
            if at not in self.parts:
                self.parts[at] = here(segment)
        return [self.parts[at] for at in range(len(self.segments))]


def _asking(process: Any, connection: Connection, limit_s: float) -> Ask:
    """Return what asks a local worker over its pipe. One that does not answer in time is killed, which ends that."""

    def ask(segment: Segment) -> Part | Exception:
        frozen = Timer(limit_s, process.kill)
        frozen.daemon = True
        frozen.start()
        try:
            connection.send(segment)
            answer: Part | Exception = connection.recv()
        except (EOFError, OSError) as error:
            raise LostReaderError from error
        finally:
            frozen.cancel()
        return answer

    return ask


def _started(count: int, task: Task) -> list[tuple[Any, Connection]]:
    """Start so many workers, or as many as this machine lets us."""
    import multiprocessing  # noqa: PLC0415  (slow to import, and most ledgers are read by one process)
    from multiprocessing import resource_tracker  # noqa: PLC0415  (as above)

    # spawn, because a fork would share the open connection, and threads that a test run may have started
    context = multiprocessing.get_context("spawn")
    workers: list[tuple[Any, Connection]] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with suppress(OSError):  # too few processes or files are allowed; this process reads what nobody else does
        try:
            resource_tracker.ensure_running()  # when it starts, it unblocks SIGINT
            # Workers inherit this mask, so Ctrl-C does not end one with a traceback before it ignores SIGINT.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                ours.send(task)
                workers.append((process, ours))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return workers


def _work(connection: Connection) -> None:
    """Read the segments that come through a pipe, after their task, until it is closed: what a worker does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the readers by the server
    Thread(target=_end_with_parent, daemon=True).start()
    with (
        suppress(Exception),
        ExitStack() as open_,
    ):  # a closed pipe, or a kind that cannot be imported: the parent goes on
        task: Task = connection.recv()
        read: Read | None = None
        while True:
            segment = connection.recv()
            try:
                read = read or open_.enter_context(task.joined())
                answer: Part | Exception = read(segment)
            except Exception as error:  # noqa: BLE001  (it is raised in the process that waits for the part)
                answer = error
            connection.send(answer)


def _end_with_parent() -> None:
    """End this process at once when its parent has ended, also while it waits for the database."""
    from multiprocessing import connection, parent_process  # noqa: PLC0415  (see above)

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
