"""Hashes are those of hashlib and hmac, as the column stores them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.hasher import RecipeHasher
from pytest_audit_ledger.model.profile import Hashing, Profile, Version, own
from pytest_audit_ledger.model.recipes import RecipeError, compile_hashing

KEY = b"a key \xc3\xa9"
ALGORITHMS = ("sha256", "sha384", "sha512", "sha3-256", "blake2b")


def no_key(place: str) -> bytes:
    raise AssertionError(f"{place} was read")


@given(payload=st.binary(max_size=200))
def test_every_algorithm_is_that_of_the_standard_library(payload: bytes) -> None:
    for algorithm in ALGORITHMS:
        name = algorithm.replace("-", "_")
        plain = compile_hashing(Hashing(algorithm=algorithm), no_key)
        assert plain([payload, None]) == [hashlib.new(name, payload).hexdigest(), None]
        keyed = compile_hashing(Hashing(algorithm=f"hmac-{algorithm}", key="env:KEY"), lambda _: KEY)
        assert keyed([None, payload]) == [None, hmac.new(KEY, payload, name).hexdigest()]


def test_encodings_and_prefix_are_as_the_column_stores_them() -> None:
    digest = hashlib.sha256(b"a").digest()
    forms = {
        Hashing(): digest.hex(),
        Hashing(prefix="sha256:"): f"sha256:{digest.hex()}",
        Hashing(encoding="HEX"): digest.hex().upper(),
        Hashing(encoding="base64", prefix="#"): f"#{base64.b64encode(digest).decode()}",
        Hashing(encoding="bytea"): f"\\x{digest.hex()}",
    }
    for hashing, expected in forms.items():
        assert compile_hashing(hashing, no_key)([b"a"]) == [expected]


@pytest.mark.parametrize(
    ("form", "stored"),
    [("utf8", KEY), ("utf8", KEY + b"\n"), ("hex", KEY.hex().encode() + b"\r\n"), ("base64", base64.b64encode(KEY))],
)
def test_a_key_is_read_in_its_form_without_the_end_of_its_line(form: str, stored: bytes) -> None:
    asked = []
    hashing = Hashing(algorithm="hmac-sha256", key="@key.txt", key_form=form)
    hashes = compile_hashing(hashing, lambda place: asked.append(place) or stored)  # type: ignore[func-returns-value]
    assert hashes([b"a"]) == [hmac.new(KEY, b"a", "sha256").hexdigest()]
    assert asked == ["@key.txt"]


@pytest.mark.parametrize(
    ("hashing", "path", "message"),
    [
        (Hashing(algorithm="md5"), ("algorithm",), "'md5' is not one of sha256"),
        (Hashing(encoding="base32"), ("encoding",), "'base32' is not one of hex"),
        (Hashing(encoding="bytea", prefix="x"), ("prefix",), "remove the prefix"),
        (Hashing(algorithm="hmac-sha256"), ("key",), "needs a key"),
        (Hashing(key="env:KEY"), ("key",), "hmac-sha256 does"),
        (Hashing(algorithm="hmac-sha256", key="env:KEY", key_form="raw"), ("key_form",), "'raw' is not one of utf8"),
        (Hashing(algorithm="hmac-sha256", key="env:KEY", key_form="hex"), ("key",), "the key is not hex"),
    ],
)
def test_a_mistake_is_found_at_its_place_and_shows_no_key(hashing: Hashing, path: tuple[str], message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        compile_hashing(hashing, lambda _: KEY)
    assert raised.value.path == path
    assert message in str(raised.value)
    assert raised.value.__cause__ is None
    assert KEY.decode() not in str(raised.value)


def test_a_prefix_beyond_ascii_is_compared_as_the_column_stores_it() -> None:
    version = Version(payload={"concat": ["note"]}, hashing=Hashing(prefix="é"))
    profile = Profile(name="own", table="own", columns={"previous_hash": "prev"}, version=version)
    entry = Batch({own("note"): ["x"], "previous_hash": [""]})
    assert RecipeHasher(profile, {}, no_key).hashes(entry) == [json_text(f"é{hashlib.sha256(b'x').hexdigest()}")]
