"""An investigation as JSON; `checks/investigation.schema.json` describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.investigate.incident import Incident, Unlisted, commands, listed, words
from pytest_audit_ledger.investigate.inspection import EntryInspection
from pytest_audit_ledger.investigate.other_copy import OtherCopy
from pytest_audit_ledger.investigate.reconstruction import Reconstruction, Unexplained
from pytest_audit_ledger.investigate.reconstruction_text import sentence
from pytest_audit_ledger.investigate.results import Investigation
from pytest_audit_ledger.model.difference import ChangedEntry
from pytest_audit_ledger.model.outcome import LONGEST_TEXT
from pytest_audit_ledger.model.printable import ascii_json, clip
from pytest_audit_ledger.output.investigation_text import before, conclusion
from pytest_audit_ledger.output.verification_json import as_json as verification_json

SCHEMA_VERSION = 1


def as_text(found: Investigation) -> str:
    """Return the investigation as JSON text, with every control character escaped."""
    return ascii_json(as_json(found))


def as_json(found: Investigation) -> dict[str, Any]:
    """Return the investigation with its verification, ready for `json.dumps`."""
    return {
        "schema_version": SCHEMA_VERSION,
        **without_verification(found),
        "verification": verification_json(found.verification),
    }


def without_verification(found: Investigation) -> dict[str, Any]:
    """Return the investigation without its verification, as a report holds it."""
    entry = found.inspection
    shown, more = listed(found.incidents, found.samples, entry.number if entry else None, entry.stream if entry else "")
    return {
        "conclusion": conclusion(found),
        "incidents": [_incident(one, found.verification.given) for _, one in shown],
        "more_incidents": [_unlisted(one) for one in more],
        "entry": _inspection(entry) if entry else None,
        "against": _against(found.against, found.differences) if found.against else None,
        "undecided": [one.words for one in found.undecided],
        "commands": commands(found.undecided, found.verification.given),
        "hypotheses": found.hypotheses,
        "entries_left_out": found.left_out,
        "limit_seconds": found.limit_s,
        "duration_s": round(found.duration_s, 3),
    }


def _clipped(value: str | None) -> str | None:
    return None if value is None else clip(value, LONGEST_TEXT)


def _incident(incident: Incident, given: Given) -> dict[str, Any]:
    return {
        "what": incident.what.value,
        **({"stream": incident.stream} if incident.stream else {}),
        "first": incident.first,
        "last": incident.last,
        "count": incident.count,
        "sentence": clip(incident.sentence, LONGEST_TEXT),
        "certainty": incident.certainty.value,
        "time_before": incident.time_before,
        "time_after": incident.time_after,
        "because": [clip(one, LONGEST_TEXT) for one in incident.because],
        "otherwise": list(incident.otherwise),
        "next": words(incident.next_step, given),
        "commands": commands(incident.next_step, given),
        "before": [clip(one, LONGEST_TEXT) for one in before(incident)],
        "reconstructions": [_reconstruction(one) for one in incident.reconstructions],
    }


def _unlisted(more: Unlisted) -> dict[str, Any]:
    return {**asdict(more), "what": more.what.value, "sentence": more.sentence}


def _reconstruction(found: Reconstruction | Unexplained) -> dict[str, Any]:
    common = {
        "sequence_number": found.sequence_number,
        "sentence": clip(sentence(found), LONGEST_TEXT),
        "hypotheses": found.hypotheses,
    }
    if isinstance(found, Unexplained):
        return {**common, "proven_by": None, "witness": None, "stopped": found.stopped.value, "columns": {}}
    columns = {
        one.column: {"before": _clipped(one.original), "now": _clipped(one.stored), "excluded": one.excluded}
        for one in found.changes
    }
    return {
        **common,
        "proven_by": found.proven_by,
        "witness": found.witness.value,
        "stopped": None,
        "columns": columns,
    }


def _inspection(entry: EntryInspection) -> dict[str, Any]:
    return {
        "sequence_number": entry.number,
        **({"stream": entry.stream} if entry.stream else {}),
        "fits": entry.fits,
        "uncovered": list(entry.uncovered),
        "sentences": [clip(one, LONGEST_TEXT) for one in entry.sentences],
        "found": [{name: _clipped(value) for name, value in one.columns.items()} for one in entry.records],
        "there": [{name: _clipped(value) for name, value in one.columns.items()} for one in entry.there],
        "reconstruction": _reconstruction(entry.reconstruction) if entry.reconstruction else None,
    }


def _against(against: OtherCopy, differences: tuple[ChangedEntry, ...]) -> dict[str, Any]:
    return {
        "ledger": against.label,
        "last": against.last,
        "entries": {
            "same": against.difference.same,
            "changed": against.difference.changed,
            "only_there": against.difference.missing.count,
            "only_here": against.difference.added.count,
            "unjudged": against.difference.unjudged,
        },
        "compared": [list(one) for one in against.numbers(against.difference.both)],
        "only_there": [list(one) for one in against.numbers(against.difference.missing)],
        "only_here": [list(one) for one in against.numbers(against.difference.added)],
        "changed_columns": dict(against.difference.changed_columns),
        "differences": list(map(_difference, differences)),
        "notes": list(against.notes),
    }


def _difference(changed: ChangedEntry) -> dict[str, Any]:
    return {
        **({"stream": changed.stream} if changed.stream else {}),
        "sequence_number": changed.sequence_number,
        "columns": {
            name: {"there": _clipped(there), "here": _clipped(here)} for name, (there, here) in changed.columns.items()
        },
    }
