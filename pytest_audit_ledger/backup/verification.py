"""Verify an existing backup, however many years later: compare it with its manifest, restore it, and verify that."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pytest_audit_ledger.backup.creation import MANIFEST_SCHEMA
from pytest_audit_ledger.backup.encryption import Key, Opener, opener_of
from pytest_audit_ledger.backup.proof import BackupProof, Content, Method, checksum
from pytest_audit_ledger.backup.prover import Prover
from pytest_audit_ledger.backup.restore import restored
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.files.reading import is_file, local_file
from pytest_audit_ledger.files.stores import AnyPath, is_store, path_of
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import Progress, no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.scratch.server import Scratch
from pytest_audit_ledger.sources.dsn import Dsn, optional_dsn
from pytest_audit_ledger.sources.export_file import is_export
from pytest_audit_ledger.sources.manifest import manifest_path, read_manifest, refuse_another_profile
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.suite.profile_choice import chosen_profile
from pytest_audit_ledger.suite.shipped import checks_of, shipped_suites
from pytest_audit_ledger.verify.run import parse_standby_tolerance

_BACKUP = re.compile(r"\.(sql|dump)(\.gz)?(\.age)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class BackupVerification:
    """The result of verifying a backup, with its manifest."""

    path: AnyPath
    manifest: Mapping[str, Any]
    proof: BackupProof


@contextmanager
def _opened(path: AnyPath) -> Iterator[BinaryIO]:
    """Open a backup. Raises UsageError if there is no such file, SourceError if it cannot be read."""
    if not is_file(path):
        raise UsageError(f"There is no file {path}.", "Name a backup.")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(local_file(path))
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
        yield file


def is_backup(text: str) -> bool:
    """Return whether a user's argument is a backup, not an export or a DSN: it has a backup's suffix, or is a file."""
    if ("://" in text and not is_store(text)) or is_export(text):
        return False
    return bool(_BACKUP.search(text)) or (not is_store(text) and is_file(Path(text)))


def prove_backup(path: AnyPath, prover: Prover, opener: Opener, profile: Profile = SKI) -> BackupVerification:
    """Compare a backup with its manifest: first its bytes, then the restored ledger.

    Raises UsageError if there is no such file, SourceError if it or its manifest cannot be read.
    """
    with _opened(path) as file:
        changed, manifest = _compared(path, file)
        if manifest is None:
            raise SourceError(
                f"There is no {manifest_path(path)}, so it is unknown what {path.name} must contain.",
                "Fetch the manifest from its archive.",
            )
        refuse_another_profile(path, manifest, profile)
        if changed:  # a changed file could run anything
            meaning = "The file does not match its manifest, so it was not restored."
            proof = BackupProof(method=Method.NONE, meaning=meaning, contradictions=tuple(changed))
        else:
            proof = prover.prove(file, opener, _stated(manifest), manifest["table"], profile)
    return BackupVerification(path=path, manifest=manifest, proof=proof)


@contextmanager
def restored_backup(
    path: AnyPath,
    opener: Opener,
    *,
    scratch: Scratch,
    table: str | None,
    progress: Progress,
    profile: Profile = SKI,
) -> Iterator[PostgresSource]:
    """Restore a backup into a scratch database, and yield it; `table` is used only if there is no manifest.

    Raises UsageError and SourceError, also if the file does not match its manifest.
    """
    with _opened(path) as file:
        changed, manifest = _compared(path, file)
        if changed:
            raise SourceError(
                f"{path.name} does not match its manifest ({changed[0]}).",
                "Fetch it again from its archive.",
            )
        refuse_another_profile(path, manifest, profile)
        table = manifest["table"] if manifest else table
        with restored(file, opener, scratch=scratch, table=table, profile=profile, progress=progress) as source:
            yield source


def _compared(path: AnyPath, file: BinaryIO) -> tuple[list[str], Mapping[str, Any] | None]:
    """Return how a backup's bytes differ from its manifest, and the manifest; None if there is none."""
    size, found = os.fstat(file.fileno()).st_size, checksum(file)
    manifest = read_manifest(path, MANIFEST_SCHEMA)
    if manifest is None:
        return [], None
    pairs = (("size", manifest["size"], size), ("SHA-256", manifest["sha256"], found))
    return [f"{what}: expected {wanted}, got {got}" for what, wanted, got in pairs if wanted != got], manifest


def _stated(manifest: Mapping[str, Any]) -> Content:
    """Return what the ledger contains according to the manifest."""
    names = ("entries", "sequence_first", "sequence_last", "time_first", "time_last", "head_hash")
    ended = {name: Status(status) for name, status in manifest["checks"].items()}
    return Content({name: manifest[name] for name in names}, manifest["digest"], ended)


def prover(scratch: Scratch, progress: Progress, standby_tolerance: str = defaults.STANDBY_TOLERANCE) -> Prover:
    """Return what proves backups. Raises UsageError for a mistake in the tolerance."""
    return Prover(
        checks_of(shipped_suites(installed_kinds())),
        scratch,
        progress=progress,
        standby_tolerance_s=parse_standby_tolerance(standby_tolerance),
    )


def verify_backup(
    file: str | Path,
    *,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | Dsn | None = None,
    allow_superuser_scratch: bool = False,
    timeout: int = DEFAULT_TIMEOUT_S,
    checkpoints: Sequence[str | Path] = (),
    verifier_keys: Sequence[str] = (),
    profile: str | Path | Profile = SKI,
    progress: Progress = no_progress,
) -> BackupVerification:
    """Verify a backup from the file and the manifest next to it.

    First compare its SHA-256 and size; then restore it into a scratch database, verify that, and compare it with the
    manifest. `identity`: a file with the private key that opens it. `encryption_key`: the passphrase that opens it, as
    `@FILE` or `env:NAME`. `scratch_db`: the DSN of a server to restore on, instead of an embedded one.
    `allow_superuser_scratch`: restore as a superuser, if the role is one. `timeout`: the seconds that restoring, or a
    statement after it, may take. `checkpoints`: folders of checkpoints to compare the restored ledger with, and
    `verifier_keys`: the keys that must have signed them. `profile`: what the ledger looks like, as for `Ledger`; it
    must be the one that the manifest names. Without checkpoints, a backup that matches its manifest may still be of a
    ledger that was rewritten before.

    Raises UsageError, and SourceError if the file or its manifest cannot be read. Whatever is wrong with the backup is
    in the result.
    """
    scratch_db = optional_dsn(scratch_db)
    scratch = Scratch(scratch_db, allow_superuser=allow_superuser_scratch, timeout=timeout)
    given = run_parameters(checkpoints=checkpoints, verifier_keys=verifier_keys)
    given = {kind: values for kind, values in given.items() if kind != CheckpointGuards.name}  # grants are not dumped
    proving = replace(prover(scratch, progress), run_parameters=given)
    known = profile if isinstance(profile, Profile) else chosen_profile(profile)
    return prove_backup(path_of(file), proving, opener_of(encryption_key, identity), known)
