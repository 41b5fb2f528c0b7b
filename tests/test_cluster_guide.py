"""The guide of a cluster: its scheduler and its workers run as long as its other commands do."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.forger import Forger
from tests.plugin.test_bad_input import free_port
from tests.support.warm import Warm
from tests.test_documentation import CLUSTER, blocks, carried_out, commands, environment, folder

pytest.importorskip("distributed", reason="needs Dask: pip install 'pytest-audit-ledger[dask]'")

__all__ = ["environment"]  # the fixture

PORT = "8786"
"""The port of the guide, in whose place a free one is used."""


@contextmanager
def running(command: str, variables: dict[str, str]) -> Iterator[None]:
    """Run a command of Dask until it is ready, and end it as Ctrl-C in its terminal does."""
    with subprocess.Popen(command.split(), env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any(re.search("Scheduler at:|Registered to:", line) for line in process.stderr), command
            yield
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.slow
def test_the_commands_of_the_guide_do_what_they_say(
    forger: Forger, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    monkeypatch.chdir(folder(CLUSTER, tmp_path))
    port = str(free_port())
    answers: dict[str, str] = {}
    with ExitStack() as terminals:
        for block in blocks(CLUSTER, "console"):
            for command, code in commands(block.replace(PORT, port)):
                if command.startswith("dask "):
                    terminals.enter_context(running(command, environment))
                else:
                    returned, answers[command] = carried_out(command, environment, warm)
                    assert returned == code, f"{command}\n{answers[command]}"
    assert all("The executor was not used" not in answer for answer in answers.values())
    (whole,) = (answer for command, answer in answers.items() if "whole.jsonl" in command and "verify" in command)
    assert "100/100 valid" in whole
