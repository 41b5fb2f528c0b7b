"""What an entry said when it was written: proven by hashing hypotheses. No I/O.

The stored `entry_hash` commits to the contents that it was made over, and so does the `previous_hash` of the entry that
follows. Contents that have one of these hashes are therefore those that were hashed: nobody can make up others. What
that proves depends on which hash it is, so a reconstruction says so (`Witness`) and claims no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from itertools import islice

from pytest_audit_ledger.investigate.forms import Form
from pytest_audit_ledger.investigate.hypotheses import Cause, Change, Hypotheses, HypothesisTrial, Suspect, Vocabulary
from pytest_audit_ledger.investigate.rewritings import UNCHANGED, Transformation, Value

MOST_AFTER_A_CONTRADICTION = 20_000
"""Hypotheses tried once the entry's own hash was met, for one that the next entry's link proves as well."""

MOST_CHANGES_TOLD_APART = 2
"""Columns changed at once for each of which all other values are tried as well."""

_CHUNK = 2048
"""Hypotheses between two looks at the clock."""


@dataclass(frozen=True)
class Budget:
    """When to stop looking at one entry: after so many seconds, or hypotheses."""

    seconds: float = 5.0
    hypotheses: int = 20_000_000


class Stopped(str, Enum):
    """What ended a search that found nothing."""

    EXHAUSTED = "every hypothesis was tried"
    TIME = "the time was up"
    COUNT = "the number of hypotheses was reached"
    NO_HASH = "no hash is stored that could prove anything"


class Witness(str, Enum):
    """Which hash proves the original contents of an entry."""

    BOTH = "both"
    """The entry's own hash and the link of the next entry, which are the same."""
    LINK = "link"
    """The link of the next entry; the entry's own hash is another one, and was changed as well."""
    OWN = "own"
    """The entry's own hash, and no entry follows that commits to it."""
    CONTRADICTED = "contradicted"
    """The entry's own hash, while the next entry links to another one: what was hashed is proven, not that it was
    what the next entry was appended to."""


@dataclass(frozen=True)
class Restored:
    """A column that said something else when the entry was hashed.

    `excluded` is how many other values were tried for it in vain, all else as it was. `column` may be `entry_hash`.
    """

    column: str
    original: Value
    stored: Value
    cause: Cause
    excluded: int = 0


@dataclass(frozen=True)
class Reconstruction:
    """The proven original contents of an entry: all as stored, but for the `changes`.

    Without changes and without another `form`, the entry says what it said. `form` is None where the payload was
    written as everywhere in this ledger. `proven_by` is the hash that the contents have.
    """

    sequence_number: int | None
    changes: tuple[Restored, ...]
    form: Form | None
    proven_by: str
    witness: Witness
    hypotheses: int

    @property
    def content_changes(self) -> tuple[Restored, ...]:
        """The changes of the content, without that of entry_hash."""
        return tuple(change for change in self.changes if change.column != "entry_hash")


@dataclass(frozen=True)
class Unexplained:
    """An entry whose original contents were not found, after so many hypotheses, and what ended the search.

    `has_its_own_hash`: the contents have the stored hash, but the next entry links to another one.
    """

    sequence_number: int | None
    hypotheses: int
    stopped: Stopped
    has_its_own_hash: bool = False


def _nothing(_: int) -> None:
    """Tell nobody."""


NO_WORDS = Vocabulary()


def reconstruct(
    suspect: Suspect,
    vocabulary: Vocabulary = NO_WORDS,
    *,
    budget: Budget = Budget(),
    known: Sequence[Transformation] = (),
    advance: Callable[[int], None] = _nothing,
) -> Reconstruction | Unexplained:
    """Find what the entry said when it was hashed.

    `vocabulary`: values that occur in the ledger. `known`: what is known to stand between entries of this ledger and
    what was hashed (`systematic.py`); the entry is tried with each of them, and as it stands. One that is an edit is
    none of that. `advance` is told how many more hypotheses were tried, as they are.
    """
    bases = [UNCHANGED, *(one for one in known if not one.is_edit)]
    return _Search(suspect, [Hypotheses(suspect, vocabulary, base) for base in bases], budget, advance).run()


@dataclass(frozen=True)
class _Match:
    """A hypothesis that has one of the hashes; `base` are those that it is one of."""

    base: Hypotheses
    digest: bytes
    form: Form
    changes: tuple[Change, ...]


def _known_changes(match: _Match, told: set[str]) -> Iterator[Restored]:
    """Yield what is known to stand between entries and their hashes, where that says something else of this one."""
    for one in match.base.known.rewritings:
        stored = match.base.stored[one.column]
        original = one.original(stored)
        if one.column not in told and original != stored and not one.is_spelling:
            yield Restored(one.column, original, stored, Cause(one.words, one))


