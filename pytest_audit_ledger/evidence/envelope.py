"""DSSE envelopes: the manifest, which is an in-toto Statement, signed by the key of checkpoints. No I/O.

    {"payload": BASE64, "payloadType": "application/vnd.in-toto+json", "signatures": [{"keyid": …, "sig": BASE64}]}

What is signed is `DSSEv1 28 application/vnd.in-toto+json SIZE PAYLOAD`. No note of a checkpoint or record is signed
with such a text: its first line, an origin, has no spaces. `keyid` is the name and the id of the key, `NAME+ID`.

Sources: DSSE v1.0.2, protocol.md and envelope.md; in-toto Attestation Framework, spec/v1/envelope.md.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence

from pytest_audit_ledger.checkpoints.note import SigningKey, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def envelope(payload: bytes, key: SigningKey) -> bytes:
    """Return the envelope of a payload."""
    signature = {"keyid": key_id(key.verifier()), "sig": b64encode(key.sign_bytes(_signed_data(payload))).decode()}
    signed = {"payload": b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    return f"{json.dumps(signed, indent=2)}\n".encode()


def key_id(key: VerifierKey) -> str:
    """Return how an envelope names a key."""
    return f"{key.name}+{key.key_id.hex()}"


def named_keys(data: bytes, payload: bytes) -> list[str]:
    """Return the keys that an envelope names, whether they are trusted or not.

    Raises ValueError if it is not an envelope of this payload.
    """
    return [name for name, _ in _signatures(data, payload)]


def signers(data: bytes, payload: bytes, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Return which of the keys signed the payload of an envelope.

    Raises ValueError if it is not an envelope of this payload, or has a wrong signature of one of the keys.
    """
    found = []
    for name, signature in _signatures(data, payload):
        for key in keys:
            if key_id(key) == name:
                if not key.verifies(_signed_data(payload), signature):
                    raise ValueError(f"the signature of the key {name} is wrong")
                found.append(key)
    return found


def _signatures(data: bytes, payload: bytes) -> list[tuple[str, bytes]]:
    try:
        told = json.loads(data)
        found = [(str(one["keyid"]), b64decode(one["sig"], validate=True)) for one in told["signatures"]]
        stated = told["payloadType"], b64decode(told["payload"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("it is not a DSSE envelope") from None
    if stated != (PAYLOAD_TYPE, payload):
        raise ValueError("it is the envelope of something else")
    return found


def _signed_data(payload: bytes) -> bytes:
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
