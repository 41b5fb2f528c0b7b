"""The manifest beside a file: `FILE.manifest.json`, which says what the file is and has to hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import json_schema, mistakes_by
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.sources.export_records import DECODER

MANIFEST_SUFFIX = ".manifest.json"


def manifest_path(path: Path) -> Path:
    """Return where the manifest of a file lies."""
    return path.with_name(path.name + MANIFEST_SUFFIX)


def read_manifest(path: Path, schema: str) -> Mapping[str, Any] | None:
    """Return the manifest beside a file, None where there is none. Raises SourceError where it makes no sense."""
    beside = manifest_path(path)
    try:
        if not beside.exists():
            return None
        text = beside.read_text(encoding="utf-8") if beside.is_file() else ""
        manifest = DECODER.decode(text)
        mistakes = [error.message for error in mistakes_by(json_schema(schema), manifest)]
    except (OSError, ValueError, RecursionError) as error:
        mistakes = [getattr(error, "strerror", None) or "it is no JSON"]
    if mistakes:
        raise SourceError(
            f"The manifest {beside} cannot be read: {printable(mistakes[0])}.",
            "Fetch it again from where it was filed, or move it away to check the file without it.",
        )
    found: Mapping[str, Any] = manifest
    return found
