"""What Ctrl-C does to an action in a thread: it is stopped, or left to itself."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from threading import Event, Thread, main_thread

import pytest

from pytest_audit_ledger.sources.interruption import LIMIT_S, ended_like_ctrl_c, interruptible

LONG_S = 10 * LIMIT_S


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


@pytest.mark.parametrize("stop", ["waits", "raises", "does nothing"])
def test_an_action_that_does_not_end_is_left_to_itself(stop: str) -> None:
    released = Event()

    def action() -> None:
        press_ctrl_c()
        released.wait(LONG_S)

    def attempt() -> None:
        if stop == "waits":
            released.wait(LONG_S)
        if stop == "raises":
            raise OSError("the network is gone")

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruptible(action, attempt)
    assert time.monotonic() - started < LONG_S / 2
    released.set()


def test_a_second_ctrl_c_waits_for_the_first_one() -> None:
    stopped, ended = Event(), Event()

    def action() -> None:
        press_ctrl_c()
        assert stopped.wait(LONG_S)
        press_ctrl_c()
        time.sleep(0.2)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptible(action, stopped.set)
    assert ended.is_set()


def test_whatever_the_handler_of_a_signal_raises_stops_an_action() -> None:
    """As pytest-timeout does by SIGALRM."""
    stopped = Event()

    def alarm(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(TimeoutError):
            interruptible(lambda: stopped.wait(LONG_S), stopped.set)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert stopped.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_keyboard_interrupt_once_for_a_while(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with ended_like_ctrl_c():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # a terminal that closes sends it again, in the middle of the cleanup
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_remembered_when_its_exception_is_lost(number: signal.Signals) -> None:
    with ended_like_ctrl_c() as ending:
        ending.obey()
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            ending.obey()


def test_every_ctrl_c_interrupts_unless_somebody_else_handles_it() -> None:
    with ended_like_ctrl_c():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, mine := lambda *_: None)
    with ended_like_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is mine
    signal.signal(signal.SIGINT, before)
    assert before is signal.default_int_handler


def test_a_handler_that_was_set_since_stays() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ended_like_ctrl_c():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    signal.signal(signal.SIGTERM, before)


def test_another_thread_than_the_main_one_sets_no_handlers() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def elsewhere() -> None:
        with ended_like_ctrl_c():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
