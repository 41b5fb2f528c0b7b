"""Ed25519 (RFC 8032) as we trust it: keys and signatures that only their owner can have made.

A key that is a point of small order (the identity is one) accepts signatures over anything, by nobody in particular.
One that is not encoded canonically has a second encoding, and so two ids. OpenSSL accepts both; they are refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
"""The prime of the field (RFC 8032, section 5.1)."""

L = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point."""

_EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER = frozenset({0, 1, P - 1, _EIGHTH, P - _EIGHTH})
"""The y coordinates of the eight points of small order, whatever the sign of x."""


def public_key(raw: bytes) -> Ed25519PublicKey:
    """Return a key to verify with, from its 32 bytes. Raises ValueError for one that proves nothing."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  (slow to import)

    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) == 32 and y >= P:
        raise ValueError("it is not encoded canonically")
    if len(raw) == 32 and y in _SMALL_ORDER:
        raise ValueError("it is a point of small order, which accepts signatures of anybody")
    return Ed25519PublicKey.from_public_bytes(raw)


def is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether the holder of a key signed the message. A signature with S >= L is malleable, and does not count."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (see above)

    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
