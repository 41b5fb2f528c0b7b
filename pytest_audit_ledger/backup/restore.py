r"""Restore a backup: decrypt it, decompress it and pass it to psql or pg_restore, all in a stream.

The first bytes decide what a file is, not its name. A plain dump is a script for psql, and psql has commands that run
programs. A genuine dump has only one pair of them, which pg_dump writes around it to disable all others (`\restrict`,
since CVE-2025-8714). The author of a forged file would know its key, so we replace it by our own.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import BinaryIO, Protocol, cast

from pytest_audit_ledger.backup.encryption import Opener, decrypt, is_encrypted
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import BYTES, Advance, Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.server import Scratch, scratch_database
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.programs import CHUNK, Login, Running

CUSTOM = b"PGDMP"
"""The first bytes of a dump in pg_dump's custom format."""

_GZIP = b"\x1f\x8b"
_END = b"-- PostgreSQL database dump complete"
_RESTRICT = re.compile(rb"^\\restrict (\w+)\r?\n", re.MULTILINE)
_HEAD = 4096
"""Bytes at either end of a plain dump that include its `\\restrict` pair."""

_DAMAGED = "The backup is damaged or truncated"
_FETCH = "Fetch it again from its archive."


@contextmanager
def restored(
    file: BinaryIO,
    opener: Opener,
    *,
    scratch: Scratch,
    table: str | None,
    profile: Profile = SKI,
    progress: Progress = no_progress,
) -> Iterator[PostgresSource]:
    """Restore a backup into a scratch database, and yield it; the database is dropped on leaving.

    Raises UsageError and SourceError.
    """
    with scratch_database(scratch) as dsn:
        source = PostgresSource(dsn, table, scratch.timeout, profile=profile)
        with closing(source.connect()) as connection:
            login = source.login(connection)
        with ExitStack() as resources:
            loader = Loader(lambda custom: resources.enter_context(_restoring(login, scratch.timeout, custom=custom)))
            with progress(os.fstat(file.fileno()).st_size, BYTES) as advance:
                interruptible(lambda: unpack(file, opener, loader, advance), loader.stop)
        yield source


def _restoring(login: Login, limit_s: int, *, custom: bool) -> Running:
    if custom:
        arguments = ["--no-owner", "--no-privileges", "--exit-on-error"]
        return Running(programs.find("pg_restore", login.server_major), arguments, login, fed=True, limit_s=limit_s)
    arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    return Running(programs.find("psql", login.server_major), arguments, login, fed=True, limit_s=limit_s)


def listing() -> Running:
    """Start `pg_restore --list` of the newest version, which reads every dump."""
    return Running(programs.newest("pg_restore"), ["--list"], None, fed=True)


class ByteSink(Protocol):
    """Takes a dump, piece by piece; `finish` is called at its end."""

    def write(self, data: bytes) -> int:
        """Take a piece of the dump."""

    def finish(self) -> None:
        """Check what was written. Raises SourceError unless it was a complete dump."""


def unpack(file: BinaryIO, opener: Opener, sink: ByteSink, advance: Advance = lambda _: None) -> None:
    """Decrypt and decompress a backup, as needed, into `sink`. Raises SourceError if it is damaged."""
    encrypted = is_encrypted(file)
    file.seek(0)
    reader, inflated = cast("BinaryIO", _Counted(file, advance)), _Inflated(sink)
    if not encrypted:
        shutil.copyfileobj(reader, inflated, CHUNK)
    elif opener:
        decrypt(opener, reader, cast("BinaryIO", inflated))
    else:
        raise SourceError(
            "The backup is encrypted.", "Give the private key (--identity) or the passphrase (--encryption-key)."
        )
    inflated.finish()


class _Counted:
    """A reader that reports its progress."""

    def __init__(self, inner: BinaryIO, advance: Advance) -> None:
        self._inner = inner
        self._advance = advance

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(size)
        self._advance(len(data))
        return data


