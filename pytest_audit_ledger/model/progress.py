"""The progress of a long read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], None]
ENTRIES, BYTES = " entries", "B"


class Progress(Protocol):
    """Take the amount to expect (None if unknown), and return a context; call its value with each amount read."""

    def __call__(self, total: int | None, unit: str = ..., /) -> AbstractContextManager[Advance]:
        """Return the context; `unit` is ENTRIES or BYTES."""


def no_progress(total: int | None, unit: str = ENTRIES, /) -> AbstractContextManager[Advance]:  # noqa: ARG001
    """Show nothing: a Progress."""
    return nullcontext(lambda _: None)
