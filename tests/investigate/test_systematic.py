"""A common cause of many entries is found, proven for each, and distinguished from edits."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import pytest

from pytest_audit_ledger.investigate.hypotheses import Suspect, Vocabulary, texts
from pytest_audit_ledger.investigate.ski_payloads import CANONICAL, payloads_in
from pytest_audit_ledger.investigate.systematic import LostDigits, Systematic, SystematicCause, find
from pytest_audit_ledger.model.batch import json_text
from pytest_audit_ledger.model.entry import HASHED_COLUMNS, Entry, entry_hash
from pytest_audit_ledger.model.forms import Form
from pytest_audit_ledger.model.times import Time
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.support.rows import LEDGER, Row, batch
from tests.support.ski_forms import form_with

ENTRIES = list(sample_entries(240))
VOCABULARY = Vocabulary({"track": ["symbolic", "llm"], "rule_id": sorted({entry.rule_id or "" for entry in ENTRIES})})
Change = Callable[[Entry], Entry]
Rows = Sequence[tuple[Entry, str]]


def same(entry: Entry) -> Entry:
    return entry


def ledger(hashed: Change = same, stored: Change = same, form: Form = CANONICAL) -> Rows:
    """Return entries as they are stored, each with the hash of what was hashed."""
    rows = []
    for entry in ENTRIES:
        columns = {column: [json_text(value)] for column, value in texts(hashed(entry)).items()}
        rows.append((stored(entry), sha256(payloads_in(form).payloads(columns)[0]).hexdigest()))
    return rows


def sample(rows: Rows) -> list[Suspect]:
    """Return some of what does not fit, spread over the ledger."""
    wrong = [Suspect(entry, stored) for entry, stored in rows if entry_hash(entry) != stored]
    return wrong[:: max(1, len(wrong) // 24)]


def as_row(entry: Entry, stored: str) -> Row:
    return {**texts(entry), "entry_hash": stored}


def scanned(
    rows: Rows, causes: Sequence[SystematicCause], cuts: Sequence[int] = (), forms: Sequence[Form] = ()
) -> Systematic:
    """Return the fold that read the rows, in as many parts as the cuts make, merged."""
    ends = [*cuts, len(rows)]
    parts: list[Systematic] = []
    for start, end in zip([0, *cuts], ends, strict=True):
        fold = Systematic({"causes": causes, "forms": forms}, LEDGER, 20)
        part = [as_row(*row) for row in rows[start:end]]
        for at in range(0, len(part), 50):
            fold.feed(batch(part[at : at + 50]))
        parts.append(pickle.loads(pickle.dumps(fold)))
    whole = parts[0]
    for later in parts[1:]:
        whole.merge(later)
    return whole


def causes_of(rows: Rows) -> tuple[SystematicCause, ...]:
    return find(sample(rows), VOCABULARY, seconds=120)  # however busy the machine is


def told(fold: Systematic) -> list[tuple[tuple[str, ...], int, int | None, int | None]]:
    return [(one.cause.words, one.count, one.first, one.last) for one in fold.explained]


def moved(entry: Entry, hours: int) -> Entry:
    return replace(entry, timestamp=(datetime.fromisoformat(entry.timestamp) + timedelta(hours=hours)).isoformat())


def cut(entry: Entry) -> str:
    return datetime.fromisoformat(entry.timestamp).replace(microsecond=0).isoformat()


def with_z(entry: Entry) -> Entry:
    return replace(entry, timestamp=entry.timestamp.replace("+00:00", "Z"))


@pytest.mark.parametrize(
    ("hashed", "words"),
    [
        (partial(ledger, lambda e: moved(e, 2)), ("with another timestamp (the time 2 hours later)",)),
        (
            partial(ledger, lambda e: replace(e, timestamp=cut(e))),
            ("with another timestamp (the same time without its fraction)",),
        ),
        (partial(ledger, lambda e: replace(e, track=(e.track or "").upper())), ("with another track (in upper case)",)),
        (
            partial(ledger, stored=lambda e: replace(e, track=(e.track or "").ljust(12))),
            ("with another track (without the white space at the end)",),
        ),
        (partial(ledger, form=form_with("without track")), ("without track",)),
        (
            partial(ledger, lambda e: moved(e, 2), form=form_with("with spaces after commas and colons")),
            ("with another timestamp (the time 2 hours later)", "with spaces after commas and colons"),
        ),
    ],
)
def test_a_cause_of_every_entry_is_one_cause(hashed: Callable[[], Rows], words: tuple[str, ...]) -> None:
    rows = hashed()
    causes = causes_of(rows)
    fold = scanned(rows, causes)
    assert told(fold) == [(words, 240, 1, 240)]
    assert (fold.fitting, fold.unexplained, fold.unexplained_numbers) == (0, 0, [])
    assert causes[0].edited == ()


def test_the_two_offsets_of_a_zone_in_summer_and_in_winter_are_two_causes() -> None:
    rows = ledger(lambda entry: moved(entry, 2 if entry.sequence_number <= 100 else 1))
    fold = scanned(rows, causes_of(rows))
    assert sorted(told(fold)) == [
        (("with another timestamp (the time 1 hour later)",), 140, 101, 240),
        (("with another timestamp (the time 2 hours later)",), 100, 1, 100),
    ]


def test_an_empty_text_hashed_for_a_missing_value_is_one_cause() -> None:
    rows = ledger(lambda entry: replace(entry, rule_id=entry.rule_id or ""))
    missing = [entry.sequence_number for entry in ENTRIES if entry.rule_id is None]
    fold = scanned(rows, causes_of(rows))
    ((words, *counted),) = told(fold)
    assert words == ("with another rule_id (an empty text for a missing value)",)
    assert counted == [len(missing), missing[0], missing[-1]]
    assert fold.fitting == 240 - len(missing)


def test_entries_in_another_form_are_no_cause_and_no_edit() -> None:
    assert scanned(ledger(with_z), (), forms=[form_with(time=Time(zone="Z"))]).unexplained == 0


def test_digits_that_a_column_lost_are_searched_for_each_entry() -> None:
    rows = ledger(stored=lambda e: replace(e, timestamp=f"{e.timestamp[:23]:.<23}".rstrip(".") + "000+00:00"))
    rows = [(entry, stored) for entry, stored in rows if "+00:00000" not in entry.timestamp]
    causes = causes_of(rows)
    assert causes == (LostDigits(),)
    fold = scanned(rows[:60], causes)
    assert fold.unexplained == fold.unsearched == 0
    assert fold.explained[0].count + fold.fitting == 60


def test_one_verdict_set_for_all_is_told_as_an_edit_by_what_each_said() -> None:
    rows = ledger(stored=lambda entry: replace(entry, verdict="CLEAR"))
    changed = [entry.verdict for entry in ENTRIES if entry.verdict != "CLEAR"]
    causes = causes_of(rows)
    fold = scanned(rows, causes)
    assert {words[0]: count for words, count, _, _ in told(fold)}[
        'with another verdict (the value "FLAG")'
    ] == changed.count("FLAG")
    assert all(cause.edited for cause in causes)
    assert sum(one.count for one in fold.explained) + fold.unexplained == len(changed)


def test_an_edit_inside_a_ledger_with_a_cause_stays_unexplained() -> None:
    rows = list(ledger(lambda entry: moved(entry, 2)))
    rows[49] = (replace(rows[49][0], verdict="DISCRETIONARY"), rows[49][1])
    fold = scanned(rows, causes_of(rows))
    assert [(count, first, last) for _, count, first, last in told(fold)] == [(239, 1, 240)]
    assert (fold.unexplained, fold.unexplained_numbers) == (1, [50])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_edits_have_no_cause_in_common(count: int) -> None:
    edits = range(50, 50 + count)
    rows = ledger(stored=lambda e: replace(e, track="TRACK") if e.sequence_number in edits else e)
    causes = causes_of(rows)
    assert causes == ()
    assert scanned(rows, causes).unexplained_numbers == list(edits)


def test_contents_that_nothing_suggests_have_no_cause() -> None:
    rows = ledger(stored=lambda entry: replace(entry, reasoning="nothing to see"))
    assert find(sample(rows), VOCABULARY, seconds=0.2) == ()


def test_parts_of_a_scan_add_up_to_the_whole() -> None:
    rows = list(ledger(lambda entry: moved(entry, 2 if entry.sequence_number % 3 else 0)))
    rows[100] = (replace(rows[100][0], reasoning="x"), rows[100][1])
    causes = causes_of(rows)
    whole, parts = scanned(rows, causes), scanned(rows, causes, cuts=(1, 77, 200))
    for name in ("explained", "fitting", "unexplained", "unexplained_numbers", "unsearched"):
        assert getattr(whole, name) == getattr(parts, name)
    assert whole.unexplained_numbers == [101]


def test_every_hashed_column_is_read() -> None:
    assert set(Systematic.columns) == {"entry_hash", *HASHED_COLUMNS}
