"""Find the files that ship with the package: the suites and schemas of checks/ and the statements of sql/.

In a source tree (and an editable install) these folders are next to the package; in a wheel they are inside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError

_PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """Return the shipped folder `checks` or `sql`."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def sql(name: str) -> str:
    """Return the text of a file in sql/."""
    return (folder("sql") / name).read_text(encoding="utf-8")


@cache
def tool_version() -> str:
    """Return the version of this package."""
    from importlib.metadata import version  # noqa: PLC0415  (slow to import, and not every command prints it)

    return version("pytest-audit-ledger")


@cache
def json_schema(name: str) -> Mapping[str, Any]:
    """Return a JSON Schema in checks/."""
    schema: Mapping[str, Any] = json.loads((folder("checks") / name).read_text(encoding="utf-8"))
    return schema


def mistakes_by(schema: Mapping[str, Any], document: Any) -> list[ValidationError]:
    """Return how a document violates a JSON Schema."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (slow to import, and most commands need no schema)

    return list(Draft202012Validator(schema).iter_errors(document))


def mistakes_in(path: Path, schema: Callable[[], Mapping[str, Any]], document: Any) -> list[ValidationError]:
    """Return how the document in a suite or profile violates a JSON Schema.

    Those that ship do not, as a test holds, so a run that needs no others saves an import that takes longer than
    verifying a thousand entries.
    """
    is_shipped = path.resolve().is_relative_to(folder("checks").resolve())
    return [] if is_shipped else mistakes_by(schema(), document)


PACKAGE_DIGEST_COMMAND = f"find {_PACKAGE.name} -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum"
"""The shell command that prints `package_digest`, run in the folder where the package is installed."""


@cache
def package_digest() -> str:
    """Return a SHA-256 over the code of this package, so that two installations can be compared."""
    paths = sorted((path.relative_to(_PACKAGE.parent).as_posix(), path) for path in _PACKAGE.rglob("*.py"))
    lines = (f"{sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in paths)
    return sha256("".join(lines).encode()).hexdigest()
