"""Make checkpoints: signed notes of how many entries a ledger has, and of the Merkle root over them.

A checkpoint is made only of a ledger that passed verification, in the snapshot that was verified, and only if that is
consistent with every checkpoint in its folder.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_audit_ledger.anchor.results import CheckpointResult
from pytest_audit_ledger.checkpoints.comparison import compare
from pytest_audit_ledger.checkpoints.keys import signing_key as read_signing_key
from pytest_audit_ledger.checkpoints.keys import verifier_keys
from pytest_audit_ledger.checkpoints.merkle import CompactRange
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey, VerifierKey
from pytest_audit_ledger.checkpoints.pieces import Pieces
from pytest_audit_ledger.checkpoints.positions import refuse_without_positions
from pytest_audit_ledger.checkpoints.record import LARGEST_RECORD, CheckpointRecord, binding, json_file, note_file
from pytest_audit_ledger.checkpoints.store import Store, checkpoint_path, read_store
from pytest_audit_ledger.checkpoints.written_order import OWN_ORDER, UNCERTAIN
from pytest_audit_ledger.errors import CannotEvaluate, OutputError, UsageError
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import Written, create_folder, whole_files
from pytest_audit_ledger.kinds.checkpoint_guards import CheckpointGuards, guards
from pytest_audit_ledger.kinds.entry_tree import EntryTree
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.model.batch import plain_text
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import ORDER
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.source import Snapshot, Source
from pytest_audit_ledger.suite.check import Suite
from pytest_audit_ledger.suite.shipped import checks_of
from pytest_audit_ledger.verify.resumption import Since
from pytest_audit_ledger.verify.run import MakeScan, VerificationRequest, verify
from pytest_audit_ledger.verify.scan import scan


def create(
    source: Source,
    suites: Sequence[Suite],
    folder: AnyPath,
    signing_key: SigningKey | str | Path,
    trusted_keys: Sequence[str],
    progress: Progress,
    *,
    accept_guards: bool,
    since: Since | None,
    standby_tolerance_s: float,
) -> CheckpointResult:
    """Verify a ledger by these suites and the checkpoints in a folder, and sign a checkpoint of the same snapshot.

    `trusted_keys`: other keys that may have signed the checkpoints in the folder. `accept_guards`: do not compare the
    table's protections with the newest checkpoint. `since`: read only entries newer than that. `standby_tolerance_s`:
    how far a standby may be behind. If a check fails, nothing is signed. Raises UsageError, SourceError and
    OutputError.
    """
    key = signing_key if isinstance(signing_key, SigningKey) else read_signing_key(signing_key)
    if isinstance(source, ExportFile):
        raise UsageError("A checkpoint needs a database, not an export.", "Give the database's DSN.")
    refuse_without_positions(source.profile)
    trusted = (str(key.verifier()), *trusted_keys)
    artifact = CheckpointArtifact(folder, key, verifier_keys(trusted))
    checks = [check for check in checks_of(suites) if not (accept_guards and check.kind is CheckpointGuards)]
    with source.snapshot() as snapshot:
        request = VerificationRequest(
            checks=checks,
            # newer entries alone are few, and how many is not known before they are read
            extra_scans=() if since else (artifact.reader(snapshot),),
            suites=suites,
            run_parameters=run_parameters(checkpoints=[folder], verifier_keys=trusted),
            since=since,
            standby_tolerance_s=standby_tolerance_s,
        )
        read = verify(source, request, shared=snapshot.share(), progress=progress)
        verification = replace(read, extra_scans=())
        if not verification.is_valid:
            return CheckpointResult(verification=verification, path="", files=())
        files = artifact.write(ArtifactContext(read, source, snapshot, progress))
        if accept_guards and not files:
            artifact.refuse_unaccepted(snapshot, verification.size)
    return CheckpointResult(
        verification=verification, path=str(checkpoint_path(folder, verification.size)), files=tuple(files)
    )


class CheckpointArtifact(Artifact):
    """A checkpoint of the verified ledger, in a folder."""

    def __init__(self, folder: AnyPath, key: SigningKey, trusted: Sequence[VerifierKey] = ()) -> None:
        """Take the folder, the key to sign with, and other keys that may have signed the checkpoints in the folder."""
        self.folder = folder
        self._key = key
        self._keys = (key.verifier(), *trusted)

    def write(self, verified: ArtifactContext) -> list[Written]:
        """Write the checkpoint, unless it exists. Raises OutputError if the ledger or the folder does not allow one."""
        if not verified.verification.is_valid:
            raise OutputError(
                f"No checkpoint was written: the ledger is {verified.verification.assurance.value}, or a check failed.",
                "Resolve the findings, and verify again.",
            )
        store = self._store()
        size = verified.verification.size
        start = self._start(verified, store)
        if start is not None and start.entries.end == size:
            return []
        after = start.entries.end if start else 0
        sizes = _sizes(store, after)
        tree = _read_along(verified, size, sizes) or _read(verified, size, sizes, start)
        _refuse_uncertain_positions(verified, tree)
        self._refuse_inconsistent(store, tree, after)
        path = checkpoint_path(self.folder, size)
        return [] if path.exists() else self._written(path, _record(verified, tree, self._key.name, size))

    def reader(self, snapshot: Snapshot) -> MakeScan:
        """Return what makes the trees of every entry while a verification reads them, so that `write` need not."""
        streams = snapshot.info.profile.streams
        size = snapshot.count() if streams else (snapshot.bounds() or (0, 0))[1]
        sizes = _sizes(read_store([self.folder], self._keys, newest_record=True))
        return lambda _, info, __: _tree(info, size or 0, sizes)

    def refuse_unaccepted(self, snapshot: Snapshot, size: int) -> None:
        """Raise OutputError if the newest record has other protections than the table: no record is ever replaced."""
        record = next((one.record for one in self._store().trusted if one.size == size), None)
        with snapshot.catalog() as catalog:
            if record is not None and record.guards != guards(catalog):
                raise OutputError(
                    f"The protections were not accepted: there already is a checkpoint of {size:,} entries, and it is "
                    "never overwritten.",
                    "Run this again when the ledger has another entry.",
                )

    def _start(self, verified: ArtifactContext, store: Store) -> CheckpointRecord | None:
        """Return the record of the checkpoint after which the verification resumed, to continue from it.

        Return None, so that every entry is read, if the verification read every entry, if that checkpoint is not in
        this folder (so it was never compared with those that are), or if the columns have changed.
        """
        info = verified.verification.info
        if info is None or info.resumed is None:
            return None
        path = path_of(info.resumed.checkpoint).resolve()
        record = next((one.record for one in store.trusted if path_of(one.path).resolve() == path), None)
        return record if record and record.columns.keys() == verified.snapshot.info.columns.keys() else None

    def _store(self) -> Store:
        store = read_store([self.folder], self._keys, newest_record=True)
        if store.rejected:
            one = store.rejected[0]
            raise OutputError(
                f"No checkpoint was written: {one.path} is not trusted, because {one.reason}.",
                "Give the key that signed it with --ledger-verifier-key, or move the file away.",
            )
        others = [origin for origin in store.origins if origin != self._key.name]
        if others:
            raise OutputError(
                f"No checkpoint was written: {self.folder} has checkpoints of {', '.join(others)}.",
                "Use one folder for each ledger.",
            )
        return store

    def _refuse_inconsistent(self, store: Store, tree: EntryTree, after: int) -> None:
        has_streams = bool(tree.ledger.profile.streams)
        findings = compare(store.trusted, tree.prefixes, tree.last, after=after, has_streams=has_streams).findings
        if findings:
            trusted = ("--checkpoint", str(self.folder), "--verifier-key", str(self._keys[0]))
            raise OutputError(
                f"No checkpoint was written: the ledger does not match those in {self.folder}: {findings[0].message}.",
                f"To see all findings, run `audit-ledger verify {shlex.join(trusted)}`.",
            )

    def _written(self, path: AnyPath, record: CheckpointRecord) -> list[Written]:
        """Write the record first, so that a checkpoint never exists without it."""
        data = record.data()
        if len(data) > LARGEST_RECORD:
            raise OutputError(
                f"No checkpoint was written: its record would have {len(data):,} bytes, because the ledger has "
                f"{len(record.streams):,} streams; the limit is {LARGEST_RECORD:,}.",
                "Keep exports or backups where the database's administrators cannot write.",
            )
        contents = {
            json_file(path): data,
            note_file(path): self._key.sign(binding(record.checkpoint, data)),
            path: self._key.sign(record.checkpoint.text()),
        }
        create_folder(self.folder)
        with whole_files(*contents, overwrite=False) as drafts:
            for draft, content in zip(drafts, contents.values(), strict=True):
                draft.write(content)
        return [draft.written(str(file)) for draft, file in zip(drafts, contents, strict=True)][::-1]


def _sizes(store: Store, after: int = 0) -> Sequence[int]:
    """Return how many entries the checkpoints cover that the new one must be consistent with."""
    return [one.size for one in store.trusted if one.size >= after]


def _tree(info: LedgerInfo, size: int, sizes: Sequence[int], start: CheckpointRecord | None = None) -> EntryTree:
    """Return what makes the trees and pieces over all columns of so many entries."""
    columns = tuple(info.columns)
    tree = EntryTree({}, info, samples=1)
    tree.ask_for([size - 1, size, *sizes], {columns: [size]}, start)
    tree.prefixes.pieces = start.pieces.copy() if start else Pieces()
    tree.rows[columns].pieces = start.row_pieces.copy() if start else Pieces()
    return tree


def _read_along(verified: ArtifactContext, size: int, sizes: Sequence[int]) -> EntryTree | None:
    """Return the trees if they were made while the verification read, by one process; pieces do not merge.

    Others may have signed checkpoints meanwhile, which need trees that nobody asked for then.
    """
    made = (one for one in verified.verification.extra_scans if type(one) is EntryTree and one.segment is None)
    fitting = (tree for tree in made if tree.prefixes.covers(sizes))
    return next((tree for tree in fitting if tree.prefixes.tree(size) is not None), None)


def _read(verified: ArtifactContext, size: int, sizes: Sequence[int], start: CheckpointRecord | None) -> EntryTree:
    """Read all columns of the snapshot's entries again, and return their trees and pieces."""
    tree = _tree(verified.snapshot.info, size, sizes, start)
    resumed = verified.verification.info.resumed if start and verified.verification.info else None
    scan(verified.source, verified.snapshot, [tree], 1, verified.progress, resumed)  # one worker: into this very object
    if tree.failure is not None or tree.prefixes.tree(size) is None:
        raise tree.failure or CannotEvaluate("The entries could not be read a second time.", "Try again.")
    return tree


