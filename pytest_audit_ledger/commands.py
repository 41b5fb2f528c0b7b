"""Suggested commands, completed with what the reader gave, so that they work when pasted.

Whoever advises a command, such as a kind, knows nothing about options and writes `audit-ledger investigate` between
backticks. Here it gets the ledger, table, profile, checkpoints, keys and suites of the run, as far as it takes them.
Backticks are only for commands to run: nothing else that our advice mentions is between them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence

from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.options import EVERY_COMMAND, Option, options_of

Given = Mapping[str, Sequence[str]]
"""What the user gave, by the name of its option; a flag has no values. A key in a file is a `NamedText`."""

REPEATED = (
    *("db", "table", "profile", "suite", "checkpoint", "verifier-key", "transcript-key"),
    *("require-checkpoint", "max-unanchored"),
)
"""The options that suggested commands repeat, in this order."""

LONGEST_REASON = 1_000
LONGEST_ADVICE = 4_000
"""Characters shown of what failed, and of what to do: a command is useless if its end is missing."""

_ADVISED = re.compile(r"`(audit-ledger [^`]+)`")
_AT_THE_END = re.compile(r":? `(audit-ledger [^`]+)`(?:[.:](?= |$))?(?: |$)")
_WORD = re.compile(r"(?:\$'(?:\\.|[^'\\])*'|'[^']*'|[^\s'])+")
"""A word of a command, as it is written here: the parts of it that need quotes have single ones."""

_PEM = re.compile(r"-----BEGIN .*?-----END [^-]*-----", re.DOTALL)
_LEDGER = "DSN"
"""The word for the ledger in a command that takes it without an option."""


def completed(text: str, given: Given) -> str:
    """Return a text whose advised commands name again what was given; without anything given, the text as it is."""
    return _ADVISED.sub(lambda found: f"`{completed_command(found[1], given)}`", text) if given else text


def apart(text: str, indent: int = 0) -> str:
    """Return a printable text with each advised command on a line of its own, from which it can be copied.

    All lines but the first start with `indent` spaces, and commands with two more.
    """
    margin = "\n" + " " * indent
    shown = printable(text, LONGEST_ADVICE)
    return _AT_THE_END.sub(lambda found: f":{margin}  {found[1]}{margin}", shown).removesuffix(margin)


def pieces(text: str) -> list[tuple[str, bool]]:
    """Return the pieces of a text, each with whether it is an advised command."""
    return [(piece, place % 2 == 1) for place, piece in enumerate(_ADVISED.split(text))]


def ends_apart(text: str, advice: str, indent: int = 0) -> str:
    """Return a printable text whose end is `advice`, with the commands of that apart.

    What comes before may have words of others, a server or a user, which are no advice of ours.
    """
    return f"{printable(text.removesuffix(advice), LONGEST_REASON)}{apart(advice, indent)}"


def completed_command(advised: str, given: Given, *, portable: bool = False) -> str:
    """Return a command as a shell takes it, with what was given, unless the command itself says something else.

    Options that it needs and nobody gave have a word in capitals for the reader to fill in. Keys are named as they
    were given; if `portable`, for somebody who does not have their files, by their texts.
    """
    words = _WORD.findall(advised)
    name = _name(words[1:])
    begin, added = len(name.split()) + 1, []
    for option in _in_order(name):
        values = given.get(given_as(name, option))
        if not {*words}.isdisjoint(option.shown):
            continue
        if values is not None:
            added += _arguments(option, values, portable=portable)
        elif name in option.required_in:
            added += [option.shown[0], option.value_name.partition("|")[0]]
    ledger = _quoted(given["db"][0]) if "db" in given else _LEDGER
    positional = [ledger if word == _LEDGER else word for word in words[begin:]]
    return " ".join([*words[:begin], *map(_quoted, added), *positional])


def _quoted(word: str) -> str:
    """Return a word for a shell, as visible text without backticks: what else is in it is escaped, as bash reads it."""
    if printable(word, len(word)) == word and "`" not in word:
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    is_shown = character != "`" and printable(character) == character
    return character if is_shown else "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _name(words: Sequence[str]) -> str:
    """Return the name of the command that these words begin with, such as `checkpoint create`."""
    return next(name for name in (" ".join(words[:2]), words[0]) if name in EVERY_COMMAND)


def given_as(name: str, option: Option) -> str:
    """Return as which option others are given the value of one: they read the folder that a checkpoint is added to."""
    return "checkpoint" if (name, option.name) == ("checkpoint create", "output") else option.name


def _in_order(name: str) -> list[Option]:
    """Return the options of a command, those first that are repeated."""
    places = {one: place for place, one in enumerate(REPEATED)}
    return sorted(options_of(name), key=lambda option: places.get(given_as(name, option), len(places)))


def _arguments(option: Option, values: Sequence[str], *, portable: bool) -> list[str]:
    """Return an option with its values, of which it takes one or several."""
    if option.is_flag:
        return [option.shown[0]]
    named = dict.fromkeys(_in_one_line(one if portable else getattr(one, "given", one)) for one in values)
    taken = list(named) if option.repeatable else list(named)[:1]
    return [part for value in taken for part in (option.shown[0], value)]


def _in_one_line(text: str) -> str:
    """Return a key in PEM without what surrounds it and without line breaks, and any other text as it is."""
    found = _PEM.search(text)
    return "".join(found[0].splitlines()) if found else str(text)
