"""What an edited entry said when it was written, as another copy has it, if a hash proves it. No I/O.

A SKI ledger needs none of this: what another copy says is among the hypotheses that are hashed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_audit_ledger.investigate.hypotheses import of_account
from pytest_audit_ledger.investigate.incident import Incident, IncidentType, capital
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Restored, witness_of
from pytest_audit_ledger.investigate.reconstruction_text import proof, with_original
from pytest_audit_ledger.investigate.stored_entries import ByStream, chain_of, only
from pytest_audit_ledger.model.profile import HASH, PREVIOUS, Profile

_EDITS = (IncidentType.EDIT, IncidentType.EDIT_WITH_HASH, IncidentType.HASH_ALTERED)


def with_copy(against: OtherCopy, incidents: Iterable[Incident], here: ByStream, profile: Profile) -> list[Incident]:
    """Return incidents with what the other copy has of single entries; `here` are those of the ledger."""
    return [_told(against, one, here, profile) for one in incidents]


def _told(against: OtherCopy, incident: Incident, here: ByStream, profile: Profile) -> Incident:
    is_one = incident.what in _EDITS and incident.count == 1 and incident.first is not None
    found = _restored(against, incident.stream, incident.first or 0, here, profile) if is_one else None
    if found is None:
        return incident
    if not found.changes or any(isinstance(one, Reconstruction) for one in incident.reconstructions):
        why = "has this content." if found.changes else "has another payload, which has this hash."
        return replace(incident, because=(*incident.because, f"{against.label} {why}"))
    incident = replace(incident, reconstructions=(found,))
    if found.is_certain:
        return with_original(incident, found)
    return replace(incident, because=(f"{capital(proof(found))}.", *incident.because))


def _restored(against: OtherCopy, stream: str, number: int, here: ByStream, profile: Profile) -> Reconstruction | None:
    """Return what an entry said when it was hashed, if the other copy has content with a hash that proves it."""
    entries = here.get(stream, {})
    ours, theirs, after = only(entries, number), only(against.of_stream(stream), number), only(entries, number + 1)
    if ours is None or theirs is None or not theirs.fits:
        return None
    committed = after.link if after else None
    if theirs.stored_hash not in (ours.stored_hash, committed):
        return None
    covered = chain_of(profile).covered(theirs.columns)
    named = {profile.column(HASH): HASH, profile.column(PREVIOUS): PREVIOUS}
    changes = tuple(
        Restored(named.get(name, name), value, ours.columns.get(name), of_account(against.label))
        for name, value in theirs.columns.items()
        if name in covered and value != ours.columns.get(name, value)
    )
    witness = witness_of(theirs.stored_hash, ours.stored_hash, committed)
    return Reconstruction(number, changes, None, theirs.stored_hash or "", witness, 1)
