"""Ctrl-C during a wait for the database, and the signals that end a run as Ctrl-C does.

A signal does not interrupt a wait inside libpq: Python's handler runs only when the call returns. So a thread talks to
the database. The main thread waits for it in a way that a signal does interrupt, and then asks the server to stop.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread, current_thread, main_thread
from typing import TypeVar

Answer = TypeVar("Answer")

LIMIT_S = 1.5
"""Seconds that an action has to end after Ctrl-C, so that nobody waits for two."""

PAUSE_S = 0.1

REPEATED_S = 5.0
"""Seconds in which a second TERM or HUP is taken for the same one: a terminal that closes sends HUP more than once, and
an exception in the middle of the cleanup would leave behind what it cleans up."""


@dataclass
class Ending:
    """Whether a signal asked this process to end."""

    is_asked: bool = False

    def obey(self) -> None:
        """Raise KeyboardInterrupt if a signal asked for the end.

        What its handler raised may be lost: Python drops it in a finalizer or in the callback of a weak reference
        (documentation of `sys.unraisablehook`), and an error while cleaning up takes its place.
        """
        if self.is_asked:
            raise KeyboardInterrupt


@contextmanager
def ended_like_ctrl_c() -> Iterator[Ending]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, as Ctrl-C does; leaving restores the handlers.

    Yields whether one of them, or Ctrl-C, came. A signal that is ignored stays ignored, because whoever started this
    program wants that (`nohup`). Outside of the main thread, where Python sets no handlers, this does nothing.
    """
    ending = Ending()
    latest = float("-inf")

    def interrupt(number: int, _: object) -> None:
        nonlocal latest
        ending.is_asked = True
        if number == signal.SIGINT or time.monotonic() - latest > REPEATED_S:
            latest = time.monotonic()
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if current_thread() is main_thread() else ()
    replaced = {number: signal.getsignal(number) for number in numbers}
    replaced = {number: handler for number, handler in replaced.items() if handler not in (signal.SIG_IGN, None)}
    if replaced.get(signal.SIGINT) is not signal.default_int_handler:  # somebody else's does more than to raise
        replaced.pop(signal.SIGINT, None)
    try:
        for number in replaced:
            signal.signal(number, interrupt)
        yield ending
    finally:
        for number, handler in replaced.items():
            if signal.getsignal(number) is interrupt:  # otherwise somebody has set another one since
                signal.signal(number, handler)


def interruptible(action: Callable[[], Answer], stop: Callable[[], None] | None = None) -> Answer:
    """Return what `action` returns, or raise what it raises.

    On KeyboardInterrupt, or whatever else the handler of a signal raises, call `stop`, in a thread, until the action
    has ended or LIMIT_S seconds have passed, then raise. Without `stop` raise at once. An action that goes on ends with
    the process.
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
    except BaseException:  # also what another handler of a signal raises, such as that of pytest-timeout
        if stop is not None and not future.done():
            _end(future, stop)
        raise


def _end(future: Future[Answer], stop: Callable[[], None]) -> None:
    deadline = time.monotonic() + LIMIT_S

    def ask() -> None:
        while not future.done() and time.monotonic() < deadline:
            with suppress(Exception):  # the action ends without it, or is left to itself
                stop()
            time.sleep(PAUSE_S)

    asking = Thread(target=ask, name="audit-ledger-stop", daemon=True)  # it may wait for the same network as the action
    while not future.done() and (left := deadline - time.monotonic()) > 0:
        with suppress(KeyboardInterrupt):  # a second Ctrl-C must not close what the thread still reads
            if asking.ident is None:
                asking.start()
            wait([future], left)
