"""What is read of a ledger at a time. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[str, ...]
"""Where an entry of a ledger with streams is read: the columns of its stream, and its number, as texts."""


@dataclass(frozen=True)
class FilePart:
    """The bytes of a file from `start` up to but excluding `end`, their SHA-256 and the number of their first line.

    `has_next`: another part follows.
    """

    start: int
    end: int
    sha256: str
    line: int
    has_next: bool = False


@dataclass(frozen=True)
class Segment:
    """A range of sequence numbers from `first` up to but excluding `end`; None is open. NULLs are in the last one.

    Of a ledger with streams, a segment may also begin and end at a place (`left`, `right`), or at a value of the role
    `order` (`since`, `until`). `in_order`: it is read in that order, and not stream by stream. `before`: it is the
    entry before the first one of each stream that has an `order` of at least so much, if there is one. `part`: it is
    what that part of a file has.
    """

    first: int | None = None
    end: int | None = None
    left: Place | None = None
    right: Place | None = None
    since: int | None = None
    until: int | None = None
    in_order: bool = False
    before: int | None = None
    part: FilePart | None = None


def by_order(since: int, until: int | None = None) -> Segment:
    """Return the segment of a range of values of the role `order`, in that order."""
    return Segment(since=since, until=until, in_order=True)
