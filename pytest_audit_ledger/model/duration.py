"""Lengths of time as suites write them."""

from __future__ import annotations

from datetime import timedelta

DURATION_PATTERN = r"^[0-9]{1,9}[smhd]$(?!\n)"
"""How a suite writes a length of time: `90s`, `5m`, `24h`, `7d`."""


def duration(text: str) -> timedelta:
    """Return the length of time that `text` (see `DURATION_PATTERN`) stands for."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
