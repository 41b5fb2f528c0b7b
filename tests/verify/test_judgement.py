"""What outcomes prove, and the survey of a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.model.entry import VERDICTS
from pytest_audit_ledger.model.outcome import Anchor, Assurance, Family, Outcome, Status
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.verify import judgement
from pytest_audit_ledger.verify.run import _Surveyor, required
from pytest_audit_ledger.verify.verification import Survey
from tests.support.outcomes import outcome
from tests.support.rows import LEDGER, Row, batch, sample_rows

SURVEY = Survey(
    entries=3,
    sequence_first=1,
    sequence_last=3,
    time_first="2026-01-01T00:00:00+00:00",
    time_last="2026-01-02T00:00:00+00:00",
    head_hash="a" * 64,
    verdicts={"CLEAR": 3},
)
EMPTY = Survey(
    entries=0, sequence_first=None, sequence_last=None, time_first="", time_last="", head_hash="", verdicts={}
)
FAMILIES = {kind.name: kind.family for kind in SHIPPED}


def judged(kind: str, status: Status = Status.PASS, *, found: int = 0, **said: Any) -> Outcome:
    """Return an outcome of a kind with so many findings, by the name of its kind unless it has another."""
    family = FAMILIES.get(kind, Family.DATA)
    said = {"check_id": kind, "element_count": 3, **said}
    return outcome(kind=kind, family=family, status=status, unexpected_count=found, **said)


REQUIRED = required(SKI)
CONSISTENT = [judged(kind) for kind in REQUIRED]


def judge(outcomes: Sequence[Outcome], survey: Survey | None, *, resumed: bool = False) -> tuple[Assurance, str]:
    return judgement.judge(outcomes, survey.entries if survey else None, REQUIRED, resumed=resumed)


def guard(status: Status = Status.PASS, *, found: int = 0) -> Outcome:
    return judged("append_only", status, found=found, unit="triggers")


def but(kind: str, status: Status, *, found: int = 0) -> list[Outcome]:
    """Return consistent outcomes, but one."""
    return [judged(kind, status, found=found) if one.kind == kind else one for one in CONSISTENT]


def test_a_ledger_whose_integrity_checks_passed_is_self_consistent() -> None:
    assurance, sentence = judge([*CONSISTENT, guard()], SURVEY)
    assert assurance is Assurance.SELF_CONSISTENT
    assert "Without a checkpoint" in sentence


@pytest.mark.parametrize("kind", REQUIRED)
def test_a_failed_integrity_check_is_tampering_and_is_named(kind: str) -> None:
    assert judge(but(kind, Status.FAIL, found=1), SURVEY) == (Assurance.TAMPERED, f"Integrity checks failed: {kind}.")


@pytest.mark.parametrize("kind", REQUIRED)
@pytest.mark.parametrize("status", [Status.WARN, Status.PASS])
def test_a_consistency_check_that_was_told_to_fail_softly_is_still_tampering(kind: str, status: Status) -> None:
    assert judge(but(kind, status, found=1), SURVEY) == (Assurance.TAMPERED, f"Integrity checks failed: {kind}.")


def test_every_failed_check_is_named() -> None:
    outcomes = [judged(kind, Status.FAIL, found=1, check_id=f"my_{kind}") for kind in REQUIRED]
    _, sentence = judge(outcomes, SURVEY)
    assert sentence == f"Integrity checks failed: {', '.join(f'my_{kind}' for kind in REQUIRED)}."


def test_where_only_guards_failed_the_sentence_says_that_the_entries_fit_together() -> None:
    assert judge([*CONSISTENT, guard(Status.FAIL, found=1)], SURVEY) == (
        Assurance.TAMPERED,
        "The entries are consistent, but the table's protections are altered or missing: append_only.",
    )


@pytest.mark.parametrize(
    "outcomes",
    [
        [guard(Status.FAIL, found=1)],
        [*CONSISTENT[1:], guard(Status.FAIL, found=1)],
        [*but(REQUIRED[0], Status.FAIL, found=1), guard(Status.FAIL, found=1)],
        [*but(REQUIRED[0], Status.WARN, found=1), guard(Status.FAIL, found=1)],
        [*but(REQUIRED[0], Status.ERROR), guard(Status.FAIL, found=1)],
        [*but(REQUIRED[0], Status.SKIP), guard(Status.FAIL, found=1)],
        [*CONSISTENT, judged("timestamp_order", Status.FAIL, found=1), guard(Status.FAIL, found=1)],
        [*CONSISTENT, judged("timestamp_order", Status.FAIL, found=1)],
    ],
    ids=[
        "alone",
        "one did not run",
        "one failed",
        "one warned",
        "one broke",
        "one skipped",
        "another fold",
        "fold only",
    ],
)
def test_nothing_is_said_to_fit_together_unless_all_of_it_was_found_to(outcomes: list[Outcome]) -> None:
    assurance, sentence = judge(outcomes, SURVEY)
    assert assurance is Assurance.TAMPERED
    assert sentence.startswith("Integrity checks failed: ")


@pytest.mark.parametrize("kind", REQUIRED)
def test_a_check_that_could_not_be_evaluated_proves_nothing(kind: str) -> None:
    assert judge(but(kind, Status.ERROR), SURVEY) == (
        Assurance.UNVERIFIED,
        f"The ledger as a whole was not verified: {kind} could not be evaluated.",
    )


def test_where_nothing_could_be_evaluated_nothing_was_concluded() -> None:
    assert judge([judged("entry_hash", Status.ERROR), guard(Status.SKIP)], SURVEY) == (
        Assurance.UNVERIFIED,
        "Nothing could be verified: entry_hash could not be evaluated.",
    )


def test_a_guard_that_could_not_be_evaluated_proves_nothing() -> None:
    assert judge([*CONSISTENT, guard(Status.ERROR)], SURVEY)[0] is Assurance.UNVERIFIED


def test_tampering_outweighs_what_could_not_be_evaluated() -> None:
    outcomes = [judged("chain_linkage", Status.FAIL, found=1), judged("entry_hash", Status.ERROR)]
    assert judge(outcomes, SURVEY)[0] is Assurance.TAMPERED


def test_an_outage_is_never_tampering() -> None:
    outcomes = [judged(kind, Status.ERROR) for kind in REQUIRED] + [guard(Status.ERROR)]
    assert judge(outcomes, None)[0] is Assurance.UNVERIFIED


RUN_ALL = "To verify it, run all of integrity.ledger.yaml, too."


@pytest.mark.parametrize("lacking", REQUIRED)
def test_a_consistency_check_that_did_not_run_leaves_the_ledger_unverified(lacking: str) -> None:
    outcomes = [one for one in CONSISTENT if one.kind != lacking]
    assert judge(outcomes, SURVEY) == (
        Assurance.UNVERIFIED,
        f"The ledger as a whole was not verified: {lacking} did not run. {RUN_ALL}",
    )


@pytest.mark.parametrize("kind", REQUIRED)
def test_a_consistency_check_that_was_left_out_leaves_the_ledger_unverified(kind: str) -> None:
    assert judge(but(kind, Status.SKIP), SURVEY)[0] is Assurance.UNVERIFIED


@pytest.mark.parametrize("kind", [*REQUIRED, "append_only"])
def test_a_waiver_does_not_undo_tampering(kind: str) -> None:
    rest = [one for one in CONSISTENT if one.kind != kind]
    assurance, sentence = judge([*rest, judged(kind, Status.WAIVED, found=1)], SURVEY)
    assert assurance is Assurance.TAMPERED
    assert sentence.endswith(f": {kind} (waived).")


def test_a_kind_of_somebody_elses_with_our_name_but_without_integrity_does_not_count() -> None:
    outcomes = [judged(kind, integrity=False) for kind in REQUIRED]
    assert judge(outcomes, SURVEY)[0] is Assurance.UNVERIFIED


def test_nothing_checked_is_unverified() -> None:
    assert judge([], None)[0] is Assurance.UNVERIFIED
    assert judge([], SURVEY)[0] is Assurance.UNVERIFIED
    assert judge([guard()], None)[0] is Assurance.UNVERIFIED


@pytest.mark.parametrize("status", [Status.PASS, Status.SKIP, Status.ERROR])
def test_an_empty_ledger_is_unverified(status: Status) -> None:
    assert judge([judged(kind, status) for kind in REQUIRED], EMPTY) == (
        Assurance.UNVERIFIED,
        "The ledger has no entries, so nothing was verified.",
    )


def test_an_empty_ledger_whose_guards_were_removed_is_tampered() -> None:
    outcomes = [*(judged(kind, Status.SKIP) for kind in REQUIRED), guard(Status.FAIL, found=1)]
    assert judge(outcomes, EMPTY)[0] is Assurance.TAMPERED


def test_a_failed_check_that_is_not_about_integrity_is_no_tampering() -> None:
    outcomes = [*CONSISTENT, judged("accepted_values", Status.FAIL, found=5, integrity=False)]
    assert judge(outcomes, SURVEY)[0] is Assurance.SELF_CONSISTENT


@pytest.mark.parametrize("status", [Status.WARN, Status.SKIP, Status.WAIVED])
def test_an_integrity_check_that_did_not_pass_is_named_beside_those_that_did(status: Status) -> None:
    _, sentence = judge([*CONSISTENT, guard(status, found=int(status is Status.WARN))], SURVEY)
    assert "append_only" in sentence


def surveyed(*segments: list[Row]) -> Survey:
    """Survey segments that are merged, one entry a batch."""
    parts = []
    for rows in segments:
        surveyor = _Surveyor({}, LEDGER, 0)
        for row in rows:
            surveyor.element_count += 1
            surveyor.feed(batch([row]))
        parts.append(surveyor)
    first, *others = parts
    for other in others:
        first.merge(other)
        first.element_count += other.element_count
    return first.survey()


def test_a_survey_tells_where_a_ledger_starts_and_ends() -> None:
    rows = sample_rows(50)
    survey = surveyed(rows)
    assert (survey.entries, survey.sequence_first, survey.sequence_last) == (50, 1, 50)
    assert (survey.time_first, survey.time_last) == (rows[0]["timestamp"], rows[-1]["timestamp"])
    assert survey.head_hash == rows[-1]["entry_hash"]
    assert sum(survey.verdicts.values()) == 50
    assert set(survey.verdicts) <= set(VERDICTS)


def test_a_survey_of_segments_is_that_of_the_whole() -> None:
    rows = sample_rows(50)
    assert surveyed(rows[:20], rows[20:21], rows[21:]) == surveyed(rows)


def with_verdicts(*verdicts: str | None) -> list[Row]:
    (model,) = sample_rows(1)
    return [{**model, "verdict": verdict} for verdict in verdicts]


def test_a_ledger_stuffed_with_ever_new_verdicts_is_counted_right() -> None:
    rows = with_verdicts(*["CLEAR"] * 10, *map(str, range(200)))
    survey = surveyed(rows)
    assert len(survey.verdicts) <= _Surveyor.MOST_VERDICTS
    assert survey.verdicts["CLEAR"] == 10
    assert sum(survey.verdicts.values()) == 210
    survey = surveyed(rows[:70], rows[70:140], rows[140:])
    assert sum(survey.verdicts.values()) == 210


def test_empty_and_missing_verdicts_are_counted_too() -> None:
    survey = surveyed(with_verdicts("", None, "CLEAR", None))
    assert sum(survey.verdicts.values()) == 4
    assert survey.verdicts["CLEAR"] == 1


def test_a_verdict_called_null_is_counted_beside_missing_ones() -> None:
    assert sum(surveyed(with_verdicts("NULL", None, "CLEAR")).verdicts.values()) == 3


ANCHOR = Anchor(
    entries=4200,
    total=4327,
    checkpoint="checkpoints/000000004200.checkpoint",
    moment="2026-05-20T06:00:00+00:00",
    rows=4200,
)


def held(status: Status = Status.PASS, *, found: int = 0, inconclusive: bool = False, anchor: Any = ANCHOR) -> Outcome:
    """Return the outcome of a ledger held against checkpoints."""
    return replace(judged("checkpoint", status, found=found), inconclusive=inconclusive, anchor=anchor)


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN])
def test_entries_that_a_checkpoint_proves_are_anchored_and_the_rest_is_counted(status: Status) -> None:
    assurance, sentence = judge([*CONSISTENT, held(status, found=0)], SURVEY)
    assert assurance is Assurance.ANCHORED
    assert sentence.endswith(
        "4,200 of 4,327 entries are proven by the checkpoint dated 2026-05-20; "
        "127 newer entries are self-consistent only."
    )


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (4200, "All 4,200 entries are proven by the checkpoint dated 2026-05-20."),
        (4201, "the checkpoint dated 2026-05-20; 1 newer entry is self-consistent only."),
    ],
)
def test_the_rest_is_told_as_people_count(total: int, words: str) -> None:
    assert judge([*CONSISTENT, held(anchor=replace(ANCHOR, total=total))], SURVEY)[1].endswith(words)


@pytest.mark.parametrize("rows", [0, 4199])
def test_where_only_the_hashed_columns_were_compared_the_sentence_says_so(rows: int) -> None:
    _, sentence = judge([*CONSISTENT, held(anchor=replace(ANCHOR, rows=rows))], SURVEY)
    assert "4,200 of 4,327 entries are proven in their hashed columns by the checkpoint dated 2026-05-20; " in sentence


def test_no_checkpoint_given_changes_nothing() -> None:
    skipped = [held(Status.SKIP, anchor=None), judged("checkpoint_guards", Status.SKIP, unit="guards")]
    assert judge([*CONSISTENT, *skipped], SURVEY) == judge(CONSISTENT, SURVEY)


@pytest.mark.parametrize("status", [Status.FAIL, Status.WARN, Status.PASS, Status.WAIVED])
def test_another_ledger_than_the_signed_one_is_tampered_with_at_any_severity(status: Status) -> None:
    assurance, sentence = judge([*CONSISTENT, held(status, found=1)], SURVEY)
    assert assurance is Assurance.TAMPERED
    assert sentence.startswith("The entries are consistent, but they are not the ones that were signed: checkpoint")


def test_guards_that_changed_are_told_as_such() -> None:
    changed = judged("checkpoint_guards", Status.FAIL, found=1, unit="guards")
    assurance, sentence = judge([*CONSISTENT, held(), changed], SURVEY)
    assert assurance is Assurance.TAMPERED
    assert (
        sentence == "The entries are consistent, but the table's protections are altered or missing: checkpoint_guards."
    )


@pytest.mark.parametrize("status", [Status.FAIL, Status.WAIVED])
def test_a_checkpoint_that_is_lost_or_rejected_is_no_sign_of_tampering(status: Status) -> None:
    assurance, sentence = judge([*CONSISTENT, held(status, found=1, inconclusive=True)], SURVEY)
    assert assurance is Assurance.UNVERIFIED
    assert sentence == (
        "The ledger as a whole was not verified: checkpoint failed, though not with a sign of tampering."
    )


def test_a_lost_checkpoint_that_only_warns_leaves_what_the_others_prove() -> None:
    assurance, sentence = judge([*CONSISTENT, held(Status.WARN, found=1, inconclusive=True)], SURVEY)
    assert assurance is Assurance.ANCHORED
    assert sentence.startswith("Integrity checks passed, except checkpoint (WARN). 4,200 of ")


def test_a_checkpoint_is_worth_nothing_where_the_chain_does_not_hold() -> None:
    assert judge([*but("entry_hash", Status.FAIL, found=1), held()], SURVEY)[0] is Assurance.TAMPERED
    assert judge([*but("entry_hash", Status.ERROR), held()], SURVEY)[0] is Assurance.UNVERIFIED
    assert judge([*CONSISTENT[1:], held()], SURVEY)[0] is Assurance.UNVERIFIED


def test_a_checkpoint_that_could_not_be_compared_proves_nothing() -> None:
    assert judge([*CONSISTENT, held(Status.ERROR, anchor=None)], SURVEY)[0] is Assurance.UNVERIFIED
