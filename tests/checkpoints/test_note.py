"""Signed notes and checkpoints as C2SP specifies them."""

from __future__ import annotations

import json
import pickle
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import Checkpoint, Note, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.store import open_checkpoint
from tests.vectors import FILE, WITNESS_KEY

# The example of golang.org/x/mod/sumdb/note, which the specification grew from. Ed25519 is deterministic.
SIGNING_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    f"{TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

ORIGIN = "bank.example/ledger"
KEY = SigningKey(ORIGIN, bytes(range(32)))
OTHER = SigningKey("witness.example", bytes(range(1, 33)))
CHECKPOINT = Checkpoint(ORIGIN, 4327, bytes(range(32)))


def test_a_note_is_signed_byte_for_byte_as_the_reference_does() -> None:
    key = SigningKey.parse(SIGNING_KEY)
    assert str(key.verifier()) == VERIFIER_KEY
    assert key.text() == SIGNING_KEY
    assert key.sign(TEXT) == NOTE.encode()


def test_a_note_of_the_reference_verifies() -> None:
    key = VerifierKey.parse(VERIFIER_KEY)
    note = Note.parse(NOTE.encode())
    assert (note.text, note.signed_by([key])) == (TEXT, (key,))


def test_a_checkpoint_comes_back_as_it_was_signed() -> None:
    found, keys = open_checkpoint(KEY.sign(CHECKPOINT.text()), [OTHER.verifier(), KEY.verifier()])
    assert (found, keys) == (CHECKPOINT, (KEY.verifier(),))


def test_extension_lines_are_kept() -> None:
    extended = Checkpoint(ORIGIN, 1, bytes(32), ("time 1", "more"))
    assert open_checkpoint(KEY.sign(extended.text()), [KEY.verifier()])[0] == extended


def cosignature() -> str:
    """A line as a witness adds it (tlog-cosignature): ID, eight bytes of time, and a signature."""
    return f"— witness.example/w1 {b64encode(bytes(4 + 8 + 64)).decode()}\n"


@pytest.mark.parametrize("extra", [cosignature(), "— PeterNeumann AAAAAAAA\n", cosignature() * 16])
def test_signatures_of_others_are_ignored_wherever_they_stand(extra: str) -> None:
    text, _, own = KEY.sign(CHECKPOINT.text()).decode().rpartition("\n\n")
    for lines in (own + extra, extra + own):
        assert open_checkpoint(f"{text}\n\n{lines}".encode(), [KEY.verifier()])[0] == CHECKPOINT


@pytest.mark.parametrize("vector", json.loads(FILE.read_text("utf-8"))["notes"], ids=lambda one: str(one["what"]))
def test_the_notes_of_the_vectors_are_trusted_as_they_say(vector: Mapping[str, Any]) -> None:
    keys = list(map(VerifierKey.parse, vector["keys"]))
    if not vector["signed_by"]:
        with pytest.raises(ValueError, match=r"it|its|the"):
            open_checkpoint(vector["note"].encode(), keys)
    else:
        assert [key.name for key in open_checkpoint(vector["note"].encode(), keys)[1]] == vector["signed_by"]


def test_the_key_of_a_witness_is_written_as_it_was_read() -> None:
    assert str(VerifierKey.parse(WITNESS_KEY)) == WITNESS_KEY
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        SigningKey.parse(f"PRIVATE+KEY+{WITNESS_KEY}")


def test_a_signature_of_the_right_name_with_another_id_is_that_of_an_unknown_key() -> None:
    rotated = SigningKey(ORIGIN, bytes(32))
    with pytest.raises(ValueError, match=f"no trusted key signed it, only {ORIGIN}\\+"):
        open_checkpoint(rotated.sign(CHECKPOINT.text()), [KEY.verifier()])


