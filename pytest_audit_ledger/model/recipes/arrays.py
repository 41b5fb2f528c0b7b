r"""PostgreSQL's text of an array, read. No I/O.

The rule, from PostgreSQL's documentation, "Array Input and Output Syntax": elements are in braces, separated by commas,
in quotes if they have braces, commas, quotes, backslashes or white space, are empty or read NULL; in quotes, a
backslash stands before quotes and backslashes. Dimensions that do not start at 1 come first, as `[0:1]=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_DIMENSIONS = re.compile(r"(?:\[-?\d+:-?\d+\])+=")
_TOKEN = re.compile(r'(?P<mark>[{},])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^{},"\\]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def elements(text: str) -> list[Any]:
    """Return the elements of an array as texts, None for NULL, and lists of these. Raises ValueError if it is none."""
    dimensions = _DIMENSIONS.match(text)
    tokens = _tokens(text, dimensions.end() if dimensions else 0)
    if next(tokens, "") != "{":
        raise ValueError("an array begins with a brace")
    found = _inside(tokens)
    if next(tokens, "") != "":
        raise ValueError("something follows the array")
    return found


class _Text(str):
    """An element, as distinct from the mark that it may look like."""

    __slots__ = ()


def _tokens(text: str, place: int) -> Iterator[str | None]:
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError("a quote has no end")
        place = found.end()
        if found["bare"]:
            yield None if found["bare"] == "NULL" else _Text(found["bare"])
        else:
            yield found["mark"] or _Text(_ESCAPED.sub(r"\1", found["quoted"]))


def _inside(tokens: Iterator[str | None]) -> list[Any]:
    found: list[Any] = []
    for one in tokens:
        if one is None or isinstance(one, _Text):
            found.append(one if one is None else str(one))
        elif one == "{":
            found.append(_inside(tokens))
        elif one == "}":
            return found
    raise ValueError("a brace has no end")
