"""Single entries of a ledger, read by their numbers: as they are stored, and whether they match their hashes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS, Entry, canonical_payload, written_number
from pytest_audit_ledger.model.forms import Forms
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import BEFORE, HASH, PREVIOUS, SEQUENCE, STREAM, TIMESTAMP, Profile, own
from pytest_audit_ledger.model.profile_coverage import all_versions, hashed_columns, is_linked, line_columns
from pytest_audit_ledger.model.recogniser import recognisers_of
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Snapshot

TOGETHER = 500
"""Numbers that are at most this far apart are read in one query."""

MOST_NAMED = 5
"""Streams that a message names."""

Value = str | None


@dataclass(frozen=True)
class StoredEntry:
    """An entry as it is stored: every readable column as text, None for a missing value, and its chain.

    `link` is the hash of the entry before, which it stores, or which was looked up. `timestamp` is empty if it is
    missing. `fits` is whether its content matches its hash and those of its lines, in whatever form.
    """

    number: int
    columns: Mapping[str, Value]
    stored_hash: Value
    link: Value
    timestamp: str
    fits: bool

    @property
    def entry(self) -> Entry:
        """The hashed columns of a SKI ledger, also with values that an Entry should not hold, such as None."""
        hashed: dict[str, Any] = {name: self.columns.get(name) for name in PAYLOAD_COLUMNS.values()}
        return Entry(**{**hashed, "sequence_number": self.number})

    @property
    def envelope(self) -> Mapping[str, Value]:
        """The values of the entry that its envelope repeats; empty if it has no envelope."""
        return said_by(self.columns.get("envelope_json"))

    def written_number(self, candidates: Iterable[int]) -> int | None:
        """Return the first of these numbers with which an entry of a SKI ledger hashes to its entry_hash, or None.

        The hash covers the number, so this is the one that the entry was written with.
        """
        if "T" not in self.timestamp or self.stored_hash is None:
            return None
        return written_number(canonical_payload(self.entry), self.stored_hash, candidates)


def said_by(envelope: Value) -> Mapping[str, Value]:
    """Return the values of an entry that the JSON of its envelope repeats; empty if there is none."""
    try:
        document = json.loads(envelope or "{}")
    except (ValueError, RecursionError):
        return {}
    said = document if isinstance(document, dict) else {}
    return {name: said[name] for name in ("verdict", "reasoning") if isinstance(said.get(name, 0), str | None)}


StoredEntries = Mapping[int, Sequence[StoredEntry]]
"""Entries by number; several if a number occurs more than once."""

ByStream = Mapping[str, StoredEntries]
"""Entries by their stream, which is empty if there is one, and by their numbers."""


def only(records: StoredEntries, number: int) -> StoredEntry | None:
    """Return the entry of a number; None if it was not read, does not exist, or exists more than once."""
    found = records.get(number, ())
    return found[0] if len(found) == 1 else None


def read(snapshot: Snapshot, numbers: Iterable[int]) -> ByStream:
    """Return the entries with these numbers in every stream, with all readable columns. Raises SourceError."""
    info, wanted = snapshot.info, set(numbers)
    profile = info.profile

    def readable(names: Iterable[str]) -> list[str]:
        return [name for name in names if snapshot.unreadable(name) is None]

    columns = {name: profile.in_batch(name) for name in info.columns}
    columns = {name: columns[name] for name in columns if readable([columns[name]])}
    link = PREVIOUS if profile.has(PREVIOUS) else BEFORE
    roles = [SEQUENCE, HASH, link, *(role for role in (STREAM, TIMESTAMP) if profile.has(role))]
    forms = {name: one.forms_of for name, one in recognisers_of(info).items()}
    found: dict[str, dict[int, list[StoredEntry]]] = defaultdict(lambda: defaultdict(list))

    def consume(batch: Batch) -> None:
        for stream, entries in batch.streams():
            name = shown(stream) if profile.streams else ""
            for place, number in enumerate(entries.sequence_numbers):
                if number is not None and number in wanted:
                    row = entries.rows([place])
                    found[name][number].append(_stored(info, row, number, columns, link, forms))

    needed = [*roles, *info.hasher.columns]
    needed = readable(needed) if profile.schemas else needed  # what a declared table lacks is a finding
    names = list(dict.fromkeys([*needed, *columns.values()]))
    in_parts = snapshot.divisible and not profile.streams and link == PREVIOUS
    for first, last in _ranges(sorted(wanted), apart=TOGETHER if in_parts else None):
        snapshot.scan(names, Segment(first, last + 1) if in_parts else Segment(), consume)
    return found


def _ranges(numbers: Sequence[int], *, apart: int | None) -> Iterator[tuple[int, int]]:
    """Yield ranges that hold all numbers; only one if `apart` is None, because every read reads everything then."""
    if not numbers:
        return
    first = last = numbers[0]
    for number in numbers[1:]:
        if apart is not None and number - last > apart:
            yield first, last
            first = number
        last = number
    yield first, last


def _stored(
    info: LedgerInfo, row: Batch, number: int, columns: Mapping[str, str], link: str, forms: Mapping[str, Forms]
) -> StoredEntry:
    """Return the one entry of a batch; `columns` are what it calls the columns of the table."""
    values = {name: row.values(inside)[0] for name, inside in columns.items()}
    digest, before, moment = (row.values(role)[0] if role in row.names else None for role in (HASH, link, TIMESTAMP))
    fits = set(row.names) >= {*info.hasher.columns, HASH} and _fits(info, row, forms)
    return StoredEntry(number, values, digest, before, moment or "", fits)


def _fits(info: LedgerInfo, row: Batch, forms: Mapping[str, Forms]) -> bool:
    """Return whether the one entry of a batch matches its hash and those of its lines, in whatever form."""
    made: dict[str, Any] = {HASH: info.hasher.hashes(row)[0]}
    made.update({column: lines[0] for column, lines in info.hasher.lines(row).items()})
    stored = {name: row.text(HASH if name == HASH else own(name))[0] for name in made}
    return all(made[name] == stored[name] or _has_a_form(forms[name], row) for name in made)


def _has_a_form(forms: Forms, row: Batch) -> bool:
    return bool(forms.with_hash(row, [0])) and forms.search(row, 0) is not None


@dataclass(frozen=True)
class Chain:
    """What hashes cover: which columns of an entry with these values, and in every entry the link and the number.

    `genesis` is what the first entry names as the hash before, `first` its number; None if any entry may be the first,
    or if entries do not store the hash before.
    """

    covered: Callable[[Mapping[str, Value]], Collection[str]]
    genesis: Callable[[StoredEntry], Value]
    first: int | None
    covers_link: bool
    covers_number: bool


def chain_of(profile: Profile) -> Chain:
    """Return what the hashes of a ledger cover, and how its chain starts."""
    line, versions = profile.genesis.line, all_versions(profile).values()

    def covered(columns: Mapping[str, Value]) -> frozenset[str]:
        version = profile.version_of(columns.get(profile.version_column))
        found = hashed_columns(profile, version) if version else frozenset()
        return frozenset(columns) if found is None else found | line_columns(profile) | {profile.version_column}

    def genesis(entry: StoredEntry) -> Value:
        return entry.columns.get(line) if line else profile.genesis.text

    return Chain(
        covered=covered,
        genesis=genesis,
        first=profile.starts_at or profile.first if profile.has(PREVIOUS) else None,
        covers_link=all(is_linked(profile, one) for one in versions),
        covers_number=all(profile.column(SEQUENCE) in (hashed_columns(profile, one) or ()) for one in versions),
    )


def chosen_stream(streams: Sequence[str], number: int, asked: str | None) -> str:
    """Return the stream of an entry, from those that have its number, or the one that was asked for.

    Raises UsageError if several have it, and none was asked for.
    """
    if asked is None and len(streams) > 1:
        names = ", ".join(printable(name) for name in streams[:MOST_NAMED])
        raise UsageError(f"Entry {number:,} is in {len(streams):,} streams: {names}.", "Name one with --stream.")
    return asked if asked is not None else next(iter(streams), "")
