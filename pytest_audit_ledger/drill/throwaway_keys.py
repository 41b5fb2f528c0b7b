"""Keys that a drill makes and throws away: of a runtime, and of whoever signs checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.scratch.sample import Signer

ORIGIN = "drill.invalid/copy"
"""The name of the copy on its checkpoints: no ledger can have it (RFC 2606)."""


@dataclass(frozen=True)
class Keys:
    """The runtime that signs transcripts, with its public key as PEM text; and who signs checkpoints."""

    runtime: Signer
    pem: str
    checkpoints: SigningKey


def thrown_away() -> Keys:
    """Return new keys."""
    runtime = Ed25519PrivateKey.generate()
    pem = runtime.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key_id = f"sha256:{sha256(runtime.public_key().public_bytes_raw()).hexdigest()}"
    return Keys(Signer(key_id, runtime.sign), pem, SigningKey.generate(ORIGIN))
