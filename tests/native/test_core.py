"""The native core by itself: what it refuses, and what its SHA-256 gives. `test_payload_laws.py` has its laws."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.native import BARE, MOMENT, PURE, QUOTED

ROWS = pytest.importorskip("pytest_audit_ledger.native.core", reason="the native core was not built").Rows


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 5))
def test_rows_of_any_other_width_are_refused(widths: list[int], width: int) -> None:
    data = b"".join(b"\t".join([b"x"] * max(1, fields)) + b"\n" for fields in widths)
    if {max(1, fields) for fields in widths} == {width}:
        assert len(ROWS(data, width)) == len(widths)
    else:
        with pytest.raises(ValueError, match="not rows of this width"):
            ROWS(data, width)


@pytest.mark.parametrize(("data", "width"), [(b"a\tb", 2), (b"a\tb\nc", 2), (b"a\n", 0), (b"a\n", -1)])
def test_a_row_without_its_end_and_a_width_that_is_not_positive_are_refused(data: bytes, width: int) -> None:
    with pytest.raises(ValueError, match="width"):
        ROWS(data, width)


def test_no_rows_have_no_columns_and_no_hashes() -> None:
    rows = ROWS(b"", 3)
    assert (len(rows), rows.column(2, False), rows.hashes(((b"", 0, BARE),), b"")) == (0, [], [])


@pytest.mark.parametrize("place", [-1, 2, 2**40])
def test_a_field_that_a_row_does_not_have_is_refused(place: int) -> None:
    rows = ROWS(b"a\tb\n", 2)
    with pytest.raises(IndexError, match="there is no field"):
        rows.column(place, False)
    with pytest.raises(IndexError, match="there is no field"):
        rows.hashes(((b"", place, QUOTED),), b"")


def test_a_form_and_pieces_that_do_not_exist_are_refused() -> None:
    rows = ROWS(b"a\n", 1)
    with pytest.raises(ValueError, match="there is no form 7"):
        rows.hashes(((b"", 0, 7),), b"")
    with pytest.raises(TypeError):
        rows.hashes((b"no tuple",), b"")


@pytest.mark.parametrize("size", [*range(200), 1_000, 4_095, 4_096, 1_000_003])
def test_texts_of_every_length_have_the_hash_that_hashlib_gives(size: int) -> None:
    text = bytes(97 + at % 26 for at in range(size))
    assert ROWS(text + b"\n", 1).hashes(((b"", 0, BARE),), b"") == [sha256(text).hexdigest()]


def test_a_megabyte_of_control_characters_grows_sixfold_and_fits() -> None:
    rows = ROWS(b"\x01" * 2**20 + b"\n" + b"2\n", 1)
    assert rows.column(0, False) == ["\\u0001" * 2**20, "2"]
    expected = b'{"x":"' + b"\\u0001" * 2**20 + b'"}'
    assert rows.hashes(((b'{"x":', 0, QUOTED),), b"}")[0] == sha256(expected).hexdigest()


@pytest.mark.parametrize("text", [b"", b"x", b"infinity", b"-infinity", b"\\N", b"12026-05-21 15:30:00+00", b"2026-"])
def test_what_is_no_moment_of_four_digit_years_stays_as_it_is(text: bytes) -> None:
    assert ROWS(text + b"\n", 1).column(0, True) == [text.decode()]
    null = text == b"\\N"
    expected = b"null" if null else b'"%s"' % text
    assert ROWS(text + b"\n", 1).hashes(((b"", 0, MOMENT),), b"") == [sha256(expected).hexdigest()]


def test_the_variable_turns_it_off() -> None:
    command = [sys.executable, "-c", "from pytest_audit_ledger.native import ROWS, in_use; print(ROWS, in_use())"]
    done = subprocess.run(command, env={PURE: "1"}, check=True, capture_output=True, text=True)
    assert done.stdout == "None Python (PYTEST_AUDIT_LEDGER_PURE is set)\n"
