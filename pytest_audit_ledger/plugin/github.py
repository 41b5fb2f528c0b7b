"""What the plugin adds to a job of GitHub Actions: annotations and the job summary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_audit_ledger.output.github import job_summary, workflow_commands
from pytest_audit_ledger.plugin.run_state import RunState

if TYPE_CHECKING:
    import pytest


def tell(reporter: pytest.TerminalReporter, run: RunState) -> None:
    """Annotate what did not pass, and add to the job summary, if this is a job."""
    result = run.result()
    if os.environ.get("GITHUB_ACTIONS") != "true" or result is None:
        return
    for command in workflow_commands(result.verification.outcomes):
        reporter.write_line(command)
    add_to_summary(reporter, job_summary(result.verification))


def add_to_summary(reporter: pytest.TerminalReporter, text: str) -> None:
    """Add Markdown to the job summary, if this is a job."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if os.environ.get("GITHUB_ACTIONS") == "true" and summary:
        try:
            with Path(summary).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            reporter.write_line(f"The summary of the job could not be written: {error.strerror}.", red=True)
