"""Checkpoints as an artifact: a signed note of how many entries there are, and of the Merkle root over them.

One is only made of a ledger that was verified without a failure, in the very snapshot that was verified, and only if it
is consistent with every checkpoint that lies in its folder already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_audit_ledger.artifacts.base import Artifact, Verified
from pytest_audit_ledger.artifacts.files import Written, whole_files
from pytest_audit_ledger.checkpoints.comparison import compare
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.store import Store, checkpoint_path, read_store
from pytest_audit_ledger.errors import CannotEvaluate, OutputError, UsageError
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.kinds.entry_tree import EntryTree
from pytest_audit_ledger.scan import scan

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


class CheckpointArtifact(Artifact):
    """A checkpoint of the ledger as it was verified, in a folder."""

    def __init__(self, folder: Path, key: SigningKey, trusted: Sequence[VerifierKey] = ()) -> None:
        """Take the folder, the key that signs, and those that may have signed what lies there besides."""
        self.folder = folder
        self._key = key
        self._keys = (key.verifier(), *trusted)

    def write(self, verified: Verified) -> list[Written]:
        """Write it, unless it is there. Raises OutputError where the ledger, or the folder, does not allow it."""
        if not verified.verification.is_valid:
            raise OutputError(
                f"No checkpoint was written, because the ledger is {verified.verification.assurance.value} or a check "
                "failed.",
                "Resolve what the checks found, and verify again.",
            )
        store = self._store()
        size = verified.verification.total_entries
        fold = EntryTree({}, verified.snapshot.info, 1)
        fold.ask_for([size, *(one.size for one in store.trusted)])
        scan(verified.source, verified.snapshot, [fold], 1, verified.progress)
        root = fold.prefixes.root(size)
        if fold.failure is not None or root is None:
            raise fold.failure or CannotEvaluate("The entries could not be read a second time.", "Try again.")
        self._refuse_inconsistent(store, fold)
        path = checkpoint_path(self.folder, size)
        return [] if path.exists() else self._written(path, Checkpoint(self._key.name, size, root))

    def _store(self) -> Store:
        store = read_store([self.folder], self._keys)
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

    def _refuse_inconsistent(self, store: Store, fold: EntryTree) -> None:
        findings = compare(store.trusted, fold.prefixes, fold.last).findings
        if findings:
            raise OutputError(
                f"No checkpoint was written, because the ledger is not the one that was signed: {findings[0].message}.",
                f"Verify it with --ledger-checkpoint {self.folder}.",
            )

    def _written(self, path: Path, checkpoint: Checkpoint) -> list[Written]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be made: {error.strerror}.", "Name another folder.") from None
        with whole_files(path, overwrite=False) as (draft,):
            draft.write(self._key.sign(checkpoint.text()))
        return [draft.written(str(path))]


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
