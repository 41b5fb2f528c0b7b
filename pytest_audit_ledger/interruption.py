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


def interruptible(action: Callable[[], Answer], stop: Callable[[], None]) -> Answer:
    """Return what `action` returns, or raise what it raises.

    On KeyboardInterrupt, `stop` is called until the action has ended (a few seconds at most), and then it is raised.
    """
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001  (it is raised in the thread that waits for it)
            future.set_exception(error)

    Thread(target=work, name="audit-ledger", daemon=True).start()
    try:
        return future.result()
    except KeyboardInterrupt:
        for _ in range(ATTEMPTS):
            # a second Ctrl-C must not close what the thread still reads from
            with suppress(KeyboardInterrupt):
                if wait([future], PAUSE_S).done:
                    break
                stop()
        raise
