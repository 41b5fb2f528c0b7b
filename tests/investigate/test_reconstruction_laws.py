"""Whatever is edited in an entry, it comes out as it was, or as unexplained: never as anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.investigate.hypotheses import Suspect, Vocabulary
from pytest_audit_ledger.investigate.reconstruction import Budget, Reconstruction, Unexplained, Witness, reconstruct
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, VERDICTS, Entry
from tests.support.laws import examples

RULES = ["energy.so2.cap", "energy.so2.cap ", "Energy.so2.cap", "énergie", "e\u0301nergie", "énergie ", '"', "\\N", ""]
TRACKS = ["symbolic", "llm", "hybrid"]
VERSIONS = ["energy-1.0.0", "energy-2.0.0", "energy-10.0.0"]
MODELS = ["3.1.0", "3.1.1", "4.0.0-beta.1"]
VOCABULARY = Vocabulary(
    {"rule_id": RULES, "track": TRACKS, "knowledge_graph_version": VERSIONS, "ski_model_version": MODELS}
)
OCCURRING = {**VOCABULARY.values, "verdict": VERDICTS}
BUDGET = Budget(seconds=60, hypotheses=12_000)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=timezone.utc).isoformat()
)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
entries = st.builds(
    Entry,
    sequence_number=st.integers(2, 2**62),
    previous_hash=hashes,
    timestamp=moments,
    verdict=st.sampled_from(VERDICTS),
    telemetry_id=texts,
    telemetry_hash=hashes,
    rule_id=st.none() | st.sampled_from(RULES),
    knowledge_graph_version=st.none() | st.sampled_from(VERSIONS),
    ski_model_version=st.sampled_from(MODELS),
    reasoning=st.none() | texts,
    track=st.none() | st.sampled_from(TRACKS),
)


def independent_hash(values: Mapping[str, object]) -> str:
    """Return the hash of an entry, by the rule as the specification has it and none of our code."""
    payload = {**values}
    payload["kg_version"] = payload.pop("knowledge_graph_version")
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8")).hexdigest()


def restored(stored: Entry, found: Reconstruction) -> dict[str, object]:
    """Return the entry as it was, by a reconstruction."""
    values = asdict(stored)
    for change in found.changes:
        number = change.column == "sequence_number" and change.original is not None
        values[change.column] = int(change.original or 0) if number else change.original
    values.pop("entry_hash", None)
    return values


def edited(entry: Entry, column: str, value: object) -> Entry:
    return replace(entry, **{column: value})  # type: ignore[arg-type]


values_of_columns = {
    "sequence_number": st.integers(1, 2**62),
    "previous_hash": hashes,
    "timestamp": moments | st.sampled_from(["infinity", "10000-01-01 00:00:00+00"]),
    "telemetry_hash": hashes,
}


@examples(20)
@given(entries, st.sampled_from(HASHED_COLUMNS), st.data())
def test_any_edited_column_comes_out_as_it_was_or_as_unexplained(
    entry: Entry, column: str, data: st.DataObject
) -> None:
    value = data.draw(values_of_columns.get(column, st.none() | texts))
    stored = edited(entry, column, value)
    committed = independent_hash(asdict(entry))
    found = reconstruct(Suspect(stored, committed, committed), VOCABULARY, budget=BUDGET)
    if isinstance(found, Reconstruction):
        assert found.form is None
        assert restored(stored, found) == asdict(entry)
        assert independent_hash(restored(stored, found)) == committed == found.proven_by
        assert [change.column for change in found.changes] == ([column] if stored != entry else [])
    else:
        assert stored != entry
        assert column not in OCCURRING or getattr(entry, column) is None


@examples(40)
@given(entries, st.sampled_from(sorted(OCCURRING)), st.data())
def test_an_edit_of_what_occurs_in_the_ledger_is_proven_whatever_it_says_now(
    entry: Entry, column: str, data: st.DataObject
) -> None:
    original = data.draw(st.sampled_from(list(OCCURRING[column])))
    stored = edited(entry, column, data.draw(texts.filter(lambda value: value != original)))
    committed = independent_hash({**asdict(entry), column: original})
    found = reconstruct(Suspect(stored, committed, committed), VOCABULARY, budget=BUDGET)
    assert isinstance(found, Reconstruction)
    (change,) = found.changes
    assert (change.column, change.original) == (column, original)
    assert found.witness is Witness.BOTH


@examples(10)
@given(entries, st.lists(st.sampled_from(sorted(OCCURRING)), min_size=2, max_size=2, unique=True), st.data())
def test_two_edits_at_once_come_out_as_they_were(entry: Entry, columns: list[str], data: st.DataObject) -> None:
    originals = {column: data.draw(st.sampled_from(list(OCCURRING[column]))) for column in columns}
    stored = entry
    for column, original in originals.items():
        now = data.draw(texts)
        stored = edited(stored, column, f"{now}!" if now == original else now)
    committed = independent_hash({**asdict(entry), **originals})
    found = reconstruct(Suspect(stored, committed, committed), VOCABULARY, budget=Budget(60, 300_000))
    assert isinstance(found, Reconstruction)
    assert {change.column: change.original for change in found.changes} == originals
    assert independent_hash(restored(stored, found)) == committed


@examples(5)
@given(entries, st.sampled_from(["reasoning", "telemetry_id"]), st.text("xyz", min_size=30, max_size=40))
def test_what_nothing_suggests_is_unexplained(entry: Entry, column: str, original: str) -> None:
    committed = independent_hash({**asdict(entry), column: original})
    found = reconstruct(Suspect(entry, committed, committed), VOCABULARY, budget=BUDGET)
    assert isinstance(found, Unexplained)
    assert found.hypotheses == BUDGET.hypotheses


@examples(5)
@given(entries, hashes, hashes)
def test_hashes_that_belong_to_nothing_prove_nothing(entry: Entry, stored: str, committed: str) -> None:
    found = reconstruct(Suspect(entry, stored, committed), VOCABULARY, budget=BUDGET)
    assert isinstance(found, Unexplained)
    assert not found.has_its_own_hash
