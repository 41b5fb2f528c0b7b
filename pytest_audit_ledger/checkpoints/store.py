"""The folders that hold checkpoints: every one is read, and either trusted or rejected with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, Checkpoint, Note, VerifierKey
from pytest_audit_ledger.checkpoints.record import LARGEST_RECORD, CheckpointRecord, json_file, note_file, open_record
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
    record: CheckpointRecord | None = None
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


def read_store(folders: Sequence[str | Path], keys: Sequence[VerifierKey], *, newest_record: bool = False) -> Store:
    """Read every checkpoint in these folders, and every record, or only the newest that can be trusted.

    Raises UsageError where one is no folder, or cannot be listed.
    """
    listed = {str(folder): _listed(Path(folder)) for folder in folders}
    notes = [_read_note(path, keys) for paths in listed.values() for path in paths]
    trusted: list[Trusted] = []
    rejected = [one for one in notes if isinstance(one, Rejected)]
    for note in sorted((one for one in notes if isinstance(one, Trusted)), key=lambda one: (-one.size, one.path)):
        enough = newest_record and trusted and trusted[-1].record
        for one in [note] if enough else _with_record(note):
            trusted.append(one) if isinstance(one, Trusted) else rejected.append(one)
    trusted.sort(key=lambda one: (one.size, one.path))
    return Store(tuple(trusted), tuple(rejected), tuple(folder for folder, paths in listed.items() if not paths))


def _listed(folder: Path) -> list[Path]:
    """Return the files of checkpoints in a folder; none where it is not there."""
    try:
        if not folder.exists():
            return []
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and path.name[0] != ".")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{folder} cannot be read: {reason}.", "Name a folder with checkpoints.") from None


def read_checkpoint(path: Path, keys: Sequence[VerifierKey]) -> list[Trusted | Rejected]:
    """Read one file and the record beside it, and tell what of it can be trusted, and what cannot."""
    note = _read_note(path, keys)
    return _with_record(note) if isinstance(note, Trusted) else [note]


def _read_note(path: Path, keys: Sequence[VerifierKey]) -> Trusted | Rejected:
    try:
        return Trusted(str(path), *open_checkpoint(_bytes(path, LARGEST_NOTE), keys))
    except (OSError, ValueError) as error:
        return Rejected(str(path), _reason(error))


def _with_record(note: Trusted) -> list[Trusted | Rejected]:
    path = Path(note.path)
    try:
        return [replace(note, record=_record(path, note.checkpoint, note.keys))]
    except (OSError, ValueError) as error:
        return [note, Rejected(str(json_file(path)), _reason(error))]


def _record(path: Path, checkpoint: Checkpoint, signers: Sequence[VerifierKey]) -> CheckpointRecord | None:
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
