"""One run: every check is evaluated against one snapshot.

The run opens one snapshot, asks the catalog kinds and the query kinds, reads the entries once for all scan kinds, and
judges. It never raises for what goes wrong with the ledger or the database: a check that could not be evaluated is an
outcome, too.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from operator import itemgetter, ne
from typing import Any

from pytest_audit_ledger.checkpoints.positions import at_position
from pytest_audit_ledger.commands import Given, completed
from pytest_audit_ledger.errors import CannotEvaluate, LedgerError, NotApplicable, SourceError, UsageError
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, QueryKind, ScanKind
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.kinds.run_parameters import RunParameters
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.batch import Batch, plain_text
from pytest_audit_ledger.model.duration import DURATION_PATTERN, duration
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Family, Outcome, Severity, Status
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, STREAM, TIMESTAMP, VERDICT, Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Check, Control, Suite
from pytest_audit_ledger.verify.executors import Executor, Opening, local_workers
from pytest_audit_ledger.verify.judgement import judge, reading, waived
from pytest_audit_ledger.verify.parameters import given
from pytest_audit_ledger.verify.resumption import Since, resumption
from pytest_audit_ledger.verify.scan import broken_kind, scan
from pytest_audit_ledger.verify.verification import Survey, Verification


def required(profile: Profile) -> tuple[str, ...]:
    """Return the kinds that must all have passed before a ledger is called self-consistent.

    If no column holds the previous hash, entry_hash follows the chain alone: the payload has the hash before.
    """
    chain = [kind for kind in SHIPPED if kind.family is Family.CHAIN and issubclass(kind, ScanKind)]
    return tuple(kind.name for kind in chain if not profile.lacks(kind.columns))


def parse_standby_tolerance(text: str) -> float:
    """Return how many seconds a standby may be behind its primary, given as `90s` or `5m`. Raises UsageError."""
    if not re.match(DURATION_PATTERN, text):
        raise UsageError(
            f"{text!r} is not a valid length of time.", "Write a number with a unit: --ledger-standby-tolerance 5m."
        )
    return duration(text).total_seconds()


_ROLLED_BACK = "40"
_LOST = "08006"
"""What SQLSTATEs of a transaction that the server rolled back begin with, and that of a connection that was lost
(PostgreSQL documentation, appendix A). A standby ends the connection of an idle session whose snapshot conflicts.
"""

MakeScan = Callable[[Mapping[str, Any], LedgerInfo, int], ScanKind]
"""Makes a scan kind of parameters, the ledger that is read, and how many findings to keep."""


@dataclass(frozen=True, kw_only=True)
class VerificationRequest:
    """What to verify, and how.

    `suites`: those that the checks are from, for their files and controls. `workers`: how many share the scan, None to
    choose. `opening`: opens the executor that they belong to. `samples`: findings kept for each check; all are counted.
    `allow_empty`: skip, instead of fail, what an empty ledger leaves unproven. `run_parameters`: parameters by name of
    kind that hold for this run, over those of its checks, such as the keys it trusts. `allow_integrity_waivers`:
    whether findings about integrity can be waived, too. `since`: resume after the newest checkpoint, if that can be
    proven, instead of reading every entry. `standby_tolerance_s`: seconds that a standby may be behind. `extra_scans`:
    makes scan kinds that read along with the checks and judge nothing; the verification has them, too. `given`: what
    suggested commands repeat, None for the source and what it is verified with; empty if the source is a copy that no
    reader can name.
    """

    checks: Sequence[Check]
    suites: Sequence[Suite] = ()
    workers: int | None = 1
    opening: Opening = local_workers
    samples: int = DEFAULT_SAMPLES
    allow_empty: bool = False
    run_parameters: RunParameters = field(default_factory=dict)
    allow_integrity_waivers: bool = False
    since: Since | None = None
    extra_scans: Sequence[MakeScan] = ()
    standby_tolerance_s: float = parse_standby_tolerance(defaults.STANDBY_TOLERANCE)
    given: Given | None = None

    def parameters(self, check: Check) -> Mapping[str, Any]:
        """Return the parameters of a check in this run."""
        return check.parameters_in(self.run_parameters)


def verify(
    source: Source, request: VerificationRequest, *, progress: Progress = no_progress, shared: str | None = None
) -> Verification:
    """Evaluate the checks against one snapshot of the ledger, reading its entries once.

    `shared`: the name of an open snapshot to join, so that what is written next comes from the very entries that were
    verified.
    """
    now, clock = datetime.now(timezone.utc), time.perf_counter()
    run = _Run(source, request, progress, shared)
    found = interruptible(run.evaluate, run.stop)
    if run.is_rolled_back and shared is None:  # a standby does so when its replay removes what the snapshot sees
        run = _Run(source, request, progress, shared)
        found = interruptible(run.evaluate, run.stop)
    repeated = _given(source, request) if request.given is None else request.given
    outcomes = tuple(
        _completed(waived(outcome, now, integrity_too=request.allow_integrity_waivers), repeated) for outcome in found
    )
    entries = run.survey.entries if run.survey else None
    profile = run.info.profile if run.info else SKI
    assurance, sentence = judge(outcomes, entries, required(profile), resumed=run.after is not None, profile=profile)
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
        reading=" ".join(filter(None, (reading(run.info, outcomes, entries, run.not_resumed), run.note))),
        suites=tuple(file for suite in request.suites for file in suite.files),
        controls=_controls(request.suites),
        run_parameters=request.run_parameters,
        given=repeated,
        extra_scans=run.extra_scans,
    )


def _given(source: Source, request: VerificationRequest) -> Given:
    return given(
        source.given,
        source.table_label,
        profile=source.profile,
        run_parameters=request.run_parameters,
        suites=request.suites,
    )


def _completed(outcome: Outcome, repeated: Given) -> Outcome:
    """Return an outcome whose advice names the ledger; the reason ends with it, after words that are not ours alone."""
    advice = completed(outcome.advice, repeated)
    reason = f"{outcome.reason.removesuffix(outcome.advice)}{advice}"
    return replace(outcome, remedy=completed(outcome.remedy, repeated), reason=reason, advice=advice)


def _controls(suites: Sequence[Suite]) -> dict[str, Control]:
    """Return the controls of all suites; if two give one different titles, the first counts."""
    controls: dict[str, Control] = {}
    for suite in suites:
        controls = {**suite.controls, **controls}
    return controls


_OTHER = "(other)"


def _named(verdict: str) -> str:
    """Return a verdict as it is shown, also one that is missing or empty."""
    plain = plain_text(verdict)
    return "(missing)" if plain is None else plain or "(empty)"


class _Surveyor(ScanKind):
    """Reads what every report needs: how many entries, from when to when, which verdicts."""

    name = "survey"
    columns: Sequence[str] = (SEQUENCE, TIMESTAMP, VERDICT, HASH)
    MOST_VERDICTS = 50

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.columns = [name for name in self.columns if ledger.profile.has(name)]
        self.first: tuple[int | None, str] | None = None
        self.last: tuple[int | None, str, str] = (None, "", "")
        self.verdicts: Counter[str] = Counter()
        self.streams = 0
        self.first_stream: str | None = None
        self.last_stream: str | None = None

    def feed(self, batch: Batch) -> None:
        if self.ledger.profile.streams:
            self._feed_streams(batch)
            return
        numbers, times = batch.sequence_numbers, self._times(batch)
        self.first = self.first or (numbers[0], times[0])
        self.last = (numbers[-1], times[-1], batch.text(HASH)[-1])
        if VERDICT in self.columns:
            self._count(Counter(batch.text(VERDICT)))

    def _feed_streams(self, batch: Batch) -> None:
        """Count the streams. They have no common first and last number and no head, but a first and a last time."""
        texts = batch.text(STREAM)
        self.streams += sum(map(ne, texts, [self.last_stream, *texts[:-1]]))
        self.first_stream = texts[0] if self.first_stream is None else self.first_stream
        self.last_stream = texts[-1]
        times = self._times(batch)
        self.first = None, min(times) if self.first is None else min(self.first[1], *times)
        self.last = None, max(self.last[1], *times), ""
        if VERDICT in self.columns:
            self._count(Counter(batch.text(VERDICT)))

    def _times(self, batch: Batch) -> Sequence[str]:
        return batch.text(TIMESTAMP) if TIMESTAMP in self.columns else [""] * len(batch)

    def _count(self, verdicts: Counter[str]) -> None:
        """Count verdicts; however many different ones a ledger has, they must not fill the memory."""
        self.verdicts.update(verdicts)
        if len(self.verdicts) > self.MOST_VERDICTS:
            named = Counter({name: count for name, count in self.verdicts.items() if name != _OTHER})
            kept = Counter(dict(named.most_common(self.MOST_VERDICTS - 1)))
            kept[_OTHER] = self.verdicts.total() - kept.total()
            self.verdicts = kept

    def resume(self, batch: Batch) -> None:
        self.resumed = True
        if not self.ledger.profile.streams:
            self.last = (batch.sequence_numbers[-1], self._times(batch)[-1], batch.text(HASH)[-1])

    def merge(self, later: _Surveyor) -> None:
        if self.ledger.profile.streams:
            self.streams += later.streams - (later.first_stream == self.last_stream)
            self.last_stream = later.last_stream
            self.first = min(filter(None, (self.first, later.first)), key=itemgetter(1), default=None)
            self.last = max(self.last, later.last, key=itemgetter(1))
        else:
            self.first, self.last = self.first or later.first, later.last
        self._count(later.verdicts)

    def survey(self) -> Survey:
        first, time_first = self.first or (None, "")
        last, time_last, head_hash = self.last
        verdicts = {_named(text): count for text, count in self.verdicts.most_common()}
        return Survey(
            entries=self.element_count,
            streams=self.streams,
            sequence_first=first,
            sequence_last=last,
            time_first=time_first,
            time_last=time_last,
            head_hash=plain_text(head_hash) or "",
            verdicts=verdicts,
        )


class _Run:
    """One evaluation of checks against one snapshot."""

    def __init__(self, source: Source, request: VerificationRequest, progress: Progress, shared: str | None) -> None:
        self.source = source
        self.request = request
        self.progress = progress
        self.shared = shared
        self.info: LedgerInfo | None = None
        self.survey: Survey | None = None
        self.extra_scans: tuple[ScanKind, ...] = ()
        self.not_resumed = ""
        """Why every entry is read although the run was to resume."""
        self.note = ""
        """What a user should know of how the entries were read."""
        self.is_rolled_back = False
        """Whether the server ended the transaction, and a new one can succeed."""
        self._snapshot: Snapshot | None = None
        self._executor: Executor | None = None

    def stop(self) -> None:
        """Stop the run from another thread."""
        if self._snapshot is not None:
            self._snapshot.stop()
        if self._executor is not None:
            self._executor.stop()

    def _use(self, executor: Executor | None) -> None:
        self._executor = executor

    @property
    def after(self) -> int | None:
        """After which entry the run resumes, None if it reads every entry."""
        return self.info.resumed.after if self.info and self.info.resumed else None

    def evaluate(self) -> list[Outcome]:
        checks = self.request.checks
        try:
            with self.source.snapshot(self.shared) as snapshot:
                self._snapshot, self.info = snapshot, snapshot.info
                self._refuse_another_table(snapshot)
                self._resume(snapshot)
                asking = [check for check in checks if not issubclass(check.kind, ScanKind)]
                outcomes = {id(check): self._asked(snapshot, check) for check in asking}
                outcomes.update(self._scanned(snapshot, [c for c in checks if issubclass(c.kind, ScanKind)]))
                changed = self._changed(snapshot, outcomes.values())
        except SourceError as error:
            return [self._unevaluated(check, error) for check in checks]
        found = [outcomes[id(check)] for check in checks]
        for doubt, advice in self._doubts(changed):
            found = [_doubted(outcome, doubt, advice) for outcome in found]
        return found

    def _refuse_another_table(self, snapshot: Snapshot) -> None:
        """Raise SourceError for a table that never was a ledger; a checkpoint proves that it was one."""
        checks = self.request.checks
        is_anchored = any(
            c.kind.family is Family.CHECKPOINTS and self.request.parameters(c).get("folders") for c in checks
        )
        if any(check.kind.integrity for check in checks) and not is_anchored:
            error = snapshot.another_table()
            if error is not None:
                raise error

    def _changed(self, snapshot: Snapshot, outcomes: Iterable[Outcome]) -> str:
        """Return what of the table's definition changed during the run, or why that is unknown."""
        try:
            return snapshot.changed()
        except SourceError as error:
            # A run that could not read the entries is UNVERIFIED anyway, and keeps what else it found.
            is_unverified = any(outcome.status is Status.ERROR for outcome in outcomes)
            return "" if is_unverified else f"unknown: {error.message}"

    def _doubts(self, changed: str) -> Iterator[tuple[str, str]]:
        """Yield why nothing that passed is certain, and what to do."""
        if changed:
            yield (
                f"The table's definition changed during the run ({changed}), so nothing is certain of what was read.",
                "Run again. If it happens again, find out who changes it, and why.",
            )
        standby = self.info.standby if self.info else None
        if standby is None:
            return
        self.note = f"{self.note} Read from {standby}.".strip()
        if standby.paused or standby.behind_s is None or standby.behind_s > self.request.standby_tolerance_s:
            yield (
                f"The server is {standby}, so what it shows is an old ledger.",
                "Verify the primary, or resume the replay of the standby and run again.",
            )

    def _resume(self, snapshot: Snapshot) -> None:
        """Find out where to resume, if that is wanted."""
        if self.request.since is None:
            return
        checks = [(check.kind, self.request.parameters(check)) for check in self.request.checks]
        found = resumption(snapshot, checks, self.request.since)
        if isinstance(found, str):
            self.not_resumed = found
        else:
            self.info = replace(snapshot.info, resumed=found)

    def _made(self, check: Check) -> Kind:
        """Return an instance of the kind for one check. Raises LedgerError if the kind's own code fails."""
        assert self.info is not None  # noqa: S101  (known as soon as the snapshot is open)
        try:
            return check.kind(self.request.parameters(check), self.info, check.samples or self.request.samples)
        except LedgerError:
            raise
        except Exception as error:
            raise broken_kind(check.kind, error) from error

    def _asked(self, snapshot: Snapshot, check: Check) -> Outcome:
        """Evaluate a check of a catalog kind or of a query kind."""
        try:
            kind = self._made(check)
            if isinstance(kind, CatalogKind):
                with snapshot.catalog() as catalog:
                    kind.examine(catalog)
            elif isinstance(kind, QueryKind):
                with snapshot.queries() as queries:
                    kind.examine(queries)
        except LedgerError as error:
            return self._unevaluated(check, error)
        except Exception as error:  # noqa: BLE001  (as above)
            return _unevaluated(check, broken_kind(check.kind, error))
        if isinstance(kind, QueryKind) and not (kind.element_count or kind.findings.counts):
            return self._empty(check, "There was no entry to judge", allowed=kind.parameters.get("allow_empty", False))
        return _judged(check, kind)

    def _unevaluated(self, check: Check, error: LedgerError) -> Outcome:
        """Return the outcome of a check that could not be evaluated."""
        sqlstate = error.sqlstate or "" if isinstance(error, SourceError) else ""
        is_standby = self.info is not None and self.info.standby is not None
        if sqlstate[:2] == _ROLLED_BACK or (sqlstate == _LOST and is_standby):
            self.is_rolled_back = True
        return _unevaluated(check, error)

    def _empty(self, check: Check, what: str, *, allowed: bool = False) -> Outcome:
        """Return the outcome of a check that met no entry."""
        if allowed or self.request.allow_empty:
            return _outcome(check, Status.SKIP, reason=f"{what}, so nothing was checked.")
        own = ", or allow_empty: true to this check" if issubclass(check.kind, QueryKind) else ""
        hint = f"If that is expected, add --ledger-allow-empty{own}."
        return _unevaluated(check, CannotEvaluate(f"{what}, so nothing was checked.", hint))

    def _scanned(self, snapshot: Snapshot, checks: Sequence[Check]) -> dict[int, Outcome]:
        """Evaluate the checks of scan kinds whose columns can be read, all in one scan."""
        outcomes: dict[int, Outcome] = {}
        readable: list[Check] = []
        kinds: list[ScanKind] = []
        for check in checks:
            try:
                kinds.append(self._scan_kind(snapshot, check))
                readable.append(check)
            except LedgerError as error:  # noqa: PERF203  (one check's, and no reason to stop others)
                outcomes[id(check)] = self._unevaluated(check, error)
        if not readable:
            return outcomes
        info = self.info or snapshot.info
        extra: Sequence[MakeScan] = (*self.request.extra_scans, _Surveyor)
        kinds += [one for one in (kind({}, info, 0) for kind in extra) if can_read(snapshot, one)]
        try:
            workers, opening = self.request.workers, self.request.opening
            scanned, self.note = scan(
                self.source, snapshot, kinds, workers, self.progress, info.resumed, opening, self._use
            )
        except SourceError as error:
            return {**outcomes, **{id(check): self._unevaluated(check, error) for check in readable}}
        others = scanned[len(readable) :]
        self.survey = next((one.survey() for one in others if isinstance(one, _Surveyor)), None)
        self.extra_scans = tuple(one for one in others if not isinstance(one, _Surveyor) and not one.failure)
        return {**outcomes, **{id(c): self._judged_scan(c, one) for c, one in zip(readable, scanned, strict=False)}}

    def _scan_kind(self, snapshot: Snapshot, check: Check) -> ScanKind:
        """Return the scan kind of a check. Raises LedgerError if it cannot be made, or its columns cannot be read."""
        kind = self._made(check)
        assert isinstance(kind, ScanKind)  # noqa: S101  (chosen by the caller; for the type checker)
        if lacking := snapshot.info.profile.lacks(kind.columns):
            raise NotApplicable(f"The profile {snapshot.info.profile.name} has no {lacking}.")
        reason = next(filter(None, map(snapshot.unreadable, (SEQUENCE, *kind.columns))), None)
        if reason is not None:
            remedy = "Export all columns." if snapshot.info.export else "See what table_guard reports."
            raise SourceError(f"A column of this check cannot be read: {reason}.", remedy)
        if kind.counts_rows and self.after is None:
            kind.row_count = snapshot.count()
        return kind

    def _judged_scan(self, check: Check, kind: ScanKind) -> Outcome:
        if kind.element_count or kind.failure or kind.findings.counts:
            return _judged(check, kind)
        if self.after is not None:
            entry = at_position(kind.ledger.profile, self.after)
            reason = f"No entry is newer than {entry}, after which the run resumed."
            return _outcome(check, Status.SKIP, reason=reason)
        return self._empty(check, "The ledger has no entries")


