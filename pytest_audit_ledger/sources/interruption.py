"""Ctrl-C during a wait for the database.

A signal does not interrupt a wait inside libpq: Python's handler runs only when the call returns. So a thread talks to
the database. The main thread waits for it in a way that a signal does interrupt, and then asks the server to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Thread
from typing import TypeVar

Answer = TypeVar("Answer")

ATTEMPTS = 50
PAUSE_S = 0.1


def interruptible(action: Callable[[], Answer], stop: Callable[[], None] | None = None) -> Answer:
    """Return what `action` returns, or raise what it raises.

    On KeyboardInterrupt, call `stop` until the action has ended (for a few seconds at most), then raise. Without `stop`
    raise at once; the action continues in its thread, which ends with the process.
    """
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001  (the waiting thread raises it)
            future.set_exception(error)

    try:
        Thread(target=work, name="audit-ledger", daemon=True).start()
        return future.result()
    except KeyboardInterrupt:
        if stop is not None:
            _end(future, stop)
        raise


def _end(future: Future[Answer], stop: Callable[[], None]) -> None:
    for _ in range(ATTEMPTS):
        with suppress(KeyboardInterrupt):  # a second Ctrl-C must not close what the thread still reads
            if wait([future], PAUSE_S).done:
                break
            stop()
