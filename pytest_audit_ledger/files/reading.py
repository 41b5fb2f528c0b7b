"""Read files within limits: regular files only, and never more bytes than the caller allows.

Every function raises OSError with a `strerror` that completes the sentence "FILE cannot be read: …".
"""

from __future__ import annotations

import errno
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

LARGEST_TEXT = 1024 * 1024
"""Default limit in bytes, for files that people write, such as keys."""


def is_file(path: Path) -> bool:
    """Return whether `path` is a regular file; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a null byte, a folder that may not be entered
        return False


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading. Raises OSError for anything else: a FIFO or a device could block forever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, "Not a valid file name", str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of a file from its current position to its end, in hexadecimal. Raises OSError."""
    digest = sha256()
    while block := file.read(1024 * 1024):
        digest.update(block)
    return digest.hexdigest()


def read_bytes(path: str | Path, largest: int = LARGEST_TEXT) -> bytes:
    """Return the bytes of a regular file. Raises OSError, also if there are more than `largest`."""
    with open_regular(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"Larger than {largest:,} bytes", str(path))
    return data


def read_text(path: str | Path, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a regular file in UTF-8. Raises OSError, also if it is not UTF-8."""
    try:
        return read_bytes(path, largest).decode()
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "Not UTF-8 text", str(path)) from None  # the cause holds the text, perhaps a key
