"""Temporary files and folders, also of processes that were killed before they could delete them.

A process holds a lock on what it will rename or delete (flock(2)). The kernel releases it when the process ends,
whatever ended it; a process number could belong to another process by then. What nobody holds is abandoned, and is
deleted by whoever next writes to the same place.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG

YOUNG_S = 10.0
"""Seconds in which what nobody holds may be new, and its process about to lock it."""

_TEMPORARY = "audit-ledger-run-"


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock on a file or folder of ours, and yield whether that succeeded. No link is followed.

    It fails if another process holds it, or if it is gone. A file system without locks lets nobody hold anything.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield _locked(descriptor, path)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, path: Path) -> bool:
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)  # the path may be another file by now
        is_ours = found.st_uid == os.geteuid() and (S_ISREG(found.st_mode) or S_ISDIR(found.st_mode))
        return is_ours and os.path.samestat(found, path.lstat())
    return False


def partial_of(target: Path) -> Path:
    """Return a new name for what will replace a file or folder, and delete what was abandoned under such names.

    The caller creates it, and holds it until it is renamed.
    """
    _sweep(target.parent, rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.partial")
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that only we can read, and delete it on leaving. Delete those that were abandoned, too."""
    _sweep(Path(tempfile.gettempdir()), rf"{_TEMPORARY}\w+")
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, ignore_cleanup_errors=True) as folder, held(Path(folder)):
        yield Path(folder)


def _sweep(folder: Path, name: str) -> None:
    """Delete what was abandoned in a folder under names that match this pattern."""
    with suppress(OSError):  # somebody else's rubbish is no reason to fail
        for entry in list(os.scandir(folder)):
            path = Path(entry.path)
            if re.fullmatch(name, entry.name) and time.time() - path.lstat().st_mtime > YOUNG_S:
                with held(path) as is_abandoned:
                    if is_abandoned:
                        _delete(path)


def _delete(path: Path) -> None:
    if S_ISDIR(path.lstat().st_mode):
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
