"""The drill: every attack is made on a copy of its own, which is then verified with the user's set-ups."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pytest_audit_ledger.differences.difference import difference
from pytest_audit_ledger.drill.attacks.attack import Attack, Prevented, Target
from pytest_audit_ledger.drill.ledger_copy import Copy, ThrowawayKeys, copied, made_up, write_checkpoints
from pytest_audit_ledger.drill.matrix import Matrix, Touched, Trial, failed, judged, not_applicable, noticed, prevented
from pytest_audit_ledger.drill.setup import SAMPLES, Claims, SetUp
from pytest_audit_ledger.errors import LedgerError, SourceError, UsageError
from pytest_audit_ledger.files.temporary import temporary_folder
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.server import EMBEDDED, Scratch, ScratchServer, scratch_server
from pytest_audit_ledger.scratch.superuser import Superuser
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.verification import Verification

DEFAULT_ENTRIES = defaults.DRILL_ENTRIES
FEWEST_ENTRIES = defaults.FEWEST_DRILL_ENTRIES

ATTACKS = "attacks"
"""The unit of a drill's progress."""


def drill(
    source: Source | None,
    set_ups: Sequence[SetUp],
    attacks: Sequence[Attack],
    *,
    entries: int = DEFAULT_ENTRIES,
    scratch: Scratch = EMBEDDED,
    progress: Progress = no_progress,
) -> list[Matrix]:
    """Make every attack once, on a copy of its own, and return what each set-up noticed.

    `source`: the ledger whose first `entries` are copied; None makes one up. It is only read. `scratch`: the
    server for the copies.

    Raises UsageError, and SourceError if the ledger cannot be read or copied, or the copy cannot be verified. If one
    attack fails, its trial says why.
    """
    refuse_few(entries)
    with ExitStack() as resources:
        server = resources.enter_context(scratch_server(scratch))
        folder = resources.enter_context(temporary_folder())
        keys = ThrowawayKeys.generate()
        copy = _copy(source, resources, server, keys, entries)
        refuse_few(copy.entries, "This ledger has", "To attack a made-up ledger instead, leave --ledger-db out.")
        trusted = [one.with_transcript_key(keys.pem) for one in set_ups] if source is None else set_ups
        ground = _Ground(server, folder, copy, keys, trusted)
        ground.prepare()
        with progress(len(attacks), ATTACKS) as advance:
            for attack in attacks:
                ground.attack(attack)
                advance(1)
        return ground.matrices()


def _copy(
    source: Source | None, resources: ExitStack, server: ScratchServer, keys: ThrowawayKeys, entries: int
) -> Copy:
    if source is None:
        return made_up(resources.enter_context(server.database()), entries, keys)
    empty, spare = (resources.enter_context(server.database()) for _ in range(2))
    with source.snapshot() as snapshot:
        timeout = source.timeout if isinstance(source, PostgresSource) else DEFAULT_TIMEOUT_S
        return interruptible(lambda: copied(snapshot, empty, spare, entries, timeout), snapshot.stop)


def refuse_few(entries: int, has: str = "You asked for", remedy: str = f"Ask for {FEWEST_ENTRIES:,} or more.") -> None:
    """Raise UsageError if there are too few entries for a drill to show anything."""
    if entries < FEWEST_ENTRIES:
        noun = "entry" if entries == 1 else "entries"
        raise UsageError(f"{has} {entries:,} {noun}; a drill needs at least {FEWEST_ENTRIES:,}.", remedy)


@dataclass
class _Run:
    """One set-up, what it found before any attack, and its trials so far."""

    set_up: SetUp
    untouched: Verification
    trials: list[Trial] = field(default_factory=list)


