"""How far a long reading has come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], None]


ENTRIES, BYTES = " entries", "B"


class Progress(Protocol):
    """Given how much to expect, None where nobody knows, a context whose value is told how much more was read."""

    def __call__(self, total: int | None, unit: str = ..., /) -> AbstractContextManager[Advance]:
        """Return the context; `unit` is ENTRIES or BYTES."""


def no_progress(total: int | None, unit: str = ENTRIES, /) -> AbstractContextManager[Advance]:  # noqa: ARG001
    """Show nothing: a Progress."""
    return nullcontext(lambda _: None)
