"""The kind chain_linkage: every entry names the hash of the entry before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_audit_ledger.errors import CannotEvaluate
from pytest_audit_ledger.kinds.kind import PRESERVE, WHOLE_EXPORT, PairwiseScanKind
from pytest_audit_ledger.model.batch import NULL, Batch, json_text, shown
from pytest_audit_ledger.model.entry import GENESIS_HASH
from pytest_audit_ledger.model.ledger_info import Extent, LedgerInfo
from pytest_audit_ledger.model.outcome import Family, Finding, Sides
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Accepted, own


class ChainLinkage(PairwiseScanKind):
    """Every entry names the hash of the entry before it; the first names the genesis value, 64 zeros for ski.

    It has no parameters.
    """

    name = "chain_linkage"
    family = Family.CHAIN
    rule = "Every entry names the hash of the entry before it, and the first one names the genesis value."
    remedy = PRESERVE
    integrity = True
    columns: Sequence[str] = (PREVIOUS, HASH)
    sides: ClassVar[Mapping[str, Sides]] = {"HASH_MISMATCH": ("hash before", "previous_hash")}

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        line = ledger.profile.genesis.line
        self.columns = (PREVIOUS, HASH, *([own(line)] if line else []))
        self.genesis = json_text(ledger.profile.genesis.text)
        self.branch = ""
        """The hash of the other branch of an accepted fork, which the next entry may name."""
        self.open_ends = 0
        """The number of links whose other end is not in the export."""

    def _entry(self, batch: Batch, place: int) -> Any:
        """Return number, link and hash of an entry, and the line hash that a first one names."""
        return (batch.sequence_numbers[place], *(batch.text(column)[place] for column in self.columns))

    def flawless(self, batch: Batch, starts: Sequence[int]) -> Any:
        """Compare all links with the hashes before them at once."""
        hashes = batch.text(HASH)
        if (
            NULL in (*hashes, self.last and self.last[2])
            or self.ledger.profile.starts_at is not None
            or (self.last is None and starts[0] > 0)
        ):
            return None
        links = ["" if self.last is None else self.last[2], *hashes[:-1]]
        lines = batch.text(self.columns[2]) if self.ledger.profile.genesis.line else None
        for place in starts:
            links[place] = lines[place] if lines else self.genesis
        return self._entry(batch, -1) if links == batch.text(PREVIOUS) else None

    def feed_stream(self, batch: Batch) -> None:
        """Compare the column previous_hash with the column entry_hash, shifted by one."""
        previous, hashes = batch.text(PREVIOUS), batch.text(HASH)
        start, first = self.ledger.profile.starts_at, batch.sequence_numbers[0]
        is_in_chain = start is None or (first is not None and first > start)
        if is_in_chain and previous[1:] == hashes[:-1] and NULL not in previous:
            self.join(self._entry(batch, 0))
            self.last = self._entry(batch, -1)
        else:
            columns: tuple[Sequence[Any], ...] = (batch.sequence_numbers, *map(batch.text, self.columns))
            for current in zip(*columns, strict=True):
                self.join(current)

    def inspect(self, previous: Any, current: Any) -> Finding | None:
        """Find a broken link."""
        number, link, *_ = current
        branch, self.branch = self.branch, ""
        start = self.ledger.profile.starts_at
        if start is not None and number is not None and number <= start:
            if number < start:
                return None
            previous = None
        hash_before = self._genesis(current) if previous is None else previous[2]
        if link == hash_before and (link != NULL or previous is None):
            return None
        before = 0 if previous is None else previous[0]
        if self.ledger.extent is not Extent.WHOLE and None not in (number, before) and number != before + 1:
            self.open_ends += 1
            return None
        if branch and link == branch:
            return None
        found = self._broken(previous, current, hash_before)
        quirk = self._accepted(previous, current)
        return found.accepted(quirk) if quirk else found

    def _broken(self, previous: Any, current: Any, hash_before: str) -> Finding:
        """Say in which way the link of an entry is broken."""
        link, of_hash = self.ledger.profile.column(PREVIOUS), self.ledger.profile.column(HASH)
        if previous is None:
            message = f"the {link} of the first entry is not {self._genesis_in_words()}"
        elif current[1] == previous[1]:
            message = (
                f"the chain forks: this entry and the one before it (sequence {previous[0]}) have the same {link}; "
                "the one that no entry follows can be deleted without a trace"
            )
        else:
            message = f"{link} does not match the {of_hash} of the entry before it (sequence {previous[0]})"
        return Finding("HASH_MISMATCH", message, current[0], shown(hash_before), shown(current[1]))

    def _accepted(self, previous: Any, current: Any) -> Accepted | None:
        """Return the known quirk that breaks the link: a fork, whose other branch may be followed, or a gap."""
        number = current[0]
        if previous is not None and current[1] == previous[1]:
            fork = self.accepted("fork", number)
            self.branch = previous[2] if fork else ""
            return fork
        before = 0 if previous is None else previous[0]
        is_gap = None not in (number, before) and number > before + 1
        return self.accepted("gap", before + 1, number - 1) if is_gap else None

    def _genesis(self, current: Any) -> str:
        """Return what the first entry names, as JSON text."""
        return str(current[3]) if self.ledger.profile.genesis.line else self.genesis

    def _genesis_in_words(self) -> str:
        genesis = self.ledger.profile.genesis
        if genesis.line:
            return f"its own {genesis.line}"
        named = {None: "NULL", "": "empty", GENESIS_HASH: "64 zeros"}
        return named.get(genesis.text, repr(genesis.text))

    def merge(self, later: ChainLinkage) -> None:
        """Add up the open ends, too."""
        super().merge(later)
        self.open_ends += later.open_ends

    def close(self) -> None:
        """Judge the first entry, and refuse to conclude if links could not be followed."""
        super().close()
        if self.open_ends and not self.findings.counts:
            raise CannotEvaluate(
                f"{self.open_ends:,} of {self.element_count:,} links lead to entries that are not in the export; "
                "the others match.",
                WHOLE_EXPORT,
            )
