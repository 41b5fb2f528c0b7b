"""Find a common cause on a sample of many entries, then prove it for each of them in one pass. No I/O.

After a writer in the wrong time zone, another canonicalisation or a migration that retyped a column, no hash of a
ledger matches although no entry was edited. A cause is only ever claimed for entries whose stored hash proves it.

    causes = find(sample, vocabulary)
    (proof,) = scan(source, snapshot, [Systematic({"causes": causes}, snapshot.info, 20)], ...)
    for explained in proof.explained:
        explained.cause, explained.count, explained.first, explained.last
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from typing import Any, ClassVar

from pytest_audit_ledger.investigate.hypotheses import ENVELOPE, Hypotheses, Suspect, Vocabulary, of_account, texts
from pytest_audit_ledger.investigate.reconstruction import Budget, Reconstruction, nothing, reconstruct
from pytest_audit_ledger.investigate.rewritings import UNCHANGED, Rewriting, Transformation, constant, rewritings
from pytest_audit_ledger.investigate.ski_payloads import CANONICAL, Value
from pytest_audit_ledger.investigate.stored_entries import said_by
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.model.batch import Batch, json_text, plain_text
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, PAYLOAD_COLUMNS, Entry
from pytest_audit_ledger.model.forms import SKI_FORMS
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.recogniser import Recogniser

FEWEST = 3
"""Entries of a sample that a cause must explain; fewer are separate edits."""

MOST_CAUSES = 8
MOST_VALUES = 4
"""Combinations of values kept that an edit of many entries left in its columns."""

MOST_FOR_ONE_ENTRY_S = 1.5
"""Seconds spent on one entry of a sample; a common cause is simple, so it is found soon or not at all."""

FEW_SEARCHED = 20_000
"""Hypotheses about lost digits that are tried for an entry of a sample."""

MOST_SEARCHED = 20_000_000
"""Hypotheses about lost digits in one part of a scan; one entry needs 1,500 or 1,500,000."""


@dataclass(frozen=True)
class LostDigits:
    """The cause that timestamp keeps fewer digits of its fraction than were hashed. Picklable.

    The digits of each entry are searched separately, so a large ledger is not searched as a whole.
    """

    @property
    def edited(self) -> tuple[Rewriting, ...]:
        """The rules of columns that were set to one value: none."""
        return ()

    @property
    def words(self) -> tuple[str, ...]:
        """How the entries were hashed, in words that follow "hashed"."""
        return ("with another timestamp (more digits of its fraction)",)


@dataclass(frozen=True)
class Enveloped:
    """The cause that columns were edited whose original values the envelope of each entry has. Picklable."""

    columns: tuple[str, ...]

    @property
    def edited(self) -> tuple[Rewriting, ...]:
        """The rules of columns that were set to one value: none, as each entry had a value of its own."""
        return ()

    @property
    def words(self) -> tuple[str, ...]:
        """How the entries were hashed, in words that follow "hashed"."""
        return (f"with the {' and the '.join(self.columns)} that the envelope of each has",)

    def explains(self, columns: Mapping[str, str], said: Mapping[str, Value], stored: Value) -> bool:
        """Whether an entry, as JSON text by column, has this hash with what its envelope says."""
        if not said.keys() >= set(self.columns):
            return False
        original = {**columns, **{name: json_text(said[name]) for name in self.columns}}
        (payload,) = UNCHANGED.payloads({name: [text] for name, text in original.items()})
        return sha256(payload).hexdigest() == stored


SystematicCause = Transformation | LostDigits | Enveloped


def find(
    sample: Sequence[Suspect],
    vocabulary: Vocabulary,
    *,
    seconds: float = 10.0,
    advance: Callable[[int], None] = nothing,
) -> tuple[SystematicCause, ...]:
    """Return the causes that explain a sample of suspects from all over the ledger, those of most entries first.

    There may be several: a time zone has two offsets, in summer and in winter. `advance` is called with the number of
    further suspects.
    """
    deadline = time.perf_counter() + seconds
    explained: dict[SystematicCause, set[int]] = {}
    for place, suspect in enumerate(sample):
        causes = [cause for cause in explained if _explains(cause, suspect)]
        left = min(MOST_FOR_ONE_ENTRY_S, deadline - time.perf_counter())
        if not causes and left > 0:
            found = reconstruct(suspect, vocabulary, budget=Budget(left))
            causes = [*_causes(suspect, found)] if isinstance(found, Reconstruction) else []
        for cause in causes:
            explained.setdefault(cause, set()).add(place)
        advance(1)
    for cause, places in explained.items():
        places.update(place for place in range(min(places)) if _explains(cause, sample[place]))
    return tuple(_cover(explained))


def _cover(explained: dict[SystematicCause, set[int]]) -> Iterator[SystematicCause]:
    """Yield the causes that together explain most; each explains some entries that those before it do not."""
    for _ in range(MOST_CAUSES):
        best = max(explained, key=lambda cause: len(explained[cause]), default=None)
        if best is None or len(explained[best]) < FEWEST:
            return
        yield best
        done = explained.pop(best)
        explained = {cause: places - done for cause, places in explained.items()}


def _explains(cause: SystematicCause, suspect: Suspect) -> bool:
    """Whether a cause explains the stored hash of an entry; of lost digits only a few are searched for."""
    if isinstance(cause, LostDigits):
        return _search(suspect, FEW_SEARCHED)[0]
    row = {column: json_text(value) for column, value in texts(suspect.entry).items()}
    if isinstance(cause, Enveloped):
        return cause.explains(row, suspect.accounts.get(ENVELOPE, {}), suspect.stored_hash)
    columns = {column: [text] for column, text in row.items()}
    (payload,) = cause.payloads(columns)
    return sha256(payload).hexdigest() == suspect.stored_hash


def _search(suspect: Suspect, most: int) -> tuple[bool, int]:
    """Return whether lost digits of the time explain the stored hash, and how many hypotheses that took."""
    tried = 0
    for trial in Hypotheses(suspect, Vocabulary()).lost_digits(0, 6):
        for member in trial.members:
            if tried >= most:
                return False, tried
            tried += 1
            if sha256(trial.head + member + trial.tail).hexdigest() == suspect.stored_hash:
                return True, tried
    return False, tried


def _causes(suspect: Suspect, found: Reconstruction) -> Iterator[SystematicCause]:
    """Yield every cause that explains an entry; the other entries show which one it was."""
    changes = [change for change in found.changes if change.column not in ("entry_hash", "previous_hash")]
    stored = texts(suspect.entry)
    if any(change.column == "sequence_number" for change in changes):
        return
    if any(change.cause.rewriting is None and change.column == "timestamp" for change in changes):
        if len(changes) == 1 and found.form is None:
            yield LostDigits()
        return
    if changes and found.form is None and all(change.cause == of_account(ENVELOPE) for change in changes):
        yield Enveloped(tuple(change.column for change in changes))
    ways = [[*_rules(change.column, stored[change.column], change.original)] for change in changes]
    for chosen in product(*ways):
        yield Transformation(chosen, found.form or CANONICAL)


def _rules(column: str, stored: Value, original: Value) -> Iterator[Rewriting]:
    yield from (rule for rule in rewritings(column) if rule.original(stored) == original)
    yield constant(column, original)


@dataclass
class Explained:
    """How many entries a cause is proven to explain, and the first and the last of them.

    If the cause is an edit, `now` are the values that its columns have now, the first MOST_VALUES combinations of them.
    """

    cause: SystematicCause
    count: int = 0
    first: int | None = None
    last: int | None = None
    now: list[tuple[Value, ...]] = field(default_factory=list)

    def add(self, number: int | None, values: tuple[Value, ...]) -> None:
        """Count an entry with these values in the edited columns."""
        self.count += 1
        self.first = number if self.count == 1 else self.first
        self.last = number
        self._keep(values)

    def _keep(self, values: tuple[Value, ...]) -> None:
        if len(self.now) < MOST_VALUES and values not in self.now:
            self.now.append(values)

    def merge(self, later: Explained) -> None:
        """Count those of the entries that follow."""
        self.first = self.first if self.count else later.first
        self.last = later.last if later.count else self.last
        self.count += later.count
        for values in later.now:
            self._keep(values)


def suspect_at(batch: Batch, place: int) -> Suspect:
    """Return an entry of a batch with its hash, without its neighbours."""
    values: dict[str, Any] = {column: plain_text(batch.text(column)[place]) for column in HASHED_COLUMNS}
    number = batch.sequence_numbers[place]
    return Suspect(Entry(**{**values, "sequence_number": number}), plain_text(batch.text("entry_hash")[place]))


class Systematic(ScanKind):
    """Proves causes for each entry by its own hash. `causes`: what `find` returned. `forms`: the known forms.

    `fitting` entries match their hash as stored, in whatever form. `unexplained` are those that no cause explains;
    `unexplained_numbers` the first of them. `unsearched` are those whose lost digits were not searched because of the
    limit.
    """

    name = "systematic"
    columns = ("entry_hash", *PAYLOAD_COLUMNS.values())
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "causes": {"type": "array"},
        "forms": {"type": "array", "default": ()},
    }

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        if any(isinstance(cause, Enveloped) for cause in self.parameters["causes"]):
            self.columns = (*Systematic.columns, "envelope_json")
        self.explained = [Explained(cause) for cause in self.parameters["causes"]]
        self.fitting = self.unexplained = self.unsearched = self.searched = 0
        self.unexplained_numbers: list[int | None] = []
        self._recogniser = Recogniser(SKI_FORMS, known=[*self.parameters["forms"]], searches=False)

    def feed(self, batch: Batch) -> None:
        """Try the causes, one after the other, on entries that do not match."""
        stored, recomputed = batch.text("entry_hash"), batch.recomputed_hashes
        places = [place for place, fits in enumerate(map(str.__eq__, stored, recomputed)) if not fits]
        in_a_form = self._recogniser.recognise(batch, places)
        places = [place for place in places if place not in in_a_form]
        self.fitting += len(batch) - len(places)
        for explained in self.explained:
            if places:
                proven = self._proven(explained.cause, batch, places)
                edited = [batch.text(one.column) for one in explained.cause.edited]
                for place in places:
                    if place in proven:
                        values = tuple(plain_text(column[place]) for column in edited)
                        explained.add(batch.sequence_numbers[place], values)
                places = [place for place in places if place not in proven]
        self.unexplained += len(places)
        room = max(0, self.findings.limit - len(self.unexplained_numbers))
        self.unexplained_numbers += [batch.sequence_numbers[place] for place in places[:room]]

    def _proven(self, cause: SystematicCause, batch: Batch, places: Sequence[int]) -> set[int]:
        """Return the places whose stored hash the cause explains."""
        stored = batch.text("entry_hash")
        if isinstance(cause, LostDigits):
            return {place for place in places if self._has_lost_digits(batch, place)}
        if isinstance(cause, Enveloped):
            return {place for place in places if self._has_envelope(cause, batch, place)}
        columns = {column: [batch.text(column)[place] for place in places] for column in HASHED_COLUMNS}
        payloads = cause.payloads(columns)
        rows = zip(places, payloads, strict=True)
        return {place for place, payload in rows if sha256(payload).hexdigest() == stored[place]}

    def _has_envelope(self, cause: Enveloped, batch: Batch, place: int) -> bool:
        said = said_by(plain_text(batch.text("envelope_json")[place]))
        row = {column: batch.text(column)[place] for column in HASHED_COLUMNS}
        return cause.explains(row, said, batch.text("entry_hash")[place])

    def _has_lost_digits(self, batch: Batch, place: int) -> bool:
        if self.searched >= MOST_SEARCHED:
            self.unsearched += 1
            return False
        suspect = suspect_at(batch, place)
        found, tried = _search(suspect, MOST_SEARCHED)
        self.searched += tried
        return found

    def merge(self, later: Systematic) -> None:
        """Add up the counts."""
        super().merge(later)
        for mine, theirs in zip(self.explained, later.explained, strict=True):
            mine.merge(theirs)
        self.fitting += later.fitting
        self.unexplained += later.unexplained
        self.unsearched += later.unsearched
        room = max(0, self.findings.limit - len(self.unexplained_numbers))
        self.unexplained_numbers += later.unexplained_numbers[:room]
