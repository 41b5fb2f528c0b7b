"""The verifier in a folder knows the forms of hashes that the program knows, but for numbers and unknown zones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_audit_ledger.model.entry import HASHED_COLUMNS
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.standalone.verify import COLUMNS, FORMS, in_form
from tests.support.ski_forms import EXACT_FORMS, is_written, payload

KNOWN = [
    form
    for form in EXACT_FORMS
    if not form.time or ((form.time.zone or not form.time.minutes) and not form.time.epoch.value)
]
"""Those with a time of which the zone is certain."""


@pytest.mark.parametrize("fraction", ["", ".874000", ".874070"])
def test_every_payload_in_a_form_is_known(fraction: str) -> None:
    entry = replace(next(iter(sample_entries(1))), reasoning='a/b <é> "\u2028 \U0001f6e2', rule_id=None)
    entry = replace(entry, timestamp=f"2026-05-21T15:30:00{fraction}+00:00")
    values = {name: getattr(entry, name) for name in HASHED_COLUMNS}
    row = {name: None if value is None else str(value) for name, value in values.items()}
    known = {in_form(row, form) for form in FORMS}
    unknown = [form.words for form in KNOWN if is_written(form, entry) and payload(form, entry) not in known]
    assert unknown == []
    assert len(known - {b""}) > 1000


def test_the_columns_are_those_of_the_table_in_its_order() -> None:
    assert tuple(COLUMNS) == HASHED_COLUMNS
