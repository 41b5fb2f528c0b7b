"""Attacks on what schema v3 keeps beside an entry, and no entry hash covers: its envelope and its signed transcript."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pytest_audit_ledger.drill.attacks.attack import Target, attack
from pytest_audit_ledger.drill.attacks.changes import EXCUSE, edit_envelope, edit_transcript, middle_with
from pytest_audit_ledger.drill.attacks.claims import (
    CHECKPOINT,
    ENVELOPE_HASHES,
    ENVELOPES,
    SIGNATURES,
    SIGNED,
    TRANSCRIPT_KEY,
    TRANSCRIPTS,
    default_suite,
)
from pytest_audit_ledger.kinds.transcript_signature import RUNTIME_TRACK
from pytest_audit_ledger.model.jsonb import canonical, digest

ENVELOPE = ("envelope_json", "envelope_hash", "verifier_status")
TRANSCRIPT = ("transcript_json", "transcript_signature", "signing_key_id")

FOREIGN_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"a key that nobody was told of").digest())
FOREIGN_KEY_ID = f"sha256:{sha256(FOREIGN_KEY.public_key().public_bytes_raw()).hexdigest()}"


def has_envelope(target: Target) -> str | None:
    """Say that no entry has an envelope."""
    return None if middle_with(target, "envelope_json") else "No entry of the ledger has an envelope."


def has_transcript(target: Target) -> str | None:
    """Say that no entry has a transcript."""
    return None if middle_with(target, "transcript_json") else "No entry of the ledger has a transcript."


def _enveloped(target: Target) -> int:
    return middle_with(target, "envelope_json")


def _transcribed(target: Target) -> int:
    return middle_with(target, "transcript_json")


def _exchange(target: Target, number: int, columns: tuple[str, ...]) -> None:
    """Put what is beside the entry after the next one beside this one."""
    other = target.ledger.row(number + 2)
    target.ledger.store([number], **{name: other[name] for name in columns})


@attack(
    "edit an envelope",
    noticed_by=(ENVELOPE_HASHES, SIGNED),
    remedy=default_suite(ENVELOPE_HASHES),
    applies=has_envelope,
)
def envelope_edited(target: Target) -> None:
    """Add notes to the envelope of one entry, and leave its hash as it is."""
    edit_envelope(target.ledger, _enveloped(target), lambda envelope: envelope.update(notes=[EXCUSE]), hashed=False)


@attack("edit an envelope with its hash", noticed_by=(SIGNED,), remedy=CHECKPOINT, applies=has_envelope)
def envelope_edited_with_its_hash(target: Target) -> None:
    """Add notes to the envelope of one entry, which nothing else repeats, with the hash that fits."""
    edit_envelope(target.ledger, _enveloped(target), lambda envelope: envelope.update(notes=[EXCUSE]), hashed=True)


@attack(
    "edit the verdict in an envelope with its hash",
    noticed_by=(ENVELOPES, SIGNED),
    remedy=default_suite(ENVELOPES),
    applies=has_envelope,
)
def envelope_verdict_edited(target: Target) -> None:
    """Let the envelope of one entry say NULL_STALE, or CLEAR where it does, with the hash that fits."""
    number = _enveloped(target)
    verdict = "CLEAR" if target.ledger.entry(number).verdict == "NULL_STALE" else "NULL_STALE"
    edit_envelope(target.ledger, number, lambda envelope: envelope.update(verdict=verdict), hashed=True)


@attack(
    "take an envelope away",
    noticed_by=(ENVELOPES, TRANSCRIPTS, SIGNED),
    remedy=default_suite(ENVELOPES, TRANSCRIPTS),
    applies=has_envelope,
)
def envelope_stripped(target: Target) -> None:
    """Take the envelope of one entry away, and its hash."""
    target.ledger.store([_enveloped(target)], envelope_json=None, envelope_hash=None)


@attack(
    "put the envelope of another entry beside one",
    noticed_by=(ENVELOPES, TRANSCRIPTS, SIGNED),
    remedy=default_suite(ENVELOPES),
    applies=has_envelope,
)
def envelopes_exchanged(target: Target) -> None:
    """Copy the envelope of the entry after the next one, and its hash."""
    _exchange(target, _enveloped(target), ENVELOPE[:2])


@attack(
    "edit the verifier's status of an entry",
    noticed_by=(ENVELOPES, SIGNED),
    remedy=default_suite(ENVELOPES),
    applies=has_envelope,
)
def verifier_status_edited(target: Target) -> None:
    """Write another status than the verifier's result in the envelope has."""
    number = _enveloped(target)
    agreed = target.ledger.row(number)["verifier_status"] == "AGREED"
    target.ledger.store([number], verifier_status="LLM_CONTRADICTION" if agreed else "AGREED")


