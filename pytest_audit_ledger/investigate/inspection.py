"""One entry that was asked for: how it stands there, and what that means. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.investigate.against import DELETED, HASHED, Against, Changed, closes
from pytest_audit_ledger.investigate.incident import Incident
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, StoredEntry, only
from pytest_audit_ledger.model.entry import GENESIS_HASH
from pytest_audit_ledger.verify.verification import Survey


@dataclass(frozen=True)
class EntryInspection:
    """One entry that was asked for: how it stands there, several times perhaps, or not at all, and what that means.

    `fits` is whether there is one, its own hash fits, and so do the links to both its neighbours. `uncovered` are the
    columns that no entry hash covers, `there` is the entry as the other copy has it.
    """

    number: int
    records: tuple[StoredEntry, ...]
    sentences: tuple[str, ...]
    fits: bool
    reconstruction: Reconstruction | Unexplained | None = None
    uncovered: tuple[str, ...] = ()
    there: tuple[StoredEntry, ...] = ()


def standing(
    number: int,
    here: StoredEntries,
    about: Sequence[Incident],
    against: Against | None,
    differences: Sequence[Changed],
    found: Reconstruction | Unexplained | None,
) -> EntryInspection:
    """Return what is to be said of an entry that is there.

    `here` are entries of the ledger, `about` the incidents that it is part of, `differences` what the other copy says
    of entries, and `found` what the entry said when it was written.
    """
    records, there = tuple(here[number]), _there(number, against)
    amiss = list(_amiss(number, here))
    sentences = amiss or [_fine(number, followed=only(here, number + 1) is not None)]
    if uncovered := _uncovered(records):
        sentences.append(f"No entry hash covers {', '.join(uncovered)}: the chain does not show changes of these.")
    sentences += [_part(one) for one in about]
    if against is not None:
        differing = [name for one in differences if one.sequence_number == number for name in one.columns]
        sentences.append(_compared(number, against.label, there, differing))
    return EntryInspection(number, records, tuple(sentences), not amiss, found, uncovered, there)


def _part(incident: Incident) -> str:
    words = (
        "In the range of an incident that touches only some of its entries"
        if incident.has_gaps
        else "Part of an incident"
    )
    return f"{words}: {incident.sentence}"


def _amiss(number: int, here: StoredEntries) -> Iterator[str]:
    """Yield what does not fit at an entry."""
    records = here[number]
    if len(records) > 1:
        yield f"Entry {number:,} stands there {len(records)} times."
    for record in records:
        if not record.fits:
            yield f"The content of entry {number:,} does not hash to its entry_hash."
    one, before, after = records[0], only(here, number - 1), only(here, number + 1)
    link = before.stored_hash if before else GENESIS_HASH if number == 1 else None
    if link is not None and one.link != link:
        yield f"Its previous_hash is not the hash of {'the entry before it' if before else 'a first entry'}."
    if after is not None and after.link != one.stored_hash:
        yield f"Entry {number + 1:,} names another hash than the one stored with entry {number:,}."


def _fine(number: int, *, followed: bool) -> str:
    if followed:
        return (
            f"Entry {number:,} is as it was written in the columns that are hashed, as far as the chain shows: they "
            "hash to its entry_hash, and the links to both of its neighbours fit."
        )
    return (
        f"Entry {number:,} hashes to its entry_hash and links to the entry before it. No entry follows that would "
        "commit to it."
    )


def _compared(number: int, label: str, there: Sequence[StoredEntry], differing: Sequence[str]) -> str:
    if not there:
        return f"{label} does not have entry {number:,}."
    if differing:
        return f"{label} says something else of it: {', '.join(differing)}."
    return f"{label} says the same of it, in every column that both have."


def absent(
    number: int, here: StoredEntries, about: Sequence[Incident], against: Against | None, survey: Survey | None
) -> EntryInspection:
    """Return what is to be said of an entry that is not there; the arguments are those of `standing`."""
    there = _there(number, against)
    sentences = [f"There is no entry {number:,}.", *(_part(one) for one in about)]
    sentences += _surroundings(number, here, survey)
    if against is not None:
        sentences.append(_lost(number, here, about, against))
    return EntryInspection(number, (), tuple(sentences), fits=False, uncovered=_uncovered(there), there=there)


def _surroundings(number: int, here: StoredEntries, survey: Survey | None) -> Iterator[str]:
    """Yield what surrounds an entry that is not there."""
    if survey is not None and survey.sequence_last is not None:
        first, last = survey.sequence_first, survey.sequence_last
        if number > last:
            yield f"The ledger ends with entry {last:,}, of {survey.time_last}."
        elif first is not None and number < first:
            yield f"The ledger starts with entry {first:,}, of {survey.time_first}."
    for record in filter(None, (only(here, number + by) for by in (-1, 1))):
        yield f"Entry {record.number:,} is there, of {record.columns.get('timestamp')}."


def _lost(number: int, here: StoredEntries, about: Sequence[Incident], against: Against) -> str:
    if number not in against.records:
        return f"{against.label} does not have entry {number:,}, either."
    gaps = ((one.first or 0, one.last or 0) for one in about if one.what in DELETED)
    if any(closes(first, last, against, here) for first, last in gaps):
        return f"{against.label} has it, as it was written in the columns that are hashed: the hashes close the gap."
    return f"{against.label} has it; no hash of the ledger shows whether it is as it was written."


def _there(number: int, against: Against | None) -> tuple[StoredEntry, ...]:
    return tuple(against.records.get(number, ())) if against else ()


def _uncovered(records: Sequence[StoredEntry]) -> tuple[str, ...]:
    """Return the columns of an entry that no entry hash covers."""
    return tuple(name for record in records[:1] for name in record.columns if name not in HASHED)
