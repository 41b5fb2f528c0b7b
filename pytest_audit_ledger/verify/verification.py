"""What a verification is: all outcomes of one run over one snapshot, and how much they prove. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pytest_audit_ledger.checkpoints.positions import has_positions
from pytest_audit_ledger.commands import Given, completed
from pytest_audit_ledger.files.resources import tool_version
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Anchor, Assurance, Family, Finding, Outcome, Severity, Status
from pytest_audit_ledger.suite.check import Control, SuiteSource
from pytest_audit_ledger.verify.judgement import anchor_of, obstacle_of, recommend


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a scan saw of the ledger as a whole; times are canonical text, or as the database prints them."""

    entries: int
    streams: int = 0
    sequence_first: int | None
    sequence_last: int | None
    time_first: str
    time_last: str
    head_hash: str
    verdicts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """All outcomes of one run, in the order of the checks. Picklable.

    `info` is None if the ledger could not be opened, `survey` if no entries were read. `sentence` says what the
    assurance rests on, and `reading` what was read if the run was to resume after a checkpoint. Times are UTC;
    `duration_s` is in seconds. `suites` are the files that the checks were read from, and `controls` what those
    declare, also if no check serves it. `run_parameters` are what the run's options set, such as keys, by name of
    kind. `given` is what suggested commands repeat. `extra_scans` are scan kinds that read along and judged nothing.
    """

    database: str
    table: str
    info: LedgerInfo | None
    survey: Survey | None
    outcomes: tuple[Outcome, ...]
    assurance: Assurance
    sentence: str
    started_at: str
    duration_s: float
    reading: str = ""
    suites: tuple[SuiteSource, ...] = ()
    controls: Mapping[str, Control] = field(default_factory=dict)
    run_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    given: Given = field(default_factory=dict)
    extra_scans: tuple[ScanKind, ...] = ()
    tool_version: str = field(default_factory=tool_version)

    @property
    def is_valid(self) -> bool:
        """Whether the ledger as a whole was verified, and no check failed or could not be evaluated."""
        verified = self.assurance in (Assurance.ANCHORED, Assurance.SELF_CONSISTENT)
        return verified and not self.with_status(Status.FAIL, Status.ERROR)

    @property
    def obstacle(self) -> str:
        """Why nothing could be read, such as a server that does not answer; empty if something was."""
        return "" if self.survey else obstacle_of(self.outcomes)

    @property
    def total_entries(self) -> int:
        """How many entries were read; 0 if none could be. A run that resumes reads newer ones only."""
        return self.survey.entries if self.survey else 0

    @property
    def size(self) -> int:
        """How many entries the ledger has, with those that were not read because the run resumed after them."""
        return self.total_entries + (self.info.resumed.after if self.info and self.info.resumed else 0)

    @property
    def sequence_range(self) -> tuple[int | None, int | None]:
        """The first and the last sequence number; None if nothing was read."""
        return (self.survey.sequence_first, self.survey.sequence_last) if self.survey else (None, None)

    @property
    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """The time of the first and of the last entry; None if nothing was read, or if it is not a moment."""
        return (_moment(self.survey.time_first), _moment(self.survey.time_last)) if self.survey else (None, None)

    @property
    def anchor(self) -> Anchor | None:
        """How much was proven against a checkpoint; None if nothing was."""
        return anchor_of(self.outcomes)

    @property
    def issues(self) -> tuple[Finding, ...]:
        """The findings of all checks that are kept as samples, without those of severity INFO."""
        findings = (finding for outcome in self.outcomes for finding in outcome.findings)
        return tuple(finding for finding in findings if finding.severity is not Severity.INFO)

    @property
    def verdict_distribution(self) -> Mapping[str, int]:
        """How many of the entries that were read have each verdict."""
        return self.survey.verdicts if self.survey else {}

    @property
    def recommendation(self) -> str:
        """What to do now, in plain words."""
        return completed(recommend(self.assurance, self.outcomes, can_sign=self._can_sign), self.given)

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the ledger is as good as it can be without a checkpoint, and one can be made."""
        return self.is_valid and self.assurance is Assurance.SELF_CONSISTENT and self._can_sign

    @property
    def _can_sign(self) -> bool:
        return self.info is not None and self.info.export is None and has_positions(self.info.profile)

    def with_status(self, *statuses: Status) -> list[Outcome]:
        """Return the outcomes that ended in one of these ways."""
        return [outcome for outcome in self.outcomes if outcome.status in statuses]

    def of_family(self, *families: Family) -> list[Outcome]:
        """Return the outcomes of the checks whose kinds belong to one of these families."""
        return [outcome for outcome in self.outcomes if outcome.family in families]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None
