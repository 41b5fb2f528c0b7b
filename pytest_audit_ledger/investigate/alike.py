"""Tell entries that were changed alike in one sentence, and those that nobody can match to their hashes. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_audit_ledger.investigate.incident import (
    AGAINST,
    Advice,
    Certainty,
    Incident,
    IncidentType,
    capital,
    counted,
)
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained, Witness
from pytest_audit_ledger.investigate.reconstruction_text import shown
from pytest_audit_ledger.model.outcome import Outcome

FEWEST = 3
"""Entries that one sentence describes; two are described one by one."""


def joined(incidents: Sequence[Incident]) -> list[Incident]:
    """Return incidents with edits of single entries joined if the same was changed, or if nothing is known of any."""
    groups: dict[object, list[Incident]] = {}
    for one in incidents:
        if (key := _likeness(one)) is not None:
            groups.setdefault(key, []).append(one)
    many = [group for group in groups.values() if len(group) >= FEWEST]
    taken = {id(one) for group in many for one in group}
    return [*(one for one in incidents if id(one) not in taken), *map(_joined, many)]


def _likeness(incident: Incident) -> object:
    """Return what must be equal for one sentence to report two incidents; None if it has a sentence of its own."""
    if incident.what is not IncidentType.EDIT or incident.count != 1:
        return None
    found = incident.reconstructions
    if not found or isinstance(found[0], Unexplained):
        return incident.certainty, incident.because[:1]
    changes = tuple((one.column, one.original, one.stored) for one in found[0].changes)
    return found[0].witness, found[0].form, changes


def _joined(group: Sequence[Incident]) -> Incident:
    first, *_, last = group
    count, found = len(group), first.reconstructions
    sentence = f"{counted(count)} between {first.first or 0:,} and {last.last or 0:,}"
    reconstructions = tuple(one for incident in group for one in incident.reconstructions)
    common = tuple(line for line in first.because if all(line in one.because for one in group))
    if found and isinstance(found[0], Reconstruction):
        now = " and ".join(f"{one.column} {shown(one.stored)}" for one in found[0].content_changes)
        was = " and ".join(f"{one.column} {shown(one.original)}" for one in found[0].content_changes)
        proof = "the stored hash of each" if found[0].witness in (Witness.BOTH, Witness.OWN) else "a later hash of each"
        sentence = f"{sentence} were written with {was}; they now have {now}: {proof} proves this."
        reconstructions = ()
    else:
        sentence = f"{sentence} do not match their stored hashes."
    return replace(
        first,
        last=last.last,
        count=count,
        sentence=sentence,
        because=common,
        reconstructions=reconstructions,
        time_after=last.time_after,
    )


def with_unknown(outcome: Outcome | None, chain: Sequence[Incident]) -> list[Incident]:
    """Return the incidents of a chain in which hardly any entry matches its hash, with these entries as one incident.

    `outcome` is that of the check of entry hashes. What is proven of single entries stays.
    """
    finding = next((one for one in outcome.findings if one.code == "HASHES_UNKNOWN"), None) if outcome else None
    if finding is None:
        return list(chain)
    start = finding.sequence_number or 0
    unknown = [one for one in chain if _is_unknown(one) and (one.first is None or one.first >= start)]
    count = sum(one.count for one in unknown)
    if not count:
        return list(chain)
    firsts = [one.first for one in unknown if one.first is not None]
    lasts = [one.last for one in unknown if one.last is not None]
    sentence = (
        f"{capital(counted(count))} do not match their stored hash in any known form, and no edit of them is proven."
    )
    because = ("Hardly any entry matches there, as if a writer or a migration had changed something for all of them.",)
    otherwise = tuple(f"{capital(cause)}." for cause in finding.message.partition(": ")[2].split(", or "))
    step = (
        Advice(
            "Find out how the writer made these hashes. A copy from before shows whether the entries were changed.",
            (AGAINST,),
        ),
    )
    incident = Incident(
        IncidentType.HASHES_UNKNOWN,
        min(firsts, default=None),
        max(lasts, default=None),
        count,
        sentence,
        Certainty.OPEN,
        because,
        otherwise,
        step,
    )
    return sorted([*(one for one in chain if one not in unknown), incident], key=lambda one: one.first or 0)


def _is_unknown(incident: Incident) -> bool:
    """Whether an incident says no more than that entries do not match, or was not examined."""
    unexamined = incident.what is IncidentType.UNEXPLAINED and incident.first is None
    return unexamined or (incident.what is IncidentType.EDIT and incident.certainty is not Certainty.PROVEN)
