"""Several processes: workers of the scan, workers of pytest-xdist, the demo's server, and signals in each."""

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pytest_audit_ledger.sources.postgres import LOCK_TIMEOUT_S
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import PASSED, SKIPPED
from tests.support.command import RunLedger, until_no_session
from tests.support.databases import another_session
from tests.support.waiting import until


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of the runs in this test; its path is short, as one of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="al-") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def left_behind(scratch: Path) -> list[str]:
    """Return the servers that still run in a folder, and the files that are still there."""
    processes = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    files = [path.name for path in scratch.glob("audit-ledger*")]
    return [command for command in processes if str(scratch) in command] + files


def test_the_workers_of_xdist_share_one_verification(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["edit"](forger.build(100))
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result = run(f"--ledger-db={forger.dsn}", "-n", "2", "-v")
    result.assert_outcomes(passed=PASSED, failed=1, skipped=SKIPPED)
    result.stdout.fnmatch_lines(["entry_hash: 1 finding, first at sequence 50", "TAMPERED: *entry_hash."])
    until_no_session(forger)


def test_a_mistake_in_a_suite_is_told_under_xdist(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makefile(".ledger.yaml", my="version: 1\nchecks: [{id: a, expect: nonsense}]\n")
    result = run("--ledger-db=demo", "-n", "1", "my.ledger.yaml")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["my.ledger.yaml:2:26: unknown kind 'nonsense'*"])


@pytest.mark.server
@pytest.mark.parametrize("arguments", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_the_demo_is_green_and_leaves_nothing_behind(
    run: RunLedger, scratch: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    runtime = scratch / "run"
    runtime.mkdir()
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(runtime))
    run("--ledger-db=demo", *arguments).assert_outcomes(passed=10, skipped=3)
    assert left_behind(scratch) == []
    assert list(runtime.iterdir()) == []


@pytest.mark.server
def test_the_tampered_demo_shows_what_red_looks_like(run: RunLedger) -> None:
    result = run("--ledger-db=demo:tampered")
    result.assert_outcomes(passed=5, failed=5, skipped=3)
    result.stdout.fnmatch_lines(
        [
            "*HASH_MISMATCH sequence 2822*",
            "*ENTRY_HASH_MISMATCH sequence 1*",
            "*SEQUENCE_GAP sequence 2817: 5 entries are missing after 2816: 2817 to 2821",
            "*TRIGGER_DISABLED*ledger_refuse_update*switched off*",
            "*ENVELOPE_INCONSISTENT sequence 1*: the envelope's verdict differs from the entry's",
            "TAMPERED: *",
        ]
    )


def test_the_result_does_not_depend_on_the_number_of_workers(run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["swapped"](forger.build(100))
    reports = []
    for workers in ("1", "3"):
        result = run(f"--ledger-db={forger.dsn}", f"--ledger-workers={workers}", "-q")
        reports.append([line for line in result.outlines if not line.lstrip().startswith(("took", "3 failed"))])
    assert reports[0] == reports[1]


class Terminal:
    """A pytest run in a pseudo-terminal of its own, whose output can be waited for."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.output = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # a terminal has a size
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)

    def interrupt(self) -> None:
        """Send what Ctrl-C sends: SIGINT to every process of the session."""
        os.killpg(self.process.pid, signal.SIGINT)

    def read_until(self, pattern: str, within_s: float = 60) -> None:
        """Read until the output matches; fail with what was read otherwise."""
        deadline = time.monotonic() + within_s
        while not re.search(pattern, self.output):
            if not select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0]:
                pytest.fail(f"{pattern!r} did not come within {within_s} s:\n{self.output}")
            try:
                self.output += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # the terminal closed with its last process
                break
        assert re.search(pattern, self.output), self.output

    def close(self) -> None:
        """Close the terminal: nobody reads what the run says any more."""
        os.close(self._master)

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        try:
            while data := os.read(self._master, 65536):
                self.output += data.decode(errors="replace")
        except OSError:
            pass
        self.close()
        return self.process.wait(timeout=30)


def test_a_terminal_sees_progress_and_a_pipe_does_not(tmp_path: Path, run: RunLedger, forger: Forger) -> None:
    forger.build(20_000)
    terminal = Terminal(tmp_path, f"--ledger-db={forger.dsn}")
    assert terminal.finish() == 0
    assert "entries/s" in terminal.output
    piped = run(f"--ledger-db={forger.dsn}")
    assert "entries/s" not in piped.stdout.str() + piped.stderr.str()


@contextmanager
def locked(forger: Forger) -> Iterator[Callable[[], None]]:
    """Lock the table, and yield a function that waits until a scan waits for it, inside the server."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ledger_entries%'"

    def until_waited_for() -> None:
        until(lambda: forger.run(waiting), "somebody who waits for the table")

    with another_session(forger.dsn, "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"):
        yield until_waited_for


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_during_a_scan_stops_at_once_and_concludes_nothing(tmp_path: Path, forger: Forger, workers: str) -> None:
    forger.build(1000)
    with locked(forger) as until_waited_for:
        terminal = Terminal(
            tmp_path,
            f"--ledger-db={forger.dsn}",
            "-k",
            "entry_hash",
            f"--ledger-workers={workers}",
            "--junitxml=out.xml",
        )
        until_waited_for()
        started = time.monotonic()
        terminal.interrupt()
        code = terminal.finish()
    assert code == pytest.ExitCode.INTERRUPTED
    assert time.monotonic() - started < LOCK_TIMEOUT_S
    assert "UNVERIFIED: No check ran to its end" in terminal.output
    assert "Traceback" not in terminal.output
    assert "UNVERIFIED" in (tmp_path / "out.xml").read_text()


@pytest.mark.parametrize(
    ("number", "options"),
    [
        pytest.param(signal.SIGTERM, ["--ledger-export=out.jsonl"], id="alone"),
        pytest.param(signal.SIGHUP, ["-n", "1"], id="xdist", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_run_as_ctrl_c_does(
    tmp_path: Path, scratch: Path, forger: Forger, number: signal.Signals, options: list[str]
) -> None:
    forger.build(100)
    with locked(forger) as until_waited_for:
        terminal = Terminal(tmp_path, f"--ledger-db={forger.dsn}", "--junitxml=out.xml", *options)
        until_waited_for()
        terminal.process.send_signal(number)
        terminal.process.send_signal(number)
        assert terminal.finish() == pytest.ExitCode.INTERRUPTED
    assert "Traceback" not in terminal.output
    assert "KeyboardInterrupt" in terminal.output
    assert "UNVERIFIED" in (tmp_path / "out.xml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out.xml"]
    assert left_behind(scratch) == []
    until_no_session(forger)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--ledger-workers=2"], id="workers"),
        pytest.param(["-n", "2"], id="xdist", marks=pytest.mark.slow),
    ],
)
def test_everything_ends_when_a_run_is_killed(
    tmp_path: Path, scratch: Path, forger: Forger, options: list[str]
) -> None:
    forger.build(100)
    with locked(forger) as until_waited_for:
        terminal = Terminal(tmp_path, f"--ledger-db={forger.dsn}", *options)
        until_waited_for()
        processes = psutil.Process(terminal.process.pid).children(recursive=True)
        terminal.process.kill()
        assert psutil.wait_procs(processes, timeout=30)[1] == []
    until_no_session(forger)
    terminal.finish()


def test_where_no_ledger_is_named_a_signal_does_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("import time\ndef test_mine():\n    print('here'); time.sleep(30)\n")
    terminal = Terminal(tmp_path, "-s")
    terminal.read_until("here")
    terminal.process.terminate()
    assert terminal.finish() == -signal.SIGTERM


def test_a_run_gives_back_the_handlers_of_signals(pytester: pytest.Pytester, forger: Forger) -> None:
    """In a process that runs pytest and goes on; one signal is ignored there, and stays so."""
    forger.build(5)
    program = """
        import signal, sys, pytest
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, mine := lambda *_: None)

        class Plugin:
            def pytest_collection(self):
                self.meanwhile = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)

        plugin = Plugin()
        assert pytest.main(sys.argv[1:], plugins=[plugin]) == 0
        assert plugin.meanwhile[0] is not mine
        assert plugin.meanwhile[1] is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    """
    path = pytester.makepyfile(program=program)
    result = pytester.run(sys.executable, path, f"--ledger-db={forger.dsn}", "-q", "-p", "no:cacheprovider")
    assert result.ret == 0


@pytest.mark.server
@pytest.mark.parametrize(
    ("moment", "number"),
    [("audit ledger: demo", signal.SIGINT), ("collected", signal.SIGTERM), ("audit ledger: demo", signal.SIGHUP)],
)
def test_a_signal_during_the_demo_leaves_nothing_behind(
    tmp_path: Path, scratch: Path, moment: str, number: signal.Signals
) -> None:
    (tmp_path / "test_mine.py").write_text("import time\ndef test_mine():\n    print('here'); time.sleep(30)\n")
    terminal = Terminal(tmp_path, "--ledger-db=demo", "-s")
    terminal.read_until("here" if moment == "collected" else moment)
    os.killpg(terminal.process.pid, number)
    assert terminal.finish() == pytest.ExitCode.INTERRUPTED
    assert left_behind(scratch) == []


LOSING = """
import os, signal

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1000):  # the handler runs here, and Python drops what it raises
            pass

def {hook}():
    Finalized()
"""


@pytest.mark.server
@pytest.mark.parametrize(
    ("hook", "number"),
    [("pytest_collection_modifyitems", signal.SIGTERM), ("pytest_runtest_logfinish", signal.SIGINT)],
)
def test_a_signal_whose_exception_is_lost_ends_the_run_all_the_same(
    tmp_path: Path, scratch: Path, hook: str, number: signal.Signals
) -> None:
    """That this holds for every signal is tested in tests/sources/test_interruption.py."""
    (tmp_path / "conftest.py").write_text(LOSING.format(name=number.name, hook=hook))
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    terminal = Terminal(tmp_path, "--ledger-db=demo", "-v", "--junitxml=out.xml")
    assert terminal.finish() == pytest.ExitCode.INTERRUPTED
    assert "integrity.ledger.yaml::" not in terminal.output, "a check ran"
    assert "UNVERIFIED" in (tmp_path / "out.xml").read_text()
    assert left_behind(scratch) == []


WITHOUT_LINES = """
import os, signal, types

def interrupted():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass

def pytest_collection_modifyitems():
    types.FunctionType(interrupted.__code__.replace(co_linetable=b""), globals())()
"""


def test_a_signal_in_code_without_a_line_ends_the_run_as_ever(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(WITHOUT_LINES)
    terminal = Terminal(tmp_path, "--ledger-db=demo", "--junitxml=out.xml")
    assert terminal.finish() == pytest.ExitCode.INTERRUPTED
    assert "Traceback" not in terminal.output
    assert "UNVERIFIED" in (tmp_path / "out.xml").read_text()


@pytest.mark.server
def test_a_terminal_that_closes_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "test_mine.py").write_text("import time\ndef test_mine():\n    print('here'); time.sleep(30)\n")
    terminal = Terminal(tmp_path, "--ledger-db=demo", "-s", "--junitxml=out.xml")
    terminal.read_until("here")
    terminal.close()
    os.killpg(terminal.process.pid, signal.SIGHUP)
    terminal.process.wait(timeout=30)
    assert left_behind(scratch) == []
    assert "UNVERIFIED" in (tmp_path / "out.xml").read_text() or "ANCHORED" in (tmp_path / "out.xml").read_text()
