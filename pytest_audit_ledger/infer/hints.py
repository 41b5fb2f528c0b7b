"""What somebody knows of a recipe, from options and files."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.keys import read_key
from pytest_audit_ledger.files.reading import read_bytes, read_text
from pytest_audit_ledger.infer.source_text import unescaped
from pytest_audit_ledger.sources.selection import fields


@dataclass(frozen=True)
class Hints:
    """What somebody knows of the recipe.

    `columns`: those that are hashed, in order. `separators`: the only ones to try. `key`: where the key of an HMAC is,
    and `key_bytes` the key. `sample`: one payload. `source`: the text of the writer.
    """

    columns: tuple[str, ...] = ()
    separators: tuple[str, ...] = ()
    key: str = ""
    key_bytes: bytes = b""
    sample: bytes = b""
    source: str = ""


def hints_of(
    columns: str | None = None,
    separator: str | None = None,
    key: str | None = None,
    sample: str | None = None,
    source: str | None = None,
) -> Hints:
    """Return the hints that options give. Raises UsageError, which never shows a key, if one cannot be read."""
    return Hints(
        columns=fields(columns) if columns is not None else (),
        separators=() if separator is None else (unescaped(separator),),
        key=key or "",
        key_bytes=read_key(key) if key else b"",
        sample=_content(sample) if sample else b"",
        source=_text(source) if source else "",
    )


def _content(path: str) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name the file with one payload.") from error


def _text(path: str) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name the source of the writer.") from error
