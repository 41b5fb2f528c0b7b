"""One changed character in an envelope, a transcript or a signature of the real ledger is found, wherever it stands.

All but those that nobody signed: they are named, and hash_coverage tells of them.
"""

from __future__ import annotations

import csv
import gzip
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.kinds.envelope_consistency import EnvelopeConsistency
from pytest_audit_ledger.kinds.envelope_hash import EnvelopeHash
from pytest_audit_ledger.kinds.hash_coverage import UNSIGNED
from pytest_audit_ledger.kinds.kind import ScanKind
from pytest_audit_ledger.kinds.transcript_signature import TranscriptSignature
from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import V3_COLUMNS
from tests.support.laws import examples
from tests.support.rows import LEDGER

DATA = Path(__file__).parents[1] / "data"
KEY = (DATA / "ski-v3-runtime.pub.pem").read_text()
FOLDS: list[tuple[type[ScanKind], dict[str, list[str]]]] = [
    (EnvelopeHash, {}),
    (EnvelopeConsistency, {}),
    (TranscriptSignature, {"keys": [KEY]}),
]
COLUMNS = ["sequence_number", *dict.fromkeys(name for kind, _ in FOLDS for name in kind.columns)]
PLACES = [*V3_COLUMNS]

# as JSONB prints them: the value of one is a text, or an object without another in it
UNSIGNED_MEMBERS = re.compile(rf'"(?:{"|".join(UNSIGNED)})": (?:"[^"]*"|\{{[^{{}}]*\}})')


@cache
def rows() -> list[dict[str, str]]:
    csv.field_size_limit(10**7)
    with gzip.open(DATA / "ski-v3-runtime.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def codes(row: dict[str, str]) -> set[str]:
    """Return what the kinds find in one entry."""
    batch = Batch({name: [json_text(row[name])] for name in COLUMNS})
    folds = [kind(parameters, LEDGER, 10) for kind, parameters in FOLDS]
    for fold in folds:
        fold.feed(batch)
    return {code for fold in folds for code in fold.findings.codes()}


def flipped(text: str, place: int) -> tuple[str, int]:
    """Return the text with another letter or digit at a place, counted over those that are one; and where that is."""
    places = [at for at, character in enumerate(text) if character.isalnum()]
    at = places[place % len(places)]
    one, other = ("0", "1") if text[at].isdigit() else ("a", "b")
    return text[:at] + (other if text[at] == one else one) + text[at + 1 :], at


def test_the_real_ledger_is_clean() -> None:
    assert len(rows()) == 383
    assert set().union(*map(codes, rows())) == set()


@pytest.mark.parametrize("column", PLACES)
@examples(200)
@given(entry=st.integers(0, 382), place=st.integers(0, 10_000))
def test_one_changed_character_is_found(column: str, entry: int, place: int) -> None:
    row = dict(rows()[entry])
    signed_by_nobody = [range(*found.span()) for found in UNSIGNED_MEMBERS.finditer(row[column])]
    row[column], at = flipped(row[column], place)
    is_unsigned = any(at in span for span in signed_by_nobody)
    assert bool(codes(row)) is not is_unsigned
    assert not is_unsigned or column == "transcript_json"
