"""Read the manifest next to a file: `FILE.manifest.json`, which describes the file and its contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.reading import read_text
from pytest_audit_ledger.files.resources import json_schema, mistakes_by
from pytest_audit_ledger.files.stores import AnyPath, P
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.sources.export_records import DECODER

MANIFEST_SUFFIX = ".manifest.json"
LARGEST_MANIFEST = 16 * 1024 * 1024
"""Bytes; a manifest lists columns, checks and recipients, but no entries."""


def manifest_path(path: P) -> P:
    """Return the path of the manifest of a file."""
    return path.with_name(path.name + MANIFEST_SUFFIX)


def read_manifest(path: AnyPath, schema: str) -> Mapping[str, Any] | None:
    """Return the manifest next to a file; None if there is none. Raises SourceError if it is invalid."""
    manifest_file = manifest_path(path)
    try:
        if not manifest_file.exists():
            return None
        manifest = DECODER.decode(read_text(manifest_file, LARGEST_MANIFEST))
        mistakes = [error.message for error in mistakes_by(json_schema(schema), manifest)]
    except (OSError, ValueError, RecursionError) as error:
        mistakes = [getattr(error, "strerror", None) or "it is not JSON"]
    if mistakes:
        raise SourceError(
            f"The manifest {manifest_file} cannot be read: {printable(mistakes[0])}.",
            "Fetch it again from its archive, or move it away to check the file without it.",
        )
    found: Mapping[str, Any] = manifest
    return found


def refuse_another_profile(path: AnyPath, manifest: Mapping[str, Any] | None, profile: Profile) -> None:
    """Raise SourceError if a manifest names another profile than the one to read its file with."""
    stated = (manifest or {}).get("profile", {"name": profile.name})["name"]
    if stated != profile.name:
        raise SourceError(
            f"{path.name} was made with the profile {stated}, but is read with the profile {profile.name}.",
            f"Name the right profile, or its file: --ledger-profile {stated}.",
        )
