r"""Which statements in the source of a function write to a table: read from its text, without running it.

A statement counts if it names the table plainly, also inside of a string that the function runs. What composes the name
from parts cannot be found in this way, so nothing found is no proof that a function writes nothing.
"""

from __future__ import annotations

import re

_COMMENT_OR_TEXT = re.compile(r"--[^\n\r]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_STATEMENTS = {
    "INSERT": r"INSERT\s+INTO",
    "UPDATE": r"UPDATE(?:\s+ONLY)?",
    "DELETE": r"DELETE\s+FROM(?:\s+ONLY)?",
    "TRUNCATE": r"TRUNCATE(?:\s+TABLE)?(?:\s+ONLY)?(?:[^;]*,)?",
    "MERGE": r"MERGE\s+INTO(?:\s+ONLY)?",
    "ALTER TABLE": r"ALTER\s+TABLE(?:\s+IF\s+EXISTS)?(?:\s+ONLY)?",
}


def written(source: str, schema: str, table: str) -> list[str]:
    """Return the kinds of statement in the source of a function that write to the table, such as UPDATE."""
    code = _COMMENT_OR_TEXT.sub(lambda found: " " if found[0][:2] in ("--", "/*") else found[0], source)
    name = rf"(?:{_named(schema)}\s*\.\s*)?{_named(table)}(?![\w$.])"
    return [
        statement for statement, words in _STATEMENTS.items() if re.search(rf"\b{words}\s*{name}", code, re.IGNORECASE)
    ]


def _named(name: str) -> str:
    """Return a regular expression for a name, quoted or not."""
    quoted = name.replace('"', '""')
    return f'(?:{re.escape(name)}|"{re.escape(quoted)}")'
