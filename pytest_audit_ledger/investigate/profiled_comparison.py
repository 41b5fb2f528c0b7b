"""What another copy shows of a ledger of any profile, stream by stream. No I/O.

As for SKI ledgers (`other_copy.py`), neither copy is trusted: which one was changed is said only if a hash shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_audit_ledger.investigate.hypotheses import Cause
from pytest_audit_ledger.investigate.incident import (
    COMPARE,
    DELETED,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    be,
    capital,
    counted,
    entries,
)
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, Witness
from pytest_audit_ledger.investigate.reconstruction_text import headline, proof
from pytest_audit_ledger.investigate.stored_entries import ByStream, Chain, StoredEntry, chain_of, only
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Profile

_EDITS = (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH, IncidentType.HASH_ALTERED)
_INSERTED = (IncidentType.INSERTION, IncidentType.DUPLICATE)
_BOTH = (Advice("Preserve both copies. Find out which one was kept where nobody could write."),)
_EITHER = ("They were changed in the ledger.", "They were changed in the other copy.")
_MORE_THERE = (
    "They were cut off the end of the ledger.",
    "The ledger is an older state: an export, a restored backup, or a replica that lags.",
    "They were inserted into the other copy.",
)


def compared_in_streams(
    against: OtherCopy, incidents: Sequence[Incident], here: ByStream, profile: Profile
) -> list[Incident]:
    """Return the incidents with what the other copy shows of them, and those that only the other copy shows.

    `here` are the entries of the ledger that differ there, with their neighbours.
    """
    copies = _Copies(against, here, profile, chain_of(profile))
    known = [copies.told(one) for one in incidents]
    places = {(one.stream, one.first) for one in incidents if one.what in _EDITS and one.count == 1}
    unknown = [one for one in against.difference.changes if (one.stream, one.sequence_number) not in places]
    return [*known, *copies.changed(unknown), *copies.absent(incidents)]


@dataclass(frozen=True)
class _Copies:
    """Both copies, as far as they were read."""

    against: OtherCopy
    here: ByStream
    profile: Profile
    chain: Chain

    def _ours(self, stream: str, number: int | None) -> StoredEntry | None:
        return only(self.here.get(stream, {}), number or 0)

    def _theirs(self, stream: str, number: int | None) -> StoredEntry | None:
        return only(self.against.of_stream(stream), number or 0)

    # what the ledger itself shows

    def told(self, incident: Incident) -> Incident:
        """Return an incident with what the other copy has of it."""
        stream, first, last, label = incident.stream, incident.first, incident.last, self.against.label
        incident = replace(incident, next_step=tuple(one for one in incident.next_step if one.words != COMPARE.words))
        if first is None or last is None:
            return incident
        why = ""
        if incident.what in _EDITS and incident.count == 1 and (found := self._restored(stream, first)):
            if found.changes and not any(isinstance(one, Reconstruction) for one in incident.reconstructions):
                return self._proven(incident, found)
            why = "has this content." if found.changes else "has another payload, which has this hash."
        elif incident.what in DELETED and self._covers(
            self.against.difference.missing.in_streams(), stream, first, last
        ):
            why = f"has {entries(first, last)}."
        elif incident.what in _INSERTED and self._covers(
            self.against.difference.added.in_streams(), stream, first, last
        ):
            why = f"does not have {entries(first, last)}."
        return replace(incident, because=(*incident.because, f"{label} {why}")) if why else incident

    def _proven(self, incident: Incident, found: Reconstruction) -> Incident:
        because = (f"{capital(proof(found))}.", *incident.because)
        incident = replace(incident, because=because, reconstructions=(found,))
        if found.witness not in (Witness.BOTH, Witness.LINK):
            return incident
        sentence = f"{self._place(incident.stream)}{headline(found)}."
        return replace(incident, sentence=sentence, certainty=Certainty.PROVEN, otherwise=())

    def _restored(self, stream: str, number: int) -> Reconstruction | None:
        """Return what an entry said when it was hashed, if the other copy has content with a hash that proves it."""
        ours, theirs, after = self._ours(stream, number), self._theirs(stream, number), self._ours(stream, number + 1)
        if ours is None or theirs is None or not theirs.fits:
            return None
        committed = after.link if after else None
        if theirs.stored_hash not in (ours.stored_hash, committed):
            return None
        covered = self.chain.covered(theirs)
        cause = Cause(f"as {self.against.label} has it")
        named = {self.profile.column(HASH): HASH, self.profile.column(PREVIOUS): PREVIOUS}
        changes = tuple(
            Restored(named.get(name, name), value, ours.columns.get(name), cause)
            for name, value in theirs.columns.items()
            if name in covered and value != ours.columns.get(name, value)
        )
        if committed is None:
            witness = Witness.OWN
        elif committed != theirs.stored_hash:
            witness = Witness.CONTRADICTED
        else:
            witness = Witness.BOTH if ours.stored_hash == committed else Witness.LINK
        return Reconstruction(number, changes, None, theirs.stored_hash or "", witness, 1)

    def _place(self, stream: str) -> str:
        return f"Stream {printable(stream)}: " if stream else ""

    @staticmethod
    def _covers(ranges: Sequence[tuple[str, int | None, int | None]], stream: str, first: int, last: int) -> bool:
        return any(name == stream and (low or 0) <= first and last <= (high or 0) for name, low, high in ranges)

    # what only the other copy shows

    def changed(self, changes: Sequence[ChangedEntry]) -> Iterator[Incident]:
        """Find entries that differ although the chain of the ledger has no fault there."""
        uncovered: dict[str, list[ChangedEntry]] = defaultdict(list)
        rewritten: set[str] = set()
        for one in changes:
            ours, theirs = self._ours(one.stream, one.sequence_number), self._theirs(one.stream, one.sequence_number)
            covered = self.chain.covered(ours) if ours else ()
            if ours is None or theirs is None or not ours.fits:
                continue
            if hashed := [name for name in one.columns if name in covered]:
                if theirs.fits and one.stream not in rewritten:
                    rewritten.add(one.stream)
                    yield self._rewritten(one, hashed)
                elif not theirs.fits:
                    yield self._other(one, hashed, same=ours.stored_hash == theirs.stored_hash)
            for name in one.columns.keys() - {*covered}:
                uncovered[name].append(one)
        for name, found in uncovered.items():
            total = max(self.against.difference.changed_columns.get(name, 0), len(found))
            yield self._unhashed(name, found, total)

    def _rewritten(self, change: ChangedEntry, hashed: Sequence[str]) -> Incident:
        number, names = change.number, self._content(hashed)
        sentence = (
            f"{self._place(change.stream)}From entry {number:,} on, the ledger differs from {self.against.label}. "
            f"Entry {number:,} differs in {names}, and matches its hash in both copies."
        )
        otherwise = ("The other copy was rewritten, and not the ledger.",)
        what, certainty = IncidentType.REWRITE, Certainty.FITS
        return Incident(what, number, None, 0, sentence, certainty, (), otherwise, _BOTH, stream=change.stream)

    def _other(self, change: ChangedEntry, hashed: Sequence[str], *, same: bool) -> Incident:
        number = change.number
        sentence = (
            f"{self._place(change.stream)}The other copy was changed{', not the ledger' if same else ''}: "
            f"{self.against.label} differs at entry {number:,} ({self._content(hashed)})."
        )
        because = (
            f"In the ledger, entry {number:,} matches its hash.",
            "In the other copy, its content does not match the stored hash.",
        )
        otherwise = () if same else ("The ledger was changed as well, and given new hashes.",)
        certainty = Certainty.PROVEN if same else Certainty.FITS
        what, stream = IncidentType.OTHER_COPY, change.stream
        return Incident(what, number, number, 1, sentence, certainty, because, otherwise, _BOTH, stream=stream)

    def _unhashed(self, name: str, found: Sequence[ChangedEntry], total: int) -> Incident:
        first = found[0]
        place = f"entry {first.number:,}{f' of stream {printable(first.stream)}' if first.stream else ''}"
        sentence = (
            f"The column {printable(name)}, which no entry hash covers, differs from {self.against.label} in "
            f"{counted(total)}; the first is {place}."
        )
        what, last = IncidentType.UNHASHED_COLUMN, first.number if total == 1 else None
        return Incident(
            what, first.number, last, total, sentence, Certainty.OPEN, (), _EITHER, _BOTH, stream=first.stream
        )

    def _content(self, hashed: Sequence[str]) -> str:
        hashes = {self.profile.column(HASH), self.profile.column(PREVIOUS)}
        return ", ".join(name for name in hashed if name not in hashes) or "its hashes only"

    def absent(self, incidents: Sequence[Incident]) -> Iterator[Incident]:
        """Find entries that only one copy has, except those that are known to be missing here, or newer ones."""
        known = [(one.stream, one.first or 0, one.last or 0) for one in incidents if one.what in DELETED]
        for stream, low, high in self.against.difference.missing.in_streams():
            if low is not None and high is not None and not _within(known, stream, low, high):
                yield self._only_there(stream, low, high, self.against.difference.last_in_b.get(stream))
        for stream, low, high in self.against.difference.added.in_streams() if self.against.is_whole else ():
            if low is not None and high is not None and high < self.against.difference.last_in_both.get(stream, 0):
                count = high - low + 1
                sentence = (
                    f"{self._place(stream)}{capital(entries(low, high, count))} {be(count, 'is', 'are')} not in "
                    f"{self.against.label}, which has later entries."
                )
                otherwise = ("They were deleted in the other copy.", "They were inserted into the ledger.")
                what, certainty = IncidentType.OTHER_COPY, Certainty.OPEN
                yield Incident(what, low, high, count, sentence, certainty, (), otherwise, _BOTH, stream=stream)

    def _only_there(self, stream: str, low: int, high: int, last: int | None) -> Incident:
        count = high - low + 1
        subject = f"{self._place(stream)}{capital(entries(low, high, count))} {be(count, 'is', 'are')}"
        otherwise: tuple[str, ...]
        if last is None or low > last:
            whole = "stream" if stream else "ledger"
            ends = f"but the {whole} ends with entry {last:,}" if last else "and the ledger has no entry of the stream"
            sentence = f"{subject} in {self.against.label}, {ends}."
            what, certainty, otherwise = IncidentType.TRUNCATION, Certainty.OPEN, _MORE_THERE
        else:
            sentence = f"{subject} only in {self.against.label}, between entries of the ledger."
            what, certainty = IncidentType.OTHER_COPY, Certainty.OPEN
            otherwise = ("They were deleted from the ledger.", "They were inserted into the other copy.")
        return Incident(what, low, high, count, sentence, certainty, (), otherwise, _BOTH, stream=stream)


def _within(known: Sequence[tuple[str, int, int]], stream: str, low: int, high: int) -> bool:
    return any(name == stream and first <= low and high <= last for name, first, last in known)
