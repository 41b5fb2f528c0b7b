"""The drill: every attack is made on a copy of its own, and the copy verified with what the user verifies with."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pytest_audit_ledger.diff.difference import Side, difference
from pytest_audit_ledger.drill.attacks.attack import Attack, Prevented, Target
from pytest_audit_ledger.drill.ledger_copy import Copy, copied, made, write_checkpoints
from pytest_audit_ledger.drill.matrix import Matrix, Touched, Trial, failed, judged, not_applicable, noticed, prevented
from pytest_audit_ledger.drill.setup import SAMPLES, Claims, SetUp
from pytest_audit_ledger.drill.throwaway_keys import Keys, thrown_away
from pytest_audit_ledger.errors import LedgerError, SourceError, UsageError
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, Superuser
from pytest_audit_ledger.scratch.server import ScratchServer, scratch_server
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.verification import Verification

DEFAULT_ENTRIES = 2_000
FEWEST_ENTRIES = 40
"""Below, attacks that take out or exchange a few entries would meet the ends of the ledger."""

ATTACKS = "attacks"
"""The unit of a drill's progress."""


def drill(
    source: Source | None,
    set_ups: Sequence[SetUp],
    attacks: Sequence[Attack],
    *,
    entries: int = DEFAULT_ENTRIES,
    scratch: str | None = None,
    progress: Progress = no_progress,
) -> list[Matrix]:
    """Make every attack once, on a copy of its own, and return what each set-up noticed.

    `source`: the ledger whose first `entries` are copied, None for one that is made. It is only read. `scratch`: the
    DSN of the server to attack copies on, None for an embedded one.

    Raises UsageError, and SourceError where the ledger cannot be read or copied, or its copy not be verified. What goes
    wrong with one attack is in its trial.
    """
    refuse_to_ask_for_few(entries)
    with ExitStack() as resources:
        server = resources.enter_context(scratch_server(scratch))
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="audit-ledger-drill-")))
        keys = thrown_away()
        copy = _copy(source, resources, server, keys, entries)
        _refuse_few(copy.entries)
        trusted = [one.with_transcript_key(keys.pem) for one in set_ups] if source is None else set_ups
        ground = _Ground(server, folder, copy, keys, trusted)
        ground.prepare()
        with progress(len(attacks), ATTACKS) as advance:
            for attack in attacks:
                ground.attack(attack)
                advance(1)
        return ground.matrices()


def _copy(source: Source | None, resources: ExitStack, server: ScratchServer, keys: Keys, entries: int) -> Copy:
    if source is None:
        return made(resources.enter_context(server.database()), entries, keys)
    empty, spare = (resources.enter_context(server.database()) for _ in range(2))
    with source.snapshot() as snapshot:
        return interruptible(lambda: copied(snapshot, empty, spare, entries), snapshot.stop)


def refuse_to_ask_for_few(entries: int) -> None:
    """Raise UsageError where a drill is asked for on so few entries that it would show little."""
    if entries < FEWEST_ENTRIES:
        noun = "entry" if entries == 1 else "entries"
        raise UsageError(f"A drill on {entries:,} {noun} was asked for.", f"Ask for {FEWEST_ENTRIES:,} or more.")


def _refuse_few(entries: int) -> None:
    if entries < FEWEST_ENTRIES:
        raise UsageError(
            f"A drill needs a ledger of {FEWEST_ENTRIES:,} entries or more, and this one has {entries:,}.",
            "Name no ledger, and one is made.",
        )


