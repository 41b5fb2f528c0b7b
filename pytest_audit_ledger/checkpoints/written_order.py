"""The order in which the entries of several streams were written, by the role `order`. No I/O.

The position of an entry is its place in this order: 1, 2, 3 … It is certain if every entry has an `order` and no two
share one. In a stream it rises with the numbers, unless two writers took their orders and their numbers crosswise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import Any

from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.outcome import Finding, Severity
from pytest_audit_ledger.model.profile import ORDER, STREAM

UNCERTAIN = ("ORDER_MISSING", "ORDER_DUPLICATE")
"""The findings that leave positions uncertain."""

OWN_ORDER = "Give every entry an order of its own, by a sequence of the database and a unique constraint."
"""What to do about them."""

CROSSED = "ORDER_CROSSED"
"""The finding, for information, of an entry that two writers gave a lower number than the one before it."""


@dataclass
class WrittenOrder:
    """What was read of the entries: how many, the `order` of the last, and the highest number of each stream.

    `heads` names the streams by their JSON text. Memory grows with the number of streams, and with nothing else.
    """

    count: int = 0
    last: int | None = None
    heads: dict[str, int] = field(default_factory=dict)

    def feed(self, batch: Batch) -> Iterator[Finding]:
        """Read the entries that follow, and yield what is wrong with their order."""
        if not self._takes(batch.numbers(ORDER), batch.sequence_numbers, batch.text(STREAM)):
            yield from self._judged(batch)
        self.count += len(batch)

    def _takes(self, orders: Sequence[Any], numbers: Sequence[Any], streams: Sequence[str]) -> bool:
        """Take entries in which there is nothing to find, quickly. Return False and take none if there may be."""
        if None in orders or None in numbers:
            return False
        before = orders[0] - 1 if self.last is None else self.last
        if not all(map(lt, [before, *orders[:-1]], orders)):
            return False
        heads: dict[str, int] = {}
        for stream, number in zip(streams, numbers, strict=True):
            head = heads.get(stream)
            if number < (self.heads.get(stream, number) if head is None else head):
                return False
            heads[stream] = number
        self.last = orders[-1]
        self.heads.update(heads)
        return True

    def _judged(self, batch: Batch) -> Iterator[Finding]:
        heads = self.heads
        for order, number, stream in zip(batch.numbers(ORDER), batch.sequence_numbers, batch.text(STREAM), strict=True):
            if order is None:
                message = "the entry has no place in the order of writing: the column for it has no whole number"
                yield Finding("ORDER_MISSING", message, number, "a number", "none", stream=shown(stream))
            elif self.last is not None and order <= self.last:
                message = "the entry shares its place in the order of writing with another one"
                yield Finding(
                    "ORDER_DUPLICATE", message, number, "a number of its own", str(order), stream=shown(stream)
                )
            self.last = self.last if order is None else order
            if number is None:
                continue
            head = heads.get(stream)
            if head is None or number > head:
                heads[stream] = number
            elif number < head:
                message = f"the entry comes after number {head} of its stream in the order of writing"
                yield Finding(CROSSED, message, number, severity=Severity.INFO, stream=shown(stream))
