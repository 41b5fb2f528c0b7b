"""What a verification is, and how much its outcomes prove. No I/O, no formatting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_audit_ledger.files.resources import tool_version
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Anchor, Assurance, Finding, Outcome, Severity, Status

if TYPE_CHECKING:
    from pytest_audit_ledger.suite import Control, SuiteSource

CONSISTENCY = ("chain_linkage", "entry_hash", "sequence_continuity")
"""The kinds that must all have passed before a ledger is called self-consistent."""

PROVENANCE = ("envelope_hash", "envelope_consistency", "transcript_signature")
"""The kinds that examine what schema v3 added, and are skipped where a ledger has none of it."""
CHECKPOINTS = ("checkpoint", "checkpoint_guards")
"""The kinds that hold a ledger against what was signed before, and are skipped where no checkpoint is named."""


@dataclass(frozen=True)
class Survey:
    """What a scan saw of the ledger as a whole; times are canonical text, or as the database prints them."""

    entries: int
    sequence_first: int | None
    sequence_last: int | None
    time_first: str
    time_last: str
    head_hash: str
    verdicts: Mapping[str, int]


@dataclass(frozen=True)
class Verification:
    """All outcomes of one run, in the order of the checks. Picklable.

    `info` is None where the ledger could not be opened, `survey` where no entries were read. `sentence` says in plain
    words what the assurance rests on, and `reading`, where the run was to resume after a checkpoint, what it read.
    Times are UTC; `duration_s` is in seconds. `suites` are the files that the checks were read from, and `controls`
    what those declare, also where no check serves it. `given` is what the run was given beside them, such as keys.
    `beside` are folds that read along and judged nothing.
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
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    beside: tuple[ScanKind, ...] = ()
    tool_version: str = field(default_factory=tool_version)

    @property
    def is_valid(self) -> bool:
        """Whether the ledger as a whole was verified, and no check failed or could not be evaluated."""
        verified = self.assurance in (Assurance.ANCHORED, Assurance.SELF_CONSISTENT)
        return verified and not self.with_status(Status.FAIL, Status.ERROR)

    @property
    def total_entries(self) -> int:
        """How many entries were read; 0 where none could be. A run that resumes reads newer ones only."""
        return self.survey.entries if self.survey else 0

    @property
    def size(self) -> int:
        """How many entries the ledger has, with those that were not read because the run resumed after them."""
        return self.total_entries + (self.info.resumed.after if self.info and self.info.resumed else 0)

    @property
    def sequence_range(self) -> tuple[int | None, int | None]:
        """The first and the last sequence number; None where nothing was read."""
        return (self.survey.sequence_first, self.survey.sequence_last) if self.survey else (None, None)

    @property
    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """The time of the first and of the last entry; None where nothing was read, or where it is no moment."""
        return (_moment(self.survey.time_first), _moment(self.survey.time_last)) if self.survey else (None, None)

    @property
    def anchor(self) -> Anchor | None:
        """How much was proven against a checkpoint; None where nothing was."""
        return _anchor(self.outcomes)

    @property
    def issues(self) -> tuple[Finding, ...]:
        """The findings of all checks, but for those that are only told: all that were kept as samples."""
        findings = (finding for outcome in self.outcomes for finding in outcome.findings)
        return tuple(finding for finding in findings if finding.severity is not Severity.INFO)

    @property
    def verdict_distribution(self) -> Mapping[str, int]:
        """How many of the entries that were read have each verdict."""
        return self.survey.verdicts if self.survey else {}

    @property
    def recommendation(self) -> str:
        """What to do now, in plain words."""
        return _recommend(self)

    def with_status(self, *statuses: Status) -> list[Outcome]:
        """Return the outcomes that ended in one of these ways."""
        return [outcome for outcome in self.outcomes if outcome.status in statuses]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None


def _anchor(outcomes: Sequence[Outcome]) -> Anchor | None:
    anchors = (outcome.anchor for outcome in outcomes if outcome.anchor is not None)
    return max(anchors, key=lambda anchor: anchor.entries, default=None)


