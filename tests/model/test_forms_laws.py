"""A form writes each content in one way, and no two contents alike: the payload reads back as the content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.investigate.ski_payloads import CANONICAL
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, Entry, canonical_timestamp, entry_hash
from pytest_audit_ledger.model.forms import Form
from pytest_audit_ledger.model.key_orders import MOST_ORDERS, key_orders
from pytest_audit_ledger.model.stretch import ONE_IN, Stretch
from pytest_audit_ledger.model.times import DIGITS, MOST_CANDIDATES, Lost, Time, damaged
from tests.investigate.test_reconstruction_laws import entries
from tests.support.laws import examples
from tests.support.odd_writers import canonical
from tests.support.rows import sample_rows
from tests.support.ski_forms import EXACT_FORMS, PARTIAL_FORMS, is_written, payload, recognised

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = re.compile(r"(\d+-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|\+00(?::?00)?| UTC|[+-]\d\d:\d\d)?", re.ASCII)


def moment(written: Any) -> datetime:
    """Return the time that somebody reads who does not know how it was written."""
    if isinstance(written, (int, float)) or "-" not in written:
        if "." in str(written):
            return EPOCH + timedelta(microseconds=round(float(written) * 1_000_000))
        number = int(written)
        return EPOCH + number * timedelta(microseconds=10**6 if number < 10**11 else 10**3 if number < 10**14 else 1)
    day, time, fraction, zone = TIME.fullmatch(written).groups()  # type: ignore[union-attr]
    offset = zone if zone and ":" in zone else "+00:00"
    return datetime.fromisoformat(f"{day}T{time}.{(fraction or ''):0<6}{offset}")


def read_back(written: bytes) -> Entry:
    """Return the content that somebody reads who does not know the form."""
    found: dict[str, Any] = json.loads(written)
    found["knowledge_graph_version"] = found.pop("kg_version", found.get("knowledge_graph_version"))
    found["sequence_number"] = int(found["sequence_number"])
    found["timestamp"] = canonical_timestamp(moment(found["timestamp"]))
    return Entry(**{name: found.get(name) for name in HASHED_COLUMNS})  # type: ignore[arg-type]


PROVING = [form for form in EXACT_FORMS if not form.unproven]


@examples(400)
@given(entries, st.sampled_from(PROVING))
def test_a_payload_in_any_form_reads_back_as_the_content_and_nothing_else(entry: Entry, form: Form) -> None:
    if is_written(form, entry):
        assert read_back(payload(form, entry)) == entry


@examples(100)
@given(entries, st.sampled_from(EXACT_FORMS))
def test_every_form_is_recognised_as_itself_or_a_simpler_one_that_writes_the_same(entry: Entry, form: Form) -> None:
    written = payload(form, entry)
    digest = sha256(written).hexdigest()
    found = recognised(entry, digest)
    if digest == entry_hash(entry) or not is_written(form, entry):
        return
    assert found is not None
    assert payload(found, entry) == written
    assert len(found.departures) <= len(form.departures)


changes = st.tuples(st.sampled_from(HASHED_COLUMNS), entries)


@examples(100)
@given(entries, changes, st.sampled_from([CANONICAL, *PROVING]))
def test_no_form_makes_an_edited_entry_match(entry: Entry, change: tuple[str, Entry], form: Form) -> None:
    column, other = change
    edited = replace(entry, **{column: getattr(other, column)})
    if edited != entry:
        assert recognised(edited, sha256(payload(form, entry)).hexdigest()) is None


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"rule_id": ""}, {"rule_id": None}),
        ({"rule_id": None}, {"rule_id": ""}),
        ({"timestamp": "2026-05-04T08:00:37+00:00"}, {"timestamp": "2026-05-04T08:00:37.999999+00:00"}),
        ({"timestamp": "2026-05-04T08:00:37.123456+00:00"}, {"timestamp": "2026-05-04T08:00:37.123000+00:00"}),
        ({"timestamp": "2026-05-04T08:00:37+00:00"}, {"timestamp": "2026-05-04T10:00:37+00:00"}),
        ({"reasoning": "a\ufffd"}, {"reasoning": "b\ufffd"}),
        ({"reasoning": "ab"}, {"reasoning": "a"}),
        ({"verdict": "FLAG", "track": "x"}, {"verdict": "CLEAR", "track": "x"}),
    ],
)
def test_edits_that_look_like_forms_are_none(was: dict[str, Any], now: dict[str, Any]) -> None:
    values = {**sample_rows(1)[0], "sequence_number": 1}
    entry = Entry(**{name: values[name] for name in HASHED_COLUMNS})  # type: ignore[arg-type]
    assert recognised(replace(entry, **now), entry_hash(replace(entry, **was))) is None


def content(entry: Entry, **others: Any) -> dict[str, Any]:
    values = {**asdict(entry), **others}
    return {"kg_version" if name == "knowledge_graph_version" else name: value for name, value in values.items()}


@examples(40)
@given(entries, st.integers(0, 999), st.sampled_from(["Z", "+00:00"]), st.booleans(), st.booleans())
def test_lost_nanoseconds_are_found_whether_they_were_cut_off_or_rounded(
    entry: Entry, extra: int, zone: str, rounded: bool, trimmed: bool
) -> None:
    hashed = datetime.fromisoformat(entry.timestamp)
    stored = hashed + timedelta(microseconds=1 if rounded and extra > 500 else 0)
    fraction = f".{hashed.microsecond:06}{extra:03}"
    fraction = fraction.rstrip("0").rstrip(".") if trimmed else fraction
    written = f"{hashed:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"
    digest = sha256(canonical(content(entry, timestamp=written))).hexdigest()
    found = recognised(replace(entry, timestamp=canonical_timestamp(stored)), digest)
    assert found is not None or digest == entry_hash(entry)


@examples(20)
@given(entries, st.data())
def test_a_stripped_nul_is_found_where_it_was(entry: Entry, data: st.DataObject) -> None:
    text = entry.reasoning or ""
    at = data.draw(st.integers(0, len(text)))
    digest = sha256(canonical(content(entry, reasoning=f"{text[:at]}\0{text[at:]}"))).hexdigest()
    found = recognised(replace(entry, reasoning=text), digest)
    assert found is not None
    assert found.lost is Lost.NUL


@examples(10)
@given(entries, st.integers(0xD800, 0xDBA0), st.booleans())
def test_half_a_surrogate_pair_is_found_behind_its_replacement(entry: Entry, half: int, ascii_only: bool) -> None:
    written = json.dumps(f"cut {chr(half)}")
    options = {"ensure_ascii": ascii_only}
    hashed = canonical(content(entry, reasoning="MARK"), **options).replace(b'"MARK"', written.encode())
    found = recognised(replace(entry, reasoning="cut \ufffd"), sha256(hashed).hexdigest())
    assert found is not None
    assert found.lost is Lost.SURROGATE


shuffled = st.recursive(
    st.integers(0, 9) | st.none() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@examples(60)
@given(shuffled)
def test_the_keys_of_a_document_are_tried_in_the_order_that_they_had(document: Any) -> None:
    def compact(value: Any, *, sort_keys: bool) -> str:
        return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False)

    orders = list(key_orders(compact(document, sort_keys=True)))
    assert len(set(orders)) == len(orders) <= MOST_ORDERS
    assert not orders or compact(document, sort_keys=False) in orders


def test_a_document_with_too_many_orders_or_only_one_is_left_as_it_is() -> None:
    seven = json.dumps(dict.fromkeys("abcdefg"))
    assert [list(key_orders(one)) for one in (seven, '{"a": 1}', "[1]", "no", "[" * 100_000)] == [[]] * 5
    assert len(list(key_orders('{"a": 1.50, "b": {"c": [], "d": 2}}'))) == 4


def test_no_form_tries_more_than_its_candidates() -> None:
    for lost in DIGITS:
        assert len(list(Time().lossy("2026-05-21T15:30:00.120000+00:00", lost))) <= MOST_CANDIDATES
    for lost in (Lost.NUL, Lost.SURROGATE):
        assert 0 < len(list(damaged(lost, "x\ufffd" * 5_000))) <= MOST_CANDIDATES


def _sample() -> Mapping[str, Any]:
    values = sample_rows(1)[0]
    return {**{name: values[name] for name in HASHED_COLUMNS}, "sequence_number": 1}


def test_a_payload_without_a_column_proves_nothing_of_it_and_is_recognised_by_nobody() -> None:
    entry = Entry(**_sample())
    for form in PARTIAL_FORMS:
        assert recognised(entry, sha256(payload(form, entry)).hexdigest()) is None


@examples(300)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=12), st.data())
def test_the_end_in_which_hardly_any_matches_does_not_depend_on_segments(
    runs: list[tuple[bool, int]], data: st.DataObject
) -> None:
    entries_ = [matches for matches, count in runs for _ in range(count)]
    ends = sorted(data.draw(st.lists(st.integers(0, len(entries_)), max_size=4)))

    def read(first: int, end: int) -> Stretch:
        found = Stretch()
        for number in range(first, end):
            found.matched(1) if entries_[number] else found.mismatched(number)
        return found

    whole = read(0, len(entries_))
    first, *others = [read(*pair) for pair in zip([0, *ends], [*ends, len(entries_)], strict=True)]
    for other in others:
        first.merge(other)
    assert first == whole
    if whole.count:
        assert entries_[whole.first or 0 :].count(True) * (ONE_IN - 1) < whole.count
