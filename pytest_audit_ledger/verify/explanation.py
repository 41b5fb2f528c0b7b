"""How the hashes of one entry are made: their payloads byte by byte, so that anyone can check them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.hasher import BatchRows
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import HASH, Hashing, Version, own
from pytest_audit_ledger.model.profile_coverage import hashed_columns, line_columns
from pytest_audit_ledger.model.recipes import compile_hashing, compile_recipe
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.hashed_entries import hashed_names, place_of, streams_of, versions_of

MOST_NAMED = 10


@dataclass(frozen=True)
class HashedColumn:
    """A column with a hash: what the hash is made of, and whether it is the one stored.

    `inputs` are the values that the recipe reads, as the server prints them; the previous hash has the name
    `previous`. `payload` and `recomputed` are None if one of them has no form that the recipe can write.
    """

    column: str
    hashing: Hashing
    inputs: Mapping[str, str | None]
    payload: bytes | None
    recomputed: str | None
    stored: str | None


@dataclass(frozen=True)
class Explanation:
    """One entry, and each of its columns with a hash, that of the entry first. `version` is in words, perhaps empty.

    `uncovered` are the columns of the table under no hash in this version; None if only the server knows them.
    """

    table: str
    profile: str
    number: int
    stream: str
    version: str
    hashes: tuple[HashedColumn, ...]
    uncovered: tuple[str, ...] | None


def explain_entry(source: Source, number: int, stream: str | None = None) -> Explanation:
    """Return how the hashes of an entry are made; `stream` is needed if several streams have that number.

    Raises UsageError if there is no such entry, or several, and SourceError if the ledger cannot be read or the profile
    has no recipe for the entry.
    """
    with source.snapshot() as snapshot:
        info = snapshot.info
        if number < (start := info.profile.starts_at or number):
            message = f"Entry {number:,} has no hash: the profile says that the chain starts at entry {start:,}."
            raise UsageError(message, "Name a later entry.")
        entry = _entry(snapshot, number, stream)
        (value,) = versions_of(info, entry)
        version = info.profile.version_of(value)
        shown = "NULL" if value is None else value
        if version is None:
            reason = f"{info.profile.version_column} is {printable(shown)}, and the profile has no recipe for that"
            raise SourceError(f"Entry {number:,} has no hash: {reason}.", "Add the version to the profile.")
        hashed = {info.profile.column(HASH): version, **info.profile.lines}
        covered = hashed_columns(info.profile, version)
        by_line = line_columns(info.profile)
        return Explanation(
            table=place_of(info),
            profile=info.profile.name,
            number=number,
            stream=streams_of(info, entry)[0],
            version=f"{info.profile.version_column} {shown}" if info.profile.version_column else "",
            hashes=tuple(_hashed(info, entry, column, one) for column, one in hashed.items()),
            uncovered=None if covered is None else tuple(one for one in info.columns if one not in covered | by_line),
        )


def _entry(snapshot: Snapshot, number: int, stream: str | None) -> Batch:
    """Return the one entry that is meant."""
    found: dict[str, Batch] = {}

    def keep(batch: Batch) -> None:
        for index, of in _numbered(snapshot.info, batch, number):
            found[of] = batch.rows([index])

    # the hash before can be that of an entry with any number, so those before it are read, too
    first = None if snapshot.info.hasher.needs_neighbour else number
    snapshot.scan(hashed_names(snapshot), Segment(first, number + 1), keep)
    names = ", ".join(printable(name) for name in list(found)[:MOST_NAMED])
    if not found:
        raise UsageError(f"There is no entry {number:,} in {place_of(snapshot.info)}.", "Name an entry that exists.")
    if stream is None and len(found) > 1:
        raise UsageError(f"Entry {number:,} is in {len(found):,} streams: {names}.", "Name one with --stream.")
    if stream is not None and stream not in found:
        raise UsageError(f"Entry {number:,} is not in the stream {stream!r}.", f"It is in {names or 'the only chain'}.")
    return found[stream] if stream is not None else next(iter(found.values()))


def _numbered(info: LedgerInfo, batch: Batch, number: int) -> Iterator[tuple[int, str]]:
    """Yield the place and the stream of every entry with this number."""
    places = zip(batch.sequence_numbers, streams_of(info, batch), strict=True)
    yield from ((index, stream) for index, (one, stream) in enumerate(places) if one == number)


def _hashed(info: LedgerInfo, entry: Batch, column: str, version: Version) -> HashedColumn:
    recipe = compile_recipe(version.payload, info.types, version.hashing)
    rows = BatchRows(entry, info.profile)
    payloads = recipe.payloads(rows)
    (recomputed,) = compile_hashing(version.hashing, info.read_key)(payloads)
    previous = {"previous": rows.previous()[0]} if recipe.needs_previous and not recipe.sql else {}
    return HashedColumn(
        column=column,
        hashing=version.hashing,
        inputs={**previous, **{name: rows.values(name)[0] for name in recipe.columns}},
        payload=payloads[0],
        recomputed=recomputed,
        stored=entry.values(HASH if column == info.profile.column(HASH) else own(column))[0],
    )
