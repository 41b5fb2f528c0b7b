"""Who reads the segments of a ledger: an executor. Local processes are one; a cluster can be another.

An executor gets a task that can be pickled, which reads one segment over a connection of its own to the same snapshot.
Segments may be read in any order and by anybody, since what they give is merged in order afterwards.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.segment import Segment

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Part = list[ScanKind]
"""The kinds that read one segment, each with what it found there."""

Task = Callable[[Segment], Part]
Finished = Callable[[Part], None]


class Executor(Protocol):
    """What reads segments."""

    def run(self, task: Task, segments: Sequence[Segment], here: Task, finished: Callable[[Part], None]) -> list[Part]:
        """Return the part of every segment, in their order.

        `task` can be pickled and reads a segment anywhere; `here` reads one in this process, meanwhile. `finished` is
        called with every part that was read elsewhere. Raises SourceError if a segment cannot be read.
        """


class LocalWorkers:
    """Processes of this machine, which take segments from the front while this process takes them from the back.

    A worker that is lost (killed, out of memory, or unable to import a kind) gives its segment back, and this process
    reads it. A worker ends as soon as its parent does, whatever it is doing.
    """

    def __init__(self, count: int) -> None:
        """Take the number of processes to start in addition to this one."""
        self.count = count
        self.note = ""

    def run(self, task: Task, segments: Sequence[Segment], here: Task, finished: Finished) -> list[Part]:
        """Read the segments (see Executor)."""
        run = _LocalRun(segments, finished)
        workers = _started(self.count, task)
        threads = [Thread(target=run.serve, args=(connection,), daemon=True) for _, connection in workers]
        try:
            for thread in threads:
                thread.start()
            run.read_from_the_back(here)
            for thread in threads:
                thread.join()
            lost = run.lost + self.count - len(workers)
            self.note = f"{lost:,} of {self.count + 1:,} workers were lost or did not start; others read their part."
            self.note = self.note if lost else ""
            return run.completed(here)
        except BaseException:
            for process, _ in workers:  # what it reads is of no use any more
                process.kill()
            raise
        finally:
            for thread in filter(Thread.is_alive, threads):  # it gets the end of the pipe, which it may be reading
                thread.join()
            for process, connection in workers:
                connection.close()
                process.join()


class _LocalRun:
    """The segments of one run: those that wait, and the parts of those that were read."""

    def __init__(self, segments: Sequence[Segment], finished: Finished) -> None:
        self.segments = segments
        self.finished = finished
        self.waiting = deque(range(len(segments)))
        self.parts: dict[int, Part] = {}
        self.error: Exception | None = None
        self.lost = 0
        """Workers that ended before their time."""

    def serve(self, connection: Connection) -> None:
        """Hand segments to one worker, one after the other, until none waits or the worker is lost."""
        with suppress(IndexError):  # no segment waits
            while self.error is None:
                at = self.waiting.popleft()
                try:
                    connection.send(self.segments[at])
                    answer = connection.recv()
                except (EOFError, OSError):
                    self.lost += 1
                    return
                if isinstance(answer, Exception):
                    self.error = answer
                    return
                self.parts[at] = answer
                self.finished(answer)

    def read_from_the_back(self, here: Task) -> None:
        """Read segments in this process until none waits."""
        with suppress(IndexError):
            while self.error is None:
                at = self.waiting.pop()
                self.parts[at] = here(self.segments[at])

    def completed(self, here: Task) -> list[Part]:
        """Read what lost workers had, and return all parts in order. Raises the first error of a worker."""
        if self.error is not None:
            raise self.error
        for at, segment in enumerate(self.segments):
            if at not in self.parts:
                self.parts[at] = here(segment)
        return [self.parts[at] for at in range(len(self.segments))]


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
    with suppress(Exception):  # a pipe that was closed, or a kind that cannot be imported here: the parent goes on
        task: Task = connection.recv()
        while True:
            segment = connection.recv()
            try:
                answer: Part | Exception = task(segment)
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
