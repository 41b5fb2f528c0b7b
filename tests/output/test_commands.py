"""Suggested commands: they exist, take the options that they name, and name again what was given."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger.commands import Given, apart, completed, completed_command, pieces
from pytest_audit_ledger.model.named_text import NamedText
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.options import EVERY_COMMAND, options_of
from tests.output.test_wording import PACKAGE, texts

GIVEN: Given = {
    "db": ["service=ledger"],
    "table": ['"Audit".entries'],
    "checkpoint": ["check points"],
    "verifier-key": [NamedText("name+id+key", "verifier.key")],
    "require-checkpoint": (),
}
VISIBLE = st.characters(exclude_categories=["C", "Z"], exclude_characters="`").filter(lambda one: printable(one) == one)
WORDS = st.text(VISIBLE, min_size=1)
"""What shlex reads as bash does: other characters are escaped."""


def said() -> Iterator[str]:
    """Yield every text of the package, on one line."""
    return (" ".join(text.split()) for path in PACKAGE.rglob("*.py") for text in texts(path))


def exists(command: str) -> bool:
    """Return whether there is a command that takes the options that this one names."""
    _, *words = command.split()
    name = " ".join(words[:2]) if " ".join(words[:2]) in EVERY_COMMAND else words[0]
    taken = {spelling for option in options_of(name) for spelling in option.shown}
    return {word for word in words if word.startswith("--")} <= taken


def test_every_advised_command_exists_and_takes_the_options_that_it_names() -> None:
    advised = {piece for text in said() for piece, is_command in pieces(text) if is_command}
    assert len(advised) > 10
    assert [command for command in advised if not exists(command)] == []


def test_a_command_to_run_is_between_backticks_so_that_it_is_completed() -> None:
    assert [text for text in said() if re.search(r"\b[Rr]un:? audit-ledger ", text)] == []


def test_a_command_names_what_was_given_as_far_as_it_takes_it() -> None:
    told = completed("To see it, run `audit-ledger verify --repair`. Or run `audit-ledger export --output x`.", GIVEN)
    named = """--ledger-db service=ledger --table '"Audit".entries'"""
    trusted = "--checkpoint 'check points' --verifier-key verifier.key --require-checkpoint"
    assert told == (
        f"To see it, run `audit-ledger verify {named} {trusted} --repair`. "
        f"Or run `audit-ledger export {named} --output x`."
    )
    assert completed(told, GIVEN) == told


def test_what_a_command_needs_and_nobody_gave_is_for_the_reader_to_fill_in() -> None:
    assert completed_command("audit-ledger checkpoint create", {"db": ["demo"]}) == (
        "audit-ledger checkpoint create --ledger-db demo --output DIR --signing-key FILE"
    )
    assert "--output 'check points'" in completed_command("audit-ledger checkpoint create", GIVEN)


def test_what_a_command_says_itself_outweighs_what_was_given() -> None:
    told = completed_command("audit-ledger verify --checkpoint other --verifier-key k", GIVEN)
    assert "check points" not in told


def test_a_ledger_without_an_option_is_named_where_the_command_has_it() -> None:
    assert shlex.split(completed_command("audit-ledger diff BACKUP DSN", GIVEN))[-2:] == ["BACKUP", "service=ledger"]


def test_keys_are_texts_for_somebody_without_their_files() -> None:
    assert "name+id+key" in completed_command("audit-ledger verify", GIVEN, portable=True)


def test_a_command_has_a_line_of_its_own() -> None:
    text = "Look. To see more, run `audit-ledger verify`. Then run `audit-ledger suite list`."
    assert apart(text, 2) == (
        "Look. To see more, run:\n    audit-ledger verify\n  Then run:\n    audit-ledger suite list"
    )
    assert apart("`audit-ledger` is a program.") == "`audit-ledger` is a program."


@given(WORDS, st.lists(WORDS, min_size=1))
def test_a_shell_reads_what_was_given(ledger: str, folders: list[str]) -> None:
    told = completed("Run `audit-ledger verify`.", {"db": [ledger], "checkpoint": folders})
    words = shlex.split(told.removeprefix("Run `").removesuffix("`."))
    expected = [part for folder in dict.fromkeys(folders) for part in ("--checkpoint", folder)]
    assert words == ["audit-ledger", "verify", "--ledger-db", ledger, *expected]


@pytest.mark.parametrize(
    "given",
    [
        "`id`",
        "x`audit-ledger verify`y",
        "a\nb",
        "\x1b[31m",
        "\u202e'\\",
        "$(id) it's",
        "\udcff",
        "-o",
        "",
        "\x9b'`\\x41",
    ],
)
def test_a_command_with_any_characters_is_one_visible_line_that_bash_reads_as_what_was_given(given: str) -> None:
    told = completed("Run `audit-ledger diff BACKUP DSN`.", {"db": [given], "table": [given]})
    assert completed(told, {"db": [given], "table": [given]}) == told
    ((command, is_command),) = [piece for piece in pieces(told) if piece[1]]
    assert is_command
    assert apart(told) == f"Run:\n  {command}"
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    *words, end = os.fsdecode(done.stdout).split("\0")
    assert (words[-1], words[words.index("--table") + 1], end) == (given, given, "")
