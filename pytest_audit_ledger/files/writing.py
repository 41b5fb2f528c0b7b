"""Write files and folders completely or not at all."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.files.stores import AnyPath, StorePath, path_of, upload
from pytest_audit_ledger.files.temporary import held, partial_of, temporary_folder

if sys.version_info >= (3, 12):
    from collections.abc import Buffer
    from typing import Self
else:
    from typing_extensions import Buffer, Self

_WRITABLE = "Choose a folder that you may write to."
_REMEDIES = {
    errno.ENOSPC: "Free some space there, or choose another place.",
    errno.EDQUOT: "Free some space there, or choose another place.",
    errno.ENOENT: "Create the folder first, or choose another one.",
    errno.ENOTDIR: "Choose a folder; a part of this path is a file.",
    errno.EACCES: _WRITABLE,
    errno.EEXIST: "It is never overwritten: choose another name, or move this file away.",
    errno.EROFS: _WRITABLE,
}

_WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of a file system without hard links, such as a mounted bucket."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that was written, with the SHA-256 and the number of its bytes."""

    path: str
    sha256: str
    size: int


class Draft(io.RawIOBase):
    """A file that is being written; counts and hashes the bytes."""

    def __init__(self, file: BinaryIO, path: Path | None = None) -> None:
        """Take the open file and its temporary path; standard output has none."""
        super().__init__()
        self._file = file
        self._path = path
        self._digest = sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return True; gzip asks."""
        return True

    def write(self, data: Buffer) -> int:
        """Write all of `data`."""
        self._file.write(data)
        self._digest.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def sync(self) -> None:
        """Flush to disk what was written so far. Safe to call from any thread."""
        os.fsync(self._file.fileno())

    def reopened(self) -> BinaryIO:
        """Open for reading what was written so far."""
        assert self._path is not None  # noqa: S101  (standard output cannot be read back)
        self._file.flush()
        return self._path.open("rb")

    def written(self, path: str) -> Written:
        """Describe what was written so far as the file at `path`."""
        return Written(path=path, sha256=self._digest.hexdigest(), size=self.size)


def written_json(draft: Draft, document: Mapping[str, Any], path: AnyPath) -> Written:
    """Write a document as JSON to a draft, and describe it as the file at `path`."""
    draft.write(f"{json.dumps(document, indent=2, ensure_ascii=False)}\n".encode())
    return draft.written(str(path))


class BackgroundWriter:
    """Writes in a thread, so that hashing and compressing use another processor."""

    PIECE = 1024 * 1024
    """Bytes collected before the thread gets them."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._pieces: list[bytes] = []
        self._size = 0
        self._pending: Future[Any] | None = None
        self._thread = ThreadPoolExecutor(1, "audit-ledger")

    def write(self, data: bytes) -> None:
        """Take `data`. Raises the error that an earlier piece met, if any."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= self.PIECE:
            self._hand_on()

    def flush(self) -> None:
        """Do nothing; age calls this. What is left is written at the end."""

    def _hand_on(self) -> None:
        self._await()
        whole, self._pieces, self._size = b"".join(self._pieces), [], 0
        self._pending = self._thread.submit(self._inner.write, whole)

    def _await(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until everything is written; after an exception the rest is dropped."""
        try:
            if kind is None:
                self._hand_on()
                self._await()
        finally:
            self._thread.shutdown()


def refuse_suffix(path: str | AnyPath, suffixes: Collection[str]) -> str:
    """Return the suffix of a file's name, which says how to write it. Raises UsageError if it is not in `suffixes`."""
    file = path_of(path)
    name, suffix = file.name, file.suffix.lower()
    if not name:
        raise UsageError("The name of the output file is empty.", "Name a file; perhaps a shell variable is not set.")
    if suffix not in suffixes:
        raise UsageError(f"Cannot tell the format of {name}.", f"Use a name that ends in {', '.join(suffixes)}.")
    return suffix


@contextmanager
def whole_files(*paths: AnyPath, mode: int = 0o666, overwrite: bool = True) -> Iterator[list[Draft]]:
    """Open files under temporary names; on leaving, sync and rename them, or remove them after an exception.

    Objects in a store are uploaded on leaving, from a temporary folder. All paths are local, or all are in stores.

    `mode`: the permissions, minus the umask and minus those that a replaced file did not have. `overwrite`: whether to
    replace existing files. Raises OutputError if the files cannot be written, UsageError for a path that is not a
    regular file.
    """
    stored = [path for path in paths if isinstance(path, StorePath)]
    with (
        _objects(stored, overwrite)
        if stored
        else _files([Path(str(path)) for path in paths], mode, overwrite) as drafts
    ):
        yield drafts


@contextmanager
def _objects(paths: Sequence[StorePath], overwrite: bool) -> Iterator[list[Draft]]:
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path} is a folder.", "Name a file.")
    with temporary_folder() as folder:
        files = {folder / f"{number}-{path.name}": path for number, path in enumerate(paths)}
        with _files(list(files), 0o600, overwrite=True) as drafts:
            yield drafts
        _upload(files, overwrite=overwrite)


def _upload(files: Mapping[Path, StorePath], *, overwrite: bool) -> None:
    try:
        upload(files, overwrite=overwrite)
    except OSError as error:
        raise _explained(error, error.filename) from error


