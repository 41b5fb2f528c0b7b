"""Suites that somebody made to do harm: bombs, endless nesting, bytes that are no text, control characters."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.kinds.registry import Registry
from pytest_audit_ledger.suite.loader import load
from tests.support.suites import CHECK, HEAD, NAME, Refuse, headlines


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
    assert time.process_time() - start < 50
    assert message.startswith(f"{NAME}:")
    assert len(message) < 25_000


def test_an_alias_bomb_is_refused_within_seconds(refuse: Refuse) -> None:
    start = time.process_time()
    (said,) = headlines(refuse(bomb(12)))
    assert time.process_time() - start < 5
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
    assert "the file is not UTF-8. Save it as UTF-8." in message


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_refused_with_its_name(
    tmp_path: Path, registry: Registry, make: Callable[[Path], Any]
) -> None:
    path = tmp_path / NAME
    make(path)
    with pytest.raises(SuiteError, match="cannot be read") as refusal:
        load(path, registry)
    assert str(path) in str(refusal.value)
