"""End a run of pytest at a signal as Ctrl-C does: it writes the JUnit file, cleans up, and runs nothing else.

A worker of pytest-xdist ends with its controller, and xdist replaces one that a signal ended.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import pytest

from pytest_audit_ledger.plugin.run_state import is_worker
from pytest_audit_ledger.sources.interruption import Ending, ended_like_ctrl_c


class SignalsEndTheRun:
    """The hooks that keep an interrupted run from going on, also if the interruption itself was lost on its way."""

    def __init__(self, config: pytest.Config) -> None:
        """Set the handlers of signals, for as long as pytest is configured."""
        self._ending = Ending()
        if not is_worker(config):
            resources = ExitStack()
            self._ending = resources.enter_context(ended_like_ctrl_c())
            config.add_cleanup(resources.close)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        """Start no item, and so no verification, after a signal."""
        self._ending.obey()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Report no check whose verification a signal ended."""
        self._ending.obey()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Take the frames without a line number out of the traceback.

        A signal can interrupt code that belongs to no line (Python documentation, `codeobject.co_lines`). pytest cannot
        show such a frame: the run would end with a TypeError, exit code 1 and no JUnit file.
        """
        trace: TracebackType | None = excinfo.tb
        while trace is not None:
            while trace.tb_next is not None and _line(trace.tb_next) is None:
                trace.tb_next = trace.tb_next.tb_next
            trace = trace.tb_next

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the exit code say that the run was interrupted."""
        finished = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._ending.is_asked and session.exitstatus in finished:
            session.exitstatus = pytest.ExitCode.INTERRUPTED


def _line(trace: TracebackType) -> int | None:
    return trace.tb_lineno  # which typeshed takes for an int
