"""Reconstruct entries of any profile: try other values of one column, with the hashes of the recipe as proof.

What is tried for a column: the values that the profile lists for its role, those of the entry's neighbours, and those
that occur in the stream; and for a number every small one. A recipe that writes two contents alike, such as NULL and an
empty text, proves that one of them was hashed (`profile lint` warns of that). No I/O, except for one more reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan
from pytest_audit_ledger.investigate.hypotheses import OCCURS, Cause
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, Stopped, Unexplained, witness_of
from pytest_audit_ledger.model.batch import NULL, Batch, json_text, plain_text
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, STREAM, own
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Snapshot

Found = Reconstruction | Unexplained

AT_ONCE = 512
"""Values that are hashed together."""

BAND = 10_000
MOST_NUMBERS = 100 * BAND
"""Numbers that are tried for a column of numbers, with the sign of the stored one, as long as there is time; and how
many of one column before those of the next.
"""

Entries = Mapping[int, Batch]
"""Entries by number, each as a batch of its own; only those whose number occurs once."""


def read_stream(snapshot: Snapshot, evidence: EvidenceScan, numbers: Iterable[int]) -> Entries:
    """Return the entries of the stream with these numbers. Raises SourceError."""
    wanted, found = set(numbers), dict[int, list[Batch]]()
    streams = [STREAM] if snapshot.info.profile.streams else []

    def consume(batch: Batch) -> None:
        for stream, entries in batch.streams():
            if stream == evidence.stream:
                for index, number in enumerate(entries.sequence_numbers):
                    if number in wanted:
                        found.setdefault(number, []).append(entries.rows([index]))

    if wanted:
        snapshot.scan([SEQUENCE, *streams, *evidence.columns], Segment(), consume)
    return {number: rows[0] for number, rows in found.items() if len(rows) == 1}


def reconstructed(
    info: LedgerInfo,
    evidence: EvidenceScan,
    entries: Entries,
    number: int,
    deadline: float,
    advance: Callable[[int], None],
) -> Found:
    """Return what an entry said when it was hashed, if another value of one column gives a hash that proves it."""
    entry, after = entries[number], entries.get(number + 1)
    committed = _committed(info, evidence, entry, after)
    targets = {entry.text(HASH)[0], committed}
    count = 0
    for column, values in chain(
        _candidates(info, evidence, entry, [entries.get(number - 1), after]), _numbers(info, evidence, entry)
    ):
        before, rest = count, iter(values)
        while tried := list(islice(rest, AT_ONCE)):
            if time.perf_counter() > deadline:
                return Unexplained(number, count, Stopped.TIME)
            hashes = _hashes(info, entry.rows([0] * len(tried)).having(column, [text for text, _ in tried]))
            count += len(tried)
            advance(len(tried))
            for (text, cause), digest in zip(tried, hashes, strict=True):
                if digest is not None and digest in targets:
                    change = Restored(
                        column[1:], plain_text(text), plain_text(entry.text(column)[0]), cause, count - before - 1
                    )
                    return _proven(info, entry, change, digest, committed, count)
    return Unexplained(number, count, Stopped.EXHAUSTED)


def _committed(info: LedgerInfo, evidence: EvidenceScan, entry: Batch, after: Batch | None) -> str | None:
    """Return the hash of the entry that the next one names, as JSON text; None if none follows.

    A hash before that no column stores is the stored one; the hash of the next entry confirms it by matching.
    """
    if after is None:
        return None
    if not info.hasher.needs_neighbour:
        return after.text(evidence.link)[0]
    matches = list(info.hasher.hashes(after)) == after.text(HASH)
    return entry.text(HASH)[0] if matches else None


Values = Iterable[tuple[str, Cause]]
"""Values as JSON text, each with why it is tried."""


def _contents(info: LedgerInfo, evidence: EvidenceScan) -> list[str]:
    """Return the columns that the hash covers and that are no part of the chain, as a batch names them."""
    profile = info.profile
    fixed = {own(profile.column(SEQUENCE)), *map(own, (*profile.streams, *profile.lines))}
    return [name for name in evidence.words if name not in fixed]


def _candidates(
    info: LedgerInfo, evidence: EvidenceScan, entry: Batch, neighbours: Sequence[Batch | None]
) -> Iterator[tuple[str, Values]]:
    """Yield each column with other values that are listed, or that occur elsewhere."""
    listed = {own(info.profile.column(role)): values for role, values in info.profile.values.items()}
    for column in _contents(info, evidence):
        found: dict[str, Cause] = {json_text(value): _LISTED for value in listed.get(column, ())}
        for one in filter(None, neighbours):
            found.setdefault(one.text(column)[0], Cause(f"as entry {one.sequence_numbers[0]:,} has it"))
        for text, _ in evidence.words[column].most_common():
            found.setdefault(text, OCCURS)
        found.pop(entry.text(column)[0], None)
        yield column, found.items()


def _numbers(info: LedgerInfo, evidence: EvidenceScan, entry: Batch) -> Iterator[tuple[str, Values]]:
    """Yield columns of numbers with every number, counted in its last digit, the small ones of all columns first."""
    types = ("numeric", "integer", "bigint", "smallint")
    columns = {
        column: entry.text(column)[0]
        for column in _contents(info, evidence)
        if info.columns[column[1:]].type.startswith(types) and entry.text(column)[0] != NULL
    }
    for start in range(0, MOST_NUMBERS, BAND):
        for column, stored in columns.items():
            sign, digits = "-" * stored.startswith("-"), len(stored.partition(".")[2])
            written = (f"{sign}{_decimal(at, digits)}" for at in range(start, start + BAND))
            yield column, ((text, _NUMBER) for text in written)


def _decimal(count: int, digits: int) -> str:
    whole, part = divmod(count, 10**digits)
    return f"{whole}.{part:0{digits}}" if digits else f"{whole}"


_NUMBER = Cause("a number that was tried")
_LISTED = Cause("a value that the profile lists")


def _hashes(info: LedgerInfo, tried: Batch) -> Sequence[str | None]:
    """Return the hashes of entries whose lines are hashed again, too."""
    for column, lines in info.hasher.lines(tried).items():
        tried = tried.having(own(column), [line or "" for line in lines])
    return info.hasher.hashes(tried)


def _proven(
    info: LedgerInfo, entry: Batch, change: Restored, digest: str, committed: str | None, count: int
) -> Reconstruction:
    """Return the original content of an entry, which has this hash."""
    stored, changes = entry.text(HASH)[0], [change]
    if digest != stored:
        name = info.profile.column(HASH)
        changes.append(Restored(name, plain_text(digest), plain_text(stored), Cause("the hash of this content")))
    number, witness = entry.sequence_numbers[0], witness_of(digest, stored, committed)
    return Reconstruction(number, tuple(changes), None, plain_text(digest) or "", witness, count)
