"""Names of tables and columns in SQL."""

from __future__ import annotations

import re
import string

from pytest_audit_ledger.errors import UsageError

QUOTED = re.compile(
    r"--[^\n]*|/\*.*?\*/|(?<![\w$}])\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?(tag)(?P=tag))\$"
    r"|(?<![\w$}])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"",
    re.DOTALL,
)
"""Comments and quoted texts of every kind in SQL (PostgreSQL documentation, section 4.1)."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_NAME_PART = re.compile(r'(?:"((?:[^"]|"")+)"|((?:[A-Za-z_]|[^\x00-\x7f])[\w$]*))(\.|$)')
_ASCII_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_upper(text: str) -> str:
    """Return `text` with a to z in upper case and nothing else changed, as PostgreSQL folds keywords."""
    return text.translate(_ASCII_UPPER)


def ascii_lower(text: str) -> str:
    """Return `text` with A to Z in lower case and nothing else changed, as PostgreSQL folds names."""
    return text.translate(_ASCII_LOWER)


def split_name(name: str) -> tuple[str, str]:
    """Return schema and table of `schema.table`, read as SQL reads it; the default schema is `public`.

    Raises UsageError if the name is not valid.
    """
    parts, position = [], 0
    while position < len(name) and (match := _NAME_PART.match(name, position)):
        parts.append(match.group(1).replace('""', '"') if match.group(1) else ascii_lower(match.group(2)))
        position = match.end()
    if position < len(name) or name.endswith(".") or len(parts) not in (1, 2):
        raise UsageError(f"{name!r} is not a valid table name.", 'Write table, schema.table or "Schema"."Table".')
    return (parts[0], parts[1]) if len(parts) == 2 else ("public", parts[0])


def whole_name(schema: str, table: str) -> str:
    """Return `schema.table` as `split_name` reads it: parts that a name without quotes cannot have are quoted."""
    parts = (part if _PLAIN.fullmatch(part) else quoted(part) for part in (schema, table))
    return ".".join(parts)


def closed(sql: str) -> str:
    """Return an author's SQL so that a comment at its end does not swallow what follows."""
    return f"{sql}\n" if "--" in sql else sql


def quoted(*parts: str) -> str:
    """Return a name, qualified if there are several parts, quoted so that any character is safe in SQL."""
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in parts)
