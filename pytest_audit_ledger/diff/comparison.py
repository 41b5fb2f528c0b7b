"""The Python API for what needs no ledger to be opened first: a backup to verify, and two ledgers to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_audit_ledger.backup.encryption import Key, opener_of, read_key
from pytest_audit_ledger.backup.verification import (
    is_backup,
    restored_backup,
)
from pytest_audit_ledger.diff.difference import Difference, Side, difference
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.investigate.other_copy import Changed, OtherCopy
from pytest_audit_ledger.investigate.stored_entries import read
from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.sources.named import DEFAULT_TABLE, named_source
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.sources.source import Snapshot, Source


def diff(
    a: str,
    b: str,
    *,
    table: str = DEFAULT_TABLE,
    timeout: int = DEFAULT_TIMEOUT_S,
    samples: int = DEFAULT_SAMPLES,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | None = None,
    progress: Progress = no_progress,
) -> Difference:
    """Compare two ledgers entry by entry: each a database, a backup, which is restored for it, or an export.

    `table` is the ledger's in both; a backup's manifest knows its own. `samples`: changes and ranges kept; all are
    counted. `identity`, `encryption_key` and `scratch_db` are as for `verify_backup`.

    Raises UsageError, and SourceError where a side cannot be read.
    """
    opened = _opening(table, timeout, identity, encryption_key, scratch_db, progress, a, b)
    with opened(a) as one, opened(b) as other, one.snapshot() as first, other.snapshot() as second:
        return difference(_side(a, first), _side(b, second), samples=samples, progress=progress)


def _opening(
    table: str,
    timeout: int,
    identity: str | Path | None,
    encryption_key: str | Key | None,
    scratch_db: str | None,
    progress: Progress,
    *named: str,
) -> Callable[[str], AbstractContextManager[Source]]:
    """Return what opens a ledger: a database, an export, or a backup, which is restored. Mistakes show now."""
    key = read_key(encryption_key) if isinstance(encryption_key, str) else encryption_key
    opener = opener_of(key, identity)
    if scratch_db is not None:
        PostgresSource(scratch_db)
    for name in named:
        if not is_backup(resolve(name)):
            named_source(name, table, timeout)

    def opened(name: str) -> AbstractContextManager[Source]:
        if is_backup(resolve(name)):
            path = Path(resolve(name))
            return restored_backup(path, opener, scratch=scratch_db, table=table, timeout=timeout, progress=progress)
        return started(name, table, timeout)

    return opened


def _side(named: str, snapshot: Snapshot) -> Side:
    return Side(resolve(named) if is_backup(resolve(named)) else snapshot.info.database, snapshot)


@dataclass(frozen=True)
class Other:
    """Another copy of a ledger to compare with, as the arguments of `diff` name it."""

    named: str
    open: Callable[[str], AbstractContextManager[Source]]
    samples: int
    progress: Progress

    def compare(self, here: Snapshot, numbers: Sequence[int]) -> OtherCopy:
        """Compare it, before, with a ledger, now; of the entries with these numbers read what they say there.

        Raises SourceError where one of them cannot be read.
        """
        with ExitStack() as stack:
            with _of_the_other_copy():
                there = stack.enter_context(stack.enter_context(self.open(self.named)).snapshot())
            other, ledger = _side(self.named, there), Side(here.info.database, here)
            found = difference(other, ledger, samples=self.samples, progress=self.progress)
            changes = [one.sequence_number for one in found.changes if one.sequence_number is not None]
            followed = [number + 1 for number in changes]  # what links to them tells which side is as it was
            starts = [first for first, _ in found.missing.shown() if first is not None]
            return OtherCopy(
                label=other.label,
                is_whole=there.info.extent is Extent.WHOLE,
                last=max(filter(None, (found.both.last, found.missing.last)), default=None),
                last_in_both=found.both.last,
                same=found.same,
                changed=found.changed,
                missing=found.missing.count,
                added=found.added.count,
                unjudged=found.unjudged,
                last_same=found.last_same,
                columns=found.columns,
                both_ranges=tuple(found.both.shown()),
                missing_ranges=tuple(found.missing.shown()),
                added_ranges=tuple(found.added.shown()),
                changed_columns=dict(found.changed_columns),
                changes=tuple(Changed(one.sequence_number, one.columns) for one in found.changes),
                records=read(there, {*numbers, *changes, *followed, *starts}),
                asked=frozenset(numbers),
                notes=tuple(_notes(found)),
            )


@contextmanager
def _of_the_other_copy() -> Iterator[None]:
    """Say of an error that it is about the other copy, and not about the ledger."""
    try:
        yield
    except LedgerError as error:
        raise type(error)(f"The other copy (--against) was not opened. {error.message}", error.remedy) from None


def _notes(found: Difference) -> Iterator[str]:
    names = {"A": "The other copy", "B": "The ledger"}
    for note in found.notes:
        yield f"{names[note[0]]}{note[1:]}"
    for side, columns in (("the other copy", found.only_in_a), ("the ledger", found.only_in_b)):
        if columns:
            yield f"Not compared, because only {side} has them: {', '.join(columns)}."


def other(
    named: str,
    *,
    table: str = DEFAULT_TABLE,
    timeout: int = DEFAULT_TIMEOUT_S,
    samples: int = DEFAULT_SAMPLES,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | None = None,
    progress: Progress = no_progress,
) -> Other:
    """Return another copy of a ledger to compare with; the arguments are those of `diff`. Raises UsageError."""
    with _of_the_other_copy():
        opened = _opening(table, timeout, identity, encryption_key, scratch_db, progress, named)
    return Other(named, opened, samples, progress)