@contextmanager
def _files(paths: Sequence[Path], mode: int, overwrite: bool) -> Iterator[list[Draft]]:
    partial: list[Path] = []
    try:
        targets = [target_of(path) for path in paths]
        partial += map(partial_of, targets)
        with ExitStack() as files:
            modes = [target.stat().st_mode & mode if target.exists() else mode for target in targets]
            opened = [files.enter_context(_create(path, mode)) for path, mode in zip(partial, modes, strict=True)]
            for path in partial:
                files.enter_context(held(path))
            yield [Draft(file, path) for file, path in zip(opened, partial, strict=True)]
            for file in opened:
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                for path, target in zip(partial, targets, strict=True):
                    path.replace(target)
            else:
                _name_new(partial, targets)
        for folder in {target.parent for target in targets}:
            _sync(folder)
    except OSError as error:
        raise _explained(error, str(paths[0]), "No partial file is left.") from error
    finally:
        for path in partial:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def refuse_full(folder: AnyPath) -> None:
    """Raise UsageError unless `folder` is empty, or missing and can be created, with its parents."""
    if isinstance(folder, StorePath):
        if folder.exists():
            raise UsageError(f"{folder} is not empty.", "Name a new folder; nothing is overwritten.")
        return
    if not folder.name:
        raise UsageError("The folder name is empty.", "Name a new folder; perhaps a shell variable is not set.")
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise UsageError(f"{folder} exists and is not an empty folder.", "Name a new folder; nothing is overwritten.")
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{folder} cannot be created: {parent} is not a folder that you may write to.", _WRITABLE)


@contextmanager
def whole_folder(folder: AnyPath, last: str = "") -> Iterator[Path]:
    """Yield a temporary folder next to `folder`; on leaving, rename it, or remove it after an exception.

    Missing parents are created, and stay. In a store, its files are uploaded on leaving, the one named `last` after all
    others.

    Raises OutputError if it cannot be written, UsageError if `folder` exists and is not empty.
    """
    refuse_full(folder)
    if isinstance(folder, StorePath):
        with temporary_folder() as local:
            yield local
            names = sorted(path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file())
            names.sort(key=lambda name: name == last)
            _upload({local / name: folder / name for name in names}, overwrite=False)
        return
    partial = partial_of(folder)
    try:
        partial.mkdir(parents=True)
        with held(partial):
            yield partial
            for path in sorted(partial.rglob("*")):
                _sync(path)
            refuse_full(folder)
            partial.replace(folder)
        _sync(folder.parent)
    except OSError as error:
        raise _explained(error, str(folder), "No partial file is left.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def standard_output() -> Iterator[Draft]:
    """Yield a draft of standard output, which cannot be undone. Raises OutputError if it cannot be written."""
    try:
        yield Draft(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # the interpreter flushes again at its end, and would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError("The program that reads standard output ended, so the output is incomplete.") from error
    except OSError as error:
        raise _explained(error, "standard output") from error


def target_of(path: Path) -> Path:
    """Return the file to write, links followed. Raises UsageError for anything but a regular or a missing file."""
    try:
        target = path.resolve()
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"{path} is not a valid file name, or a link to itself.", "Name another file.") from error
    if path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid()):  # its owner would choose what we replace
        raise UsageError(f"{path} is a symbolic link that another user made.", "Name the file itself.")
    if target.is_dir():
        raise UsageError(f"{path} is a folder.", "Name a file.")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise UsageError(f"{path} is not a regular file.", "Name another file.")
    return target


def create_folder(folder: AnyPath) -> None:
    """Create a folder with its parents, unless it exists; a store needs none. Raises OutputError."""
    if isinstance(folder, StorePath):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be created: {error.strerror}.", "Use another folder.") from error


def refuse_existing(path: AnyPath, *, force: bool) -> None:
    """Raise UsageError for a file that exists, unless `force`, and for anything but a regular or a missing file.

    Raises OutputError if the path cannot be looked up.
    """
    try:
        exists = (path if isinstance(path, StorePath) else target_of(path)).exists()
    except OSError as error:
        raise _explained(error, str(path)) from error
    if exists and not force:
        raise UsageError(f"{path} exists already.", "Choose another name, or overwrite it with --ledger-force.")


def _create(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb")


def _name_new(partial: list[Path], targets: list[Path]) -> None:
    """Name all files or none; fail if one of the names is taken."""
    named: list[Path] = []
    try:
        for path, target in zip(partial, targets, strict=True):
            _link(path, target)
            named.append(target)
    except OSError:
        for target in named:
            target.unlink()
        raise


def _link(path: Path, target: Path) -> None:
    """Name a file by a hard link: unlike renaming, that fails if the name is taken."""
    try:
        target.hardlink_to(path)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # reserve the name, or fail
        path.replace(target)


def _sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk, if the file system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explained(error: OSError, name: str, left: str = "") -> OutputError:
    remedy = _REMEDIES.get(error.errno or 0, "Choose another place.")
    left = "" if error.errno == errno.EEXIST else left  # the older file is still there
    return OutputError(f"{name} could not be written: {error.strerror or error}.", f"{remedy} {left}".rstrip())
