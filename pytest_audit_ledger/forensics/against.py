"""What another copy of the ledger says: a backup, an export, or another database. No I/O.

The other copy is no witness by itself: either side may have been changed. What it says of an entry is proven where that
hashes to what this ledger committed to (`reconstruction.py`); where it is not, it is told as what the other side says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_audit_ledger.entry import PAYLOAD_COLUMNS
from pytest_audit_ledger.forensics.incident import COMPARE, Certainty, Incident, What, capital, counted, entries
from pytest_audit_ledger.forensics.records import Record, Value

HASHED = frozenset({"entry_hash", *PAYLOAD_COLUMNS.values()})

Ranges = tuple[tuple[int | None, int | None], ...]


@dataclass(frozen=True)
class Changed:
    """An entry that both have, and what each says in every column that differs: there, and here."""

    sequence_number: int | None
    columns: Mapping[str, tuple[Value, Value]]


@dataclass(frozen=True)
class Against:
    """What differs between the other copy (`there`) and the ledger (`here`), counted in full and kept as the first.

    `last` is the highest sequence number there, `columns` are those that were compared, `changed_columns` says how many
    entries differ in which, `records` are the entries there that are looked at one by one, and `notes` say what limits
    the comparison.
    """

    label: str
    last: int | None
    same: int
    changed: int
    missing: int
    added: int
    columns: tuple[str, ...] = ()
    missing_ranges: Ranges = ()
    added_ranges: Ranges = ()
    changed_columns: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[Changed, ...] = ()
    records: Mapping[int, Sequence[Record]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def said(self, number: int) -> Mapping[str, Value]:
        """Return what is hashed of an entry as it stands there; empty where it is not known."""
        found = self.records.get(number, ())
        return {name: value for name, value in found[0].columns.items() if name in HASHED} if len(found) == 1 else {}


def compared(against: Against, incidents: Sequence[Incident], last: int | None) -> list[Incident]:
    """Return the incidents, with what the other copy says of them added, and those that only it shows.

    `last` is the highest sequence number of the ledger.
    """
    told = [_told(one, against) for one in incidents]
    shown = [*_rewritten(against, told), *_absent(against, told, last)]
    exact = {one.what for one in shown}
    # what a checkpoint says of the same, less exactly, becomes a reason
    reasons = {what: tuple(one.sentence for one in told if one.what is what) for what in exact}
    return [
        *(one for one in told if one.what not in exact),
        *(replace(one, because=(*one.because, *reasons[one.what])) for one in shown),
        *_uncovered(against),
    ]


def _told(incident: Incident, against: Against) -> Incident:
    """Add whether the other copy has what is missing here, or does not have what is said to be put in."""
    incident = replace(incident, next_step=incident.next_step.replace(COMPARE, "").strip())
    first, last = incident.first, incident.last
    if first is None or last is None:
        return incident
    if incident.what in (What.DELETION, What.PREFIX_DELETION, What.TRUNCATION):
        there = any(_covers(one, first, last) for one in against.missing_ranges)
        words = f"{against.label} {'has' if there else 'does not have'} {entries(first, last)}."
    elif incident.what in (What.INSERTION, What.DUPLICATE) and any(
        _covers(one, first, last) for one in against.added_ranges
    ):
        words = f"{against.label} does not have {entries(first, last)}."
    else:
        return incident
    return replace(incident, because=(*incident.because, words))


def _covers(range_: tuple[int | None, int | None], first: int, last: int) -> bool:
    low, high = range_
    return low is not None and high is not None and low <= first and last <= high


def _rewritten(against: Against, incidents: Sequence[Incident]) -> Iterator[Incident]:
    """Find the first entry that differs in what is hashed, where the chain holds and so does not show it."""
    unshown = _unshown(against, incidents)
    rehashed = [one for one in unshown if "entry_hash" in one.columns]
    if any(one.what in _RENUMBERED for one in incidents):
        return
    if rehashed:
        yield _rewrite(against, rehashed[0], signed=any(one.what is What.REWRITE for one in incidents))
    elif unshown and "entry_hash" not in against.columns:
        number = unshown[0].sequence_number or 0
        yield Incident(
            What.REWRITE,
            number,
            None,
            against.changed,
            f"Entry {number:,} says something else in {against.label}, which has no hashes: {_names(unshown[0])}.",
            Certainty.OPEN,
            because=("The chain fits together here.",),
            otherwise=("The ledger was rewritten from there on.", "The other copy was changed."),
            next_step="Compare with a copy that has the column entry_hash.",
        )


def _unshown(against: Against, incidents: Sequence[Incident]) -> list[Changed]:
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


def _names(change: Changed) -> str:
    return ", ".join(sorted(change.columns.keys() - {"entry_hash", "previous_hash"})) or "nothing but its hashes"


def _rewrite(against: Against, first: Changed, *, signed: bool) -> Incident:
    number, count = first.sequence_number or 0, against.changed_columns.get("entry_hash", 0)
    return Incident(
        What.REWRITE,
        number,
        against.last,
        count,
        f"From entry {number:,} on the ledger is not the one in {against.label}: {counted(count)} "
        f"{'has' if count == 1 else 'have'} another hash. Entry {number:,} differs in {_names(first)}.",
        Certainty.PROVEN if signed else Certainty.FITS,
        because=(
            "The chain fits together here, so the entries that follow the one that was changed were given new hashes.",
            f"{counted(against.same)} {'is' if against.same == 1 else 'are'} the same in both.",
        ),
        otherwise=()
        if signed
        else ("It is the other copy that was rewritten, and not the ledger; a checkpoint tells which.",),
        next_step="Preserve both. Find out which of them was kept where nobody could write.",
    )


def doubts(against: Against, incidents: Sequence[Incident]) -> Iterator[str]:
    """Yield what was changed in the other copy, and not here: its entries have the hashes that are here."""
    found = [one for one in _unshown(against, incidents) if "entry_hash" not in one.columns]
    if found and "entry_hash" in against.columns:
        numbers = ", ".join(f"{one.sequence_number:,}" for one in found[:10])
        yield (
            f"The other copy was changed: there these entries do not say what their hashes, which are the same in "
            f"both, are made of: {numbers}{' …' if len(found) > 10 else ''}."
        )


_SHORT = 10_000
"""Entries of a range that are taken one by one."""

_IN_THE_CHAIN = (What.EDIT, What.EDIT_WITH_HASH, What.HASH_ALTERED, What.REORDERING, What.DUPLICATE, What.FORK)
"""What the chain itself shows of the entries that it is about."""

_RENUMBERED = (What.INSERTION, What.RENUMBERING)


def _absent(against: Against, incidents: Sequence[Incident], last: int | None) -> Iterator[Incident]:
    """Find entries that are only there, at the end, where the chain cannot show that they are missing."""
    known = [(one.first or 0, one.last or 0) for one in incidents if one.what in _MISSING and one.last is not None]
    for low, high in against.missing_ranges:
        if low is None or high is None or any(first <= low and high <= end for first, end in known):
            continue
        if last is not None and low <= last:
            continue  # a place that the chain tells of
        signed = any(one.what is What.TRUNCATION for one in incidents)
        yield Incident(
            What.TRUNCATION,
            low,
            high,
            high - low + 1,
            f"{capital(entries(low, high, high - low + 1))} {'is' if low == high else 'are'} in {against.label}, and "
            "cut off at the end here.",
            Certainty.PROVEN if signed else Certainty.FITS,
            because=("The other copy has more entries than the ledger has now.",),
            otherwise=() if signed else ("They were put into the other copy; a checkpoint tells which.",),
            next_step="Preserve both, and find out which of them was kept where nobody could write.",
        )


_MISSING = (What.DELETION, What.PREFIX_DELETION, What.TRUNCATION)


def _uncovered(against: Against) -> Iterator[Incident]:
    """Find columns that no hash covers and that say something else there."""
    columns = {name: count for name, count in against.changed_columns.items() if name not in HASHED}
    if not columns:
        return
    changes = [one for one in against.changes if one.columns.keys() & columns.keys()]
    numbers = [one.sequence_number for one in changes if one.sequence_number is not None]
    told = ", ".join(f"{name} of {counted(count)}" for name, count in sorted(columns.items()))
    yield Incident(
        What.UNCOVERED,
        min(numbers, default=None),
        None if against.changed > 1 else min(numbers, default=None),
        max(columns.values()),
        f"Columns that no entry hash covers say something else in {against.label}: {told}.",
        Certainty.OPEN,
        because=("The differences stand below, column by column.",),
        otherwise=("They were changed here.", "They were changed in the other copy."),
        next_step="The record beside a checkpoint tells whether they were changed since it was signed.",
    )
