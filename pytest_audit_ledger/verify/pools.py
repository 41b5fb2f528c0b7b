"""Executors that a user names: a pool of Python's `concurrent.futures`, or a cluster (`dask_cluster.py`).

A thread of this process waits for each reader elsewhere. The reader opens a connection for one segment and closes it
after that, so nothing of a run stays in a process that lives on, and its threads share nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import Any

from pytest_audit_ledger.errors import LedgerError, SourceError, UsageError
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.executors import (
    SEGMENTS_PER_WORKER,
    START_S,
    Ask,
    Finished,
    LostReaderError,
    Opening,
    Part,
    Read,
    Reading,
    Task,
    local_workers,
    processors,
)

WORTH_A_CONNECTION = 50_000
"""Entries in a segment below which joining the snapshot (about 25 ms) costs more than a tenth of the time."""

Asking = Callable[[Task, Segment], "Part | Exception"]
"""Has a pool read one segment. Raises LostReaderError, and SourceError if the pool as a whole is of no use."""


def parse_executor(text: str) -> Opening:
    """Return what opens the executor that `text` names. Connects to nothing.

    Raises UsageError if it names none, or one that is not installed.
    """
    if text == "local":
        return local_workers
    if text.startswith("dask:"):
        from pytest_audit_ledger.verify import dask_cluster  # noqa: PLC0415  (distributed is slow to import)

        return dask_cluster.opening(text.removeprefix("dask:"))
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text):
        return partial(_opened, text, _factory(text))
    raise UsageError(
        f"{text!r} is not a valid executor.",
        "Write local, dask:tcp://HOST:8786, dask:tls://HOST:8786, or MODULE:FACTORY.",
    )


def _factory(text: str) -> Callable[[], Any]:
    """Return what makes the pool that is named as `module:factory`."""
    module, _, name = text.partition(":")
    try:
        with redirect_stdout(sys.stderr):  # standard output is for the result
            found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # a script ends the program if it is imported
        reason = f"The executor {text} cannot be loaded: {type(error).__name__}: {error}."
        raise UsageError(reason, "Name a module on Python's path; PYTHONPATH=. adds this folder.") from error
    factory: Callable[[], Any] = found
    return factory


@contextmanager
def _opened(
    text: str, factory: Callable[[], Any], source: Source, workers: int | None, entries: int
) -> Iterator[Elsewhere]:
    """Open the pool that a factory makes."""
    try:
        with redirect_stdout(sys.stderr):
            pool = factory()
    except (Exception, SystemExit) as error:
        reason = f"The executor {text} could not be started: {type(error).__name__}: {error}."
        raise SourceError(reason, "Correct the factory, and run again.") from error
    if not isinstance(pool, futures.Executor):
        raise UsageError(
            f"{text} returns {type(pool).__name__}, not an executor.", "Return a concurrent.futures.Executor."
        )
    if not isinstance(pool, (futures.ThreadPoolExecutor, futures.ProcessPoolExecutor)):  # these stay on this machine
        refuse_secret(source, text)
    is_done = False
    try:
        yield Elsewhere(text, partial(_ask, text, pool, source.timeout), workers or processors(), entries)
        is_done = True
    finally:
        _shut_down(pool, min(source.timeout, START_S) if is_done else 0)


def _shut_down(pool: futures.Executor, wait_s: float) -> None:
    """Shut a pool down, and wait so long; then kill its processes, since Python would wait for frozen ones at its end.

    What a pool raises is of no interest: every part was read, or another error says why not.
    """
    left = pool._processes or {} if isinstance(pool, futures.ProcessPoolExecutor) else {}
    processes = [*left.values()]  # the shutdown forgets them; only Python 3.14 has `kill_workers`

    def shut_down() -> None:
        with suppress(Exception):
            pool.shutdown(wait=wait_s > 0)

    ending = Thread(target=shut_down, name="audit-ledger-shutdown", daemon=True)
    ending.start()
    ending.join(wait_s or START_S)
    for process in processes:
        process.kill()


def _ask(name: str, pool: futures.Executor, limit_s: int, task: Task, segment: Segment) -> Part | Exception:
    try:
        return pool.submit(read_apart, task, segment).result(limit_s)
    except futures.TimeoutError as error:
        raise silent(name, limit_s) from error
    except futures.BrokenExecutor as error:
        raise LostReaderError from error
    except Exception:
        raise
    except BaseException as error:  # what ended a process, or cancelled a task of asyncio
        raise LostReaderError from error


def refuse_secret(source: Source, name: str) -> None:
    """Raise UsageError if a password in the DSN would go to readers over a connection that may not be encrypted."""
    if source.holds_secret:
        raise UsageError(
            f"The DSN has a password, which the workers of {name} would get unencrypted.",
            "Write env:LEDGER_DSN or service=NAME, and define that on every worker; or leave the password out, and put "
            "it into ~/.pgpass on every worker; or use a dask:tls:// scheduler.",
        )


def silent(name: str, limit_s: int) -> SourceError:
    """Return the error for a part that did not come."""
    return SourceError(
        f"The executor {name} did not return a part within {limit_s:,} s.",
        "See what its workers do. If they are only busy, allow more time with --ledger-timeout SECONDS.",
    )


def read_apart(task: Task, segment: Segment) -> Part | Exception:
    """Return the part of a segment, or why it cannot be read. A pool calls this, in any process and thread of its own.

    An error is returned and not raised, so that a pool does not log it, nor try again what will fail again.
    """
    try:
        with task.joined() as read:
            return read(segment)
    except Exception as error:  # noqa: BLE001  (it is raised in the process that waits for the part)
        return error


class Elsewhere:
    """Readers of a pool. This process reads only what they lose."""

    def __init__(
        self, name: str, asking: Asking, readers: int, entries: int, lost: Callable[[], str] = lambda: ""
    ) -> None:
        """Take what the pool is called, what asks it, how many segments to hand out at a time, and the entries.

        `lost` is called after the reading, and says which workers were lost of which nothing was noticed here.
        """
        self.name = name
        self.segments = max(readers, min(readers * SEGMENTS_PER_WORKER, entries // WORTH_A_CONNECTION))
        self.note = ""
        self._asking, self._readers, self._lost = asking, readers, lost
        self._reading: Reading | None = None
        self._ended: SimpleQueue[None] = SimpleQueue()
        """Gets something whenever a reader ends."""

    def run(self, task: Task, segments: Sequence[Segment], here: Read, finished: Finished) -> list[Part]:
        """Read the segments (see Executor)."""
        reading = self._reading = Reading(segments, finished)

        def serve() -> None:
            try:
                reading.serve(self._ask(task))
            finally:
                self._ended.put(None)

        threads = [Thread(target=serve, name="audit-ledger-reader", daemon=True) for _ in range(self._readers)]
        for thread in threads:
            thread.start()
        for _ in threads:
            self._ended.get()
            if reading.error is not None:  # others may wait for long; what they get is of no use any more
                break
        parts = reading.completed(here)
        own = f"The executor {self.name} lost workers, and this process read what was left."
        self.note = own if reading.lost else self._lost()
        return parts

    def stop(self) -> None:
        """Wait for no part any more, whatever the readers do."""
        if self._reading is not None:
            self._reading.error = self._reading.error or SourceError("The reading was stopped.")
            self._ended.put(None)

    def _ask(self, task: Task) -> Ask:
        def ask(segment: Segment) -> Part | Exception:
            try:
                answer = self._asking(task, segment)
            except (LostReaderError, SourceError):  # of the pool as a whole
                raise
            except Exception as error:  # noqa: BLE001  (whatever a pool raises for a task that it cannot hand on)
                answer = error
            if isinstance(answer, Exception):
                return self._explained(answer)
            return answer if task.expects(answer, segment) else self._confused()

        return ask

    def _confused(self) -> SourceError:
        return SourceError(
            f"The executor {self.name} returned something else than the part of a segment.",
            "Correct the pool. It must call the function it gets once for each submit(), and return its result.",
        )

    def _explained(self, error: Exception) -> SourceError:
        """Return an error of a reader as one of this run."""
        sentence = f"A worker of {self.name} could not read its part."
        if isinstance(error, LedgerError):
            sqlstate = error.sqlstate if isinstance(error, SourceError) else None
            return SourceError(f"{sentence} {error.message}", error.remedy, sqlstate)
        return SourceError(
            f"{sentence} {type(error).__name__}: {error}.",
            "Install this package and those of your kinds on every worker, in the versions that are here.",
        )
