"""What a source of entries is: a place, and one consistent view of it that everything in a run reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.questions import Catalog, Queries
from pytest_audit_ledger.sources.selection import Selection

Consume = Callable[[Batch], None]


@dataclass(frozen=True)
class Segment:
    """A range of sequence numbers, from `first` up to but without `end`; None is open. `last` includes NULLs."""

    first: int | None = None
    end: int | None = None


class Snapshot(Protocol):
    """One consistent, read-only view of the entries. Whatever it cannot read raises SourceError."""

    @property
    def info(self) -> LedgerInfo:
        """What is known before an entry is read."""

    @property
    def divisible(self) -> bool:
        """Whether segments of it can be read side by side."""

    def share(self) -> str:
        """Return a name under which `Source.snapshot` joins this view while it is open."""

    def count(self) -> int | None:
        """Return how many entries there are, without an index that could hide some; None where a file holds them."""

    def bounds(self) -> tuple[int, int] | None:
        """Return the lowest and highest sequence number, or None where there is none, or no telling."""

    def unreadable(self, column: str) -> str | None:
        """Return why a column of the entries cannot be read as what it should be, or None where it can."""

    def scan(self, columns: Sequence[str], segment: Segment, consume: Consume) -> None:
        """Read the entries of a segment in order, and give them to `consume` in batches."""

    def select(self, columns: Sequence[str], selection: Selection, consume: Consume) -> None:
        """Read the selected entries in order, and give them to `consume` in batches."""

    def catalog(self) -> AbstractContextManager[Catalog]:
        """Return what surrounds the entries, for one check. Raises NotApplicable where nothing does."""

    def queries(self) -> AbstractContextManager[Queries]:
        """Return what asks about the entries in SQL, for one check. Raises NotApplicable where nothing can."""

    def stop(self) -> None:
        """Stop what is being read. To be called from another thread; never raises."""


class Source(Protocol):
    """Where entries are, and how to read them. Picklable, so that other processes can join a snapshot."""

    @property
    def label(self) -> str:
        """The database or the file, without secrets."""

    @property
    def table_label(self) -> str:
        """The table as it was asked for; empty for a file."""

    def snapshot(self, shared: str | None = None) -> AbstractContextManager[Snapshot]:
        """Open a snapshot, or join the one shared under this name; it is closed on leaving."""
