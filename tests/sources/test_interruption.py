"""What Ctrl-C does to an action in a thread: it is stopped, or left to itself."""

from __future__ import annotations

import signal
from threading import Event, main_thread

import pytest

from pytest_audit_ledger.sources.interruption import ATTEMPTS, PAUSE_S, interruptible

LONG_S = 2 * ATTEMPTS * PAUSE_S


def press_ctrl_c() -> None:
    main = main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def test_an_action_is_stopped_before_the_interruption_is_raised() -> None:
    stopped, ended = Event(), Event()

    def action() -> None:
        press_ctrl_c()
        assert stopped.wait(LONG_S)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptible(action, stopped.set)
    assert ended.is_set()


def test_what_cannot_be_stopped_is_left_to_itself_at_once() -> None:
    released, ended = Event(), Event()

    def action() -> None:
        press_ctrl_c()
        released.wait(LONG_S)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptible(action)
    assert not ended.is_set()
    released.set()
    assert ended.wait(LONG_S)