@attack(
    "edit the request of a transcript",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def request_edited(target: Target) -> None:
    """Put other words into what the model was asked, and leave their hash as it is."""
    edit_transcript(target.ledger, _transcribed(target), request_canonical="Say CLEAR.")


@attack(
    "edit the response of a transcript",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def response_edited(target: Target) -> None:
    """Put another answer into what the model said, and leave its hash as it is."""
    edit_transcript(target.ledger, _transcribed(target), response_canonical={"verdict": "CLEAR"})


def _other_answer() -> dict[str, Any]:
    answer = {"verdict": "CLEAR"}
    return {"response_canonical": answer, "response_hash": digest(canonical(answer))}


@attack(
    "edit the response of a transcript with its hash",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def response_edited_with_its_hash(target: Target) -> None:
    """Put another answer into what the model said, with the hash that fits; the signature is over the old one."""
    edit_transcript(target.ledger, _transcribed(target), **_other_answer())


@attack("flip a signature", noticed_by=(SIGNATURES, SIGNED), remedy=TRANSCRIPT_KEY, applies=has_transcript)
def signature_flipped(target: Target) -> None:
    """Change the first digit of a transcript's signature, in both places where it stands."""
    number = _transcribed(target)
    signature = target.ledger.row(number)["transcript_signature"]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    edit_transcript(target.ledger, number, signature_hex=flipped)
    target.ledger.store([number], transcript_signature=flipped)


def _sign(target: Target, number: int, key_id: str) -> None:
    """Put another answer into a transcript, and sign it with a key that nobody was told of."""
    ledger = target.ledger
    transcript = {**ledger.row(number)["transcript_json"], **_other_answer()}
    hashes = f"{transcript['request_hash']}|{transcript['response_hash']}"
    signature = FOREIGN_KEY.sign(hashes.encode()).hex()
    transcript.update(signature_hex=signature, signing_key_id=key_id)
    ledger.store([number], transcript_json=transcript, transcript_signature=signature, signing_key_id=key_id)


@attack(
    "edit a response and sign it with a foreign key",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def signed_by_a_foreign_key(target: Target) -> None:
    """Put another answer into a transcript, with hash and signature that fit, by a key that the runtime never had."""
    _sign(target, _transcribed(target), FOREIGN_KEY_ID)


@attack(
    "edit a response and sign it in the runtime's name",
    noticed_by=(SIGNATURES, SIGNED),
    remedy=TRANSCRIPT_KEY,
    applies=has_transcript,
)
def signed_in_our_name(target: Target) -> None:
    """Put another answer into a transcript and sign it with a foreign key, under the id of the runtime's."""
    number = _transcribed(target)
    _sign(target, number, target.ledger.row(number)["signing_key_id"])


@attack(
    "put the transcript of another entry beside one",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def transcripts_exchanged(target: Target) -> None:
    """Copy the whole transcript of the entry after the next one, which the runtime's key did sign."""
    _exchange(target, _transcribed(target), TRANSCRIPT)


@attack("edit what nobody signed in a transcript", noticed_by=(SIGNED,), remedy=CHECKPOINT, applies=has_transcript)
def unsigned_parts_edited(target: Target) -> None:
    """Let a transcript say that another backend answered, at another time."""
    edit_transcript(target.ledger, _transcribed(target), backend_name="another", completed_at="2001-01-01T00:00:00")


@attack(
    "strip a transcript",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def transcript_stripped(target: Target) -> None:
    """Take the transcript of one entry away; its envelope still names it."""
    target.ledger.store([_transcribed(target)], **dict.fromkeys(TRANSCRIPT))


@attack(
    "strip the document of a transcript",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def document_stripped(target: Target) -> None:
    """Take what was asked and answered away, and leave the signature."""
    target.ledger.store([_transcribed(target)], transcript_json=None)


@attack(
    "strip the signature of a transcript",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def signature_stripped(target: Target) -> None:
    """Take the signature and the id of the key away, and leave what was asked and answered."""
    target.ledger.store([_transcribed(target)], transcript_signature=None, signing_key_id=None)


def _stripped(target: Target, *, of_the_runtime: bool) -> int:
    """Return the entry nearest to the middle that has a transcript and the runtime's track, or another; 0 for none."""
    if "transcript_json" not in target.ledger.columns():
        return 0
    found = target.ledger.run(
        target.ledger.statement(
            "SELECT sequence_number FROM {ledger} "
            "WHERE transcript_json IS NOT NULL AND (track = {track}) IS NOT DISTINCT FROM {runtime} "
            "ORDER BY pg_catalog.abs(sequence_number - {middle}), sequence_number LIMIT 1",
            track=RUNTIME_TRACK,
            runtime=of_the_runtime,
            middle=target.middle,
        )
    )
    return int(found[0][0]) if found else 0


def _has_of_the_runtime(target: Target) -> str | None:
    lacking = f"No entry with a transcript is of the track {RUNTIME_TRACK}."
    return None if _stripped(target, of_the_runtime=True) else lacking


def _has_of_others(target: Target) -> str | None:
    lacking = f"No entry with a transcript is of another track than {RUNTIME_TRACK}."
    return None if _stripped(target, of_the_runtime=False) else lacking


@attack(
    "strip all that is beside an entry of the runtime",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=_has_of_the_runtime,
)
def everything_stripped(target: Target) -> None:
    """Take envelope and transcript of an entry away; its track, which its hash covers, says that it had them."""
    number = _stripped(target, of_the_runtime=True)
    target.ledger.store([number], **dict.fromkeys([*ENVELOPE, *TRANSCRIPT]))


@attack(
    "strip all that is beside an entry of another track",
    noticed_by=(SIGNED,),
    remedy=CHECKPOINT,
    applies=_has_of_others,
)
def everything_stripped_elsewhere(target: Target) -> None:
    """Take envelope and transcript of an entry away that looks like one of a writer who never had them."""
    number = _stripped(target, of_the_runtime=False)
    target.ledger.store([number], **dict.fromkeys([*ENVELOPE, *TRANSCRIPT]))


@attack(
    "call a transcript one that never was signed",
    noticed_by=(TRANSCRIPTS, SIGNED),
    remedy=default_suite(TRANSCRIPTS),
    applies=has_transcript,
)
def called_unsigned(target: Target) -> None:
    """Take the transcripts of two entries away, and let their envelopes say with fitting hashes that there was none."""
    number = _transcribed(target)
    target.ledger.store([number, number + 1], **dict.fromkeys(TRANSCRIPT))
    for one in (number, number + 1):
        edit_envelope(
            target.ledger, one, lambda envelope: envelope.update(transcript_ref="transcript:unsigned"), hashed=True
        )


ATTACKS = (
    envelope_edited,
    envelope_edited_with_its_hash,
    envelope_verdict_edited,
    envelope_stripped,
    envelopes_exchanged,
    verifier_status_edited,
    request_edited,
    response_edited,
    response_edited_with_its_hash,
    signature_flipped,
    signed_by_a_foreign_key,
    signed_in_our_name,
    transcripts_exchanged,
    unsigned_parts_edited,
    transcript_stripped,
    document_stripped,
    signature_stripped,
    everything_stripped,
    everything_stripped_elsewhere,
    called_unsigned,
)
