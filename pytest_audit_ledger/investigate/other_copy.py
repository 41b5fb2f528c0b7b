"""What another copy of the ledger shows: a backup, an export, or another database. No I/O.

Neither copy is trusted: either may have been changed. Which one was is proven only by a hash; if none proves it, both
explanations are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_audit_ledger.checkpoints.positions import has_positions
from pytest_audit_ledger.investigate.evidence_scan import FARTHEST
from pytest_audit_ledger.investigate.incident import (
    AGAINST,
    CHECKPOINT,
    COMPARE,
    DELETED,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    be,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.ranges import OpenRange, Range, joined, listed
from pytest_audit_ledger.investigate.stored_entries import (
    ByStream,
    Chain,
    StoredEntries,
    StoredEntry,
    Value,
    chain_of,
    only,
)
from pytest_audit_ledger.model.difference import ChangedEntry, Difference, SequenceRanges
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.model.ledger_info import Extent
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Profile
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns, line_columns

HASHED = frozenset({"entry_hash", *PAYLOAD_COLUMNS.values()})

CLOSED = 500
"""Entries of a gap that are read in the other copy, to see whether they close it."""

_SHORT = 10_000
"""Entries of a range that are taken one by one."""

_IN_THE_CHAIN = (
    IncidentType.EDIT,
    IncidentType.EDIT_WITH_HASH,
    IncidentType.HASH_ALTERED,
    IncidentType.REORDERING,
    IncidentType.DUPLICATE,
    IncidentType.FORK,
)
"""The types that the chain itself shows of existing entries."""

_INSERTED = (IncidentType.INSERTION, IncidentType.DUPLICATE)

_DISTRUST = Advice("Preserve both copies. Find out who could write to the other copy, and do not rely on it.")
_BOTH = Advice("Preserve both copies. Find out which one nobody could change.")
_INTACT = "The chain of the ledger is intact there, and its hashes cover the numbers and the links."


@dataclass(frozen=True)
class OtherCopy:
    """Another copy of the ledger: how it (A) differs from the ledger (B), and entries that were read in it.

    `records` are these entries by stream, `asked` the numbers that were looked for.
    """

    difference: Difference
    records: ByStream = field(default_factory=dict)
    asked: frozenset[int] = frozenset()

    @property
    def label(self) -> str:
        """What it is, without secrets."""
        return self.difference.a.label

    @property
    def is_whole(self) -> bool:
        """Whether it is known to be a whole ledger."""
        return self.difference.a.info.extent is Extent.WHOLE

    @property
    def last(self) -> int | None:
        """Its highest sequence number."""
        return max(filter(None, (self.difference.both.last, self.difference.missing.last)), default=None)

    def numbers(self, ranges: SequenceRanges) -> list[OpenRange]:
        """Return ranges of numbers; none if the ledger has streams, where a number alone names no place."""
        return [] if self.difference.b.info.profile.streams else ranges.shown()

    @property
    def notes(self) -> Iterator[str]:
        """What limits the comparison, in sentences."""
        names = {"A": "The other copy", "B": "The ledger"}
        yield from (f"{names[note[0]]}{note[1:]}" for note in self.difference.notes)
        for side, columns in (("the other copy", self.difference.only_in_a), ("the ledger", self.difference.only_in_b)):
            if columns:
                yield f"Not compared, because only {side} has them: {', '.join(columns)}."

    def of_stream(self, stream: str = "") -> StoredEntries:
        """Return the entries that were read of a stream."""
        return self.records.get(stream, {})

    def hashed_values(self, number: int) -> Mapping[str, Value]:
        """Return the hashed columns of an entry of another copy of a SKI ledger; empty if it is not known."""
        found = only(self.of_stream(), number)
        return {name: value for name, value in found.columns.items() if name in HASHED} if found else {}


def changed_ranges(changes: Sequence[ChangedEntry]) -> list[Range]:
    """Return the numbers of changed entries as ranges."""
    return joined((one.number, one.number) for one in changes if one.sequence_number is not None)


def missing_here(chain: Sequence[Incident]) -> list[int]:
    """Return the numbers of missing entries that the other copy may have, as many as are read."""
    gaps = ((one.first, one.last) for one in chain if one.what in DELETED)
    numbers = [number for low, high in gaps if low and high for number in range(low, min(high, low + CLOSED) + 1)]
    return numbers[: CLOSED + 1]


def renumbered_from(incidents: Sequence[Incident]) -> int | None:
    """Return the number from which on entries have other numbers than they were written with; None if none have."""
    return min((one.first for one in incidents if one.renumbered and one.first is not None), default=None)


def compared(against: OtherCopy, incidents: Sequence[Incident], here: ByStream, profile: Profile) -> list[Incident]:
    """Return the incidents with what the other copy shows of them, and those that only the other copy shows.

    `here` are the entries of the ledger that were read.
    """
    difference, chain = against.difference, chain_of(profile)
    absent = [*difference.missing.in_streams(), *difference.added.in_streams()]
    streams = [one.stream for one in incidents]
    streams += [*(one.stream for one in difference.changes), *(stream for stream, *_ in absent)]
    found: list[Incident] = []
    for stream in dict.fromkeys(streams):
        of_stream = [one for one in incidents if one.stream == stream]
        found += _InStream(against, stream, of_stream, here.get(stream, {}), profile, chain).all()
    is_renumbered = renumbered_from(incidents) is not None
    return found if is_renumbered else [*found, *_unhashed(against, here, profile, chain)]


@dataclass(frozen=True)
class _InStream:
    """Both copies of one stream, as far as they were read, and what is known of the ledger's."""

    against: OtherCopy
    stream: str
    known: Sequence[Incident]
    here: StoredEntries
    profile: Profile
    chain: Chain

    def all(self) -> list[Incident]:
        """Return what is known, with what the other copy shows of it, and what only that shows."""
        known = list(map(self._told, self.known))
        if renumbered_from(known) is not None:  # then one number means two entries, which differ in everything
            return known
        shown = [*self._rewritten(), *self._absent()]
        exact = {one.what for one in shown}
        # what a checkpoint says of the same, less exactly, becomes a reason
        reasons = {what: tuple(one.sentence for one in known if one.what is what) for what in exact}
        return [
            *(one for one in known if one.what not in exact),
            *(replace(one, because=(*one.because, *reasons[one.what])) for one in shown),
            *self._changed_there(),
            *self._lacking_there(),
            *self._added_there(),
        ]

    def _incident(
        self,
        what: IncidentType,
        first: int,
        last: int | None,
        count: int,
        sentence: str,
        certainty: Certainty,
        because: Sequence[str] = (),
        otherwise: Sequence[str] = (),
        step: Advice = _DISTRUST,
    ) -> Incident:
        place = f"Stream {printable(self.stream)}: " if self.stream else ""
        found = Incident(what, first, last, count, f"{place}{sentence}", certainty, tuple(because), tuple(otherwise))
        return replace(found, next_step=(step,), stream=self.stream)

    @property
    def _shows_which(self) -> str:
        return "; a checkpoint shows which" if has_positions(self.profile) else ""

    @property
    def _last(self) -> int | None:
        return self.against.difference.last_in_b.get(self.stream)

    def _theirs(self, number: int) -> StoredEntry | None:
        return only(self.against.of_stream(self.stream), number)

    def _names(self, change: ChangedEntry) -> str:
        """Return the columns that differ, apart from the hashes, in words."""
        hashes = {self.profile.column(HASH), self.profile.column(PREVIOUS)}
        return ", ".join(sorted(change.columns.keys() - hashes)) or "its hashes only"

    # what happened to the ledger

    def _told(self, incident: Incident) -> Incident:
        """Add whether the other copy has what is missing here, or lacks what was inserted here."""
        steps = tuple(one for one in incident.next_step if one.words != COMPARE.words)
        incident = replace(incident, next_step=steps)
        first, last = incident.first, incident.last
        if first is None or last is None:
            return incident
        if incident.what in DELETED:
            why, proven = self._of_gap(first, last)
            incident = replace(incident, because=(*incident.because, *why))
            sentence = incident.in_full or incident.sentence
            return replace(incident, sentence=sentence, certainty=Certainty.PROVEN) if proven else incident
        if incident.what in _INSERTED and self._covers(self.against.difference.added, first, last):
            lacking = f"{self.against.label} does not have {entries(first, last)}."
            return replace(incident, because=(*incident.because, lacking))
        return incident

    def _covers(self, ranges: SequenceRanges, first: int, last: int) -> bool:
        found = ranges.in_streams()
        return any(name == self.stream and (low or 0) <= first and last <= (high or 0) for name, low, high in found)

    def _of_gap(self, first: int, last: int) -> tuple[tuple[str, ...], bool]:
        """Return what the other copy has of a gap, and whether it closes the gap, which proves all of its entries."""
        against, there = self.against, self.against.of_stream(self.stream)
        named, count, label = entries(first, last), last - first + 1, against.label
        if not against.asked.issuperset(range(first, min(last, first + CLOSED + 1) + 1)):
            known = self._covers(against.difference.missing, first, last)
            words = f"{label} has {named}, too many to test whether their hashes close the gap."
            return (words,) if known else (), False
        found = [number for number in range(first, last + 1) if number in there]
        if not found:
            words = f"{capital(named)} {be(count, 'is', 'are')} not in {label} either."
            return (words,) if against.is_whole else (), False
        if len(found) < count:
            part = f"{found[0]:,}{f' to {found[-1]:,}' if len(found) > 1 else ''}"
            return (f"Of {named}, {label} has {part}.",), False
        if not self.chain.covers_link:
            return (f"{label} has {named}.",), False
        if not closes_gap(first, last, there, self.here, self.chain):
            return (f"{label} has {named}, but their hashes do not close the gap.",), False
        they = be(count, "it was", "all of them were")
        return (f"{label} has {named}, and the hashes close the gap: {they} in this ledger.",), True

    def _rewritten(self) -> Iterator[Incident]:
        """Find the first entry that differs in hashed columns although the chain here is intact."""
        found, column = self._unshown(), self.profile.column(HASH)
        rehashed = [one for one in found if column in one.columns and self._fault_there(one) is None]
        if rehashed:
            yield self._rewrite(rehashed[0])
        elif found and column not in self.against.difference.columns:
            number = found[0].number
            names = self._names(found[0])
            sentence = f"Entry {number:,} differs in {self.against.label}, which has no hashes: {names}."
            otherwise = ("The ledger was rewritten from there on.", "The other copy was changed.")
            step = Advice(f"Compare the ledger with a copy that has the column {column}.")
            what, certainty, count = IncidentType.REWRITE, Certainty.OPEN, self.against.difference.changed
            why = ("The chain is intact here.",)
            yield self._incident(what, number, number, count, sentence, certainty, why, otherwise, step)

    def _unshown(self) -> list[ChangedEntry]:
        """Return the entries that differ in hashed columns and that the chain itself does not show."""
        shown = {
            number
            for one in self.known
            if one.what in _IN_THE_CHAIN and one.first is not None and one.last is not None
            if one.last - one.first < _SHORT
            for number in range(one.first, one.last + 1)
        }
        return [
            one
            for one in self.against.difference.changes
            if one.stream == self.stream and one.sequence_number is not None and one.sequence_number not in shown
            if one.columns.keys() & _covered(one, only(self.here, one.number), self.chain)
        ]

    def _fault_there(self, change: ChangedEntry) -> Certainty | None:
        """Return how sure it is that the other copy was changed at an entry; None if nothing shows it.

        It is proven if the entry matches its hash here, and the other copy's content does not match the hash that both
        have, or the other copy's next entry links to the entry of the ledger. If the other copy's content does not
        match its own, different hash, that was changed in any case, but the ledger may have been changed as well.
        """
        number = change.number
        ours, theirs, follows = only(self.here, number), self._theirs(number), self._theirs(number + 1)
        if ours is None or theirs is None or not ours.fits or theirs.stored_hash is None:
            return None
        links_to_ours = self.chain.covers_link and follows is not None and follows.link == ours.stored_hash
        if theirs.fits:
            return Certainty.PROVEN if links_to_ours and theirs.stored_hash != ours.stored_hash else None
        return Certainty.PROVEN if links_to_ours or theirs.stored_hash == ours.stored_hash else Certainty.FITS

    def _rewrite(self, first: ChangedEntry) -> Incident:
        found, label, number = self.against.difference, self.against.label, first.number
        signed = any(one.what is IncidentType.REWRITE for one in self.known)
        count = 0 if self.stream else found.changed_columns[self.profile.column(HASH)]
        many = f": {counted(count)} {be(count, 'has', 'have')} another hash" if count else ""
        sentence = (
            f"From entry {number:,} on, the ledger differs from {label}{many}. Entry {number:,} differs in "
            f"{self._names(first)}."
        )
        because = (
            "No entry follows that could confirm one of the two."
            if number == found.last_in_both.get(self.stream)
            else "The chain is intact here, so the entries after the changed one were given new hashes."
            if self.chain.covers_link
            else f"Entry {number:,} matches its hash in both copies.",
            f"{counted(found.same)} {be(found.same, 'is', 'are')} the same in both.",
        )
        otherwise = () if signed else (f"The other copy was rewritten, and not the ledger{self._shows_which}.",)
        last, certainty = None if self.stream else self.against.last, Certainty.PROVEN if signed else Certainty.FITS
        return self._incident(IncidentType.REWRITE, number, last, count, sentence, certainty, because, otherwise, _BOTH)

    def _absent(self) -> Iterator[Incident]:
        """Find entries of the other copy after the end here, where the chain cannot show that they are missing."""
        signed = any(one.what is IncidentType.TRUNCATION for one in self.known)
        for low, high in self._unknown_here():
            if self._last is not None and low <= self._last:
                continue  # see `_added_there`
            ours, theirs, count = only(self.here, low - 1), self._theirs(low), high - low + 1
            follows = ours is not None and theirs is not None and theirs.fits and theirs.link == ours.stored_hash
            whole = "stream" if self.stream else "ledger"
            ends = f"but the {whole} ends with entry {self._last:,}" if self._last else "and the ledger has no entry"
            of_stream = " of the stream" if self.stream and not self._last else ""
            sentence = f"{self._named(low, high, 'is', 'are')} in {self.against.label}, {ends}{of_stream}."
            because = (
                "The other copy has more entries than the ledger has now.",
                *((f"Its entry {low:,} links to the last entry of the ledger.",) if follows else ()),
            )
            step = Advice("Preserve both copies. Find out which is newer, and which one nobody could change.")
            otherwise = [*_MORE_THERE, f"They were inserted into the other copy{self._shows_which}."]
            certainty, otherwise = (Certainty.PROVEN, []) if signed else (Certainty.OPEN, otherwise)
            what = IncidentType.TRUNCATION
            yield self._incident(what, low, high, count, sentence, certainty, because, otherwise, step)

    def _named(self, low: int, high: int, one: str, many: str) -> str:
        count = high - low + 1
        return f"{capital(entries(low, high, count))} {be(count, one, many)}"

    def _unknown_here(self) -> Iterator[Range]:
        """Yield the entries that only the other copy has, except those that are known to be missing here."""
        known = [(one.first or 0, one.last or 0) for one in self.known if one.what in DELETED and one.last is not None]
        known += [range_ for one in self.known for range_ in one.elsewhere]
        for stream, low, high in self.against.difference.missing.in_streams():
            if stream != self.stream or low is None or high is None:
                continue
            if not any(first <= low and high <= end for first, end in known):
                yield low, high

    # what happened to the other copy; nothing is known of it if the ledger was renumbered

    def _changed_there(self) -> Iterator[Incident]:
        """Find entries that differ and that the hashes show to be changed in the other copy."""
        faults = {one.sequence_number: self._fault_there(one) for one in self._unshown()}
        difference, label = self.against.difference, self.against.label
        of_stream = [one for one in difference.changes if one.stream == self.stream]
        found = [one for one in of_stream if faults.get(one.sequence_number) is not None]
        if not found:
            return
        first, last, count = found[0].number, found[-1].number, len(found)
        proven = Certainty.FITS not in faults.values()
        unseen = 0 if self.stream else difference.changed - len(difference.changes)
        names = self._names(found[0])
        which = f"entry {first:,} ({names})" if count == 1 else f"entries {listed(changed_ranges(found), count)}"
        more = f"; {unseen:,} more differ and were not examined" if unseen else ""
        not_here = ", not the ledger" if proven else ""
        sentence = f"The other copy was changed{not_here}: {label} differs at {which}{more}."
        otherwise = () if proven else ("The ledger was changed as well and given new hashes; a checkpoint shows that.",)
        what, certainty = IncidentType.OTHER_COPY, Certainty.PROVEN if proven else Certainty.FITS
        yield self._incident(what, first, last, count, sentence, certainty, [*self._why_there(first)], otherwise)

    def _why_there(self, number: int) -> Iterator[str]:
        theirs, follows = self._theirs(number), self._theirs(number + 1)
        yield f"In the ledger, entry {number:,} matches its {self.profile.column(HASH)}."
        if theirs is not None and not theirs.fits:
            yield f"In the other copy, its content does not match the stored {self.profile.column(HASH)}."
            near = (theirs.number + by for far in range(1, FARTHEST + 1) for by in (far, -far))
            if self.profile.schemas and (written := theirs.written_number(near)) is not None:
                yield f"It does with the number {written:,}: the other copy's entry {number:,} was renumbered."
        if theirs is not None and follows is not None and follows.link != theirs.stored_hash:
            yield f"The other copy's entry {number + 1:,} links to entry {number:,} of the ledger."

    def _lacking_there(self) -> Iterator[Incident]:
        """Find entries that the other copy lacks although it has later ones."""
        gaps = _gaps_there(self.against, self.stream, self.known)
        if not gaps or not self.against.is_whole:
            return
        count, (first, last) = sum(high - low + 1 for low, high in gaps), gaps[0]
        named = capital(entries(first, last, count)) if len(gaps) == 1 else f"Entries {listed(gaps, count)}"
        absent = f"{named} {be(count, 'is', 'are')} missing from {self.against.label}, which has later entries"
        rewritten = bool(self.against.difference.changed_columns[self.profile.column(HASH)])
        otherwise = ["They were deleted in the other copy.", "They were inserted into the ledger."]
        certainty, because = Certainty.OPEN, self._intact()
        if because:
            absent = f"{absent}: the other copy is incomplete, not the ledger"
            otherwise = ["The ledger was rewritten with inserted entries; a checkpoint shows that."] * rewritten
            certainty = Certainty.FITS if rewritten else Certainty.PROVEN
        what, last = IncidentType.OTHER_COPY, gaps[-1][1]
        yield self._incident(what, first, last, count, f"{absent}.", certainty, because, otherwise)

    def _intact(self) -> list[str]:
        """Return why no entry can be missing or too many in the ledger; nothing if its hashes cover too little."""
        return [_INTACT] if self.chain.covers_link and self.chain.covers_number else []

    def _added_there(self) -> Iterator[Incident]:
        """Find entries that only the other copy has and for which the chain of the ledger has no place."""
        for low, high in self._unknown_here():
            if self._last is None or low > self._last:
                continue
            there, certainty = "between entries of the ledger", Certainty.OPEN
            otherwise = ["They were deleted from the ledger.", "They were inserted into the other copy."]
            if because := self._intact():
                there, certainty = "and the chain of the ledger has no place for more entries there", Certainty.FITS
                otherwise = [
                    "The ledger was rewritten after a deletion; a checkpoint or the hashes after it show that."
                ]
            sentence = f"{self._named(low, high, 'is', 'are')} only in {self.against.label}, {there}."
            what, count = IncidentType.OTHER_COPY, high - low + 1
            yield self._incident(what, low, high, count, sentence, certainty, because, otherwise)


