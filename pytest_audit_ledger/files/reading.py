"""Read files within limits: regular files and objects in a store, and never more bytes than the caller allows.

Every function raises OSError with a `strerror` that completes the sentence "FILE cannot be read: …", and LedgerError if
a store cannot be used (see `stores.py`).
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from pytest_audit_ledger.files.stores import AnyPath, StorePath, open_object
from pytest_audit_ledger.files.temporary import temporary_folder

COPIED_AT_ONCE = 1024 * 1024
"""Bytes."""

LARGEST_TEXT = 1024 * 1024
"""Default limit in bytes, for files that people write, such as keys."""


def is_file(path: AnyPath) -> bool:
    """Return whether `path` is a regular file or an object; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a null byte, a folder that may not be entered
        return False


def open_regular(path: str | AnyPath) -> BinaryIO:
    """Open a regular file or an object for reading.

    Raises OSError for anything else: a FIFO or a device could block forever.
    """
    if isinstance(path, StorePath):
        return open_object(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, "Not a valid file name", str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


@contextmanager
def local_file(path: AnyPath) -> Iterator[BinaryIO]:
    """Open a regular file, or a copy of an object that is deleted at the end. Raises as `open_regular` does."""
    with open_regular(path) as file:
        if not isinstance(path, StorePath):
            yield file
            return
        with TemporaryFile() as copy:
            shutil.copyfileobj(file, copy, COPIED_AT_ONCE)
            copy.seek(0)
            yield cast("BinaryIO", copy)


@contextmanager
def local_folder(folder: AnyPath) -> Iterator[Path]:
    """Yield a folder, or a copy of what is below a prefix in a store. Raises as `open_regular` does."""
    if not isinstance(folder, StorePath):
        yield folder
        return
    with temporary_folder() as copies:
        for name, path in folder.below():
            target = copies / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_regular(path) as file, target.open("xb") as copy:
                shutil.copyfileobj(file, copy, COPIED_AT_ONCE)
        yield copies


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of a file from its current position to its end, in hexadecimal. Raises OSError."""
    digest = sha256()
    while block := file.read(1024 * 1024):
        digest.update(block)
    return digest.hexdigest()


def read_bytes(path: str | AnyPath, largest: int = LARGEST_TEXT) -> bytes:
    """Return the bytes of a regular file. Raises OSError, also if there are more than `largest`."""
    with open_regular(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes", str(path))
    return data


def read_text(path: str | AnyPath, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a regular file in UTF-8. Raises OSError, also if it is not UTF-8."""
    try:
        return read_bytes(path, largest).decode()
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "Not UTF-8 text", str(path)) from None  # the cause holds the text, perhaps a key
