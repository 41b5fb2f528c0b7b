"""What another copy of the ledger shows: a backup, an export, or another database. No I/O.

Neither copy is trusted: either may have been changed. Which one was is proven only by a hash; if none proves it, both
explanations are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from pytest_audit_ledger.model.ski import SKI

HASHED = frozenset({"entry_hash", *PAYLOAD_COLUMNS.values()})

SKI_CHAIN = chain_of(SKI)

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

_DISTRUST = (Advice("Preserve both copies. Find out who could write to the other copy, and do not rely on it."),)
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

    @property
    def last_in_both(self) -> int | None:
        """The last of the entries that were compared."""
        return self.difference.both.last

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

    def one(self, number: int) -> StoredEntry | None:
        """Return an entry of the other copy; None if it was not read, does not exist, or exists more than once."""
        return only(self.of_stream(), number)

    def hashed_values(self, number: int) -> Mapping[str, Value]:
        """Return the hashed columns of an entry of the other copy; empty if it is not known."""
        found = self.one(number)
        return {name: value for name, value in found.columns.items() if name in HASHED} if found else {}


def _names(change: ChangedEntry) -> str:
    """Return the columns that differ, apart from the hashes, in words."""
    return ", ".join(sorted(change.columns.keys() - {"entry_hash", "previous_hash"})) or "its hashes only"


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


def compared(
    against: OtherCopy, incidents: Sequence[Incident], here: StoredEntries, last: int | None
) -> list[Incident]:
    """Return the incidents with what the other copy shows of them, and those that only the other copy shows.

    `here` are the entries of the ledger that were read, `last` is its highest sequence number.
    """
    known = [_with_other_copy(one, against, here) for one in incidents]
    if renumbered_from(incidents) is not None:  # then one number means two entries, which differ in everything
        return known
    shown = [*_rewritten(against, known, here), *_absent(against, known, here, last)]
    exact = {one.what for one in shown}
    # what a checkpoint says of the same, less exactly, becomes a reason
    reasons = {what: tuple(one.sentence for one in known if one.what is what) for what in exact}
    return [
        *(one for one in known if one.what not in exact),
        *(replace(one, because=(*one.because, *reasons[one.what])) for one in shown),
        *_unhashed(against),
        *_changed_there(against, incidents, here),
        *_lacking_there(against, incidents),
        *_added_there(against, incidents, last),
    ]


# what happened to the ledger


def _with_other_copy(incident: Incident, against: OtherCopy, here: StoredEntries) -> Incident:
    """Add whether the other copy has what is missing here, or lacks what was inserted here."""
    incident = replace(incident, next_step=tuple(one for one in incident.next_step if one != COMPARE))
    first, last = incident.first, incident.last
    if first is None or last is None:
        return incident
    if incident.what in DELETED:
        why, proven = _of_gap(first, last, against, here)
        incident = replace(incident, because=(*incident.because, *why))
        sentence = incident.in_full or incident.sentence
        return replace(incident, sentence=sentence, certainty=Certainty.PROVEN) if proven else incident
    if incident.what in (IncidentType.INSERTION, IncidentType.DUPLICATE) and any(
        _covers(one, first, last) for one in against.difference.added.shown()
    ):
        return replace(incident, because=(*incident.because, f"{against.label} does not have {entries(first, last)}."))
    return incident


def _of_gap(first: int, last: int, against: OtherCopy, here: StoredEntries) -> tuple[tuple[str, ...], bool]:
    """Return what the other copy has of a gap, and whether it closes the gap, which proves all of its entries."""
    named, count, label = entries(first, last), last - first + 1, against.label
    if not against.asked.issuperset(range(first, min(last, first + CLOSED + 1) + 1)):
        known = any(_covers(one, first, last) for one in against.difference.missing.shown())
        words = f"{label} has {named}, too many to test whether their hashes close the gap."
        return (words,) if known else (), False
    there = against.of_stream()
    found = [number for number in range(first, last + 1) if number in there]
    if not found:
        words = f"{capital(named)} {be(count, 'is', 'are')} not in {label} either."
        return (words,) if against.is_whole else (), False
    if len(found) < count:
        part = f"{found[0]:,}{f' to {found[-1]:,}' if len(found) > 1 else ''}"
        return (f"Of {named}, {label} has {part}.",), False
    if not closes_gap(first, last, there, here, SKI_CHAIN):
        return (f"{label} has {named}, but their hashes do not close the gap.",), False
    they = be(count, "it was", "all of them were")
    return (f"{label} has {named}, and the hashes close the gap: {they} in this ledger.",), True


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


def _covers(range_: OpenRange, first: int, last: int) -> bool:
    low, high = range_
    return low is not None and high is not None and low <= first and last <= high


def _rewritten(against: OtherCopy, incidents: Sequence[Incident], here: StoredEntries) -> Iterator[Incident]:
    """Find the first entry that differs in hashed columns although the chain here is intact."""
    found = _unshown(against, incidents)
    rehashed = [one for one in found if "entry_hash" in one.columns and _fault_there(one, against, here) is None]
    if rehashed:
        yield _rewrite(against, rehashed[0], signed=any(one.what is IncidentType.REWRITE for one in incidents))
    elif found and "entry_hash" not in against.difference.columns:
        number = found[0].number
        sentence = f"Entry {number:,} differs in {against.label}, which has no hashes: {_names(found[0])}."
        otherwise = ("The ledger was rewritten from there on.", "The other copy was changed.")
        step = (Advice("Compare the ledger with a copy that has the column entry_hash."),)
        what, certainty, why = IncidentType.REWRITE, Certainty.OPEN, ("The chain is intact here.",)
        yield Incident(what, number, number, against.difference.changed, sentence, certainty, why, otherwise, step)


def _unshown(against: OtherCopy, incidents: Sequence[Incident]) -> list[ChangedEntry]:
    """Return the entries that differ in hashed columns and that the chain itself does not show."""
    shown = {
        number
        for one in incidents
        if one.what in _IN_THE_CHAIN and one.first is not None and one.last is not None
        if one.last - one.first < _SHORT
        for number in range(one.first, one.last + 1)
    }
    hashed = [
        one for one in against.difference.changes if one.sequence_number is not None and HASHED & one.columns.keys()
    ]
    return [one for one in hashed if one.sequence_number not in shown]


def _fault_there(change: ChangedEntry, against: OtherCopy, here: StoredEntries) -> Certainty | None:
    """Return how sure it is that the other copy was changed at an entry; None if nothing shows it.

    It is proven if the entry matches its hash here, and the other copy's content does not match the hash that both
    have, or the other copy's next entry links to the entry of the ledger. If the other copy's content does not match
    its own, different hash, that was changed in any case, but the ledger may have been changed as well.
    """
    number = change.number
    ours, theirs, follows = only(here, number), against.one(number), against.one(number + 1)
    if ours is None or theirs is None or not ours.fits or theirs.stored_hash is None:
        return None
    links_to_ours = follows is not None and follows.link == ours.stored_hash
    if theirs.fits:
        return Certainty.PROVEN if links_to_ours and theirs.stored_hash != ours.stored_hash else None
    return Certainty.PROVEN if links_to_ours or theirs.stored_hash == ours.stored_hash else Certainty.FITS


def _rewrite(against: OtherCopy, first: ChangedEntry, *, signed: bool) -> Incident:
    number, count = first.number, against.difference.changed_columns.get("entry_hash", 0)
    sentence = (
        f"From entry {number:,} on, the ledger differs from {against.label}: {counted(count)} "
        f"{be(count, 'has', 'have')} another hash. Entry {number:,} differs in {_names(first)}."
    )
    because = (
        "No entry follows that could confirm one of the two."
        if number == against.last_in_both
        else "The chain is intact here, so the entries after the changed one were given new hashes.",
        f"{counted(against.difference.same)} {be(against.difference.same, 'is', 'are')} the same in both.",
    )
    otherwise = () if signed else ("The other copy was rewritten, and not the ledger; a checkpoint shows which.",)
    step = (Advice("Preserve both copies. Find out which one was kept where nobody could write."),)
    certainty = Certainty.PROVEN if signed else Certainty.FITS
    return Incident(IncidentType.REWRITE, number, against.last, count, sentence, certainty, because, otherwise, step)


def _absent(
    against: OtherCopy, incidents: Sequence[Incident], here: StoredEntries, last: int | None
) -> Iterator[Incident]:
    """Find entries of the other copy after the end of the ledger, where the chain cannot show that they are missing."""
    signed = any(one.what is IncidentType.TRUNCATION for one in incidents)
    for low, high in _unknown_here(against, incidents):
        if last is not None and low <= last:
            continue  # see `_added_there`
        ours, theirs, count = only(here, low - 1), against.one(low), high - low + 1
        follows = ours is not None and theirs is not None and theirs.fits and theirs.link == ours.stored_hash
        sentence = (
            f"{capital(entries(low, high, count))} {be(count, 'is', 'are')} in {against.label}, but the ledger ends "
            f"with entry {last or 0:,}."
        )
        because = (
            "The other copy has more entries than the ledger has now.",
            *((f"Its entry {low:,} links to the last entry of the ledger.",) if follows else ()),
        )
        step = Advice("Preserve both copies. Find out which is newer, and which was kept where nobody could write.")
        certainty, otherwise = (Certainty.PROVEN, ()) if signed else (Certainty.OPEN, _MORE_THERE)
        yield Incident(
            IncidentType.TRUNCATION, low, high, count, sentence, certainty, because, otherwise, next_step=(step,)
        )


_MORE_THERE = (
    "They were cut off the end of the ledger.",
    "The ledger is an older state: an export, a restored backup, or a replica that lags.",
    "They were inserted into the other copy; a checkpoint shows which.",
)


def _unknown_here(against: OtherCopy, incidents: Sequence[Incident]) -> Iterator[Range]:
    """Yield the entries that only the other copy has, except those that are known to be missing here."""
    known = [(one.first or 0, one.last or 0) for one in incidents if one.what in DELETED and one.last is not None]
    known += [range_ for one in incidents for range_ in one.elsewhere]
    for low, high in against.difference.missing.shown():
        if low is not None and high is not None and not any(first <= low and high <= end for first, end in known):
            yield low, high


def _unhashed(against: OtherCopy) -> Iterator[Incident]:
    """Find columns that no hash covers and that differ in the other copy."""
    columns = {name: count for name, count in against.difference.changed_columns.items() if name not in HASHED}
    if not columns:
        return
    changes = [one for one in against.difference.changes if one.columns.keys() & columns.keys()]
    first = min((one.number for one in changes if one.sequence_number is not None), default=None)
    named = ", ".join(f"{name} of {counted(count)}" for name, count in sorted(columns.items()))
    sentence = f"Columns that no entry hash covers differ in {against.label}: {named}."
    because = ("The differences are listed below, column by column.",)
    otherwise = ("They were changed in the ledger.", "They were changed in the other copy.")
    step = (Advice("The record next to a checkpoint shows whether they were changed since it was signed."),)
    last, count = None if against.difference.changed > 1 else first, max(columns.values())
    what, certainty = IncidentType.UNHASHED_COLUMN, Certainty.OPEN
    yield Incident(what, first, last, count, sentence, certainty, because, otherwise, step)


# what happened to the other copy; nothing is known of it if the ledger was renumbered


def _changed_there(against: OtherCopy, incidents: Sequence[Incident], here: StoredEntries) -> Iterator[Incident]:
    """Find entries that differ and that the hashes show to be changed in the other copy."""
    faults = {one.sequence_number: _fault_there(one, against, here) for one in _unshown(against, incidents)}
    found = [one for one in against.difference.changes if faults.get(one.sequence_number) is not None]
    if not found:
        return
    first, last, count = found[0].number, found[-1].number, len(found)
    proven, unseen = Certainty.FITS not in faults.values(), against.difference.changed - len(against.difference.changes)
    which = f"entry {first:,} ({_names(found[0])})" if count == 1 else f"entries {listed(changed_ranges(found), count)}"
    more = f"; {unseen:,} more differ and were not examined" if unseen else ""
    not_here = ", not the ledger" if proven else ""
    sentence = f"The other copy was changed{not_here}: {against.label} differs at {which}{more}."
    otherwise = () if proven else ("The ledger was changed as well and given new hashes; a checkpoint shows that.",)
    certainty, because = Certainty.PROVEN if proven else Certainty.FITS, tuple(_why_there(against, first))
    yield Incident(IncidentType.OTHER_COPY, first, last, count, sentence, certainty, because, otherwise, _DISTRUST)


def _why_there(against: OtherCopy, number: int) -> Iterator[str]:
    theirs, follows = against.one(number), against.one(number + 1)
    yield f"In the ledger, entry {number:,} matches its entry_hash."
    if theirs is not None and not theirs.fits:
        yield "In the other copy, its content does not match the stored entry_hash."
        near = (theirs.number + by for far in range(1, FARTHEST + 1) for by in (far, -far))
        if (written := theirs.written_number(near)) is not None:
            yield f"It does with the number {written:,}: the other copy's entry {number:,} was renumbered."
    if theirs is not None and follows is not None and follows.link != theirs.stored_hash:
        yield f"The other copy's entry {number + 1:,} links to entry {number:,} of the ledger."


def _lacking_there(against: OtherCopy, incidents: Sequence[Incident]) -> Iterator[Incident]:
    """Find entries that the other copy lacks although it has later ones."""
    gaps = _gaps_there(against, incidents)
    if not gaps or not against.is_whole:
        return
    count, (first, last) = sum(high - low + 1 for low, high in gaps), gaps[0]
    rewritten = bool(against.difference.changed_columns.get("entry_hash"))
    named = capital(entries(first, last, count)) if len(gaps) == 1 else f"Entries {listed(gaps, count)}"
    sentence = (
        f"{named} {be(count, 'is', 'are')} missing from {against.label}, which has later entries: the other copy is "
        "incomplete, not the ledger."
    )
    otherwise = ("The ledger was rewritten with inserted entries; a checkpoint shows that.",) if rewritten else ()
    certainty = Certainty.FITS if rewritten else Certainty.PROVEN
    yield Incident(
        IncidentType.OTHER_COPY, first, gaps[-1][1], count, sentence, certainty, (_INTACT,), otherwise, _DISTRUST
    )


def _gaps_there(against: OtherCopy, incidents: Sequence[Incident]) -> list[Range]:
    """Return entries that only the ledger has, followed by entries in both, where the chain has no fault."""
    known = [(one.first, one.last) for one in incidents if one.first is not None and one.last is not None]
    return [
        (low, high)
        for low, high in against.difference.added.shown()
        if low is not None and high is not None and high < (against.last_in_both or 0)
        if not any(first <= high and low <= end for first, end in known)
    ]


def _added_there(against: OtherCopy, incidents: Sequence[Incident], last: int | None) -> Iterator[Incident]:
    """Find entries that only the other copy has and for which the chain of the ledger has no place."""
    for low, high in _unknown_here(against, incidents):
        if last is None or low > last:
            continue
        count = high - low + 1
        sentence = (
            f"{capital(entries(low, high, count))} {be(count, 'is', 'are')} only in {against.label}; the chain of the "
            "ledger has no place for more entries there."
        )
        otherwise = ("The ledger was rewritten after a deletion; a checkpoint or the hashes after it show that.",)
        what, certainty = IncidentType.OTHER_COPY, Certainty.FITS
        yield Incident(what, low, high, count, sentence, certainty, (_INTACT,), otherwise, _DISTRUST)


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
    if not against.is_whole and (gaps := _gaps_there(against, ())):
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
            if found.last_same == against.last_in_both
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