_MORE_THERE = (
    "They were cut off the end of the ledger.",
    "The ledger is an older state: an export, a restored backup, or a replica that lags.",
)


def _covered(change: ChangedEntry, ours: StoredEntry | None, chain: Chain) -> Collection[str]:
    """Return the columns that the hash of a changed entry covers."""
    return chain.covered(ours.columns if ours else {name: now for name, (_, now) in change.columns.items()})


def _unhashed(against: OtherCopy, here: ByStream, profile: Profile, chain: Chain) -> Iterator[Incident]:
    """Find columns that no hash covers and that differ in the other copy."""
    difference, hashes = against.difference, {profile.column(HASH), profile.column(PREVIOUS)}
    names: Counter[str] = Counter()
    first: ChangedEntry | None = None
    for one in difference.changes:
        covered = _covered(one, only(here.get(one.stream, {}), one.number), chain)
        uncovered = one.columns.keys() - {*covered, *hashes}
        names.update(uncovered)
        first = first or (one if uncovered and one.sequence_number is not None else None)
    if not names:
        return
    partly = all_hashed_columns(profile) | line_columns(profile)  # covered in other entries, which were counted as well
    counts = {name: names[name] if name in partly else difference.changed_columns[name] for name in sorted(names)}
    named = ", ".join(f"{printable(name)} of {counted(count)}" for name, count in counts.items())
    sentence = f"Columns that no entry hash covers differ in {against.label}: {named}."
    because = ("The differences are listed below, column by column.",)
    otherwise = ("They were changed in the ledger.", "They were changed in the other copy.")
    shows = "The record next to a checkpoint shows whether they were changed since it was signed."
    step = (Advice(shows),) if has_positions(profile) else (_BOTH,)
    number = first.sequence_number if first else None
    last, count = None if difference.changed > 1 else number, max(counts.values())
    what, certainty, stream = IncidentType.UNHASHED_COLUMN, Certainty.OPEN, first.stream if first else ""
    yield Incident(what, number, last, count, sentence, certainty, because, otherwise, step, stream=stream)


