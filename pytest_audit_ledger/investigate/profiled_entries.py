"""Single entries of a ledger of any profile: as they are stored, and whether they match their hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.investigate.inspection import Chain
from pytest_audit_ledger.investigate.stored_entries import StoredEntry, Value
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import BEFORE, HASH, PREVIOUS, SEQUENCE, STREAM, TIMESTAMP, Profile, own
from pytest_audit_ledger.model.profile_coverage import hashed_columns, line_columns
from pytest_audit_ledger.model.recogniser import Recogniser, recognisers_of
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Snapshot

MOST_NAMED = 5
"""Streams that a message names."""


@dataclass(frozen=True)
class ProfiledEntry(StoredEntry):
    """An entry as it is stored, by the table's own columns; its chain by roles.

    `matches` is whether its content matches its hash and the hashes of its lines, in whatever form.
    """

    stored: Value = None
    before: Value = None
    moment: str = ""
    matches: bool = False

    @property
    def timestamp(self) -> str:
        """Its time, empty if it is missing."""
        return self.moment

    @property
    def stored_hash(self) -> Value:
        """Its hash."""
        return self.stored

    @property
    def link(self) -> Value:
        """The hash of the entry before, which it stores, or which was looked up."""
        return self.before

    @property
    def fits(self) -> bool:
        """Whether its content matches its hashes."""
        return self.matches

    @property
    def envelope(self) -> Mapping[str, Value]:
        """Nothing: only SKI ledgers have envelopes."""
        return {}

    def written_number(self, candidates: Iterable[int]) -> int | None:  # noqa: ARG002  (as for SKI ledgers)
        """Return that no other number was found: not every recipe hashes it."""
        return None


ByStream = Mapping[str, Mapping[int, list[ProfiledEntry]]]
"""Entries by their stream, empty if there is one, and by their numbers; several if a number occurs more than once."""


def read_entries(snapshot: Snapshot, numbers: Iterable[int]) -> ByStream:
    """Return the entries with these numbers in every stream, with all readable columns. Raises SourceError."""
    info, wanted = snapshot.info, set(numbers)
    profile = info.profile
    columns = [name for name in info.columns if snapshot.unreadable(own(name)) is None]
    link = PREVIOUS if profile.has(PREVIOUS) else BEFORE
    roles = [SEQUENCE, HASH, link, *(role for role in (STREAM, TIMESTAMP) if profile.has(role))]
    found: dict[str, dict[int, list[ProfiledEntry]]] = defaultdict(lambda: defaultdict(list))
    forms = recognisers_of(info)

    def consume(batch: Batch) -> None:
        for stream, entries in batch.streams():
            name = shown(stream) if profile.streams else ""
            for place, number in enumerate(entries.sequence_numbers):
                if number is not None and number in wanted:
                    found[name][number].append(_stored(info, entries.rows([place]), number, columns, link, forms))

    names = dict.fromkeys([*roles, *info.hasher.columns, *map(own, columns)])
    if wanted:
        snapshot.scan(list(names), Segment(), consume)
    return found


def _stored(
    info: LedgerInfo, row: Batch, number: int, columns: Iterable[str], link: str, forms: Mapping[str, Recogniser]
) -> ProfiledEntry:
    return ProfiledEntry(
        number,
        {name: row.values(own(name))[0] for name in columns},
        stored=row.values(HASH)[0],
        before=row.values(link)[0],
        moment=(row.values(TIMESTAMP)[0] or "") if info.profile.has(TIMESTAMP) else "",
        matches=_matches(info, row, forms),
    )


def _matches(info: LedgerInfo, row: Batch, forms: Mapping[str, Recogniser]) -> bool:
    """Return whether the one entry of a batch matches its hash and those of its lines, in whatever form."""
    made: dict[str, Any] = {HASH: info.hasher.hashes(row)[0]}
    made.update({column: lines[0] for column, lines in info.hasher.lines(row).items()})
    stored = {name: row.text(HASH if name == HASH else own(name))[0] for name in made}
    return all(made[name] == stored[name] or forms[name].recognise(row, [0]) for name in made)


def chain_of(profile: Profile) -> Chain:
    """Return what the hashes of a ledger cover, and how its chain starts."""
    line = profile.genesis.line

    def covered(entry: StoredEntry) -> frozenset[str]:
        version = profile.version_of(entry.columns.get(profile.version_column))
        found = hashed_columns(profile, version) if version else frozenset()
        return frozenset(entry.columns) if found is None else found | line_columns(profile) | {profile.version_column}

    def genesis(entry: StoredEntry) -> Value:
        return entry.columns.get(line) if line else profile.genesis.text

    return Chain(covered, genesis, profile.starts_at or profile.first if profile.has(PREVIOUS) else None)


def chosen_stream(streams: Sequence[str], number: int, asked: str | None) -> str:
    """Return the stream of an entry, from those that have its number, or the one that was asked for.

    Raises UsageError if several have it, and none was asked for.
    """
    if asked is None and len(streams) > 1:
        names = ", ".join(printable(name) for name in streams[:MOST_NAMED])
        raise UsageError(f"Entry {number:,} is in {len(streams):,} streams: {names}.", "Name one with --stream.")
    return asked if asked is not None else next(iter(streams), "")
