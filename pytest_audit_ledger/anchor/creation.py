"""Checkpoints as an artifact: a signed note of how many entries there are, and of the Merkle root over them.

One is only made of a ledger that was verified without a failure, in the very snapshot that was verified, and only if it
is consistent with every checkpoint that lies in its folder already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_audit_ledger.checkpoints.comparison import compare
from pytest_audit_ledger.checkpoints.keys import signing_key as read_signing_key
from pytest_audit_ledger.checkpoints.keys import verifier_keys
from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.checkpoints.record import CheckpointRecord, binding, json_file, note_file
from pytest_audit_ledger.checkpoints.store import Store, checkpoint_path, read_store
from pytest_audit_ledger.errors import CannotEvaluate, OutputError, UsageError
from pytest_audit_ledger.files.writing import Written, whole_files
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards, guards
from pytest_audit_ledger.kinds.entry_tree import EntryTree
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.shipped import checks_of
from pytest_audit_ledger.verify.resumption import Since
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.scan import scan
from pytest_audit_ledger.verify.verification import Verification

SIGNING_KEY_MODE = 0o600


@dataclass(frozen=True)
class CheckpointResult:
    """What came of making a checkpoint.

    `path` is where the checkpoint of the ledger's size lies, empty where the verification forbade it; `files` are those
    that were written, none where it lay there before.
    """

    verification: Verification
    path: str
    files: tuple[Written, ...]


def create(
    source: Source,
    suites: Sequence[Suite],
    folder: Path,
    signing_key: SigningKey | str | Path,
    trusted_keys: Sequence[str],
    progress: Progress,
    *,
    accept_guards: bool,
    since: Since | None,
) -> CheckpointResult:
    """Verify a ledger by these suites and the checkpoints of a folder, and sign one more of that very snapshot.

    `trusted_keys` may have signed what lies there, besides this one. `accept_guards`: do not compare what protects the
    ledger with what the newest checkpoint says of it. `since`: read what is newer than the newest one. Where a check
    fails, nothing is signed. Raises UsageError, SourceError and OutputError.
    """
    key = signing_key if isinstance(signing_key, SigningKey) else read_signing_key(signing_key)
    if isinstance(source, ExportFile):
        raise UsageError("A checkpoint is made of a database.", "Name the DSN of the ledger's database.")
    trusted = (str(key.verifier()), *trusted_keys)
    artifact = CheckpointArtifact(folder, key, verifier_keys(trusted))
    checks = [check for check in checks_of(suites) if not (accept_guards and check.kind is CheckpointGuards)]
    with source.snapshot() as snapshot:
        request = VerificationRequest(
            checks=checks,
            suites=suites,
            run_parameters=run_parameters(checkpoints=[folder], verifier_keys=trusted),
            since=since,
        )
        verification = verify(source, request, shared=snapshot.share(), progress=progress)
        if not verification.is_valid:
            return CheckpointResult(verification, "", ())
        files = artifact.write(ArtifactContext(verification, source, snapshot, progress))
    return CheckpointResult(verification, str(checkpoint_path(folder, verification.size)), tuple(files))


class CheckpointArtifact(Artifact):
    """A checkpoint of the ledger as it was verified, in a folder."""

    def __init__(self, folder: Path, key: SigningKey, trusted: Sequence[VerifierKey] = ()) -> None:
        """Take the folder, the key that signs, and those that may have signed what lies there besides."""
        self.folder = folder
        self._key = key
        self._keys = (key.verifier(), *trusted)

    def write(self, verified: ArtifactContext) -> list[Written]:
        """Write it, unless it is there. Raises OutputError where the ledger, or the folder, does not allow it."""
        if not verified.verification.is_valid:
            raise OutputError(
                f"No checkpoint was written, because the ledger is {verified.verification.assurance.value} or a check "
                "failed.",
                "Resolve what the checks found, and verify again.",
            )
        store = self._store()
        size = verified.verification.size
        start = self._start(verified, store)
        if start is not None and start.entries.end == size:
            return []
        after = start.entries.end if start else 0
        fold = self._read(verified, size, [one.size for one in store.trusted if one.size >= after], start)
        self._refuse_inconsistent(store, fold, after)
        path = checkpoint_path(self.folder, size)
        return [] if path.exists() else self._written(path, _recorded(verified, fold, self._key.name, size))

    def _start(self, verified: ArtifactContext, store: Store) -> CheckpointRecord | None:
        """Return the record to continue from: that of the checkpoint after which the verification resumed.

        None, so that every entry is read, where it read every entry, where that checkpoint does not lie in this folder
        and so was never compared with those that do, or where the columns have changed.
        """
        info = verified.verification.info
        if info is None or info.resumed is None:
            return None
        path = Path(info.resumed.checkpoint).resolve()
        record = next((one.record for one in store.trusted if Path(one.path).resolve() == path), None)
        return record if record and record.columns.keys() == verified.snapshot.info.columns.keys() else None

    def _read(
        self, verified: ArtifactContext, size: int, sizes: Sequence[int], start: CheckpointRecord | None
    ) -> EntryTree:
        """Read the entries of the snapshot once more, all columns, and return their trees and pieces."""
        columns = tuple(verified.snapshot.info.columns)
        fold = EntryTree({}, verified.snapshot.info, samples=0)
        fold.ask_for([size - 1, size, *sizes], {columns: [size]}, start)
        fold.prefixes.pieces = start.pieces.copy() if start else Pieces()
        fold.rows[columns].pieces = start.row_pieces.copy() if start else Pieces()
        after = start.entries.end if start else None
        scan(verified.source, verified.snapshot, [fold], 1, verified.progress, after)  # in this process, into this fold
        if fold.failure is not None or fold.prefixes.tree(size) is None:
            raise fold.failure or CannotEvaluate("The entries could not be read a second time.", "Try again.")
        return fold

    def _store(self) -> Store:
        store = read_store([self.folder], self._keys, newest_record=True)
        if store.rejected:
            one = store.rejected[0]
            raise OutputError(
                f"No checkpoint was written, because {one.path} is not trusted: {one.reason}.",
                "Name the key that signed it with --verifier-key, or put the file elsewhere and look into it.",
            )
        others = [origin for origin in store.origins if origin != self._key.name]
        if others:
            raise OutputError(
                f"No checkpoint was written, because {self.folder} has checkpoints of {', '.join(others)}.",
                "Keep those of each ledger in a folder of its own.",
            )
        return store

    def _refuse_inconsistent(self, store: Store, fold: EntryTree, after: int) -> None:
        findings = compare(store.trusted, fold.prefixes, fold.last, after=after).findings
        if findings:
            raise OutputError(
                f"No checkpoint was written, because the ledger is not the one that was signed: {findings[0].message}.",
                f"Hold it against {self.folder} with --ledger-checkpoint, to see all that was found.",
            )

    def _written(self, path: Path, record: CheckpointRecord) -> list[Written]:
        """Write the record first, so that a checkpoint never lies there without it."""
        data = record.data()
        contents = {
            json_file(path): data,
            note_file(path): self._key.sign(binding(record.checkpoint, data)),
            path: self._key.sign(record.checkpoint.text()),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be made: {error.strerror}.", "Name another folder.") from None
        with whole_files(*contents, overwrite=False) as drafts:
            for draft, content in zip(drafts, contents.values(), strict=True):
                draft.write(content)
        return [draft.written(str(file)) for draft, file in zip(drafts, contents, strict=True)][::-1]


def _recorded(verified: ArtifactContext, fold: EntryTree, origin: str, size: int) -> CheckpointRecord:
    info, survey = verified.snapshot.info, verified.verification.survey
    of_rows = fold.rows[tuple(info.columns)]
    trees = fold.prefixes.tree(size), fold.prefixes.tree(size - 1), of_rows.tree(size)
    entries, before, rows = (tree or CompactRange() for tree in trees)  # they are there: the last one was looked for
    with verified.snapshot.catalog() as catalog:
        found = guards(catalog)
    return CheckpointRecord(
        checkpoint=Checkpoint(origin, size, entries.root()),
        created_at=info.server_time,
        tool_version=verified.verification.tool_version,
        database=info.database,
        table=info.table,
        server_version=info.server_version,
        columns={name: column.type for name, column in sorted(info.columns.items())},
        entries=entries,
        rows=rows,
        pieces=fold.prefixes.pieces or Pieces(),
        row_pieces=of_rows.pieces or Pieces(),
        last_entry=survey.head_hash if survey else "",
        proof=tuple(before.hashes()[::-1]),
        guards=found,
    )


def write_signing_key(path: Path, name: str) -> VerifierKey:
    """Make a key of this name, write it to a new file that only its owner can read, and return what verifies it.

    Raises UsageError where the name cannot be one, OutputError where the file cannot be written or is there already.
    """
    try:
        key = SigningKey.generate(name)
    except ValueError as error:
        raise UsageError(
            f"{name!r} cannot be the name of a ledger: {error}.", "Write something such as bank.example/ledger."
        ) from None
    with whole_files(path, mode=SIGNING_KEY_MODE, overwrite=False) as (draft,):
        draft.write(f"{key.text()}\n".encode())
    return key.verifier()
