"""Whether a PL/pgSQL function raises, whatever happens: read from its source text, without running it.

The answer is yes only for the plain form: one block without an EXCEPTION section, in which nothing but statements that
run through (an assignment, PERFORM, INSERT, a RAISE below EXCEPTION …) stands before a RAISE that aborts. Anything
cleverer is no: a guard that has to be studied to be believed is worth a finding.

Source: PostgreSQL documentation, "PL/pgSQL: Structure", "Errors and Messages" (RAISE without a level is EXCEPTION).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_TOKEN = re.compile(
    r"""
      --[^\n]*                          # a comment to the end of the line
    | /\*.*?\*/                         # a comment in brackets
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$   # a dollar-quoted string
    | [eE]?'(?:[^'\\]|''|\\.)*'         # a string
    | "(?:[^"]|"")*"                    # a quoted identifier
    | (?P<word>\w+)
    | (?P<mark>:=|<<|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_LOWER_LEVELS = frozenset({"DEBUG", "LOG", "INFO", "NOTICE", "WARNING"})
_RUN_THROUGH = frozenset({"PERFORM", "INSERT", "NULL", "ASSERT"})


def _statements(body: str) -> Iterator[list[str]]:
    """Yield the statements between semicolons as upper-case words and marks; a string or quoted name becomes `''`."""
    statement: list[str] = []
    for match in _TOKEN.finditer(body):
        symbol = match.group("word") or match.group("mark")
        if symbol == ";":
            yield statement
            statement = []
        elif symbol is not None:
            statement.append(symbol.upper())
        elif not match.group().startswith(("--", "/*")):
            statement.append("''")
    yield statement


def raises_unconditionally(body: str) -> bool:
    """Tell whether the function with this source raises an exception on every path."""
    statements = list(_statements(body))
    words = [word for statement in statements for word in statement]
    if ("EXCEPTION", "WHEN") in pairwise(words):
        return False  # a handler could swallow what was raised
    inside = False
    for statement in statements:
        words = statement
        if not inside:
            if "BEGIN" not in words:
                continue  # declarations
            inside, words = True, words[words.index("BEGIN") + 1 :]
        if words[:1] == ["RAISE"]:
            if len(words) > 1 and words[1] not in _LOWER_LEVELS:
                return True
        elif not words or (words[0] not in _RUN_THROUGH and words[1:2] not in ([":="], ["="])):
            return False
    return False