@dataclass
class _Ground:
    """Where attacks are made: a copy that none of them reaches, and what verifies the copies of it."""

    server: ScratchServer
    folder: Path
    copy: Copy
    keys: Keys
    set_ups: Sequence[SetUp]
    signed: str = ""
    """How it came to its checkpoints, or why it has none."""
    unsigned: str = ""
    """What to do so that it has some."""
    untouched: list[Verification] = field(default_factory=list)
    trials: list[list[Trial]] = field(default_factory=list)
    clock: float = field(default_factory=time.perf_counter)

    @property
    def _signed(self) -> Path:
        return self.folder / "signed"

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def prepare(self) -> None:
        """Sign checkpoints of the copy, where there is a set-up that has any, and verify it untouched."""
        self._signed.mkdir()
        if any(one.has_checkpoints for one in self.set_ups):
            self._sign()
        verifier = str(self.keys.checkpoints.verifier())
        self.set_ups = [one.with_checkpoints(self._checkpoints, verifier) for one in self.set_ups]
        self._restore_checkpoints()
        self.untouched = [one.verify(self.copy.source) for one in self.set_ups]
        self.trials = [[] for _ in self.set_ups]
        for verification in self.untouched:
            unread = verification.with_status(Status.ERROR)
            if unread and len(unread) == len(verification.outcomes):
                reason, advice = unread[0].reason.removesuffix(unread[0].advice), unread[0].advice
                raise SourceError(
                    f"The copy cannot be verified. {reason}".rstrip(), f"{advice} Verify the ledger itself first."
                )

    def _sign(self) -> None:
        try:
            checks = [*self.set_ups[0].checks]
            write_checkpoints(self.copy, self.server, checks, self.keys.checkpoints, self._signed)
            self.signed = (
                "Its two checkpoints are its own, signed with a key that is thrown away, because those of a whole "
                "ledger say nothing of a copy. The newer one is of all its entries; an attack on what is newer than "
                "your newest checkpoint is noticed, or not, as without one."
            )
        except LedgerError as error:
            self.signed = f"No checkpoint of it could be signed, so it is held against none. {error.message}"
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
            found = [failed(attack, error, time.perf_counter() - clock)] * len(self.set_ups)
        for trials, trial in zip(self.trials, found, strict=True):
            trials.append(trial)

    def _made(self, attack: Attack, dsn: str, clock: float) -> list[Trial]:
        with ExitStack() as connections:
            ledger = connections.enter_context(ScratchLedger(dsn, self.copy.table))
            above = self.server.superuser(dsn)
            target = Target(ledger, self.copy.middle, self._checkpoints, Superuser(above) if above else None)
            reasons = [attack.applies(self._target(target, one)) for one in self.set_ups]
            if all(reasons):
                return [not_applicable(attack, str(reason)) for reason in reasons]
            claims = [
                None if reason else one.claims(attack, self._target(target, one), before.outcomes)
                for one, before, reason in zip(self.set_ups, self.untouched, reasons, strict=True)
            ]
            end = self._performed(attack, target)
        if end is not None:
            trial = end(time.perf_counter() - clock)
            return [not_applicable(attack, reason) if reason else trial for reason in reasons]
        source = PostgresSource(dsn, self.copy.table)
        touched = self._touched(source)
        return [
            not_applicable(attack, str(reason))
            if claimed is None
            else self._judged(attack, source, index, claimed, touched, clock)
            for index, (reason, claimed) in enumerate(zip(reasons, claims, strict=True))
        ]

    def _target(self, target: Target, set_up: SetUp) -> Target:
        """Return what an attack may reach where this set-up is the one to be attacked."""
        return target if set_up.has_checkpoints else replace(target, checkpoints=None)

    def _performed(self, attack: Attack, target: Target) -> Callable[[float], Trial] | None:
        """Make an attack; return what makes a trial of it where it came to nothing."""
        try:
            interruptible(lambda: attack.perform(target), target.ledger.connection.cancel)
        except Prevented as error:
            return partial(prevented, attack, error)
        except LedgerError as error:
            return partial(failed, attack, error)
        except Exception as error:  # noqa: BLE001  (anybody's code; whatever it raises is told)
            return partial(failed, attack, LedgerError(f"its code failed with {type(error).__name__}: {error}"))
        return None

    def _touched(self, source: PostgresSource) -> Touched | None:
        """Return which entries are not those of the untouched copy; None where none are, or nobody can tell."""
        with suppress(LedgerError), self.copy.source.snapshot() as before, source.snapshot() as after:
            found = difference(Side("the untouched copy", before), Side("the attacked one", after), samples=SAMPLES)
            ranges = [*found.missing.ranges, *found.added.ranges]
            ranges += [(change.sequence_number, change.sequence_number) for change in found.changes]
            numbers = [number for ends in ranges for number in ends if number is not None]
            if numbers:
                kept = found.changed <= len(found.changes) and len(ranges) <= SAMPLES
                return Touched(min(numbers), max(numbers) if kept else max(self.copy.entries, *numbers))
        return None

    def _judged(
        self,
        attack: Attack,
        source: PostgresSource,
        at: int,
        claims: Claims,
        touched: Touched | None,
        clock: float,
    ) -> Trial:
        set_up, before = self.set_ups[at], self.untouched[at]
        after = set_up.verify(source)
        by = [
            replace(one, message=one.message.replace(f"{self._checkpoints}", self._checkpoints.name))
            for one in noticed(before, after)
        ]
        taken = time.perf_counter() - clock
        return judged(attack, by=by, claimed_by=claims.by, allowed=claims.allowed, touched=touched, duration_s=taken)

    def _about(self, set_up: SetUp) -> tuple[str, ...]:
        return (*self.copy.about, str(set_up), *([self.signed] if set_up.has_checkpoints else []))

    def _advice(self, set_up: SetUp) -> tuple[str, ...]:
        return tuple(filter(None, (self.copy.advice, self.unsigned if set_up.has_checkpoints else "")))

    def matrices(self) -> list[Matrix]:
        """Return what every set-up noticed."""
        taken = time.perf_counter() - self.clock
        return [
            Matrix(one.name, self._about(one), self._advice(one), self.copy.entries, untouched, tuple(trials), taken)
            for one, untouched, trials in zip(self.set_ups, self.untouched, self.trials, strict=True)
        ]
