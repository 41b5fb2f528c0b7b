"""Local workers: what they read, and that everything ends, also where workers or their parent are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.kinds.verdict_taxonomy import VerdictTaxonomy
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.verify.executors import LocalWorkers, Part
from tests.support.rows import LEDGER

SEGMENTS = [Segment(first, first + 10) for first in range(0, 200, 10)]
ALL = [segment.first for segment in SEGMENTS]


def part(segment: Segment) -> Part:
    """Return a part that says which segment it is of."""
    kind = VerdictTaxonomy({}, LEDGER, 1)
    kind.element_count = segment.first or 0
    return [kind]


class Reads:
    """A task that takes a while, and does something else to the worker that gets a certain segment."""

    def __init__(self, fatal: int | None = None, action: str = "") -> None:
        self.fatal, self.action = fatal, action

    def __call__(self, segment: Segment) -> Part:
        time.sleep(0.01)
        if segment.first == self.fatal and self.action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if segment.first == self.fatal:
            raise SourceError("The server is gone.")
        return part(segment)


class Unknown:
    """A task that no other process can load."""

    def __reduce__(self) -> Any:
        return (os.listdir, ("/nothing/of/the/kind",))

    def __call__(self, segment: Segment) -> Part:
        raise AssertionError("nobody can call it")


def slowly(segment: Segment) -> Part:
    time.sleep(0.05)
    return part(segment)


def read(workers: LocalWorkers, task: Any) -> tuple[list[int], list[int]]:
    """Return which segments were read, and which of them elsewhere."""
    elsewhere: list[Part] = []
    parts = workers.run(task, SEGMENTS, slowly, elsewhere.append)
    return [one[0].element_count for one in parts], [one[0].element_count for one in elsewhere]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_segments_are_returned_in_order_whoever_read_them(count: int) -> None:
    workers = LocalWorkers(count)
    everything, elsewhere = read(workers, Reads())
    assert everything == ALL
    assert set(elsewhere) < set(ALL)
    assert elsewhere
    assert workers.note == ""


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_worker_that_is_killed_costs_no_segment_and_is_told(count: int) -> None:
    workers = LocalWorkers(count)
    everything, elsewhere = read(workers, Reads(fatal=0, action="die"))
    assert everything == ALL
    assert 0 not in elsewhere
    assert workers.note == f"1 of {count + 1} workers were lost or did not start; others read their part."
    left = [" ".join(one.cmdline()) for one in psutil.Process().children()]
    assert [command for command in left if "spawn_main" in command] == []


def test_a_task_that_cannot_be_loaded_elsewhere_is_done_here(capfd: pytest.CaptureFixture[str]) -> None:
    workers = LocalWorkers(2)
    assert read(workers, Unknown()) == (ALL, [])
    assert workers.note.startswith("2 of 3 workers were lost")
    assert capfd.readouterr() == ("", "")


def test_what_a_worker_raises_is_raised_here() -> None:
    with pytest.raises(SourceError, match="The server is gone"):
        read(LocalWorkers(2), Reads(fatal=10))


def test_where_no_process_can_be_started_this_one_reads_everything(tmp_path: Path) -> None:
    """In a process of its own, which may open few files."""
    code = (
        "import multiprocessing, multiprocessing.spawn, resource, os\n"
        "from tests.verify.test_executors import *\n"
        "import multiprocessing.popen_spawn_posix, multiprocessing.resource_tracker\n"
        "used = len(os.listdir('/proc/self/fd'))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (used, used))\n"
        "workers = LocalWorkers(3)\n"
        "print(read(workers, Reads()) == (ALL, []), workers.note)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (
        "True 3 of 4 workers were lost or did not start; others read their part.\n",
        "",
    )


ENDLESS = r"""
import os, sys, time
from tests.verify.test_executors import *

class Endless:
    def __call__(self, segment):
        os.write(1, b"%d\n" % os.getpid())  # at once, also without a buffer: several workers write
        time.sleep(3600)

def forever(segment):
    time.sleep(3600)

if __name__ == "__main__":
    LocalWorkers(3).run(Endless(), SEGMENTS, forever, lambda part: None)
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
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []
