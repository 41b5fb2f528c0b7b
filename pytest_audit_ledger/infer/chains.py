"""The roles of columns, found by what links rows: in some order, perhaps within groups, a column names the hash before.

No I/O. A table that stores no previous hash shows no links. Then every order and every group is possible, and only the
recipe can decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from pytest_audit_ledger.infer.hash_columns import HashColumn, Row, hash_columns
from pytest_audit_ledger.infer.sampling import Sample

_LINKED = 0.8
"""The share of rows that must be linked. Forks and gaps break some links."""

_FEW = 0.5
"""A column that tells streams apart has at most this many different values for each row."""

_MOST_OF_PAIRS = 8
"""Columns of which two may tell streams apart together."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A row with a hash, the hash before as it is stored, whether it is the first of its stream, and its digest."""

    row: Row
    previous: str | None
    is_first: bool
    digest: bytes


@dataclass(frozen=True)
class Chain:
    """The columns of the roles; `previous` and `order` are empty if no column has that role.

    `links`: how many rows of how many name the hash of the row before.
    """

    entry_hash: HashColumn
    sequence: str
    order: str = ""
    streams: tuple[str, ...] = ()
    previous: str = ""
    links: tuple[int, int] = (0, 0)

    @property
    def ordered_by(self) -> str:
        """The column whose order the rows were written in."""
        return self.order or self.sequence


def find_chains(sample: Sample) -> list[Chain]:
    """Return the chains that the table may have, the most likely first; empty if no column holds hashes."""
    hashes = hash_columns(sample.types, _every_row(sample))
    linked = [chain for hash_ in hashes for chain in _linked(sample, hash_)]
    if linked:
        most = max(chain.links[0] for chain in linked)
        best = [chain for chain in linked if chain.links[0] >= most * _LINKED]
        chosen = min(
            best,
            key=lambda one: (not _is_numbered(sample, one), len(one.streams), -one.links[0], not counts(sample, one)),
        )
        return [_with_sequence(sample, chosen, linked)]
    return list(_unlinked(sample, hashes))


def _every_row(sample: Sample) -> list[Row]:
    return [*sample.rows, *(row for windows in sample.windows.values() for window in windows for row in window)]


def groups_of(window: Sequence[Row], streams: Sequence[str]) -> dict[tuple[str | None, ...], list[Row]]:
    """Return the rows of a window by stream."""
    found: dict[tuple[str | None, ...], list[Row]] = defaultdict(list)
    for row in window:
        found[tuple(row[column] for column in streams)].append(row)
    return found


def _neighbours(sample: Sample, order: str, streams: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Yield each row with the one before it, in an order and within streams."""
    for window in sample.windows[order]:
        for rows in groups_of(window, streams).values():
            yield from pairwise(rows)


def _linked(sample: Sample, hash_: HashColumn) -> Iterator[Chain]:
    """Yield the chains in which a column names the hash of the row before."""
    for order in sample.windows:
        for few in (
            [()],
            _single(sample, order),
            combinations([name for (name,) in _single(sample, order)][:_MOST_OF_PAIRS], 2),
        ):
            found = [chain for streams in few for chain in _of_streams(sample, hash_, order, tuple(streams))]
            yield from found
            if found:
                break


def _single(sample: Sample, order: str) -> list[tuple[str]]:
    """Return the columns with few values among the rows of an order."""
    rows = [row for window in sample.windows[order] for row in window]
    few = len(rows) * _FEW
    return [(name,) for name in sample.types if 1 < len({row[name] for row in rows}) <= few]


def _of_streams(sample: Sample, hash_: HashColumn, order: str, streams: tuple[str, ...]) -> Iterator[Chain]:
    pairs = [pair for pair in _neighbours(sample, order, streams) if pair[0][hash_.name] is not None]
    if hash_.name in streams or not pairs:
        return
    for name in sample.types:
        links = sum(row[name] == before[hash_.name] for before, row in pairs)
        if name not in (hash_.name, *streams) and links >= max(1, len(pairs) * _LINKED):
            yield Chain(hash_, order, "", streams, name, (links, len(pairs)))


def counts(sample: Sample, chain: Chain) -> bool:
    """Return whether the numbers of a chain's sequence grow by one, within its streams."""
    pairs = _neighbours(sample, chain.sequence, chain.streams)
    return all(int(row[chain.sequence] or 0) == int(before[chain.sequence] or 0) + 1 for before, row in pairs)


def _is_numbered(sample: Sample, chain: Chain) -> bool:
    """Return whether no two rows of a stream have the same number; a fork has, but most of a ledger has not."""
    pairs = [
        (one[chain.sequence], other[chain.sequence])
        for one, other in _neighbours(sample, chain.sequence, chain.streams)
    ]
    return sum(one == other for one, other in pairs) <= len(pairs) * (1 - _LINKED)


def _with_sequence(sample: Sample, chain: Chain, linked: Sequence[Chain]) -> Chain:
    """Return a chain with the column that numbers the entries, and if there are streams, the order of writing."""
    same = [one for one in linked if (one.previous, one.entry_hash) == (chain.previous, chain.entry_hash)]
    numbers = [one for one in same if set(one.streams) == set(chain.streams)]
    counting = [one.sequence for one in numbers if counts(sample, one)]
    sequence = min(counting, key=lambda name: name == "id", default=chain.sequence)  # most others are meant for it
    unique = [one.sequence for one in numbers if _is_unique(sample, one.sequence)]
    return replace(chain, sequence=sequence, order=unique[0] if chain.streams and unique else "")


def _is_unique(sample: Sample, column: str) -> bool:
    """Return whether no two rows have the same number, so that it orders rows of all streams."""
    return all(len({row[column] for row in window}) == len(window) for window in sample.windows[column])


def _unlinked(sample: Sample, hashes: Sequence[HashColumn]) -> Iterator[Chain]:
    """Yield the chains of a table in which no column names the hash before: first those without streams."""
    orders = sorted(sample.windows, key=lambda order: not _is_unique(sample, order))
    named = sorted(
        hashes, key=lambda one: not any(word in one.name.lower() for word in ("entry", "row", "chain", "seal"))
    )
    yield from (Chain(one, order) for one in named[::-1] for order in orders[:1])
    for one in named[::-1]:
        for order in orders[:2]:
            for streams in _single(sample, order):
                if streams != (one.name,):
                    yield _with_numbers(sample, Chain(one, order, "", streams), orders)


def _with_numbers(sample: Sample, chain: Chain, orders: Sequence[str]) -> Chain:
    counting = [one for one in orders if one not in chain.streams and counts(sample, replace(chain, sequence=one))]
    unique = [one for one in orders if _is_unique(sample, one)]
    return replace(chain, sequence=counting[0] if counting else chain.sequence, order=unique[0] if unique else "")


def entries_of(sample: Sample, chain: Chain) -> list[Entry]:
    """Return the entries of a chain in the sample: those that have a hash, and whose previous hash is known."""
    found: dict[tuple[str | None, ...], Entry] = {}
    windows = sample.windows[chain.ordered_by]
    beginning = next((at for at, one in enumerate(windows) if any(row[chain.entry_hash.name] for row in one)), 0)
    for number, window in enumerate(windows):
        for stream, rows in groups_of(window, chain.streams).items():
            before: Row | None = None
            for row in rows:
                digest = chain.entry_hash.digest(row[chain.entry_hash.name])
                is_first = before is None and number == beginning
                if digest is not None and (chain.previous or before is not None or is_first):
                    previous = (
                        row[chain.previous] if chain.previous else before[chain.entry_hash.name] if before else None
                    )
                    key = (*stream, row[chain.ordered_by])
                    found.setdefault(key, Entry(row, previous, is_first, digest))
                before = row if digest is not None else before
    return list(found.values())


def genesis_of(entries: Sequence[Entry], lines: Iterable[str]) -> tuple[str | None, str] | None:
    """Return what first entries name as the previous hash, and which of `lines` holds it if it is a hash of their own.

    None if they do not agree.
    """
    firsts = [entry for entry in entries if entry.is_first]
    own = [name for name in lines if firsts and all(entry.row[name] == entry.previous for entry in firsts)]
    named = {entry.previous for entry in firsts}
    if own:
        return None, own[0]
    return (named.pop(), "") if len(named) == 1 else None
