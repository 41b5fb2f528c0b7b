"""The kind sequence_continuity: sequence numbers run 1, 2, 3 …, and the index on them hides no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import WHOLE_EXPORT, PairwiseScanKind
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Sides


class SequenceContinuity(PairwiseScanKind):
    """Sequence numbers are 1, 2, 3 … without a gap or duplicate, and every row of the table has one. No parameters."""

    name = "sequence_continuity"
    family = Family.CHAIN
    rule = "Sequence numbers run 1, 2, 3 … without a gap, a duplicate or a missing value."
    remedy = (
        "Do not rely on the ledger. Compare the entries around the numbers shown with the latest backup or export. To "
        "see what can be proven, run `audit-ledger investigate`."
    )
    remedies: ClassVar[Mapping[str, str]] = {
        "SEQUENCE_GAP": (
            "Do not rely on the ledger until the gap is explained. Look for the missing entries in the latest backup "
            "or export. A transaction that was rolled back leaves a gap, too, but then the entries around it are "
            "linked. To see whether they are, run `audit-ledger investigate`."
        ),
        "ENTRIES_HIDDEN": (
            "Run REINDEX TABLE on the ledger, verify again, and find out how the index lost the entries: a hardware "
            "fault, a defect, or an edit."
        ),
    }
    integrity = True
    columns = ("sequence_number",)
    counts_rows = True
    sides: ClassVar[Mapping[str, Sides]] = {"ENTRIES_HIDDEN": ("in the table", "by its index")}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.missing = 0
        self.first_missing: int | None = None

    def _entry(self, batch: Batch, place: int) -> Any:
        """Return the number of an entry."""
        return (batch.sequence_numbers[place],)

    def flawless(self, batch: Batch, starts: Sequence[int]) -> Any:
        """Compare all numbers with those before them at once."""
        numbers, start = batch.sequence_numbers, self.ledger.profile.first
        before = [0 if self.last is None else self.last[0], *numbers[:-1]]
        if start is None or (self.last is None and starts[0] > 0):
            return None
        expected = [None if number is None else number + 1 for number in before]
        for place in starts:
            expected[place] = start
        return self._entry(batch, -1) if expected == numbers else None

    def feed_stream(self, batch: Batch) -> None:
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
        """Find out why two neighbours are not n and n + 1."""
        (number,) = current
        start = self.ledger.profile.first
        if previous is None and start is None and number is not None:
            return None
        before = (start or 1) - 1 if previous is None else previous[0]
        if number is None or before is None:
            other = "" if self.ledger.profile.schemas else ", or another value than a whole number"
            message = f"the entry has no sequence number{other}"
            return Finding("SEQUENCE_MISSING", message, expected="a number", actual=f"NULL{other}")
        if number == before + 1:
            return None
        if number > before + 1:
            if previous is None or not self.ledger.profile.gaps:
                self.missing += number - before - 1
                self.first_missing = min(before + 1, self.first_missing or before + 1)
            return self._gap(before, number, at_start=previous is None)
        if previous is None:
            message = f"the ledger starts at {number} instead of {before + 1}"
            return Finding("SEQUENCE_START", message, number, expected=str(before + 1), actual=str(number))
        message = f"sequence number {number} occurs more than once, or out of order"
        found = Finding("SEQUENCE_DUPLICATE", message, number, expected=str(before + 1), actual=str(number))
        fork = self.accepted("fork", number)
        return found.accepted(fork) if fork else found

    def _gap(self, before: int, number: int, *, at_start: bool) -> Finding | None:
        if self.ledger.extent is not Extent.WHOLE or (self.ledger.profile.gaps and not at_start):
            return None
        count = number - before - 1
        missing = str(number - 1) if count == 1 else f"{before + 1} to {number - 1}"
        where = "before the first entry" if at_start else f"after {before}"
        message = f"{count:,} {'entry is' if count == 1 else 'entries are'} missing {where}: {missing}"
        found = Finding("SEQUENCE_GAP", message, before + 1, expected=str(before + 1), actual=str(number))
        known = self.accepted("gap", before + 1, number - 1)
        return found.accepted(known) if known else found

    def merge(self, later: SequenceContinuity) -> None:
        """Add up what is missing, too."""
        super().merge(later)
        self.missing += later.missing
        self.first_missing = self.first_missing or later.first_missing

    def close(self) -> None:
        """Judge the first entry, and report how many entries are missing in all."""
        super().close()
        if self.row_count not in (None, self.element_count):
            message = (
                f"the table has {self.row_count:,} entries, but its index on sequence_number has only "
                f"{self.element_count:,}"
            )
            both = (f"{self.row_count:,} entries", f"{self.element_count:,} entries")
            self.findings.add(Finding("ENTRIES_HIDDEN", message, None, *both))
        if self.missing:
            self.facts["missing entries"] = f"{self.missing:,}"
        if self.findings.counts:
            return
        if self.missing and self.ledger.extent is not Extent.WHOLE:
            raise CannotEvaluate(
                f"{self.missing:,} entries are not in the export, first {self.first_missing}. It is unknown whether "
                "they were filtered out or removed before the export.",
                WHOLE_EXPORT,
            )
        if self.ledger.extent is Extent.PART:
            raise CannotEvaluate("The export was filtered, so entries that it lacks cannot be judged.", WHOLE_EXPORT)
