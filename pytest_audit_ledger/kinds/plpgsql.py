r"""Decide from its source text, without running it, whether a PL/pgSQL function always raises an exception.

The answer is yes only for the plain form: one block without an EXCEPTION section, with only statements that run
through (an assignment, PERFORM, INSERT, a RAISE below EXCEPTION …) before a RAISE that aborts. For anything cleverer it
is no: a trigger function that must be studied to be believed is worth a finding. The end of a plain string can depend
on the server's standard_conforming_strings, so the answer must be yes in both readings.

Source: PostgreSQL documentation, "PL/pgSQL: Structure", "Errors and Messages" (RAISE without a level is EXCEPTION), and
"Lexical Structure": bracket comments nest, names hold any character beyond ASCII, and only ASCII letters are folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pytest_audit_ledger.model.sql_names import ascii_upper

_BEYOND = r"[^\x00-\x7f]"
"""A character beyond ASCII. In one class with the others, each of the two expressions would take 5 ms to compile."""

_SYMBOLS = rf"""
      (?P<space>[ \t\n\r\f\v]+ | --[^\n\r]*)
    | (?P<comment>/\*)                                  # bracket comments nest, so only their start is matched
    | (?P<text>\$(?P<tag>(?:[A-Za-z_]|{_BEYOND})(?:[A-Za-z0-9_]|{_BEYOND})*)?\$.*?\$(?(tag)(?P=tag))\$
             | [eE]'(?:[^'\\]|''|\\.)*'
             | %s
             | "(?:[^"]|"")*")
    | (?P<word>(?:[A-Za-z_]|{_BEYOND})(?:[A-Za-z0-9_$]|{_BEYOND})* | [0-9]+)
    | (?P<mark>:=|<<|>>|.)
"""
_READINGS = tuple(
    re.compile(_SYMBOLS % string, re.VERBOSE | re.DOTALL) for string in (r"'(?:[^']|'')*'", r"'(?:[^'\\]|''|\\.)*'")
)
"""With standard_conforming_strings on, the default, and off."""

_BRACKET = re.compile(r"/\*|\*/")
SEMICOLON = ";"
_TEXT = "''"
_LOWER_LEVELS = frozenset({"DEBUG", "LOG", "INFO", "NOTICE", "WARNING"})
_RUN_THROUGH = frozenset({"PERFORM", "INSERT", "NULL", "ASSERT"})


def _tokens(body: str, reading: re.Pattern[str]) -> Iterator[str]:
    """Yield words in capitals and marks; a string or quoted name as `''`, comments and spaces not at all."""
    position = 0
    while match := reading.match(body, position):
        position = match.end()
        if match["comment"]:
            position = _end_of_comment(body, position)
        elif match["text"]:
            yield _TEXT
        elif not match["space"]:
            yield ascii_upper(match["word"] or match["mark"])


def _end_of_comment(body: str, position: int) -> int:
    depth = 1
    while depth and (bracket := _BRACKET.search(body, position)):
        depth += 1 if bracket.group() == "/*" else -1
        position = bracket.end()
    return position if not depth else len(body)


def _statements(tokens: list[str]) -> Iterator[list[str]]:
    """Yield the tokens between semicolons."""
    statement: list[str] = []
    for token in tokens:
        if token == SEMICOLON:
            yield statement
            statement = []
        else:
            statement.append(token)
    yield statement


def raises_unconditionally(body: str) -> bool:
    """Return whether the function with this source raises an exception on every path."""
    readings = [list(_tokens(body, reading)) for reading in _READINGS]
    # In a reading with an unterminated string, the server would not have created the function.
    possible = [tokens for tokens in readings if "'" not in tokens and '"' not in tokens]
    return bool(possible) and all(map(_raises, possible))


def _raises(tokens: list[str]) -> bool:
    if ("EXCEPTION", "WHEN") in pairwise(tokens):
        return False  # a handler could swallow what was raised
    inside = False
    for statement in _statements(tokens):
        words = statement
        if not inside:
            words = _without_preamble(words)
            if words[:1] != ["BEGIN"]:
                continue  # a declaration
            inside, words = True, words[1:]
        if words[:1] == ["RAISE"] and _is_word_or_text(words[1:2]):
            if words[1] not in _LOWER_LEVELS:
                return True
        elif words[:1] == ["RAISE"] or not words or not _runs_through(words):
            return False
    return False


def _without_preamble(words: list[str]) -> list[str]:
    """Return a statement without the label and the DECLARE before a block."""
    if words[:1] == ["<<"] and words[2:3] == [">>"]:
        words = words[3:]
    return words[1:] if words[:1] == ["DECLARE"] else words


def _is_word_or_text(tokens: list[str]) -> bool:
    """Return whether the tokens after RAISE are those of a RAISE statement, and not of a variable of that name."""
    return bool(tokens) and (tokens[0] == _TEXT or tokens[0].isidentifier())


def _runs_through(words: list[str]) -> bool:
    return words[0] in _RUN_THROUGH or words[1:2] in ([":="], ["="])
