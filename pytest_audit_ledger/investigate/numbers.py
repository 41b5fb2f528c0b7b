"""The number that an entry was written with, however far from the one that it has now: proven by hashing. No I/O.

`Evidence` tries the numbers near an entry, in the pass. An entry that stood at the end and was given an old one is far
from where it was written, so the few that are left over are tried with every number that the ledger has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from pytest_audit_ledger.investigate.evidence_scan import FARTHEST, Run
from pytest_audit_ledger.investigate.stored_entries import StoredEntry
from pytest_audit_ledger.model.entry import canonical_payload

MOST_TRIED = 2_000_000
"""Numbers tried in all, which takes two to three seconds."""

NO_MOVES: Mapping[int, int] = {}


def moved_far(records: Sequence[StoredEntry], last: int) -> dict[int, int]:
    """Return by how much entries were renumbered, by their number now; `last` is the highest number of the ledger."""
    left, found = MOST_TRIED, {}
    for record in records:
        end = min(last + FARTHEST, left)
        left -= end
        written = _written(record, end)
        if written is not None and written != record.number:
            found[record.number] = record.number - written
    return found


def _written(record: StoredEntry, end: int) -> int | None:
    """Return the number up to `end` with which an entry has its hash."""
    if "T" not in (record.columns.get("timestamp") or "") or record.stored_hash is None:
        return None
    head, name, rest = canonical_payload(replace(record.entry, sequence_number=0)).partition(b'"sequence_number":')
    begun, tail = sha256(head + name), rest[1:]

    def fits(number: int) -> bool:
        hasher = begun.copy()
        hasher.update(b"%d%b" % (number, tail))
        return hasher.hexdigest() == record.stored_hash

    return next(filter(fits, range(1, end + 1)), None)


def apart(runs: Sequence[Run], moved: Mapping[int, int]) -> Iterator[Run]:
    """Yield runs, with the entries that were renumbered as runs of their own."""
    for run in runs:
        inside = [] if run.moved else sorted(number for number in moved if run.first <= number <= run.last)
        at = run.first
        for number in inside:
            if at < number:
                yield Run(at, number - 1, number - at)
            yield Run(number, number, 1, moved[number])
            at = number + 1
        if not inside:
            yield run
        elif at <= run.last:
            yield Run(at, run.last, run.last - at + 1)
