"""Ctrl-C while the database keeps us waiting.

A signal does not interrupt a wait inside libpq: Python's handler only runs when the call returns. So whatever talks to
the database runs in a thread, the main thread waits for it in a way that a signal does interrupt, and then asks the
server to stop.
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

    On KeyboardInterrupt, `stop` is called until the action has ended (a few seconds at most), and then it is raised.
    Without a `stop` it is raised at once; the action goes on in its thread, which ends with the process.
    """
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001  (it is raised in the thread that waits for it)
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
        with suppress(KeyboardInterrupt):  # a second Ctrl-C must not close what the thread still reads from
            if wait([future], PAUSE_S).done:
                break
            stop()
