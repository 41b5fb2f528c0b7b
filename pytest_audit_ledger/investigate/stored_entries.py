"""Read single entries by their numbers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_audit_ledger.model.batch import Batch, json_text, plain_text
from pytest_audit_ledger.model.entry import (
    HASHED_COLUMNS,
    PAYLOAD_COLUMNS,
    Entry,
    canonical_payload,
    entry_hash,
    written_number,
)
from pytest_audit_ledger.model.forms import SKI_FORMS, Form
from pytest_audit_ledger.model.profile import HASH
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.source import Snapshot

TOGETHER = 500
"""Numbers that are at most this far apart are read in one query."""

Value = str | None


@dataclass(frozen=True)
class StoredEntry:
    """An entry as it is stored: every column that was read, as text, None for a missing value."""

    number: int
    columns: Mapping[str, Value]

    @property
    def entry(self) -> Entry:
        """Its hashed columns, also with values that an Entry should not hold, such as None for the verdict."""
        hashed: dict[str, Any] = {name: self.columns.get(name) for name in PAYLOAD_COLUMNS.values()}
        return Entry(**{**hashed, "sequence_number": self.number})

    @property
    def timestamp(self) -> str:
        """Its time, empty if it is missing."""
        return self.columns.get("timestamp") or ""

    @property
    def stored_hash(self) -> Value:
        """Its entry_hash."""
        return self.columns.get("entry_hash")

    @property
    def link(self) -> Value:
        """Its previous_hash."""
        return self.columns.get("previous_hash")

    @property
    def fits(self) -> bool:
        """Whether its content matches its entry_hash, in whatever form."""
        return "T" in self.timestamp and (entry_hash(self.entry) == self.stored_hash or self.form is not None)

    @cached_property
    def form(self) -> Form | None:
        """The form in which its content has its entry_hash; None if no other form than the ledger's own has it."""
        names = (*HASHED_COLUMNS, HASH)
        return SKI_FORMS.search(Batch({name: [json_text(self.columns.get(name))] for name in names}), 0)

    @property
    def envelope(self) -> Mapping[str, Value]:
        """The values of the entry that its envelope repeats; empty if it has no envelope."""
        return said_by(self.columns.get("envelope_json"))

    def written_number(self, candidates: Iterable[int]) -> int | None:
        """Return the first of these numbers with which the entry hashes to its entry_hash, None if none does.

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


def only(records: StoredEntries, number: int) -> StoredEntry | None:
    """Return the entry of a number; None if it was not read, does not exist, or exists more than once."""
    found = records.get(number, ())
    return found[0] if len(found) == 1 else None


def read(snapshot: Snapshot, numbers: Iterable[int]) -> StoredEntries:
    """Return the entries with these numbers, with all readable columns. Raises SourceError."""
    wanted = set(numbers)
    columns = [name for name in snapshot.info.columns if snapshot.unreadable(name) is None]
    found: dict[int, list[StoredEntry]] = defaultdict(list)

    def consume(batch: Batch) -> None:
        for index, number in enumerate(batch.sequence_numbers):
            if number is not None and number in wanted:
                found[number].append(
                    StoredEntry(number, {name: plain_text(batch.text(name)[index]) for name in columns})
                )

    for first, last in _ranges(sorted(wanted), apart=TOGETHER if snapshot.divisible else None):
        snapshot.scan(columns, Segment(first, last + 1), consume)
    return dict(found)


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
