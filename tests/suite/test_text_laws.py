"""Laws of the text of suites: values are bound as they are, masking keeps places, places name what they say."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.sql_names import QUOTED
from pytest_audit_ledger.sources.queries import _filled
from pytest_audit_ledger.suite.sql_text import _masked
from pytest_audit_ledger.suite.yaml_document import parse
from tests.forger import Forger
from tests.support.checks import run_text

SQL_PIECES = st.lists(
    st.sampled_from(
        ["'", '"', "--", "\n", "/*", "*/", "$$", "$a$", "e'", "\\", "a", " ", ";", "%(x)s", "{ledger}", "é"]
    )
).map("".join)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=40)


@given(SQL_PIECES)
def test_masking_changes_no_place(text: str) -> None:
    masked = _masked(text)
    assert len(masked) == len(text)
    assert [i for i, c in enumerate(masked) if c == "\n"] == [i for i, c in enumerate(text) if c == "\n"]
    assert all(new in (old, " ") for new, old in zip(masked, text, strict=True))


@given(SQL_PIECES)
@example("{ledger}$$$$")
@example("{ledger}e'\\'")
@example("$$$a$%(x)s")
def test_what_is_filled_in_is_what_stands_outside_of_quotes(text: str) -> None:
    filled, values = _filled(text, "TABLE", {"x": 1})
    masked = _masked(text)
    assert filled.count("TABLE") == masked.count("{ledger}")
    assert values == [1] * ("%(x)s" in masked)
    assert QUOTED.findall(filled) == QUOTED.findall(text)


@given(st.text("abc '\"\\:%é", max_size=20), st.text("abc '\"", max_size=10), st.sampled_from(["|", "plain", "json"]))
def test_a_place_names_the_text_it_is_for_or_the_whole(before: str, part: str, style: str) -> None:
    part = f"x{part.strip()}x"
    lines = ["first", f"a{before}{part} end"]
    text = "\n".join(lines)
    written = {"|": "|-\n    " + "\n    ".join(lines), "plain": "b " + part, "json": json.dumps(text)}[style]
    value = {"|": text, "plain": "b " + part, "json": text}[style]
    document = parse(f"key: {written}\n")
    if document.data != {"key": value}:
        return
    start = value.index(part)
    line, column, width = place = document.within(("key",), value, start, start + len(part))
    if place != document.place("key"):
        assert document.text.splitlines()[line - 1][column - 1 : column - 1 + width] == part
    assert style != "|" or place != document.place("key")


@settings(
    max_examples=5,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(TEXT, min_size=30, max_size=30, unique=True))
def test_any_text_is_bound_exactly_as_it_is(workshop: Forger, tmp_path: Path, texts: list[str]) -> None:
    workshop.run("RESET ALL; SET TimeZone = 'UTC'; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    workshop.build(30).run("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
    for number, text in enumerate(texts, 1):
        workshop.run("UPDATE ledger_entries SET reasoning = %s WHERE sequence_number = %s", (text, number))
    suite = {
        "version": 1,
        "checks": [
            {"id": "all", "expect": "accepted_values", "column": "reasoning", "values": texts},
            {"id": "all-but-one", "expect": "accepted_values", "column": "reasoning", "values": texts[1:]},
            {
                "id": "one",
                "expect": "row_count_between",
                "min_value": 1,
                "max_value": 1,
                "where": "reasoning = %(text)s",
                "parametrize": {"text": texts[:1]},
            },
        ],
    }
    every, but_one, one = run_text(tmp_path, workshop.dsn, json.dumps(suite, ensure_ascii=False)).outcomes
    assert every.status is Status.PASS
    assert [finding.sequence_number for finding in but_one.findings] == [1]
    assert one.status is Status.PASS
