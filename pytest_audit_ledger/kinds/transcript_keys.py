"""The public keys that transcripts are signed with: Ed25519 (RFC 8032) as PEM files (RFC 7468, SubjectPublicKeyInfo).

A key is known by its id: `sha256:` and the SHA-256 of its 32 raw bytes. Files are read once, before anything connects,
and go to wherever signatures are verified as PEM text. The keys of checkpoints are others: `checkpoints/keys.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pytest_audit_ledger.errors import UsageError

_BEGIN = "-----BEGIN"
_REMEDY = "Give the PEM file of the public key, which begins with -----BEGIN PUBLIC KEY-----."


def read_keys(named: Iterable[str | Path], folder: str = "") -> list[str]:
    """Return keys as PEM text; each is named by its file, relative to `folder`, or is PEM text itself.

    Raises UsageError where a file cannot be read or is no Ed25519 public key.
    """
    return [_read(name, folder) for name in named]


def _read(named: str | Path, folder: str) -> str:
    text, label = str(named), str(named)
    if text.lstrip().startswith(_BEGIN):
        label = "The text"
    else:
        try:
            text = Path(folder, named).read_text(encoding="ascii")
        except OSError as error:
            raise UsageError(f"The key {label} cannot be read: {error.strerror}.", _REMEDY) from None
        except ValueError:  # bytes that are no ASCII, or a name that no file can have
            raise UsageError(f"{label} is no Ed25519 public key.", _REMEDY) from None
    if "PRIVATE KEY" in text:
        raise UsageError(f"{label} is a private key, which is the signer's alone.", _REMEDY)
    try:
        key = _public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{label} is no Ed25519 public key.", _REMEDY)
    return text


def keys_by_id(pems: Iterable[str]) -> Mapping[str, str]:
    """Return keys, which `read_keys` has returned, by their ids."""
    return {f"sha256:{sha256(_key(pem).public_bytes_raw()).hexdigest()}": pem for pem in pems}


def _public_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  (slow to import; few runs name a key)
        load_pem_public_key,
    )

    return load_pem_public_key(pem.encode("ascii"))


@cache
def _key(pem: str) -> Ed25519PublicKey:
    """Return a key to verify with; it cannot be sent to another process, and its text can."""
    key = _public_key(pem)
    assert isinstance(key, Ed25519PublicKey)  # noqa: S101  (looked at when it was read; tells the type checker)
    return key


def is_signed(pem: str, signature: bytes, message: bytes) -> bool:
    """Tell whether the holder of a key signed the message."""
    try:
        _key(pem).verify(signature, message)
    except InvalidSignature:
        return False
    return True
