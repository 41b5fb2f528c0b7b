"""Columns that hold hashes, recognised by their values. No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, "str | None"]
"""A row by column, as COPY prints it."""

ALGORITHMS: Mapping[int, Sequence[str]] = {32: ("sha256", "sha3-256"), 48: ("sha384",), 64: ("sha512", "blake2b")}
"""The algorithms of profiles by the number of bytes in a hash, the most common first."""

_FEWEST = 2
_FORMS = {
    "hex": re.compile(r"(?P<prefix>|.*[^0-9a-f])(?P<hash>(?:[0-9a-f]{32}){2,4})", re.DOTALL),
    "HEX": re.compile(r"(?P<prefix>|.*[^0-9A-F])(?P<hash>(?:[0-9A-F]{32}){2,4})", re.DOTALL),
    "base64": re.compile(
        r"(?P<prefix>|.*[^0-9A-Za-z+/])(?P<hash>[0-9A-Za-z+/]{43}=|[0-9A-Za-z+/]{86}==|[0-9A-Za-z+/]{64})", re.DOTALL
    ),
}
_BYTEA = re.compile(r"(?P<prefix>)\\x(?P<hash>(?:[0-9a-f]{32}){2,4})")


@dataclass(frozen=True)
class HashColumn:
    """A column of hashes of `size` bytes, in this encoding, after this prefix."""

    name: str
    encoding: str
    prefix: str
    size: int

    def digest(self, text: str | None) -> bytes | None:
        """Return the bytes of a stored hash; None if it is none."""
        found = _form(self.encoding).fullmatch(text or "")
        if found is None or found["prefix"] != self.prefix:
            return None
        return _decoded(self.encoding, found["hash"])


def hash_columns(types: Mapping[str, str], rows: Sequence[Row]) -> list[HashColumn]:
    """Return the columns of which every value is a hash of one kind."""
    found = (_of_column(name, type_, [row[name] for row in rows]) for name, type_ in types.items())
    return [column for column in found if column is not None]


def _of_column(name: str, type_: str, column: Sequence[str | None]) -> HashColumn | None:
    values = {text for text in column if text is not None}
    encodings = ["bytea"] if type_ == "bytea" else list(_FORMS)
    if len(values) < _FEWEST:
        return None
    for encoding in encodings:
        matches = [_form(encoding).fullmatch(text) for text in values]
        kinds = {(found["prefix"], len(_decoded(encoding, found["hash"]))) if found else None for found in matches}
        if len(kinds) == 1 and (kind := kinds.pop()) is not None and kind[1] in ALGORITHMS:
            return HashColumn(name, encoding, *kind)
    return None


def _form(encoding: str) -> re.Pattern[str]:
    return _BYTEA if encoding == "bytea" else _FORMS[encoding]


def _decoded(encoding: str, text: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else bytes.fromhex(text)
