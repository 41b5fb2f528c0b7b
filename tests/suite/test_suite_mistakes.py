"""Suites that are wrong: every mistake is reported in one sentence, at its place, with the line itself."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.kinds.registry import Registry
from tests.support.suites import CHECK, GUARD, HEAD, NAME, ORDER, Read, Refuse, assert_marked, headlines

MALFORMED: dict[str, tuple[str, str]] = {
    "empty": ("", "1:1: the file is empty"),
    "only a comment": ("# nothing\n", "1:1: the file is empty"),
    "only blank lines": ("\n\n", "1:1: the file is empty"),
    "only a document start": ("---\n", "2:1: the suite must be a set of keys; got null"),
    "null": ("null\n", "1:1: the suite must be a set of keys; got null"),
    "a tilde": ("~", "1:1: the suite must be a set of keys; got null"),
    "a word": ("hello\n", '1:1: the suite must be a set of keys; got "hello"'),
    "a list": ("- version: 1\n", '1:1: the suite must be a set of keys; got [{"version": 1}]'),
    "no version": ("checks:\n" + CHECK, "1:1: the suite lacks the required key 'version'"),
    "no checks": ("version: 1\n", "1:1: the suite lacks the required key 'checks'"),
    "another version": ("version: 2\nchecks:\n" + CHECK, "1:10: 'version' must be 1; got 2"),
    "version as text": ("version: '1'\nchecks:\n" + CHECK, "1:10: 'version' must be 1; got \"1\""),
    "version as boolean": ("version: true\nchecks:\n" + CHECK, "1:10: 'version' must be 1; got true"),
    "checks empty": ("version: 1\nchecks: []\n", "2:9: 'checks' must not be empty; got []"),
    "checks missing": ("version: 1\nchecks:\n", "2:8: 'checks' must be a list; got null"),
    "checks as keys": (
        "version: 1\nchecks: {id: a}\n",
        '2:9: \'checks\' must be a list; got {"id": "a"}',
    ),
    "a check that is a word": (
        HEAD + "  - entry_hash\n",
        '3:5: check number 1 must be a set of keys; got "entry_hash"',
    ),
    "unknown key in the suite": (HEAD + CHECK + "extra: 1\n", "5:1: unknown key 'extra' in the suite"),
    "mistyped key in the suite": (
        "verison: 1\nversion: 1\nchecks:\n" + CHECK,
        "1:1: unknown key 'verison' in the suite; did you mean 'version'?",
    ),
    "mistyped key in a check": (
        HEAD + CHECK + "    severty: info\n",
        "5:5: unknown key 'severty' in check 'hashes'; did you mean 'severity'?",
    ),
    "a parameter of another kind": (
        HEAD + CHECK + "    future_tolerance: 5m\n",
        "5:5: unknown key 'future_tolerance' in check 'hashes'",
    ),
    "mistyped parameter": (
        HEAD + ORDER + "    future_tolerence: 5m\n",
        "5:5: unknown key 'future_tolerence' in check 'order'; did you mean 'future_tolerance'?",
    ),
    "a merge key": (HEAD + CHECK + "    <<: {severity: info}\n", "5:5: unknown key '<<' in check 'hashes'"),
    "unknown kind": (
        HEAD + "  - id: a\n    expect: entry_hashes\n",
        "4:13: unknown kind 'entry_hashes'; did you mean 'entry_hash'?",
    ),
    "kind of another case": (
        HEAD + "  - id: a\n    expect: Entry_Hash\n",
        "4:13: unknown kind 'Entry_Hash'; did you mean 'entry_hash'?",
    ),
    "no id": (HEAD + "  - expect: entry_hash\n", "3:5: check number 1 lacks the required key 'id'"),
    "no kind": (
        HEAD + "  - id: a\n",
        "3:5: check 'a' lacks the required key 'expect'; name its kind, such as expect: not_null",
    ),
    "id as number": (
        HEAD + "  - id: 1\n    expect: entry_hash\n",
        "3:9: 'id' of check number 1 must be text (put it in quotes); got 1",
    ),
    "id with a space": (
        HEAD + "  - id: a b\n    expect: entry_hash\n",
        "3:9: 'id' of check 'a b' must look like entry_hash or flag-cites-rule or retention.90d; got \"a b\"",
    ),
    "id empty": (
        HEAD + "  - id: ''\n    expect: entry_hash\n",
        "3:9: 'id' of check '' must look like entry_hash or flag-cites-rule or retention.90d; got \"\"",
    ),
    "id with colons, which node ids are made of": (
        HEAD + "  - id: a::b\n    expect: entry_hash\n",
        "3:9: 'id' of check 'a::b' must look like entry_hash or flag-cites-rule or retention.90d; got \"a::b\"",
    ),
    "id twice": (
        HEAD + CHECK + CHECK,
        "5:9: the id 'hashes' is already taken by the check in line 3; rename one of them",
    ),
    "unknown severity": (
        HEAD + CHECK + "    severity: fatal\n",
        "5:15: 'severity' of check 'hashes' must be one of critical, warning, info; got \"fatal\"",
    ),
    "controls as text": (
        HEAD + CHECK + "    controls: SOC2\n",
        "5:15: 'controls' of check 'hashes' must be a list; got \"SOC2\"",
    ),
    "a control that is empty": (
        HEAD + CHECK + "    controls: ['']\n",
        "5:16: 'controls' of check 'hashes' must look like SOC2-CC7.2; got \"\"",
    ),
    "a control that is a number": (
        HEAD + CHECK + "    controls:\n      - 7.2\n",
        "6:9: 'controls' of check 'hashes' must be text (put it in quotes); got 7.2",
    ),
    "description empty": (
        HEAD + CHECK + "    description: ''\n",
        "5:18: 'description' of check 'hashes' must not be empty; got \"\"",
    ),
    "duration without unit": (
        HEAD + ORDER + "    future_tolerance: '5'\n",
        "5:23: 'future_tolerance' of check 'order' must look like 90s or 5m or 24h or 7d; got \"5\"",
    ),
    "duration as number": (
        HEAD + ORDER + "    future_tolerance: 5\n",
        "5:23: 'future_tolerance' of check 'order' must look like 90s or 5m or 24h or 7d; got 5",
    ),
    "boolean of YAML 1.1": (
        HEAD + GUARD + "    probe: yes\n",
        "5:12: 'probe' of check 'guard' must be true or false; got \"yes\"",
    ),
    "key twice in the suite": (
        "version: 1\n" + HEAD + CHECK,
        "2:1: the key 'version' is already set in line 1; remove one of them",
    ),
    "key twice in a check": (
        HEAD + CHECK + "    id: b\n",
        "5:5: the key 'id' is already set in line 3; remove one of them",
    ),
    "key twice, once in quotes": (
        HEAD + CHECK + '    "id": b\n',
        "5:5: the key 'id' is already set in line 3; remove one of them",
    ),
    "a list as key": (HEAD + CHECK + "? [a]\n: b\n", "5:3: a key must be plain text"),
    "tab as indentation": (
        HEAD + CHECK + "\tseverity: info\n",
        "5:1: a tab cannot indent; replace it by spaces",
    ),
    "tab at the start": ("\tversion: 1\n", "1:1: a tab cannot indent; replace it by spaces"),
    "wrong indentation": (
        HEAD + CHECK + "   severity: info\n",
        "5:4: this key is indented by 3, the key before it by 4 spaces; indent all keys that belong together equally",
    ),
    "open list": (
        "version: 1\nchecks: [\n",
        "3:1: this is not YAML: expected the node content, but found '<stream end>'",
    ),
    "open quotes": (HEAD + CHECK + "    description: 'a\n", "6:1: this is not YAML: found unexpected end of stream"),
    "unknown alias": (HEAD + CHECK + "    controls: *all\n", "5:15: this is not YAML: found undefined alias 'all'"),
    "two documents": (HEAD + CHECK + "---\nversion: 1\n", "5:1: this is not YAML: but found another document"),
    "a tag that would run a program": (
        HEAD + CHECK + "    description: !!python/object/apply:os.system [echo]\n",
        "5:18: the tag 'tag:yaml.org,2002:python/object/apply:os.system' has no meaning in a suite; remove it",
    ),
    "a tag on the whole": (
        "!!python/object/new:os.system\n" + HEAD + CHECK,
        "1:1: the tag 'tag:yaml.org,2002:python/object/new:os.system' has no meaning in a suite; remove it",
    ),
    "a local tag": (
        HEAD + CHECK + "    description: !mine x\n",
        "5:18: the tag '!mine' has no meaning in a suite; remove it",
    ),
    "a tag for binary": (
        HEAD + CHECK + "    description: !!binary eA==\n",
        "5:18: the tag 'tag:yaml.org,2002:binary' has no meaning in a suite; remove it",
    ),
    "a control character": (
        HEAD + CHECK + "    description: bell\x07\n",
        "5:22: this is not YAML: unacceptable character #x0007: special characters are not allowed",
    ),
    "an escape sequence of a terminal": (
        HEAD + CHECK + "    description: \x1b[31mred\n",
        "5:18: this is not YAML: unacceptable character #x001b: special characters are not allowed",
    ),
}


@pytest.mark.parametrize(("content", "expected"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_mistake_is_named_at_its_place_and_shown(refuse: Refuse, content: str, expected: str) -> None:
    message = refuse(content)
    assert message.split("\n")[0] == f"{NAME}:{expected}"
    assert_marked(message, content.replace("\x07", " ").replace("\x1b", " "))


SQL = HEAD + "  - id: rows\n    expect: failed_rows\n"
WHERE = HEAD + "  - id: ruled\n    expect: not_null\n    column: rule_id\n"

IN_QUOTES = "is inside quotes or a comment; write it outside, because it is bound as a value"

MALFORMED_SQL: dict[str, tuple[str, str]] = {
    "an unknown variable": (
        SQL + "    query: SELECT 1 FROM {ledger} WHERE track = %(trak)s\n",
        "5:49: 'query' of check 'rows': unknown variable 'trak'; declare it under vars, or under parametrize",
    ),
    "a mistyped variable": (
        "vars: {track: {type: str, default: llm}}\n"
        + SQL
        + "    query: SELECT 1 FROM {ledger} WHERE track = %(trak)s\n",
        "6:49: 'query' of check 'rows': unknown variable 'trak'; did you mean 'track'?",
    ),
    "an unknown variable in a block": (
        SQL + "    query: |\n      SELECT 1\n      FROM {ledger}\n      WHERE track = %(trak)s\n",
        "8:21: 'query' of check 'rows': unknown variable 'trak'; declare it under vars, or under parametrize",
    ),
    "an unknown variable in a block that begins with blank lines": (
        SQL + "    query: | # here\n\n\n        SELECT 1 FROM {ledger}\n          WHERE track = %(trak)s\n",
        "9:25: 'query' of check 'rows': unknown variable 'trak'; declare it under vars, or under parametrize",
    ),
    "a variable in quotes": (
        "vars: {track: {type: str, default: llm}}\n" + WHERE + "    where: track = '%(track)s'\n",
        "7:21: 'where' of check 'ruled': %(track)s " + IN_QUOTES,
    ),
    "a variable of ours": (
        WHERE + "    where: track = %(check.values)s\n",
        "6:20: 'where' of check 'ruled': unknown variable 'check.values'; declare it under vars, or under parametrize",
    ),
    "a variable of another type": (
        "vars: {track: {type: str, default: llm}}\n" + WHERE + "    where: track = %(track)d\n",
        "7:20: 'where' of check 'ruled': %(track)d is not a variable; write %(name)s",
    ),
    "a variable without a name": (
        WHERE + "    where: track = %s\n",
        "6:20: 'where' of check 'ruled': %s is not a variable; write %(name)s",
    ),
    "a variable by number": (
        WHERE + "    where: track = $1\n",
        "6:20: 'where' of check 'ruled': $1 is not a variable of the suite; write %(name)s",
    ),
    "an unclosed quote": (
        WHERE + "    where: track = 'llm\n",
        "6:20: 'where' of check 'ruled': this ' is never closed; close it",
    ),
    "an unclosed name": (
        WHERE + '    where: track = "llm\n',
        "6:20: 'where' of check 'ruled': this \" is never closed; close it",
    ),
    "an unclosed comment": (
        WHERE + "    where: track /* = 'llm'\n",
        "6:18: 'where' of check 'ruled': this /* is never closed; close it",
    ),
    "a second statement": (
        SQL + "    query: SELECT 1 FROM {ledger}; DROP TABLE {ledger}\n",
        "5:34: 'query' of check 'rows': a check is one statement, but this ; ends it; remove what follows",
    ),
    "a statement after a condition": (
        WHERE + "    where: true; COMMIT\n",
        "6:16: 'where' of check 'ruled': a check is one statement, but this ; ends it; remove what follows",
    ),
    "a mistyped ledger": (
        SQL + "    query: SELECT 1 FROM {leger}\n",
        "5:26: 'query' of check 'rows': {leger} is unknown; did you mean 'ledger'?",
    ),
    "the ledger in quotes": (
        WHERE + "    where: track = '{ledger}'\n",
        "6:21: 'where' of check 'ruled': {ledger} is inside quotes or a comment; write it outside",
    ),
    "braces that stand for nothing": (
        WHERE + "    where: track = {track}\n",
        "6:20: 'where' of check 'ruled': {track} is unknown; write {ledger} for the table",
    ),
    "no SELECT": (
        SQL + "    query: DELETE FROM {ledger}\n",
        "5:12: 'query' of check 'rows': a check only reads; write a SELECT",
    ),
    "COMMIT": (
        SQL + "    query: COMMIT\n",
        "5:12: 'query' of check 'rows': a check only reads; write a SELECT",
    ),
    "a table that is not the ledger": (
        SQL + "    query: SELECT 1 FROM public.others\n",
        "5:12: 'query' of check 'rows': the query never reads the ledger; add FROM {ledger}",
    ),
    "the ledger in a comment only": (
        SQL + "    query: SELECT 1 /* FROM {ledger} */\n",
        "5:12: 'query' of check 'rows': the query never reads the ledger; add FROM {ledger}",
    ),
    "no SQL": (SQL + "    query: ''\n", "5:12: 'query' of check 'rows': there is no SQL"),
    "nothing but a comment": (SQL + "    query: -- later\n", "5:12: 'query' of check 'rows': there is no SQL"),
    "a query that is a number": (
        SQL + "    query: 1\n",
        "5:12: 'query' of check 'rows' must be text (put it in quotes); got 1",
    ),
}


@pytest.mark.parametrize(("content", "expected"), MALFORMED_SQL.values(), ids=MALFORMED_SQL.keys())
def test_a_mistake_in_sql_is_named_at_its_place_and_shown(refuse: Refuse, content: str, expected: str) -> None:
    message = refuse(content)
    assert f"{NAME}:{expected}" in message.split("\n")
    assert_marked(message, content)


FOR_KINDS: dict[str, tuple[str, str]] = {
    "mostly on integrity": (
        HEAD + CHECK + "    mostly: 0.9\n",
        "5:5: 'mostly' is not allowed for entry_hash: integrity kinds judge every entry; remove it",
    ),
    "a limit without an operator": (
        WHERE + "    error_if: '5'\n",
        "6:15: 'error_if' of check 'ruled' must look like \"> 5\"; got \"5\"",
    ),
    "a limit that is SQL": (
        WHERE + '    error_if: "> (SELECT 1)"\n',
        "6:15: 'error_if' of check 'ruled' must look like \"> 0.05\"; got \"> (SELECT 1)\"",
    ),
    "mostly next to a limit": (
        WHERE + '    mostly: 0.5\n    error_if: "> 1"\n',
        "6:5: 'mostly' of check 'ruled': it cannot be combined with warn_if or error_if; keep one",
    ),
    "mostly of nothing": (
        WHERE + "    mostly: 0\n",
        "6:13: 'mostly' of check 'ruled' must be more than 0; got 0",
    ),
    "mostly of more than all": (
        WHERE + "    mostly: 1.1\n",
        "6:13: 'mostly' of check 'ruled' must be at most 1; got 1.1",
    ),
    "a number nothing is wrong with": (
        HEAD + "  - id: n\n    expect: metric\n    expression: count(*)\n",
        "5:5: 'expression' of check 'n': the number has no limit; add warn_if, error_if or both",
    ),
    "bounds that bound nothing": (
        HEAD + "  - id: n\n    expect: accepted_range\n    column: id\n",
        "5:5: 'column' of check 'n': it needs min_value, max_value, or both",
    ),
    "a count without bounds": (
        HEAD + "  - id: n\n    expect: row_count_between\n",
        "4:5: 'expect' of check 'n': it needs min_value, max_value, or both",
    ),
    "bounds that are reversed": (
        HEAD + "  - id: n\n    expect: row_count_between\n    min_value: 5\n    max_value: 4\n",
        "5:5: 'min_value' of check 'n': it is greater than max_value, 4",
    ),
    "a parameter that is missing": (
        HEAD + "  - id: n\n    expect: not_null\n",
        "3:5: check 'n' lacks the required key 'column'",
    ),
    "no values": (
        HEAD + "  - id: n\n    expect: accepted_values\n    column: track\n    values: []\n",
        "6:13: 'values' of check 'n' must not be empty; got []",
    ),
    "a value twice": (
        HEAD + "  - id: n\n    expect: accepted_values\n    column: track\n    values: [a, a]\n",
        "6:13: 'values' of check 'n' must not repeat an item; got [\"a\", \"a\"]",
    ),
    "one column that is no combination": (
        HEAD + "  - id: n\n    expect: unique_combination_of_columns\n    columns: [id]\n",
        "5:14: 'columns' of check 'n' must have at least 2 items; got [\"id\"]",
    ),
    "invalid name of a table": (
        HEAD + "  - id: n\n    expect: relationships\n    column: rule_id\n    to: a.b.c\n    field: x\n",
        "6:5: 'to' of check 'n': 'a.b.c' is not a valid table name. Write table, schema.table or \"Schema\".\"Table\"",
    ),
    "an interval of nothing": (
        HEAD + "  - id: n\n    expect: sequential_values\n    column: id\n    interval: 0\n",
        "6:15: 'interval' of check 'n' must be more than 0; got 0",
    ),
    "too many samples": (
        HEAD + CHECK + "    samples: 1001\n",
        "5:14: 'samples' of check 'hashes' must be at most 1000; got 1001",
    ),
    "a tag that -k cannot select": (
        HEAD + CHECK + "    tags: [every night]\n",
        "5:12: 'tags' of check 'hashes' must look like nightly; got \"every night\"",
    ),
}


@pytest.mark.parametrize(("content", "expected"), FOR_KINDS.values(), ids=FOR_KINDS.keys())
def test_a_parameter_that_does_not_fit_its_kind_is_named_at_its_place(
    refuse: Refuse, content: str, expected: str
) -> None:
    message = refuse(content)
    assert message.split("\n")[0] == f"{NAME}:{expected}"
    assert_marked(message, content)


INNOCENT_SQL = {
    "a literal that looks like a variable": "reasoning LIKE '%(draft)s%'",
    "a semicolon in quotes": "reasoning <> ';'",
    "a quote in quotes": "reasoning <> 'it''s'",
    "a backslash before a quote, which is no escape here": r"reasoning LIKE'\' OR reasoning = ';'",
    "an escape": r"reasoning = E'\';'",
    "nothing but a name in quotes": '"Is right"',
    "a comment": "true -- it's; {this} $1",
    "a dollar in a name": "a$b$c = 1 OR x$b$y = 2",
    "dollar quotes": "reasoning = $tag$it's; $1$tag$",
    "an array and a remainder": "'{1,2}'::int[] <> '{}' AND id % 2 = 1",
}


@pytest.mark.parametrize("where", INNOCENT_SQL.values(), ids=INNOCENT_SQL.keys())
def test_sql_that_only_looks_wrong_is_taken(read: Read, where: str) -> None:
    (check,) = read(f"{WHERE}    where: |-\n      {where}\n").checks
    assert check.parameters["where"] == where


def test_an_unknown_kind_that_resembles_none_lists_those_that_there_are(refuse: Refuse, registry: Registry) -> None:
    (said,) = headlines(refuse(HEAD + "  - id: a\n    expect: xyzzy\n"))
    assert said == f"{NAME}:4:13: unknown kind 'xyzzy'; known are {', '.join(registry.names())}"


def test_the_mark_is_as_long_as_what_it_marks(refuse: Refuse) -> None:
    message = refuse(HEAD + CHECK + "    severity: fatal # really\n")
    assert message.split("\n")[1:] == ["    5 |     severity: fatal # really", "      |               ^^^^^"]


def test_every_mistake_is_reported_in_the_order_of_the_file(refuse: Refuse) -> None:
    content = (
        "version: 3\nchekcs: 1\nchecks:\n"
        "  - id: a\n    expect: nothing_like_it\n"
        "  - id: a\n    expect: timestamp_order\n    future_tolerance: soon\n    severity: bad\n"
        "  - expect: entry_hash\n    probe: true\n"
    )
    message = refuse(content)
    assert [line.split(": ")[0].removeprefix(f"{NAME}:") for line in headlines(message)] == [
        "1:10",
        "2:1",
        "5:13",
        "6:9",
        "8:23",
        "9:15",
        "10:5",
        "11:5",
    ]
    assert_marked(message, content)


ONE_MISTAKE_EACH = {
    "the kind": ("    expct: entry_hash\n", ["4:5: unknown key 'expct'|'expect'"]),
    "the kind in capitals": ("    EXPECT: entry_hash\n", ["4:5: unknown key 'EXPECT'|'expect'"]),
    "the kind, and what only its kind knows": (
        "    expct: accepted_values\n    colum: track\n    Values: [llm]\n    severty: info\n",
        [
            "4:5: unknown key 'expct'|'expect'",
            "5:5: unknown key 'colum'|'column'",
            "6:5: unknown key 'Values'|'values'",
            "7:5: unknown key 'severty'|'severity'",
        ],
    ),
    "a parameter that must be there": (
        "    expect: not_null\n    columns: track\n",
        ["5:5: unknown key 'columns'|'column'"],
    ),
    "one parameter, where another is missing": (
        "    expect: accepted_values\n    colum: track\n",
        ["3:5: the check lacks the required key 'values'", "5:5: unknown key 'colum'|'column'"],
    ),
    "one that is near to none that is missing": (
        "    expect: not_null\n    severty: info\n",
        ["3:5: the check lacks the required key 'column'", "5:5: unknown key 'severty'|'severity'"],
    ),
    "the kind in both": (
        "    except: not_nul\n",
        ["4:5: unknown key 'except'|'expect'", "4:13: unknown kind 'not_nul'; did you mean 'not_null'?"],
    ),
}


@pytest.mark.parametrize(("keys", "expected"), ONE_MISTAKE_EACH.values(), ids=ONE_MISTAKE_EACH.keys())
def test_a_key_that_is_misspelt_is_one_mistake_and_not_a_missing_one_besides(
    refuse: Refuse, keys: str, expected: list[str]
) -> None:
    message = refuse(f"{HEAD}  - id: a\n{keys}")
    assert [line.replace("check 'a'", "the check") for line in headlines(message)] == [
        f"{NAME}:{line.replace('|', ' in the check; did you mean ')}{'?' if '|' in line else ''}" for line in expected
    ]
    assert_marked(message, f"{HEAD}  - id: a\n{keys}")


@pytest.mark.parametrize("key", ["chekcs", "CHECKS", "includ", "Include"])
def test_a_suite_whose_checks_are_misspelt_is_not_said_to_have_none(refuse: Refuse, key: str) -> None:
    meant = "include" if key[0] in "iI" else "checks"
    assert headlines(refuse(f"version: 1\n{key}: [a]\n")) == [
        f"{NAME}:2:1: unknown key {key!r} in the suite; did you mean {meant!r}?"
    ]


def test_misspelt_keys_of_a_waiver_and_of_what_is_declared_are_told_once_each(refuse: Refuse) -> None:
    content = (
        f"{HEAD}{CHECK}vars:\n  x: {{typ: str}}\ncontrols:\n  A-1: {{titel: x}}\nwaivers:\n"
        "  - id: w\n    Check: hashes\n    reasn: x\n    approvd_by: y\n    expires: '2030-01-01T00:00:00Z'\n"
    )
    assert [line.partition("; ")[2] for line in headlines(refuse(content))] == [
        f"did you mean {key!r}?" for key in ("type", "title", "check", "reason", "approved_by")
    ]


def test_both_missing_keys_are_named(refuse: Refuse) -> None:
    assert headlines(refuse("{}")) == [
        f"{NAME}:1:1: the suite lacks the required key 'version'",
        f"{NAME}:1:1: the suite lacks the required key 'checks'",
    ]


def test_the_column_counts_characters_after_a_byte_order_mark_and_beyond_ascii(refuse: Refuse) -> None:
    content = "\ufeff{version: 1, checks: [{id: a, description: 'Prüfung — é', expect: xyzzy}]}"
    assert refuse(content).startswith(f"{NAME}:1:{content.index('xyzzy')}: unknown kind")


@pytest.mark.parametrize("name", ["future_tolerance", "id"])
@pytest.mark.parametrize("style", ['"{}\\n"', "|\n      {}"], ids=["escaped", "block"])
def test_a_newline_at_the_end_is_no_part_of_a_pattern(refuse: Refuse, name: str, style: str) -> None:
    id_text, tolerance = (style.format("a"), "5m") if name == "id" else ("a", style.format("5m"))
    said = refuse(f"{HEAD}  - expect: timestamp_order\n    id: {id_text}\n    future_tolerance: {tolerance}\n")
    assert f"'{name}' of check" in said
    assert "must look like" in said