def waived(outcome: Outcome, now: datetime, *, integrity_too: bool) -> Outcome:
    """Return the outcome as its waiver, if it has one, leaves it. `now` is aware.

    A waiver accepts what was found, until it expires. One that has nothing to accept warns, so that it is taken away.
    """
    waiver = outcome.waiver
    if waiver is None or outcome.status in (Status.ERROR, Status.SKIP):
        return outcome
    if outcome.status is Status.PASS:
        expired = f" It expired on {waiver.expires:%Y-%m-%d}." if now >= waiver.expires else ""
        reason = f"The waiver {waiver.id} waives nothing, because the check passed; take it away.{expired}"
        return replace(outcome, status=Status.WARN, reason=reason)
    if now >= waiver.expires:
        return replace(outcome, status=Status.FAIL, reason=f"This is waived no more, because it expired: {waiver}.")
    if outcome.integrity and not integrity_too:
        reason = f"What is about integrity is waived only where that is allowed, so this is not: {waiver}."
        remedy = f"{outcome.remedy} To allow it, give --ledger-allow-integrity-waivers."
        return replace(outcome, reason=reason, remedy=remedy)
    return replace(outcome, status=Status.WAIVED, reason=f"{str(waiver)[0].upper()}{str(waiver)[1:]}")


def judge(outcomes: Sequence[Outcome], survey: Survey | None, *, resumed: bool = False) -> tuple[Assurance, str]:
    """Return how much the outcomes prove, and a sentence that says so and claims no more.

    `resumed`: whether the run read only what is newer than a checkpoint. Then nothing is proven but by that checkpoint;
    where no entry is newer, the chain has nothing to be checked, and that its last entry is the signed one is enough.
    """
    integrity = [outcome for outcome in outcomes if outcome.integrity]
    failed = [o for o in integrity if not o.inconclusive and _is_sign_of_tampering(o)]
    if failed:
        names = ", ".join(f"{o.check_id}{' (waived)' if o.status is Status.WAIVED else ''}" for o in failed)
        return Assurance.TAMPERED, f"{_what_failed(integrity, failed)}: {names}."
    unevaluated = [outcome.check_id for outcome in integrity if outcome.status is Status.ERROR]
    unproven = [outcome.check_id for outcome in integrity if outcome.status in _FAILED]
    idle = resumed and survey is not None and not survey.entries
    if survey is not None and not survey.entries and not idle:
        return Assurance.UNVERIFIED, "The ledger has no entries, so nothing was proven."
    passed = {outcome.kind for outcome in integrity if outcome.status in (Status.PASS, Status.WARN)}
    if unevaluated:
        what = "The ledger as a whole was not verified" if passed else "Nothing was concluded"
        return Assurance.UNVERIFIED, f"{what}: {', '.join(unevaluated)} could not be evaluated."
    examined = passed | ({outcome.kind for outcome in integrity if outcome.status is Status.SKIP} if idle else set())
    lacking = [name for name in CONSISTENCY if name not in examined]
    if lacking:
        return Assurance.UNVERIFIED, f"The ledger as a whole was not verified: {', '.join(lacking)} did not run."
    if unproven:
        return Assurance.UNVERIFIED, (
            f"The ledger as a whole was not verified: {', '.join(unproven)} failed, "
            "though not with a sign of tampering."
        )
    others = [
        f"{o.check_id} ({o.status.value})"
        for o in integrity
        if o.status is not Status.PASS and not _unused(o) and not (idle and o.status is Status.SKIP)
    ]
    passed_words = (
        f"Integrity checks passed, but for {', '.join(others)}." if others else "Every integrity check that ran passed."
    )
    anchor = _anchor([outcome for outcome in integrity if outcome.status in (Status.PASS, Status.WARN)])
    if anchor is not None:
        return Assurance.ANCHORED, f"{passed_words} {_anchored(anchor)}"
    if resumed:
        return Assurance.UNVERIFIED, "Older entries were not read, and no checkpoint was compared that speaks of them."
    return Assurance.SELF_CONSISTENT, (
        f"{passed_words} There was no checkpoint to hold the ledger against, "
        "so a chain rewritten as a whole, or a tail cut off, would not show."
    )


def _is_sign_of_tampering(outcome: Outcome) -> bool:
    """Whether an integrity check failed; of those that bear the assurance, whether it found anything at all."""
    bearing = outcome.kind in (*CONSISTENCY, "checkpoint")
    return outcome.status in _FAILED or (bearing and outcome.unexpected_count > 0)


def _unused(outcome: Outcome) -> bool:
    """Whether it is about what not every ledger has, and this one has none of it."""
    return outcome.kind in (*PROVENANCE, *CHECKPOINTS) and outcome.status is Status.SKIP


