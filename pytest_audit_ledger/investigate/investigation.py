"""What happened to a ledger: the evidence of a verification put together, and told in order of the ledger.

A verification says that something does not fit. An investigation of the same snapshot says what happened: to which
entries, what they said before, how sure that is, and what to do next. What the evidence cannot decide is said as such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_audit_ledger.investigate.against import Against, Changed, compared, missing_here, renumbered_from
from pytest_audit_ledger.investigate.classification import classify
from pytest_audit_ledger.investigate.evidence_scan import MOST, Evidence, Runs
from pytest_audit_ledger.investigate.gaps import before_gaps, decided
from pytest_audit_ledger.investigate.hypotheses import Suspect, Vocabulary
from pytest_audit_ledger.investigate.incident import (
    AGAINST,
    CHECKPOINT,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    followable,
)
from pytest_audit_ledger.investigate.inspection import EntryInspection, absent, standing
from pytest_audit_ledger.investigate.numbers import NO_MOVES, moved_far
from pytest_audit_ledger.investigate.other_copy import other_copy, unanswered
from pytest_audit_ledger.investigate.reconstruction import Budget, Reconstruction, Unexplained, Witness, reconstruct
from pytest_audit_ledger.investigate.rewritings import Transformation
from pytest_audit_ledger.investigate.stored_entries import StoredEntries, StoredEntry, only, read
from pytest_audit_ledger.investigate.surroundings import surroundings
from pytest_audit_ledger.investigate.systematic import Systematic, find
from pytest_audit_ledger.model.outcome import DEFAULT_SAMPLES, Status
from pytest_audit_ledger.model.progress import ENTRIES, Progress, no_progress
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.verify.scan import scan
from pytest_audit_ledger.verify.verification import Verification

DEFAULT_LIMIT_S = 60
"""Seconds that reconstructions may take in all."""

CAUSES_S = 10.0
"""Seconds that the search for a cause may take that many entries have in common; proving it takes one more pass."""

USUAL_TABLE = "public.ledger_entries"
"""The table that a ledger has unless told otherwise."""

EACH_S = 5.0
"""Seconds that the reconstruction of one entry may take."""

HYPOTHESES = " hypotheses"

Compare = Callable[[Snapshot, Sequence[int]], Against]
"""Compares the ledger with another copy, and reads these entries there."""


@dataclass(frozen=True)
class Investigation:
    """What a verification found, and what happened, as far as the evidence shows it.

    `incidents` are in order of the ledger; those about no entry come last. `differences` are what the other copy says
    of the entries that were looked at, column by column. `undecided` says what could not be told. `hypotheses` is how
    many were hashed, in at most `limit_s` seconds; `left_out` is how many entries were changed and not looked at one by
    one, because there were more than the samples, or the time was up. `options` are those that name the ledger to a
    command, without secrets.
    """

    verification: Verification
    incidents: tuple[Incident, ...]
    against: Against | None
    differences: tuple[Changed, ...]
    looked: EntryInspection | None
    undecided: tuple[Advice, ...]
    hypotheses: int
    left_out: int
    options: tuple[str, ...]
    limit_s: float
    duration_s: float

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to investigate."""
        return self.verification.is_valid and not self.incidents and (self.looked is None or self.looked.fits)

    @property
    def differs(self) -> bool:
        """Whether the other copy shows what the ledger itself does not."""
        against = self.against
        return against is not None and any(one.what in _SHOWN_BY_ANOTHER for one in self.incidents)


