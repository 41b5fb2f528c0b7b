"""What the plugin says on the terminal at the end of a run."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.commands import apart
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.outcome_text import facts, table
from pytest_audit_ledger.output.tone import headlines, tone_of
from pytest_audit_ledger.plugin.run_state import Result, RunState

_COLOURS: dict[Status | None, dict[str, bool]] = {
    Status.PASS: {"green": True},
    Status.WARN: {"yellow": True},
    Status.WAIVED: {"yellow": True},
    Status.FAIL: {"red": True},
    Status.ERROR: {"red": True},
}


_HIDDEN = pytest.StashKey[list[pytest.TestReport]]()
"""All errors, while some are hidden."""


def write_summary(reporter: pytest.TerminalReporter, run: RunState, collected_only: bool) -> None:
    """Write the section `audit ledger`: the ledger, the checks, the assurance and what it means."""
    if collected_only:
        return
    reporter.write_sep("=", "audit ledger")
    result = run.result()
    if result is None:
        reporter.write_line(f"{Assurance.UNVERIFIED.value}: {why_not(run)}", bold=True, yellow=True)
        _write_artifacts(reporter, run)
        return
    if result.verification.obstacle:
        _write_assurance(reporter, result)
        _write_artifacts(reporter, run)
        return
    for name, value in facts(result.verification).items():
        reporter.write_line(f"{name:<10} {value}")
    reporter.write_line("")
    for line, status in table(result.verification.outcomes):
        reporter.write_line(line, **_COLOURS.get(status, {}))
    reporter.write_line("")
    _write_assurance(reporter, result)
    _write_investigation(reporter, result)
    _write_artifacts(reporter, run)


def hide_repetitions(config: pytest.Config, run: RunState) -> None:
    """Take the errors of our checks out of those that pytest lists, if the summary states their one reason.

    `show_repetitions` gives them back, for the counts and the short summary. JUnit files have them in any case.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    result = run.result()
    same = {node_id for node_id, _ in run.selected} if run.failure else set()
    if result is not None and result.verification.obstacle:
        same = set(result.outcomes)
    if reporter is None or reporter.no_summary or not same:
        return
    every = config.stash[_HIDDEN] = reporter.stats.get("error", [])
    reporter.stats["error"] = [report for report in every if report.nodeid not in same]


def show_repetitions(reporter: pytest.TerminalReporter) -> None:
    """Give back what `hide_repetitions` took."""
    if every := reporter.config.stash.get(_HIDDEN, []):
        reporter.stats["error"] = every


def _write_assurance(reporter: pytest.TerminalReporter, result: Result) -> None:
    """State what else the verification found, and how much it proves."""
    verification = result.verification
    for line in headlines(verification):
        reporter.write_line(line, bold=True, **{tone_of(verification).value: True})
    if verification.needs_checkpoint:
        reporter.write_line(f"Recommendation: {apart(verification.recommendation)}")


def _write_investigation(reporter: pytest.TerminalReporter, result: Result) -> None:
    """Report briefly what happened, if that was asked for."""
    lines = []
    if result.investigation is not None:
        from pytest_audit_ledger.output.investigation_text import brief  # noqa: PLC0415  (only where asked for)
        from pytest_audit_ledger.output.paragraphs import WIDEST  # noqa: PLC0415  (as above)

        lines = brief(result.investigation, min(reporter.config.get_terminal_writer().fullwidth, WIDEST))
    if result.not_investigated:
        lines = [f"What happened is not known: {printable(result.not_investigated, 1000)}"]
    for line in ["", "What happened:", *lines] if lines else ():
        reporter.write_line(line)


def _write_artifacts(reporter: pytest.TerminalReporter, run: RunState) -> None:
    """List the files that were written, and those that could not be."""
    if run.written or run.unwritten:
        reporter.write_line("")
    for file in run.written:
        reporter.write_line(f"wrote {printable(file.path)}  {file.size:,} bytes  SHA-256 {file.sha256}")
    for reason in run.unwritten:
        reporter.write_line(f"not written: {printable(reason, 1000)}", red=True)


def why_not(run: RunState) -> str:
    """Return why there is no verification."""
    if run.failure is not None:
        return f"Nothing was checked. {run.failure}"
    return "No check ran to its end, so nothing is known about the ledger."