def _anchored(anchor: Anchor) -> str:
    day, newer = anchor.moment[:10], anchor.total - anchor.entries
    if anchor.unread:
        return _resumed_anchor(anchor, day, newer)
    if newer <= 0:
        return f"All {anchor.total:,} entries proven against the checkpoint of {day}."
    rest = "1 newer entry is" if newer == 1 else f"{newer:,} newer entries are"
    return (
        f"{anchor.entries:,} of {anchor.total:,} entries proven against the checkpoint of {day}; "
        f"{rest} self-consistent only."
    )


def _resumed_anchor(anchor: Anchor, day: str, newer: int) -> str:
    """Tell what was proven now, what was proven before, and what would not show."""
    follow = {0: "no entry follows", 1: "1 newer entry follows and is self-consistent only"}.get(
        newer, f"{newer:,} newer entries follow and are self-consistent only"
    )
    again = f", {anchor.reread:,} older ones were re-read and are those that were signed" if anchor.reread else ""
    return (
        f"Entry {anchor.entries:,} is the one that the checkpoint of {day} ends with, {follow}{again}; "
        f"{anchor.unread:,} of {anchor.total:,} entries were not re-read: they were proven when the checkpoint was "
        "made, and an edit of one of them since would not show."
    )


def reading(info: LedgerInfo | None, outcomes: Sequence[Outcome], survey: Survey | None, not_resumed: str) -> str:
    """Return what a run read that was to resume after a checkpoint; nothing where it was not to."""
    if info is None or info.resumed is None:
        return f"Every entry was read, because {not_resumed}." if not_resumed else ""
    after, share, anchor = info.resumed.after, info.resumed.recheck, _anchor(outcomes)
    newer = survey.entries if survey else 0
    told = (
        f"{newer:,} {'entry' if newer == 1 else 'entries'} after entry {after:,}, where {info.resumed.checkpoint} ends"
    )
    reread = anchor.reread if anchor else 0
    again = f"; of the older ones share {share}, {reread:,} entries" if share else ""
    return f"{told}{again}; {after - reread:,} older entries were not re-read."


_FAILED = (Status.FAIL, Status.WAIVED)
"""A waiver accepts that a ledger was tampered with; it does not undo it."""


def _what_failed(integrity: Sequence[Outcome], failed: Sequence[Outcome]) -> str:
    """Tell a change of the entries from a change of what protects them."""
    consistent = {o.kind for o in integrity if o.status in (Status.PASS, Status.WARN) and not o.unexpected_count}
    if set(CONSISTENCY) <= consistent and all(outcome.kind == "checkpoint" for outcome in failed):
        return "The entries fit together, but they are not those that were signed"
    if set(CONSISTENCY) <= consistent and all(outcome.unit != "entries" for outcome in failed):
        return "The entries fit together, but what protects them was changed"
    return "Integrity checks failed"


def _recommend(verification: Verification) -> str:
    """Tell what follows from the outcomes, and nothing that was not checked."""
    failed = verification.with_status(Status.FAIL)
    if verification.assurance is Assurance.TAMPERED:
        if all(outcome.unit != "entries" for outcome in failed if outcome.integrity and not outcome.inconclusive):
            return (
                "Find out who changed what protects the entries, and when; restore it (audit-ledger verify --repair), "
                "and compare the entries with the latest backup or export before relying on them."
            )
        return (
            "Do not rely on this ledger. Preserve the server as it is, and compare the entries named above with the "
            "latest backup or export."
        )
    if verification.assurance is Assurance.UNVERIFIED:
        if unproven := [outcome for outcome in failed if outcome.inconclusive]:
            return f"Rely on nothing yet: resolve what {_ids(unproven)} found, and verify again."
        return "Rely on nothing yet: do what the checks that could not be evaluated ask for, and verify again."
    if failed:
        return f"The chain holds. Resolve what {_ids(failed)} found before relying on the ledger."
    warned, unevaluated = verification.with_status(Status.WARN), verification.with_status(Status.ERROR)
    first = f"Look at what {_ids(warned)} warns of. " if warned else ""
    if unevaluated:
        first = f"Do what {_ids(unevaluated)}, which could not be evaluated, asks for, and verify again. {first}"
    keep = (
        "Keep its checkpoints outside of the database, and add one as it grows."
        if verification.assurance is Assurance.ANCHORED
        else "Keep the head hash outside of the database and compare it with the next run."
    )
    return f"{first}The ledger can be relied on as far as its assurance goes. {keep}"


def _ids(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(outcome.check_id for outcome in outcomes)
