"""Waiting for what a test needs, for as long as that takes on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

PATIENCE_S = 60.0
"""No test passes because something took longer: it only says when nothing will come any more."""


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until a condition is true. Fail, and say what did not come about, if it never is."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} never came about")
        time.sleep(0.02)
