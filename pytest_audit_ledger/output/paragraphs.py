"""Wrap sentences into lines that fit a terminal or a log."""

from __future__ import annotations

import re

LOG = 100
"""Columns if the width of the output is unknown."""

WIDEST = 110
"""Most columns that sentences fill, because longer lines are hard to read."""

_WORD = re.compile(r'(?:"[^"]*"|`audit-ledger [^`]*`|\S|  +)+')
"""What stays on one line: quoted text, a command, and runs of several spaces, which a line break would hide."""


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """Return a line as lines of at most `width` columns; all but the first start with `indent` spaces.

    Only single spaces outside of quotes become line breaks, so values, names and hashes are never broken; a longer one
    exceeds the width.
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
