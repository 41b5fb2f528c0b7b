"""The end of a ledger, or all of it, in which hardly any entry matches its hash. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

ONE_IN = 20
"""Hardly any entry matches if fewer than one in so many does."""

FEWEST = 20
"""Entries that must mismatch in a whole ledger; fewer are reported one by one."""

FEWEST_AT_THE_END = 100
"""Entries that must mismatch from a certain one on."""


@dataclass
class Stretch:
    """Finds the entry from which on hardly any matches, in one pass and constant memory, and alike in any segments.

    Each mismatch scores 1, each match loses ONE_IN - 1. The stretch is the end of the ledger with the best score.
    """

    score: int = 0
    mismatches: int = 0
    best: int = 0
    first: int | None = None
    count: int = 0
    """The mismatches in the stretch."""

    def matched(self, entries: int) -> None:
        """Count entries that match."""
        self._lower(entries * (ONE_IN - 1))

    def mismatched(self, number: int | None) -> None:
        """Count an entry that does not match."""
        if not self.best:
            self.first, self.count = number, 0
        self.score, self.mismatches = self.score + 1, self.mismatches + 1
        self.best, self.count = self.best + 1, self.count + 1

    def merge(self, later: Stretch) -> None:
        """Add a later segment."""
        if later.best >= self.best + later.score:
            self.best, self.first, self.count = later.best, later.first, later.count
        else:
            self.best += later.score
            self.count += later.mismatches
        self.score += later.score
        self.mismatches += later.mismatches

    def unknown(self) -> tuple[int | None, int]:
        """Return the first entry and the mismatches of the stretch; the whole ledger has no first entry.

        The count is 0 if the mismatches are too few, or scattered.
        """
        if self.score > 0 and self.mismatches >= FEWEST:
            return None, self.mismatches
        return (self.first, self.count) if self.count >= FEWEST_AT_THE_END else (None, 0)

    def _lower(self, by: int) -> None:
        self.score -= by
        self.best = max(0, self.best - by)
        if not self.best:
            self.first, self.count = None, 0
