"""Writing a matrix to a file: as HTML, JSON or text, by the suffix of its name."""

from __future__ import annotations

from pathlib import Path

from pytest_audit_ledger.drill.matrix import Matrix
from pytest_audit_ledger.drill.matrix_json import as_text
from pytest_audit_ledger.drill.matrix_text import text
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.writing import Written, whole_files

SUFFIXES = (".html", ".json", ".txt")


def refuse_suffix(path: str | Path) -> str:
    """Return how a matrix is written, by the suffix of its file. Raises UsageError for a suffix that says nothing."""
    suffix = Path(path).suffix.lower()
    if not Path(path).name:
        raise UsageError("The name of the file is empty.", "Was a variable not set? Name a file.")
    if suffix not in SUFFIXES:
        raise UsageError(
            f"A drill cannot be written as {Path(path).name}.", f"Let its name end in {', '.join(SUFFIXES)}."
        )
    return suffix


def save(matrix: Matrix, path: str | Path) -> Written:
    """Write a matrix, whole or not at all.

    Raises UsageError for a suffix that says nothing, OutputError where the file cannot be written.
    """
    written = _written(matrix, refuse_suffix(path))
    with whole_files(Path(path)) as (draft,):
        draft.write(written.encode("utf-8", "backslashreplace"))
    return draft.written(str(path))


def _written(matrix: Matrix, suffix: str) -> str:
    if suffix == ".html":
        from pytest_audit_ledger.drill.page import html  # noqa: PLC0415  (brings in jinja2, which is slow)

        return html(matrix)
    return f"{as_text(matrix) if suffix == '.json' else text(matrix)}\n"