@dataclass
class _Ground:
    """A copy that no attack reaches, its checkpoints, and the set-ups that verify the attacked copies of it."""

    server: ScratchServer
    folder: Path
    copy: Copy
    keys: ThrowawayKeys
    set_ups: Sequence[SetUp]
    runs: list[_Run] = field(default_factory=list)
    signed: str = ""
    """Where its checkpoints come from, or why it has none."""
    unsigned: str = ""
    """How to get checkpoints."""
    clock: float = field(default_factory=time.perf_counter)

    @property
    def _signed(self) -> Path:
        return self.folder / "signed"

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def prepare(self) -> None:
        """Sign checkpoints of the copy if a set-up uses any, and verify the copy."""
        self._signed.mkdir()
        if any(one.has_checkpoints for one in self.set_ups):
            self._sign()
        self._restore_checkpoints()
        verifier = str(self.keys.checkpoints.verifier())
        for one in self.set_ups:
            set_up = one.with_checkpoints(self._checkpoints, verifier)
            untouched = set_up.verify(self.copy.source)
            unread = untouched.with_status(Status.ERROR)
            if unread and len(unread) == len(untouched.outcomes):
                reason, advice = unread[0].reason.removesuffix(unread[0].advice), unread[0].advice
                raise SourceError(
                    f"The copy cannot be verified. {reason}".rstrip(), f"{advice} Verify the ledger itself first."
                )
            self.runs.append(_Run(set_up, untouched))

    def _sign(self) -> None:
        try:
            checks = [*self.set_ups[0].checks]
            write_checkpoints(self.copy, self.server, checks, self.keys.checkpoints, self._signed)
            self.signed = (
                "The copy has two checkpoints of its own, signed with a throwaway key, because checkpoints of the "
                "whole ledger do not fit a copy. The newer one covers all entries of the copy. In your ledger, "
                "entries after the newest checkpoint are only protected as they are without checkpoints."
            )
        except LedgerError as error:
            self.signed = f"No checkpoint of the copy could be signed, so none was used. {error.message}"
            self.unsigned = error.remedy

    def _restore_checkpoints(self) -> None:
        shutil.rmtree(self._checkpoints, ignore_errors=True)
        shutil.copytree(self._signed, self._checkpoints)

    def attack(self, attack: Attack) -> None:
        """Make an attack on a new copy, and judge it for every set-up."""
        clock = time.perf_counter()
        try:
            with self.server.database(self.copy.dsn) as dsn:
                self._restore_checkpoints()
                found = self._made(attack, dsn, clock)
        except LedgerError as error:
            found = [failed(attack, error, time.perf_counter() - clock)] * len(self.runs)
        for run, trial in zip(self.runs, found, strict=True):
            run.trials.append(trial)

    def _made(self, attack: Attack, dsn: Dsn, clock: float) -> list[Trial]:
        with ScratchLedger(dsn, self.copy.table, self.copy.profile) as ledger:
            above = self.server.superuser(dsn)
            target = Target(ledger, self.copy.middle, self._checkpoints, Superuser(above) if above else None)
            claims = [self._claims(run, attack, target) for run in self.runs]
            if all(isinstance(one, str) for one in claims):
                return [not_applicable(attack, str(one)) for one in claims]
            end = self._performed(attack, target)
        source = PostgresSource(dsn, self.copy.table, profile=self.copy.profile)
        touched = self._touched(source) if end is None else None
        trials = []
        for run, claimed in zip(self.runs, claims, strict=True):
            if isinstance(claimed, str):
                trials.append(not_applicable(attack, claimed))
            elif end is not None:
                trials.append(end(time.perf_counter() - clock))
            else:
                trials.append(self._judged(attack, source, run, claimed, touched, clock))
        return trials

    @staticmethod
    def _claims(run: _Run, attack: Attack, target: Target) -> Claims | str:
        """Return what a set-up claims to notice of an attack, or why the attack does not apply to it."""
        reached = target if run.set_up.has_checkpoints else replace(target, checkpoints=None)
        profile = target.ledger.profile
        objection = attack.objection(profile) or attack.applies(reached)
        return objection or run.set_up.claims(attack, reached, run.untouched.outcomes)

    @staticmethod
    def _performed(attack: Attack, target: Target) -> Callable[[float], Trial] | None:
        """Make an attack; if it was refused or failed, return the maker of its trial."""
        try:
            interruptible(lambda: attack.perform(target), target.ledger.connection.cancel)
        except Prevented as error:
            return partial(prevented, attack, error)
        except LedgerError as error:
            return partial(failed, attack, error)
        except Exception as error:  # noqa: BLE001  (a plugin's code, which may raise anything)
            return partial(failed, attack, LedgerError(f"its code failed with {type(error).__name__}: {error}"))
        return None

    def _touched(self, source: PostgresSource) -> Touched | None:
        """Return which entries differ from those of the untouched copy; None if none do, or if they cannot be read."""
        with suppress(LedgerError), self.copy.source.snapshot() as before, source.snapshot() as after:
            found = difference(("the untouched copy", before), ("the attacked one", after), samples=SAMPLES)
            ranges = [(first, last) for _, first, last in (*found.missing.ranges, *found.added.ranges)]
            ranges += [(change.sequence_number, change.sequence_number) for change in found.changes]
            numbers = [number for ends in ranges for number in ends if number is not None]
            if numbers:
                kept = found.changed <= len(found.changes) and len(ranges) <= SAMPLES
                return Touched(min(numbers), max(numbers) if kept else max(self.copy.entries, *numbers))
        return None

    def _judged(
        self, attack: Attack, source: PostgresSource, run: _Run, claims: Claims, touched: Touched | None, clock: float
    ) -> Trial:
        by = [
            replace(one, message=one.message.replace(f"{self._checkpoints}", self._checkpoints.name))
            for one in noticed(run.untouched, run.set_up.verify(source))
        ]
        taken = time.perf_counter() - clock
        return judged(attack, by=by, claimed_by=claims.by, allowed=claims.allowed, touched=touched, duration_s=taken)

    def matrices(self) -> list[Matrix]:
        """Return what every set-up noticed."""
        return [self._matrix(run) for run in self.runs]

    def _matrix(self, run: _Run) -> Matrix:
        signed, unsigned = (self.signed, self.unsigned) if run.set_up.has_checkpoints else ("", "")
        return Matrix(
            name=run.set_up.name,
            about=tuple(filter(None, (*self.copy.about, str(run.set_up), signed))),
            advice=tuple(filter(None, (self.copy.advice, unsigned))),
            entries=self.copy.entries,
            untouched=run.untouched,
            trials=tuple(run.trials),
            duration_s=time.perf_counter() - self.clock,
        )
