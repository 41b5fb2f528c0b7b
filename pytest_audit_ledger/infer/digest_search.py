"""The search for payloads with a given hash among products of alternatives. No I/O.

Candidates are made of two halves. The state of the hash after the first half is copied for every second half, so a
common beginning is hashed once.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from math import prod
from typing import Protocol

from pytest_audit_ledger.infer.pieces import Alternatives, Slot
from pytest_audit_ledger.model.progress import Advance

_HALF = 4_000
"""Second halves that are kept at most: few enough to look at the clock between two first halves."""


_FEW = 30


class State(Protocol):
    """A hash of hashlib or hmac while it is computed."""

    def copy(self) -> State:
        """Return the same state again."""

    def update(self, data: bytes, /) -> None:
        """Hash more bytes."""

    def digest(self) -> bytes:
        """Return the hash."""


def new_state(algorithm: str, key: bytes) -> State:
    """Return the state of a hash before its first byte; `algorithm` is as profiles name it."""
    name = algorithm.removeprefix("hmac-").replace("-", "_")
    return hmac.new(key, digestmod=name) if algorithm.startswith("hmac-") else hashlib.new(name)


class TimeIsUpError(Exception):
    """The search reached its limit."""


class Clock:
    """Counts candidates, and ends the search at its limit.

    It counts the processor time of this process, so that what is found does not depend on what else the machine does.
    """

    def __init__(self, limit_s: float, advance: Advance) -> None:
        """Take the seconds of processor time, and what is called with the number of candidates from time to time."""
        self._started, self._limit, self._advance = time.process_time(), limit_s, advance
        self._end = self._started + limit_s
        self.tried = self._shown = 0

    @property
    def seconds(self) -> float:
        """How many seconds of processor time the search has taken."""
        return time.process_time() - self._started

    def allow(self, share: float) -> None:
        """End the search when this share of its time has passed."""
        self._end = self._started + self._limit * share

    def count(self, more: int) -> None:
        """Count candidates. Raises TimeIsUpError."""
        self.tried += more
        if self.tried - self._shown >= _HALF:
            self._advance(self.tried - self._shown)
            self._shown = self.tried
            if time.process_time() > self._end:
                raise TimeIsUpError


@dataclass(frozen=True)
class Ends:
    """What a payload has before its items, between them, and after them."""

    before: bytes = b""
    between: bytes = b""
    after: bytes = b""


Choice = tuple["Slot | None", ...]
"""For each slot what was chosen; None if it is left out."""


def sizes_of(slots: Sequence[int]) -> list[int]:
    """Return how many candidates leave out no slot, one, two and so on, of slots with so many alternatives each."""
    sizes = [1]
    for each in slots:
        kept = [many * each for many in sizes]
        sizes = [one + other for one, other in zip((*kept, 0), (0, *sizes), strict=True)]
    return sizes


def search(
    alternatives: Alternatives, left_out: int, ends: Ends, state: State, digest: bytes, clock: Clock
) -> Iterator[Choice]:
    """Yield the choices whose payload has a digest, and that leave out `left_out` slots."""
    for items in _matches(alternatives, left_out, ends, state, digest, clock):
        yield from _choices(alternatives, left_out, items)


def _matches(
    alternatives: Alternatives, left_out: int, ends: Ends, state: State, digest: bytes, clock: Clock
) -> Iterator[bytes]:
    """Yield the items of the payloads that have a digest, each with the separator before it."""
    kept, skip = len(alternatives) - left_out, len(ends.between)
    pieces = [[piece for piece, _ in slot] for slot in alternatives]
    if not left_out and prod(map(len, pieces)) <= _FEW:  # not worth halves
        for items in map(b"".join, product(*pieces)):
            one = state.copy()
            one.update(ends.before + items[skip:] + ends.after)
            if one.digest() == digest:
                yield items
        clock.count(prod(map(len, pieces)))
        return
    cut = _cut([len(slot) + bool(left_out) for slot in pieces])
    second = _second(pieces[cut:], left_out, kept, ends.after)
    for first_out, text in _first(pieces[:cut], left_out, kept):
        rest = second[left_out - first_out]
        if not text:  # the separator before the first piece is in the second half
            rest = [tail[skip:] if len(tail) > len(ends.after) else tail for tail in rest]
        start = state.copy()
        start.update(ends.before + text[skip:])
        copy = start.copy
        for tail in rest:
            one = copy()
            one.update(tail)
            if one.digest() == digest:
                found = tail[: len(tail) - len(ends.after)]
                yield text + found if text else ends.between + found if found else b""
        clock.count(len(rest))


def _cut(sizes: Sequence[int]) -> int:
    """Return where the second half begins: as early as it stays small."""
    products = list(accumulate(reversed(sizes), lambda product, size: product * size))
    return len(sizes) - sum(1 for product in products if product <= _HALF)


_Pieces = Sequence[Sequence[bytes]]


def _second(pieces: _Pieces, left_out: int, kept: int, end: bytes) -> list[list[bytes]]:
    """Return every end of a payload, by the number of slots that it leaves out."""
    found: list[list[bytes]] = [[end], *([] for _ in range(left_out))]
    for length, slot in enumerate(reversed(pieces), 1):
        longer: list[list[bytes]] = []
        for out, tails in enumerate(found):
            half: list[bytes] = []
            if length - out <= kept:
                half = [piece + tail for piece in slot for tail in tails]
                half += found[out - 1] if out else []
            longer.append(half)
        found = longer
    return found


def _first(pieces: _Pieces, left_out: int, kept: int) -> Iterator[tuple[int, bytes]]:
    """Yield every beginning of a payload, with the number of slots that it leaves out."""
    if not pieces:
        yield 0, b""
        return
    for out, text in _first(pieces[:-1], left_out, kept):
        if len(pieces) - 1 - out < kept:
            for piece in pieces[-1]:
                yield out, text + piece
        if out < left_out:
            yield out + 1, text


def _choices(alternatives: Alternatives, left_out: int, items: bytes) -> Iterator[Choice]:
    """Yield the choices that write these items."""
    if not alternatives:
        if not (items or left_out):
            yield ()
        return
    for piece, slot in alternatives[0]:
        if items.startswith(piece):
            yield from ((slot, *rest) for rest in _choices(alternatives[1:], left_out, items[len(piece) :]))
    if left_out:
        yield from ((None, *rest) for rest in _choices(alternatives[1:], left_out - 1, items))