def can_read(snapshot: Snapshot, kind: ScanKind) -> bool:
    """Return whether a ledger has the columns that a kind reads, and they can be read."""
    lacking = snapshot.info.profile.lacks(kind.columns)
    return not lacking and all(snapshot.unreadable(column) is None for column in (SEQUENCE, *kind.columns))


def _judged(check: Check, kind: Kind) -> Outcome:
    """Turn what a kind found into an outcome: the severity decides what a finding does."""
    if kind.failure:
        return _unevaluated(check, kind.failure)
    if not (kind.element_count or kind.findings.counts):
        return _outcome(check, Status.ERROR, reason="It examined nothing, which is not a pass.")
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
        remedy=_remedy(kind),
        facts=kind.facts,
        inconclusive=bool(codes) and codes.keys() <= kind.inconclusive,
        unproven=bool(codes.keys() & kind.unproven),
        anchor=kind.anchor,
    )


def _remedy(kind: Kind) -> str:
    """Return what to do about the codes found, without those that are only reported."""
    codes = [code for code, severity in kind.findings.counts if severity is not Severity.INFO]
    return " ".join(dict.fromkeys(kind.remedies.get(code, kind.remedy) for code in codes)) or kind.remedy


def _doubted(outcome: Outcome, doubt: str, advice: str) -> Outcome:
    """Return an outcome of which something makes a pass uncertain; a failure stays one."""
    if outcome.status not in (Status.PASS, Status.WARN):
        return outcome
    return replace(outcome, status=Status.ERROR, reason=f"{doubt} {advice}", advice=advice)


def _unevaluated(check: Check, error: LedgerError) -> Outcome:
    status = Status.SKIP if isinstance(error, NotApplicable) else Status.ERROR
    return _outcome(check, status, reason=str(error), advice=error.remedy)


def _outcome(check: Check, status: Status, **found: Any) -> Outcome:
    kind = check.kind
    found = {"remedy": kind.remedy, **found}
    return Outcome(
        check_id=check.id,
        suite=check.suite,
        kind=kind.name,
        family=kind.family,
        integrity=kind.integrity,
        severity=check.severity,
        controls=check.controls,
        status=status,
        description=check.description,
        rule=kind.rule,
        unit=kind.unit,
        location=check.location,
        owner=check.owner,
        waiver=check.waiver,
        **found,
    )
