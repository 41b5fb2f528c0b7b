"""A backup that is there: held against its manifest, restored, and verified, however many years later."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pytest_audit_ledger.backup.creation import MANIFEST_SCHEMA
from pytest_audit_ledger.backup.encryption import Key, Opener, opener_of, read_key
from pytest_audit_ledger.backup.proof import BackupProof, Content, Method, checksum
from pytest_audit_ledger.backup.prover import Prover
from pytest_audit_ledger.backup.restore import restored
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.sources.export_file import is_export, is_file
from pytest_audit_ledger.sources.manifest import manifest_path, read_manifest
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.shipped import checks_of, shipped_suites

_BACKUP = re.compile(r"\.(sql|dump)(\.gz)?(\.age)?$", re.IGNORECASE)


@dataclass(frozen=True)
class BackupVerification:
    """What a backup file and its manifest turned out to be."""

    path: Path
    manifest: Mapping[str, Any]
    proof: BackupProof


def opened(path: Path) -> BinaryIO:
    """Open a backup. Raises UsageError where there is none, SourceError where it cannot be read."""
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError, ValueError):
        raise UsageError(f"There is no file {path}.", "Name a backup.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def is_backup(text: str) -> bool:
    """Tell whether what a user names is a backup, and neither an export nor a DSN: it ends like one, or begins so."""
    path = Path(text)
    if "://" in text or is_export(text):
        return False
    return bool(_BACKUP.search(path.name)) or is_file(path)


def prove_backup(path: Path, prover: Prover, opener: Opener) -> BackupVerification:
    """Hold a backup against its manifest: first its bytes, then, restored, everything in it.

    Raises UsageError where there is no such file, SourceError where it or its manifest cannot be read.
    """
    with opened(path) as file:
        changed, manifest = _compared(path, file)
        if manifest is None:
            raise SourceError(
                f"There is no {manifest_path(path)}, so nobody knows what {path.name} has to hold.",
                "Fetch the manifest from where it was filed.",
            )
        if changed:  # what somebody changed is not run
            meaning = "It is not, byte for byte, the file that its manifest describes, so it was not restored."
            proof = BackupProof(Method.NONE, meaning, contradictions=tuple(changed))
        else:
            proof = prover.prove(file, opener, _stated(manifest), manifest["table"])
    return BackupVerification(path, manifest, proof)


@contextmanager
def restored_backup(
    path: Path, opener: Opener, *, scratch: str | None, table: str, timeout: int, progress: Progress
) -> Iterator[PostgresSource]:
    """Restore a backup into a scratch database, and yield it; `table` is the ledger's, where no manifest says so.

    Raises UsageError and SourceError, also where it is not the file that its manifest describes.
    """
    with opened(path) as file:
        changed, manifest = _compared(path, file)
        if changed:
            raise SourceError(
                f"{path.name} is not, byte for byte, the file that its manifest describes ({changed[0]}).",
                "Fetch it again from where it was filed.",
            )
        table = manifest["table"] if manifest else table
        with restored(file, opener, scratch=scratch, table=table, timeout=timeout, progress=progress) as source:
            yield source


def _compared(path: Path, file: BinaryIO) -> tuple[list[str], Mapping[str, Any] | None]:
    """Return in what a backup's bytes are not those of its manifest, and the manifest, None where there is none."""
    size, found = os.fstat(file.fileno()).st_size, checksum(file)
    manifest = read_manifest(path, MANIFEST_SCHEMA)
    if manifest is None:
        return [], None
    pairs = (("size", manifest["size"], size), ("SHA-256", manifest["sha256"], found))
    return [f"{what}: expected {wanted}, got {got}" for what, wanted, got in pairs if wanted != got], manifest


def _stated(manifest: Mapping[str, Any]) -> Content:
    """Return what the manifest says that the ledger holds."""
    names = ("entries", "sequence_first", "sequence_last", "time_first", "time_last", "head_hash")
    ended = {name: Status(status) for name, status in manifest["checks"].items()}
    return Content({name: manifest[name] for name in names}, manifest["digest"], ended)


def prover(scratch_db: str | None, progress: Progress) -> Prover:
    """Return what proves backups. Raises UsageError where the DSN of the server to restore on cannot be read."""
    if scratch_db is not None:
        PostgresSource(scratch_db)  # mistakes show now
    return Prover(checks_of(shipped_suites(installed_kinds())), scratch_db, progress=progress)


def verify_backup(
    file: str | Path,
    *,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | None = None,
    progress: Progress = no_progress,
) -> BackupVerification:
    """Verify a backup from the file and the manifest beside it alone.

    First its SHA-256 and size; then it is restored into a scratch database, verified there, and compared with the
    manifest. `identity`: a file with the private key that opens it. `encryption_key`: the passphrase that does, as
    `@FILE` or `env:NAME`. `scratch_db`: the DSN of a server to restore on, instead of an embedded one.

    Raises UsageError, and SourceError where the file or its manifest cannot be read. What is wrong with it is in the
    result.
    """
    key = read_key(encryption_key) if isinstance(encryption_key, str) else encryption_key
    return prove_backup(Path(file), prover(scratch_db, progress), opener_of(key, identity))
