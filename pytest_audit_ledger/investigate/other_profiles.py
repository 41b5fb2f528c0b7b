"""Investigate a ledger of another profile than ski: stream by stream, in the words of its own columns."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_audit_ledger.investigate.alike import joined
from pytest_audit_ledger.investigate.by_recipe import Found, read_stream, reconstructed
from pytest_audit_ledger.investigate.classification import classify, forms_in
from pytest_audit_ledger.investigate.evidence_scan import EvidenceScan
from pytest_audit_ledger.investigate.incident import Advice, Certainty, Incident, IncidentType, counted
from pytest_audit_ledger.investigate.reconstruction import Reconstruction
from pytest_audit_ledger.investigate.reconstruction_text import with_original
from pytest_audit_ledger.model.batch import shown
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import BEFORE, HASH, PREVIOUS, Profile
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.sources.source import Snapshot

EACH_S = 5.0
"""Seconds that the reconstruction of one entry may take."""


@dataclass(frozen=True)
class StreamIncidents:
    """What happened in all streams; how many hypotheses were hashed, and how many entries were not examined."""

    incidents: tuple[Incident, ...]
    hypotheses: int
    left_out: int


def incidents_of(
    snapshot: Snapshot, evidence: EvidenceScan, most: int, limit_s: float, progress: Progress
) -> StreamIncidents:
    """Return what happened in each stream; reconstruct up to `most` entries, for up to `limit_s` seconds.

    Raises SourceError if the entries cannot be read again.
    """
    info, deadline = snapshot.info, time.perf_counter() + limit_s
    forms = forms_in(evidence) if info.profile.streams else ()
    incidents = [replace(_in_own_words(info, "", one), stream=one.stream) for one in forms]
    hypotheses = left_out = 0
    with progress(None, " hypotheses") as advance:
        for one in evidence.by_stream:
            chain = classify(one)
            suspects = _suspects(chain)
            chosen = suspects[: max(0, most)] if limit_s and not info.hasher.sql else []
            most, left_out = most - len(chosen), left_out + len(suspects) - len(chosen)
            entries = read_stream(snapshot, one, {number + by for number in chosen for by in (-1, 0, 1)})
            found: dict[int, Found] = {}
            for number in chosen:
                until = min(deadline, time.perf_counter() + EACH_S)
                if number in entries:
                    found[number] = reconstructed(info, one, entries, number, until, advance)
            hypotheses += sum(result.hypotheses for result in found.values())
            told = joined([_with(incident, found) for incident in chain])
            incidents += [_in_own_words(info, one.stream, incident) for incident in told]
    incidents += _beyond(evidence)
    return StreamIncidents(tuple(incidents), hypotheses, left_out)


def _suspects(chain: Sequence[Incident]) -> list[int]:
    """Return the single entries that were changed."""
    return [one.first for one in chain if one.what is IncidentType.EDIT and one.count == 1 and one.first is not None]


def _with(incident: Incident, found: Mapping[int, Found]) -> Incident:
    """Return an incident with what its entry said when it was written."""
    one = found.get(incident.first or 0) if incident.what is IncidentType.EDIT and incident.count == 1 else None
    if one is None:
        return incident
    incident = replace(incident, reconstructions=(one,))
    return with_original(incident, one) if isinstance(one, Reconstruction) and one.is_certain else incident


def _in_own_words(info: LedgerInfo, stream: str, incident: Incident) -> Incident:
    """Return an incident that names its stream and the table's own columns, and proves no more than the hash covers."""
    profile = info.profile
    if incident.certainty is Certainty.PROVEN and not incident.reconstructions and not _covers_link(info):
        incident = replace(incident, certainty=Certainty.FITS)
    place = f"Stream {printable(shown(stream))}: " if stream else ""
    return replace(
        incident,
        stream=shown(stream) if stream else "",
        sentence=f"{place}{named(profile, incident.sentence)}",
        in_full=f"{place}{named(profile, incident.in_full)}" if incident.in_full else "",
        because=tuple(named(profile, line) for line in incident.because),
        otherwise=tuple(named(profile, line) for line in incident.otherwise),
        next_step=tuple(Advice(named(profile, one.words), one.commands) for one in incident.next_step),
    )


def _covers_link(info: LedgerInfo) -> bool:
    """Whether the hash of each entry covers the hash of the one before it."""
    return bool(info.hasher.sql) or not {PREVIOUS, BEFORE}.isdisjoint(info.hasher.columns)


def named(profile: Profile, text: str) -> str:
    """Return words about the columns of the chain with the names that they have in the table."""
    return re.sub(rf"\b({HASH}|{PREVIOUS})\b", lambda found: profile.column(found[0]), text)


def _beyond(evidence: EvidenceScan) -> Iterator[Incident]:
    if evidence.streams_left_out:
        count = evidence.streams_left_out
        sentence = (
            f"{counted(count, 'more stream has', 'more streams have')} faults that were counted but not examined."
        )
        step = Advice("Resolve the incidents above first, and investigate again.")
        yield Incident(IncidentType.UNEXPLAINED, None, None, count, sentence, Certainty.OPEN, next_step=(step,))
