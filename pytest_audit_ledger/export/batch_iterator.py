"""Iterate over the batches of a snapshot, which hands them to a callback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread

from pytest_audit_ledger.model.batch import Batch


class BatchIterator:
    """A context manager that turns a reading with a callback into an iterator; a thread reads a little ahead."""

    AHEAD = 4

    def __init__(self, read: Callable[[Callable[[Batch], None]], None], stop: Callable[[], None]) -> None:
        """Take what reads, given a callback, and what stops it from another thread."""
        self._queue: Queue[Batch | BaseException | None] = Queue(self.AHEAD)
        self._abandoned = Event()
        self._read = Event()
        self._stop = stop
        self._thread = Thread(target=self._work, args=(read,), name="audit-ledger", daemon=True)

    def __enter__(self) -> Iterator[Batch]:
        self._thread.start()
        return self._received()

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()
        # Do not look at whether the thread is alive: stopping after the reading would stop the snapshot's next reading.
        while not self._read.is_set():
            self._stop()
            self._read.wait(0.1)
        self._thread.join()

    def _work(self, read: Callable[[Callable[[Batch], None]], None]) -> None:
        end: BaseException | None = None
        try:
            read(self._offer)
        except BaseException as error:  # noqa: BLE001  (it is raised in the thread that iterates)
            end = error
        self._read.set()
        self._offer(end)

    def _offer(self, item: Batch | BaseException | None) -> None:
        """Queue an item; wait while the queue is full, unless nobody iterates any more."""
        while not self._abandoned.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=0.1)
                break

    def _received(self) -> Iterator[Batch]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
