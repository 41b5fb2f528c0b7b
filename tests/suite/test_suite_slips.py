"""Slips of authors: values that read in two ways, SQL and YAML of other habits, files of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.suite.authoring import lint
from tests.support.suites import CHECK, HEAD, NAME, Read, Refuse, assert_marked, headlines

RANGE = HEAD + "  - id: r\n    expect: accepted_range\n    column: id\n"
METRIC = HEAD + "  - id: m\n    expect: metric\n    expression: avg(id)\n"
WHERE = HEAD + "  - id: w\n    expect: not_null\n    column: rule_id\n    where: |-\n      "

VALUES = {
    "thousands with a point": (
        RANGE + "    min_value: 5.000\n",
        "6:16: 5.000 is ambiguous; write 5000 or 5.0, or put it in quotes if it is text",
    ),
    "a fraction of three digits": (
        RANGE + "    min_value: -1.125\n",
        "6:16: -1.125 is ambiguous; write -1125 or -1.1250, or put it in quotes if it is text",
    ),
    "millions with points": (
        RANGE + "    min_value: 1.250.000\n",
        (
            "6:5: 'min_value' of check 'r': 1.250.000 is not a number; write it without thousands separators, "
            "with a decimal point"
        ),
    ),
    "a decimal comma": (
        RANGE + "    max_value: 5,5\n",
        (
            "6:5: 'max_value' of check 'r': 5,5 is not a number; write it without thousands separators, "
            "with a decimal point"
        ),
    ),
    "a date that starts with the day": (
        RANGE + "    min_value: 01.12.26\n",
        (
            "6:5: 'min_value' of check 'r': the date 01.12.26 can be read in several ways; write year-month-day, "
            "such as 2026-12-01"
        ),
    ),
    "a date that starts with the month": (
        RANGE + "    min_value: 12/01/2026\n",
        (
            "6:5: 'min_value' of check 'r': the date 12/01/2026 can be read in several ways; write year-month-day, "
            "such as 2026-12-01"
        ),
    ),
    "thousands of a variable": (
        f"vars:\n  n: {{type: float, default: 2.000}}\n{HEAD}{CHECK}",
        "2:29: 2.000 is ambiguous; write 2000 or 2.0, or put it in quotes if it is text",
    ),
    "a limit that is a number": (
        METRIC + "    error_if: 10\n",
        "6:15: 'error_if' of check 'm' must look like \"> 10\"; got 10",
    ),
    "a limit that is a number in quotes": (
        METRIC + '    error_if: "10"\n',
        "6:15: 'error_if' of check 'm' must look like \"> 10\"; got \"10\"",
    ),
    "a limit in thousands": (
        METRIC + '    error_if: "> 5.000"\n',
        '6:15: \'error_if\' of check \'m\' must look like "> 5000" or "> 5.0"; got "> 5.000"',
    ),
    "a limit with a sign the wrong way round": (
        METRIC + '    error_if: "=> 5"\n',
        "6:15: 'error_if' of check 'm' must look like \">= 5\"; got \"=> 5\"",
    ),
}

SQL = {
    "the word WHERE": ("WHERE verdict = 'FLAG'", "7:7: write the condition alone, without WHERE"),
    "two equals signs": ("verdict == 'FLAG'", "7:15: SQL compares with one equals sign; write ="),
    "double quotes around a text": (
        'verdict = "FLAG"',
        "7:17: \"FLAG\" is a column in SQL; write 'FLAG' for a text, or its table's name before a column",
    ),
    "quotes of a text processor": ("verdict <> 'x' AND id = ‚5", "7:31: ‚ is not a quote in SQL; write '"),  # noqa: RUF001
    "backticks": ("`id = 5", "7:7: ` is not a quote in SQL; write '"),
    "an open bracket": ("(verdict = 'FLAG'", "7:7: this ( is never closed; close it"),
    "a bracket too many": ("verdict = 'FLAG')", "7:23: this ) closes nothing; remove it, or open it before"),
    "brackets of two kinds": ("(id[1)]", "7:12: this ) closes nothing; remove it, or open it before"),
    "a template of dbt": (
        "id = {{ var('x') }}",
        "7:12: {{…}} is a template, which is not filled in; write {ledger} for the table, or %(name)s for a variable",
    ),
    "a template in quotes": (
        "verdict = '{{ verdict }}'",
        "7:18: {{…}} is a template, which is not filled in; write {ledger} for the table, or %(name)s for a variable",
    ),
}

YAML = {
    "a tab": (CHECK + "\tseverity: info\n", "5:1: a tab cannot indent; replace it by spaces"),
    "an unquoted colon": (
        CHECK + "    description: this: that\n",
        "5:18: a text with ': ' in it must be in quotes",
    ),
    "an unquoted per cent": (
        "  - id: a\n    expect: expression_is_true\n    expression: %(n)s > 1\n",
        "5:17: a text that starts with %, @ or ` must be in quotes",
    ),
    "an unquoted limit": (
        "  - id: a\n    expect: metric\n    expression: avg(id)\n    error_if: > 10\n",
        "6:15: a text that starts with > | * or & must be in quotes",
    ),
    "a text after a quoted one": (
        "  - id: a\n    expect: expression_is_true\n    expression: 'a' <> verdict\n",
        "5:17: put the whole text in quotes, or write it after a |",
    ),
    "no space after the colon": (
        "  - id: a\n    expect:not_null\n    column: rule_id\n",
        "4:5: write a space after the colon",
    ),
    "no space after the last colon": (CHECK + "    severity:info\n", "5:5: write a space after the colon"),
    "no space after the hyphen": ("  -id: a\n    expect: entry_hash\n", "3:3: write a space after the hyphen"),
    "a no-break space that indents": (
        "  - id: a\n\u00a0   expect: entry_hash\n",
        "4:1: this is not an ordinary space; delete it, and type a space",
    ),
    "a no-break space after a colon": (
        "  - id: a\n    expect:\u00a0entry_hash\n",
        "4:12: this is not an ordinary space; delete it, and type a space",
    ),
    "an en dash": (
        CHECK + "  – id: b\n    expect: entry_hash\n",  # noqa: RUF001
        "5:3: a list item starts with '- '; write a hyphen here",
    ),
    "an en dash at the first item": (
        "  – id: b\n    expect: entry_hash\n",  # noqa: RUF001
        "3:3: a list item starts with '- '; write a hyphen here",
    ),
    "a key further in": (
        "  - id: a\n    expect: not_null\n      column: rule_id\n",
        "5:7: this key is indented by 6, the key before it by 4 spaces; indent all keys that belong together equally",
    ),
    "an item further out": (
        CHECK + " - id: b\n   expect: entry_hash\n",
        "5:2: this item is indented by 1, the item before it by 2 spaces; indent all items of a list equally",
    ),
}

TOOLS = {
    "Great Expectations": '{"expectation_suite_name": "x", "expectations": [], "meta": {}}',
    "Soda": "checks for ledger_entries:\n  - missing_count(rule_id) = 0\n",
    "dbt": "version: 2\nmodels:\n  - name: ledger_entries\n    columns: []\n",
}


@pytest.mark.parametrize(("content", "expected"), VALUES.values(), ids=VALUES.keys())
def test_a_value_of_the_wrong_form_is_a_mistake_that_says_the_right_one(
    refuse: Refuse, content: str, expected: str
) -> None:
    message = refuse(content)
    assert headlines(message) == [f"{NAME}:{expected}"]
    assert_marked(message, content)


@pytest.mark.parametrize("limit", ['"> 10"', '"> 5000"', '"> 5.0"', '">= 5"'])
def test_the_limits_that_are_advised_are_accepted(read: Read, limit: str) -> None:
    assert read(METRIC + f"    error_if: {limit}\n").checks


@pytest.mark.parametrize(
    "bound", ["5000", "5.0", "1.1250", "0.125", "12.3456", '"1.125"', "2026-12-01", "2026/12/01", "10.0.0.1"]
)
def test_values_of_one_meaning_are_accepted(read: Read, bound: str) -> None:
    assert read(RANGE + f"    min_value: {bound}\n").checks


@pytest.mark.parametrize(("where", "expected"), SQL.values(), ids=SQL.keys())
def test_a_slip_in_sql_is_a_mistake_at_its_place(refuse: Refuse, where: str, expected: str) -> None:
    place, _, words = expected.partition(": ")
    message = refuse(f"{WHERE}{where}\n")
    assert headlines(message) == [f"{NAME}:{place}: 'where' of check 'w': {words}"]
    assert_marked(message, f"{WHERE}{where}\n")


@pytest.mark.parametrize(
    "where",
    [
        'rule_id = "reasoning"',
        'rule_id = rules."Id"',
        "reasoning ~ '^[(]$' AND reasoning <> '=='",
        "reasoning = '‘'",  # noqa: RUF001
        "id <= 5 AND id >= 6 AND id <> 1 AND id != 2",
        "'{{1,2},{3,4}}'::int[] @> ARRAY[[1]]",
        "(id, sequence_number) = ((1), 2)",
    ],
)
def test_sql_that_only_looks_like_a_slip_is_taken(read: Read, where: str) -> None:
    assert read(f"{WHERE}{where}\n").checks


@pytest.mark.parametrize(("checks", "expected"), YAML.values(), ids=YAML.keys())
def test_a_slip_in_yaml_is_a_sentence_at_the_line_that_is_wrong(refuse: Refuse, checks: str, expected: str) -> None:
    assert headlines(refuse(HEAD + checks)) == [f"{NAME}:{expected}"]


@pytest.mark.parametrize(
    "lines",
    [
        "    description: Every entry\n      since 12:30 of http://example.org is there\n",
        "    description: 'It''s: fine'\n",
        "    description: |\n      – a dash, a\ttab\n      key:value\n",  # noqa: RUF001
        "    description: a\u00a0b – c\n",  # noqa: RUF001
        "    tags: [a, b]   # a: comment\n",
    ],
)
def test_yaml_that_only_looks_like_a_slip_is_taken(read: Read, lines: str) -> None:
    assert read(HEAD + CHECK + lines).checks


@pytest.mark.parametrize(("tool", "content"), TOOLS.items(), ids=TOOLS.keys())
def test_the_author_of_a_file_of_another_tool_is_told_what_to_write(refuse: Refuse, tool: str, content: str) -> None:
    (said,) = headlines(refuse(content))
    assert said.startswith(f"{NAME}:1:1: this is a file of {tool}, not a suite; write `version: 1`")
    assert "`expect: " in said
    assert "`column: rule_id`" in said


def test_lint_warns_of_sql_that_it_cannot_parse_and_passes(tmp_path: Path, registry: Registry) -> None:
    content = (
        HEAD + "  - id: typo\n    expect: failed_rows\n    query: |\n      SELECT id FORM {ledger}\n"
        "  - id: fine\n    expect: not_null\n    column: rule_id\n"
        "    where: \"timestamp > now() - interval '5 days' AND reasoning ~* 'x'\"\n"
    )
    (tmp_path / NAME).write_text(content)
    warning, summary = lint([tmp_path / NAME], tmp_path, registry).splitlines()
    assert warning == (
        f"{NAME}:3: warning: 'query' of check 'typo' could not be parsed near 'ledger' in its line 1; "
        "check it, or run it to see whether PostgreSQL accepts it"
    )
    assert summary == f"{NAME}: 2 checks, no mistakes"


def test_lint_has_no_warning_about_the_suites_that_are_shipped(registry: Registry) -> None:
    folder = Path(__file__).parents[2] / "checks"
    assert "warning" not in lint([folder], folder, registry)
