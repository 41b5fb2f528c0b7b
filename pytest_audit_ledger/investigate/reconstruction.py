"""Reconstruct what an entry said when it was written, proven by hashing hypotheses. No I/O.

The stored `entry_hash` commits to the content that was hashed, and so does the `previous_hash` of the next entry.
Content with one of these hashes is therefore what was hashed: nobody can find other content with the same hash. What
that proves depends on which hash it is, so a reconstruction names it (`Witness`) and claims no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from itertools import islice

from pytest_audit_ledger.investigate.hypotheses import Cause, Change, Hypotheses, HypothesisTrial, Suspect, Vocabulary
from pytest_audit_ledger.investigate.rewritings import UNCHANGED, Transformation
from pytest_audit_ledger.investigate.ski_payloads import Value
from pytest_audit_ledger.model.forms import Form

MOST_AFTER_A_CONTRADICTION = 20_000
"""Hypotheses tried after one has the entry's own hash, to find one that the next entry's link proves as well."""

MOST_CHANGES_TOLD_APART = 2
"""Changed columns up to which all other values of each are tried as well."""

_CHUNK = 2048
"""Hypotheses between two checks of the time."""


@dataclass(frozen=True)
class Budget:
    """When to stop the search for one entry: after so many seconds, or hypotheses."""

    seconds: float = 5.0
    hypotheses: int = 20_000_000


class Stopped(str, Enum):
    """What ended a search that found nothing."""

    EXHAUSTED = "every hypothesis was tried"
    TIME = "the time was up"
    COUNT = "the number of hypotheses was reached"
    NO_HASH = "no hash is stored that could prove anything"


class Witness(str, Enum):
    """Which hash proves the original content of an entry."""

    BOTH = "both"
    """The entry's own hash and the link of the next entry, which are the same."""
    LINK = "link"
    """The link of the next entry; the entry's own hash is different, so it was changed as well."""
    OWN = "own"
    """The entry's own hash; no other entry names it."""
    SIGNED = "signed"
    """A hash in a signed record of the last entry, which no other entry names."""
    CONTRADICTED = "contradicted"
    """The entry's own hash, while the next entry or a signed record names another one: it is proven what was hashed,
    but not that the ledger had it."""


def witness_of(digest: object, own: object, committed: object, *, is_signed: bool = False) -> Witness:
    """Return what proves content with this hash; `own` is the stored hash, `committed` the one that is named elsewhere.

    `is_signed`: a signed record names it, and not the next entry.
    """
    if committed is None:
        return Witness.OWN
    if digest != committed:
        return Witness.CONTRADICTED
    if is_signed:
        return Witness.SIGNED
    return Witness.BOTH if digest == own else Witness.LINK


@dataclass(frozen=True)
class Restored:
    """A column that had another value when the entry was hashed.

    `excluded` is how many other values were tried for it without success, all else equal. `column` may be `entry_hash`.
    """

    column: str
    original: Value
    stored: Value
    cause: Cause
    excluded: int = 0


@dataclass(frozen=True)
class Reconstruction:
    """The proven original content of an entry: as stored, except for the `changes`.

    `form` is None if the payload was written as everywhere in this ledger; without it and without changes, the entry is
    unchanged. `proven_by` is the hash of the original content.
    """

    sequence_number: int | None
    changes: tuple[Restored, ...]
    form: Form | None
    proven_by: str
    witness: Witness
    hypotheses: int

    @property
    def is_certain(self) -> bool:
        """Whether a hash that is kept elsewhere proves it, so that the ledger had this content."""
        return self.witness in (Witness.BOTH, Witness.LINK, Witness.SIGNED)

    @property
    def content_changes(self) -> tuple[Restored, ...]:
        """The changes of the content, without that of entry_hash."""
        return tuple(change for change in self.changes if change.column != "entry_hash")


@dataclass(frozen=True)
class Unexplained:
    """An entry whose original content was not found, after so many hypotheses, and what ended the search.

    `has_its_own_hash`: the content has the stored hash, but the next entry links to another one.
    """

    sequence_number: int | None
    hypotheses: int
    stopped: Stopped
    has_its_own_hash: bool = False


def nothing(_: int) -> None:
    """Ignore progress."""


NO_WORDS = Vocabulary()


def reconstruct(
    suspect: Suspect,
    vocabulary: Vocabulary = NO_WORDS,
    *,
    budget: Budget = Budget(),
    known: Sequence[Transformation] = (),
    advance: Callable[[int], None] = nothing,
) -> Reconstruction | Unexplained:
    """Find what the entry said when it was hashed.

    `vocabulary`: values that occur in the ledger. `known`: transformations that are proven for other entries of this
    ledger (`systematic.py`); the entry is tried as stored, and with each of them that is not an edit. `advance` is
    called with the number of further hypotheses.
    """
    bases = [UNCHANGED, *(one for one in known if not one.is_edit)]
    return _Search(suspect, [Hypotheses(suspect, vocabulary, base) for base in bases], budget, advance).run()


@dataclass(frozen=True)
class _Match:
    """A hypothesis that has one of the hashes; `base` are the hypotheses that it belongs to."""

    base: Hypotheses
    digest: bytes
    form: Form
    changes: tuple[Change, ...]


def _known_changes(match: _Match, known: set[str]) -> Iterator[Restored]:
    """Yield the changes of this entry that follow from the known transformation of others."""
    for one in match.base.known.rewritings:
        stored = match.base.stored[one.column]
        original = one.original(stored)
        if one.column not in known and original != stored:
            yield Restored(one.column, original, stored, Cause(one.words, one))


class _Search:
    """The search for the original content of one entry."""

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
        """Yield the entry as stored, then likely changes, then all others, each with every known transformation."""
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
        """Return how many of these hypotheses may still be tried, and count them."""
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
            cause = Cause("the hash of this content")
            changes.append(Restored("entry_hash", match.digest.hex(), self.suspect.stored_hash, cause))
        return Reconstruction(
            sequence_number=self.suspect.entry.sequence_number,
            changes=tuple(changes),
            form=None if match.form == match.base.known.form else match.form,
            proven_by=match.digest.hex(),
            witness=witness_of(match.digest, self.own, self.committed, is_signed=self.suspect.is_signed),
            hypotheses=self.count,
        )

    def _excluded(self, match: _Match) -> Mapping[str, int]:
        """Return, for each changed column, how many other values were tried that have none of the hashes."""
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
    """Return the digest written as 64 hexadecimal digits, None for any other text."""
    try:
        digest = bytes.fromhex(text or "")
    except ValueError:
        return None
    return digest if len(digest) == sha256().digest_size else None
