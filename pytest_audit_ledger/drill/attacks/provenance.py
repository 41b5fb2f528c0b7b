"""Attacks on what schema v3 stores with an entry and no entry hash covers: its envelope and its signed transcript."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pytest_audit_ledger.drill.attacks.attack import Applies, Target, attack
from pytest_audit_ledger.drill.attacks.changes import EXCUSE, edit_envelope, edit_transcript, middle_with
from pytest_audit_ledger.drill.attacks.claims import (
    ENVELOPE_HASHES,
    ENVELOPES,
    SIGNATURES,
    SIGNED,
    TRANSCRIPT_KEY,
    TRANSCRIPTS,
)
from pytest_audit_ledger.kinds.transcript_signature import RUNTIME_TRACK
from pytest_audit_ledger.model.jsonb import canonical, digest

ENVELOPE = ("envelope_json", "envelope_hash", "verifier_status")
TRANSCRIPT = ("transcript_json", "transcript_signature", "signing_key_id")

FOREIGN_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"a key that nobody was told of").digest())
FOREIGN_KEY_ID = f"sha256:{sha256(FOREIGN_KEY.public_key().public_bytes_raw()).hexdigest()}"


def _enveloped(target: Target) -> int:
    return middle_with(target, "envelope_json")


def _transcribed(target: Target, condition: str = "true") -> int:
    return middle_with(target, "transcript_json", condition, runtime=RUNTIME_TRACK)


def has_envelope(target: Target) -> str | None:
    """Return None if an entry has an envelope."""
    return None if _enveloped(target) else "No entry of the ledger has an envelope."


def has_transcript(target: Target) -> str | None:
    """Return None if an entry has a transcript."""
    return None if _transcribed(target) else "No entry of the ledger has a transcript."


def _copy_from_next_but_one(target: Target, number: int, columns: tuple[str, ...]) -> None:
    """Overwrite these columns of an entry with those of the entry two later."""
    other = target.ledger.row(number + 2)
    target.ledger.store([number], **{name: other[name] for name in columns})


def _add_notes(target: Target, *, hashed: bool) -> None:
    edit_envelope(target.ledger, _enveloped(target), lambda envelope: envelope.update(notes=[EXCUSE]), hashed=hashed)


@attack("edit an envelope", noticed_by=(ENVELOPE_HASHES, SIGNED), applies=has_envelope)
def envelope_edited(target: Target) -> None:
    """Add notes to the envelope of one entry, and keep its hash."""
    _add_notes(target, hashed=False)


@attack("edit an envelope and its hash", noticed_by=(SIGNED,), applies=has_envelope)
def envelope_edited_with_its_hash(target: Target) -> None:
    """Add notes to the envelope of one entry, which no column repeats, with a matching hash."""
    _add_notes(target, hashed=True)


@attack("edit the verdict in an envelope and its hash", noticed_by=(ENVELOPES, SIGNED), applies=has_envelope)
def envelope_verdict_edited(target: Target) -> None:
    """Change the verdict in one envelope to NULL_STALE, or from NULL_STALE to CLEAR, with a matching hash."""
    number = _enveloped(target)
    verdict = "CLEAR" if target.ledger.entry(number).verdict == "NULL_STALE" else "NULL_STALE"
    edit_envelope(target.ledger, number, lambda envelope: envelope.update(verdict=verdict), hashed=True)


@attack("delete an envelope", noticed_by=(ENVELOPES, TRANSCRIPTS, SIGNED), applies=has_envelope)
def envelope_stripped(target: Target) -> None:
    """Delete the envelope of one entry and its hash."""
    target.ledger.store([_enveloped(target)], envelope_json=None, envelope_hash=None)


@attack("replace an envelope by another entry's", noticed_by=(ENVELOPES, TRANSCRIPTS, SIGNED), applies=has_envelope)
def envelopes_exchanged(target: Target) -> None:
    """Overwrite an envelope and its hash with those of the entry two later."""
    _copy_from_next_but_one(target, _enveloped(target), ENVELOPE[:2])


@attack("edit the verifier status of an entry", noticed_by=(ENVELOPES, SIGNED), applies=has_envelope)
def verifier_status_edited(target: Target) -> None:
    """Store a verifier status that differs from the verifier's result in the envelope."""
    number = _enveloped(target)
    agreed = target.ledger.row(number)["verifier_status"] == "AGREED"
    target.ledger.store([number], verifier_status="LLM_CONTRADICTION" if agreed else "AGREED")


