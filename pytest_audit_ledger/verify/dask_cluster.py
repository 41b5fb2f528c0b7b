"""A Dask cluster as an executor.

Dask gives the task of a worker that is lost to another one, three times (`allowed-failures`), and loses all tasks with
its scheduler. Its `Future.cancel` succeeds for tasks that go on running, so nothing is ever taken back; and it shares
the result of equal calls unless each has `pure=False` (documentation of `distributed.Client.submit`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import closing, contextmanager, suppress
from functools import partial
from threading import Thread
from typing import Any

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.executors import LostReaderError, Opening, Part, Task
from pytest_audit_ledger.verify.pools import Elsewhere, read_apart, refuse_secret, silent

CONNECT_TIMEOUT_S = 10
MOST_READERS = 256
COMPARED = ("pytest-audit-ledger", "python", "dask", "distributed")
"""Whose versions must be the same everywhere."""


def opening(address: str) -> Opening:
    """Return what opens the cluster with this scheduler. Raises UsageError if it cannot be one. Connects to nothing."""
    if not re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):[0-9]{1,5}", address):
        raise UsageError(
            f"{address!r} is not the address of a Dask scheduler.",
            "Write dask:tcp://HOST:8786, or dask:tls://HOST:8786 for an encrypted one.",
        )
    try:
        import distributed  # noqa: F401  (imported where a cluster is opened)
    except ImportError as error:
        raise UsageError("Dask is not installed.", "Run: python -m pip install 'pytest-audit-ledger[dask]'.") from error
    return partial(_opened, address)


@contextmanager
def _opened(address: str, source: Source, workers: int | None, entries: int) -> Iterator[Elsewhere]:
    """Connect to the cluster for one run."""
    name, limit_s = f"dask:{address}", min(CONNECT_TIMEOUT_S, source.timeout)
    if not address.startswith("tls://"):
        refuse_secret(source, name)
    with _silenced(), closing(_connected(address, limit_s)) as client:
        answered = partial(_answer, address, limit_s)
        there = answered(client.nthreads)
        _refuse_other_versions(answered(lambda: client.get_versions(packages=COMPARED)))
        if not all(one.startswith("tls://") for one in there):
            refuse_secret(source, name)
        if not there and workers is None:
            remedy = "Start workers; or if they start on demand, say how many with --ledger-workers N."
            raise SourceError(f"The Dask cluster at {address} has no workers.", remedy)

        def lost() -> str:
            with suppress(SourceError):  # every part was read, whatever became of the scheduler since
                if gone := len(there.keys() - answered(client.nthreads).keys()):
                    return f"{gone:,} of {len(there):,} workers of {name} were lost; others read their part."
            return ""

        readers = min(workers or sum(there.values()), MOST_READERS)
        yield Elsewhere(name, partial(_ask, client, address, source.timeout), readers, entries, lost)


def _answer(address: str, limit_s: int, ask: Callable[[], Any]) -> Any:
    """Return what a cluster answers; Dask itself waits without limit for a worker that hangs. Raises SourceError."""
    found: Future[Any] = Future()

    def wait() -> None:
        try:
            found.set_result(ask())
        except Exception as error:  # noqa: BLE001  (raised below)
            found.set_exception(error)

    Thread(target=wait, name="audit-ledger-dask", daemon=True).start()
    try:
        return found.result(limit_s)
    except Exception as error:
        raise SourceError(
            f"The Dask cluster at {address} does not answer.",
            "Look for a worker that hangs, or a scheduler that was lost; restart it, and run again.",
        ) from error


def _connected(address: str, limit_s: int) -> Any:
    """Return a client of the cluster. Raises SourceError."""
    from distributed import Client

    try:
        return Client(address, timeout=limit_s, set_as_default=False, name="pytest-audit-ledger")
    except Exception as error:
        reason = re.sub("^in <.*?>: ", "", f"{error}") or type(error).__name__
        raise SourceError(
            f"No Dask scheduler answers at {address} ({reason.rstrip('.')}).",
            "Check the address, and that the scheduler is up; for tls://, also Dask's settings of the certificates.",
        ) from error


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep Dask from logging, with tracebacks, what we report in one sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _ask(client: Any, address: str, limit_s: int, task: Task, segment: Segment) -> Part | Exception:
    from distributed.scheduler import KilledWorker

    try:
        answer: Part | Exception = client.submit(read_apart, task, segment, pure=False).result(limit_s)
    except KilledWorker as error:  # it was given to several, and each was lost
        raise LostReaderError from error
    except (TimeoutError, asyncio.TimeoutError) as error:  # two before Python 3.11
        raise silent(f"dask:{address}", limit_s) from error
    except (CancelledError, OSError) as error:  # Dask's CommClosedError is an OSError
        raise SourceError(
            f"The Dask scheduler at {address} was lost during the run.",
            "Run again when it is up; nothing was concluded.",
        ) from error
    return answer


def _refuse_other_versions(found: Mapping[str, Any]) -> None:
    """Raise SourceError if the scheduler or a worker has another version of what matters."""
    ours = found["client"]["packages"]
    others = {"The scheduler": found["scheduler"], **{f"The worker {at}": one for at, one in found["workers"].items()}}
    for who, theirs in others.items():
        for package in COMPARED:
            here, there = _version(package, ours), _version(package, theirs["packages"])
            if here != there:
                raise SourceError(
                    f"{who} has {f'{package} {there}' if there else f'no {package}'}, and this run {package} {here}.",
                    "Install the same versions on the scheduler and on every worker.",
                )


def _version(package: str, versions: Mapping[str, str | None]) -> str | None:
    """Return a version; that of Python without the number of its patch, which changes no result."""
    found = versions.get(package)
    return ".".join(found.split(".")[:2]) if found and package == "python" else found
