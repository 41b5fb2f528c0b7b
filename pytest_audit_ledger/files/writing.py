"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_audit_ledger.errors import OutputError, UsageError

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

_REMEDIES = {
    errno.ENOSPC: "Make room there, or name another place.",
    errno.EDQUOT: "Make room there, or name another place.",
    errno.ENOENT: "Make the folder first, or name another one.",
    errno.ENOTDIR: "Name a folder that is one.",
    errno.EACCES: "Name a folder that you may write to.",
    errno.EEXIST: "It is never overwritten: name another file, or move this one away.",
    errno.EROFS: "Name a folder that you may write to.",
}


_WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""How a file system, such as that of a bucket, says that it has no links."""


@dataclass(frozen=True)
class Written:
    """A file that was written: its bytes' SHA-256 and number."""

    path: str
    sha256: str
    size: int


class Draft(io.RawIOBase):
    """A file in the making: counts and hashes what is written to it."""

    def __init__(self, file: BinaryIO, path: Path | None = None) -> None:
        """Take the open file, and where it lies for now; standard output lies nowhere."""
        super().__init__()
        self._file = file
        self._path = path
        self._digest = sha256()
        self.size = 0

    def writable(self) -> bool:
        """Say so, as gzip asks."""
        return True

    def write(self, data: Buffer) -> int:
        """Write all of `data`."""
        self._file.write(data)
        self._digest.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def sync(self) -> None:
        """Make what was written so far last, from whatever thread."""
        os.fsync(self._file.fileno())

    def reopened(self) -> BinaryIO:
        """Open what was written so far, to be read."""
        assert self._path is not None  # noqa: S101  (standard output is not read again)
        self._file.flush()
        return self._path.open("rb")

    def written(self, path: str) -> Written:
        """Return what was written so far, as the file at `path`."""
        return Written(path, self._digest.hexdigest(), self.size)


def written_json(draft: Draft, document: Mapping[str, Any], path: Path) -> Written:
    """Write a document as JSON to a draft, and return it as the file at `path`."""
    draft.write(f"{json.dumps(document, indent=2, ensure_ascii=False)}\n".encode())
    return draft.written(str(path))


class BackgroundWriter:
    """Hands on what is written to it from a thread, so that hashing and compressing take another processor."""

    PIECE = 1024 * 1024
    """Bytes that are collected before they are handed on."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._pieces: list[bytes] = []
        self._size = 0
        self._pending: Future[Any] | None = None
        self._thread = ThreadPoolExecutor(1, "audit-ledger")

    def write(self, data: bytes) -> None:
        """Take `data`. Raises what an earlier piece met when it was written."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= self.PIECE:
            self._hand_on()

    def flush(self) -> None:
        """Do nothing, as age asks; what is left is written at the end."""

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
        """Wait until everything is written; after an exception the rest does not matter."""
        try:
            if kind is None:
                self._hand_on()
                self._await()
        finally:
            self._thread.shutdown()


def refuse_suffix(path: str | Path, suffixes: Collection[str]) -> str:
    """Return the suffix of a file's name, which says how to write it. Raises UsageError if it is not in `suffixes`."""
    name = Path(path).name
    suffix = Path(path).suffix.lower()
    if not name:
        raise UsageError("The name of the output file is empty.", "Name a file. Is a variable not set?")
    if suffix not in suffixes:
        raise UsageError(f"Cannot tell the format of {name}.", f"Use a name that ends in {', '.join(suffixes)}.")
    return suffix


@contextmanager
def whole_files(*paths: Path, mode: int = 0o666, overwrite: bool = True) -> Iterator[list[Draft]]:
    """Open files under temporary names; on leaving they are synced and renamed, or, after an exception, removed.

    `mode` are the permissions, less the umask and those that an older file does not have. `overwrite`: whether older
    files are replaced. Raises OutputError where the files cannot be written, UsageError where a path is something that
    must not be replaced.
    """
    partial: list[Path] = []
    try:
        targets = [_target(path) for path in paths]
        partial += [target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial") for target in targets]
        with ExitStack() as files:
            modes = [target.stat().st_mode & mode if target.exists() else mode for target in targets]
            opened = [files.enter_context(_create(path, mode)) for path, mode in zip(partial, modes, strict=True)]
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
        raise _explained(error, str(paths[0]), "Nothing of it is left.") from None
    finally:
        for path in partial:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def refuse_full(folder: Path) -> None:
    """Raise UsageError where a folder that is to be written holds something, or is no folder."""
    if not folder.name:
        raise UsageError("The name of the folder is empty.", "Was a variable not set? Name a new folder.")
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise UsageError(f"{folder} exists and is no empty folder.", "Name a new folder; nothing is overwritten.")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; on leaving it is renamed, or, after an exception, removed.

    Raises OutputError where it cannot be written, UsageError where `folder` exists and holds something.
    """
    refuse_full(folder)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir()
        yield partial
        for path in sorted(partial.rglob("*")):
            _sync(path)
        refuse_full(folder)
        partial.replace(folder)
        _sync(folder.parent)
    except OSError as error:
        raise _explained(error, str(folder), "Nothing of it is left.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def standard_output() -> Iterator[Draft]:
    """Write to standard output, which cannot be taken back. Raises OutputError where it cannot be written."""
    try:
        yield Draft(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # whoever read has gone, and the interpreter would complain when it flushes once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError("The reader of standard output has gone, so not everything was written.") from None
    except OSError as error:
        raise _explained(error, "standard output") from None


def _target(path: Path) -> Path:
    """Return the file to replace: what a symbolic link points to, and nothing but an ordinary file."""
    try:
        target = path.resolve()
    except (RuntimeError, ValueError):
        raise UsageError(
            f"{path} is a link to itself, or no name of a file.", "Name a file; - is standard output."
        ) from None
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise UsageError(f"{path} exists and is no ordinary file.", "Name a file; - is standard output.")
    return target


def _create(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb")


def _name_new(partial: list[Path], targets: list[Path]) -> None:
    """Give files their names, all or none, where nothing has these names yet."""
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
    """Name a file as a link, which, unlike a renaming, is refused where there is such a file."""
    try:
        target.hardlink_to(path)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # the name is ours, or refused
        path.replace(target)


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, last, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explained(error: OSError, name: str, left: str = "") -> OutputError:
    remedy = _REMEDIES.get(error.errno or 0, "Name another place.")
    left = "" if error.errno == errno.EEXIST else left  # the older file is
    return OutputError(f"{name} could not be written: {error.strerror or error}.", f"{remedy} {left}".rstrip())
