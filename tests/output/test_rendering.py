"""Outcomes in words; nothing that comes from the ledger can steer a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_audit_ledger.model.columns import V3_COLUMNS
from pytest_audit_ledger.model.outcome import Finding, Severity, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.outcome_text import describe, facts, table
from pytest_audit_ledger.output.verification_text import full_report, tree
from pytest_audit_ledger.verify.verification import Survey
from tests.support.outcomes import outcome, verification
from tests.support.rows import LEDGER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, é 中 🏭", "plain text, é 中 🏭"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\nc\td", "a\\nb\\r\\nc\\td"),
        ("\u202eGALF\u202c", "\\u202eGALF\\u202c"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("no\u00a0break", "no\\xa0break"),
        ("soft\u00adhyphen", "soft\\xadhyphen"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("character", ["\u3164", "\u115f", "\uffa0", "\u034f", "\U000e0100"])
def test_letters_and_marks_that_are_invisible_are_written_as_escapes(character: str) -> None:
    assert printable(f"FLAG{character}").startswith("FLAG\\")


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert printable("x" * 5000) == f"{'x' * 300}… (5,000 characters)"
    assert printable("x" * 5000, 10) == f"{'x' * 10}… (5,000 characters)"
    assert printable("x" * 300) == "x" * 300


@pytest.mark.parametrize("character", ["\u202e", "\U000e0041", "\x07"])
def test_a_long_text_of_escapes_is_cut_and_says_how_long_the_text_was(character: str) -> None:
    shown = printable(character * 5000)
    assert shown.endswith("… (5,000 characters)")
    assert len(shown) < 4 * 300 + 50


OUTCOME = outcome(
    check_id="links",
    suite="s.ledger.yaml",
    element_count=12_345,
    unexpected_count=1,
    findings=(Finding("HASH_MISMATCH", "the link is broken", 7, "aaa", "bbb"),),
    codes={"HASH_MISMATCH": 1},
)


def test_an_outcome_is_described_by_its_rule_counts_findings_and_remedy() -> None:
    assert describe(OUTCOME).split("\n") == [
        "links: 1 finding, first at sequence 7",
        "  rule   The rule.",
        "  found  1 HASH_MISMATCH in 12,345 entries",
        "  - HASH_MISMATCH sequence 7: the link is broken",
        "      expected aaa",
        "      actual   bbb",
        "  next   The remedy.",
    ]


def test_findings_beyond_the_samples_are_counted() -> None:
    described = describe(replace(OUTCOME, unexpected_count=1_002, codes={"HASH_MISMATCH": 1_000, "A": 2}))
    assert "links: 1,002 findings, first at sequence 7" in described
    assert "  found  2 A, 1,000 HASH_MISMATCH in 12,345 entries" in described
    assert "  … and 1,001 more (raise `samples` to see more)" in described


def test_nothing_more_is_announced_where_everything_is_shown() -> None:
    assert " more" not in describe(OUTCOME)


def test_a_finding_of_no_entry_names_no_sequence_number_and_its_own_severity() -> None:
    trigger = Finding("TRIGGER_MISSING", "no trigger refuses DELETE", severity=Severity.WARNING)
    described = describe(replace(OUTCOME, findings=(trigger,), codes={"TRIGGER_MISSING": 1}))
    assert "sequence" not in described
    assert "  - TRIGGER_MISSING (warning) no trigger refuses DELETE" in described
    assert "expected" not in described
    assert "actual" not in described


def test_the_first_sequence_number_is_that_of_the_first_finding_that_has_one() -> None:
    first = Finding("SEQUENCE_MISSING", "an entry has no sequence number")
    described = describe(replace(OUTCOME, findings=(first, *OUTCOME.findings), unexpected_count=2))
    assert described.startswith("links: 2 findings, first at sequence 7\n")


def test_facts_stand_below_the_counts() -> None:
    assert "         missing entries: 5" in describe(replace(OUTCOME, facts={"missing entries": "5"})).split("\n")


def test_what_could_not_be_evaluated_is_described_by_its_reason() -> None:
    error = replace(OUTCOME, status=Status.ERROR, findings=(), codes={}, reason="The server is \x1b[31mdown.")
    assert describe(error).split("\n") == [
        "links: could not be evaluated",
        "  rule   The rule.",
        "  why    The server is \\x1b[31mdown.",
    ]


HOSTILE = "x\n\x1b[2J\u202e\x9b31m\x00"


def test_nothing_hostile_in_an_outcome_reaches_the_terminal() -> None:
    finding = Finding("CODE", HOSTILE, 1, HOSTILE, HOSTILE)
    described = describe(replace(OUTCOME, findings=(finding,), facts={"owner": HOSTILE}))
    assert [c for c in described if not c.isprintable() and c != "\n"] == []
    assert len(described.split("\n")) == 8


SURVEY = Survey(
    entries=1000,
    sequence_first=1,
    sequence_last=1003,
    time_first="2026-01-01T00:00:00+00:00",
    time_last="2026-02-01T00:00:00+00:00",
    head_hash="f" * 64,
    verdicts={"CLEAR": 900, HOSTILE: 100},
)
VERIFICATION = verification(
    database="postgresql://h/d",
    table="public.ledger_entries",
    info=LEDGER,
    survey=SURVEY,
    duration_s=1.234,
)


def test_the_facts_about_a_ledger_are_told() -> None:
    told = facts(VERIFICATION)
    assert list(told) == ["database", "table", "entries", "time", "head hash", "verdicts", "took"]
    assert told["database"] == "postgresql://h/d (PostgreSQL 18.0)"
    assert told["table"] == "public.ledger_entries (schema v2.1)"
    assert told["entries"] == "1,000, sequence 1 to 1003"
    assert told["time"] == "2026-01-01T00:00:00+00:00 to 2026-02-01T00:00:00+00:00"
    assert told["head hash"] == "f" * 64
    assert told["verdicts"].startswith("CLEAR 900 (90.0%), x\\n\\x1b[2J")
    assert told["took"] == "1.23 s"


def test_nothing_hostile_in_the_facts_reaches_the_terminal() -> None:
    told = facts(replace(VERIFICATION, database=HOSTILE, table=HOSTILE))
    assert all(value.isprintable() for value in told.values())


def test_a_ledger_of_schema_v3_is_told_as_such() -> None:
    info = replace(LEDGER, columns=V3_COLUMNS)
    assert facts(replace(VERIFICATION, info=info))["table"].endswith("(schema v3)")


def test_an_empty_ledger_and_one_that_was_not_read_are_told_apart() -> None:
    empty = Survey(
        entries=0, sequence_first=None, sequence_last=None, time_first="", time_last="", head_hash="", verdicts={}
    )
    assert facts(replace(VERIFICATION, survey=empty))["entries"] == "none"
    unread = facts(replace(VERIFICATION, survey=None, info=None))
    assert unread["entries"] == "not read"
    assert unread["database"] == "postgresql://h/d"


def test_entries_that_only_queries_judged_are_not_told_as_unread() -> None:
    judged = [replace(OUTCOME, unit="entries", element_count=count) for count in (7, 1003, 0)]
    guards = replace(OUTCOME, unit="triggers and roles", element_count=2000)
    uncounted = replace(VERIFICATION, survey=None, outcomes=(guards, *judged))
    words = "not counted; up to 1,003 judged by a check"
    assert facts(uncounted)["entries"] == words
    assert f"Total entries: {words}" in tree(uncounted)
    assert f"Total Entries: {words}" in full_report(uncounted)
    assert facts(replace(VERIFICATION, survey=None, outcomes=(guards,)))["entries"] == "not read"


def test_a_table_has_a_head_and_a_line_for_each_outcome_with_its_status() -> None:
    other = replace(OUTCOME, check_id="guard", status=Status.PASS, element_count=0, unexpected_count=0)
    lines = table([OUTCOME, other])
    assert [status for _, status in lines] == [None, None, Status.FAIL, Status.PASS]
    assert lines[0][0].split() == ["check", "status", "severity", "examined", "findings"]
    assert lines[2][0].split() == ["links", "FAIL", "critical", "12,345", "entries", "1"]
    assert lines[3][0].split() == ["guard", "PASS", "critical", "nothing", "0"]


def test_a_table_names_the_suites_where_there_are_several() -> None:
    lines = table([OUTCOME, replace(OUTCOME, suite="t.ledger.yaml")])
    assert [line.split()[0] for line, status in lines if status] == ["s.ledger.yaml::links", "t.ledger.yaml::links"]
