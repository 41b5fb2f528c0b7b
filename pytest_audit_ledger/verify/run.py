"""One run: every check is evaluated against one snapshot.

The run opens one snapshot, asks the guards, reads the entries once for all folds, and judges. It never raises for what
goes wrong with the ledger or the database: a check that could not be evaluated is an outcome, too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, NotApplicable, SourceError
from pytest_audit_ledger.kinds.checkpoint import CheckpointMatch
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, QueryKind, ScanKind
from pytest_audit_ledger.kinds.run_parameters import RunParameters
from pytest_audit_ledger.kinds.sequence_continuity import SequenceContinuity
from pytest_audit_ledger.model.batch import Batch, plain_text
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Outcome, Severity, Status
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite import Check, Control, Suite
from pytest_audit_ledger.verify.judgement import Survey, Verification, judge, reading, waived
from pytest_audit_ledger.verify.resumption import Since, resumption
from pytest_audit_ledger.verify.scan import broken_kind, scan

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class SettingUp(TypedDict, total=False):
        """With what a ledger is verified (`Ledger.verify_integrity` describes it)."""

        suites: Sequence[str | Path]
        check_timestamps: bool
        checkpoints: Sequence[str | Path]
        verifier_keys: Sequence[str]
        require_checkpoint: bool
        max_unanchored: str | None
        allow_integrity_waivers: bool
        transcript_keys: Sequence[str | Path]

    class Verifying(SettingUp, total=False):
        """What is taken by whatever verifies a ledger first: a set-up, and how it is gone about."""

        workers: int | None
        samples: int
        allow_empty: bool


NOTHING_GIVEN: RunParameters = {}


def verify(
    source: Source,
    checks: Sequence[Check],
    *,
    workers: int | None = 1,
    samples: int = DEFAULT_SAMPLES,
    allow_empty: bool = False,
    progress: Progress = no_progress,
    shared: str | None = None,
    given: RunParameters = NOTHING_GIVEN,
    allow_integrity_waivers: bool = False,
    suites: Sequence[Suite] = (),
    since: Since | None = None,
    beside: Sequence[type[ScanKind]] = (),
) -> Verification:
    """Evaluate the checks against one snapshot of the ledger, reading its entries once.

    `workers`: processes that share the scan, None to choose. `samples`: findings kept for each check (all are counted).
    `allow_empty`: skip, instead of fail, what an empty ledger leaves unproven. `shared`: the name of an open snapshot
    to join, so that what is written beside the verification comes from the very entries that were verified. `given`:
    parameters by name of kind that hold for this run, over those of its checks, such as the keys it trusts.
    `allow_integrity_waivers`: whether findings about integrity can be waived, too. `suites`: those that the checks
    stand in, to be told with their controls. `since`: resume after the newest checkpoint, where that can be proven,
    instead of reading every entry. `beside`: folds that read along with the checks and judge nothing; what becomes of
    them is the `beside` of the result.
    """
    now, clock = datetime.now(timezone.utc), time.perf_counter()
    run = _Run(source, shared, samples, workers, allow_empty, progress, given, since, beside)
    found = interruptible(lambda: run.evaluate(checks), run.stop)
    outcomes = tuple(waived(outcome, now, integrity_too=allow_integrity_waivers) for outcome in found)
    assurance, sentence = judge(outcomes, run.survey, resumed=run.after is not None)
    return Verification(
        database=run.info.database if run.info else source.label,
        table=run.info.table if run.info else source.table_label,
        info=run.info,
        survey=run.survey,
        outcomes=outcomes,
        assurance=assurance,
        sentence=sentence,
        started_at=canonical_timestamp(now),
        duration_s=time.perf_counter() - clock,
        reading=reading(run.info, outcomes, run.survey, run.not_resumed),
        suites=tuple(file for suite in suites for file in suite.files),
        controls=_controls(suites),
        given=given,
        beside=run.beside,
    )


def _controls(suites: Sequence[Suite]) -> dict[str, Control]:
    """Return the controls of all suites; where two call one differently, as the first does."""
    controls: dict[str, Control] = {}
    for suite in suites:
        controls = {**suite.controls, **controls}
    return controls


_OTHER = "(other)"


def _named(verdict: str) -> str:
    """Return a verdict as it is told, also one that is missing or empty."""
    plain = plain_text(verdict)
    return "(missing)" if plain is None else plain or "(empty)"


class _Surveyor(ScanKind):
    """Reads what is told about every ledger: how many entries, from when to when, which verdicts."""

    name = "survey"
    columns = ("sequence_number", "timestamp", "verdict", "entry_hash")
    MOST_VERDICTS = 50

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.first: tuple[int | None, str] | None = None
        self.last: tuple[int | None, str, str] = (None, "", "")
        self.verdicts: Counter[str] = Counter()

    def feed(self, batch: Batch) -> None:
        numbers, times = batch.sequence_numbers, batch.text("timestamp")
        self.first = self.first or (numbers[0], times[0])
        self.last = (numbers[-1], times[-1], batch.text("entry_hash")[-1])
        self._count(Counter(batch.text("verdict")))

    def _count(self, verdicts: Counter[str]) -> None:
        """Count verdicts; a ledger stuffed with ever new ones must not fill the memory."""
        self.verdicts.update(verdicts)
        if len(self.verdicts) > self.MOST_VERDICTS:
            named = Counter({name: count for name, count in self.verdicts.items() if name != _OTHER})
            kept = Counter(dict(named.most_common(self.MOST_VERDICTS - 1)))
            kept[_OTHER] = self.verdicts.total() - kept.total()
            self.verdicts = kept

    def resume(self, batch: Batch) -> None:
        self.resumed = True
        self.last = (batch.sequence_numbers[-1], batch.text("timestamp")[-1], batch.text("entry_hash")[-1])

    def merge(self, later: _Surveyor) -> None:
        self.first, self.last = self.first or later.first, later.last
        self._count(later.verdicts)

    def survey(self) -> Survey:
        first, time_first = self.first or (None, "")
        last, time_last, head_hash = self.last
        verdicts = {_named(text): count for text, count in self.verdicts.most_common()}
        return Survey(self.element_count, first, last, time_first, time_last, plain_text(head_hash) or "", verdicts)


class _Run:
    """One evaluation of checks against one snapshot."""

    def __init__(
        self,
        source: Source,
        shared: str | None,
        samples: int,
        workers: int | None,
        allow_empty: bool,
        progress: Progress,
        given: RunParameters,
        since: Since | None,
        beside: Sequence[type[ScanKind]],
    ) -> None:
        self.reading_along = beside
        self.beside: tuple[ScanKind, ...] = ()
        self.source = source
        self.since = since
        self.not_resumed = ""
        """Why every entry is read although the run was to resume."""
        self.shared = shared
        self.samples = samples
        self.workers = workers
        self.allow_empty = allow_empty
        self.progress = progress
        self.given = given
        self.info: LedgerInfo | None = None
        self.survey: Survey | None = None
        self._snapshot: Snapshot | None = None

    def stop(self) -> None:
        """Stop the run from another thread."""
        if self._snapshot is not None:
            self._snapshot.stop()

    @property
    def after(self) -> int | None:
        """After which entry the run resumes, None where it reads every entry."""
        return self.info.resumed.after if self.info and self.info.resumed else None

    def evaluate(self, checks: Sequence[Check]) -> list[Outcome]:
        try:
            with self.source.snapshot(self.shared) as snapshot:
                self._snapshot, self.info = snapshot, snapshot.info
                self._resume(snapshot, checks)
                asking = [check for check in checks if not issubclass(check.kind, ScanKind)]
                outcomes = {id(check): self._asked(snapshot, check) for check in asking}
                outcomes.update(self._folds(snapshot, [check for check in checks if issubclass(check.kind, ScanKind)]))
        except SourceError as error:
            return [_unevaluated(check, error) for check in checks]
        return [outcomes[id(check)] for check in checks]

    def _resume(self, snapshot: Snapshot, checks: Sequence[Check]) -> None:
        """Find out where to resume, if that is wanted."""
        if self.since is None:
            return
        comparing = (self._parameters(check) for check in checks if check.kind is CheckpointMatch)
        found = resumption(snapshot, next(comparing, None), self.since)
        if isinstance(found, str):
            self.not_resumed = found
        else:
            self.info = replace(snapshot.info, resumed=found)

    def _parameters(self, check: Check) -> Mapping[str, Any]:
        return {**check.parameters, **self.given.get(check.kind.name, {})}

    def _made(self, check: Check) -> Kind:
        """Return a use of a kind for one check. Raises LedgerError where the kind's own code fails."""
        assert self.info is not None  # noqa: S101  (known as soon as the snapshot is open)
        try:
            return check.kind(self._parameters(check), self.info, check.samples or self.samples)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001  (anybody's code; whatever it raises becomes this check's ERROR)
            raise broken_kind(check.kind, error) from None

    def _asked(self, snapshot: Snapshot, check: Check) -> Outcome:
        """Evaluate a guard or a query."""
        try:
            kind = self._made(check)
            if isinstance(kind, CatalogKind):
                with snapshot.catalog() as catalog:
                    kind.examine(catalog)
            elif isinstance(kind, QueryKind):
                with snapshot.queries() as queries:
                    kind.examine(queries)
        except LedgerError as error:
            return _unevaluated(check, error)
        except Exception as error:  # noqa: BLE001  (as above)
            return _unevaluated(check, broken_kind(check.kind, error))
        if isinstance(kind, QueryKind) and not (kind.element_count or kind.findings.counts):
            return self._empty(check, "There was no entry to judge", allowed=kind.parameters.get("allow_empty", False))
        return _judged(check, kind)

    def _empty(self, check: Check, what: str, *, allowed: bool = False) -> Outcome:
        """Return the outcome of a check that met no entry."""
        if allowed or self.allow_empty:
            return _outcome(check, Status.SKIP, reason=f"{what}, so nothing was checked.")
        own = ", or for this check with allow_empty: true" if issubclass(check.kind, QueryKind) else ""
        hint = f"If that may be, say so with --ledger-allow-empty{own}."
        return _unevaluated(check, CannotEvaluate(f"{what}, so there was nothing to check.", hint))

    def _folds(self, snapshot: Snapshot, checks: Sequence[Check]) -> dict[int, Outcome]:
        """Evaluate the folds whose columns can be read, all in one scan."""
        outcomes: dict[int, Outcome] = {}
        readable: list[Check] = []
        folds: list[ScanKind] = []
        for check in checks:
            try:
                folds.append(self._fold(snapshot, check))
                readable.append(check)
            except LedgerError as error:  # noqa: PERF203  (one check's, and no reason to stop others)
                outcomes[id(check)] = _unevaluated(check, error)
        if not readable:
            return outcomes
        along: Sequence[type[ScanKind]] = (*self.reading_along, _Surveyor)
        beside = [kind for kind in along if _readable(snapshot, kind)]
        folds += [kind({}, self.info or snapshot.info, 0) for kind in beside]
        try:
            scanned = scan(self.source, snapshot, folds, self.workers, self.progress, self.after)
        except SourceError as error:
            return {**outcomes, **{id(check): _unevaluated(check, error) for check in readable}}
        others = scanned[len(readable) :]
        self.survey = next((fold.survey() for fold in others if isinstance(fold, _Surveyor)), None)
        self.beside = tuple(fold for fold in others if not isinstance(fold, _Surveyor) and not fold.failure)
        return {**outcomes, **{id(c): self._judged_fold(c, f) for c, f in zip(readable, scanned, strict=False)}}

    def _fold(self, snapshot: Snapshot, check: Check) -> ScanKind:
        """Return the fold of a check. Raises LedgerError where it cannot be made, or its columns cannot be read."""
        fold = self._made(check)
        assert isinstance(fold, ScanKind)  # noqa: S101  (chosen by the caller; tells the type checker)
        reason = next(filter(None, map(snapshot.unreadable, ("sequence_number", *fold.columns))), None)
        if reason is not None:
            remedy = "Export all columns." if snapshot.info.export else "See table_guard."
            raise SourceError(f"It cannot be read: {reason}.", remedy)
        if isinstance(fold, SequenceContinuity) and self.after is None:
            fold.rows = snapshot.count()  # the scan goes by an index, which can hide entries
        return fold

    def _judged_fold(self, check: Check, fold: ScanKind) -> Outcome:
        if fold.element_count or fold.failure or fold.findings.counts:
            return _judged(check, fold)
        if self.after is not None:
            reason = f"No entry is newer than entry {self.after:,}, after which the run resumed."
            return _outcome(check, Status.SKIP, reason=reason)
        return self._empty(check, "The ledger has no entries")


