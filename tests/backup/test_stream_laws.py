"""The streams of a backup, cut anywhere: they lose nothing, add nothing, and notice what is damaged."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from typing import cast

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.backup.encryption import Key, Opener, decrypt, encrypt
from pytest_audit_ledger.backup.restore import Loader, unpack
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.sources.programs import Running

IDENTITY = pyrage.x25519.Identity.generate()
HEAD = b"--\n-- PostgreSQL database dump\n--\n\n"
LOCK = b"\\restrict aK3y\n"
UNLOCK = b"\n\\unrestrict aK3y\n\n"

bodies = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([b"\\", b"\n", b"\\restrict aK3y\n", b"\\unrestrict other\n", b"x" * 3000]), max_size=8
    ).map(b"".join),
)


class Program:
    """Keeps what it is fed."""

    def __init__(self) -> None:
        self.fed = b""
        self.finished = False

    def feed(self, data: bytes) -> None:
        self.fed += data

    def finish(self) -> None:
        self.finished = True

    def stop(self) -> None:
        pass


class Kept:
    """A sink that keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def finish(self) -> None:
        pass


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    while data:
        size = sizes[len(data) % len(sizes)]
        yield data[:size]
        data = data[size:]


sizes = st.lists(st.integers(1, 5000), min_size=1, max_size=5)


def loaded(dump: bytes, pieces: list[int]) -> bytes:
    program = Program()
    loader = Loader(lambda _: cast("Running", program))
    for piece in cut(dump, pieces):
        loader.write(piece)
    loader.finish()
    assert program.finished
    return program.fed


@given(bodies, sizes)
def test_a_plain_dump_is_locked_by_our_key_instead_of_its_own(body: bytes, pieces: list[int]) -> None:
    fed = loaded(HEAD + LOCK + body + UNLOCK, pieces)
    ours = re.match(rb"\\restrict [0-9a-f]{32}\n", fed)
    assert ours
    assert fed[ours.end() :] == HEAD + b"\n" + body + b"\n\n"


@given(bodies, sizes)
def test_a_dump_without_a_lock_gets_one(body: bytes, pieces: list[int]) -> None:
    dump = HEAD + body.replace(b"restrict", b"")
    assert re.sub(rb"^\\restrict [0-9a-f]{32}\n", b"", loaded(dump, pieces)) == dump


@given(bodies, sizes)
def test_a_custom_dump_is_handed_on_byte_for_byte(body: bytes, pieces: list[int]) -> None:
    assert loaded(b"PGDMP" + LOCK + body, pieces) == b"PGDMP" + LOCK + body


@given(st.binary(max_size=70_000), st.booleans(), st.booleans())
def test_what_was_packed_is_unpacked(data: bytes, compressed: bool, encrypted: bool) -> None:
    plain = b"PGDMP" + data
    packed = gzip.compress(plain) if compressed else plain
    if encrypted:
        file = io.BytesIO()
        encrypt(Key((str(IDENTITY.to_public()),)), io.BytesIO(packed), file)
        packed = file.getvalue()
    kept = Kept()
    unpack(io.BytesIO(packed), Opener((IDENTITY,)), kept)
    assert kept.data == plain


@given(st.binary(min_size=1, max_size=500), st.integers(1, 400), st.booleans())
def test_what_was_cut_off_or_added_to_is_noticed(data: bytes, amount: int, encrypted: bool) -> None:
    packed = gzip.compress(data)
    if encrypted:
        file = io.BytesIO()
        encrypt(Key((str(IDENTITY.to_public()),)), io.BytesIO(packed), file)
        packed = file.getvalue()
    shortest = 100 if encrypted else 10  # what still begins as such a file does
    for damaged in (packed[: max(shortest, len(packed) - amount)], packed + bytes(amount)):
        with pytest.raises(SourceError):
            unpack(io.BytesIO(damaged), Opener((IDENTITY,)), Kept())


def test_a_little_that_holds_a_lot_is_never_held_as_a_whole() -> None:
    largest = 0

    class Measured(Kept):
        def write(self, data: bytes) -> int:
            nonlocal largest
            largest = max(largest, len(data))
            return len(data)

    unpack(io.BytesIO(gzip.compress(bytes(50_000_000))), Opener(), Measured())
    assert largest <= 1024 * 1024


def test_another_key_does_not_open_it() -> None:
    file = io.BytesIO()
    encrypt(Key((str(IDENTITY.to_public()),)), io.BytesIO(b"secret"), file)
    file.seek(0)
    with pytest.raises(SourceError, match="No matching keys found"):
        decrypt(Opener((pyrage.x25519.Identity.generate(),)), file, io.BytesIO())
