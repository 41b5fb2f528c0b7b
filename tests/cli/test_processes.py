"""The command as a process: signals, pipes and streams that close, and what it leaves behind."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pytest_audit_ledger.scratch.embedded import embedded_server
from pytest_audit_ledger.sources.postgres import LOCK_TIMEOUT_S
from tests.forger import TAMPERINGS, Forger
from tests.support.command import COMMAND, Terminal, environment, start, until_locked, until_no_session
from tests.support.databases import another_session
from tests.support.waiting import PATIENCE_S

LOCK = "LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"


def test_both_ways_to_start_it_are_the_same() -> None:
    installed = subprocess.run(
        [str(Path(COMMAND[0]).with_name("audit-ledger")), "--version"], capture_output=True, text=True, check=True
    )
    assert installed.stdout == start("--version").stdout
    assert installed.stdout.startswith("audit-ledger, version ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_in_a_terminal_during_a_wait_for_a_lock_is_code_3(dsn: str, forger: Forger, workers: str) -> None:
    with another_session(dsn, LOCK):
        terminal = Terminal("verify", "--ledger-db", dsn, "--workers", workers)
        until_locked(forger)
        started = time.monotonic()
        terminal.interrupt()
        assert terminal.finish() == 3
        assert time.monotonic() - started < LOCK_TIMEOUT_S
    assert "Error: Interrupted. Nothing was concluded" in terminal.output
    assert "Traceback" not in terminal.output
    assert "Ledger Integrity" not in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_is_code_3_and_leaves_no_file(
    dsn: str, forger: Forger, tmp_path: Path, number: signal.Signals
) -> None:
    with another_session(dsn, LOCK):
        process = subprocess.Popen(
            [*COMMAND, "verify", "--output", "a.json", "--ledger-db", dsn],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until_locked(forger)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (3, "")
    assert stderr.strip().startswith("Error: Interrupted.")
    assert list(tmp_path.iterdir()) == []


def verify_with_workers(dsn: str, *, limits: str = "") -> subprocess.Popen[str]:
    """Start a verification that four processes share, after a command of the shell that limits them."""
    command = f"{limits} exec {shlex.join(COMMAND)} verify --workers 4 --ledger-db {shlex.quote(dsn)}"
    pipe = subprocess.PIPE
    return subprocess.Popen(["sh", "-c", command], env=environment(), stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_everything_ends_when_a_process_of_a_verification_is_killed(forger: Forger, victim: str) -> None:
    forger.build(20_000)
    readers = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pytest-audit-ledger %'"
    with verify_with_workers(forger.dsn) as process:
        parent = psutil.Process(process.pid)
        while forger.run(readers) == [(0,)]:
            assert process.poll() is None
            time.sleep(0.01)
        workers = [one for one in parent.children() if "spawn_main" in " ".join(one.cmdline())]
        (workers[0] if victim == "worker" else parent).kill()
        stdout, stderr = process.communicate(timeout=60)
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []
    until_no_session(forger)
    assert stderr == ""
    if victim == "worker":
        assert process.returncode == 0
        assert "Read: 1 of 4 workers were lost or did not start; others read their part." in stdout
        assert "20,000" in stdout


@pytest.mark.parametrize("files", [8, 13])
def test_with_too_few_files_fewer_processes_read_and_say_so(dsn: str, files: int) -> None:
    with verify_with_workers(dsn, limits=f"ulimit -n {files};") as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert "of 4 workers were lost or did not start; others read their part." in stdout


READ_ONLY = "mount --bind /dev/shm /dev/shm && mount -o remount,ro,bind /dev/shm"


def test_workers_need_no_shared_memory(dsn: str) -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-m", "sh", "-c", READ_ONLY], check=False).returncode
    ):
        pytest.skip("only root can make /dev/shm read-only for one process, and not in every container")
    inner = f"{READ_ONLY} && ! touch /dev/shm/x && exec {shlex.join(COMMAND)} verify --workers 4 --ledger-db '{dsn}'"
    command = ["unshare", "--mount", "sh", "-c", inner]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "workers were lost" not in result.stdout
    assert "Error" not in result.stderr


@pytest.mark.parametrize(
    ("tampering", "arguments", "code"),
    [
        (None, ["verify"], 3),
        ("edit", ["verify"], 1),
        (None, ["export", "--output", "-"], 3),
        ("trigger-disabled", ["verify", "--repair", "--dry-run"], 3),
        (None, ["--help"], 3),
    ],
)
def test_a_reader_that_has_gone_is_never_tampering_and_hides_none(
    forger: Forger, tampering: str | None, arguments: list[str], code: int
) -> None:
    forger.build(100)
    if tampering:
        TAMPERINGS[tampering](forger)
    reading, writing = os.pipe()
    os.close(reading)
    named = [] if "--help" in arguments else ["--ledger-db", forger.dsn]
    result = start(*arguments, *named, stdout=writing)
    os.close(writing)
    assert result.returncode == code
    assert result.stderr == "Error: The program that reads standard output ended, so the output is incomplete.\n"


def test_head_closes_early_and_nothing_complains(dsn: str) -> None:
    command = f"{shlex.join(COMMAND)} verify --verbose --ledger-db {shlex.quote(dsn)} | head -n 1"
    result = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True, check=True)
    assert result.stdout == "Ledger Integrity Verification Report\n"
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize(
    ("closed", "tampering"), [(">&-", None), ("2>&-", None), ("<&-", None), ("<&- >&- 2>&-", "edit")]
)
def test_closed_streams_change_no_code(forger: Forger, closed: str, tampering: str | None) -> None:
    forger.build(100)
    if tampering:
        TAMPERINGS[tampering](forger)
    command = f"{shlex.join(COMMAND)} verify --ledger-db {shlex.quote(forger.dsn)} {closed}"
    result = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == (1 if tampering else 0)
    assert result.stderr == ""


def test_a_closed_input_confirms_nothing(forger: Forger) -> None:
    TAMPERINGS["trigger-disabled"](forger.build(5))
    command = f"{shlex.join(COMMAND)} verify --repair --ledger-db {shlex.quote(forger.dsn)} <&-"
    result = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "Error: The repair was not confirmed, so nothing was changed." in result.stderr


COPYING = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pytest-audit-ledger%' AND query LIKE 'COPY%'"

GONE = "(The connection was lost|No server answers|The server (closed the connection|crashed|is starting up .*)): "


@contextmanager
def reading(dsn: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and halt it as soon as it reads the entries; more than a socket holds are to come then."""
    pipe = subprocess.PIPE
    command = [*COMMAND, *arguments, "--ledger-db", dsn]
    with (
        Forger(dsn) as watcher,
        subprocess.Popen(command, env=environment(), stdout=pipe, stderr=pipe, text=True) as process,
    ):
        while watcher.run(COPYING) == []:
            assert process.poll() is None
        process.send_signal(signal.SIGSTOP)
        yield process