class _Search:
    """The search for the original contents of one entry."""

    def __init__(
        self, suspect: Suspect, bases: Sequence[Hypotheses], budget: Budget, advance: Callable[[int], None]
    ) -> None:
        self.suspect = suspect
        self.bases = bases
        self.advance = advance
        self.own = _digest(suspect.stored_hash)
        self.committed = _digest(suspect.committed)
        self.targets = {digest for digest in (self.own, self.committed) if digest is not None}
        self.count = 0
        self.limit = budget.hypotheses
        self.stopped = Stopped.EXHAUSTED
        self.deadline = time.perf_counter() + budget.seconds

    def run(self) -> Reconstruction | Unexplained:
        number = self.suspect.entry.sequence_number
        if not self.targets:
            return Unexplained(number, 0, Stopped.NO_HASH)
        contradicted: _Match | None = None
        has_its_own_hash = False
        for match in self._matches():
            if match.digest == self.committed or self.committed is None:
                return self._proven(match)
            self.targets.remove(match.digest)
            if match.changes or match.base is not self.bases[0] or match.form != match.base.known.form:
                contradicted = match
                self.limit = min(self.limit, self.count + MOST_AFTER_A_CONTRADICTION)
            else:
                has_its_own_hash = True
        if contradicted is not None:
            return self._proven(contradicted)
        return Unexplained(number, self.count, self.stopped, has_its_own_hash)

    def _matches(self) -> Iterator[_Match]:
        """Yield the hypotheses that have one of the hashes."""
        has_time = "T" in (self.bases[0].stored["timestamp"] or "")
        for base, trial in self._trials():
            for digest, member in self._tried(trial):
                changes = trial.changes_of(member)
                if has_time or any(change.column == "timestamp" for change in changes):
                    yield _Match(base, digest, trial.form, changes)
            if self.stopped is not Stopped.EXHAUSTED:
                return

    def _trials(self) -> Iterator[tuple[Hypotheses, HypothesisTrial]]:
        """Yield the entry as it stands, then what is likely, by each cause that is known, then by each all else."""
        yield from ((base, base.frame.whole()) for base in self.bases)
        yield from ((base, trial) for base in self.bases for trial in base.likely())
        yield from ((base, trial) for base in reversed(self.bases) for trial in base.others())

    def _tried(self, trial: HypothesisTrial) -> Iterator[tuple[bytes, bytes]]:
        """Yield the hash and the member of each hypothesis of a trial that has one of the hashes."""
        begun, tail, targets = sha256(trial.head), trial.tail, self.targets
        members = iter(trial.members)
        while chunk := list(islice(members, _CHUNK)):
            chunk = chunk[: self._allowed(len(chunk))]
            for member in chunk:
                hasher = begun.copy()
                hasher.update(member + tail)
                if (digest := hasher.digest()) in targets:
                    yield digest, member
            if self.stopped is not Stopped.EXHAUSTED:
                return

    def _allowed(self, count: int) -> int:
        """Return how many of so many hypotheses may still be tried, and count these."""
        allowed = min(count, self.limit - self.count)
        if allowed < count:
            self.stopped = Stopped.COUNT
        elif time.perf_counter() > self.deadline:
            self.stopped, allowed = Stopped.TIME, 0
        self.count += allowed
        self.advance(allowed)
        return allowed

    def _proven(self, match: _Match) -> Reconstruction:
        stored = match.base.stored
        excluded = self._excluded(match)
        changes = [
            Restored(change.column, change.original, stored[change.column], change.cause, excluded[change.column])
            for change in match.changes
        ]
        changes += _known_changes(match, {change.column for change in changes})
        if match.digest.hex() != self.suspect.stored_hash:
            cause = Cause("the hash of these contents")
            changes.append(Restored("entry_hash", match.digest.hex(), self.suspect.stored_hash, cause))
        return Reconstruction(
            sequence_number=self.suspect.entry.sequence_number,
            changes=tuple(changes),
            form=None if match.form == match.base.known.form else match.form,
            proven_by=match.digest.hex(),
            witness=self._witness(match.digest),
            hypotheses=self.count,
        )

    def _witness(self, digest: bytes) -> Witness:
        if self.committed is None:
            return Witness.OWN
        if digest != self.committed:
            return Witness.CONTRADICTED
        return Witness.BOTH if digest == self.own else Witness.LINK

    def _excluded(self, match: _Match) -> Mapping[str, int]:
        """Try, for each column that was changed, all other values as well, and return how many of them there were."""
        excluded = {change.column: 0 for change in match.changes}
        hypotheses = match.base.in_form(match.form)
        for change in match.changes if len(match.changes) <= MOST_CHANGES_TOLD_APART else ():
            others = [other for other in match.changes if other is not change]
            members = {other.column: hypotheses.members(other.column, [other.original])[0] for other in others}
            head, tail = hypotheses.frame.with_changes(members, others).around(change.column)
            stored = hypotheses.frame.members[change.column]
            tried = [head + member + tail for member in (stored, *hypotheses.options(change.column)) if member]
            excluded[change.column] = sum(sha256(payload).digest() not in self.targets for payload in tried)
        return excluded


def _digest(text: str | None) -> bytes | None:
    """Return the digest that 64 hexadecimal digits stand for, None for anything else."""
    try:
        digest = bytes.fromhex(text or "")
    except ValueError:
        return None
    return digest if len(digest) == sha256().digest_size else None
