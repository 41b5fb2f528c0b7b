"""Ranges of sequence numbers, first and last included. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Range = tuple[int, int]
OpenRange = tuple[int | None, int | None]

SHOWN = 5
"""Ranges that are shown in words."""


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, with those that touch or overlap as one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and found[-1][1] >= first - 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def without(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """Return ranges without the numbers of others."""
    left = list(ranges)
    for first, last in others:
        parts = [((low, min(high, first - 1)), (max(low, last + 1), high)) for low, high in left]
        left = [part for both in parts for part in both if part[0] <= part[1]]
    return left


def overlap(one: Range, other: Range) -> bool:
    """Whether two ranges have a number in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def in_words(first: int, last: int) -> str:
    """Return a range in words: "7" or "7 to 1,200"."""
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def listed(ranges: Sequence[OpenRange], count: int) -> str:
    """Return the first of ranges in words, with an ellipsis if they hold fewer than `count` numbers."""
    shown = [(first, last) for first, last in ranges[:SHOWN] if first is not None and last is not None]
    more = sum(last - first + 1 for first, last in shown) < count
    return ", ".join([*(in_words(*one) for one in shown), *(["…"] if more else [])])
