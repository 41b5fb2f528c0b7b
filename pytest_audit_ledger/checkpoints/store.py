"""Read folders of checkpoints: each file is either trusted, or rejected with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import chain
from typing import TypeVar

from pytest_audit_ledger.checkpoints.note import COSIGNATURE, LARGEST_NOTE, Checkpoint, Note, VerifierKey
from pytest_audit_ledger.checkpoints.record import LARGEST_RECORD, CheckpointRecord, json_file, note_file, open_record
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.reading import read_bytes
from pytest_audit_ledger.files.stores import AnyPath, P, StorePath, path_of

SUFFIX = ".checkpoint"
READ_AT_ONCE = 8
"""Files that are read at once from a store, where each waits for the network."""

T = TypeVar("T")
R = TypeVar("R")


def checkpoint_path(folder: P, size: int) -> P:
    """Return the path of the checkpoint of a size; twelve digits keep the order by name up to a trillion entries."""
    return folder / f"{size:012d}{SUFFIX}"


@dataclass(frozen=True)
class Trusted:
    """A checkpoint signed by a trusted key; `record` is None if there is no record next to it."""

    path: str
    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]
    record: CheckpointRecord | None = None

    @property
    def size(self) -> int:
        """The number of entries that it covers."""
        return self.checkpoint.size


@dataclass(frozen=True)
class Rejected:
    """A file that cannot be trusted, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Store:
    """The contents of folders: trusted checkpoints by size, rejected files, and the folders without a checkpoint."""

    trusted: tuple[Trusted, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    empty: tuple[str, ...] = field(default=())

    @property
    def origins(self) -> tuple[str, ...]:
        """The names of the ledgers that the trusted checkpoints belong to."""
        return tuple(dict.fromkeys(one.checkpoint.origin for one in self.trusted))

    @property
    def recorded(self) -> list[tuple[str, CheckpointRecord]]:
        """The path and the record of the trusted checkpoints that have one, by size."""
        return [(one.path, one.record) for one in self.trusted if one.record is not None]


def read_store(folders: Sequence[str | AnyPath], keys: Sequence[VerifierKey], *, newest_record: bool = False) -> Store:
    """Read every checkpoint in these folders, with every record, or with only the newest trusted one.

    Raises UsageError if a folder cannot be listed.
    """
    found = {str(folder): listed(path_of(folder)) for folder in folders}
    paths = [path for listing in found.values() for path in listing]
    at_once = READ_AT_ONCE if any(isinstance(path, StorePath) for path in paths) else 1
    notes = list(_each(partial(_read_note, keys=keys), paths, at_once))
    trusted: list[Trusted] = []
    rejected = [one for one in notes if isinstance(one, Rejected)]
    newest = sorted((one for one in notes if isinstance(one, Trusted)), key=lambda one: (-one.size, one.path))
    first, older = map(partial(_with_record, opened=_open_newest), newest[:1]), newest[1:]
    others = map(_with_record, older) if newest_record else _each(_with_record, older, at_once)
    for records in chain(first, others):
        for one in records:
            if isinstance(one, Trusted):
                trusted.append(_without_streams(one) if trusted else one)
            else:
                rejected.append(one)
        if newest_record and trusted[-1].record:
            break
    trusted += newest[len(trusted) :]
    trusted.sort(key=lambda one: (one.size, one.path))
    return Store(tuple(trusted), tuple(rejected), tuple(folder for folder, listing in found.items() if not listing))


def _each(read: Callable[[T], R], named: Sequence[T], at_once: int) -> Iterator[R]:
    """Yield what is read of each, in order, and have no more in memory than are read at once."""
    with ThreadPoolExecutor(at_once, "audit-ledger") as pool:
        for begin in range(0, len(named), at_once):
            yield from pool.map(read, named[begin : begin + at_once])


def listed(folder: AnyPath) -> list[AnyPath]:
    """Return the checkpoint files in a folder; none if it does not exist. Raises UsageError if it cannot be listed."""
    try:
        if not folder.exists():
            return []
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and path.name[0] != ".")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{folder} cannot be read: {reason}.", "Name a folder of checkpoints.") from error


def refuse_missing(folders: Sequence[str | AnyPath]) -> None:
    """Raise UsageError for a folder that does not exist, in which no checkpoint can be looked for."""
    for folder in folders:
        if not path_of(folder).exists():
            raise UsageError(f"There is no folder {folder}.", "Name the folder that holds the checkpoints.")


def read_checkpoint(path: AnyPath, keys: Sequence[VerifierKey]) -> list[Trusted | Rejected]:
    """Read one checkpoint and its record; return what can be trusted, and what cannot."""
    note = _read_note(path, keys)
    return _with_record(note) if isinstance(note, Trusted) else [note]


def _read_note(path: AnyPath, keys: Sequence[VerifierKey]) -> Trusted | Rejected:
    try:
        return Trusted(str(path), *open_checkpoint(read_bytes(path, LARGEST_NOTE), keys))
    except (OSError, ValueError) as error:
        return Rejected(str(path), _reason(error))


_open_newest = lru_cache(maxsize=1)(open_record)
"""Several kinds of a run ask for the newest record, which may have a hundred thousand streams: read it once."""


def _with_record(note: Trusted, opened: Callable[..., CheckpointRecord] = open_record) -> list[Trusted | Rejected]:
    path = path_of(note.path)
    json, binding = json_file(path), note_file(path)
    keys = tuple(key for key in note.keys if key.kind != COSIGNATURE)  # a witness signs checkpoints only
    if not keys or (not json.exists() and not binding.exists()):
        return [note]
    try:
        data = read_bytes(json, LARGEST_RECORD), read_bytes(binding, LARGEST_NOTE)
        return [replace(note, record=opened(*data, note.checkpoint, keys))]
    except (OSError, ValueError) as error:
        return [note, Rejected(str(json), _reason(error))]


def _without_streams(one: Trusted) -> Trusted:
    """Return a checkpoint without the streams of its record: only the newest ones are compared, and there are many."""
    return replace(one, record=replace(one.record, streams={})) if one.record else one


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'it'} cannot be read: {error.strerror}"
    return str(error)


def open_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, tuple[VerifierKey, ...]]:
    """Return a checkpoint, and which of the keys signed it. Raises ValueError.

    The name of the key must be the origin (tlog-checkpoint, "Signatures"): otherwise a key that is trusted for one
    ledger could sign for another. A witness signs for many, so its key may have any name (tlog-cosignature).
    """
    note = Note.parse(data)
    signers = note.signed_by(keys)
    checkpoint = Checkpoint.parse(note.text)
    own = tuple(key for key in signers if key.kind == COSIGNATURE or key.name == checkpoint.origin)
    if not own:
        raise ValueError(f"its origin is {checkpoint.origin}, but {signers[0].name} signed it")
    return checkpoint, own
