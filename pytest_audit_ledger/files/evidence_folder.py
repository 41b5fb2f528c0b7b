"""How to know a folder of evidence, which `evidence/` makes and checks: by its manifest, an in-toto Statement."""

from __future__ import annotations

from pathlib import Path

from pytest_audit_ledger.files.reading import open_regular

MANIFEST = "manifest.json"
STATEMENT = "https://in-toto.io/Statement/v1"

SSH_SIGNATURE, ENVELOPE = "manifest.json.sig", "manifest.dsse.json"
"""The signatures of the manifest, which are next to it and cannot be in it."""

_HEAD = 200
"""Bytes of a manifest that include its type."""


def is_filed(path: Path) -> bool:
    """Return whether a file is in a folder of evidence, or below one."""
    return any(map(_is_evidence, path.absolute().parents))


def _is_evidence(folder: Path) -> bool:
    try:
        with open_regular(folder / MANIFEST) as file:
            return STATEMENT.encode() in file.read(_HEAD)
    except OSError:
        return False
