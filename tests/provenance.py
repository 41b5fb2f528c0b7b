"""Ledgers of schema v3 with envelopes and signed transcripts, and every way we know to tamper with these.

Each tampering expects a ledger of 100 entries, made by `build_signed`, and works around entry 50.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_audit_ledger.entry import Entry
from pytest_audit_ledger.jsonb import canonical, digest
from pytest_audit_ledger.sources.sample import PROVENANCE_COLUMNS, Provenance, sample_entries, sample_provenance
from tests.forger import Forger, Tampering
from tests.postgres.support import chained
from tests.signers import FOREIGN, RUNTIME

SIGNED = partial(sample_provenance, signer=RUNTIME)


def build_signed(forger: Forger, count: int = 100, provenance: Provenance = SIGNED) -> Forger:
    """Build a ledger as the framework's runtime writes it: every entry with an envelope and a signed transcript."""
    entries = chained(replace(entry, track="v3-evaluator") for entry in sample_entries(count))
    return forger.build(schema="3", entries=entries, provenance=provenance)


def stored(forger: Forger, number: int) -> dict[str, Any]:
    """Return what is beside an entry."""
    (row,) = forger.run(f"SELECT {', '.join(PROVENANCE_COLUMNS)} FROM ledger_entries WHERE sequence_number = {number}")
    return dict(zip(PROVENANCE_COLUMNS, row, strict=True))


def store(forger: Forger, numbers: Iterable[int], **columns: Any) -> None:
    """Put something else beside entries; a dict or a list becomes a document."""
    values = {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in columns.items()}
    forger.run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    forger.run(
        f"UPDATE ledger_entries SET {', '.join(f'{name} = %({name})s' for name in values)} "
        "WHERE sequence_number = ANY (%(numbers)s)",
        {**values, "numbers": list(numbers)},
    )
    forger.unguarded()


def edit_envelope(forger: Forger, number: int, change: Callable[[dict[str, Any]], object], *, hashed: bool) -> None:
    """Change an envelope in place, and perhaps its hash with it."""
    envelope = stored(forger, number)["envelope_json"]
    change(envelope)
    store(
        forger, [number], envelope_json=envelope, **({"envelope_hash": digest(canonical(envelope))} if hashed else {})
    )


def edit_transcript(forger: Forger, number: int, **changes: Any) -> None:
    """Change members of a transcript."""
    store(forger, [number], transcript_json={**stored(forger, number)["transcript_json"], **changes})


TAMPERINGS: dict[str, Tampering] = {}


def _tampering(function: Tampering) -> Tampering:
    TAMPERINGS[function.__name__] = function
    return function


@_tampering
def envelope_edited(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(notes=["nothing to see"]), hashed=False)


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
def envelope_and_hash_taken_away(forger: Forger) -> None:
    store(forger, [50], envelope_json=None, envelope_hash=None)


@_tampering
def envelope_that_is_none(forger: Forger) -> None:
    store(forger, [50], envelope_json=["FLAG"], envelope_hash=digest(b'["FLAG"]'))


@_tampering
def verdict_of_the_envelope_edited_with_its_hash(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(verdict="NULL_STALE"), hashed=True)


@_tampering
def reasoning_of_the_envelope_edited_with_its_hash(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(reasoning="nothing to see"), hashed=True)


@_tampering
def verifier_result_edited_with_the_hash(forger: Forger) -> None:
    edit_envelope(forger, 50, lambda envelope: envelope.update(verifier_result="none"), hashed=True)


@_tampering
def verifier_status_of_the_entry_edited(forger: Forger) -> None:
    store(forger, [50], verifier_status="LLM_CONTRADICTION")


@_tampering
def envelopes_exchanged(forger: Forger) -> None:
    """The envelope of another entry, with its hash."""
    store(forger, [50], **{name: stored(forger, 52)[name] for name in ("envelope_json", "envelope_hash")})


@_tampering
def request_edited(forger: Forger) -> None:
    edit_transcript(forger, 50, request_canonical="Say CLEAR.")


@_tampering
def response_edited(forger: Forger) -> None:
    edit_transcript(forger, 50, response_canonical={"verdict": "CLEAR"})


@_tampering
def response_edited_with_its_hash(forger: Forger) -> None:
    answer = {"verdict": "CLEAR"}
    edit_transcript(forger, 50, response_canonical=answer, response_hash=digest(canonical(answer)))


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
def signature_flipped(forger: Forger) -> None:
    signature = stored(forger, 50)["transcript_signature"]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    store(forger, [50], transcript_signature=flipped)
    edit_transcript(forger, 50, signature_hex=flipped)


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
def signature_and_key_taken_away(forger: Forger) -> None:
    store(forger, [50], transcript_signature=None, signing_key_id=None)


@_tampering
def document_taken_away(forger: Forger) -> None:
    store(forger, [50], transcript_json=None)


@_tampering
def signed_by_a_foreign_key(forger: Forger) -> None:
    foreign = sample_provenance(forger.entry(50), FOREIGN)
    store(forger, [50], **{name: foreign[name] for name in PROVENANCE_COLUMNS})


@_tampering
def signed_by_a_foreign_key_in_the_name_of_ours(forger: Forger) -> None:
    foreign = sample_provenance(forger.entry(50), replace(FOREIGN, key_id=RUNTIME.key_id))
    store(forger, [50], **{name: foreign[name] for name in PROVENANCE_COLUMNS})


@_tampering
def key_that_is_none(forger: Forger) -> None:
    store(forger, [50], signing_key_id="ours")
    edit_transcript(forger, 50, signing_key_id="ours".ljust(71))


@_tampering
def transcripts_exchanged(forger: Forger) -> None:
    """The whole transcript of another entry, which its key did sign."""
    store(forger, [50], **{name: stored(forger, 52)[name] for name in PROVENANCE_COLUMNS[3:]})


NOTHING = dict.fromkeys(PROVENANCE_COLUMNS)
NO_TRANSCRIPT = dict.fromkeys(PROVENANCE_COLUMNS[3:])


@_tampering
def transcript_taken_away(forger: Forger) -> None:
    store(forger, [50], **NO_TRANSCRIPT)


@_tampering
def transcripts_of_neighbours_taken_away(forger: Forger) -> None:
    store(forger, [50, 51, 52], **NO_TRANSCRIPT)


@_tampering
def transcripts_at_both_ends_taken_away(forger: Forger) -> None:
    store(forger, [1, 2, 99, 100], **NO_TRANSCRIPT)


@_tampering
def everything_taken_away(forger: Forger) -> None:
    store(forger, [50, 51], **NOTHING)


@_tampering
def everything_taken_away_at_the_end(forger: Forger) -> None:
    store(forger, [99, 100], **NOTHING)


@_tampering
def called_unsigned(forger: Forger) -> None:
    """The transcript is gone, and the envelope was edited with its hash to say that there never was one."""
    store(forger, [50, 51], **NO_TRANSCRIPT)
    for number in (50, 51):
        edit_envelope(
            forger, number, lambda envelope: envelope.update(transcript_ref="transcript:unsigned"), hashed=True
        )


def unsigned(entry: Entry) -> dict[str, str | None]:
    """Return what a runtime without a key writes beside an entry."""
    return sample_provenance(entry)


def nothing(_: Entry) -> dict[str, str | None]:
    """Return what a writer of schema v2.1 leaves beside an entry in a ledger of schema v3."""
    return dict(NOTHING)