def lost(process: subprocess.Popen[str]) -> str:
    """Return what a command that lost its server says in the end, which is code 3."""
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    for word in ("Traceback", "SystemError", "PGRES", "exception"):
        assert word not in stdout + stderr
    return stdout + stderr


@pytest.mark.parametrize("command", ["verify --verbose --workers 2", "export --output -"])
def test_a_session_that_is_terminated_during_the_scan_is_code_3(forger: Forger, command: str) -> None:
    forger.build(20_000)
    with reading(forger.dsn, *command.split()) as process:
        forger.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pytest-audit%'")
        said = lost(process)
    assert re.search(GONE, said)


@pytest.mark.server
@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_server_that_is_shut_down_during_the_scan_is_code_3(how: signal.Signals) -> None:
    """SIGQUIT to the server is an immediate shutdown, SIGINT a fast one (PostgreSQL documentation, pg_ctl)."""
    with embedded_server() as dsn:
        with Forger(dsn) as own:
            own.build(20_000)
            ((data,),) = own.run("SHOW data_directory")
        with reading(dsn, "verify", "--verbose", "--workers", "2") as process:
            os.kill(int((Path(data) / "postmaster.pid").read_text().split()[0]), how)
            said = lost(process)
    assert re.search(GONE, said)


def is_importing(process: psutil.Process) -> bool:
    """Tell whether this is a worker that runs Python code, and has loaded the first of Python's own libraries."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return "spawn_main" in " ".join(process.cmdline()) and "lib-dynload" in maps


def test_ctrl_c_while_workers_start_prints_no_traceback(forger: Forger) -> None:
    terminal = Terminal("verify", "--ledger-db", forger.build(5000).dsn, "--workers", "4")
    parent = psutil.Process(terminal.process.pid)
    while not any(map(is_importing, parent.children())):
        assert terminal.process.poll() is None
    terminal.interrupt()
    assert terminal.finish() == 3
    assert "Error: Interrupted. Nothing was concluded" in terminal.output
    assert "Traceback" not in terminal.output
    assert "KeyboardInterrupt" not in terminal.output


@pytest.mark.server
def test_ctrl_c_during_a_demo_stops_its_server() -> None:
    with tempfile.TemporaryDirectory(prefix="al-") as folder:
        Path(folder).chmod(0o755)
        terminal = Terminal("verify", "--ledger-db", "demo:tampered", "--repair", env={"TMPDIR": folder})
        terminal.read_until("to continue: ")
        assert list(Path(folder).glob("audit-ledger*")) != []
        terminal.interrupt()
        assert terminal.finish() == 3
        assert list(Path(folder).glob("audit-ledger*")) == []
