"""What another copy of the ledger says: a backup, an export, or another database. No I/O.

The other copy is no witness by itself: either side may have been changed. Which of them was is proven where a hash
shows it; where none does, both explanations are told. What was changed in the other copy is in `other_copy.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, StoredEntry, Value, only
from pytest_audit_ledger.model.entry import GENESIS_HASH, PAYLOAD_COLUMNS

HASHED = frozenset({"entry_hash", *PAYLOAD_COLUMNS.values()})

Ranges = tuple[tuple[int | None, int | None], ...]

SHOWN = 5
"""Ranges that are told in words."""

CLOSED = 500
"""Entries of a gap that are read in the other copy, to see whether they close it."""


@dataclass(frozen=True)
class Changed:
    """An entry that both have, and what each says in every column that differs: there, and here."""

    sequence_number: int | None
    columns: Mapping[str, tuple[Value, Value]]


@dataclass(frozen=True)
class Against:
    """What differs between the other copy (`there`) and the ledger (`here`), counted in full and kept as the first.

    `is_whole` is whether the other copy is known to be no part of a ledger, and `last` the highest sequence number
    there. `both_ranges` are the entries that were compared, in `columns`; `last_in_both` is the last of them, and
    `last_same` the last of those that are the same in both. `unjudged` entries are in one only, where the other is a
    part. `changed_columns` says how many entries differ in which, `records` are the entries there that are looked at
    one by one, `asked` the numbers that were looked for, and `notes` say what limits the comparison.
    """

    label: str
    last: int | None
    same: int
    changed: int
    missing: int
    added: int
    unjudged: int = 0
    last_in_both: int | None = None
    last_same: int | None = None
    is_whole: bool = True
    columns: tuple[str, ...] = ()
    both_ranges: Ranges = ()
    missing_ranges: Ranges = ()
    added_ranges: Ranges = ()
    changed_columns: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[Changed, ...] = ()
    records: StoredEntries = field(default_factory=dict)
    asked: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """How many entries are in both."""
        return self.same + self.changed

    def one(self, number: int) -> StoredEntry | None:
        """Return an entry as it stands there; None where it is not known, or stands there twice."""
        return only(self.records, number)

    def said(self, number: int) -> Mapping[str, Value]:
        """Return what is hashed of an entry as it stands there; empty where it is not known."""
        found = self.one(number)
        return {name: value for name, value in found.columns.items() if name in HASHED} if found else {}


def joined(changes: Iterable[Changed]) -> Ranges:
    """Return the numbers of entries as ranges."""
    found: list[tuple[int, int]] = []
    for number in sorted(one.sequence_number for one in changes if one.sequence_number is not None):
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return tuple(found)


def ranges(told: Ranges, count: int, most: int = SHOWN) -> str:
    """Return the first of ranges that hold so many entries in words."""
    shown = [(first, last) for first, last in told[:most] if first is not None and last is not None]
    words = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in shown]
    more = sum(last - first + 1 for first, last in shown) < count
    return ", ".join([*words, *(["…"] if more else [])])


def missing_here(chain: Sequence[Incident]) -> list[int]:
    """Return the numbers of entries that are missing, and that the other copy may have, as many as are looked at."""
    gaps = ((one.first, one.last) for one in chain if one.what in DELETED)
    numbers = [number for low, high in gaps if low and high for number in range(low, min(high, low + CLOSED) + 1)]
    return numbers[: CLOSED + 1]


def compared(against: Against, incidents: Sequence[Incident], here: StoredEntries, last: int | None) -> list[Incident]:
    """Return the incidents, with what the other copy says of them added, and those that only it shows.

    `here` are the entries of the ledger that were read, `last` is its highest sequence number.
    """
    told = [_told(one, against, here) for one in incidents]
    if renumbered_from(incidents) is not None:  # then one number means two entries, which differ in everything
        return told
    shown = [*_rewritten(against, told, here), *_absent(against, told, here, last)]
    exact = {one.what for one in shown}
    # what a checkpoint says of the same, less exactly, becomes a reason
    reasons = {what: tuple(one.sentence for one in told if one.what is what) for what in exact}
    return [
        *(one for one in told if one.what not in exact),
        *(replace(one, because=(*one.because, *reasons[one.what])) for one in shown),
        *_uncovered(against),
    ]


def _told(incident: Incident, against: Against, here: StoredEntries) -> Incident:
    """Add whether the other copy has what is missing here, or does not have what is said to be put in."""
    incident = replace(incident, next_step=tuple(one for one in incident.next_step if one != COMPARE))
    first, last = incident.first, incident.last
    if first is None or last is None:
        return incident
    if incident.what in DELETED:
        return _restored(incident, first, last, against, here)
    if incident.what in (IncidentType.INSERTION, IncidentType.DUPLICATE) and any(
        _covers(one, first, last) for one in against.added_ranges
    ):
        return replace(incident, because=(*incident.because, f"{against.label} does not have {entries(first, last)}."))
    return incident


def _restored(incident: Incident, first: int, last: int, against: Against, here: StoredEntries) -> Incident:
    """Say of a gap what the other copy has there; where that closes the gap, the hashes prove all of it."""
    named = entries(first, last)
    if not against.asked.issuperset(range(first, min(last, first + CLOSED + 1) + 1)):
        if not any(_covers(one, first, last) for one in against.missing_ranges):
            return incident
        words = f"{against.label} has {named}, which are too many to see whether their hashes close the gap."
        return replace(incident, because=(*incident.because, words))
    found = [number for number in range(first, last + 1) if number in against.records]
    if not found and not against.is_whole:
        return incident
    if not found:
        words = f"{capital(named)} {'is' if first == last else 'are'} not in {against.label}, either."
        return replace(incident, because=(*incident.because, words))
    if len(found) <= last - first:
        words = f"Of {named}, {against.label} has {found[0]:,}{f' to {found[-1]:,}' if len(found) > 1 else ''}."
        return replace(incident, because=(*incident.because, words))
    if not closes(first, last, against, here):
        words = f"{against.label} has {named}, but no hashes of it close the gap."
        return replace(incident, because=(*incident.because, words))
    stood = "it" if first == last else "all of them"
    words = f"{against.label} has {named}, and the hashes close the gap: {stood} stood here."
    return replace(
        incident,
        sentence=incident.in_full or incident.sentence,
        certainty=Certainty.PROVEN,
        because=(*incident.because, words),
    )


def closes(first: int, last: int, against: Against, here: StoredEntries) -> bool:
    """Whether these entries, as they stand there, link what stands before the gap to what stands behind it."""
    before = only(here, first - 1)
    link = GENESIS_HASH if first == 1 else before.stored_hash if before else None
    for number in range(first, last + 1):
        there = against.one(number)
        if there is None or not there.fits or there.link != link:
            return False
        link = there.stored_hash
    behind = (only(here, number) for number in (last + 1, first))  # the latter where the rest was renumbered
    return any(one is not None and one.link == link for one in behind)


def _covers(range_: tuple[int | None, int | None], first: int, last: int) -> bool:
    low, high = range_
    return low is not None and high is not None and low <= first and last <= high


def _rewritten(against: Against, incidents: Sequence[Incident], here: StoredEntries) -> Iterator[Incident]:
    """Find the first entry that differs in what is hashed, where the chain holds and so does not show it."""
    found = unshown(against, incidents)
    rehashed = [one for one in found if "entry_hash" in one.columns and fault_there(one, against, here) is None]
    if rehashed:
        yield _rewrite(against, rehashed[0], signed=any(one.what is IncidentType.REWRITE for one in incidents))
    elif found and "entry_hash" not in against.columns:
        number = found[0].sequence_number or 0
        yield Incident(
            IncidentType.REWRITE,
            number,
            number,
            against.changed,
            f"Entry {number:,} says something else in {against.label}, which has no hashes: {names(found[0])}.",
            Certainty.OPEN,
            because=("The chain fits together here.",),
            otherwise=("The ledger was rewritten from there on.", "The other copy was changed."),
            next_step=(Advice("Compare with a copy that has the column entry_hash."),),
        )


def unshown(against: Against, incidents: Sequence[Incident]) -> list[Changed]:
    """Return the entries that differ in what is hashed, and that the chain itself does not show."""
    shown = {
        number
        for one in incidents
        if one.what in _IN_THE_CHAIN and one.first is not None and one.last is not None
        if one.last - one.first < _SHORT
        for number in range(one.first, one.last + 1)
    }
    hashed = [one for one in against.changes if one.sequence_number is not None and HASHED & one.columns.keys()]
    return [one for one in hashed if one.sequence_number not in shown]


def fault_there(change: Changed, against: Against, here: StoredEntries) -> Certainty | None:
    """Return how sure it is that the other copy was changed at an entry; None where nothing shows it.

    It is proven where the entry fits here, and there its content does not have the hash that both have stored, or the
    next entry links to the entry as it is here. Where it does not have its own hash there, that was changed in any
    case, and so may the ledger have been.
    """
    number = change.sequence_number or 0
    ours, theirs, follows = only(here, number), against.one(number), against.one(number + 1)
    if ours is None or theirs is None or not ours.fits or theirs.stored_hash is None:
        return None
    links_to_ours = follows is not None and follows.link == ours.stored_hash
    if theirs.fits:
        return Certainty.PROVEN if links_to_ours and theirs.stored_hash != ours.stored_hash else None
    return Certainty.PROVEN if links_to_ours or theirs.stored_hash == ours.stored_hash else Certainty.FITS


def names(change: Changed) -> str:
    """Return in which columns an entry differs, but for its hashes."""
    return ", ".join(sorted(change.columns.keys() - {"entry_hash", "previous_hash"})) or "nothing but its hashes"


def _rewrite(against: Against, first: Changed, *, signed: bool) -> Incident:
    number, count = first.sequence_number or 0, against.changed_columns.get("entry_hash", 0)
    return Incident(
        IncidentType.REWRITE,
        number,
        against.last,
        count,
        f"From entry {number:,} on the ledger is not the one in {against.label}: {counted(count)} "
        f"{'has' if count == 1 else 'have'} another hash. Entry {number:,} differs in {names(first)}.",
        Certainty.PROVEN if signed else Certainty.FITS,
        because=(
            "No entry follows that would commit to one of the two."
            if number == against.last_in_both
            else "The chain fits together here, so the entries that follow the changed one were given new hashes.",
            f"{counted(against.same)} {'is' if against.same == 1 else 'are'} the same in both.",
        ),
        otherwise=()
        if signed
        else ("It is the other copy that was rewritten, and not the ledger; a checkpoint tells which.",),
        next_step=(Advice("Preserve both. Find out which of them was kept where nobody could write."),),
    )


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
"""What the chain itself shows of the entries that it is about."""


def renumbered_from(incidents: Sequence[Incident]) -> int | None:
    """Return the number from which on entries have other numbers than they were written with; None where none have."""
    return min((one.first for one in incidents if one.renumbered and one.first is not None), default=None)


def _absent(
    against: Against, incidents: Sequence[Incident], here: StoredEntries, last: int | None
) -> Iterator[Incident]:
    """Find entries that are only there, at the end, where the chain cannot show that they are missing."""
    for low, high in unknown_here(against, incidents):
        if last is not None and low <= last:
            continue  # of which `other_copy.py` tells
        signed = any(one.what is IncidentType.TRUNCATION for one in incidents)
        ours, theirs = only(here, low - 1), against.one(low)
        follows = ours is not None and theirs is not None and theirs.fits and theirs.link == ours.stored_hash
        yield Incident(
            IncidentType.TRUNCATION,
            low,
            high,
            high - low + 1,
            f"{capital(entries(low, high, high - low + 1))} {'is' if low == high else 'are'} in {against.label}, and "
            f"the ledger ends with entry {last or 0:,}.",
            Certainty.PROVEN if signed else Certainty.OPEN,
            because=(
                "The other copy has more entries than the ledger has now.",
                *((f"Entry {low:,} there links to the last entry here.",) if follows else ()),
            ),
            otherwise=()
            if signed
            else (
                "They were cut off at the end here.",
                "The ledger is an older state: an export, a restored backup, or a replica that lags.",
                "They were put into the other copy; a checkpoint tells which.",
            ),
            next_step=(
                Advice("Preserve both. Find out which of them is newer, and which was kept where nobody could write."),
            ),
        )


def unknown_here(against: Against, incidents: Sequence[Incident]) -> Iterator[tuple[int, int]]:
    """Yield the entries that are only in the other copy, but for those that are known to be missing here."""
    known = [(one.first or 0, one.last or 0) for one in incidents if one.what in DELETED and one.last is not None]
    known += [range_ for one in incidents for range_ in one.elsewhere]
    for low, high in against.missing_ranges:
        if low is not None and high is not None and not any(first <= low and high <= end for first, end in known):
            yield low, high


DELETED = (IncidentType.DELETION, IncidentType.PREFIX_DELETION, IncidentType.TRUNCATION)
"""What is about entries that are not there."""


def _uncovered(against: Against) -> Iterator[Incident]:
    """Find columns that no hash covers and that say something else there."""
    columns = {name: count for name, count in against.changed_columns.items() if name not in HASHED}
    if not columns:
        return
    changes = [one for one in against.changes if one.columns.keys() & columns.keys()]
    numbers = [one.sequence_number for one in changes if one.sequence_number is not None]
    told = ", ".join(f"{name} of {counted(count)}" for name, count in sorted(columns.items()))
    yield Incident(
        IncidentType.UNCOVERED,
        min(numbers, default=None),
        None if against.changed > 1 else min(numbers, default=None),
        max(columns.values()),
        f"Columns that no entry hash covers say something else in {against.label}: {told}.",
        Certainty.OPEN,
        because=("The differences stand below, column by column.",),
        otherwise=("They were changed here.", "They were changed in the other copy."),
        next_step=(Advice("The record beside a checkpoint tells whether they were changed since it was signed."),),
    )
