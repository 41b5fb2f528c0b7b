"""What somebody knows of a recipe, from options and files, and the orders of columns that a program's text suggests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.keys import read_key
from pytest_audit_ledger.files.reading import read_bytes, read_text
from pytest_audit_ledger.infer.shapes import PREVIOUS
from pytest_audit_ledger.sources.selection import fields

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORT_TEXT = re.compile(r"""(['"`])((?:(?!\1)[^\\\n]|\\[nt0rx]){1,3})\1""")
_PREVIOUS = frozenset(("previous", "prev", "previoushash", "prevhash", "lasthash", "before", "hashbefore", "priorhash"))
_MOST_RUNS = 60


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
        separators=() if separator is None else (_unescaped(separator),),
        key=key or "",
        key_bytes=read_key(key) if key else b"",
        sample=_content(sample) if sample else b"",
        source=_text(source) if source else "",
    )


def _unescaped(text: str) -> str:
    r"""Return a text in which `\n`, `\t`, `\0` and `\x1f` are what they are in programs."""
    escapes = {"n": "\n", "t": "\t", "0": "\0", "r": "\r"}
    return re.sub(
        r"\\(?:x([0-9a-fA-F]{2})|([nt0r]))",
        lambda found: chr(int(found[1], 16)) if found[1] else escapes[found[2]],
        text,
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


def separators_in(source: str) -> list[str]:
    """Return the short texts in quotes of a program, which may be separators."""
    return list(dict.fromkeys(_unescaped(found[2]) for found in _SHORT_TEXT.finditer(source)))


def orders_in(source: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the orders in which a program names columns: runs of names of which none occurs twice.

    `columns` are those of the table, with `PREVIOUS` if one holds the previous hash.
    """
    known = {_plain(name): name for name in columns if name != PREVIOUS}
    named = list(_mentions(source, known))
    runs: dict[tuple[str, ...], None] = {}
    for start in range(len(named)):
        run: dict[str, None] = {}
        for name in named[start:]:
            if name in run:
                break
            run[name] = None
        if len(run) > 1 and not any(_ends_with(other, tuple(run)) for other in runs):
            runs[tuple(run)] = None
    return sorted(runs, key=len, reverse=True)[:_MOST_RUNS]


def _ends_with(run: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return run[-len(other) :] == other


def _mentions(source: str, known: Mapping[str, str]) -> Iterator[str]:
    for found in _NAME.finditer(source):
        name = _plain(found[0])
        if name in known:
            yield known[name]
        elif name in _PREVIOUS:
            yield PREVIOUS


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