class _Inflated:
    """A writer that decompresses, if its input is compressed."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._gzip = zlib.decompressobj(wbits=31)  # with gzip's header and checksum (RFC 1952)
        self._compressed: bool | None = None

    def write(self, data: bytes) -> int:
        if self._compressed is None and data:
            self._compressed = data.startswith(_GZIP)
        if not self._compressed:
            return self._sink.write(data)
        rest, piece = data, None
        while rest or piece is None or len(piece) == CHUNK:  # a few bytes may expand to many
            try:
                piece = self._gzip.decompress(rest, CHUNK)
            except zlib.error as error:
                raise SourceError(f"{_DAMAGED}: it cannot be decompressed.", _FETCH) from error
            self._sink.write(piece)
            rest = self._gzip.unconsumed_tail
            if self._gzip.unused_data:
                raise SourceError(f"{_DAMAGED}: there is data after its end.", _FETCH)
        return len(data)

    def flush(self) -> None:
        """Do nothing; age calls this. What is left is written at the end."""

    def finish(self) -> None:
        if self._compressed and not self._gzip.eof:
            raise SourceError(f"{_DAMAGED}: the compressed data is truncated.", _FETCH)
        self._sink.finish()


class Loader:
    """Passes a dump to the program for its format, which its first bytes show."""

    def __init__(self, start: Callable[[bool], Running]) -> None:
        """Take what starts the program for a dump in custom format (True) or a plain one (False)."""
        self._start = start
        self._running: Running | None = None
        self._head = b""
        self._lock: bytes | None = None
        self._tail = b""

    def write(self, data: bytes) -> int:
        """Take a piece of the dump."""
        if self._running is None:
            self._head += data
            if len(self._head) >= _HEAD:
                self._begin()
        else:
            self._hand_on(data)
        return len(data)

    def _begin(self) -> None:
        custom = self._head.startswith(CUSTOM)
        self._running = self._start(custom)
        if not custom:
            own = secrets.token_hex(16).encode()
            if theirs := _RESTRICT.search(self._head):
                self._lock = theirs[1]
                self._head = self._head.replace(theirs[0], b"\n", 1)
            self._feed(b"\\restrict %s\n" % own)
        self._hand_on(self._head)

    def _hand_on(self, data: bytes) -> None:
        r"""Write all but the last bytes of a plain dump, which have its `\unrestrict`."""
        data = self._tail + data
        end = max(0, len(data) - _HEAD) if self._lock else len(data)
        self._feed(data[:end])
        self._tail = data[end:]

    def _feed(self, data: bytes) -> None:
        assert self._running is not None  # noqa: S101  (begun)
        try:
            self._running.feed(data)
        except BrokenPipeError as error:
            self._running.finish()  # raises the reason, if there is one
            raise SourceError(f"{_DAMAGED}: there is data after its end.", _FETCH) from error

    def finish(self) -> None:
        """Write the rest, and wait for the program. Raises SourceError if it failed."""
        if self._running is None:
            self._begin()
        lock, self._lock = self._lock, None
        if lock:
            self._tail = self._tail.replace(b"\n\\unrestrict %s\n" % lock, b"\n")
        self._feed(self._tail)
        assert self._running is not None  # noqa: S101  (begun)
        self._running.finish()

    def stop(self) -> None:
        """End the program. Safe to call from any thread."""
        if self._running is not None:
            self._running.stop()


class Listing:
    """Reads a dump to its end without restoring it: its list of contents, or the last line that pg_dump writes."""

    def __init__(self, start: Callable[[], Running]) -> None:
        """Take what starts `pg_restore --list`, which reads a dump in custom format."""
        self._start = start
        self._running: Running | None = None
        self._tail = b""
        self.custom: bool | None = None

    def write(self, data: bytes) -> int:
        """Take a piece of the dump."""
        if self.custom is None and data:
            self.custom = data.startswith(CUSTOM)
            self._running = self._start() if self.custom else None
        if self._running is not None:
            with suppress(BrokenPipeError):  # it reads only the list, which comes first
                self._running.feed(data)
        self._tail = (self._tail + data)[-_HEAD:]
        return len(data)

    def finish(self) -> None:
        """Check what was read. Raises SourceError unless it was a complete dump."""
        if self._running is not None:
            self._running.finish()
        elif _END not in self._tail:
            raise SourceError(f"{_DAMAGED}: the last line of a PostgreSQL dump is missing.", _FETCH)

    def stop(self) -> None:
        """End the program. Safe to call from any thread."""
        if self._running is not None:
            self._running.stop()
