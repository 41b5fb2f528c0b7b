"""The files that ship with the package: the suites of checks/ and the statements of sql/.

In a source tree (and an editable install) they stand beside the package; a wheel carries them inside it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the shipped folder `checks` or `sql`."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def sql(name: str) -> str:
    """Return the text of a file in sql/."""
    return (folder("sql") / name).read_text(encoding="utf-8")
