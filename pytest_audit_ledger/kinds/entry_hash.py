"""The kind entry_hash: every entry matches its stored hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import PRESERVE, ScanKind
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.columns import MICROSECONDS
from pytest_audit_ledger.model.hasher import Hashes
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import RECOMPUTED, Family, Finding, Severity, Sides
from pytest_audit_ledger.model.profile import HASH, TIMESTAMP, UNVERIFIED, own
from pytest_audit_ledger.model.recogniser import Recognised, recognisers_of
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.model.stretch import Stretch

MISMATCH, LINE_MISMATCH = "ENTRY_HASH_MISMATCH", "LINE_HASH_MISMATCH"

MOST_RANGES = 1_000
"""Ranges with mismatches that a segment keeps apart; a further one is joined to the last, with what is between."""


class EntryHash(ScanKind):
    """The hash recomputed from every entry's canonical payload is the one stored. No parameters.

    A hash that the content has in another form of the payload (`model/forms.py`) proves that content as well: that is a
    warning, whatever the number of such entries. If hardly any entry matches in any form, in the whole ledger or from
    one entry on, that is one finding, and no sign of tampering: a writer or a migration does that far more often than
    an edit of every entry. It leaves the ledger unverified.
    """

    name = "entry_hash"
    family = Family.CHAIN
    rule = "Every stored hash is the hash of the entry's payload."
    remedy = PRESERVE
    remedies: ClassVar[Mapping[str, str]] = {
        "HASH_FORM": (
            "Make the writer hash the payload that the profile describes. The entries that it wrote need no change."
        ),
        "HASHES_UNKNOWN": (
            "Find out how the writer made these hashes, and what changed the table's columns since. To search for a "
            "common cause, run `audit-ledger investigate`."
        ),
    }
    integrity = True
    inconclusive = frozenset({"HASH_FORM", "HASHES_UNKNOWN"})
    unproven = frozenset({"HASHES_UNKNOWN"})
    columns: Sequence[str] = (HASH,)
    sides: ClassVar[Mapping[str, Sides]] = {MISMATCH: RECOMPUTED, LINE_MISMATCH: RECOMPUTED}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.columns = tuple(dict.fromkeys((HASH, *ledger.hasher.columns)))
        self.forms = recognisers_of(ledger)
        self.stretch = Stretch()
        self.again: list[tuple[int, int] | Segment] = []
        self.between: list[Stretch] = []
        """What follows each of the ranges in `again`, which have mismatches and are judged one after the other."""
        self.known: Counter[str] = Counter()
        """The entries that the profile says have never matched, by the quirk, stream and first number after them."""

    def feed(self, batch: Batch) -> None:
        """Recompute the hash of every entry, and try other forms if it is not the one stored."""
        hasher = self.ledger.hasher
        if self.segment and self.again[:1] == [self.segment]:
            return  # it is read again from its start
        if hasher.hashes(batch) == batch.text(HASH) and all(
            hashes == batch.text(own(column)) for column, hashes in hasher.lines(batch).items()
        ):
            (self.between[-1] if self.between else self.stretch).matched(len(batch))
        elif self.segment:
            self._postpone(batch, self.segment)
        else:
            self._judge(batch)

    def _postpone(self, batch: Batch, segment: Segment) -> None:
        """Keep a range for later: which forms are tried on an entry depends on the mismatches before it.

        With streams and in a file, a number names no place, so the whole segment is kept.
        """
        if self.ledger.profile.streams or segment.part:
            self.again, self.between, self.stretch = [segment], [Stretch()], Stretch()
            return
        numbers = batch.sequence_numbers
        first, last = numbers[0] or 0, numbers[-1] or 0  # a ledger in which one is missing is not divided
        before = self.again[-1] if self.again else None
        if isinstance(before, tuple) and (len(self.again) == MOST_RANGES or before[1] == first - 1):
            self.again[-1] = before[0], last
            self.between[-1] = Stretch()
        else:
            self.again.append((first, last))
            self.between.append(Stretch())

    def reread(self, place: int, batch: Batch) -> None:
        """Judge entries that were counted before."""
        self.element_count -= len(batch)
        self._join(place)
        self._judge(batch)

    def _join(self, place: int) -> None:
        """Add what follows the ranges before this place."""
        for between in self.between[:place]:
            self.stretch.merge(between)
        self.between[:place] = [Stretch()] * place

    def _judge(self, batch: Batch) -> None:
        hasher = self.ledger.hasher
        for stream, entries in batch.streams():
            self.findings.stream = stream and shown(stream)
            for column, hashes in hasher.lines(entries).items():
                places = self._mismatches(entries, hashes, entries.text(own(column)))
                places = sorted({*places} - self.forms[column].recognise(entries, places, self.findings.stream))
                self._report(entries, places, LINE_MISMATCH, hashes, column)
            hashes = hasher.hashes(entries)
            mismatches = self._mismatches(entries, hashes, entries.text(HASH))
            quirks = self.ledger.profile.accepted
            places = [at for at in mismatches if not (quirks and self._is_known(entries.sequence_numbers[at]))]
            places = sorted({*places} - self.forms[HASH].recognise(entries, places, self.findings.stream))
            self._report(entries, places, MISMATCH, hashes)
            self._score(entries, [at for at in places if hashes[at] is not None])  # others have no hash in any form

    def _mismatches(self, entries: Batch, hashes: Hashes, stored: Sequence[str]) -> list[int]:
        start = self.ledger.profile.starts_at
        rows = enumerate(zip(entries.sequence_numbers, hashes, stored, strict=True))
        return [at for at, (number, found, text) in rows if found != text and not _is_before(number, start)]

    def _is_known(self, number: int | None) -> bool:
        quirk = self.accepted(UNVERIFIED, number)
        if quirk is None:
            return False
        self.known[f"before {quirk.entry:,}{f' of stream {quirk.stream}' if quirk.stream else ''} ({quirk})"] += 1
        return True

    def _report(self, entries: Batch, places: Sequence[int], code: str, hashes: Hashes, line: str = "") -> None:
        stored = entries.text(own(line) if line else HASH)
        shown_ones = places[: self.findings.room]
        self.findings.add_unseen(code, len(places) - len(shown_ones))
        for at in shown_ones:
            recomputed, number = hashes[at], entries.sequence_numbers[at]
            if recomputed is None:
                message = f"the entry cannot be hashed: {self.ledger.hasher.obstacle(entries, at)}"
                self.findings.add(Finding(code, message, number, "no hash exists", shown(stored[at])))
            else:
                message = f"the entry does not match its stored {line or 'hash'}"
                self.findings.add(Finding(code, message, number, shown(recomputed), shown(stored[at])))

    def _score(self, entries: Batch, mismatches: Sequence[int]) -> None:
        end = 0
        for place in mismatches:
            if place > end:
                self.stretch.matched(place - end)
            self.stretch.mismatched(entries.sequence_numbers[place])
            end = place + 1
        self.stretch.matched(len(entries) - end)

    def merge(self, later: EntryHash) -> None:
        """Add what the later segment found."""
        super().merge(later)
        (self.between[-1] if self.between else self.stretch).merge(later.stretch)
        self.again += later.again
        self.between += later.between
        self.known.update(later.known)

    def close(self) -> None:
        """Report the forms, and entries of which hardly any matches as one finding."""
        self.findings.stream = ""
        self._join(len(self.between))
        self._refuse_guesses()
        first, unknown = self.stretch.unknown()
        if first is not None and self.ledger.profile.streams:
            unknown = 0  # a number names no place in a ledger with streams
        if unknown:
            self._leave_out(unknown)
            self.findings.add(self._unknown(first, unknown))
        for quirk, count in self.known.items():
            message = f"{count:,} entries do not match their stored hash {quirk}"
            self.findings.add(Finding(MISMATCH, message, severity=Severity.INFO))
        for stored in self.forms:
            self._report_forms(stored)
        recogniser = self.forms[HASH]
        if (others := recogniser.entries) or unknown:
            doubts = sum(one.count for one in recogniser.in_doubt)
            matching = self.element_count - others - doubts - self.stretch.mismatches
            more = f"; {others:,} more in another form" if others else ""
            self.facts["matching entries"] = f"{matching:,} of {self.element_count:,}{more}"
        if untried := sum(one.untried for one in self.forms.values()):
            self.facts["entries tried in known forms only"] = f"{untried:,}"

    def _report_forms(self, stored: str) -> None:
        code, line = (MISMATCH, "") if stored == HASH else (LINE_MISMATCH, stored)
        for one in self.forms[stored].in_doubt:
            self.findings.stream = one.stream
            self.findings.add_counted([_in_doubt(one, code, line)], one.count)
        for one in self.forms[stored].forms:
            self.findings.stream = one.stream
            self.findings.add(_in_a_form(one, line))
        self.findings.stream = ""

    def _refuse_guesses(self) -> None:
        """Accuse nobody if most entries of a file do not match, and the types of its columns had to be guessed."""
        export, columns = self.ledger.export, {own(name): name for name in self.ledger.columns}
        guessed = export.guessed if export else {}
        read = [columns[name] for name in self.columns if columns.get(name) in guessed]
        unmatched = sum(self.findings.counts.values())
        if read and 2 * unmatched > self.element_count:
            raise CannotEvaluate(
                f"{unmatched:,} of {self.element_count:,} entries do not match their hashes, perhaps because the file "
                f"does not state types. By its values, {', '.join(f'{name} is {guessed[name]}' for name in read)}.",
                "Correct them under `types` in the profile, and run again.",
            )

    def _leave_out(self, last: int) -> None:
        """Forget the last so many mismatches."""
        left = self.findings.counts[MISMATCH, None] - last
        kept = [one for one in self.findings.samples if one.code == MISMATCH][:left]
        self.findings.samples = [one for one in self.findings.samples if one.code != MISMATCH or one in kept]
        self.findings.counts[MISMATCH, None] = left
        self.findings.counts += type(self.findings.counts)()  # without those of which none is left

    def _unknown(self, first: int | None, count: int) -> Finding:
        since = "" if first is None else f" from entry {first:,} on"
        message = (
            f"{count:,} entries{since} do not match their stored hash in any known form: {', or '.join(self._causes())}"
        )
        return Finding("HASHES_UNKNOWN", message, first)

    def _causes(self) -> Iterator[str]:
        """Yield why entries may match in no form, the likely cause first."""
        name = self.ledger.profile.columns.get(TIMESTAMP, "")
        column = self.ledger.columns.get(name)
        if column is not None and column.digits < MICROSECONDS:
            yield f"the column {name}, which is {column.declared or column.type}, lost digits that were hashed"
        yield "they were hashed by another recipe"
        yield "a column, which may be their number, was changed in all of them"


def _is_before(number: int | None, start: int | None) -> bool:
    """Whether an entry is older than the chain, which began with a migration."""
    return number is not None and number < (start or number)


def _in_doubt(one: Recognised, code: str, line: str) -> Finding:
    """Return what is known of entries whose times match in another zone than those of most."""
    stored = line or "hash"
    message = f"the entry matches its stored {stored} only {one.form.words}, unlike most: its time may have been moved"
    return Finding(code, message, one.first)


def _in_a_form(one: Recognised, line: str) -> Finding:
    """Return what is known of the entries that were hashed in a form."""
    where = f"{one.count:,} entries were" if one.count > 1 else "1 entry was"
    limits = f"; this does not prove {one.form.unproven}" if one.form.unproven else ""
    of_a_line = f" for {line}" if line else ""
    message = f"{where} hashed{of_a_line} {one.form.words}, which proves the stored content{limits}"
    return Finding("HASH_FORM", message, one.first, severity=Severity.WARNING)