def closes_gap(first: int, last: int, there: StoredEntries, here: StoredEntries, chain: Chain) -> bool:
    """Whether the other copy's entries link what is before a gap to what is after it."""
    before, start = only(here, first - 1), only(there, first)
    link = before.stored_hash if before else None
    if first == chain.first and start is not None:
        link = chain.genesis(start)
    for number in range(first, last + 1):
        one = only(there, number)
        if one is None or not one.fits or one.link != link:
            return False
        link = one.stored_hash
    after = (only(here, number) for number in (last + 1, first))  # the latter if the rest was renumbered
    return any(one is not None and one.link == link for one in after)


def _gaps_there(against: OtherCopy, stream: str, incidents: Sequence[Incident]) -> list[Range]:
    """Return entries that only the ledger has, followed by entries in both, where the chain has no fault."""
    known = [(one.first, one.last) for one in incidents if one.first is not None and one.last is not None]
    last = against.difference.last_in_both.get(stream, 0)
    return [
        (low, high)
        for name, low, high in against.difference.added.in_streams()
        if name == stream and low is not None and high is not None and high < last
        if not any(first <= high and low <= end for first, end in known)
    ]


def unanswered(
    against: OtherCopy, incidents: Sequence[Incident], size: int, last: int | None, *, end_is_known: bool
) -> Iterator[Advice]:
    """Yield what a comparison with the other copy leaves undecided, for a ledger of `size` entries up to `last`.

    An entry that is the same in both has the same hash, which covers every entry before it. `end_is_known` is whether a
    checkpoint has shown that the end was cut off; it cannot help further then.
    """
    label, found = against.label, against.difference
    if (first := renumbered_from(incidents)) is not None:
        yield Advice(
            f"From entry {first:,} on, a number means another entry in {label}, so the entries were not compared there."
        )
    newer, commands = (
        ("a newer copy", (AGAINST,)) if end_is_known else ("a checkpoint or a newer copy", (CHECKPOINT, AGAINST))
    )
    end = "" if end_is_known else ", or its end was cut off"
    if not against.is_whole and (gaps := _gaps_there(against, "", ())):
        yield Advice(
            f"Entries {listed(gaps, found.added.count)} are missing from {label}. It has no manifest, so they "
            "may have been filtered out or deleted there."
        )
    if "entry_hash" not in found.columns:
        yield Advice(
            f"{label} has {found.compared:,} of {counted(size)} and no hashes: a rewrite that left its columns "
            "unchanged cannot be detected."
        )
    elif found.last_same is None:
        yield Advice(
            f"No entry is the same in both. Only {newer} shows whether the ledger was rewritten{end}.", commands
        )
    elif last is not None and found.last_same < last:
        after = (
            f"It ends with entry {found.last_same:,}"
            if found.last_same == found.both.last
            else f"After entry {found.last_same:,} nothing is the same in both"
        )
        which = listed(found.both.shown(), found.compared)
        yield Advice(
            f"{label} has {found.compared:,} of {counted(size)} ({which}). "
            f"{after}: only {newer} shows whether the ledger was rewritten after that{end}.",
            commands,
        )
    elif not end_is_known:
        yield Advice(
            f"Entries that were appended after {label} was made and then cut off again would be in neither copy; only "
            f"{newer} shows that.",
            commands,
        )
