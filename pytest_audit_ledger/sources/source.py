"""What a source of entries is: a place, and one consistent view of it, which everything in a run reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.questions import Catalog, Queries
from pytest_audit_ledger.model.segment import FilePart, Place, Segment
from pytest_audit_ledger.sources.selection import Selection

Consume = Callable[[Batch], None]


class Snapshot(Protocol):
    """One consistent, read-only view of the entries. Its methods raise SourceError if they cannot read."""

    @property
    def info(self) -> LedgerInfo:
        """What is known before an entry is read."""

    @property
    def divisible(self) -> bool:
        """Whether several processes can each read a segment."""

    @property
    def parts(self) -> Sequence[FilePart]:
        """The parts of a file that several processes can each read; none if it is read as a whole."""

    def late(self, order: int, count: int) -> str:
        """Return why entries up to this `order`, which are `count` here, may not be all that there will ever be.

        Wait for writers that may have taken a lower one; empty if none is left and there are no more entries.
        """

    def places(self, count: int, entries: int) -> list[Place]:
        """Return places that cut `entries` entries of several streams into about `count` segments of a like size."""

    def share(self) -> str:
        """Return a name by which `Source.snapshot` joins this view while it is open."""

    def count(self) -> int | None:
        """Return how many entries there are, without an index that could hide some; None for a file."""

    def bounds(self) -> tuple[int, int] | None:
        """Return the lowest and the highest sequence number, None if there is none or it is unknown."""

    def unreadable(self, column: str) -> str | None:
        """Return why a column cannot be read as what it should be, None if it can."""

    def scan(self, columns: Sequence[str], segment: Segment, consume: Consume) -> None:
        """Read the entries of a segment in order, and pass them to `consume` in batches."""

    def select(self, columns: Sequence[str], selection: Selection, consume: Consume) -> None:
        """Read the selected entries in order, and pass them to `consume` in batches."""

    def catalog(self) -> AbstractContextManager[Catalog]:
        """Return access to the database's catalog, for one check. Raises NotApplicable if there is no database."""

    def queries(self) -> AbstractContextManager[Queries]:
        """Return access to the entries in SQL, for one check. Raises NotApplicable if there is no database."""

    def another_table(self) -> SourceError | None:
        """Return why this is not a ledger at all, but another table; None if it has most of a ledger's columns."""

    def changed(self) -> str:
        """Return what of the table's definition changed since the snapshot was opened; empty if nothing did."""

    def stop(self) -> None:
        """Stop reading. Call it from another thread; it never raises."""

    def end_readers(self) -> None:
        """End what the readers of this view have left behind, such as a session of a process that is frozen."""


class Source(Protocol):
    """A place that entries are read from. Picklable, so that other processes can join a snapshot."""

    @property
    def label(self) -> str:
        """The database or the file, without secrets."""

    @property
    def profile(self) -> Profile:
        """What the ledger looks like."""

    @property
    def given(self) -> str:
        """What names the ledger to a command, without secrets."""

    @property
    def timeout(self) -> int:
        """The seconds that one statement may take."""

    @property
    def holds_secret(self) -> bool:
        """Whether a password goes wherever this object is sent."""

    @property
    def table_label(self) -> str:
        """The schema and the table, as an option takes them; empty for a file."""

    def snapshot(self, shared: str | None = None) -> AbstractContextManager[Snapshot]:
        """Open a snapshot, or join the one shared under this name; leaving closes it."""

    def reader(self, shared: str) -> AbstractContextManager[Snapshot]:
        """Join a snapshot, in any process, to read one segment for the run that opened it; leaving closes it."""