class Inquiry:
    """One investigation, of what a verification of this snapshot found that took an `Evidence` along (see `verify`)."""

    def __init__(
        self,
        source: Source,
        snapshot: Snapshot,
        verification: Verification,
        samples: int = DEFAULT_SAMPLES,
        limit_s: float | None = None,
        progress: Progress = no_progress,
    ) -> None:
        """Take the snapshot and its verification; `samples` entries are looked at, in `limit_s` seconds at most."""
        limit_s = DEFAULT_LIMIT_S if limit_s is None else limit_s
        self.begun = time.perf_counter()
        self.source, self.snapshot, self.verification = source, snapshot, verification
        self.samples, self.limit_s, self.progress = samples, limit_s, progress
        table = [] if verification.table in ("", USUAL_TABLE) else ["--table", verification.table]
        self.options = ("--ledger-db", source.label, *table)
        self.evidence = next((fold for fold in verification.extra_scans if isinstance(fold, Evidence)), None)
        self.vocabulary = Vocabulary(self.evidence.vocabulary() if self.evidence else {})
        self.hypotheses = 0
        self.left_s = limit_s
        """Seconds left for reconstructions."""
        self.readable = snapshot.unreadable("sequence_number") is None
        self.records: StoredEntries = {}
        self.asked: set[int] = set()
        """The numbers of entries that were read, or are not there."""
        self.against: Against | None = None
        self.differences: tuple[Changed, ...] = ()

    def run(self, entry: int | None = None, compare: Compare | None = None) -> Investigation:
        """Look at everything in turn, and at `entry` in any case; `compare` compares with another copy.

        Raises SourceError where the entries, or the other copy, cannot be read.
        """
        causes = self._causes()
        moved = self._moved_far() if causes is None else NO_MOVES
        chain = classify(self.evidence, causes, moved) if self.evidence else []
        suspects, left_out = _suspects(chain, self.samples)
        asked = {entry} if entry is not None else set()
        if self.readable:
            self._read({*suspects, *asked, *before_gaps(chain)})
        if compare is not None and self.readable:
            self._compare(compare, {*suspects, *asked}, missing_here(chain))
        found = self._reconstructed(suspects, _known(causes))
        left_out += sum(number not in found and self._suspect(number) is not None for number in suspects)
        chain = [decided(self._with(incident, found), found, self.records) for incident in chain]
        incidents = surroundings(self.verification, chain)
        if self.against is not None:
            last = self.evidence.last.number if self.evidence and self.evidence.last else None
            beside = list(other_copy(self.against, incidents, self.records, last))
            incidents = [*compared(self.against, incidents, self.records, last), *beside]
            self.differences = tuple(self._differences(renumbered_from(incidents)))
        incidents = [replace(one, next_step=followable(one.next_step, self.options)) for one in incidents]
        return Investigation(
            verification=self.verification,
            incidents=tuple(sorted(incidents, key=_place)),
            against=self.against,
            differences=self.differences,
            looked=self._looked(entry, incidents, found.get(entry)) if entry is not None else None,
            undecided=followable([*self._undecided(incidents)], self.options),
            hypotheses=self.hypotheses,
            left_out=left_out,
            options=self.options,
            limit_s=self.limit_s,
            duration_s=time.perf_counter() - self.begun + self.verification.duration_s,
        )

    def _causes(self) -> Systematic | None:
        """Return what is proven of causes that many entries have in common, where there are many that do not fit."""
        runs = self.evidence.runs if self.evidence else Runs()
        if self.evidence is None or runs.entries - runs.moved <= self.samples or not self.limit_s:
            return None
        numbers = self.evidence.sample.kept
        self.records = read(self.snapshot, {number + by for number in numbers for by in (-1, 0, 1)})
        sample = list(filter(None, map(self._suspect, numbers)))
        with self.progress(len(sample), ENTRIES) as advance:
            begun = time.perf_counter()
            causes = find(sample, self.vocabulary, seconds=min(CAUSES_S, self.limit_s / 2), advance=advance)
            self.left_s -= time.perf_counter() - begun
        if not causes:
            return None
        fold = Systematic({"causes": causes}, self.snapshot.info, MOST)
        (proven,) = scan(self.source, self.snapshot, [fold], 1, self.progress).kinds
        return proven if isinstance(proven, Systematic) and not proven.failure else None

    def _moved_far(self) -> Mapping[int, int]:
        """Return by how much entries were renumbered of those that do not fit, where that is too far for the pass."""
        last = self.evidence.last.number if self.evidence and self.evidence.last else None
        if self.evidence is None or last is None or not self.limit_s or not self.readable:
            return NO_MOVES
        numbers = self.evidence.sample.kept[: self.samples]
        self._read(numbers)
        return moved_far([one for one in map(self._one, numbers) if one is not None], last)

    def _reconstructed(
        self, numbers: Sequence[int], known: Sequence[Transformation]
    ) -> dict[int, Reconstruction | Unexplained]:
        """Reconstruct the entries, as many as there is time for."""
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
        return found

    def _read(self, numbers: Iterable[int]) -> None:
        """Read these entries and their neighbours, but for what was read before."""
        around = {number + by for number in numbers for by in (-1, 0, 1)} - self.asked
        self.asked |= around
        self.records = {**self.records, **read(self.snapshot, around)}

    def _compare(self, compare: Compare, numbers: set[int], missing: Sequence[int]) -> None:
        """Compare with the other copy, and read here what is told of there."""
        self.against = compare(self.snapshot, sorted({*numbers, *missing}))
        told = (one.sequence_number for one in self.against.changes)
        ends = (one for range_ in self.against.missing_ranges for one in range_[:1])
        self._read({number for number in (*told, *ends, *missing[:1], *missing[-1:]) if number is not None})

    def _one(self, number: int) -> StoredEntry | None:
        return only(self.records, number)

    def _suspect(self, number: int) -> Suspect | None:
        """Return what is known of an entry and its neighbours; None where it is not there, or there twice."""
        here, before, after = self._one(number), self._one(number - 1), self._one(number + 1)
        if here is None:
            return None
        accounts = {"its envelope": here.envelope} if here.envelope else {}
        if self.against is not None and (said := self.against.said(number)):
            accounts[self.against.label] = {name: value for name, value in said.items() if name != "entry_hash"}
        return Suspect(
            entry=here.entry,
            stored_hash=here.stored_hash,
            committed=after.link if after else None,
            before=before.entry if before else None,
            before_hash=before.stored_hash if before else None,
            after=after.entry if after else None,
            after_hash=after.stored_hash if after else None,
            accounts=accounts,
        )

    def _with(self, incident: Incident, found: Mapping[int, Reconstruction | Unexplained]) -> Incident:
        """Add what was reconstructed, and the times of the neighbours."""
        if incident.what not in _TO_RECONSTRUCT or incident.first is None or incident.last is None:
            return incident
        if incident.last - incident.first + 1 != incident.count:
            return incident
        within = range(incident.first, incident.last + 1)
        reconstructions = tuple(found[number] for number in sorted(found.keys() & set(within)))
        before, after = self._one(incident.first - 1), self._one(incident.last + 1)
        proven = any(
            isinstance(one, Reconstruction) and one.witness in (Witness.BOTH, Witness.LINK) for one in reconstructions
        )
        whole = proven and len(reconstructions) == incident.count
        return replace(
            incident,
            reconstructions=reconstructions,
            time_before=incident.time_before or (before.columns.get("timestamp") or "" if before else ""),
            time_after=incident.time_after or (after.columns.get("timestamp") or "" if after else ""),
            certainty=Certainty.PROVEN if whole else incident.certainty,
            otherwise=() if whole else incident.otherwise,
        )

    def _differences(self, renumbered: int | None) -> Iterator[Changed]:
        """Yield what the other copy says of entries, of those that were looked at and of the first that differ.

        From the number `renumbered` on, numbers are those of other entries there, so nothing is told.
        """
        if self.against is None:
            return
        told = {one.sequence_number: one for one in self.against.changes}
        for number in self.against.records:
            here, there = self._one(number), self.against.one(number)
            if number not in told and here is not None and there is not None:
                columns = [name for name in here.columns if name in there.columns]
                pairs = {name: (there.columns[name], here.columns[name]) for name in columns}
                differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
                if differing:
                    told[number] = Changed(number, differing)
        comparable = (one for one in told.values() if renumbered is None or (one.sequence_number or 0) < renumbered)
        yield from sorted(comparable, key=lambda one: one.sequence_number or 0)

    def _looked(
        self, number: int, incidents: Sequence[Incident], found: Reconstruction | Unexplained | None
    ) -> EntryInspection:
        about = [one for one in incidents if one.is_about(number)]
        renumbered = renumbered_from(incidents)
        against = self.against if renumbered is None or number < renumbered else None  # where it is another entry
        if self.records.get(number):
            return standing(number, self.records, about, against, self.differences, found)
        return absent(number, self.records, about, against, self.verification.survey)

    def _undecided(self, incidents: Sequence[Incident]) -> Iterator[Advice]:
        """Yield what could not be told, and what would tell it."""
        verification = self.verification
        if self.evidence is None:
            yield Advice(
                "The chain was not looked at, because not every entry, or column, that it needs could be read."
            )
        reasons: dict[str, list[str]] = {}
        for outcome in verification.with_status(Status.ERROR):
            reasons.setdefault(outcome.reason, []).append(outcome.check_id)
        for reason, checks in reasons.items():
            yield Advice(f"{', '.join(checks)} could not be evaluated. {reason}")
        if verification.info is not None and verification.info.resumed is not None:
            after = verification.info.resumed.after
            yield Advice(f"Entries up to {after:,} were not read, so nothing is known of them.")
        if verification.anchor is not None:
            return
        signed = {code for one in verification.outcomes if one.kind == "checkpoint" for code in one.codes}
        last, end_is_known = verification.sequence_range[1], "TRUNCATED" in signed
        if self.against is not None:
            yield from unanswered(self.against, incidents, verification.size, last, end_is_known=end_is_known)
        elif end_is_known:
            yield Advice(
                "Whether the entries that are left were rewritten, only an older checkpoint, a backup or an export "
                "tells.",
                (AGAINST,),
            )
        elif "REWRITTEN" not in signed:
            yield Advice(
                "Whether the ledger was rewritten as a whole, or its end cut off, only something kept elsewhere tells: "
                "a checkpoint, or a backup or an export.",
                (CHECKPOINT, AGAINST),
            )


