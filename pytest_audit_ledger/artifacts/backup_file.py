"""A backup that is there: held against its manifest, restored, and verified, however many years later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pytest_audit_ledger.artifacts.backup import MANIFEST_SCHEMA
from pytest_audit_ledger.artifacts.encryption import Opener
from pytest_audit_ledger.artifacts.proof import Content, Method, Proof, Prover, checksum
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.outcome import Status
from pytest_audit_ledger.sources.manifest import manifest_path, read_manifest


@dataclass(frozen=True)
class BackupVerification:
    """What a backup file and its manifest turned out to be."""

    path: Path
    manifest: Mapping[str, Any]
    proof: Proof


def opened(path: Path) -> BinaryIO:
    """Open a backup. Raises UsageError where there is none, SourceError where it cannot be read."""
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError, ValueError):
        raise UsageError(f"There is no file {path}.", "Name a backup.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def prove_backup(path: Path, prover: Prover, opener: Opener) -> BackupVerification:
    """Hold a backup against its manifest: first its bytes, then, restored, everything in it.

    Raises UsageError where there is no such file, SourceError where it or its manifest cannot be read.
    """
    with opened(path) as file:
        size, found = path.stat().st_size, checksum(file)
    manifest = read_manifest(path, MANIFEST_SCHEMA)
    if manifest is None:
        raise SourceError(
            f"There is no {manifest_path(path)}, so nobody knows what {path.name} has to hold.",
            "Fetch the manifest from where it was filed.",
        )
    changed = [
        f"{what}: expected {wanted}, got {got}"
        for what, wanted, got in (("size", manifest["size"], size), ("SHA-256", manifest["sha256"], found))
        if wanted != got
    ]
    if changed:  # what somebody changed is not run
        meaning = "It is not, byte for byte, the file that its manifest describes, so it was not restored."
        return BackupVerification(path, manifest, Proof(Method.NONE, meaning, contradictions=tuple(changed)))
    return BackupVerification(
        path, manifest, prover.prove(lambda: opened(path), opener, _stated(manifest), manifest["table"])
    )


def _stated(manifest: Mapping[str, Any]) -> Content:
    """Return what the manifest says that the ledger holds."""
    names = ("entries", "sequence_first", "sequence_last", "time_first", "time_last", "head_hash")
    ended = {name: Status(status) for name, status in manifest["checks"].items()}
    return Content({name: manifest[name] for name in names}, manifest["digest"], ended)
