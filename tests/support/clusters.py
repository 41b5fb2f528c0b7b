"""Schedulers and workers of Dask, each a process of its own. Whoever starts them needs Dask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

Process = subprocess.Popen[str]


@contextmanager
def started(what: str, *arguments: str, **variables: str) -> Iterator[tuple[str, Process]]:
    """Start a scheduler or a worker, which is killed at the end; return the scheduler's address, and the process."""
    path = os.pathsep.join(filter(None, (variables.pop("first", ""), str(Path(__file__).parents[2]))))
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            found = (line for line in process.stderr if "Scheduler at:" in line or "Registered to:" in line)
            yield next(found).split()[-1], process
        finally:
            process.kill()


@contextmanager
def started_workers(name: str, count: int, *arguments: str, **variables: str) -> Iterator[None]:
    """Start workers of one thread for a scheduler."""
    address = name.removeprefix("dask:")
    own = ("--nthreads", "1", "--no-nanny", "--host", address.rpartition(":")[0], *arguments)
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(started("worker", address, *own, **variables))
        yield


@contextmanager
def cluster(workers: int = 1, **variables: str) -> Iterator[tuple[str, Process]]:
    """Start a scheduler and workers; return the executor's name, and the scheduler's process."""
    with ExitStack() as stack:
        own = ("--host", "127.0.0.1", "--port", "0")
        address, scheduler = stack.enter_context(started("scheduler", *own, **variables))
        stack.enter_context(started_workers(address, workers, **variables))
        yield f"dask:{address}", scheduler
