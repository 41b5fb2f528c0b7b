"""Keys and signatures that prove nothing are refused, though OpenSSL takes them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_audit_ledger.checkpoints.ed25519 import L, P, is_signed, public_key
from pytest_audit_ledger.checkpoints.keys import verifier_keys
from pytest_audit_ledger.checkpoints.note import VerifierKey
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.transcript_keys import read_keys

D = (-121665 * pow(121666, -1, P)) % P
IDENTITY = (0, 1)
Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """Return the sum of two points of the curve (RFC 8032, section 5.1.4), in affine coordinates."""
    k = D * one[0] * other[0] * one[1] * other[1] % P
    x, y = one[0] * other[1] + other[0] * one[1], one[1] * other[1] + one[0] * other[0]
    return x * pow(1 + k, -1, P) % P, y * pow(1 - k, -1, P) % P


def times(factor: int, point: Point) -> Point:
    made = IDENTITY
    while factor:
        made = add(made, point) if factor & 1 else made
        point, factor = add(point, point), factor >> 1
    return made


def point_of(y: int) -> Point | None:
    """Return a point with this y, None if there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if x * x % P == square else None


def small_order() -> set[Point]:
    """Return the eight points of small order: any point times L is one, and half of the points give one of order 8."""
    found: set[Point] = set()
    for y in range(2, 12):
        if (point := point_of(y)) is not None:
            step = times(L, point)
            found |= {times(count, step) for count in range(8)}
    return found


def encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


POINTS = sorted(small_order())


def test_there_are_eight_points_of_small_order() -> None:
    assert len(POINTS) == 8


@pytest.mark.parametrize("point", POINTS)
def test_a_key_of_small_order_is_refused(point: Point) -> None:
    with pytest.raises(ValueError, match="a point of small order"):
        public_key(encoded(point))


def test_openssl_takes_a_signature_of_nobody_by_the_identity() -> None:
    """Which is why we look: S = 0 and R = the identity verify over any message."""
    Ed25519PublicKey.from_public_bytes(encoded(IDENTITY)).verify(encoded(IDENTITY) + bytes(32), b"anything at all")


@pytest.mark.parametrize("y", [P, P + 1, P + 18])
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_that_is_not_encoded_canonically_is_refused(y: int, sign: int) -> None:
    with pytest.raises(ValueError, match="not encoded canonically"):
        public_key((y | sign << 255).to_bytes(32, "little"))


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        public_key(b"short")


def test_a_signature_counts_if_its_owner_made_it_and_in_one_form_only() -> None:
    owner = Ed25519PrivateKey.generate()
    key, message = public_key(owner.public_key().public_bytes_raw()), b"a checkpoint"
    signature = owner.sign(message)
    assert is_signed(key, signature, message)
    assert not is_signed(key, signature, b"another")
    assert not is_signed(key, signature[:-1], message)
    scalar = int.from_bytes(signature[32:], "little") + L
    assert not is_signed(key, signature[:32] + scalar.to_bytes(32, "little"), message)


def test_a_verifier_key_and_a_transcript_key_of_small_order_are_refused() -> None:
    public = encoded(IDENTITY)
    named = VerifierKey("bank.example/ledger", public)
    with pytest.raises(UsageError, match="a point of small order, which accepts signatures of anybody"):
        verifier_keys([str(named)])
    pem = Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UsageError, match="proves nothing: it is a point of small order"):
        read_keys([pem.decode()])
