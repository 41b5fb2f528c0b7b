"""Investigate a ledger: put together what a verification found, and say what happened, in order of the ledger.

A verification says that something is wrong. An investigation of the same snapshot says what happened: to which entries,
what they said before, how sure that is, and what to do next. It also says what the evidence cannot decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.checkpoints.positions import at_position, has_positions
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.investigate.alike import joined
from pytest_audit_ledger.investigate.chain import NO_MOVES
from pytest_audit_ledger.investigate.check_findings import with_findings
from pytest_audit_ledger.investigate.classification import classify
from pytest_audit_ledger.investigate.evidence_scan import FARTHEST, MOST, EvidenceScan, Runs
from pytest_audit_ledger.investigate.gaps import before_gaps, decided
from pytest_audit_ledger.investigate.hypotheses import ENVELOPE, Suspect, Vocabulary
from pytest_audit_ledger.investigate.incident import (
    AGAINST,
    CHECKPOINT,
    Advice,
    Certainty,
    Incident,
    IncidentType,
)
from pytest_audit_ledger.investigate.inspection import EntryInspection, inspected
from pytest_audit_ledger.investigate.other_copy import (
    OtherCopy,
    compared,
    missing_here,
    renumbered_from,
    unanswered,
)
from pytest_audit_ledger.investigate.other_profiles import incidents_of, named
from pytest_audit_ledger.investigate.reconstruction import Budget, Reconstruction, Unexplained, reconstruct
from pytest_audit_ledger.investigate.reconstruction_text import with_original
from pytest_audit_ledger.investigate.restored_by_copy import with_copy
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.investigate.rewritings import Transformation
from pytest_audit_ledger.investigate.stored_entries import (
    StoredEntries,
    StoredEntry,
    Value,
    chain_of,
    chosen_stream,
    only,
    read,
)
from pytest_audit_ledger.investigate.systematic import Systematic, find
from pytest_audit_ledger.kinds.trusted_checkpoints import newest_record
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Status
from pytest_audit_ledger.model.profile import HASH, Profile
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns, all_versions, hashed_columns
from pytest_audit_ledger.model.progress import ENTRIES, Progress, no_progress
from pytest_audit_ledger.model.times import Lost
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.scan import scan
from pytest_audit_ledger.verify.verification import Verification

DEFAULT_LIMIT_S = defaults.RECONSTRUCTION_S
"""Seconds that all reconstructions may take together."""

CAUSES_S = 10.0
"""Seconds that the search for a common cause of many entries may take; proving it takes one more pass."""

EACH_S = 5.0
"""Seconds that the reconstruction of one entry may take."""

MOST_NUMBERS = 2_000_000
"""Numbers tried for entries that may have moved far; that takes two to three seconds in all."""

HYPOTHESES = " hypotheses"

Compare = Callable[[Snapshot, Sequence[int]], OtherCopy]
"""Compares the ledger with another copy, and reads these entries there."""


class Inquiry:
    """One investigation of a snapshot, whose verification ran with an `EvidenceScan` as an extra scan."""

    def __init__(
        self,
        source: Source,
        snapshot: Snapshot,
        verification: Verification,
        samples: int = DEFAULT_SAMPLES,
        limit_s: float | None = None,
        progress: Progress = no_progress,
    ) -> None:
        """Take the snapshot and its verification; examine up to `samples` entries, for up to `limit_s` seconds."""
        limit_s = DEFAULT_LIMIT_S if limit_s is None else limit_s
        self.begun = time.perf_counter()
        self.source, self.snapshot, self.verification = source, snapshot, verification
        self.samples, self.limit_s, self.progress = samples, limit_s, progress
        self.evidence = next((one for one in verification.extra_scans if isinstance(one, EvidenceScan)), None)
        self.vocabulary = Vocabulary(self.evidence.vocabulary() if self.evidence else {})
        known = self.evidence.forms[HASH].forms if self.evidence else ()
        self.forms = [one.form for one in known if one.form.lost is Lost.NOTHING]
        """Forms of entries that are intact; an edited entry may have been hashed in one of them as well."""
        self.signed = dict(_signed(verification))
        """The hash of the last entry of the newest checkpoint that has a record, by its number."""
        self.hypotheses = self.left_out = 0
        self.left_s = limit_s
        """Seconds left for reconstructions."""
        self.readable = snapshot.unreadable("sequence_number") is None
        self.records: dict[str, StoredEntries] = {}
        self.asked: set[int] = set()
        """The numbers of entries that were read, or do not exist."""
        self.reconstructed: Mapping[int, Reconstruction | Unexplained] = {}
        self.against: OtherCopy | None = None
        self.differences: tuple[ChangedEntry, ...] = ()

    def run(self, entry: int | None = None, compare: Compare | None = None, stream: str | None = None) -> Investigation:
        """Investigate, and inspect `entry` if it is given; `compare` compares the ledger with another copy.

        `stream` is that of the entry, if several have its number. Raises UsageError if it is not named then, and
        SourceError if the entries, or the other copy, cannot be read.
        """
        asked = {entry} if entry is not None else set()
        is_ski = self.snapshot.info.hasher.is_canonical
        incidents = self._incidents(asked, compare) if is_ski else self._incidents_by_recipe(asked, compare)
        return Investigation(
            verification=self.verification,
            incidents=tuple(sorted(incidents, key=lambda one: (one.first is None, one.stream, one.first or 0))),
            against=self.against,
            differences=self.differences,
            inspection=self._inspected(entry, stream, incidents) if entry is not None else None,
            undecided=tuple(self._undecided(incidents)),
            hypotheses=self.hypotheses,
            left_out=self.left_out,
            limit_s=self.limit_s,
            duration_s=time.perf_counter() - self.begun + self.verification.duration_s,
            samples=self.samples,
        )

    def _incidents(self, asked: set[int], compare: Compare | None) -> list[Incident]:
        """Return what happened to a SKI ledger, with what the entries said that were examined."""
        causes = self._causes()
        moved = self._moved_far() if causes is None else NO_MOVES
        chain = classify(self.evidence, causes, moved) if self.evidence else []
        suspects, self.left_out = _suspects(chain, max(self.samples, DEFAULT_SAMPLES))
        if self.readable:
            self._read({*suspects, *asked, *before_gaps(chain)})
        if compare is not None and self.readable:
            self._compare(compare, {*suspects, *asked}, missing_here(chain))
        found = self._reconstructed(suspects, [*_known(causes), *(Transformation(form=form) for form in self.forms)])
        self.left_out += sum(number not in found and self._suspect(number) is not None for number in suspects)
        chain = joined([decided(self._with(incident, found), found, self.here) for incident in chain])
        incidents = self._compared(with_findings(self.verification, chain))
        if self.against is not None:
            self.differences = tuple(self._differences(self.against, renumbered_from(incidents)))
        return incidents

    def _compared(self, incidents: list[Incident]) -> list[Incident]:
        """Return incidents with what the other copy shows, if there is one."""
        against, profile = self.against, self.snapshot.info.profile
        return incidents if against is None else compared(against, incidents, self.records, profile)

    def _incidents_by_recipe(self, asked: set[int], compare: Compare | None) -> list[Incident]:
        """Return what happened to a ledger whose hashes a recipe makes, with what the examined entries said."""
        chain: Sequence[Incident] = ()
        if self.evidence is not None:
            most = max(self.samples, DEFAULT_SAMPLES)
            found = incidents_of(self.snapshot, self.evidence, most, self.left_s, self.progress)
            chain, self.hypotheses, self.left_out = found.incidents, found.hypotheses, found.left_out
        if compare is not None:
            edited = {one.first for one in chain if one.count == 1 and one.first is not None}
            self._read(edited)
            against = self._compare(compare, edited | asked, missing_here(chain))
            self.differences = tuple(against.difference.changes)
            chain = with_copy(against, chain, self.records, self.snapshot.info.profile)
        return self._compared(with_findings(self.verification, chain))

    def _causes(self) -> Systematic | None:
        """Return the proven common causes, if more than a few entries do not match their hash."""
        runs = self.evidence.runs if self.evidence else Runs()
        if self.evidence is None or runs.entries - runs.moved <= DEFAULT_SAMPLES or not self.limit_s:
            return None
        numbers = self.evidence.sample.kept
        self._read(numbers)
        sample = list(filter(None, map(self._suspect, numbers)))
        with self.progress(len(sample), ENTRIES) as advance:
            begun = time.perf_counter()
            causes = find(sample, self.vocabulary, seconds=min(CAUSES_S, self.limit_s / 2), advance=advance)
            self.left_s -= time.perf_counter() - begun
        if not causes:
            return None
        proof_scan = Systematic({"causes": causes, "forms": self.forms}, self.snapshot.info, MOST)
        (proven,) = scan(self.source, self.snapshot, [proof_scan], 1, self.progress).kinds
        return proven if isinstance(proven, Systematic) and not proven.failure else None

    def _moved_far(self) -> Mapping[int, int]:
        """Return by how much entries were renumbered that moved farther than the scan searches."""
        last = self.evidence.last.number if self.evidence and self.evidence.last else None
        if self.evidence is None or last is None or not self.limit_s or not self.readable:
            return NO_MOVES
        numbers = self.evidence.sample.kept[: self.samples]
        self._read(numbers)
        left, moved = MOST_NUMBERS, {}
        for record in filter(None, map(self._one, numbers)):
            end = min(last + FARTHEST, left)
            left -= end
            written = record.written_number(range(1, end + 1))
            if written is not None and written != record.number:
                moved[record.number] = record.number - written
        return moved

    def _reconstructed(
        self, numbers: Sequence[int], known: Sequence[Transformation]
    ) -> dict[int, Reconstruction | Unexplained]:
        """Reconstruct as many of the entries as there is time for."""
        found: dict[int, Reconstruction | Unexplained] = {}
        deadline = time.perf_counter() + self.left_s
        with self.progress(None, HYPOTHESES) as advance:
            for number in numbers:
                suspect = self._suspect(number)
                left = deadline - time.perf_counter()
                if suspect is not None and left > 0:
                    budget = Budget(seconds=min(EACH_S, left))
                    found[number] = reconstruct(suspect, self.vocabulary, budget=budget, known=known, advance=advance)
        self.hypotheses = sum(one.hypotheses for one in found.values())
        self.reconstructed = found
        return found

    def _read(self, numbers: Iterable[int]) -> None:
        """Read these entries and their neighbours, unless they were read before."""
        around = {number + by for number in numbers for by in (-1, 0, 1)} - self.asked
        self.asked |= around
        for stream, entries in read(self.snapshot, around).items():
            self.records[stream] = {**self.records.get(stream, {}), **entries}

    @property
    def here(self) -> StoredEntries:
        """The entries that were read of a ledger with one stream."""
        return self.records.get("", {})

    def _compare(self, compare: Compare, numbers: set[int], missing: Sequence[int]) -> OtherCopy:
        """Compare with the other copy, and read the entries of the ledger that differ there."""
        against = self.against = compare(self.snapshot, sorted({*numbers, *missing}))
        changed = (one.sequence_number for one in against.difference.changes)
        ends = (first for first, _ in against.difference.missing.shown())
        self._read({number for number in (*changed, *ends, *missing[:1], *missing[-1:]) if number is not None})
        return against

    def _one(self, number: int) -> StoredEntry | None:
        return only(self.here, number)

    def _suspect(self, number: int) -> Suspect | None:
        """Return what is known of an entry and its neighbours; None unless it exists exactly once."""
        here, before, after = self._one(number), self._one(number - 1), self._one(number + 1)
        if here is None:
            return None
        accounts = {ENVELOPE: here.envelope} if here.envelope else {}
        if self.against is not None and (said := self.against.hashed_values(number)):
            accounts[self.against.label] = {name: value for name, value in said.items() if name != "entry_hash"}
        committed, is_signed = self._committed(here)
        return Suspect(
            entry=here.entry,
            stored_hash=here.stored_hash,
            committed=committed,
            is_signed=is_signed,
            before=before.entry if before else None,
            before_hash=before.stored_hash if before else None,
            after=after.entry if after else None,
            after_hash=after.stored_hash if after else None,
            accounts=accounts,
        )

    def _committed(self, here: StoredEntry) -> tuple[Value, bool]:
        """Return the hash that another entry or a signed record names for an entry, and whether a record does."""
        after = self.here.get(here.number + 1, ())
        places = self.evidence.places if self.evidence else ()
        links = {one.link for one in after}
        links |= {one.entry.previous_hash for one in places if one.before and one.before.number == here.number}
        if here.stored_hash in links:
            return here.stored_hash, False
        if after:
            return (after[0].link if len(after) == 1 else None), False
        signed = self.signed.get(here.number)
        return signed, signed is not None

    def _with(self, incident: Incident, found: Mapping[int, Reconstruction | Unexplained]) -> Incident:
        """Add what was reconstructed, and the times of the neighbours."""
        first, last = incident.first, incident.last
        if incident.what not in _TO_RECONSTRUCT or first is None or last is None or last - first + 1 != incident.count:
            return incident
        reconstructions = tuple(found[number] for number in sorted(found.keys() & set(range(first, last + 1))))
        before, after = self._one(first - 1), self._one(last + 1)
        incident = replace(
            incident,
            reconstructions=reconstructions,
            time_before=incident.time_before or (before.timestamp if before else ""),
            time_after=incident.time_after or (after.timestamp if after else ""),
        )
        proven = [one for one in reconstructions if isinstance(one, Reconstruction) and one.is_certain]
        if not proven or len(reconstructions) < incident.count:
            return incident
        if incident.count > 1 or not (proven[0].content_changes or proven[0].form):
            return replace(incident, certainty=Certainty.PROVEN, otherwise=())
        return with_original(incident, proven[0])

    def _differences(self, against: OtherCopy, renumbered: int | None) -> Iterator[ChangedEntry]:
        """Yield what the other copy says of the entries that were examined, and of the first that differ.

        From the number `renumbered` on, numbers mean other entries there, so nothing is yielded.
        """
        changed = {one.sequence_number: one for one in against.difference.changes}
        for number in against.of_stream():
            here, there = self._one(number), only(against.of_stream(), number)
            if number not in changed and here is not None and there is not None:
                columns = [name for name in here.columns if name in there.columns]
                pairs = {name: (there.columns[name], here.columns[name]) for name in columns}
                if differing := {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}:
                    changed[number] = ChangedEntry(number, differing)
        comparable = (one for one in changed.values() if renumbered is None or one.number < renumbered)
        yield from sorted(comparable, key=lambda one: one.number)

    def _inspected(self, number: int, asked: str | None, incidents: Sequence[Incident]) -> EntryInspection:
        profile, renumbered = self.snapshot.info.profile, renumbered_from(incidents)
        if self.readable:
            self._read([number])
        stream = chosen_stream([name for name, one in self.records.items() if number in one], number, asked)
        about = [one for one in incidents if one.is_about(number, stream)]
        told = (one for incident in about for one in incident.reconstructions if one.sequence_number == number)
        restored = self.reconstructed.get(number) or next(told, None)
        against = self.against if renumbered is None or number < renumbered else None  # after that it is another entry
        here, survey, chain = self.records.get(stream, {}), self.verification.survey, chain_of(profile)
        made = inspected(number, here, about, against, self.differences, restored, survey, chain, stream)
        return replace(made, sentences=tuple(named(profile, one) for one in made.sentences))

    def _undecided(self, incidents: Sequence[Incident]) -> Iterator[Advice]:
        """Yield what the evidence does not decide, and what would decide it."""
        verification = self.verification
        if self.evidence is None:
            yield Advice("The chain was not examined, because an entry or a column that it needs could not be read.")
        reasons: dict[str, list[str]] = {}
        for outcome in verification.with_status(Status.ERROR):
            reasons.setdefault(outcome.reason, []).append(outcome.check_id)
        for reason, checks in reasons.items():
            yield Advice(f"{', '.join(checks)} could not be evaluated. {reason}")
        if verification.info is not None and verification.info.resumed is not None:
            after = verification.info.resumed.after
            last = (
                at_position(self.snapshot.info.profile, after) if self.snapshot.info.profile.streams else f"{after:,}"
            )
            yield Advice(f"Entries up to {last} were not read, so nothing is known of them.")
        if verification.anchor is None:
            yield from self._unanchored(incidents)
        yield from self._uncovered()

    def _unanchored(self, incidents: Sequence[Incident]) -> Iterator[Advice]:
        """Yield what is undecided because no checkpoint proves any entry."""
        verification, against = self.verification, self.against
        signed = {code for one in verification.outcomes if one.kind == "checkpoint" for code in one.codes}
        last, end_is_known = verification.sequence_range[1], "TRUNCATED" in signed
        if against is not None and not self.snapshot.info.hasher.is_canonical:
            part = f"{against.difference.compared:,} of {verification.size:,} entries"
            yield Advice(
                f"{against.label} has {part}. Only a newer copy shows whether later ones were rewritten or cut off."
            )
        elif against is not None:
            yield from unanswered(against, incidents, verification.size, last, end_is_known=end_is_known)
        elif end_is_known:
            words = (
                "Only an older checkpoint, a backup or an export shows whether the remaining entries were rewritten."
            )
            yield Advice(words, (AGAINST,))
        elif "REWRITTEN" not in signed:
            signs = has_positions(self.snapshot.info.profile)
            other, command = ("a checkpoint, a backup", (CHECKPOINT,)) if signs else ("a backup", ())
            yield Advice(
                f"Only {other} or an export shows whether the whole ledger was rewritten, or its end truncated.",
                (*command, AGAINST),
            )

    def _uncovered(self) -> Iterator[Advice]:
        """Yield the columns that no hash covers, unless a record or the other copy shows that they are unchanged."""
        anchor, against = self.verification.anchor, self.against
        compared_columns = against.difference.columns if against is not None else ()
        profile = self.snapshot.info.profile
        yield from _partly_covered(profile)
        if self.snapshot.info.hasher.sql:
            return
        covered = {*all_hashed_columns(profile), profile.version_column}
        unknown = [name for name in self.snapshot.info.columns if name not in covered and name not in compared_columns]
        proven = anchor.rows if anchor is not None else 0
        if not unknown or self.evidence is None or (anchor is not None and proven >= anchor.total):
            return
        after = f" after entry {proven:,}" if proven else ""
        yield Advice(
            f"No entry hash covers {', '.join(unknown)}{after}. Only a checkpoint with its record, a backup or an "
            "export reliably shows changes there.",
            () if against is not None else (AGAINST,),
        )


def _partly_covered(profile: Profile) -> Iterator[Advice]:
    """Yield what is undecided because hashes of some versions cover less, or the server makes the payloads."""
    versions = [hashed_columns(profile, version) for version in all_versions(profile).values()]
    if None in versions:
        yield Advice("The server makes the payloads by SQL, so it is unknown here which columns the hashes cover.")
    known = [covered for covered in versions if covered is not None]
    if partly := sorted(all_hashed_columns(profile).difference(frozenset.intersection(*known))) if known else []:
        yield Advice(f"Only the hashes of some versions cover {', '.join(partly)}.")


def _signed(verification: Verification) -> Iterator[tuple[int, str]]:
    """Yield number and hash of the last entry of the newest checkpoint with a record."""
    trusted = verification.run_parameters.get("checkpoint", {})
    try:
        found = newest_record({"folders": (), "verifier_keys": (), **trusted})
    except LedgerError:
        return  # the check of checkpoints reports it
    if found is not None:
        yield found[1].entries.end, found[1].last_entry


_TO_RECONSTRUCT = (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH)


def _known(causes: Systematic | None) -> list[Transformation]:
    """Return the proven rules that lead from stored entries to what was hashed, those of most entries first."""
    explained = sorted(causes.explained, key=lambda one: -one.count) if causes else []
    return [one.cause for one in explained if isinstance(one.cause, Transformation)]


def _suspects(chain: Sequence[Incident], most: int) -> tuple[list[int], int]:
    """Return the entries to examine one by one, spread over the incidents, and how many are left out."""
    ranges = [
        (one.first, one.last)
        for one in chain
        if one.what in _TO_RECONSTRUCT and one.first is not None and one.last is not None
        if one.last - one.first + 1 == one.count  # others were changed alike and are one incident
    ]
    total = sum(last - first + 1 for first, last in ranges)
    taken: list[int] = []
    depth = 0
    while len(taken) < min(most, total):
        taken += [first + depth for first, last in ranges if first + depth <= last]
        depth += 1
    taken = taken[:most]
    return sorted(taken), total - len(taken)
