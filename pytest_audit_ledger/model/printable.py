"""Text from entries, catalogs and files, made safe to show."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST_VALUE = 300
"""Characters shown of a value from the ledger."""

# Invisible letters and marks that str.isprintable accepts (Unicode: Default_Ignorable_Code_Point).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def clip(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters with a note of its length."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def printable(text: str, limit: int = LONGEST_VALUE) -> str:
    """Return `text` on one line, with control, bidirectional and other invisible characters written as escapes."""
    shown = "".join(c if c.isprintable() and not _INVISIBLE.match(c) else ascii(c)[1:-1] for c in text[:limit])
    return shown if len(text) <= limit else f"{shown[: 4 * limit]}… ({len(text):,} characters)"


def ascii_json(document: Any) -> str:
    """Return a document as JSON in ASCII, with every control character escaped."""
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f")  # the one that json leaves as it is
