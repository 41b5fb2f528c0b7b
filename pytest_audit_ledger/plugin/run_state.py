"""The state of one pytest run: the selected checks and their one verification.

All selected checks are verified together, when the first of them is about to run.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.output.artifact import Artifact
from pytest_audit_ledger.output.progress_bar import progress_bar
from pytest_audit_ledger.plugin.made_once import MadeOnce
from pytest_audit_ledger.plugin.request import Options
from pytest_audit_ledger.scratch.demo import started
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.investigate.results import Investigation

INVESTIGATION_LIMIT_S = 5.0
"""Seconds that the entries of a failed run may be reconstructed."""


@dataclass(frozen=True)
class Result:
    """A verification, its outcomes by node id, and what happened to the ledger if it failed and that was asked for.

    `not_investigated` says why what happened is not known.
    """

    verification: Verification
    outcomes: Mapping[str, Outcome]
    investigation: Investigation | None = None
    not_investigated: str = ""


@dataclass
class RunState(MadeOnce[Result]):
    """What a pytest process knows about the run.

    `source` is what the controller of xdist started. `shared` is the name of the snapshot that is held open for
    artifacts, None if there is none.
    """

    config: pytest.Config
    options: Options
    source: Source | None = None
    shared: str | None = None
    suites: dict[str, Suite] = field(default_factory=dict)
    shipped_selection: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    selected: list[tuple[str, Check]] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    held: Snapshot | None = None

    def start(self) -> Source:
        """Return the ledger. A demo is started, unless it is running."""
        if self.source is None:
            options = self.options
            self.source = self._resources.enter_context(
                started(options.dsn, options.table, options.timeout, options.profile)
            )
        return self.source

    def hold(self) -> None:
        """Keep a snapshot open if artifacts or an investigation are wanted, so that they show what was verified.

        If it cannot be opened, neither can that of the verification, which then says why.
        """
        if (self.artifacts or self.options.investigate) and self.shared is None:
            opening = self.start().snapshot()
            with suppress(SourceError):
                self.held = interruptible(lambda: self._resources.enter_context(opening))
                self.shared = self.held.share()

    def for_worker(self) -> dict[str, Any]:
        """Return what a worker of xdist gets from its controller (see `told_by_controller`)."""
        told: dict[str, Any] = {"ledger_exchange": str(self.share())}
        if not self.config.getoption("collectonly"):
            if self.options.source is None:  # a demo; what else an option names each worker opens itself,
                told["ledger_source"] = pickle.dumps(self.start())  # so that no message holds a password
            self.hold()
            told["ledger_shared"] = self.shared
        return told

    @property
    def given(self) -> Given:
        """Return what the user gave."""
        return self.options.given

    def _make(self) -> Result:
        source = self.start()
        if not is_worker(self.config):
            self.hold()
        used = dict.fromkeys(check.suite for _, check in self.selected)
        with visible(self.config):
            checks, suites = [check for _, check in self.selected], [self.suites[name] for name in used]
            request = replace(self.options.request, checks=checks, suites=suites)
            if self.options.investigate and self.shared is not None:
                verification, investigation, reason = self._investigated(source, request, self.shared)
            else:
                verification = verify(source, request, progress=progress_bar, shared=self.shared)
                investigation, reason = None, ""
        outcomes = zip((node_id for node_id, _ in self.selected), verification.outcomes, strict=True)
        return Result(verification, dict(outcomes), investigation, reason)

    def _investigated(
        self, source: Source, request: VerificationRequest, shared: str
    ) -> tuple[Verification, Investigation | None, str]:
        """Verify, and return what happened to a ledger that failed, or why that is not known."""
        from pytest_audit_ledger.investigate.run import verify_and_investigate  # noqa: PLC0415  (only if asked for)

        with nullcontext(self.held) if self.held else source.snapshot(shared) as snapshot:
            limit = INVESTIGATION_LIMIT_S
            found = verify_and_investigate(source, snapshot, request, limit_s=limit, progress=progress_bar)
        return found.verification, found.investigation, str(found.error or "")

    def outcome(self, node_id: str) -> Outcome:
        """Return what a check found. Raises LedgerError if nothing could be started."""
        return self.needed().outcomes[node_id]


RUN = pytest.StashKey[RunState]()


def visible(config: pytest.Config) -> Any:
    """Return a context in which the progress bar reaches the terminal, on a line of its own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None or not reporter.isatty:
        return nullcontext()
    reporter.ensure_newline()
    return capture.global_and_fixture_disabled()


def is_controller(config: pytest.Config) -> bool:
    """Tell whether this process only hands out tests to the workers of pytest-xdist."""
    return config.pluginmanager.hasplugin("dsession")


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def told_by_controller(config: pytest.Config) -> dict[str, Any]:
    """Return what this worker of xdist got from its controller, as arguments of a `RunState`; empty elsewhere."""
    told: Mapping[str, Any] = getattr(config, "workerinput", {})
    if "ledger_exchange" not in told:
        return {}
    return {
        "exchange": Path(told["ledger_exchange"]),
        # written by the process that started this one
        "source": pickle.loads(told["ledger_source"]) if "ledger_source" in told else None,  # noqa: S301
        "shared": told.get("ledger_shared"),
    }


def selected_checks(items: Sequence[pytest.Item]) -> list[tuple[str, Check]]:
    """Return the node ids and checks among the items of a session."""
    return [(item.nodeid, item.check) for item in items if hasattr(item, "check") and isinstance(item.check, Check)]
