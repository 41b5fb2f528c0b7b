"""The command `audit-ledger` and inner runs of pytest, started as a user starts them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from pytest_audit_ledger.cli import main
from tests.forger import Forger
from tests.support.waiting import until
from tests.support.warm import UNUSED, Warm

if TYPE_CHECKING:
    from tests.support.object_store import ObjectStore

Invoke = Callable[..., Result]
RunLedger = Callable[..., pytest.RunResult]

COMMAND = [sys.executable, "-m", "pytest_audit_ledger"]
OURS = ("LEDGER_DSN", "NO_COLOR", "TERM", "COLUMNS", "PYTHONIOENCODING", "LANG", "LC_ALL")


@pytest.fixture
def dsn(forger: Forger) -> str:
    """The DSN of a clean ledger with a hundred entries."""
    return forger.build(100).dsn


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    """Run the command in this process, in a folder of its own, without what the outer run has in its environment.

    Whatever it says, it names no option as only pytest has it.
    """
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, arguments, prog_name="audit-ledger", **options)
        assert set(re.findall(r"--ledger-(?!db)[a-z-]+", result.output)) <= set(
            re.findall(r"--[a-z-]+", " ".join(arguments))
        )
        return result

    return run


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectStore]:
    """An S3 server that tests share."""
    from tests.support.object_store import object_store  # noqa: PLC0415  (pytest loads this for `make demo`, too)

    with object_store() as running:
        yield running


@pytest.fixture
def store(object_server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An S3 server that the environment names, with the bucket `BUCKET`, and `LOCKED`, which has object lock."""
    for name, value in object_server.environment.items():
        monkeypatch.setenv(name, value)
    object_server.renew()
    return object_server


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process that forks runs of pytest."""
    with closing(Warm()) as process:
        yield process


OF_THE_OUTER_RUN = (
    *("PYTEST_ADDOPTS", "LEDGER_DSN", "COLUMNS", "PYTEST_XDIST_WORKER", "GITHUB_ACTIONS", "CI", "BUILD_NUMBER"),
)
"""What an inner run does not get from the environment."""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, warm: Warm) -> RunLedger:
    """Run pytest in a folder of its own with these arguments, without what the outer run has in its environment."""
    for name in OF_THE_OUTER_RUN:
        monkeypatch.delenv(name, raising=False)

    def run_pytest(*arguments: str) -> pytest.RunResult:
        began = time.monotonic()
        temporary = tempfile.mkdtemp(prefix="runpytest-", dir=pytester.path)
        code, *streams = warm.run([f"--basetemp={temporary}", *UNUSED, *arguments], Path.cwd(), os.environ)
        for text, stream in zip(streams, (sys.stdout, sys.stderr), strict=True):
            print(text, file=stream)
        out, err = (text.splitlines() for text in streams)
        return pytest.RunResult(code, out, err, time.monotonic() - began)

    return run_pytest


def append_meanwhile(pytester: pytest.Pytester, forger: Forger) -> None:
    """Have the next run append twenty entries to a ledger of a hundred while its checks are reported."""
    pytester.makeconftest(
        f"""
        from tests.forger import Forger
        from pytest_audit_ledger.scratch.sample import sample_entries

        def pytest_runtest_teardown(item):
            if item.name == "table_guard":
                with Forger({forger.dsn!r}) as forger:
                    forger.append(list(sample_entries(120))[100:])
        """
    )
    pytester.syspathinsert(Path(__file__).parents[2])


def environment(**added: str) -> dict[str, str]:
    """Return the environment of a process, without what the outer run has set for itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST") and name not in OURS}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", **added}


def start(*arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as users do, in a process of its own."""
    defaults: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**(env or {})),
        check=False,
        timeout=60,
        encoding="utf-8",
        **{**defaults, **options},
    )


class Terminal:
    """The command in a pseudo-terminal of its own."""

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None, columns: int = 120) -> None:
        self.output = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(**(env or {})),
            start_new_session=True,
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Send what Ctrl-C sends: SIGINT to every process of the session."""
        os.killpg(self.process.pid, signal.SIGINT)

    def read_until(self, pattern: str, within_s: float = 30) -> None:
        """Read until the output matches."""
        deadline = time.monotonic() + within_s
        while not re.search(pattern, self.output):
            if not select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0] or not self._read():
                pytest.fail(f"{pattern!r} did not come:\n{self.output}")

    def interrupt_until_taken(self) -> None:
        """Send it again where nothing came of it: what comes just before a program waits for input may be lost."""
        for _ in range(5):
            self.interrupt()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
                break

    def end_input(self) -> None:
        """Type the end of input until it is taken: what comes just before a program reads line by line may be lost."""
        for _ in range(100):
            if self.process.poll() is not None:
                break
            self.type("\x04")
            time.sleep(0.2)

    def finish(self, within_s: float = 30) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + within_s
        while select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0] and self._read():
            pass
        if time.monotonic() > deadline:
            self.process.kill()
            pytest.fail(f"the command did not end:\n{self.output}")
        os.close(self._master)
        return self.process.wait(timeout=30)

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the terminal closed with its last process
            return False
        self.output += data.decode(errors="replace")
        return bool(data)


def until_locked(forger: Forger) -> None:
    """Wait until somebody waits for a lock in the forger's database."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until(lambda: forger.run(waiting), "somebody who waits for a lock")


def until_no_session(forger: Forger, *, busy: bool = False) -> None:
    """Wait until no session of ours is left, in whatever state; or `busy` ones only, since a pooler keeps idle ones."""
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'pytest-audit-ledger%'"
    ours += " AND state <> 'idle'" if busy else ""
    until(lambda: not forger.run(ours), "the end of our sessions")
