"""Suites for tests: their beginnings, and what is said about those that are refused."""

from __future__ import annotations

from collections.abc import Callable

from pytest_audit_ledger.suite.check import Suite

NAME = "my.ledger.yaml"
HEAD = "version: 1\nchecks:\n"
CONTROLS = "controls:\n  SOC2-CC7.2: {title: Monitoring}\n  A-1: {title: The first}\n"
CHECK = "  - id: hashes\n    expect: entry_hash\n"
ORDER = "  - id: order\n    expect: timestamp_order\n"
GUARD = "  - id: guard\n    expect: append_only\n"

Read = Callable[[str | bytes], Suite]
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