def _readable(snapshot: Snapshot, kind: type[ScanKind]) -> bool:
    return all(snapshot.unreadable(column) is None for column in ("sequence_number", *kind.columns))


def _judged(check: Check, kind: Kind) -> Outcome:
    """Turn what a kind found into an outcome: the severity decides what a finding does."""
    if kind.failure:
        return _unevaluated(check, kind.failure)
    if not (kind.element_count or kind.findings.counts):
        return _outcome(check, Status.ERROR, reason="It examined nothing, and nothing examined is not a pass.")
    statuses = {Severity.CRITICAL: Status.FAIL, Severity.WARNING: Status.WARN}
    worst = kind.findings.worst(check.severity)
    codes = kind.findings.codes()
    return _outcome(
        check,
        statuses.get(worst, Status.PASS) if worst else Status.PASS,
        element_count=kind.element_count,
        unexpected_count=kind.unexpected_count,
        findings=tuple(replace(one, sides=kind.sides.get(one.code, one.sides)) for one in kind.findings.samples),
        codes=codes,
        facts=kind.facts,
        inconclusive=bool(codes) and codes.keys() <= kind.inconclusive,
        anchor=kind.anchor,
    )


def _unevaluated(check: Check, error: LedgerError) -> Outcome:
    status = Status.SKIP if isinstance(error, NotApplicable) else Status.ERROR
    return _outcome(check, status, reason=str(error), advice=error.remedy)


def _outcome(check: Check, status: Status, **found: Any) -> Outcome:
    kind = check.kind
    return Outcome(
        check_id=check.id,
        suite=check.suite,
        kind=kind.name,
        integrity=kind.integrity,
        severity=check.severity,
        controls=check.controls,
        status=status,
        description=check.description,
        rule=kind.rule,
        remedy=kind.remedy,
        unit=kind.unit,
        location=check.location,
        owner=check.owner,
        waiver=check.waiver,
        **found,
    )
