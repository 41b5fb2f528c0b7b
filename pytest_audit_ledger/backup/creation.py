"""Back up: the whole database as pg_dump writes it, compressed and encrypted in a stream, with a manifest next to it.

The dump, the verification and the manifest's facts about the entries come from one snapshot. The whole database is
dumped, because a ledger needs its triggers, and for a single table pg_dump omits their functions. Owners and grants are
omitted, because the roles may not exist where it is restored; so are publications and subscriptions, which would
connect to other servers with their passwords.
"""

from __future__ import annotations

import re
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pytest_audit_ledger.backup.encryption import Key, Opener, encrypt, key_of_this_run
from pytest_audit_ledger.backup.proof import NOT_PROVEN, BackupProof, Content, Method, statuses
from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.export.manifest import manifest, tally
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import Draft, Written, refuse_existing, whole_files, written_json
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.progress import BYTES, Advance, Progress, no_progress
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.wording import ending_for_command
from pytest_audit_ledger.sources import programs
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.manifest import manifest_path
from pytest_audit_ledger.sources.postgres import LOCK_TIMEOUT_S, PostgresSnapshot
from pytest_audit_ledger.sources.programs import CHUNK, Program, Running
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.backup.prover import Prover

FORMATS = defaults.BACKUP_FORMATS
MANIFEST_SCHEMA = "backup-manifest.schema.json"
OWNER_ONLY = 0o600

_NAME = re.compile(r"(?P<stem>.*?)(?P<gz>\.gz)?(?P<age>\.age)?", re.IGNORECASE | re.DOTALL)
_SUFFIXES = {".sql": "plain", ".dump": "custom"}


@dataclass(frozen=True)
class Backup:
    """A request for a backup: the suffixes of `path` match what is done to the dump; without `key`, no encryption.

    `force`: replace existing files.
    """

    path: AnyPath
    format: str
    compressed: bool
    key: Key | None = None
    force: bool = False


def backup_request(
    path: str | AnyPath,
    *,
    format: str | None = None,  # noqa: A002  (the word of the option)
    compress: bool = False,
    key: Key | None = None,
    force: bool = False,
    object_lock: str | None = None,
) -> Backup:
    """Return a request for a backup.

    Without `format`, it is chosen by the suffix, or is plain. `.gz` asks for compression, too; a missing `.gz` or
    `.age` is added, so that the name says what the file is. Raises UsageError for a contradictory request, or an
    existing file.
    """
    if str(path) in ("", "-"):
        raise UsageError("A backup is written to a file, with its manifest next to it.", "Name the file to write.")
    given = path_of(path, lock=object_lock)
    name = _NAME.fullmatch(given.name)
    assert name is not None  # noqa: S101  (it matches any text)
    if name["age"] and key is None:
        raise UsageError(
            f"The name {path} ends in .age, but there is no encryption key.",
            "Give --ledger-encryption-key, or omit .age.",
        )
    chosen = format or _SUFFIXES.get(Path(name["stem"]).suffix.lower(), "plain")
    if chosen not in FORMATS:
        raise UsageError(f"Unknown backup format {chosen!r}.", f"Use one of {', '.join(FORMATS)}.")
    compressed = compress or bool(name["gz"])
    gz, age = name["gz"] or (".gz" if compressed else ""), name["age"] or (".age" if key else "")
    whole = f"{name['stem']}{gz}{age}"
    file = given if whole == given.name else given.with_name(whole)
    refuse_existing(file, force=force)
    refuse_existing(manifest_path(file), force=force)
    return Backup(file, chosen, compressed, key, force)


