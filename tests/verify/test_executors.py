"""Local workers: what they read, and that everything ends, also where workers or their parent are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.verify import executors
from pytest_audit_ledger.verify.executors import LocalWorkers, Read
from tests.support.readers import ALL, Reads, read
from tests.support.waiting import PATIENCE_S


class Unknown(Reads):
    """A task that no other process can load."""

    def __reduce__(self) -> Any:
        return (os.listdir, ("/nothing/of/the/kind",))

    def joined(self) -> AbstractContextManager[Read]:
        raise AssertionError("nobody can call it")


class FreezingAtTheEnd(Reads):
    """A task whose readers freeze as they leave the snapshot."""

    @contextmanager
    def joined(self) -> Iterator[Read]:
        yield self._read
        os.kill(os.getpid(), signal.SIGSTOP)


@pytest.mark.parametrize("count", [1, 3])
def test_segments_are_returned_in_order_whoever_read_them(count: int) -> None:
    workers = LocalWorkers(count, 30)
    everything, elsewhere = read(workers, Reads())
    assert everything == ALL
    assert set(elsewhere) < set(ALL)
    assert elsewhere
    assert workers.note == ""


@pytest.mark.parametrize("count", [1, 3])
def test_a_worker_that_is_killed_costs_no_segment_and_is_told(count: int) -> None:
    workers = LocalWorkers(count, 30)
    everything, elsewhere = read(workers, Reads(fatal=0, action="die"))
    assert everything == ALL
    assert 0 not in elsewhere
    assert workers.note == f"1 of {count + 1} workers were lost or did not start; others read their part."
    running = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    assert [one for one in running if "spawn_main" in " ".join(one.cmdline())] == []


def test_a_worker_that_is_frozen_is_given_up_and_its_segment_read_here() -> None:
    workers = LocalWorkers(2, 2)
    everything, elsewhere = read(workers, Reads(fatal=0, action="freeze"))
    assert everything == ALL
    assert 0 not in elsewhere
    assert workers.note == "1 of 3 workers were lost or did not start; others read their part."


def test_a_worker_that_is_frozen_at_the_end_does_not_keep_the_run_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "START_S", 1)
    workers = LocalWorkers(2, 30)
    assert read(workers, FreezingAtTheEnd())[0] == ALL
    assert workers.note == ""


def test_a_task_that_cannot_be_loaded_elsewhere_is_done_here(capfd: pytest.CaptureFixture[str]) -> None:
    workers = LocalWorkers(2, 30)
    assert read(workers, Unknown()) == (ALL, [])
    assert workers.note.startswith("2 of 3 workers were lost")
    assert capfd.readouterr() == ("", "")


def test_what_a_worker_raises_is_raised_here() -> None:
    with pytest.raises(SourceError, match="The server is gone"):
        read(LocalWorkers(2, 30), Reads(fatal=10))


def test_where_no_process_can_be_started_this_one_reads_everything(tmp_path: Path) -> None:
    """In a process of its own, which may open few files."""
    code = (
        "import multiprocessing, multiprocessing.spawn, resource, os\n"
        "from pytest_audit_ledger.verify.executors import LocalWorkers\n"
        "from tests.support.readers import *\n"
        "import multiprocessing.popen_spawn_posix, multiprocessing.resource_tracker\n"
        "used = len(os.listdir('/proc/self/fd'))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (used, used))\n"
        "workers = LocalWorkers(3, 30)\n"
        "print(read(workers, Reads()) == (ALL, []), workers.note)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (
        "True 3 of 4 workers were lost or did not start; others read their part.\n",
        "",
    )


ENDLESS = r"""
import os, sys, time
from pytest_audit_ledger.verify.executors import LocalWorkers
from tests.support.readers import SEGMENTS, Reads

class Endless(Reads):
    def _read(self, segment):
        os.write(1, b"%d\n" % os.getpid())  # at once, also without a buffer: several workers write
        time.sleep(3600)

def forever(segment):
    time.sleep(3600)

if __name__ == "__main__":
    LocalWorkers(3, 30).run(Endless(), SEGMENTS, forever, lambda part: None)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_their_parent_whatever_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        try:
            workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(3)]
        finally:  # or a mistake here would wait for it forever
            parent.send_signal(number)
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []
