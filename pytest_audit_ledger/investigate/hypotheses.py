"""Every hypothesis about the original content of one entry, the likely ones first. No I/O.

A hypothesis is a payload. Most differ from the stored entry in one column, so they come as a **trial**: the payload
before that column's member, the payload after it, and every member that may have been in between. Trying one then costs
one hash over what is new.

The order: the entry as stored; one column; another form; several columns for one reason (the content of a neighbour);
any two columns, over ever more of their values; and the digits that a time may have lost, of which there are a million.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import chain, combinations, pairwise

from pytest_audit_ledger.investigate.rewritings import UNCHANGED, Rewriting, Transformation, rewritings
from pytest_audit_ledger.investigate.ski_payloads import Payloads, Value, may_be_of_an_edit, other_forms, payloads_in
from pytest_audit_ledger.model.entry import GENESIS_HASH, HASHED_COLUMNS, VERDICTS, Entry, entry_hash
from pytest_audit_ledger.model.forms import Form
from pytest_audit_ledger.model.profile import TIMESTAMP

CONTENT = tuple(column for column in HASHED_COLUMNS if column not in ("sequence_number", "previous_hash"))
"""The columns with the decision; the other two give an entry its place."""

BANDS = (64, 1_024, 16_384, 262_144, 2**62)
"""The order of pairs of values of two columns: by the product of the places of both values.

