"""Durations as suites write them."""

from __future__ import annotations

from datetime import timedelta

DURATION_PATTERN = r"^[0-9]{1,9}[smhd]$(?!\n)"
"""A duration in a suite: `90s`, `5m`, `24h`, `7d`."""


def duration(text: str) -> timedelta:
    """Return the duration that `text` (see `DURATION_PATTERN`) gives."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
