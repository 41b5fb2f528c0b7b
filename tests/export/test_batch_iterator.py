"""Entries that are asked for where a snapshot gives them away: when its reading is stopped, and when not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event
from types import FrameType

import pytest

from pytest_audit_ledger.export.batch_iterator import BatchIterator
from pytest_audit_ledger.model.batch import Batch

BATCH = Batch({"sequence_number": ["1"]})


def lingering(frame: FrameType, event: str, _: object) -> None:
    """Keep a thread alive for a while when its work is done."""
    if event == "return" and frame.f_code is BatchIterator._work.__code__:
        time.sleep(0.05)


def test_what_was_read_to_its_end_is_never_stopped(request: pytest.FixtureRequest) -> None:
    """Not even while its thread has not ended: that would stop what is read next from the same snapshot."""
    threading.setprofile(lingering)
    request.addfinalizer(lambda: threading.setprofile(None))
    stopped: list[str] = []
    with BatchIterator(lambda offer: offer(BATCH), lambda: stopped.append("stopped")) as batches:
        assert list(batches) == [BATCH]
    assert stopped == []


def test_what_is_abandoned_is_stopped_and_waited_for() -> None:
    stop, ended = Event(), Event()

    def read(offer: Callable[[Batch], None]) -> None:
        offer(BATCH)
        assert stop.wait(10)
        ended.set()

    with BatchIterator(read, stop.set) as batches:
        next(batches)
    assert ended.is_set()


def test_what_reading_meets_is_raised_where_it_is_asked_for() -> None:
    def read(offer: Callable[[Batch], None]) -> None:
        offer(BATCH)
        raise ValueError("met")

    with BatchIterator(read, lambda: None) as batches:
        next(batches)
        with pytest.raises(ValueError, match="met"):
            next(batches)