The likeliest value of one column is soon paired with unlikely ones of the other; two unlikely values come last.
"""

FEW_TOGETHER = 32
"""Values of each column that are tried while several others are changed for one reason."""

_LIKELY_EDITED = ("verdict", "timestamp", "track", "rule_id", "knowledge_graph_version", "ski_model_version")
COLUMNS = (*_LIKELY_EDITED, *(column for column in HASHED_COLUMNS if column not in _LIKELY_EDITED))
"""The hashed columns, those that are likely to be edited first."""

MOST_IN_OTHER_FORMS = 1_000
"""Values of each column that are also tried in other forms; they include all rules for times."""

FEW_DIGITS = 5
"""Lost digits of a time that are searched for early; more are searched for after the likely pairs."""


@dataclass(frozen=True)
class Suspect:
    """An entry that does not match its hash or the link of the next entry, and what is known around it.

    `entry` holds the stored values, also those that an Entry should not hold, such as None for the verdict. `committed`
    is the hash that the next entry or, if `is_signed`, a signed record names; None if there is neither. `before` and
    `after` are the neighbours, with their stored hashes. `accounts` are other sources of the entry's values, by their
    name in a sentence ("its envelope", "the backup of 2026-05-01").
    """

    entry: Entry
    stored_hash: str | None
    committed: str | None = None
    before: Entry | None = None
    before_hash: str | None = None
    after: Entry | None = None
    after_hash: str | None = None
    accounts: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    is_signed: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The values that occur in a ledger, by column, frequent ones first; as many as were kept."""

    values: Mapping[str, Sequence[Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cause:
    """The origin of a value: words for a sentence ("as entry 51 has it"), and the rule if it follows from one."""

    words: str
    rewriting: Rewriting | None = None


@dataclass(frozen=True)
class Change:
    """A column, its value when it was hashed, and why that was tried."""

    column: str
    original: Value
    cause: Cause


Options = dict[bytes, tuple[Value, Cause]]
"""The members of the payload that are tried for one column, in order, each with its value and why it is tried."""


@dataclass(frozen=True)
class HypothesisTrial:
    """Hypotheses that differ in one member of the payload, or a single whole one if `column` is empty.

    `changes` are common to all of them. `options` explains each member; if they are too many to keep, it is empty and
    `cause` is why all of them are tried.
    """

    head: bytes
    tail: bytes
    members: Iterable[bytes]
    form: Form
    changes: tuple[Change, ...] = ()
    column: str = ""
    options: Mapping[bytes, tuple[Value, Cause]] = field(default_factory=dict)
    cause: Cause | None = None

    def changes_of(self, member: bytes) -> tuple[Change, ...]:
        """Return what was changed if this member was hashed."""
        if not self.column:
            return self.changes
        if self.cause is not None:
            (value,) = json.loads(b"{" + member + b"}").values()
            return (*self.changes, Change(self.column, value, self.cause))
        return (*self.changes, Change(self.column, *self.options[member]))


def texts(entry: Entry) -> dict[str, Value]:
    """Return the hashed columns of an entry as text."""
    values = {column: getattr(entry, column) for column in HASHED_COLUMNS}
    return {column: None if value is None else str(value) for column, value in values.items()}


class Frame:
    """A payload as its members, any of which can be replaced."""

    def __init__(self, payloads: Payloads, members: Mapping[str, bytes], changes: tuple[Change, ...] = ()) -> None:
        self.form = payloads.form
        self.members = members
        self.changes = changes
        self._payloads, self._order, self._separator = payloads, payloads.order, payloads.separator

    def with_changes(self, members: Mapping[str, bytes], changes: Iterable[Change]) -> Frame:
        """Return the frame with other members in it."""
        return Frame(self._payloads, {**self.members, **members}, (*self.changes, *changes))

    def whole(self) -> HypothesisTrial:
        """Return the one hypothesis that this payload is."""
        payload = self._separator.join(filter(None, (self.members[column] for column in self._order)))
        return HypothesisTrial(b"{" + payload + b"}", b"", (b"",), self.form, self.changes)

    def around(self, column: str) -> tuple[bytes, bytes]:
        """Return the payload before and after a column's member; for members that are not left out."""
        place = self._order.index(column)
        parts = [self.members[name] for name in self._order]
        head = b"".join(part + self._separator for part in parts[:place] if part)
        tail = b"".join(self._separator + part for part in parts[place + 1 :] if part)
        return b"{" + head, tail + b"}"

    def trials(self, column: str, members: Sequence[bytes], options: Options) -> Iterator[HypothesisTrial]:
        """Yield the hypotheses with one of these members for a column; an empty member is a payload of its own."""
        written = [member for member in members if member]
        if written:
            yield HypothesisTrial(*self.around(column), written, self.form, self.changes, column, options)
        if len(written) < len(members):
            yield self.with_changes({column: b""}, [Change(column, *options[b""])]).whole()


class Hypotheses:
    """Every hypothesis about one entry.

    `known` is a known transformation between the stored entries of this ledger and what was hashed; the hypotheses are
    then about what was stored.
    """

    def __init__(
        self,
        suspect: Suspect,
        vocabulary: Vocabulary,
        known: Transformation = UNCHANGED,
        members: Mapping[str, bytes] | None = None,
    ) -> None:
        """Take the entry; `members` are those of its payload, if they are known."""
        self.suspect = suspect
        self.vocabulary = vocabulary
        self.known = known
        self.stored = texts(suspect.entry)
        self._payloads = payloads_in(known.form)
        if members is None:
            members = {column: self.members(column, [self.stored[column]])[0] for column in HASHED_COLUMNS}
        self.frame = Frame(self._payloads, members)
        self._values: dict[str, dict[Value, Cause]] = {}
        self._options: dict[str, Options] = {}

    def in_form(self, form: Form, members: Mapping[str, bytes] | None = None) -> Hypotheses:
        """Return the hypotheses about the same entry, hashed in another form."""
        other = Hypotheses(self.suspect, self.vocabulary, replace(self.known, form=form), members)
        other._values = self._values
        return other

    def members(self, column: str, values: Iterable[Value]) -> list[bytes]:
        """Return the members of the payload for values as they would be stored."""
        return self._payloads.members(column, self._originals(column, values))

    def _originals(self, column: str, values: Iterable[Value]) -> list[Value]:
        for rewriting in self.known.rewritings:
            if rewriting.column == column:
                values = map(rewriting.original, values)
        return list(values)

    def likely(self) -> Iterator[HypothesisTrial]:
        """Yield what other sources and the neighbours have, and every change of one column but lost digits of times."""
        yield from (frame.whole() for frame in (*self._accounts(), *self._of_neighbours()))
        yield from self.singles(self.frame)
        yield from self.lost_digits(0, FEW_DIGITS)

    def others(self) -> Iterator[HypothesisTrial]:
        """Yield what is less likely: other forms, and several columns at once."""
        forms = list(self._in_other_forms())
        yield from (form.frame.whole() for form in forms)
        together = list(self._together())
        yield from (frame.whole() for frame in together)
        yield from self._pairs(0, BANDS[0])
        yield from chain.from_iterable(self.singles(frame, FEW_TOGETHER) for frame in together)
        yield from chain.from_iterable(
            form.singles(form.frame, MOST_IN_OTHER_FORMS) for form in forms if may_be_of_an_edit(form.known.form)
        )
        yield from self._pairs(BANDS[0], BANDS[1])
        yield from self.lost_digits(FEW_DIGITS, 6)
        for done, band in pairwise(BANDS[1:]):
            yield from self._pairs(done, band)

    def singles(self, frame: Frame, most: int | None = None) -> Iterator[HypothesisTrial]:
        """Yield every value that each column may have had, unless the frame already changes that column."""
        changed = {change.column for change in frame.changes}
        for column in COLUMNS:
            if column not in changed:
                options = self.options(column)
                yield from frame.trials(column, list(options)[:most], options)

    def values(self, column: str) -> Mapping[Value, Cause]:
        """Return every other value that a column may have had, with its origin; the likely ones first."""
        if column not in self._values:
            found: dict[Value, Cause] = {}
            for value, cause in self._candidates(column):
                found.setdefault(value, cause)
            found.pop(self.stored[column], None)
            self._values[column] = found
        return self._values[column]

    def options(self, column: str) -> Options:
        """Return every member that a column is tried with, except the stored one."""
        if column not in self._options:
            values = self.values(column)
            options: Options = {}
            for member, option in zip(self.members(column, values), values.items(), strict=True):
                options.setdefault(member, option)
            options.pop(self.frame.members[column], None)
            self._options[column] = options
        return self._options[column]

    def _in_other_forms(self) -> Iterator[Hypotheses]:
        """Yield the hypotheses in every other form in which this entry has another payload, each payload once."""
        known = {self.frame.whole().head}
        for form, timed in other_forms():
            own = self.in_form(form)
            for one in (form, *timed):
                (time,) = payloads_in(one).members(TIMESTAMP, self._originals(TIMESTAMP, [self.stored[TIMESTAMP]]))
                other = self.in_form(one, {**own.frame.members, TIMESTAMP: time})
                if (head := other.frame.whole().head) not in known:
                    known.add(head)
                    yield other

    def _pairs(self, done: int, band: int) -> Iterator[HypothesisTrial]:
        """Yield two changes at once, whose places multiplied are at most `band` and more than `done`; see BANDS."""
        for columns in combinations(COLUMNS, 2):
            few, many = sorted(columns, key=lambda column: len(self.options(column)))
            second = list(self.options(many))
            for place, member in enumerate(self.options(few), 1):
                rest = second[done // place : band // place]
                if rest:
                    frame = self.frame.with_changes({few: member}, [Change(few, *self.options(few)[member])])
                    yield from frame.trials(many, rest, self.options(many))

    def _accounts(self) -> Iterator[Frame]:
        """Yield the entry with what other sources say of it: each value alone, then all of a source."""
        for whose, account in self.suspect.accounts.items():
            cause = of_account(whose)
            for column, value in account.items():
                yield from self._with({column: value}, cause)
            yield from self._with(account, cause)

    def _of_neighbours(self) -> Iterator[Frame]:
        """Yield the entry with each value of its neighbours alone."""
        for neighbour in filter(None, (self.suspect.before, self.suspect.after)):
            theirs, cause = texts(neighbour), _of_neighbour(neighbour)
            for column in CONTENT:
                yield from self._with({column: theirs[column]}, cause)

    def _together(self) -> Iterator[Frame]:
        """Yield the entry with several columns changed for one reason."""
        yield from self._accounts()
        for neighbour in filter(None, (self.suspect.before, self.suspect.after)):
            theirs, cause = texts(neighbour), _of_neighbour(neighbour)
            for columns in (CONTENT, ("telemetry_id", "telemetry_hash"), ("verdict", "rule_id", "reasoning")):
                yield from self._with({column: theirs[column] for column in columns}, cause)
        for one, other in combinations(CONTENT, 2):
            exchanged = {one: self.stored[other], other: self.stored[one]}
            yield from self._with(exchanged, Cause(f"{one} and {other} exchanged"))

    def _with(self, values: Mapping[str, Value], cause: Cause) -> Iterator[Frame]:
        changed = {name: value for name, value in values.items() if value != self.stored.get(name, value)}
        if changed:
            members = {column: self.members(column, [value])[0] for column, value in changed.items()}
            yield self.frame.with_changes(members, [Change(name, value, cause) for name, value in changed.items()])

    def lost_digits(self, more_than: int, most: int) -> Iterator[HypothesisTrial]:
        """Yield the times that truncation or rounding turns into the stored one, if it ends with so many zeros."""
        text = self.stored["timestamp"] or ""
        (member,) = self.members("timestamp", [text])
        place = member.find(text.encode()) if "T" in text else -1
        found = _lost(text) if place >= 0 else None
        if found is not None and more_than < found[0] <= most:
            zeros, times = found
            before, after = member[:place], member[place + len(text) :]
            cause = Cause(f"its last {zeros} {'digit is' if zeros == 1 else 'digits are'} lost")
            members = (b"%b%b%b" % (before, time, after) for time in times)
            head, tail = self.frame.around("timestamp")
            yield HypothesisTrial(head, tail, members, self.known.form, column="timestamp", cause=cause)

    def _candidates(self, column: str) -> Iterator[tuple[Value, Cause]]:
        for whose, account in self.suspect.accounts.items():
            if column in account:
                yield account[column], of_account(whose)
        if column == "verdict":
            yield from ((verdict, _VERDICT) for verdict in VERDICTS)
        if column == "previous_hash":
            yield from self._links()
        elif column != "sequence_number":
            for neighbour in filter(None, (self.suspect.before, self.suspect.after)):
                yield texts(neighbour)[column], _of_neighbour(neighbour)
        yield from ((value, OCCURS) for value in self.vocabulary.values.get(column, ()))
        for rewriting in rewritings(column):
            yield rewriting.original(self.stored[column]), Cause(rewriting.words, rewriting)

    def _links(self) -> Iterator[tuple[Value, Cause]]:
        """Yield the hashes that the entry may have linked to."""
        before, after = self.suspect.before, self.suspect.after
        if before is not None:
            number = f"{before.sequence_number:,}"
            yield self.suspect.before_hash, Cause(f"the entry_hash of entry {number}")
            yield entry_hash(before), Cause(f"the hash of the content of entry {number}")
            yield before.previous_hash, Cause(f"the previous_hash of entry {number}")
        yield GENESIS_HASH, Cause("64 zeros, as in the first entry")
        if after is not None:
            yield after.previous_hash, Cause(f"the previous_hash of entry {after.sequence_number:,}")
            yield self.suspect.after_hash, Cause(f"the entry_hash of entry {after.sequence_number:,}")
        yield self.suspect.stored_hash, Cause("its own entry_hash")


ENVELOPE = "its envelope"
"""What the envelope of an entry is called among its accounts."""


def of_account(whose: str) -> Cause:
    """Return the cause of a value that another source has."""
    return Cause(f"as {whose} has it")


_VERDICT = Cause("one of the five verdicts")
OCCURS = Cause("a value that occurs in the ledger")


def _of_neighbour(neighbour: Entry) -> Cause:
    return Cause(f"as entry {neighbour.sequence_number:,} has it")


def _lost(text: str) -> tuple[int, Iterator[bytes]] | None:
    """Return how many zeros a canonical time ends with, and every time that may have lost that many digits.

    A truncated time was later. A rounded one, as PostgreSQL does with fewer digits, was at most half a unit away, so
    earlier times come last.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    digits = f"{moment.microsecond:06}"
    zeros = len(digits) - len(digits.rstrip("0"))
    return (zeros, _times(moment, 10**zeros)) if zeros else None


def _times(moment: datetime, unit: int) -> Iterator[bytes]:
    """Yield the times up to a unit of microseconds after a moment, then those up to half of one before it.

    The moment is a multiple of the unit, so none of these is a whole second, which would have no fraction.
    """
    micros = moment.microsecond
    later, earlier = range(micros + 1, micros + unit), range(micros - unit // 2, micros)
    if micros == 0:
        before = moment - timedelta(seconds=1) if moment > _FIRST else moment
        earlier = range(1_000_000 - unit // 2, 1_000_000 if moment > _FIRST else 0)
    else:
        before = moment
    for second, fractions in ((moment, later), (before, earlier)):
        pattern = second.replace(microsecond=0).isoformat().replace("+00:00", ".%06d+00:00").encode()
        yield from (pattern % fraction for fraction in fractions)


_FIRST = datetime.min.replace(tzinfo=timezone.utc)
