"""The command that an explanation prints computes the hash of any payload, in a plain shell."""

from __future__ import annotations

import hashlib
import subprocess

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_audit_ledger.model.profile import Hashing
from pytest_audit_ledger.output.profile_text import hex_lines, shell_command
from tests.support.laws import examples

payloads = st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode(errors="replace")))


@examples(60)
@given(payloads, st.sampled_from(["sha256", "sha384", "sha512", "blake2b"]))
@example(b"it's -n %s \\x41 $HOME `id`", "sha256")
@example(b"-n\x00\r\n", "sha256")
def test_the_command_hashes_the_payload(payload: bytes, algorithm: str) -> None:
    command = shell_command(payload, Hashing(algorithm=algorithm))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == hashlib.new(algorithm, payload).hexdigest()


@given(payloads)
def test_the_lines_have_every_byte(payload: bytes) -> None:
    lines = list(hex_lines(payload))
    assert bytes.fromhex("".join(line[10:57] for line in lines)) == payload
    assert all(len(line.rpartition("  |")[2]) <= 17 for line in lines)


def test_the_key_of_an_hmac_is_not_in_the_command() -> None:
    command = shell_command(b"a", Hashing(algorithm="hmac-sha256", key="env:LEDGER_KEY"))
    assert command == "printf %s 'a' | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY_IN_HEX"
