"""The folds over the chain itself: chain_linkage, entry_hash, sequence_continuity, timestamp_order, verdict_taxonomy.

Each compares whole columns first, which is nearly free, and looks for the culprit only when they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from operator import le
from typing import Any, ClassVar

from pytest_audit_ledger.entry import (
    GENESIS_HASH,
    NULL,
    PAYLOAD_COLUMNS,
    VERDICTS,
    Batch,
    canonical_timestamp,
    plain_text,
)
from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.base import DURATION_PATTERN, EdgeFold, Extent, Fold, LedgerInfo, duration
from pytest_audit_ledger.outcome import RECOMPUTED, Finding, Findings, Sides

_WHOLE_EXPORT = "Verify the database, or an export of all entries with its manifest beside it."


def _shown(text: str) -> str:
    """Return JSON text as a person reads it, a missing value as NULL."""
    plain = plain_text(text)
    return "NULL" if plain is None else plain


class ChainLinkage(EdgeFold):
    """Every `previous_hash` is the `entry_hash` of the entry before; the first is 64 zeros. No parameters."""

    name = "chain_linkage"
    rule = "Every entry's previous_hash is the entry_hash of the entry before it, and the first starts from 64 zeros."
    remedy = (
        "Entries were removed, inserted, reordered or rewritten at the numbers shown. Stop relying on the ledger, "
        "preserve the server, and compare with the latest backup or export."
    )
    integrity = True
    columns = ("previous_hash", "entry_hash")
    sides: ClassVar[Mapping[str, Sides]] = {"HASH_MISMATCH": ("hash before", "previous_hash")}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.open_ends = 0
        """Links whose other end is not there to be read."""

    def feed(self, batch: Batch) -> None:
        """Compare the column previous_hash with the column entry_hash, shifted by one."""
        previous, hashes = batch.text("previous_hash"), batch.text("entry_hash")
        numbers = batch.sequence_numbers
        if previous[1:] == hashes[:-1] and NULL not in previous:
            self.join((numbers[0], previous[0], hashes[0]))
            self.last = (numbers[-1], previous[-1], hashes[-1])
        else:
            for current in zip(numbers, previous, hashes, strict=True):
                self.join(current)

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find a link that does not hold."""
        number, link, _ = current
        hash_before = GENESIS_HASH if previous is None else previous[2]
        if link == hash_before and link != NULL:
            return None
        before = 0 if previous is None else previous[0]
        if self.ledger.extent is not Extent.WHOLE and None not in (number, before) and number != before + 1:
            self.open_ends += 1
            return None
        if previous is None:
            message = "the first entry does not start from 64 zeros"
        else:
            message = f"previous_hash is not the entry_hash of the entry before it (sequence {previous[0]})"
        return Finding("HASH_MISMATCH", message, number, _shown(hash_before), _shown(link))

    def merge(self, later: ChainLinkage) -> None:
        """Add up the open ends, too."""
        super().merge(later)
        self.open_ends += later.open_ends

    def close(self) -> None:
        """Judge the start, and say so where links could not be followed."""
        super().close()
        if self.open_ends and not self.findings.counts:
            raise CannotEvaluate(
                f"{self.open_ends:,} of {self.element_count:,} links lead to entries that are not in the export; "
                "the others hold.",
                _WHOLE_EXPORT,
            )


class EntryHash(Fold):
    """The hash recomputed from every entry's canonical payload is the one stored. No parameters."""

    name = "entry_hash"
    rule = "Every entry_hash is the SHA-256 of the entry's canonical payload."
    remedy = (
        "Each entry shown, or the entry_hash stored with it, was changed after it was written. Stop relying on the "
        "ledger, preserve the server, see what audit-ledger investigate can prove, and compare with the latest backup "
        "or export."
    )
    integrity = True
    columns = ("entry_hash", *PAYLOAD_COLUMNS.values())
    sides: ClassVar[Mapping[str, Sides]] = {"ENTRY_HASH_MISMATCH": RECOMPUTED}

    def feed(self, batch: Batch) -> None:
        """Recompute the hash of every entry."""
        stored = batch.text("entry_hash")
        recomputed = batch.recomputed_hashes
        if recomputed == stored and batch.has_canonical_timestamps:
            return
        rows = zip(batch.sequence_numbers, recomputed, stored, batch.text("timestamp"), strict=True)
        for number, own, beside, timestamp in rows:
            if "T" not in timestamp:
                message = f"the timestamp {_shown(timestamp)} is none that a canonical payload can hold"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, "no hash exists", _shown(beside)))
            elif own != beside:
                message = "the entry's contents do not hash to the entry_hash stored with them"
                self.findings.add(Finding("ENTRY_HASH_MISMATCH", message, number, own, _shown(beside)))


