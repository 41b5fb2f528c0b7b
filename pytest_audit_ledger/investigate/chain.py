"""The faults of a chain that are still to be explained. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan, Fault, Place, Run, Runs
from pytest_audit_ledger.investigate.systematic import Systematic

NO_MOVES: Mapping[int, int] = {}


class Chain:
    """The places and runs that are still to be explained; each step of `classify` takes out what it explains."""

    def __init__(
        self, evidence: EvidenceScan, causes: Systematic | None = None, moved: Mapping[int, int] = NO_MOVES
    ) -> None:
        """Take the evidence, the proven common causes, and by how much entries were renumbered that moved far."""
        self.evidence = evidence
        self.causes = causes
        self.places: list[Place] = list(evidence.places)
        self.runs: list[Run] = list(_split_off(evidence.runs.kept, moved))
        self.unkept = evidence.runs.entries - sum(run.count for run in self.runs)
        """Entries that do not match their hash and are in no run that was kept."""
        if causes is not None:
            self._keep_unexplained(causes)
        self.moved: list[Run] = []
        """The runs that were renumbered, once they are explained."""
        self.first = evidence.first.number if evidence.first else None
        self.last = evidence.last.number if evidence.last else None

    def _keep_unexplained(self, causes: Systematic) -> None:
        moved = [run for run in self.runs if run.moved]
        numbers = [
            number
            for number in causes.unexplained_numbers
            if number is not None and not any(run.first <= number <= run.last for run in moved)
        ]
        runs = Runs()
        for number in numbers:
            runs.add(Run(number, number, 1))
        self.runs = sorted([*moved, *runs.kept], key=lambda run: run.first)
        self.unkept = max(0, causes.unexplained - self.evidence.runs.moved - len(numbers))

    def at(self, number: int | None, faults: Fault = Fault.LINK) -> Place | None:
        """Return the first unexplained place with one of these faults at an entry."""
        found = (p for p in self.places if p.entry.number == number and p.faults & faults)
        return next(found, None)

    def after(self, number: int) -> Place | None:
        """Return the fault of the entry after this number, explained or not; None if it has none."""
        places = self.evidence.places
        return next((p for p in places if p.before is not None and p.before.number == number != p.entry.number), None)

    def take(self, *places: Place | None) -> None:
        """Take out places that are explained."""
        self.places = [place for place in self.places if not any(place is one for one in places)]

    def clear(self, number: int | None, faults: Fault) -> None:
        """Take out these faults of an entry."""
        found = (replace(p, faults=p.faults & ~faults) if p.entry.number == number else p for p in self.places)
        self.places = [place for place in found if place.faults]

    def drop(self, first: int, last: int, faults: Fault) -> None:
        """Take out the places of these entries that have no other faults than these."""
        self.places = [
            place
            for place in self.places
            if not (place.entry.number is not None and first <= place.entry.number <= last and place.faults in faults)
        ]


def _split_off(runs: Sequence[Run], moved: Mapping[int, int]) -> Iterator[Run]:
    """Yield runs, with each entry that was renumbered as a run of its own."""
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
