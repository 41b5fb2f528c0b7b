"""The folders that hold checkpoints: every one is read, and either trusted or rejected with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, Checkpoint, Note, VerifierKey
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


def read_store(folders: Sequence[str | Path], keys: Sequence[VerifierKey]) -> Store:
    """Read every checkpoint in these folders. Raises UsageError where one is no folder, or cannot be listed."""
    found: list[Trusted | Rejected] = []
    empty = []
    for folder in map(Path, folders):
        paths = _listed(folder)
        found += [read_checkpoint(path, keys) for path in paths]
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


def read_checkpoint(path: Path, keys: Sequence[VerifierKey]) -> Trusted | Rejected:
    """Read one file, and tell whether one of these keys signed it as the ledger that it is the name of."""
    try:
        checkpoint, signers = open_checkpoint(read_bytes(path), keys)
    except OSError as error:
        return Rejected(str(path), f"it cannot be read: {error.strerror}")
    except ValueError as error:
        return Rejected(str(path), str(error))
    return Trusted(str(path), checkpoint, signers)


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


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a note, and no more than tell that it is too large."""
    with path.open("rb") as file:
        return file.read(LARGEST_NOTE + 1)