class SequenceContinuity(EdgeFold):
    """Sequence numbers are 1, 2, 3 … without gap or duplicate, and every row that there is has one. No parameters."""

    name = "sequence_continuity"
    rule = "Sequence numbers run 1, 2, 3 … without a gap, a duplicate or a missing value."
    remedy = (
        "Entries were deleted, numbered twice, or hidden by an index (which REINDEX repairs), at the places shown. "
        "Compare with the latest backup or export to see which; a gap can also come from a writer that numbers entries "
        "before it commits them, which must be ruled out."
    )
    integrity = True
    columns = ("sequence_number",)
    sides: ClassVar[Mapping[str, Sides]] = {"ENTRIES_HIDDEN": ("in the table", "by its index")}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.missing = 0
        self.first_missing: int | None = None
        self.rows: int | None = None
        """How many entries the table holds, counted without an index; None where nobody counted them."""

    def feed(self, batch: Batch) -> None:
        """Compare the column with the range it should be."""
        numbers = batch.sequence_numbers
        first, last = numbers[0], numbers[-1]
        if first is not None and numbers == list(range(first, first + len(numbers))):
            self.join((first,))
            self.last = (last,)
        else:
            for number in numbers:
                self.join((number,))

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find what stands between two neighbours that are not n and n + 1."""
        (number,) = current
        before = 0 if previous is None else previous[0]
        if number is None or before is None:
            return Finding("SEQUENCE_MISSING", "an entry has no sequence number", expected="a number", actual="NULL")
        if number == before + 1:
            return None
        if number > before + 1:
            self.missing += number - before - 1
            self.first_missing = min(before + 1, self.first_missing or before + 1)
            return self._gap(before, number, at_start=previous is None)
        if previous is None:
            message = f"the ledger starts at {number}, not at 1"
            return Finding("SEQUENCE_START", message, number, expected="1", actual=str(number))
        message = f"sequence number {number} stands more than once, or out of order"
        return Finding("SEQUENCE_DUPLICATE", message, number, expected=str(before + 1), actual=str(number))

    def _gap(self, before: int, number: int, *, at_start: bool) -> Finding | None:
        if self.ledger.extent is not Extent.WHOLE:
            return None
        count = number - before - 1
        missing = str(number - 1) if count == 1 else f"{before + 1} to {number - 1}"
        where = "before the first entry" if at_start else f"after {before}"
        message = f"{count:,} {'entry is' if count == 1 else 'entries are'} missing {where}: {missing}"
        return Finding("SEQUENCE_GAP", message, before + 1, expected=str(before + 1), actual=str(number))

    def merge(self, later: SequenceContinuity) -> None:
        """Add up what is missing, too."""
        super().merge(later)
        self.missing += later.missing
        self.first_missing = self.first_missing or later.first_missing

    def close(self) -> None:
        """Judge the start, and say how many entries are missing in all."""
        super().close()
        if self.rows not in (None, self.element_count):
            message = (
                f"the table holds {self.rows:,} entries, and its index on sequence_number shows "
                f"{self.element_count:,}: the others are hidden from whoever reads them in order"
            )
            both = (f"{self.rows:,} entries", f"{self.element_count:,} entries")
            self.findings.add(Finding("ENTRIES_HIDDEN", message, None, *both))
        if self.missing:
            self.facts["missing entries"] = f"{self.missing:,}"
        if self.findings.counts:
            return
        if self.missing and self.ledger.extent is not Extent.WHOLE:
            raise CannotEvaluate(
                f"{self.missing:,} entries are not in the export, first {self.first_missing}, and nothing shows "
                "whether they were filtered out or removed before.",
                _WHOLE_EXPORT,
            )
        if self.ledger.extent is Extent.PART:
            raise CannotEvaluate("The export was filtered, so what is not in it cannot be judged.", _WHOLE_EXPORT)


class TimestampOrder(EdgeFold):
    """No entry is older than the one before it, infinite, or in the future by the server's clock.

    `future_tolerance`: how far ahead of the server's clock a timestamp may be, for example `90s`, `5m`, `24h`.
    """

    name = "timestamp_order"
    rule = "No entry is older than the one before it, has an infinite timestamp, or lies in the future."
    remedy = (
        "Compare the clocks of the writer and the database server, and the entries shown with what the writer logged. "
        "An entry that was inserted or moved shows here as well as in chain_linkage."
    )
    integrity = True
    columns = ("timestamp",)
    sides: ClassVar[Mapping[str, Sides]] = {"TIMESTAMP_ORDER": ("in order", "timestamp")}
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "future_tolerance": {
            "type": "string",
            "pattern": DURATION_PATTERN,
            "default": "5m",
            "examples": ["90s", "5m", "24h", "7d"],
            "description": "How far ahead of the server's clock a timestamp may be: 90s, 5m, 24h.",
        }
    }

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.leading = Findings(samples)
        """What was found before the first timestamp that can be compared."""
        now = datetime.fromisoformat(ledger.server_time)
        try:
            self.latest = canonical_timestamp(now + duration(self.parameters["future_tolerance"]))
        except OverflowError:
            self.latest = canonical_timestamp(datetime.max.replace(tzinfo=timezone.utc))

    def feed(self, batch: Batch) -> None:
        """Compare the column with itself, shifted by one. Canonical timestamps sort as text."""
        texts = batch.text("timestamp")
        numbers = batch.sequence_numbers
        if batch.has_canonical_timestamps and all(map(le, texts, texts[1:])) and texts[-1] <= self.latest:
            self.join((numbers[0], texts[0]))
            self.last = (numbers[-1], texts[-1])
        else:
            for number, text in zip(numbers, texts, strict=True):
                self._examine(number, text)

    def _examine(self, number: int | None, text: str) -> None:
        if text == NULL:
            self._tell(Finding("TIMESTAMP_MISSING", "an entry has no timestamp", number, "a time", "NULL"))
        elif text.endswith("infinity"):
            message = "an infinite timestamp is no moment at which a verdict was given"
            self._tell(Finding("TIMESTAMP_INFINITE", message, number, "a time", text))
        else:
            self.join((number, text))
            if _age(text) > _age(self.latest):
                message = "the entry lies further in the future than the server's clock and the tolerance allow"
                self._tell(Finding("TIMESTAMP_FUTURE", message, number, f"at most {self.latest}", text))

    def _tell(self, finding: Finding) -> None:
        (self.leading if self.last is None else self.findings).add(finding)

    def resume(self, batch: Batch) -> None:
        """Forget what was found before it, too."""
        super().resume(batch)
        self.leading = Findings(self.leading.limit)

    def merge(self, later: TimestampOrder) -> None:
        """Keep what the later segment found before its first moment in front of what the seam shows."""
        (self.leading if self.last is None else self.findings).extend(later.leading)
        super().merge(later)

    def close(self) -> None:
        """Put all findings in order."""
        self.leading.extend(self.findings)
        self.findings = self.leading

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find an entry that is older than the one before it."""
        if previous is None or _age(current[1]) >= _age(previous[1]):
            return None
        message = f"the entry is older than the one before it (sequence {previous[0]})"
        return Finding("TIMESTAMP_ORDER", message, current[0], f"{previous[1]} or later", current[1])


def _age(text: str) -> tuple[int, str]:
    """Return a key that orders timestamps as PostgreSQL prints them, also beyond year 9999 and before year 1."""
    year, _, rest = text.partition("-")
    return (-int(year) if rest.endswith(" BC") else int(year), rest)


class VerdictTaxonomy(Fold):
    """Every verdict is one of the five. No parameters."""

    name = "verdict_taxonomy"
    rule = f"Every verdict is one of {', '.join(VERDICTS)}."
    remedy = "Find the writer that stored the verdicts shown, and restore the CHECK constraint that refuses them."
    integrity = True
    columns = ("verdict",)

    def feed(self, batch: Batch) -> None:
        """Compare the set of verdicts in the batch with the five."""
        verdicts = batch.text("verdict")
        if set(verdicts) <= _KNOWN_VERDICTS:
            return
        for number, verdict in zip(batch.sequence_numbers, verdicts, strict=True):
            if verdict not in _KNOWN_VERDICTS:
                message = "the verdict is none of the five"
                self.findings.add(Finding("VERDICT_UNKNOWN", message, number, ", ".join(VERDICTS), _shown(verdict)))


_KNOWN_VERDICTS = frozenset(VERDICTS)