def _refuse_uncertain_positions(verified: ArtifactContext, tree: EntryTree) -> None:
    """Raise OutputError if entries of a ledger with streams have no certain position, or may still get another one."""
    profile = tree.ledger.profile
    if not profile.streams:
        return
    uncertain = [finding for finding in tree.findings.samples if finding.code in UNCERTAIN]
    if uncertain:
        raise OutputError(
            f"No checkpoint was written: at {uncertain[0].where}, {uncertain[0].message} ({profile.column(ORDER)}).",
            OWN_ORDER,
        )
    late = verified.snapshot.late(tree.order.last or 0, tree.count)
    if late:
        advice = "Run again, on the primary; nothing is wrong with the ledger."
        raise OutputError(f"No checkpoint was written: {late}.", advice)


def _record(verified: ArtifactContext, tree: EntryTree, origin: str, size: int) -> CheckpointRecord:
    info = verified.snapshot.info
    of_rows = tree.rows[tuple(info.columns)]
    trees = tree.prefixes.tree(size), tree.prefixes.tree(size - 1), of_rows.tree(size)
    entries, before, rows = (one or CompactRange() for one in trees)  # none is None: _read made sure
    with verified.snapshot.catalog() as catalog:
        found = guards(catalog)
    return CheckpointRecord(
        checkpoint=Checkpoint(origin, size, entries.root()),
        created_at=info.server_time,
        tool_version=verified.verification.tool_version,
        database=info.database,
        table=info.table,
        server_version=info.server_version,
        columns=dict(sorted(info.types.items())),
        entries=entries,
        rows=rows,
        pieces=tree.prefixes.pieces or Pieces(),
        row_pieces=of_rows.pieces or Pieces(),
        last_entry=plain_text(tree.head) or "",
        proof=tuple(before.hashes()[::-1]),
        guards=found,
        profile=info.profile.name,
        profile_digest=info.profile.digest,
        order_column=info.profile.column(ORDER) if info.profile.streams else "",
        order=tree.order.last,
        streams=tree.order.heads,
    )
