"""Suites: what is understood, and that every mistake is shown at its place."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.outcome import Severity
from pytest_audit_ledger.resources import folder
from pytest_audit_ledger.suite import Control, Suite, load

NAME = "my.ledger.yaml"
HEAD = "version: 1\nchecks:\n"
CONTROLS = "controls:\n  SOC2-CC7.2: {title: Monitoring}\n  A-1: {title: The first}\n"
CHECK = "  - id: hashes\n    expect: entry_hash\n"
ORDER = "  - id: order\n    expect: timestamp_order\n"
GUARD = "  - id: guard\n    expect: append_only\n"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.register(SHIPPED, "ours")
    return registry


Read = Callable[[str | bytes], Suite]


@pytest.fixture
def read(tmp_path: Path, registry: Registry) -> Read:
    def read(content: str | bytes) -> Suite:
        path = tmp_path / NAME
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return load(path, registry)

    return read


@pytest.fixture
def refuse(read: Read) -> Callable[[str | bytes], str]:
    """Return what is said about a suite that is refused."""

    def refuse(content: str | bytes) -> str:
        with pytest.raises(SuiteError) as refusal:
            read(content)
        return str(refusal.value)

    return refuse


Refuse = Callable[[str | bytes], str]


def headlines(message: str) -> list[str]:
    """Return the lines of a message that say what is wrong, without the lines of the file."""
    return [line for line in message.split("\n") if line.startswith(NAME)]


def assert_marked(message: str, content: str) -> None:
    """Check that every mistake shows its line of the file, with the mark under the column it names."""
    lines = message.split("\n")
    assert len(lines) % 3 == 0
    for headline, shown, mark in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        _, line, column, _ = headline.split(":", 3)
        source = content.split("\n")[int(line) - 1].rstrip("\r").replace("\t", " ")
        assert shown == f"{int(line):5} | {source}"
        margin, _, marked = mark.partition("| ")
        assert len(margin) == 6
        assert len(marked) - len(marked.lstrip(" ")) == int(column) - 1
        assert set(marked.strip()) == {"^"}
        assert len(marked) <= max(len(source), int(column))


# what is understood


@pytest.mark.parametrize("path", sorted(folder("checks").glob("*.ledger.yaml")), ids=lambda path: path.name)
def test_every_shipped_suite_is_understood(path: Path, registry: Registry) -> None:
    suite = load(path, registry)
    assert suite.checks
    assert suite.name == path.name
    assert suite.sha256 == sha256(path.read_bytes()).hexdigest()


def test_the_default_suite_has_every_integrity_kind_under_its_own_name(registry: Registry) -> None:
    suite = load(folder("checks") / "integrity.ledger.yaml", registry)
    assert [check.id for check in suite.checks] == [check.kind.name for check in suite.checks]
    assert {check.kind.name for check in suite.checks} >= {
        "chain_linkage",
        "entry_hash",
        "sequence_continuity",
        "timestamp_order",
        "verdict_taxonomy",
        "append_only",
        "table_guard",
        "envelope_hash",
        "envelope_consistency",
        "transcript_signature",
    }
    assert {check.severity for check in suite.checks if check.kind.integrity} == {Severity.CRITICAL}
    assert {check.kind.name for check in suite.checks if not check.kind.integrity} == {"hash_coverage"}


def test_a_check_holds_what_the_suite_says(read: Read) -> None:
    text = (
        HEAD
        + ORDER
        + (
            "    severity: warning\n    description: Time runs forward.\n    controls: [SOC2-CC7.2, A-1]\n"
            "    future_tolerance: 90s\n"
        )
    )
    suite = read(text + CONTROLS)
    (check,) = suite.checks
    assert suite.controls == {"SOC2-CC7.2": Control("Monitoring"), "A-1": Control("The first")}
    assert (check.id, check.suite, check.kind.name) == ("order", NAME, "timestamp_order")
    assert (check.severity, check.description) == (Severity.WARNING, "Time runs forward.")
    assert check.controls == ("SOC2-CC7.2", "A-1")
    assert check.parameters == {"future_tolerance": "90s"}
    assert check.line == 3


def test_what_is_left_out_has_its_default(read: Read) -> None:
    (check,) = read(HEAD + CHECK).checks
    assert (check.severity, check.description, check.controls) == (Severity.CRITICAL, "", ())
    assert check.parameters == {}


def test_a_suite_can_be_given_another_name(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / NAME
    path.write_text(HEAD + CHECK)
    assert load(path, registry, "checks/ours").checks[0].suite == "checks/ours"
    path.write_text("version: 2\n")
    with pytest.raises(SuiteError, match=r"^checks/ours:1:1: "):
        load(path, registry, "checks/ours")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "# a comment\n", "---\n", "%YAML 1.2\n---\n"])
def test_line_ends_byte_order_mark_comments_and_document_start_change_nothing(
    read: Read, start: str, line_end: str
) -> None:
    (check,) = read((start + HEAD + CHECK).replace("\n", line_end)).checks
    assert check.id == "hashes"


def test_anchors_and_aliases_are_understood(read: Read) -> None:
    text = HEAD + CHECK + "    tags: &all [a, b]\n" + ORDER + "    tags: *all\n"
    assert [check.tags for check in read(text).checks] == [("a", "b"), ("a", "b")]


def test_quoted_and_flow_styles_are_understood(read: Read) -> None:
    (check,) = read('{"version": 1, "checks": [{"id": "hashes", "expect": "entry_hash"}]}').checks
    assert check.id == "hashes"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Y", "Y"),
        ("1:30", "1:30"),
        ("2026-05-21", "2026-05-21"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        (".inf", ".inf"),
        ("nullify", "nullify"),
        ("1.2.3", "1.2.3"),
        ("!!str yes", "yes"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("'~'", "~"),
    ],
)
def test_a_scalar_that_is_text_in_yaml_1_2_is_text(read: Read, scalar: str, value: str) -> None:
    (check,) = read(f"{HEAD}{CHECK}    description: {scalar}\n").checks
    assert check.description == value


@pytest.mark.parametrize(
    ("scalar", "shown"),
    [
        ("012", "12"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("+3", "3"),
        ("-3", "-3"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("~", "null"),
        ("null", "null"),
        ("NULL", "null"),
        ("", "null"),
        ("true", "true"),
        ("FALSE", "false"),
    ],
)
def test_a_scalar_that_is_no_text_in_yaml_1_2_is_refused_as_text(refuse: Refuse, scalar: str, shown: str) -> None:
    (said,) = headlines(refuse(f"{HEAD}{CHECK}    description: {scalar}\n"))
    assert said.endswith(f": 'description' of check 'hashes' must be text (put it in quotes); got {shown}")


@pytest.mark.parametrize(("scalar", "value"), [("true", True), ("False", False)])
def test_a_parameter_can_be_a_boolean(read: Read, scalar: str, value: bool) -> None:
    (check,) = read(f"{HEAD}{GUARD}    probe: {scalar}\n").checks
    assert check.parameters == {"probe": value}


# mistakes

MALFORMED: dict[str, tuple[str, str]] = {
    "empty": ("", "1:1: the file is empty"),
    "only a comment": ("# nothing\n", "1:1: the file is empty"),
    "only blank lines": ("\n\n", "1:1: the file is empty"),
    "only a document start": ("---\n", "2:1: the suite must be a set of keys; got null"),
    "null": ("null\n", "1:1: the suite must be a set of keys; got null"),
    "a tilde": ("~", "1:1: the suite must be a set of keys; got null"),
    "a word": ("hello\n", '1:1: the suite must be a set of keys; got "hello"'),
    "a list": ("- version: 1\n", '1:1: the suite must be a set of keys; got [{"version": 1}]'),
    "no version": ("checks:\n" + CHECK, "1:1: the suite has no key 'version'"),
    "no checks": ("version: 1\n", "1:1: the suite has no key 'checks'"),
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
    "no id": (HEAD + "  - expect: entry_hash\n", "3:5: check number 1 has no key 'id'"),
    "no kind": (HEAD + "  - id: a\n", "3:5: check 'a' has no key 'expect'"),
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
    "id twice": (HEAD + CHECK + CHECK, "5:9: the id 'hashes' is taken by the check in line 3"),
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
        "5:23: 'future_tolerance' of check 'order' must be text (put it in quotes); got 5",
    ),
    "boolean of YAML 1.1": (
        HEAD + GUARD + "    probe: yes\n",
        "5:12: 'probe' of check 'guard' must be true or false; got \"yes\"",
    ),
    "key twice in the suite": ("version: 1\n" + HEAD + CHECK, "2:1: the key 'version' stands here already, in line 1"),
    "key twice in a check": (HEAD + CHECK + "    id: b\n", "5:5: the key 'id' stands here already, in line 3"),
    "key twice, once in quotes": (
        HEAD + CHECK + '    "id": b\n',
        "5:5: the key 'id' stands here already, in line 3",
    ),
    "a list as key": (HEAD + CHECK + "? [a]\n: b\n", "5:3: a key must be plain text"),
    "tab as indentation": (
        HEAD + CHECK + "\tseverity: info\n",
        "5:1: this is not YAML: found character '\\t' that cannot start any token",
    ),
    "tab at the start": ("\tversion: 1\n", "1:1: this is not YAML: found character '\\t' that cannot start any token"),
    "wrong indentation": (
        HEAD + CHECK + "   severity: info\n",
        "5:4: this is not YAML: expected <block end>, but found '<block mapping start>'",
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
        "5:18: the tag 'tag:yaml.org,2002:python/object/apply:os.system' has no meaning in a suite",
    ),
    "a tag on the whole": (
        "!!python/object/new:os.system\n" + HEAD + CHECK,
        "1:1: the tag 'tag:yaml.org,2002:python/object/new:os.system' has no meaning in a suite",
    ),
    "a local tag": (
        HEAD + CHECK + "    description: !mine x\n",
        "5:18: the tag '!mine' has no meaning in a suite",
    ),
    "a tag for binary": (
        HEAD + CHECK + "    description: !!binary eA==\n",
        "5:18: the tag 'tag:yaml.org,2002:binary' has no meaning in a suite",
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


def test_both_missing_keys_are_named(refuse: Refuse) -> None:
    assert headlines(refuse("{}")) == [
        f"{NAME}:1:1: the suite has no key 'version'",
        f"{NAME}:1:1: the suite has no key 'checks'",
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


# hostile files


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(lines)


HOSTILE: dict[str, str | bytes] = {
    "alias bomb": bomb(12),
    "alias to itself": "checks: &a [*a]\n",
    "mapping with itself": "checks: &a {b: *a}\n",
    "lists in lists": "[" * 200 + "]" * 200,
    "many lists in lists": "[" * 2000 + "]" * 2000,
    "lists that are not closed": "[" * 2000,
    "mappings in mappings": "{a: " * 1000,
    "indented without end": "\n".join(" " * depth + "a:" for depth in range(600)),
    "dashes": "- " * 1000 + "x",
    "a character beyond Unicode": HEAD + CHECK + '    description: "\\U0011FFFF"\n',
    "a character far beyond Unicode": HEAD + CHECK + '    description: "\\UFFFFFFFF"\n',
    "a huge number": HEAD + CHECK + f"    description: {'9' * 5000}\n",
    "a huge exponent": HEAD + CHECK + "    description: 1e999999\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_with_its_place_within_seconds(refuse: Refuse, content: str | bytes) -> None:
    start = time.process_time()
    message = refuse(content)
    assert time.process_time() - start < 3
    assert message.startswith(f"{NAME}:")
    assert len(message) < 25_000


def test_an_alias_bomb_is_refused_within_a_second(refuse: Refuse) -> None:
    start = time.process_time()
    (said,) = headlines(refuse(bomb(12)))
    assert time.process_time() - start < 1
    assert "more than 20,000 values" in said


def test_a_tag_runs_nothing(refuse: Refuse, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    refuse(f"{HEAD}{CHECK}    description: !!python/object/apply:os.system ['touch {trace}']\n")
    assert not trace.exists()


UNPRINTABLE: dict[str, str] = {
    "escape sequence by escape": HEAD + CHECK + '    severity: "\\e[31mred"\n',
    "C1 control by escape": HEAD + CHECK + '    severity: "\\x9b31mred"\n',
    "bidirectional, raw": HEAD + CHECK + "    severity: \u202eder\n",
    "bidirectional in an id": HEAD + "  - id: a\u202eb\n    expect: entry_hash\n",
    "bidirectional in a key": HEAD + CHECK + "    sever\u202eity: info\n",
    "bidirectional in a kind": HEAD + "  - id: a\n    expect: entry\u202e_hash\n",
    "line separator": HEAD + CHECK + '    severity: "a\\Lb"\n',
    "next line": HEAD + CHECK + '    severity: "a\\Nb"\n',
    "lone surrogate": HEAD + CHECK + '    severity: "\\ud800"\n',
    "zero width": HEAD + CHECK + "    severity: in\u200bfo\n",
    "raw escape": HEAD + CHECK + "    severity: \x1b[31m\n",
    "raw C1 control": HEAD + CHECK + "    severity: \x9b31m\n",
    "in a tag": HEAD + CHECK + "    severity: !a%1b%5b x\n",
    "in an alias": HEAD + CHECK + "    severity: *a\u202e\n",
}


@pytest.mark.parametrize("content", UNPRINTABLE.values(), ids=UNPRINTABLE.keys())
def test_no_unprintable_character_of_a_file_reaches_the_message(refuse: Refuse, content: str) -> None:
    assert [c for c in refuse(content) if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"version: 1\nchecks: \xff\n", 2),
        (b"\xff\xfev\x00e\x00r\x00", 1),
        ("a: é\n".encode("latin-1"), 1),
        (b"\xef\xbb\xbfa: 1\n\xffb: 2\n", 2),
        (b"\xef\xbb\xbf\n\xff", 2),
        (b"a: \xed\xa0\x80\n", 1),
    ],
    ids=["one byte", "UTF-16", "Latin-1", "after a byte order mark", "just after a byte order mark", "surrogate"],
)
def test_a_file_that_is_not_utf8_is_refused_with_its_line(refuse: Refuse, content: bytes, line: int) -> None:
    message = refuse(content)
    assert message.startswith(f"{NAME}:{line}:")
    assert "this is not UTF-8. Save the file in UTF-8." in message


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_refused_with_its_name(
    tmp_path: Path, registry: Registry, make: Callable[[Path], Any]
) -> None:
    path = tmp_path / NAME
    make(path)
    with pytest.raises(SuiteError, match="cannot be read") as refusal:
        load(path, registry)
    assert str(path) in str(refusal.value)