@attack("edit the request in a transcript", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def request_edited(target: Target) -> None:
    """Change what the model was asked, and keep the request's hash."""
    edit_transcript(target.ledger, _transcribed(target), request_canonical="Say CLEAR.")


@attack("edit the response in a transcript", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def response_edited(target: Target) -> None:
    """Change what the model answered, and keep the response's hash."""
    edit_transcript(target.ledger, _transcribed(target), response_canonical={"verdict": "CLEAR"})


def _other_answer() -> dict[str, Any]:
    answer = {"verdict": "CLEAR"}
    return {"response_canonical": answer, "response_hash": digest(canonical(answer))}


@attack(
    "edit the response in a transcript and its hash",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def response_edited_with_its_hash(target: Target) -> None:
    """Change what the model answered, with a matching hash, and keep the signature over the old one."""
    edit_transcript(target.ledger, _transcribed(target), **_other_answer())


@attack("change a signature", noticed_by=(SIGNATURES, SIGNED), remedy=TRANSCRIPT_KEY, applies=has_transcript)
def signature_flipped(target: Target) -> None:
    """Change the first digit of a transcript's signature in both places that hold it."""
    number = _transcribed(target)
    signature = target.ledger.row(number)["transcript_signature"]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    edit_transcript(target.ledger, number, signature_hex=flipped)
    target.ledger.store([number], transcript_signature=flipped)


def _sign(target: Target, number: int, key_id: str) -> None:
    """Change the answer in a transcript, and sign it with an unknown key under this id."""
    ledger = target.ledger
    transcript = {**ledger.row(number)["transcript_json"], **_other_answer()}
    hashes = f"{transcript['request_hash']}|{transcript['response_hash']}"
    signature = FOREIGN_KEY.sign(hashes.encode()).hex()
    transcript.update(signature_hex=signature, signing_key_id=key_id)
    ledger.store([number], transcript_json=transcript, transcript_signature=signature, signing_key_id=key_id)


@attack(
    "edit a response and sign it with an unknown key",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def signed_by_a_foreign_key(target: Target) -> None:
    """Change an answer with a matching hash, and sign it with a key that the runtime never had."""
    _sign(target, _transcribed(target), FOREIGN_KEY_ID)


@attack(
    "edit a response and sign it in the runtime's name",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def signed_in_our_name(target: Target) -> None:
    """Change an answer with a matching hash, and sign it with an unknown key under the id of the runtime's key."""
    number = _transcribed(target)
    _sign(target, number, target.ledger.row(number)["signing_key_id"])


@attack("replace a transcript by another entry's", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def transcripts_exchanged(target: Target) -> None:
    """Overwrite a transcript with that of the entry two later, which the runtime's key did sign."""
    _copy_from_next_but_one(target, _transcribed(target), TRANSCRIPT)


@attack("edit the unsigned parts of a transcript", noticed_by=(SIGNED,), applies=has_transcript)
def unsigned_parts_edited(target: Target) -> None:
    """Change the backend and the time in a transcript, which no signature covers."""
    edit_transcript(target.ledger, _transcribed(target), backend_name="another", completed_at="2001-01-01T00:00:00")


@attack("delete a transcript", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def transcript_stripped(target: Target) -> None:
    """Delete the transcript of one entry; its envelope still names it."""
    target.ledger.store([_transcribed(target)], **dict.fromkeys(TRANSCRIPT))


@attack("delete the document of a transcript", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def document_stripped(target: Target) -> None:
    """Delete the request and the response of one entry, and keep the signature."""
    target.ledger.store([_transcribed(target)], transcript_json=None)


@attack("delete the signature of a transcript", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def signature_stripped(target: Target) -> None:
    """Delete the signature and the key id of one entry, and keep the request and the response."""
    target.ledger.store([_transcribed(target)], transcript_signature=None, signing_key_id=None)


_BY_RUNTIME = "track = {runtime}"
_BY_OTHERS = "track IS DISTINCT FROM {runtime}"


def _has_transcript_of(condition: str, track: str) -> Applies:
    def applies(target: Target) -> str | None:
        return None if _transcribed(target, condition) else f"No entry with a transcript has {track} {RUNTIME_TRACK}."

    return applies


@attack(
    "delete envelope and transcript of an entry of the runtime",
    noticed_by=(TRANSCRIPTS, SIGNED),
    applies=_has_transcript_of(_BY_RUNTIME, "the track"),
)
def everything_stripped(target: Target) -> None:
    """Delete envelope and transcript of an entry whose track, which its hash covers, shows that it had them."""
    target.ledger.store([_transcribed(target, _BY_RUNTIME)], **dict.fromkeys([*ENVELOPE, *TRANSCRIPT]))


@attack(
    "delete envelope and transcript of an entry of another track",
    noticed_by=(SIGNED,),
    applies=_has_transcript_of(_BY_OTHERS, "another track than"),
)
def everything_stripped_elsewhere(target: Target) -> None:
    """Delete envelope and transcript of an entry that looks like one that never had them."""
    target.ledger.store([_transcribed(target, _BY_OTHERS)], **dict.fromkeys([*ENVELOPE, *TRANSCRIPT]))


@attack("claim that a transcript was never signed", noticed_by=(TRANSCRIPTS, SIGNED), applies=has_transcript)
def called_unsigned(target: Target) -> None:
    """Delete the transcripts of two entries, and let their envelopes say, with matching hashes, that there was none."""
    number = _transcribed(target)
    target.ledger.store([number, number + 1], **dict.fromkeys(TRANSCRIPT))
    for one in (number, number + 1):
        edit_envelope(
            target.ledger, one, lambda envelope: envelope.update(transcript_ref="transcript:unsigned"), hashed=True
        )
