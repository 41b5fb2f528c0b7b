"""Inspect one entry: how it is stored, and what that means. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.investigate.incident import DELETED, Incident, moment
from pytest_audit_ledger.investigate.other_copy import HASHED, Changed, OtherCopy, closes_gap
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, StoredEntry, only
from pytest_audit_ledger.model.entry import GENESIS_HASH
from pytest_audit_ledger.verify.verification import Survey


@dataclass(frozen=True)
class EntryInspection:
    """One entry that was asked for: as it is stored, once, several times or not at all, and what that means.

    `fits` is whether it exists once, matches its own hash, and both links to its neighbours match. `uncovered` are the
    columns that no entry hash covers, `there` is the entry as the other copy has it.
    """

    number: int
    records: tuple[StoredEntry, ...]
    sentences: tuple[str, ...]
    fits: bool
    reconstruction: Reconstruction | Unexplained | None = None
    uncovered: tuple[str, ...] = ()
    there: tuple[StoredEntry, ...] = ()


def inspected(
    number: int,
    here: StoredEntries,
    about: Sequence[Incident],
    against: OtherCopy | None,
    differences: Sequence[Changed],
    found: Reconstruction | Unexplained | None,
    survey: Survey | None,
) -> EntryInspection:
    """Return what there is to say of an entry, whether it exists or not.

    `here` are entries of the ledger, `about` the incidents that it is part of, `differences` what the other copy says
    of entries, and `found` what the entry said when it was written.
    """
    records = tuple(here.get(number, ()))
    there = tuple(against.records.get(number, ())) if against else ()
    faults = list(_faults(number, here)) if records else [f"Entry {number:,} does not exist."]
    sentences = faults or [_intact(number, len(here.get(number + 1, ())))]
    uncovered = tuple(name for record in (records or there)[:1] for name in record.columns if name not in HASHED)
    if records and uncovered:
        sentences.append(f"No entry hash covers {', '.join(uncovered)}; the chain cannot show changes there.")
    sentences += [_part(one) for one in about]
    if not records:
        sentences += _neighbours(number, here, survey)
    if against is not None and records:
        differing = [name for one in differences if one.sequence_number == number for name in one.columns]
        sentences.append(_compared(number, against.label, there, differing))
    elif against is not None:
        sentences.append(_only_there(number, here, about, against))
    return EntryInspection(number, records, tuple(sentences), bool(records) and not faults, found, uncovered, there)


def _faults(number: int, here: StoredEntries) -> Iterator[str]:
    """Yield what is wrong with an entry."""
    records = here[number]
    if len(records) > 1:
        yield f"Entry {number:,} exists {len(records)} times."
    for record in records:
        if not record.fits:
            yield f"The content of entry {number:,} does not match its entry_hash."
    one, before, after = records[0], only(here, number - 1), only(here, number + 1)
    link = before.stored_hash if before else GENESIS_HASH if number == 1 else None
    if link is not None and one.link != link:
        yield f"Its previous_hash is not {'the hash of the entry before it' if before else 'the genesis value'}."
    if after is not None and after.link != one.stored_hash:
        yield f"Entry {number + 1:,} links to another hash than the one stored with entry {number:,}."


def _intact(number: int, followers: int) -> str:
    """Return what is proven of an entry without faults that so many entries with the next number follow."""
    if followers == 1:
        return (
            f"Entry {number:,} is as it was written, as far as the chain shows: its hashed columns match its "
            "entry_hash, and the links to both of its neighbours match."
        )
    after = f"Entry {number + 1:,} exists {followers} times" if followers else f"No entry {number + 1:,} exists"
    return f"Entry {number:,} matches its entry_hash and links to the entry before it. {after}, so nothing confirms it."


def _part(incident: Incident) -> str:
    words = (
        "Within the range of an incident that touches only some entries" if incident.has_gaps else "Part of an incident"
    )
    return f"{words}: {incident.sentence}"


def _compared(number: int, label: str, there: Sequence[StoredEntry], differing: Sequence[str]) -> str:
    if not there:
        return f"{label} does not have entry {number:,}."
    if differing:
        return f"{label} differs in {', '.join(differing)}."
    return f"{label} has the same entry, in every column that both have."


def _neighbours(number: int, here: StoredEntries, survey: Survey | None) -> Iterator[str]:
    """Yield what is around an entry that does not exist."""
    if survey is not None and survey.sequence_last is not None:
        first, last = survey.sequence_first, survey.sequence_last
        if number > last:
            yield f"The ledger ends with entry {last:,}, dated {moment(survey.time_last)}."
        elif first is not None and number < first:
            yield f"The ledger starts with entry {first:,}, dated {moment(survey.time_first)}."
    for record in filter(None, (only(here, number + by) for by in (-1, 1))):
        yield f"Entry {record.number:,} exists, dated {moment(record.timestamp)}."


def _only_there(number: int, here: StoredEntries, about: Sequence[Incident], against: OtherCopy) -> str:
    if number not in against.records:
        return f"{against.label} does not have entry {number:,} either."
    gaps = ((one.first or 0, one.last or 0) for one in about if one.what in DELETED)
    if any(closes_gap(first, last, against, here) for first, last in gaps):
        return f"{against.label} has it with its original hashed columns: the hashes close the gap."
    return f"{against.label} has it, but no hash of the ledger shows whether it is the original."
