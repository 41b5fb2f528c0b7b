"""What does not fit in a chain and is still to be explained. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_audit_ledger.investigate.evidence_scan import Evidence, Fault, Place, Run, Runs
from pytest_audit_ledger.investigate.numbers import NO_MOVES, apart
from pytest_audit_ledger.investigate.systematic import Systematic


class Chain:
    """What is still to be explained: places in order, and runs of entries that do not hash to their entry_hash."""

    def __init__(
        self, evidence: Evidence, causes: Systematic | None = None, moved: Mapping[int, int] = NO_MOVES
    ) -> None:
        """Take the evidence, what was proven of causes that many have in common, and by how much others were moved."""
        self.evidence = evidence
        self.causes = causes
        self.places: list[Place] = list(evidence.places)
        self.runs: list[Run] = list(apart(evidence.runs.kept, moved))
        self.unkept = evidence.runs.entries - sum(run.count for run in self.runs)
        """Entries whose hash does not fit, and of which no run was kept."""
        if causes is not None:
            self._leave_what_no_cause_explains(causes)
        self.moved: list[Run] = []
        """Those that were renumbered, once that was explained."""
        self.first = evidence.first.number if evidence.first else None
        self.last = evidence.last.number if evidence.last else None

    def _leave_what_no_cause_explains(self, causes: Systematic) -> None:
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

    def behind(self, number: int) -> Place | None:
        """Return what is amiss at the entry that stands behind this number, explained or not; None where nothing is."""
        places = self.evidence.places
        return next((p for p in places if p.before is not None and p.before.number == number != p.entry.number), None)

    def take(self, *places: Place | None) -> None:
        """Take away what is explained."""
        self.places = [place for place in self.places if not any(place is one for one in places)]

    def clear(self, number: int | None, faults: Fault) -> None:
        """Take away these faults of what is amiss at an entry."""
        found = (replace(p, faults=p.faults & ~faults) if p.entry.number == number else p for p in self.places)
        self.places = [place for place in found if place.faults]

    def drop(self, first: int, last: int, faults: Fault) -> None:
        """Take away the places at these entries that have no other faults than these."""
        self.places = [
            place
            for place in self.places
            if not (place.entry.number is not None and first <= place.entry.number <= last and place.faults in faults)
        ]
