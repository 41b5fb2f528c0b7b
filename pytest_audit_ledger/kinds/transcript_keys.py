"""The public keys of transcripts: Ed25519 (RFC 8032) in PEM files (RFC 7468, SubjectPublicKeyInfo).

The id of a key is `sha256:` and the SHA-256 of its 32 raw bytes. Files are read once, before connecting; workers get
the keys as PEM text. The keys of checkpoints are different: `checkpoints/keys.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_audit_ledger.checkpoints import ed25519
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.reading import read_text
from pytest_audit_ledger.model.named_text import NamedText

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_BEGIN = "-----BEGIN"
_REMEDY = "Give the PEM file of the public key, which begins with -----BEGIN PUBLIC KEY-----."


def read_keys(named: Iterable[str | Path], folder: str = "") -> list[NamedText]:
    """Return keys as PEM text; each is given as a file, relative to `folder`, or as PEM text.

    Raises UsageError if a file cannot be read, or is not an Ed25519 public key.
    """
    return [_read(name, folder) for name in named]


def _read(named: str | Path, folder: str) -> NamedText:
    text, label = str(named), str(named)
    if text.lstrip().startswith(_BEGIN):
        label = "given as text"
    else:
        try:
            text = read_text(Path(folder, named))
        except OSError as error:
            raise UsageError(f"The key {label} cannot be read: {error.strerror}.", _REMEDY) from error
    if "PRIVATE KEY" in text:
        raise UsageError(f"The key {label} is a private key, which only the signer may have.", _REMEDY)
    key = _public_key(text)
    if key is None:
        raise UsageError(f"The key {label} is not an Ed25519 public key.", _REMEDY)
    try:
        ed25519.public_key(key.public_bytes_raw())
    except ValueError as error:
        raise UsageError(f"The key {label} proves nothing: {error}.", _REMEDY) from error
    return NamedText(text, str(named))


def keys_by_id(pems: Iterable[str]) -> Mapping[str, str]:
    """Return the keys that `read_keys` returned, by their ids."""
    return {f"sha256:{sha256(_key(pem).public_bytes_raw()).hexdigest()}": pem for pem in pems}


def _public_key(pem: str) -> Ed25519PublicKey | None:
    """Return the Ed25519 key in a PEM text; None if it has another one, or none."""
    # slow to import, and few runs name a key
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


@cache
def _key(pem: str) -> Ed25519PublicKey:
    """Return a key to verify with; workers get its text, because the object cannot be pickled."""
    key = _public_key(pem)
    assert key is not None  # noqa: S101  (checked when it was read; for the type checker)
    return key


def is_signed(pem: str, signature: bytes, message: bytes) -> bool:
    """Return whether this key signed the message."""
    return ed25519.is_signed(_key(pem), signature, message)