def test_two_keys_of_one_name_may_both_sign() -> None:
    rotated = SigningKey(ORIGIN, bytes(32))
    second = rotated.sign(CHECKPOINT.text()).decode().rpartition("\n\n")[2]
    both = KEY.sign(CHECKPOINT.text()).decode() + second
    keys = (KEY.verifier(), rotated.verifier())
    assert open_checkpoint(both.encode(), keys)[1] == keys


@pytest.mark.parametrize("position", range(0, len(CHECKPOINT.text()), 5))
def test_a_changed_text_is_not_the_one_that_was_signed(position: int) -> None:
    data = bytearray(KEY.sign(CHECKPOINT.text()))
    data[position] ^= 1
    with pytest.raises(ValueError, match=r"is wrong|control character|not UTF-8|not signed"):
        open_checkpoint(bytes(data), [KEY.verifier()])


def test_a_bad_signature_of_a_known_key_is_not_made_good_by_another() -> None:
    forged = b64encode(OTHER.verifier().key_id + bytes(64)).decode()
    both = KEY.sign(CHECKPOINT.text()).decode() + f"— {OTHER.name} {forged}\n"
    with pytest.raises(ValueError, match="the signature of the key witness"):
        open_checkpoint(both.encode(), [KEY.verifier(), OTHER.verifier()])


def test_a_key_does_not_speak_of_another_ledger() -> None:
    with pytest.raises(ValueError, match="its origin is bank"):
        open_checkpoint(OTHER.sign(CHECKPOINT.text()), [OTHER.verifier()])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not signed"),
        (b"text\n", "not signed"),
        (b"text\n\n", "not signed"),
        (b"text\n\nno dash\n", "not signed"),
        (b"text\n\n\xe2\x80\x94 name AAAAAAAA", "not signed"),
        ("text\n\n— name\n".encode(), "has no signature"),
        ("text\n\n— name AAAAAA==\n".encode(), "has no signature"),
        ("text\n\n— name !\n".encode(), "not base64"),
        ("text\n\n— name AAAAAAB=\n".encode(), "not canonical"),
        ("text\n\n— na+me AAAAAAAA\n".encode(), "name of a key"),
        (b"\xff\n\n", "not UTF-8"),
        (b"a\tb\n\n", "control character"),
        (b"a" * 1_000_001, "larger than"),
    ],
)
def test_what_is_no_note_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Note.parse(data)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\n1\n", "not a checkpoint"),
        ("a\n1\n\nb\n", "not a checkpoint"),
        ("a\n01\nAAAA\n", "not a tree size"),
        ("a\n-1\nAAAA\n", "not a tree size"),
        ("a\n+1\nAAAA\n", "not a tree size"),
        ("a\n\u0661\nAAAA\n", "not a tree size"),
        (f"a\n{2**63}\nAAAA\n", "not a tree size"),
        ("a\n1\nAAAA\n", "32 bytes"),
        ("a\n1\nnonsense!\n", "not base64"),
    ],
)
def test_what_is_no_checkpoint_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Checkpoint.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00b"])
def test_a_name_that_no_key_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name of a key"):
        SigningKey.generate(name)


@pytest.mark.parametrize("parse", [VerifierKey.parse, SigningKey.parse])
@pytest.mark.parametrize("change", range(1, 60))
def test_a_mangled_key_is_refused_and_not_told(parse: Any, change: int) -> None:
    text = VERIFIER_KEY if parse is VerifierKey.parse else SIGNING_KEY
    for mangled in (text[:change], text[:change] + chr(ord(text[change]) ^ 1) + text[change + 1 :]):
        with pytest.raises(ValueError, match=r"\w") as caught:
            parse(mangled)
        assert "AYEK" not in str(caught.value)


def test_a_key_of_another_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        VerifierKey.parse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


def test_keys_are_made_anew_each_time_and_do_not_show() -> None:
    one, other = SigningKey.generate(ORIGIN), SigningKey.generate(ORIGIN)
    assert one != other
    assert "private" not in repr(one)
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("text", ["", "no newline", "a tab\t\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        KEY.sign(text)
