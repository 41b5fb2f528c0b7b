"""What was changed in the other copy, and not in the ledger; and what a comparison with it leaves undecided. No I/O.

That it was is told only where a hash shows it, or where the chain of the ledger has no place for what the other copy
says: a difference is something to investigate whichever of the two is at fault, and accuses the one that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.against import (
    Against,
    Changed,
    Ranges,
    fault_there,
    joined,
    names,
    ranges,
    renumbered_from,
    unknown_here,
    unshown,
)
from pytest_audit_ledger.investigate.evidence_scan import FARTHEST
from pytest_audit_ledger.investigate.incident import (
    AGAINST,
    CHECKPOINT,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, StoredEntry
from pytest_audit_ledger.model.entry import entry_hash

NEXT = (Advice("Preserve both. Find out who could write to the other copy, and do not rely on it."),)


def other_copy(
    against: Against, incidents: Sequence[Incident], here: StoredEntries, last: int | None
) -> Iterator[Incident]:
    """Yield what happened to the other copy; `incidents` are those of the ledger, `last` its highest number."""
    if renumbered_from(incidents) is not None:
        return  # then one number means two entries
    yield from _changed(against, incidents, here)
    yield from _lacking(against, incidents)
    yield from _more(against, incidents, last)


def _changed(against: Against, incidents: Sequence[Incident], here: StoredEntries) -> Iterator[Incident]:
    """Find entries that say something else there, where the hashes show that they were changed there."""
    faults = {one.sequence_number: fault_there(one, against, here) for one in unshown(against, incidents)}
    found = [one for one in against.changes if faults.get(one.sequence_number) is not None]
    numbers = [one.sequence_number for one in found if one.sequence_number is not None]
    if not numbers:
        return
    first, count, proven = numbers[0], len(numbers), Certainty.FITS not in faults.values()
    unseen = against.changed - len(against.changes)
    yield Incident(
        IncidentType.OTHER_COPY,
        first,
        numbers[-1],
        count,
        f"The other copy was changed{', not the ledger' if proven else ''}: {against.label} says something else of "
        f"{_which(found)}{f'; {unseen:,} more differ, and were not looked at' if unseen else ''}.",
        Certainty.PROVEN if proven else Certainty.FITS,
        because=tuple(_why(against, first)),
        otherwise=() if proven else ("The ledger was changed as well, and given new hashes; a checkpoint tells.",),
        next_step=NEXT,
    )


def _which(found: Sequence[Changed]) -> str:
    if len(found) == 1:
        return f"entry {found[0].sequence_number:,} ({names(found[0])})"
    return f"entries {ranges(joined(found), len(found))}"


def _why(against: Against, number: int) -> Iterator[str]:
    theirs = against.one(number)
    yield f"Here entry {number:,} hashes to its entry_hash."
    if theirs is not None and not theirs.fits:
        yield "There its content does not hash to the entry_hash stored beside."
        if (written := _written_as(theirs)) is not None:
            yield f"With the number {written:,} it does: what is entry {number:,} there was renumbered."
    follows = against.one(number + 1)
    if theirs is not None and follows is not None and follows.link != theirs.stored_hash:
        yield f"There entry {number + 1:,} links to the entry as it is here."


def _written_as(record: StoredEntry) -> int | None:
    """Return the number that an entry was written with, where its number alone was changed since."""
    if "T" not in (record.columns.get("timestamp") or ""):
        return None
    near = (record.number + by for far in range(1, FARTHEST + 1) for by in (far, -far))
    return next((n for n in near if entry_hash(replace(record.entry, sequence_number=n)) == record.stored_hash), None)


def _lacking(against: Against, incidents: Sequence[Incident]) -> Iterator[Incident]:
    """Find entries that the other copy does not have, and goes on behind."""
    gaps = _gaps(against, incidents)
    if not gaps or not against.is_whole:
        return
    count = sum((high or 0) - (low or 0) + 1 for low, high in gaps)
    (first, last), single = gaps[0], len(gaps) == 1
    rewritten = bool(against.changed_columns.get("entry_hash"))
    named = entries(first or 0, last or 0, count) if single else f"entries {ranges(gaps, count)}"
    yield Incident(
        IncidentType.OTHER_COPY,
        first,
        gaps[-1][1],
        count,
        f"{capital(named)} {'is' if count == 1 else 'are'} not in {against.label}, which goes on behind "
        f"{'it' if count == 1 else 'them'}: the other copy lacks {'it' if count == 1 else 'them'}, not the ledger.",
        Certainty.FITS if rewritten else Certainty.PROVEN,
        because=("The chain of the ledger fits together there, and its hashes cover the numbers and the links.",),
        otherwise=("The ledger was rewritten with entries put in; a checkpoint tells.",) if rewritten else (),
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
            IncidentType.OTHER_COPY,
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


def unanswered(
    against: Against, incidents: Sequence[Incident], size: int, last: int | None, *, end_is_known: bool
) -> Iterator[Advice]:
    """Yield what a comparison with the other copy does not decide of a ledger of so many entries, up to `last`.

    An entry that is the same in both has the same hash, which covers every entry before it. `end_is_known` is whether a
    checkpoint, which is of no more help then, has shown that the end was cut off.
    """
    if (first := renumbered_from(incidents)) is not None:
        yield Advice(
            f"From entry {first:,} on a number means another entry in {against.label}, so they were not compared there."
        )
    tells, commands = (
        ("only a newer copy tells.", (AGAINST,))
        if end_is_known
        else ("only a checkpoint or a newer copy tells.", (CHECKPOINT, AGAINST))
    )
    end = "" if end_is_known else ", or its end cut off,"
    if not against.is_whole and (gaps := _gaps(against, ())):
        yield Advice(
            f"Entries {ranges(gaps, against.added)} are not in {against.label}. It has no manifest, so whether they "
            "were filtered out or deleted there cannot be told."
        )
    if "entry_hash" not in against.columns:
        yield Advice(
            f"{against.label} has {against.compared:,} of {counted(size)}, and no hashes: a rewrite that left its "
            "columns as they were would not show."
        )
    elif against.last_same is None:
        yield Advice(f"No entry is the same in both. Whether the ledger was rewritten{end} {tells}", commands)
    elif last is not None and against.last_same < last:
        behind = (
            f"It ends with entry {against.last_same:,}"
            if against.last_same == against.last_in_both
            else f"Behind entry {against.last_same:,} nothing is the same in both"
        )
        yield Advice(
            f"{against.label} has {against.compared:,} of {counted(size)} "
            f"({ranges(against.both_ranges, against.compared)}). {behind}: whether the ledger was rewritten behind "
            f"that{end} {tells}",
            commands,
        )
    elif not end_is_known:
        yield Advice(
            f"Whether entries were appended after {against.label} was made, and cut off again, which would be in "
            f"neither, {tells}",
            commands,
        )
