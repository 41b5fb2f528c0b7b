"""Documents that the native core reads are those that `model/jsonb.py` reads, or it leaves them to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.jsonb import Reader, canonical, digest
from pytest_audit_ledger.sources import copy_text
from tests.model.recipes.columns import copied
from tests.support.laws import examples

ROWS = pytest.importorskip("pytest_audit_ledger.native.core", reason="the native core was not built").Rows

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(10**18), 10**18) | st.floats() | st.sampled_from([0, 0.0, -0.0, 1e16, 1e-07, 59.139, 1.5e300])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(texts, values, max_size=5)
as_written = st.builds(
    json.dumps,
    documents,
    ensure_ascii=st.booleans(),
    separators=st.sampled_from([(", ", ": "), (",", ":"), (" ,\n", "\t: ")]),
)
PARTS = [
    '{"a": ',
    '{"a": 1, "a": 2}',
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u00",
    "\\u001f",
    "\\u0008",
    "\\/",
    "1",
    "-",
    "0",
    ".",
]
PARTS += [
    "1.50",
    "1e5",
    "0.0",
    "-0",
    "01",
    "12345678901234567",
    "null",
    "true",
    "nul",
    " ",
    "\n",
    "\v",
    "\x01",
    "\x7f",
    "é",
    "\u2028",
]
broken = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
cut = st.tuples(as_written, st.integers(0, 60), st.sampled_from(PARTS)).map(
    lambda it: it[0][: it[1]] + it[2] + it[0][it[1] :]
)


def read(several: list[str | None]) -> list[Any]:
    """Return documents as a batch of COPY text gives them."""
    return Batch.documents(
        copy_text.batch(copy_text.plain_layout(["d"]), b"".join(copied(text) + b"\n" for text in several)), "d"
    )


def same(value: Any) -> str:
    """Return what differs for 1, 1.0 and true, which are equal in Python. The order of keys is not kept."""
    return repr(canonical(dict(value) if isinstance(value, Mapping) else value))


@examples(300)
@given(st.lists(as_written | broken | cut | st.none(), min_size=1, max_size=4))
def test_every_document_is_the_one_that_python_reads(several: list[str | None]) -> None:
    for text, found in zip(several, read(several), strict=True):
        expected = None if text is None or text == "null" else Reader().read(text)
        if found is None or expected is None:
            assert found is expected
            continue
        assert (found.problem, found.is_plain) == (expected.problem, expected.is_plain)
        assert same(found.value) == same(expected.value)
        for key in (None, *expected.value, "missing"):
            assert found.derive("sha256:", key) == expected.derive("sha256:", key)
            assert key is None or (key in found.value, found.value.get(key)) == (
                key in expected.value,
                expected.value.get(key),
            )


def test_common_documents_are_not_left_to_python() -> None:
    written: dict[str, Any] = {
        "b": [1, 59.139, -2.5, True, None, {}],
        "verdict": 'quo"te\\ \n\x1f é',
        "aa": {"z": "", "y": []},
    }
    text = json.dumps(written, ensure_ascii=False)
    ((whole, strings, others),) = ROWS(copied(text) + b"\n", 1).documents(0)
    assert f"sha256:{whole}" == digest(canonical(written))
    assert strings == {"verdict": written["verdict"]}
    assert others == {"aa": '{"y":[],"z":""}', "b": "[1,59.139,-2.5,true,null,{}]"}


@pytest.mark.parametrize("depth", [10, 63, 64, 5_000])
def test_a_document_that_is_nested_deeply_is_left_to_python(depth: int) -> None:
    text = f'{{"a": {"[" * depth}{"]" * depth}}}'
    (found,) = ROWS(copied(text) + b"\n", 1).documents(0)
    assert isinstance(found, str) == (depth >= 64)


def test_a_document_of_many_members_and_a_megabyte_is_read() -> None:
    written = {f"key {at}": "é" * 50 for at in range(10_000)}
    (found,) = read([json.dumps(written, ensure_ascii=False)])
    assert (dict(found.value), found.whole) == (written, digest(canonical(written)))
