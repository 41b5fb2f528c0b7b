"""Runs of pytest, each in a process of its own that is forked from one with everything imported.

Three quarters of the time of a run are saved, for each of the hundreds of runs inside tests. This file is imported by
tests, as `Warm`, and is the program of the process that forks: it reads a run as a line of JSON, and answers with the
number of the process that runs it, and with its exit code.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest

import pytest_audit_ledger

UNUSED = (
    *("-p", "no:cacheprovider", "-p", "no:anyio"),
    *("-p", "no:hypothesispytest", "-p", "no:unraisableexception"),
)
"""Arguments that leave out plugins which no inner run uses, and which take a third of its time."""

NO_SERVER = "host=/nonexistent dbname=nowhere"


class Warm:
    """The process that forks, from the side of the tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], within_s: float = 60
    ) -> tuple[int, str, str]:
        """Run pytest in a folder, and return its exit code and what it wrote to standard output and standard error.

        Raises TimeoutExpired.
        """
        assert self._process.stdin is not None
        with tempfile.TemporaryDirectory() as written:
            out, err = Path(written, "out"), Path(written, "err")
            asked = {"arguments": [*arguments], "folder": str(folder), "environment": {**environment}}
            self._process.stdin.write(json.dumps({**asked, "out": str(out), "err": str(err)}) + "\n")
            self._process.stdin.flush()
            child = self._answer()
            try:
                code = self._answer(within_s)
            except subprocess.TimeoutExpired:
                os.kill(child, signal.SIGKILL)
                self._answer()
                raise
            return code, out.read_bytes().decode(errors="replace"), err.read_bytes().decode(errors="replace")

    def _answer(self, within_s: float | None = None) -> int:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], within_s)[0]:
            raise subprocess.TimeoutExpired("pytest", within_s or 0)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=30)


def _import_everything() -> None:
    """Import every module of ours; then fail to verify a ledger, for what pytest and libraries import meanwhile."""
    for module in walk_packages(pytest_audit_ledger.__path__, f"{pytest_audit_ledger.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    pytest_audit_ledger.__doc__ = "PYTEST_DONT_REWRITE"  # or pytest warns that it comes too late for that
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        Path(folder, "pytest.ini").write_text("[pytest]")
        pytest.main([*UNUSED, "-c", f"{folder}/pytest.ini", f"--ledger-db={NO_SERVER}", "integrity.ledger.yaml"])
    gc.collect()
    gc.freeze()  # or a process that was forked copies, and takes apart, all that it shares with this one when it ends


def _serve() -> None:
    """Fork for every line until there is none; in a process that was forked, run pytest and exit."""
    _import_everything()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            answers.close()
            _become(asked)
            sys.exit(pytest.main(asked["arguments"]))
        print(child, file=answers)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers)


def _become(asked: Mapping[str, Any]) -> None:
    """Take over the folder, the environment and the streams of a run, as a process that is started has them."""
    for number, (name, mode) in enumerate(((os.devnull, "r"), (asked["out"], "w"), (asked["err"], "w"))):
        with Path(name).open(mode) as file:
            os.dup2(file.fileno(), number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    tempfile.tempdir = None  # it is found again by the environment
    sys.argv = ["pytest", *asked["arguments"]]
    sys.path[0] = asked["folder"]


if __name__ == "__main__":
    _serve()
