"""What a CHECK constraint allows, read from its expression as PostgreSQL prints it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STRING = r"'(?:[^']|'')*'"
# A cast to a length truncates, and one to bpchar ignores trailing blanks; only these change nothing.
_CAST = r"::(?:text|character varying)(?![(\w])(?:\[\])?"


def allows(expression: str, column: str, values: Sequence[str] | None) -> bool:
    """Return whether a CHECK expression allows only these values of the column, or, if None, any text but the empty."""
    return refuses_empty(expression, column) if values is None else allows_only(expression, column, values)


def _reduced(expression: str) -> tuple[str, list[str]]:
    """Return a CHECK expression without casts, brackets and spaces, its strings as `?`, and those strings."""
    strings = [text[1:-1].replace("''", "'") for text in re.findall(_STRING, expression)]
    bare = re.sub(_CAST, "", re.sub(_STRING, "?", expression))
    return re.sub(r"[()\s]", "", bare), strings


def _listed(expression: str, column: str) -> set[str]:
    """Return the values that a CHECK expression limits the column to; none if it has another form.

    PostgreSQL prints `x IN ('a', 'b')` as `x = ANY (ARRAY['a'::text, 'b'::text])`.
    """
    bare, strings = _reduced(expression)
    one_of = rf"{column}=ANYARRAY\[\?(?:,\?)*\]|{column}=\?(?:OR{column}=\?)*"
    form = rf"(?:{column}ISNULLOR|{column}ISNOTNULLAND)?(?:{one_of})"
    return set(strings) if re.fullmatch(form, bare) else set()


def allows_only(expression: str, column: str, values: Sequence[str]) -> bool:
    """Return whether a CHECK expression allows only these values of the column (or fewer)."""
    listed = _listed(expression, column)
    return bool(listed) and listed <= set(values)


def refuses_empty(expression: str, column: str) -> bool:
    """Return whether a CHECK expression refuses the empty string: by its length, by comparison, or by a list."""
    bare, strings = _reduced(expression)
    bare = bare.removeprefix(f"{column}ISNULLOR")
    lengths = (f"{function}{column}" for function in ("length", "char_length", "octet_length"))
    if bare.replace(f"{column}ISNULLOR", "") in {
        f"{length}{bound}" for length in lengths for bound in (">0", ">=1", "<>0")
    }:
        return True
    return (bare == f"{column}<>?" and strings == [""]) or "" not in (_listed(expression, column) or {""})
