"""Compare two ledgers that are named like the arguments of `audit-ledger diff`: databases, backups or exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from pytest_audit_ledger.backup.encryption import Key, opener_of
from pytest_audit_ledger.backup.verification import is_backup, restored_backup
from pytest_audit_ledger.differences.difference import Named, difference
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.investigate.stored_entries import read
from pytest_audit_ledger.model.difference import Difference
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.scratch.server import Scratch
from pytest_audit_ledger.sources.dsn import Dsn, optional_dsn
from pytest_audit_ledger.sources.named import named_source
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S
from pytest_audit_ledger.sources.source import Snapshot, Source

if TYPE_CHECKING:
    from typing_extensions import Unpack


def diff(
    a: str | Dsn,
    b: str | Dsn,
    *,
    table: str | None = None,
    profile: Profile = SKI,
    timeout: int = DEFAULT_TIMEOUT_S,
    samples: int = DEFAULT_SAMPLES,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | Dsn | None = None,
    allow_superuser_scratch: bool = False,
    progress: Progress = no_progress,
) -> Difference:
    """Compare two ledgers entry by entry: each a database, an export, or a backup, which is restored first.

    `table` is the ledger's in both, unless a backup's manifest names another. `samples`: how many changes and ranges to
    keep; all are counted. `identity`, `encryption_key`, `scratch_db` and `allow_superuser_scratch` are as
    for `verify_backup`.

    Raises UsageError, and SourceError if a side cannot be read.
    """
    a, b, scratch_db = Dsn(a), Dsn(b), optional_dsn(scratch_db)
    places: Opening = {"table": table, "profile": profile, "timeout": timeout, "scratch_db": scratch_db}
    how: Opening = {"allow_superuser_scratch": allow_superuser_scratch}
    opened = _opening((a, b), progress, {**places, **how, "identity": identity, "encryption_key": encryption_key})
    with opened(a) as one, opened(b) as other, one.snapshot() as first, other.snapshot() as second:
        return difference(_side(a, first), _side(b, second), samples=samples, progress=progress)


class Opening(TypedDict, total=False):
    """How ledgers are opened; see `diff`."""

    table: str | None
    profile: Profile
    timeout: int
    identity: str | Path | None
    encryption_key: str | Key | None
    scratch_db: str | Dsn | None
    allow_superuser_scratch: bool


def _opening(
    named: Sequence[Dsn], progress: Progress, options: Opening
) -> Callable[[Dsn], AbstractContextManager[Source]]:
    """Return what opens a ledger by its name: a database, an export, or a backup, which is restored first.

    Raises UsageError for a mistake in an option or in one of these names.
    """
    table, timeout = options.get("table"), options.get("timeout", DEFAULT_TIMEOUT_S)
    profile, allowed = options.get("profile", SKI), options.get("allow_superuser_scratch", False)
    scratch = Scratch(optional_dsn(options.get("scratch_db")), allow_superuser=allowed, timeout=timeout)
    opener = opener_of(options.get("encryption_key"), options.get("identity"))
    for name in named:
        if _backup(name) is None:
            named_source(name, table, timeout, profile)

    def opened(name: Dsn) -> AbstractContextManager[Source]:
        path = _backup(name)
        if path is not None:
            return restored_backup(path, opener, scratch=scratch, table=table, profile=profile, progress=progress)
        return started(name, table, timeout, profile)

    return opened


def _backup(named: Dsn) -> AnyPath | None:
    """Return the backup that a user names, None if it is something else."""
    named = named.resolved()
    return path_of(named.reveal()) if is_backup(named.reveal()) else None


def _side(named: Dsn, snapshot: Snapshot) -> Named:
    return str(_backup(named) or snapshot.info.database), snapshot


@dataclass(frozen=True)
class Other:
    """Another copy of a ledger to compare with, by its name, as `diff` takes it."""

    named: Dsn
    open: Callable[[Dsn], AbstractContextManager[Source]]
    samples: int
    progress: Progress

    def compare(self, here: Snapshot, numbers: Sequence[int]) -> OtherCopy:
        """Compare this copy, as before, with a ledger, as now; read these entries, by sequence number, in this copy.

        Raises SourceError if one of the two cannot be read.
        """
        with ExitStack() as stack:
            with _about_the_other_copy():
                there = stack.enter_context(stack.enter_context(self.open(self.named)).snapshot())
            other, ledger = _side(self.named, there), (here.info.database, here)
            found = difference(other, ledger, samples=self.samples, progress=self.progress)
            changes = [one.sequence_number for one in found.changes if one.sequence_number is not None]
            followed = [number + 1 for number in changes]  # their previous hash shows which side is original
            starts = [first for first, _ in found.missing.shown() if first is not None]
            return OtherCopy(found, read(there, {*numbers, *changes, *followed, *starts}), frozenset(numbers))


@contextmanager
def _about_the_other_copy() -> Iterator[None]:
    """Make an error say that it is about the other copy, not about the ledger."""
    try:
        yield
    except LedgerError as error:
        raise error.about("The other copy (--against) could not be opened.") from error


def other(
    named: str | Dsn, *, samples: int = DEFAULT_SAMPLES, progress: Progress = no_progress, **options: Unpack[Opening]
) -> Other:
    """Return another copy of a ledger to compare with; the arguments are those of `diff`. Raises UsageError."""
    named = Dsn(named)
    options["scratch_db"] = optional_dsn(options.get("scratch_db"))
    with _about_the_other_copy():
        return Other(named, _opening((named,), progress, options), samples, progress)
