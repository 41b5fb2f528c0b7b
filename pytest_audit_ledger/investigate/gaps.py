"""Numbers that are missing where nothing was renumbered: entries that were deleted, or numbers that none ever had.

What the entry behind a gap links to tells which; where its own hash fails, only what it said when it was written does.
No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Fault, Place
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    PRESERVE,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    capital,
    deleted,
    entries,
)
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained, Witness
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, only
from pytest_audit_ledger.model.entry import GENESIS_HASH

_REWRITTEN = "Entries were deleted, and everything behind them was rewritten; only a checkpoint or a copy shows that."


def gaps(chain: Chain) -> Iterator[Incident]:
    """Find ranges that were deleted, and numbers that no entry ever had."""
    for place in list(chain.places):
        if Fault.GAP not in place.faults or place.entry.number is None:
            continue
        chain.take(place)
        before = place.before.number or 0 if place.before else 0
        yield _gap(place, before + 1, place.entry.number - 1)


def _gap(place: Place, first: int, last: int) -> Incident:
    if Fault.HASH in place.faults:
        return _undecided_gap(place, first, last)
    if Fault.LINK in place.faults and place.leads_to is None:
        return _deletion(place, first, last)
    renumbered = place.before is not None and place.before.own_fault is Fault.HASH
    return _renumbered_perhaps(place, first, last) if renumbered else _skipped(place, first, last)


def _undecided_gap(place: Place, first: int, last: int) -> Incident:
    """Tell of numbers that are missing before an entry whose own hash fails, so that its link proves nothing."""
    after, single = last + 1, first == last
    return Incident(
        IncidentType.DELETION if place.before else IncidentType.PREFIX_DELETION,
        first,
        last,
        last - first + 1,
        f"{'Number' if single else 'Numbers'} {_range(first, last)} missing "
        f"before entry {after:,}, whose own hash does not fit, so what it says of the entry before it proves nothing.",
        Certainty.OPEN,
        because=(f"The content of entry {after:,}, its link too, does not hash to its entry_hash.",),
        otherwise=(
            f"{'The entry was' if single else 'Entries were'} deleted, and entry {after:,} was changed or put there.",
            f"{'The number was' if single else 'They were'} never given to an entry, and entry {after:,} was changed.",
        ),
        next_step=(PRESERVE, COMPARE),
        time_before=place.before.timestamp if place.before else "",
        time_after=place.entry.timestamp,
    )


def _renumbered_perhaps(place: Place, first: int, last: int) -> Incident:
    """Tell of numbers that are missing behind an entry whose own hash fails, so that its number proves nothing."""
    return Incident(
        IncidentType.NUMBERS_SKIPPED,
        first,
        last,
        0,
        f"{'Number' if first == last else 'Numbers'} {_range(first, last)} missing behind entry {first - 1:,}, whose "
        f"own hash does not fit, so its number proves nothing; entry {last + 1:,} links to it.",
        Certainty.OPEN,
        because=(f"Entry {last + 1:,} names the entry_hash of entry {first - 1:,}, which its content does not have.",),
        otherwise=(
            f"Entry {first - 1:,} was written with the number {last:,}, and another entry was deleted.",
            f"{_numbers(first, last)} never given to an entry.",
        ),
        next_step=(PRESERVE, COMPARE),
        time_before=place.before.timestamp if place.before else "",
        time_after=place.entry.timestamp,
    )


def _range(first: int, last: int) -> str:
    return f"{first:,} is" if first == last else f"{first:,} to {last:,} are"


def _skipped(place: Place, first: int, last: int) -> Incident:
    """Tell of numbers that are missing before an entry whose link leads to an entry that is there."""
    after, linked = last + 1, place.leads_to or first - 1
    return Incident(
        IncidentType.NUMBERS_SKIPPED,
        first,
        last,
        0,
        f"{_numbers(first, last)} never given to an entry: no entry is missing.",
        Certainty.FITS,
        because=(
            (
                f"Entry {after:,} links to {f'entry {linked:,}' if linked else 'the start'}, and its hash covers that "
                "link."
            ),
        ),
        otherwise=(_REWRITTEN,),
        next_step=(
            Advice("Find out why the writer skipped numbers, such as after a transaction that was rolled back."),
        ),
        time_before=place.before.timestamp if place.before else "",
        time_after=place.entry.timestamp,
    )


def _deletion(place: Place, first: int, last: int) -> Incident:
    after, plural = last + 1, first < last
    time_before, time_after = place.before.timestamp if place.before else "", place.entry.timestamp
    at_start = place.before is None
    where = (
        f"from the start; the first entry left is {after:,}, of {time_after}"
        if at_start
        else f"between entry {first - 1:,} of {time_before} and entry {after:,} of {time_after}"
    )
    return Incident(
        IncidentType.PREFIX_DELETION if at_start else IncidentType.DELETION,
        first,
        last,
        last - first + 1,
        f"{deleted(first, last)} {where}.",
        Certainty.PROVEN,
        because=(
            (
                f"Entry {after:,} names the hash of an entry before it that is not there, and its own hash covers that "
                "name."
            ),
        ),
        next_step=(PRESERVE, COMPARE),
        time_before=time_before,
        time_after=time_after,
        in_full=f"{capital(entries(first, last, last - first + 1))} {'were' if plural else 'was'} deleted {where}.",
    )


def before_gaps(chain: Sequence[Incident]) -> list[int]:
    """Return the entries before gaps that the chain does not decide; `decided` needs them."""
    return [(one.first or 1) - 1 for one in chain if _is_undecided(one)]


def _is_undecided(incident: Incident) -> bool:
    return (
        incident.what in (IncidentType.DELETION, IncidentType.PREFIX_DELETION) and incident.certainty is Certainty.OPEN
    )


def decided(incident: Incident, found: Mapping[int, Reconstruction | Unexplained], here: StoredEntries) -> Incident:
    """Return an undecided gap as what it is, where the contents that the entry behind it was written with are proven.

    They hold the link that it was written with.
    """
    first, last = incident.first, incident.last
    if not _is_undecided(incident) or first is None or last is None:
        return incident
    behind, before, written = only(here, last + 1), only(here, first - 1), found.get(last + 1)
    if behind is None or not isinstance(written, Reconstruction) or written.witness is Witness.CONTRADICTED:
        return incident
    links = [change.original for change in written.changes if change.column == "previous_hash"]
    numbers = [change for change in written.changes if change.column == "sequence_number"]
    stood = before.stored_hash if before else GENESIS_HASH if first == 1 else None
    if numbers or stood is None:
        return incident
    committed = written.witness is not Witness.OWN
    whose = f"What entry {last + 1:,} said when it was written is proven: it linked to"
    if links[:1] == [stood] or (not links and behind.link == stood):
        return replace(
            incident,
            what=IncidentType.NUMBERS_SKIPPED,
            count=0,
            sentence=f"{_numbers(first, last)} never given to an entry: no entry is missing.",
            certainty=Certainty.FITS,
            because=(f"{whose} {f'entry {first - 1:,}' if first > 1 else 'the start'}.",),
            otherwise=(_REWRITTEN,),
        )
    return replace(
        incident,
        sentence=f"{deleted(first, last)} before entry {last + 1:,} of {incident.time_after}.",
        certainty=Certainty.PROVEN if committed else Certainty.FITS,
        because=(f"{whose} an entry before it that is not there.",),
        otherwise=() if committed else (f"Entry {last + 1:,} was put there: no entry follows that names its hash.",),
        in_full=(
            f"{capital(entries(first, last))} {'was' if first == last else 'were'} deleted before entry {last + 1:,}."
        ),
    )


def _numbers(first: int, last: int) -> str:
    return f"Number {first:,} was" if first == last else f"Numbers {first:,} to {last:,} were"
