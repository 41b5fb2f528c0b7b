"""The commonest slips of YAML, each with advice at the line that is wrong, which is often before the parser's line."""

from __future__ import annotations

import re
from collections.abc import Sequence

Slip = tuple[int, int, int, str]
"""Line and column, counted from 1, the number of characters to underline, and what to do."""

_SPACES = "[\u00a0\u2007\u202f\u3000\u200b\ufeff]+"
"""Characters that look like a space, or like nothing, and are not spaces of YAML."""

_NOT_A_SPACE = "this is not an ordinary space; delete it, and type a space"
_KEY = r"[A-Za-z_][\w-]*"
_INDENT = r"[ \t]*(?:- +)*"
_START = rf"{_INDENT}{_KEY}: +"

_CHARACTERS = (
    (re.compile(rf"[ \t]*({_SPACES})"), _NOT_A_SPACE),
    (re.compile(rf"{_INDENT}{_KEY} *:({_SPACES})"), _NOT_A_SPACE),
    (re.compile(r"[ \t]*([–—−•·*])[ \t]+\S"), "a list item starts with '- '; write a hyphen here"),  # noqa: RUF001
    (re.compile(rf"[ \t]*(-){_KEY}:"), "write a space after the hyphen"),
)
_COLON = (re.compile(rf"{_INDENT}({_KEY}:)(?![:/\s]|$)"), "write a space after the colon")
_QUOTING = (
    (re.compile(r" *(\t\s*)\S"), "a tab cannot indent; replace it by spaces"),
    _COLON,
    (re.compile(rf"{_START}([%@`].*)"), "a text that starts with %, @ or ` must be in quotes"),
    (
        re.compile(rf"{_START}((?:'(?:[^']|'')*'(?!')|\"(?:[^\"\\]|\\.)*\") *[^\s#].*)"),
        "put the whole text in quotes, or write it after a |",
    ),
    (re.compile(rf"{_START}(?!['\"\[{{|>])([^#\n]*?: .*)"), "a text with ': ' in it must be in quotes"),
)
_SPECIAL = (re.compile(rf"{_START}([>|*&].*)"), "a text that starts with > | * or & must be in quotes")
"""A slip only if the parser complains about this character, which has a meaning in YAML."""

_COMPLAINTS = ("comment or a line break", "indicator", "alphabetic")


def find(lines: Sequence[str], line: int, problem: str) -> Slip | None:
    """Return the slip that explains the parser's `problem` in a line, counted from 1; None if none is known.

    Lines before it are tried, too, up to the start of the list item: the parser may have joined them to one text.
    """
    slips = (*_CHARACTERS, *_QUOTING, *((_SPECIAL,) if any(one in problem for one in _COMPLAINTS) else ()))
    for at in range(min(line, len(lines)), max(0, line - 4), -1):
        if (slip := _in_line(lines[at - 1], at, slips)) is not None:
            return slip
        if at < line and re.match(r" *- ", lines[at - 1]):
            break
    return _indentation(lines, line) if "mapping" in problem or "block end" in problem else None


def in_key(key: str) -> str | None:
    """Return what is wrong with a key that YAML accepts although it is a slip; None if nothing is."""
    slip = _in_line(f"{key}:", 1, _CHARACTERS)
    return None if slip is None else slip[3]


def in_continuation(lines: Sequence[str], first: int, last: int) -> Slip | None:
    """Return the slip that made one text of the lines from `first` to `last`: a colon without a space after it."""
    found = (_in_line(lines[at - 1], at, (*_CHARACTERS, _COLON)) for at in range(first, last + 1))
    return next(filter(None, found), None)


def _in_line(text: str, at: int, slips: Sequence[tuple[re.Pattern[str], str]]) -> Slip | None:
    for pattern, advice in slips:
        if found := pattern.match(text):
            return at, found.start(1) + 1, len(found[1].rstrip(" ")), advice
    return None


def _indentation(lines: Sequence[str], line: int) -> Slip | None:
    """Return the slip of a key or list item that is indented unlike the ones before it."""
    found = re.match(rf"( *)(- +)?{_KEY}:", lines[line - 1]) if line <= len(lines) else None
    if found is None:
        return None
    form = re.compile(rf"( *)- +{_KEY}:" if found[2] else rf"( *(?:- +)?){_KEY}:")
    before = next((other for text in reversed(lines[: line - 1]) if (other := form.match(text))), None)
    own, expected = len(found[1]), len(before[1]) if before else 0
    if own == expected:
        return None
    what, all_ = ("item", "items of a list") if found[2] else ("key", "keys that belong together")
    advice = f"this {what} is indented by {own}, the {what} before it by {expected} spaces; indent all {all_} equally"
    return line, own + 1, len(lines[line - 1].strip()), advice
