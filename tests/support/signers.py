"""Keys that sign the transcripts of our own ledgers, the runtime's and an unknown one, and files with signing keys."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_audit_ledger.drill.attacks.provenance import FOREIGN_KEY
from pytest_audit_ledger.scratch.sample import Signer


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def _signer(key: Ed25519PrivateKey) -> Signer:
    return Signer(f"sha256:{sha256(key.public_key().public_bytes_raw()).hexdigest()}", key.sign)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, as a signing key has to be."""
    path.touch(0o600)
    path.write_text(text)


def pem(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as the text of a PEM file."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RUNTIME_KEY = _key("runtime")
RUNTIME, FOREIGN = _signer(RUNTIME_KEY), _signer(FOREIGN_KEY)
PEM, FOREIGN_PEM = pem(RUNTIME_KEY), pem(FOREIGN_KEY)
KEYS_GIVEN = {"transcript_signature": {"keys": [PEM]}}
