"""The native core writes rows of an export as Python does, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.export.row_formats import (
    csv_rows,
    csv_rows_plan,
    json_rows,
    json_rows_plan,
    own_columns,
)
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.native import ROWS
from pytest_audit_ledger.sources import copy_text
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.export.test_export_laws import texts
from tests.model.test_payload_laws import copied_row, moments, odd_timestamps, printed
from tests.support.laws import examples

pytestmark = pytest.mark.skipif(ROWS is None, reason="the native core was not built on this machine")

DOCUMENTS = ["null", '{"a": "\\n\\"é\\u2028"}', '{\n\t"b": [1, 2e400, "\\\\"]}', '"=1"', "\x01"]
NOT_FINITE = ["NaN", "Infinity", "-Infinity"]
NUMBERS = ["0", "-1.50", "1e-30", "9223372036854775807", *NOT_FINITE]
VALUES = {
    "sequence_number": ("bigint", st.integers(-(2**63), 2**63 - 1).map(str)),
    "timestamp": ("timestamp with time zone", moments.map(printed) | odd_timestamps()),
    "reasoning": ("text", texts),
    "we\"ird\n=,'": ("character varying(9)", texts),
    "price": ("numeric(9,2)", st.sampled_from(NUMBERS)),
    "ok": ("boolean", st.sampled_from("tf")),
    "envelope_json": ("jsonb", st.sampled_from(DOCUMENTS) | texts.filter(lambda text: text != r"\N")),
}
"""COPY writes NULL as \\N, which is no document."""
TYPES = {name: kind for name, (kind, _) in VALUES.items()}


def is_canonical(moment: str | None) -> bool:
    return moment is None or copy_text.canonical(moment) != moment


rows = st.lists(st.tuples(*(st.none() | value for _, value in VALUES.values())), min_size=1, max_size=6)
OTHER = load_profile("formance")


@pytest.mark.parametrize("profile", [SKI, OTHER], ids=lambda profile: profile.name)
@pytest.mark.parametrize("file_format", ["csv", "csv, safe in a spreadsheet", "json"])
@examples(60)
@given(rows, st.data())
def test_rows_are_those_of_python(
    profile: Profile, file_format: str, given_rows: list[tuple[str | None, ...]], data: st.DataObject
) -> None:
    copied = b"".join(copied_row(list(row)) for row in given_rows)
    layout = copy_text.plain_layout(list(map(profile.in_batch, TYPES)), (profile.in_batch("timestamp"),))
    names = data.draw(st.lists(st.sampled_from([*TYPES]), min_size=1, unique=True))
    types = {name: TYPES[name] for name in names}
    reference = own_columns(profile, Batch(copy_text._columns(layout, copied)), types)
    if file_format == "json":
        plan, expected = json_rows_plan(profile, types), json_rows(reference, types)
    else:
        safe = file_format != "csv"
        plan, expected = csv_rows_plan(profile, types, excel_safe=safe), csv_rows(reference, types, excel_safe=safe)
    quick = copy_text.batch(layout, copied).quick
    assert quick is not None
    written = quick.written(plan, b",\n")
    if written is None:  # a number that JSON does not have, or a timestamp that is no moment of four-digit years
        is_odd = NOT_FINITE.__contains__ if file_format == "json" else lambda value: not is_canonical(value)
        place = "price" if file_format == "json" else "timestamp"
        assert any(map(is_odd, (row[[*VALUES].index(place)] for row in given_rows)))
    else:
        assert written == ",\n".join(expected).encode("latin-1")


def test_a_timestamp_that_is_a_text_is_left_to_python_in_csv() -> None:
    layout = copy_text.plain_layout(["timestamp"])
    for value in ('"', "\\", "\t", "\x01", "=12-.....................+00", "-infinity", "12026-05-21 15:30:00+00"):
        quick = copy_text.batch(layout, copied_row([value])).quick
        assert quick is not None
        assert quick.written(csv_rows_plan(SKI, {"timestamp": "text"}, excel_safe=True), b"") is None
