"""What was changed in the other copy, and not in the ledger; and what a comparison with it leaves undecided. No I/O.

That it was is told only where a hash shows it, or where the chain of the ledger has no place for what the other copy
says: a difference is something to investigate whichever of the two is at fault, and accuses the one that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_audit_ledger.forensics.against import (
    RENUMBERED,
    Against,
    Ranges,
    is_changed_there,
    names,
    ranges,
    unknown_here,
    unshown,
)
from pytest_audit_ledger.forensics.incident import Certainty, Incident, What, capital, counted, entries
from pytest_audit_ledger.forensics.records import Records

NEXT = "Preserve both. Find out who could write to the other copy, and do not rely on it."


def other_copy(against: Against, incidents: Sequence[Incident], here: Records, last: int | None) -> Iterator[Incident]:
    """Yield what happened to the other copy; `incidents` are those of the ledger, `last` its highest number."""
    yield from _changed(against, incidents, here)
    if any(one.what in RENUMBERED for one in incidents):
        return  # then the numbers of the two do not mean the same entries
    yield from _lacking(against, incidents)
    yield from _more(against, incidents, last)


def _changed(against: Against, incidents: Sequence[Incident], here: Records) -> Iterator[Incident]:
    """Find entries that say something else there, where the hashes prove that they were changed there."""
    found = [one for one in unshown(against, incidents) if is_changed_there(one, against, here)]
    numbers = [one.sequence_number for one in found if one.sequence_number is not None]
    if not numbers:
        return
    first, count = numbers[0], len(numbers)
    told = ", ".join(f"{one.sequence_number:,} ({names(one)})" for one in found[:_SHOWN])
    more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
    yield Incident(
        What.OTHER_COPY,
        first,
        numbers[-1],
        count,
        f"The other copy was changed, not the ledger: {against.label} says something else of "
        f"{'entry' if count == 1 else 'entries'} {told}{more}.",
        Certainty.PROVEN,
        because=tuple(_why(against, first)),
        next_step=NEXT,
    )


_SHOWN = 10
"""Entries that are told one by one."""


def _why(against: Against, number: int) -> Iterator[str]:
    theirs = against.one(number)
    yield f"Here entry {number:,} hashes to its entry_hash."
    if theirs is not None and not theirs.fits:
        yield "There its content does not hash to the entry_hash stored beside."
    follows = against.one(number + 1)
    if theirs is not None and follows is not None and follows.link != theirs.stored_hash:
        yield f"There entry {number + 1:,} links to the entry as it is here."


def _lacking(against: Against, incidents: Sequence[Incident]) -> Iterator[Incident]:
    """Find entries that the other copy does not have, and goes on behind."""
    gaps = _gaps(against, incidents)
    if not gaps or not against.is_whole:
        return
    count = sum((high or 0) - (low or 0) + 1 for low, high in gaps)
    (first, last), single = gaps[0], len(gaps) == 1
    named = entries(first or 0, last or 0, count) if single else f"entries {ranges(gaps, count)}"
    yield Incident(
        What.OTHER_COPY,
        first,
        gaps[-1][1],
        count,
        f"{capital(named)} {'is' if count == 1 else 'are'} not in {against.label}, which goes on behind "
        f"{'it' if count == 1 else 'them'}: the other copy lacks {'it' if count == 1 else 'them'}, not the ledger.",
        Certainty.PROVEN,
        because=("The chain of the ledger fits together there, and its hashes cover the numbers and the links.",),
        otherwise=("The ledger was rewritten with entries put in; a checkpoint excludes that.",)
        if against.changed_columns.get("entry_hash")
        else (),
        next_step=NEXT,
    )


def _gaps(against: Against, incidents: Sequence[Incident]) -> Ranges:
    """Return what is only here, is followed by entries that are in both, and that the chain here has no fault at."""
    known = [(one.first, one.last) for one in incidents if one.first is not None and one.last is not None]
    return tuple(
        (low, high)
        for low, high in against.added_ranges
        if low is not None and high is not None and high < (against.last_in_both or 0)
        if not any(first <= high and low <= end for first, end in known)
    )


def _more(against: Against, incidents: Sequence[Incident], last: int | None) -> Iterator[Incident]:
    """Find entries that only the other copy has, where the chain of the ledger has no place for them."""
    for low, high in unknown_here(against, incidents):
        if last is None or low > last:
            continue
        yield Incident(
            What.OTHER_COPY,
            low,
            high,
            high - low + 1,
            f"{capital(entries(low, high, high - low + 1))} {'is' if low == high else 'are'} only in {against.label}; "
            "the chain of the ledger has no place for more there.",
            Certainty.FITS,
            because=("The chain of the ledger fits together there, and its hashes cover the numbers and the links.",),
            otherwise=("The ledger was rewritten behind a deletion; a checkpoint, or the hashes behind it, tell.",),
            next_step=NEXT,
        )


def unanswered(against: Against, size: int, last: int | None) -> Iterator[str]:
    """Yield what a comparison with the other copy does not decide of a ledger of so many entries, up to `last`.

    An entry that is the same in both has the same hash, which covers every entry before it.
    """
    tells = "only a checkpoint or a newer copy tells: audit-ledger investigate --checkpoint DIR, or --against FILE."
    if not against.is_whole and (gaps := _gaps(against, ())):
        yield (
            f"Entries {ranges(gaps, against.added)} are not in {against.label}. It has no manifest, so whether they "
            "were filtered out or deleted there cannot be told."
        )
    if "entry_hash" not in against.columns:
        yield (
            f"{against.label} has {against.compared:,} of {counted(size)}, and no hashes: a rewrite that left its "
            "columns as they were would not show."
        )
    elif against.last_same is None:
        yield f"No entry is the same in both. Whether the ledger was rewritten, or its end cut off, {tells}"
    elif last is not None and against.last_same < last:
        yield (
            f"{against.label} has {against.compared:,} of {counted(size)} "
            f"({ranges(against.both_ranges, against.compared)}). Behind entry {against.last_same:,} nothing that it "
            f"has is the same: whether the ledger was rewritten there, or its end cut off, {tells}"
        )
    else:
        yield (
            f"Whether entries were appended after {against.label} was made, and cut off again, which would be in "
            f"neither, {tells}"
        )
