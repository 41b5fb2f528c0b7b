"""Every family of hypotheses, which hash proves what, and the words for it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest

from pytest_audit_ledger.investigate.hypotheses import Suspect, Vocabulary
from pytest_audit_ledger.investigate.reconstruction import (
    Budget,
    Reconstruction,
    Stopped,
    Unexplained,
    Witness,
    reconstruct,
)
from pytest_audit_ledger.investigate.reconstruction_text import sentence
from pytest_audit_ledger.investigate.rewritings import Transformation, constant
from pytest_audit_ledger.model.entry import GENESIS_HASH, HASHED_COLUMNS, VERDICTS, entry_hash
from pytest_audit_ledger.model.times import Time
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.support.ski_forms import form_with

ENTRIES = list(sample_entries(60))
BEFORE, ENTRY, AFTER = ENTRIES[48:51]
HASH = entry_hash(ENTRY)
OTHER = "f" * 64
VOCABULARY = Vocabulary(
    {
        "rule_id": [f"energy.{number}.cap" for number in range(3000)],
        "track": ["symbolic", "llm"],
        "knowledge_graph_version": ["energy-1.0.0", "energy-0.9.0"],
        "ski_model_version": ["3.1.0", "3.0.9"],
    }
)
BUDGET = Budget(60, 200_000)


def suspect(committed: str = HASH, **now: Any) -> Suspect:
    """Return entry 50 with something else in it now, among its neighbours."""
    stored = replace(ENTRY, **now)
    return Suspect(stored, committed, committed, BEFORE, entry_hash(BEFORE), AFTER, entry_hash(AFTER))


def proven(found: Reconstruction | Unexplained) -> Reconstruction:
    assert isinstance(found, Reconstruction), found
    return found


def written(was: dict[str, Any], now: dict[str, Any]) -> Reconstruction:
    """Return what is found if an entry was hashed with some values and is stored with others."""
    committed = entry_hash(replace(ENTRY, **was))
    found = proven(reconstruct(suspect(committed, **now), VOCABULARY, budget=BUDGET))
    assert {change.column: change.original for change in found.changes} == {
        name: value if value is None else str(value) for name, value in was.items()
    }
    assert found.proven_by == committed
    assert found.witness is Witness.BOTH
    return found


# an entry that was edited in one column


@pytest.mark.parametrize(("was", "now"), [(was, now) for was in VERDICTS for now in (*VERDICTS, "MAYBE") if was != now])
def test_every_verdict_is_restored_from_every_other(was: str, now: str) -> None:
    (change,) = written({"verdict": was}, {"verdict": now}).changes
    assert change.excluded >= len(VERDICTS) - 1


@pytest.mark.parametrize(
    ("column", "was", "now"),
    [
        ("track", "llm", "symbolic"),
        ("rule_id", "energy.0.cap", "energy.none"),
        ("rule_id", "energy.2999.cap", "energy.1.cap"),
        ("knowledge_graph_version", "energy-0.9.0", "energy-1.0.0"),
        ("ski_model_version", "3.0.9", "3.1.0"),
        ("telemetry_id", BEFORE.telemetry_id, "TEL_X"),
        ("telemetry_hash", AFTER.telemetry_hash, OTHER),
        ("reasoning", AFTER.reasoning, "nothing to see"),
        ("timestamp", BEFORE.timestamp, ENTRY.timestamp),
        ("previous_hash", entry_hash(BEFORE), OTHER),
        ("previous_hash", BEFORE.previous_hash, OTHER),
        ("previous_hash", GENESIS_HASH, OTHER),
        ("sequence_number", 49, 50),
        ("sequence_number", 53, 50),
        ("sequence_number", 1050, 50),
    ],
)
def test_what_occurs_in_the_ledger_or_beside_the_entry_is_restored(column: str, was: Any, now: Any) -> None:
    written({column: was}, {column: now})


@pytest.mark.parametrize("column", ["rule_id", "knowledge_graph_version", "reasoning", "track"])
@pytest.mark.parametrize(("was", "now"), [(None, ""), ("", None), ("null", None), (None, "None"), ("N/A", None)])
def test_a_missing_value_is_restored_from_an_empty_one_and_back(column: str, was: str | None, now: str | None) -> None:
    written({column: was}, {column: now})


COMPOSED = "Température élevée: ﬁltre"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        *((unicodedata.normalize(form, COMPOSED), COMPOSED) for form in ("NFD", "NFKC", "NFKD")),
        (COMPOSED, unicodedata.normalize("NFD", COMPOSED)),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("one\ntwo\n", "one\r\ntwo\r\n"),
        ("one\rtwo", "one\ntwo"),
        ("reason", "reason   "),
        ("reason ", "reason"),
        ("reason\n", "reason"),
        ("reason", " \treason"),
        ("reason".ljust(64), "reason"),
        ("REASON", "reason"),
        ("reason", "REASON"),
        ("Reason Why", "reason why"),
        (COMPOSED, COMPOSED.encode().decode("latin-1")),
        ("so2 > 100 & rising", "so2 &gt; 100 &amp; rising"),
        ("it's", "it\u2019s"),
    ],
)
def test_a_text_is_restored_from_what_a_migration_makes_of_it(was: str, now: str) -> None:
    written({"reasoning": was}, {"reasoning": now})


# times

MOMENT = datetime(2026, 3, 29, 0, 30, 15, 874070, tzinfo=timezone.utc)
NOW = MOMENT.isoformat()


def at(**away: float) -> str:
    return (MOMENT + timedelta(**away)).isoformat()


def zone(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    "was",
    [
        *(at(hours=hours) for hours in (1, -1, 2, -5, 14, -12, 5.5, 5.75, -3.5)),
        *(at(days=days) for days in (1, -1, 7)),
        "2026-03-29T00:30:15.874000+00:00",
        "2026-03-29T00:30:15+00:00",
    ],
)
def test_a_time_is_restored_from_another_zone_or_without_some_digits(was: str) -> None:
    written({"timestamp": was}, {"timestamp": NOW})


@pytest.mark.parametrize(
    "hashed",
    [
        MOMENT.astimezone(zone(2)).isoformat(),
        MOMENT.astimezone(zone(-4)).isoformat(),
        MOMENT.astimezone(zone(5.75)).isoformat(),
        MOMENT.astimezone(zone(2)).replace(tzinfo=None).isoformat(),
        MOMENT.replace(tzinfo=None).isoformat(),
        str(MOMENT),
        str(MOMENT.astimezone(zone(2))),
        str(MOMENT.replace(tzinfo=None)),
        NOW.replace("+00:00", "Z"),
        "2026-03-29T00:30:15.87407+00:00",
        "2026-03-29 00:30:15.87407+00",
        "2026-03-29 00:30:15.874070 UTC",
    ],
)
def test_the_same_time_written_in_another_way_is_a_form_and_no_edit(hashed: str) -> None:
    committed = entry_hash(replace(ENTRY, timestamp=hashed))
    found = proven(reconstruct(suspect(committed, timestamp=NOW), VOCABULARY, budget=BUDGET))
    assert found.changes == ()
    assert found.form is not None


@pytest.mark.parametrize(
    "now",
    [
        "2026-03-29T00:30:15.874000+00:00",  # cut off
        "2026-03-29T00:30:15.870000+00:00",
        "2026-03-29T00:30:15.900000+00:00",  # rounded up, as PostgreSQL does
        "2026-03-29T00:30:15.800000+00:00",
    ],
)
def test_the_lost_digits_of_a_time_are_found(now: str) -> None:
    written({"timestamp": NOW}, {"timestamp": now})


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("2026-03-29T00:30:15.000170+00:00", "2026-03-29T00:30:15+00:00"),
        ("2026-03-29T00:30:15.500170+00:00", "2026-03-29T00:30:16+00:00"),
    ],
)
def test_a_time_of_which_the_whole_fraction_is_lost_is_found(was: str, now: str) -> None:
    committed = entry_hash(replace(ENTRY, timestamp=was))
    alone = Suspect(replace(ENTRY, timestamp=now), committed, committed)
    found = proven(reconstruct(alone, budget=Budget(60)))
    assert [change.original for change in found.changes] == [was]
    assert found.changes[0].cause.words == "its last 6 digits are lost"


@pytest.mark.parametrize("now", ["infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC"])
def test_a_time_that_no_payload_can_hold_was_never_hashed(now: str) -> None:
    stored = suspect(timestamp=now)
    as_it_stands = entry_hash(stored.entry)
    found = reconstruct(replace(stored, stored_hash=as_it_stands, committed=as_it_stands), budget=Budget(60, 50_000))
    assert isinstance(found, Unexplained)


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_the_ends_of_time_are_no_mistake_of_ours(now: str) -> None:
    assert isinstance(reconstruct(suspect(OTHER, timestamp=now), budget=Budget(60, 5_000)), Unexplained)


# several columns


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"verdict": "FLAG", "track": "llm"}, {"verdict": "CLEAR", "track": "symbolic"}),
        ({"verdict": "FLAG", "rule_id": "energy.299.cap"}, {"verdict": "CLEAR", "rule_id": "x"}),
        ({"verdict": "FLAG", "timestamp": at(hours=3)}, {"verdict": "CLEAR", "timestamp": NOW}),
        ({"ski_model_version": "3.0.9", "reasoning": None}, {"ski_model_version": "3.1.0", "reasoning": ""}),
        ({"sequence_number": 51, "previous_hash": HASH}, {"sequence_number": 50, "previous_hash": OTHER}),
    ],
)
def test_two_edits_at_once_are_restored(was: dict[str, Any], now: dict[str, Any]) -> None:
    written(was, now)


def test_contents_taken_from_a_neighbour_are_restored() -> None:
    content = ("timestamp", "verdict", "telemetry_id", "telemetry_hash", "reasoning")
    theirs = {name: getattr(AFTER, name) for name in (*content, "rule_id")}
    mine = {name: getattr(ENTRY, name) for name in theirs}
    assert all(theirs[name] != mine[name] for name in content if name != "verdict")
    committed = entry_hash(replace(ENTRY, **theirs))
    found = proven(reconstruct(suspect(committed), VOCABULARY, budget=BUDGET))
    assert {change.column for change in found.changes} >= {"timestamp", "telemetry_id", "telemetry_hash"}
    assert {change.cause.words for change in found.changes} == {"as entry 51 has it"}


def test_two_columns_that_were_exchanged_are_restored() -> None:
    was: dict[str, Any] = {"ski_model_version": "energy-1.0.0", "knowledge_graph_version": "3.1.0"}
    written(was, {"ski_model_version": "3.1.0", "knowledge_graph_version": "energy-1.0.0"})


def test_what_another_account_says_is_restored_alone_and_together() -> None:
    account: dict[str, Any] = {"verdict": "FLAG", "reasoning": "so2_ppm=140 exceeds the limit of 100."}
    for was in ({"reasoning": account["reasoning"]}, account, {**account, "track": "llm"}):
        committed = entry_hash(replace(ENTRY, **was))
        given = replace(suspect(committed), accounts={"its envelope": account})
        found = proven(reconstruct(given, VOCABULARY, budget=BUDGET))
        assert {change.column: change.original for change in found.changes} == was
    assert "(as its envelope has it" in sentence(found)


# other forms of the payload


def in_form(change: Callable[[dict[str, Any]], dict[str, Any]] = dict, **options: Any) -> str:
    """Return the hash of entry 50 as somebody else writes it."""
    values = {**asdict(ENTRY), "rule_id": None}
    values["kg_version"] = values.pop("knowledge_graph_version")
    defaults = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    return sha256(json.dumps(change(values), **{**defaults, **options}).encode()).hexdigest()


def _schema_order(values: dict[str, Any]) -> dict[str, Any]:
    names = [name if name != "knowledge_graph_version" else "kg_version" for name in SCHEMA]
    return {name: values[name] for name in names}


SCHEMA = list(HASHED_COLUMNS)


@pytest.mark.parametrize(
    ("committed", "words"),
    [
        (in_form(separators=(", ", ": ")), {"with spaces after commas and colons"}),
        (in_form(_schema_order, sort_keys=False), {"with the keys in the order of the columns, not sorted"}),
        (
            in_form(_schema_order, sort_keys=False, separators=(", ", ": ")),
            {"with the keys in the order of the columns, not sorted", "with spaces after commas and colons"},
        ),
        (
            in_form(lambda v: {**{k: x for k, x in v.items() if k != "kg_version"}, SCHEMA[7]: v["kg_version"]}),
            {"with the columns' names as keys"},
        ),
        (in_form(lambda v: {k: x for k, x in v.items() if x is not None}), {"with no key for a missing value"}),
        (in_form(lambda v: {**v, "sequence_number": "50"}), {"with whole numbers in quotes"}),
        (in_form(lambda v: {k: x for k, x in v.items() if k != "track"}), {"without track"}),
        (in_form(lambda v: {k: x for k, x in v.items() if k != "verdict"}), {"without verdict"}),
    ],
)
def test_another_form_of_the_payload_is_told_apart_from_an_edit(committed: str, words: set[str]) -> None:
    found = proven(reconstruct(suspect(committed, rule_id=None), VOCABULARY, budget=BUDGET))
    assert found.changes == ()
    assert found.form is not None
    assert set(found.form.departures) == words


def test_text_beyond_ascii_that_was_escaped_is_a_form_of_its_own() -> None:
    values = {**asdict(ENTRY), "reasoning": 'é "quoted" 🏭 \x1f'}
    values["kg_version"] = values.pop("knowledge_graph_version")
    committed = sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    found = proven(reconstruct(suspect(committed, reasoning=values["reasoning"]), VOCABULARY, budget=BUDGET))
    assert found.form is not None
    assert found.form.departures == ("with everything beyond ASCII escaped (ensure_ascii)",)


def test_an_edit_of_an_entry_in_another_form_is_restored() -> None:
    committed = in_form(separators=(", ", ": "))
    found = proven(reconstruct(suspect(committed, rule_id=None, verdict="FLAG"), VOCABULARY, budget=BUDGET))
    assert [change.original for change in found.changes] == ["CLEAR"]
    assert found.form is not None


def test_an_edit_inside_a_ledger_that_was_hashed_in_another_zone_is_restored_with_that_known() -> None:
    hashed = datetime.fromisoformat(ENTRY.timestamp).astimezone(zone(2)).isoformat()
    committed = entry_hash(replace(ENTRY, timestamp=hashed))
    known = [Transformation(form=form_with(time=Time(minutes=120)))]
    found = proven(reconstruct(suspect(committed, track="llm"), VOCABULARY, budget=BUDGET, known=known))
    assert [(change.column, change.original) for change in found.changes] == [("track", "symbolic")]
    assert proven(reconstruct(suspect(committed), known=known, budget=BUDGET)).changes == ()


def test_what_is_known_of_other_entries_hides_no_edit_of_one_that_it_does_not_concern() -> None:
    zones = [form_with(time=Time(minutes=minutes)) for minutes in (120, 60)]
    known = [Transformation(form=form) for form in zones] + [Transformation((constant("verdict", "FLAG"),))]
    for was, now in (("NULL_STALE", "CLEAR"), ("CLEAR", "FLAG")):
        committed = entry_hash(replace(ENTRY, verdict=was))
        found = proven(reconstruct(suspect(committed, verdict=now), VOCABULARY, budget=BUDGET, known=known))
        assert [(change.column, change.original) for change in found.changes] == [("verdict", was)]


def test_a_verdict_that_many_were_robbed_of_is_not_taken_for_the_way_to_hash() -> None:
    known = [Transformation((constant("verdict", "FLAG"),))]
    committed = entry_hash(replace(ENTRY, verdict="FLAG"))
    found = proven(reconstruct(suspect(committed, verdict="CLEAR"), VOCABULARY, budget=BUDGET, known=known))
    assert found.changes


# which hash proves what


def test_an_entry_that_is_as_it_was_needs_one_hash() -> None:
    found = proven(reconstruct(suspect()))
    assert (found.changes, found.form) == ((), None)
    assert (found.witness, found.hypotheses) == (Witness.BOTH, 1)


def test_an_entry_edited_with_its_own_hash_is_restored_by_the_next_link() -> None:
    stored = suspect(verdict="FLAG")
    found = proven(reconstruct(replace(stored, stored_hash=entry_hash(stored.entry)), VOCABULARY, budget=BUDGET))
    assert [change.column for change in found.changes] == ["verdict", "entry_hash"]
    assert found.witness is Witness.LINK
    assert "the link of the next entry proves this" in sentence(found)


def test_an_entry_edited_with_its_own_hash_beyond_hypotheses_is_not_called_as_written() -> None:
    stored = suspect(reasoning="nothing to see")
    found = reconstruct(replace(stored, stored_hash=entry_hash(stored.entry)), VOCABULARY, budget=Budget(60, 10_000))
    assert isinstance(found, Unexplained)
    assert found.has_its_own_hash


def test_an_altered_hash_alone_is_told_by_the_next_link() -> None:
    found = proven(reconstruct(replace(suspect(), stored_hash=OTHER)))
    (change,) = found.changes
    assert (change.column, change.original, change.stored) == ("entry_hash", HASH, OTHER)
    assert found.witness is Witness.LINK


def test_the_last_entry_is_proven_by_its_own_hash_only_and_says_so() -> None:
    found = proven(reconstruct(replace(suspect(verdict="FLAG"), committed=None), VOCABULARY, budget=BUDGET))
    assert found.witness is Witness.OWN
    assert "no entry follows that names its hash" in sentence(found)


def test_a_hash_that_the_next_link_contradicts_is_told_as_contradicted() -> None:
    found = proven(reconstruct(replace(suspect(verdict="FLAG"), committed=OTHER), VOCABULARY, budget=BUDGET))
    assert found.witness is Witness.CONTRADICTED
    assert "but the next entry or a signed record names another hash" in sentence(found)


def test_what_the_next_link_proves_goes_before_what_a_planted_hash_says() -> None:
    planted = entry_hash(replace(ENTRY, verdict="NULL_STALE"))
    stored = suspect(entry_hash(replace(ENTRY, verdict="CLEAR")), verdict="FLAG")
    found = proven(reconstruct(replace(stored, stored_hash=planted), VOCABULARY, budget=BUDGET))
    assert (found.changes[0].original, found.witness) == ("CLEAR", Witness.LINK)


@pytest.mark.parametrize("nonsense", [None, "", "not a hash", "ff" * 31, "zz" * 32])
def test_where_no_hash_is_stored_nothing_is_tried(nonsense: str | None) -> None:
    found = reconstruct(replace(suspect(verdict="FLAG"), stored_hash=nonsense, committed=None), VOCABULARY)
    assert found == Unexplained(50, 0, Stopped.NO_HASH)


# when it ends


def test_a_search_ends_with_its_count_and_says_how_many_were_tried() -> None:
    told: list[int] = []
    found = reconstruct(suspect(OTHER), VOCABULARY, budget=Budget(60, 7_001), advance=told.append)
    assert found == Unexplained(50, 7_001, Stopped.COUNT)
    assert sum(told) == 7_001
    assert "the limit of 7,001 hypotheses was reached" in sentence(found)


def test_a_search_ends_with_its_time() -> None:
    found = reconstruct(suspect(OTHER), VOCABULARY, budget=Budget(0.05))
    assert isinstance(found, Unexplained)
    assert found.stopped is Stopped.TIME
    assert 0 < found.hypotheses < 1_000_000


# how it is reported


def test_a_verdict_is_told_in_the_words_of_a_proof() -> None:
    found = reconstruct(suspect(verdict="FLAG"), VOCABULARY)
    assert sentence(found) == (
        "Entry 50 was written with verdict CLEAR; it now says FLAG: its stored hash, which the next entry links to, "
        "proves this (of all verdicts, only CLEAR gives the stored hash)."
    )


def test_values_that_look_the_same_are_told_apart() -> None:
    told = sentence(written({"reasoning": "e\u0301"}, {"reasoning": "\u00e9"}))
    assert r"e\u0301" in told
    assert r"\xe9" in told


def test_nothing_in_an_entry_reaches_a_terminal_as_it_is() -> None:
    told = sentence(written({"rule_id": "energy.1.cap"}, {"rule_id": "\x1b[2J\u202e"}))
    assert told.isprintable()
    assert r"\x1b[2J\u202e" in told
