"""DSSE envelopes: the manifest, which is an in-toto Statement, signed by the key of checkpoints. No I/O.

    {"payload": BASE64, "payloadType": "application/vnd.in-toto+json", "signatures": [{"keyid": …, "sig": BASE64}]}

What is signed is `DSSEv1 28 application/vnd.in-toto+json SIZE PAYLOAD`. No note of a checkpoint or record is signed
with such a text: its first line, an origin, has no spaces. `keyid` is the name and the id of the key, `NAME+ID`.

Sources: DSSE v1.0.2, protocol.md and envelope.md; in-toto Attestation Framework, spec/v1/envelope.md.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence

from pytest_audit_ledger.checkpoints.note import SigningKey, VerifierKey
from pytest_audit_ledger.standalone.verify import UNREADABLE, WrongError, read_envelope, read_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def envelope(payload: bytes, key: SigningKey) -> bytes:
    """Return the envelope of a payload."""
    signature = {"keyid": key_id(key.verifier()), "sig": b64encode(key.sign_bytes(_signed_data(payload))).decode()}
    signed = {"payload": b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    return f"{json.dumps(signed, indent=2)}\n".encode()


def key_id(key: VerifierKey) -> str:
    """Return how an envelope names a key."""
    return f"{key.name}+{key.key_id.hex()}"


def signers(data: bytes, payload: bytes, keys: Sequence[VerifierKey]) -> tuple[list[VerifierKey], list[str]]:
    """Return which of the keys signed the payload of an envelope, and the keys that it names besides.

    Raises ValueError if it is not an envelope of this payload, or has a wrong signature of one of the keys.
    """
    try:
        signed = {(one.name, one.public) for one in read_envelope(data, payload, [read_key(str(key)) for key in keys])}
        named = [one["keyid"] for one in json.loads(data)["signatures"]]
    except WrongError as error:
        raise ValueError(f"it {error}") from None
    except UNREADABLE:
        raise ValueError("it is not a DSSE envelope") from None
    trusted = [key for key in keys if (key.name, key.public) in signed]
    return trusted, [name for name in named if name not in map(key_id, trusted)]


def _signed_data(payload: bytes) -> bytes:
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
