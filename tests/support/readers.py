"""Tasks for executors that need no ledger, and what a test asks of an executor."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.kinds.verdict_taxonomy import VerdictTaxonomy
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.verify.executors import Executor, Part, Read
from pytest_audit_ledger.verify.pools import parse_executor
from tests.support.rows import LEDGER

SEGMENTS = [Segment(first, first + 10) for first in range(0, 200, 10)]
ALL = [segment.first for segment in SEGMENTS]


def part(segment: Segment) -> Part:
    """Return a part that says which segment it is of."""
    kind = VerdictTaxonomy({}, LEDGER, 1)
    kind.element_count = segment.first or 0
    return [kind]


def here(segment: Segment) -> Part:
    """Read a segment in this process, slowly."""
    time.sleep(0.05)
    return part(segment)


class Reads:
    """A task that takes a while, and does something else to whoever gets a certain segment.

    `once`: a file that the first of them makes; only that one does it.
    """

    def __init__(self, fatal: int | None = None, action: str = "", once: Path | None = None) -> None:
        self.fatal, self.action, self.once = fatal, action, once

    def joined(self) -> AbstractContextManager[Read]:
        if self.action == "no variable":
            raise UsageError("The environment variable LEDGER_DSN is not set.", "Set it.")
        return nullcontext(self._read)

    def expects(self, answer: object, segment: Segment) -> bool:
        return isinstance(answer, list) and answer[0].element_count == segment.first

    def _read(self, segment: Segment) -> Part:
        time.sleep(0.01)
        if segment.first == self.fatal and self._is_first():
            if self.action == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.action == "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            if self.action == "hang":
                time.sleep(4)
            if self.action == "break":
                raise ModuleNotFoundError("No module named 'house_kinds'")
            raise SourceError("The server is gone.")
        return part(segment)

    def _is_first(self) -> bool:
        if self.once is None:
            return True
        with suppress(FileExistsError):
            self.once.touch(exist_ok=False)
            return True
        return False


def read(executor: Executor, task: Reads) -> tuple[list[int], list[int]]:
    """Return which segments were read, and which of them elsewhere."""
    elsewhere: list[Part] = []
    parts = executor.run(task, SEGMENTS, here, elsewhere.append)
    return [one[0].element_count for one in parts], [one[0].element_count for one in elsewhere]


@contextmanager
def opened(name: str, *, workers: int | None = 2, timeout: int = 30, dsn: str = "dbname=ledger") -> Iterator[Executor]:
    """Open the executor of this name; nothing connects to the ledger."""
    with parse_executor(name)(PostgresSource(dsn, timeout=timeout), workers, 1_000) as executor:
        assert executor is not None
        yield executor


def other_version(folder: Path) -> Path:
    """Return a folder with metadata of another version of this package, for the path of a process."""
    metadata = folder / "pytest_audit_ledger-0.0.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: pytest-audit-ledger\nVersion: 0.0.9\n", encoding="utf-8")
    return folder
