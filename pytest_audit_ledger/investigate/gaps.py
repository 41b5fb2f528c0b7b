"""Missing numbers where nothing was renumbered: entries that were deleted, or numbers that were skipped.

The link of the entry after a gap shows which, if that entry matches its own hash; otherwise only its reconstructed
content does. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.chain import Chain
from pytest_audit_ledger.investigate.evidence_scan import Fault, Place
from pytest_audit_ledger.investigate.incident import (
    Advice,
    Certainty,
    Incident,
    IncidentType,
    be,
    capital,
    entries,
    missing,
)
from pytest_audit_ledger.investigate.ranges import in_words
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained, Witness
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, only
from pytest_audit_ledger.model.entry import GENESIS_HASH


def gaps(chain: Chain) -> Iterator[Incident]:
    """Find ranges that were deleted, and numbers that no entry ever had."""
    for place in list(chain.places):
        if Fault.GAP in place.faults and place.entry.number is not None:
            chain.take(place)
            before = place.before.number or 0 if place.before else 0
            found = _gap(place, before + 1, place.entry.number - 1)
            yield replace(found, time_before=place.time_before, time_after=place.entry.timestamp)


def _gap(place: Place, first: int, last: int) -> Incident:
    if Fault.HASH in place.faults:
        return _undecided(place, first, last)
    if Fault.LINK in place.faults and place.leads_to is None:
        return _deletion(place, first, last)
    if place.before is not None and place.before.own_fault is Fault.HASH:
        return _perhaps_renumbered(first, last)
    why = f"Entry {last + 1:,} links to {_entry(place.leads_to or first - 1)}, and its hash covers that link."
    return _skipped(first, last, why)


def _deletion_type(place: Place) -> IncidentType:
    return IncidentType.DELETION if place.before else IncidentType.PREFIX_DELETION


def _undecided(place: Place, first: int, last: int) -> Incident:
    """Return a gap before an entry that does not match its own hash, so that its link proves nothing."""
    after, count = last + 1, last - first + 1
    sentence = (
        f"{missing(first, last)} before entry {after:,}. That does not match its own hash, so its link proves nothing."
    )
    because = (f"The content of entry {after:,}, including its link, does not match its entry_hash.",)
    otherwise = (
        f"{be(count, 'The entry was', 'Entries were')} deleted, and entry {after:,} was changed or inserted.",
        f"{_never_used(first, last)}, and entry {after:,} was changed.",
    )
    return Incident(_deletion_type(place), first, last, count, sentence, Certainty.OPEN, because, otherwise)


def _perhaps_renumbered(first: int, last: int) -> Incident:
    """Return a gap after an entry that does not match its own hash, so that its number proves nothing."""
    before, after = first - 1, last + 1
    sentence = (
        f"{missing(first, last)} after entry {before:,}. That does not match its own hash, so its number proves "
        f"nothing. Entry {after:,} links to it."
    )
    because = (f"Entry {after:,} links to the entry_hash of entry {before:,}, which does not match its content.",)
    otherwise = (
        f"Entry {before:,} was written with the number {last:,}, and another entry was deleted.",
        f"{_never_used(first, last)}.",
    )
    return Incident(IncidentType.NUMBERS_SKIPPED, first, last, 0, sentence, Certainty.OPEN, because, otherwise)


def _skipped(first: int, last: int, why: str) -> Incident:
    """Return numbers that were skipped, because the entry after them links to one that exists."""
    sentence = f"{_never_used(first, last)}; no entry is missing."
    otherwise = (
        "Entries were deleted, and all entries after them were rewritten; only a checkpoint or a copy shows that.",
    )
    step = (Advice("Find out why the writer skipped numbers. A transaction that was rolled back does that."),)
    return Incident(IncidentType.NUMBERS_SKIPPED, first, last, 0, sentence, Certainty.FITS, (why,), otherwise, step)


def _deletion(place: Place, first: int, last: int) -> Incident:
    count, where = last - first + 1, f"after entry {first - 1:,}" if place.before else "at the start"
    starts = "" if place.before else f" The ledger now starts with entry {last + 1:,}."
    gone = f"{capital(entries(first, last, count))} {be(count)} deleted {where}.{starts}"
    sentence = f"{missing(first, last)} {where}: {_gone(count)} deleted.{starts}"
    why = f"Entry {last + 1:,} links to an earlier entry that is missing, and its own hash covers that link."
    return Incident(_deletion_type(place), first, last, count, sentence, Certainty.PROVEN, because=(why,), in_full=gone)


def _gone(count: int) -> str:
    """Return what a broken link proves if so many numbers are missing: one entry is gone, and not how many were."""
    return "this entry was" if count == 1 else "at least one of these entries was"


def before_gaps(chain: Sequence[Incident]) -> list[int]:
    """Return the entries before gaps that the chain does not decide; `decided` needs them."""
    return [(one.first or 1) - 1 for one in chain if _is_undecided(one)]


def _is_undecided(incident: Incident) -> bool:
    deletion = incident.what in (IncidentType.DELETION, IncidentType.PREFIX_DELETION)
    return deletion and incident.certainty is Certainty.OPEN


def decided(incident: Incident, found: Mapping[int, Reconstruction | Unexplained], here: StoredEntries) -> Incident:
    """Return an undecided gap as what it is, if the original link of the entry after it is proven."""
    first, last = incident.first, incident.last
    if not _is_undecided(incident) or first is None or last is None:
        return incident
    after, before, written = only(here, last + 1), only(here, first - 1), found.get(last + 1)
    if after is None or not isinstance(written, Reconstruction) or written.witness is Witness.CONTRADICTED:
        return incident
    links = [change.original for change in written.changes if change.column == "previous_hash"]
    target = before.stored_hash if before else GENESIS_HASH if first == 1 else None
    if target is None or any(change.column == "sequence_number" for change in written.changes):
        return incident
    linked = f"The original content of entry {last + 1:,} is proven: it linked to"
    if links[:1] == [target] or (not links and after.link == target):
        skipped = _skipped(first, last, f"{linked} {_entry(first - 1)}.")
        return replace(
            skipped, next_step=incident.next_step, time_before=incident.time_before, time_after=incident.time_after
        )
    committed, count, where = written.witness is not Witness.OWN, last - first + 1, f"before entry {last + 1:,}"
    return replace(
        incident,
        sentence=f"{missing(first, last)} {where}: {_gone(count)} deleted.",
        certainty=Certainty.PROVEN if committed else Certainty.FITS,
        because=(f"{linked} an earlier entry that is missing.",),
        otherwise=()
        if committed
        else (f"Entry {last + 1:,} was inserted: no link from an entry {last + 2:,} confirms its hash.",),
        in_full=f"{capital(entries(first, last))} {be(count)} deleted {where}.",
    )


def _never_used(first: int, last: int) -> str:
    return (
        f"Number{'' if first == last else 's'} {in_words(first, last)} {be(last - first + 1)} never given to an entry"
    )


def _entry(number: int) -> str:
    return f"entry {number:,}" if number else "the genesis value"
