"""Ledgers of schema v3 with envelopes and signed transcripts, and what else can be wrong with these.

The attacks on them are those of the catalogue. What is here besides has no shape that a runtime could have written, or
says the same of other entries; it expects a ledger of 100 entries, made by `build_signed`, and works around entry 50.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_audit_ledger.drill.attacks import changes, provenance
from pytest_audit_ledger.drill.attacks.catalogue import attacks_in
from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.model.jsonb import digest
from pytest_audit_ledger.scratch.sample import PROVENANCE_COLUMNS, Provenance, sample_entries, sample_provenance
from tests.forger import TAMPERINGS as ATTACKS
from tests.forger import Forger, Tampering
from tests.support.rows import chained
from tests.support.signers import RUNTIME

SIGNED = partial(sample_provenance, signer=RUNTIME)


def build_signed(forger: Forger, count: int = 100, provenance: Provenance = SIGNED) -> Forger:
    """Build a ledger as the framework's runtime writes it: every entry with an envelope and a signed transcript."""
    entries = chained(replace(entry, track="v3-evaluator") for entry in sample_entries(count))
    return forger.build(schema="3", entries=entries, provenance=provenance)


def stored(forger: Forger, number: int) -> dict[str, Any]:
    """Return what comes with an entry."""
    row = forger.row(number)
    return {name: row[name] for name in PROVENANCE_COLUMNS}


def store(forger: Forger, numbers: Iterable[int], **columns: Any) -> None:
    """Put something else with entries; a dict or a list becomes a document."""
    forger.store(numbers, **columns)


edit_envelope = changes.edit_envelope
edit_transcript = changes.edit_transcript

NOTHING = dict.fromkeys(PROVENANCE_COLUMNS)
NO_TRANSCRIPT = dict.fromkeys(PROVENANCE_COLUMNS[3:])

TAMPERINGS: dict[str, Tampering] = {
    attack.name: ATTACKS[attack.name]
    for attack in attacks_in(provenance)
    if attack.name != "everything-stripped-elsewhere"  # no entry here is of another track
}
"""The attacks on what comes with an entry, and the tamperings below."""


def _tampering(function: Tampering) -> Tampering:
    TAMPERINGS[function.__name__.replace("_", "-")] = function
    return function


@_tampering
def envelope_hash_edited(forger: Forger) -> None:
    store(forger, [50], envelope_hash=f"sha256:{64 * 'e'}")


@_tampering
def envelope_taken_away(forger: Forger) -> None:
    store(forger, [50], envelope_json=None)


@_tampering
def envelope_hash_taken_away(forger: Forger) -> None:
    store(forger, [50], envelope_hash=None)


@_tampering
def envelope_that_is_none(forger: Forger) -> None:
    store(forger, [50], envelope_json=["FLAG"], envelope_hash=digest(b'["FLAG"]'))


@_tampering
def reasoning_of_the_envelope_edited_with_its_hash(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(reasoning="nothing to see"), hashed=True)


@_tampering
def verifier_result_edited_with_the_hash(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(verifier_result="none"), hashed=True)


@_tampering
def response_taken_away(forger: Forger) -> None:
    transcript = stored(forger, 50)["transcript_json"]
    del transcript["response_canonical"]
    store(forger, [50], transcript_json=transcript)


@_tampering
def request_that_is_no_text(forger: Forger) -> None:
    edit_transcript(forger, 50, request_canonical=["Say", "CLEAR"])


@_tampering
def transcript_that_is_none(forger: Forger) -> None:
    store(forger, [50], transcript_json=["none"])


@_tampering
def signature_of_the_column_alone_flipped(forger: Forger) -> None:
    store(forger, [50], transcript_signature=stored(forger, 50)["transcript_signature"].upper())


@_tampering
def signature_of_the_document_alone_flipped(forger: Forger) -> None:
    edit_transcript(forger, 50, signature_hex=stored(forger, 51)["transcript_signature"])


@_tampering
def signature_that_is_none(forger: Forger) -> None:
    store(forger, [50], transcript_signature="signed, honestly")
    edit_transcript(forger, 50, signature_hex="signed, honestly")


@_tampering
def signature_taken_away(forger: Forger) -> None:
    store(forger, [50], transcript_signature=None)


@_tampering
def key_that_is_none(forger: Forger) -> None:
    store(forger, [50], signing_key_id="ours")
    edit_transcript(forger, 50, signing_key_id="ours".ljust(71))


@_tampering
def transcripts_of_neighbours_taken_away(forger: Forger) -> None:
    store(forger, [50, 51, 52], **NO_TRANSCRIPT)


@_tampering
def transcripts_at_both_ends_taken_away(forger: Forger) -> None:
    store(forger, [1, 2, 99, 100], **NO_TRANSCRIPT)


@_tampering
def everything_taken_away_at_the_end(forger: Forger) -> None:
    store(forger, [99, 100], **NOTHING)


def unsigned(entry: Entry) -> dict[str, str | None]:
    """Return what a runtime without a key writes with an entry."""
    return sample_provenance(entry)


def nothing(_: Entry) -> dict[str, str | None]:
    """Return what a writer of schema v2.1 leaves with an entry in a ledger of schema v3."""
    return dict(NOTHING)
