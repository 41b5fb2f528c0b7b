"""Sentences in lines that fit a terminal, or a log."""

from __future__ import annotations

import re

LOG = 100
"""Columns where the width of what shows it is not known."""

WIDEST = 110
"""Columns of a terminal that sentences fill; beyond, the eye loses the line."""

_WORD = re.compile(r'(?:"[^"]*"|\S|  +)+')
"""What stays on one line: what stands in quotes, and every run of several spaces, which no line break could show."""


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """Return a line as lines of at most `width` columns; the second and all that follow start with `indent` spaces.

    Only single spaces become line breaks, and none in quotes, so a value, a name or a hash stays whole; one that is
    longer than a line goes beyond the width.
    """
    lead = len(text) - len(text.lstrip(" "))
    lines, line = [], ""
    for word in _WORD.findall(text[lead:]):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = " " * indent + word
        else:
            line = f"{line} {word}" if line else " " * lead + word
    return [*lines, line]
