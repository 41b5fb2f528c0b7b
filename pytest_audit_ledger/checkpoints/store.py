"""The folders that hold checkpoints: every one is read, and either trusted or rejected with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, Checkpoint, Note, VerifierKey
from pytest_audit_ledger.checkpoints.record import LARGEST_RECORD, Record, json_file, note_file, open_record
from pytest_audit_ledger.errors import UsageError

SUFFIX = ".checkpoint"


def checkpoint_path(folder: Path, size: int) -> Path:
    """Return where the checkpoint of a size lies; as many digits as sort by name what has a trillion entries."""
    return folder / f"{size:012d}{SUFFIX}"


@dataclass(frozen=True)
class Trusted:
    """A checkpoint that a trusted key signed."""

    path: str
    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]
    record: Record | None = None
    """What lies beside it, None where nothing does."""

    @property
    def size(self) -> int:
        """How many entries it speaks of."""
        return self.checkpoint.size


@dataclass(frozen=True)
class Rejected:
    """A file that is no checkpoint to be trusted, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Store:
    """What folders hold: what can be trusted, by size, what cannot, and the folders without any checkpoint."""

    trusted: tuple[Trusted, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    empty: tuple[str, ...] = field(default=())

    @property
    def origins(self) -> tuple[str, ...]:
        """The names of the ledgers that the trusted ones speak of."""
        return tuple(dict.fromkeys(one.checkpoint.origin for one in self.trusted))


def read_store(folders: Sequence[str | Path], keys: Sequence[VerifierKey], *, records: bool = True) -> Store:
    """Read every checkpoint in these folders, and the `records` beside them.

    Raises UsageError where one is no folder, or cannot be listed.
    """
    found: list[Trusted | Rejected] = []
    empty = []
    for folder in map(Path, folders):
        paths = _listed(folder)
        found += [one for path in paths for one in read_checkpoint(path, keys, record=records)]
        if not paths:
            empty.append(str(folder))
    trusted = sorted((one for one in found if isinstance(one, Trusted)), key=lambda one: (one.size, one.path))
    rejected = (one for one in found if isinstance(one, Rejected))
    return Store(tuple(trusted), tuple(rejected), tuple(empty))


def _listed(folder: Path) -> list[Path]:
    """Return the files of checkpoints in a folder; none where it is not there."""
    try:
        if not folder.exists():
            return []
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and path.name[0] != ".")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{folder} cannot be read: {reason}.", "Name a folder with checkpoints.") from None


def read_checkpoint(path: Path, keys: Sequence[VerifierKey], *, record: bool = True) -> list[Trusted | Rejected]:
    """Read one file and the `record` beside it, and tell what of it can be trusted, and what cannot."""
    try:
        checkpoint, signers = open_checkpoint(_bytes(path, LARGEST_NOTE), keys)
    except (OSError, ValueError) as error:
        return [Rejected(str(path), _reason(error))]
    try:
        found = _record(path, checkpoint, signers) if record else None
    except (OSError, ValueError) as error:
        return [Trusted(str(path), checkpoint, signers), Rejected(str(json_file(path)), _reason(error))]
    return [Trusted(str(path), checkpoint, signers, found)]


def newest_record(store: Store) -> tuple[str, Record] | None:
    """Return the record of most entries that is to be trusted, with the path of its checkpoint, read only now."""
    for one in reversed(store.trusted):
        for found in read_checkpoint(Path(one.path), one.keys):
            if isinstance(found, Trusted) and found.record is not None:
                return one.path, found.record
    return None


def _record(path: Path, checkpoint: Checkpoint, signers: Sequence[VerifierKey]) -> Record | None:
    files = json_file(path), note_file(path)
    if not any(file.exists() for file in files):
        return None
    return open_record(_bytes(files[0], LARGEST_RECORD), _bytes(files[1], LARGEST_NOTE), checkpoint, signers)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'it'} cannot be read: {error.strerror}"
    return str(error)


def open_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, tuple[VerifierKey, ...]]:
    """Return a checkpoint and which of the keys signed it.

    The name of the key must be the origin, as tlog-checkpoint ("Signatures") asks for: a key that is trusted for one
    ledger could speak of another otherwise. Raises ValueError.
    """
    note = Note.parse(data)
    signers = note.signed_by(keys)
    checkpoint = Checkpoint.parse(note.text)
    own = tuple(key for key in signers if key.name == checkpoint.origin)
    if not own:
        raise ValueError(f"its origin is {checkpoint.origin}, and it is signed by {signers[0].name}")
    return checkpoint, own


def _bytes(path: Path, largest: int) -> bytes:
    """Return the bytes of a file, and no more than tell that it is too large."""
    with path.open("rb") as file:
        return file.read(largest + 1)