_SHOWN_BY_ANOTHER = (IncidentType.REWRITE, IncidentType.TRUNCATION, IncidentType.UNCOVERED, IncidentType.OTHER_COPY)

_TO_RECONSTRUCT = (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH)


def _known(causes: Systematic | None) -> list[Transformation]:
    """Return what stands between entries of the ledger and what was hashed, by how many entries it is proven for."""
    explained = sorted(causes.explained, key=lambda one: -one.count) if causes else []
    return [one.cause for one in explained if isinstance(one.cause, Transformation)]


def _suspects(chain: Sequence[Incident], most: int) -> tuple[list[int], int]:
    """Return the entries to look at one by one, spread over the incidents, and how many are left out."""
    ranges = [
        (one.first, one.last)
        for one in chain
        if one.what in _TO_RECONSTRUCT and one.first is not None and one.last is not None
        if one.last - one.first + 1 == one.count  # others were changed alike, and are told as one
    ]
    total = sum(last - first + 1 for first, last in ranges)
    taken: list[int] = []
    depth = 0
    while len(taken) < min(most, total):
        taken += [first + depth for first, last in ranges if first + depth <= last]
        depth += 1
    taken = taken[:most]
    return sorted(taken), total - len(taken)


def _place(incident: Incident) -> tuple[bool, int]:
    return incident.first is None, incident.first or 0
