"""Inspect one entry: how it is stored, and what that means. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.investigate.incident import DELETED, Incident, moment
from pytest_audit_ledger.investigate.other_copy import OtherCopy, closes_gap
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained
from pytest_audit_ledger.investigate.stored_entries import Chain, StoredEntries, StoredEntry, only
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.verify.verification import Survey


@dataclass(frozen=True)
class EntryInspection:
    """One entry that was asked for: as it is stored, once, several times or not at all, and what that means.

    `fits` is whether it exists once, matches its own hash, and both links to its neighbours match. `uncovered` are the
    columns that no entry hash covers, `there` is the entry as the other copy has it. `stream` is its stream, if the
    ledger has several.
    """

    number: int
    records: tuple[StoredEntry, ...]
    sentences: tuple[str, ...]
    fits: bool
    reconstruction: Reconstruction | Unexplained | None = None
    uncovered: tuple[str, ...] = ()
    there: tuple[StoredEntry, ...] = ()
    stream: str = ""


def inspected(
    number: int,
    here: StoredEntries,
    about: Sequence[Incident],
    against: OtherCopy | None,
    differences: Sequence[ChangedEntry],
    found: Reconstruction | Unexplained | None,
    survey: Survey | None,
    chain: Chain,
    stream: str,
) -> EntryInspection:
    """Return what there is to say of an entry, whether it exists or not.

    `here` are entries of its stream, `about` the incidents that it is part of, `differences` what the other copy says
    of entries, and `found` what the entry said when it was written. `chain` is what the hashes cover.
    """
    records = tuple(here.get(number, ()))
    others = against.of_stream(stream) if against else {}
    there = tuple(others.get(number, ()))
    faults = list(_faults(number, here, chain)) if records else [f"Entry {number:,} does not exist."]
    sentences = faults or [_intact(number, len(here.get(number + 1, ())))]
    columns = next((one.columns for one in (*records, *there)), {})
    covered = chain.covered(columns)
    uncovered = tuple(name for name in columns if name not in covered)
    if records and uncovered:
        sentences.append(f"No entry hash covers {', '.join(uncovered)}; the chain cannot show changes there.")
    sentences += [_part(one) for one in about]
    if not records:
        sentences += _neighbours(number, here, survey)
    if against is not None and records:
        same = (one for one in differences if (one.stream, one.sequence_number) == (stream, number))
        differing = [name for one in same for name in one.columns]
        sentences.append(_compared(number, against.label, there, differing))
    elif against is not None:
        gaps = ((one.first or 0, one.last or 0) for one in about if one.what in DELETED)
        closed = any(closes_gap(first, last, others, here, chain) for first, last in gaps)
        sentences.append(_only_there(number, against.label, there, closed=closed))
    is_sound = bool(records) and not faults
    return EntryInspection(number, records, tuple(sentences), is_sound, found, uncovered, there, stream)


def _faults(number: int, here: StoredEntries, chain: Chain) -> Iterator[str]:
    """Yield what is wrong with an entry."""
    records = here[number]
    if len(records) > 1:
        yield f"Entry {number:,} exists {len(records)} times."
    for record in records:
        if not record.fits:
            yield f"The content of entry {number:,} does not match its entry_hash."
    one, before, after = records[0], only(here, number - 1), only(here, number + 1)
    link = before.stored_hash if before else chain.genesis(one) if number == chain.first else one.link
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
            yield f"The ledger ends with entry {last:,}{_dated(survey.time_last)}."
        elif first is not None and number < first:
            yield f"The ledger starts with entry {first:,}{_dated(survey.time_first)}."
    for record in filter(None, (only(here, number + by) for by in (-1, 1))):
        yield f"Entry {record.number:,} exists{_dated(record.timestamp)}."


def _dated(time: str | None) -> str:
    return f", dated {moment(time)}" if time else ""


def _only_there(number: int, label: str, there: Sequence[StoredEntry], *, closed: bool) -> str:
    if not there:
        return f"{label} does not have entry {number:,} either."
    if closed:
        return f"{label} has it with its original hashed columns: the hashes close the gap."
    return f"{label} has it, but no hash of the ledger shows whether it is the original."