@dataclass(frozen=True, kw_only=True)
class BackupResult:
    """The result of a backup. `files` are the backup and its manifest; the properties have ski-audit-ledger's names."""

    files: tuple[Written, ...]
    manifest: dict[str, Any]
    verification: Verification | None
    proof: BackupProof

    @property
    def backup_file(self) -> str:
        """The path of the backup."""
        return self.files[0].path

    @property
    def backup_date(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromisoformat(self.manifest["created_at"])

    @property
    def source_db(self) -> str:
        """The database, without secrets."""
        return str(self.manifest["source"])

    @property
    def compressed(self) -> bool:
        """Whether it is compressed with gzip."""
        return bool(self.manifest["compression"])

    @property
    def size_bytes(self) -> int:
        """The size of the backup in bytes."""
        return self.files[0].size

    @property
    def checksum(self) -> str:
        """The SHA-256 of the backup."""
        return self.files[0].sha256

    @property
    def encryption_used(self) -> bool:
        """Whether it is encrypted."""
        return bool(self.manifest["encryption"])

    @property
    def verified(self) -> bool:
        """Whether it was restored, and the restored ledger is the one that was backed up."""
        return self.proof.method is Method.RESTORED

    @property
    def verification_status(self) -> str:
        """How it was proven, in words."""
        return self.proof.meaning


def backup(
    snapshot: Snapshot,
    request: Backup,
    *,
    verification: Verification | None = None,
    prover: Prover | None = None,
    progress: Progress = no_progress,
) -> BackupResult:
    """Write a dump of the snapshot's database to a file, and a manifest next to it: both or none.

    `verification` is one of the same snapshot; `prover` restores the file before it gets its name. Raises SourceError
    if the database cannot be dumped, OutputError if the file cannot be written, or does not match the database.
    """
    if not isinstance(snapshot, PostgresSnapshot):
        raise UsageError("Only a database can be backed up, not an export.", "Copy the export and its manifest.")
    program = programs.find("pg_dump", snapshot.login().server_major)
    key, opener = _keys(request.key, proven=prover is not None)
    path = request.path
    with whole_files(path, manifest_path(path), mode=OWNER_ONLY, overwrite=request.force) as (file, beside):
        entries = _dump(snapshot, program, replace(request, key=key), file, progress)
        written = file.written(str(path))
        if prover is None:
            content, proof = Content(entries), NOT_PROVEN
        else:
            content = prover.content(snapshot, verification)
            with file.reopened() as dumped:
                proof = prover.prove(dumped, opener, content, snapshot.info.table, snapshot.info.profile)
        if proof.contradictions:
            raise OutputError(
                f"The backup does not match the database: {'; '.join(proof.contradictions)}.",
                "No partial file is left. To write it all the same, omit --verify.",
            )
        described = manifest(
            written,
            content.entries,
            snapshot.info,
            verification,
            format=request.format,
            compression="gzip" if request.compressed else "",
            encryption="age" if request.key else "",
            recipients=request.key.described() if request.key else [],
            digest=content.digest,
            pg_dump_version=program.version,
            created_at=canonical_timestamp(datetime.now(timezone.utc)),
            checks={name: status.value for name, status in statuses(verification).items()},
            proof=proof.method.value,
            proof_meaning=ending_for_command(proof.meaning, proof.advice),
            proof_server_version=proof.server_version,
        )
        files = (written, written_json(beside, described, manifest_path(path)))
    return BackupResult(files=files, manifest=described, verification=verification, proof=proof)


@dataclass(frozen=True)
class BackupArtifact(Artifact):
    """A backup of the snapshot that a run verified, restored and compared before it gets its name."""

    request: Backup
    prover: Prover

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write the backup and its manifest. Raises OutputError also if it was written but could not be restored."""
        prover = replace(self.prover, progress=verified.progress)
        result = backup(
            verified.snapshot,
            self.request,
            verification=verified.verification,
            prover=prover,
            progress=verified.progress,
        )
        if not result.verified:
            raise OutputError(f"{result.backup_file} was written but not proven: {result.verification_status}")
        return result.files


def _keys(key: Key | None, *, proven: bool) -> tuple[Key | None, Opener]:
    """Return what encrypts, and what decrypts in this run to prove the backup."""
    if key is None or not proven:
        return key, Opener()
    if key.passphrase is not None:
        return key, Opener(passphrase=key.passphrase)
    recipient, opener = key_of_this_run()
    return Key((*key.recipients, recipient)), opener


def _dump(
    snapshot: PostgresSnapshot, program: Program, request: Backup, file: Draft, progress: Progress
) -> dict[str, Any]:
    """Write the dump to the file; return the manifest's fields about the entries."""
    arguments = [
        f"--format={request.format}",
        f"--snapshot={snapshot.share()}",
        f"--lock-wait-timeout={LOCK_TIMEOUT_S}s",
        f"--encoding={'SQL_ASCII' if snapshot.has_any_bytes else 'UTF8'}",
        *("--no-owner", "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions"),
        *(["--compress=0"] if request.compressed and request.format == "custom" else []),
    ]
    with Running(program, arguments, snapshot.login()) as running, progress(None, BYTES) as advance:

        def write() -> dict[str, Any]:
            _copy(_Dumped(running, advance), request, file)
            with ThreadPoolExecutor(1, "audit-ledger") as thread:
                synced = thread.submit(file.sync)  # the server counts while the disk is at work
                entries = tally(snapshot).fields()
                synced.result()
            return entries

        def stop() -> None:
            running.stop()
            snapshot.stop()

        return interruptible(write, stop)


def _copy(dumped: _Dumped, request: Backup, file: Draft) -> None:
    """Write a dump to the file, compressed and encrypted as requested."""
    reader = cast("BinaryIO", _Deflated(dumped) if request.compressed else dumped)
    if request.key is not None:
        encrypt(request.key, reader, cast("BinaryIO", file))
    else:
        shutil.copyfileobj(reader, file, CHUNK)


class _Dumped:
    """The output of a program; reading to its end raises an error if the program failed."""

    def __init__(self, running: Running, advance: Advance) -> None:
        self._running = running
        self._advance = advance

    def read(self, size: int = -1) -> bytes:
        data = self._running.output.read(size)
        self._advance(len(data))
        if size < 0 or len(data) < size:
            self._running.finish()
        return data


class _Deflated:
    """That output compressed with gzip, without name and time: the same dump gives the same bytes."""

    def __init__(self, dumped: _Dumped) -> None:
        self._dumped = dumped
        self._gzip = zlib.compressobj(6, wbits=31)  # with gzip's header and checksum (RFC 1952)
        self._ready = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            data = self._dumped.read(CHUNK)
            self._ended = len(data) < CHUNK
            self._ready += self._gzip.compress(data) + (self._gzip.flush() if self._ended else b"")
        size = len(self._ready) if size < 0 else size
        piece, self._ready = self._ready[:size], self._ready[size:]
        return piece
