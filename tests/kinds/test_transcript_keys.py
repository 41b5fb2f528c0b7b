"""Which keys are taken, and how a file that holds none is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.kinds.transcript_keys import is_signed, keys_by_id, read_keys
from tests.support.signers import FOREIGN_PEM, PEM, RUNTIME, RUNTIME_KEY

DATA = Path(__file__).parents[1] / "data"
PRIVATE = RUNTIME_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
OTHER_KIND = ec.generate_private_key(ec.SECP256R1()).public_key()

NO_KEYS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not an Ed25519 public key"),
    "binary": (RUNTIME_KEY.public_key().public_bytes_raw() + b"\xff", "cannot be read: Not UTF-8 text"),
    "private": (PRIVATE, "is a private key, which only the signer may have"),
    "of another kind": (
        OTHER_KIND.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "is not an Ed25519 public key",
    ),
    "damaged": (PEM.replace("M", "N", 1).encode(), "is not an Ed25519 public key"),
    "cut off": (PEM[:60].encode(), "is not an Ed25519 public key"),
}


def test_a_key_is_a_file_or_the_text_of_one(tmp_path: Path) -> None:
    (tmp_path / "runtime.pem").write_text(PEM)
    assert read_keys(["runtime.pem", FOREIGN_PEM], str(tmp_path)) == [PEM, FOREIGN_PEM]
    assert read_keys([tmp_path / "runtime.pem"]) == [PEM]


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_file_that_holds_no_public_key_is_refused_with_what_to_give(tmp_path: Path, name: str) -> None:
    content, message = NO_KEYS[name]
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(UsageError) as refusal:
        read_keys([path])
    assert refusal.value.message.endswith(f"{path} {message}.")
    assert "-----BEGIN PUBLIC KEY-----" in refusal.value.remedy


@pytest.mark.parametrize("name", ["missing.pem", ".", "nul\0byte", "a" * 5000])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        read_keys([name], str(tmp_path))


def test_a_text_that_holds_no_key_is_not_repeated() -> None:
    with pytest.raises(UsageError) as refusal:
        read_keys([PRIVATE.decode()])
    assert PRIVATE.decode().splitlines()[1] not in str(refusal.value)


def test_the_id_of_a_key_is_the_one_the_framework_gives_it() -> None:
    (key_id,) = keys_by_id(read_keys([DATA / "ski-v3-runtime.pub.pem"]))
    assert key_id == "sha256:5752e21c292a7b8105562a7ab4f90ea83187c4800fcbbdbe209265345b7737a3"


def test_a_signature_holds_for_its_key_and_message_only() -> None:
    message = os.urandom(100)
    signature = RUNTIME.sign(message)
    assert is_signed(PEM, signature, message)
    assert not is_signed(FOREIGN_PEM, signature, message)
    assert not is_signed(PEM, signature, message + b"!")
    assert not is_signed(PEM, bytes(64), message)


def test_a_key_remembers_how_it_was_given_also_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "runtime.pem"
    path.write_text(PEM)
    for given in (str(path), PEM):
        (key,) = pickle.loads(pickle.dumps(read_keys([given])))
        assert (key, key.given) == (PEM, given)
