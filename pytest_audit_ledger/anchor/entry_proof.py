"""Prove that one entry is among those of a checkpoint, and check such proofs without the rest of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_audit_ledger.anchor.results import EntryProof
from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, Checkpoint, VerifierKey
from pytest_audit_ledger.checkpoints.positions import refuse_without_positions
from pytest_audit_ledger.checkpoints.proof import LARGEST_PROOF, InclusionPath, TlogProof
from pytest_audit_ledger.checkpoints.store import Trusted, open_checkpoint, read_store
from pytest_audit_ledger.errors import OutputError, SourceError, UsageError
from pytest_audit_ledger.files.reading import read_bytes
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.kinds.entry_tree import entry_leaves
from pytest_audit_ledger.model.batch import Batch, shown
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import HASH, SEQUENCE, STREAM, Profile
from pytest_audit_ledger.model.profile_coverage import all_hashed_columns
from pytest_audit_ledger.model.progress import Progress
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.source import Snapshot, Source


def prove(
    source: Source,
    number: int,
    folders: Sequence[str | AnyPath],
    keys: Sequence[VerifierKey],
    path: AnyPath,
    progress: Progress,
    stream: str | None = None,
) -> EntryProof:
    """Write the proof of an entry, by its sequence number, under the newest trusted checkpoint, to `path`.

    `stream`: the stream of the entry, needed if several streams have that number.
    Raises UsageError if no trusted checkpoint covers the entry, SourceError if the ledger cannot be read, OutputError
    if the file cannot be written.
    """
    if isinstance(source, ExportFile):
        raise UsageError("Proving an entry needs a database, not an export.", "Give the DSN of the ledger's database.")
    refuse_without_positions(source.profile)
    store = read_store(folders, keys)
    if not store.trusted:
        reason = (
            f": {store.rejected[0].path} is not trusted, because {store.rejected[0].reason}" if store.rejected else ""
        )
        remedy = "Give the folder of the checkpoints (--checkpoint) and the key that signed them (--verifier-key)."
        raise UsageError(f"There is no trusted checkpoint to prove the entry with{reason}.", remedy)
    newest = store.trusted[-1]
    has_streams = bool(source.profile.streams)
    if not has_streams and not 1 <= number <= newest.size:
        raise UsageError(
            f"The newest checkpoint covers entries 1 to {newest.size:,}, not entry {number:,}.",
            "Choose another entry, or make a new checkpoint first.",
        )
    with source.snapshot() as snapshot:
        position = _position(snapshot, number, stream, newest.size) if has_streams else number
        inclusion = _read(snapshot, position, newest.size, progress)
    proof = TlogProof(position - 1, inclusion.hashes(), _note(newest))
    if proof.root(inclusion.leaf, newest.size) != newest.checkpoint.root:
        return EntryProof(checkpoint=newest, file=None)
    with whole_files(path) as (draft,):
        draft.write(proof.data())
    return EntryProof(checkpoint=newest, file=draft.written(str(path)))


def _position(snapshot: Snapshot, number: int, stream: str | None, size: int) -> int:
    """Return the position of an entry of a ledger with streams. Raises UsageError unless exactly one is meant."""
    found: dict[str, int] = {}
    count = 0

    def look(batch: Batch) -> None:
        nonlocal count
        for index, (one, text) in enumerate(zip(batch.sequence_numbers, batch.text(STREAM), strict=True), count + 1):
            if one == number and stream in (None, shown(text)) and index <= size:
                found[shown(text)] = index
        count += len(batch)

    snapshot.scan([SEQUENCE, STREAM], Segment(in_order=True), look)
    if len(found) == 1:
        return next(iter(found.values()))
    of = "" if stream is None else f" of stream {stream!r}"
    if found:
        names = ", ".join(map(repr, list(found)[:MOST_NAMED]))
        raise UsageError(
            f"{len(found):,} streams have an entry {number:,}, such as {names}.", "Name one with --stream."
        )
    raise UsageError(
        f"The newest checkpoint covers {size:,} entries, and no entry {number:,}{of} is among them.",
        "Choose another entry, or make a new checkpoint first.",
    )


def _read(snapshot: Snapshot, position: int, size: int, progress: Progress) -> InclusionPath:
    """Read the entries that the checkpoint covers; if their positions are not 1, 2, 3 …, the proof will not match."""
    hasher = snapshot.info.hasher
    columns = list(dict.fromkeys([SEQUENCE, *hasher.columns]))
    reason = next(filter(None, map(snapshot.unreadable, columns)), None)
    if reason is not None:
        raise SourceError(f"The ledger cannot be read: {reason}.", "Verify it first.")
    inclusion = InclusionPath(position - 1, size)
    segment = Segment(in_order=True) if snapshot.info.profile.streams else Segment(1, size + 1)
    count = 0
    with progress(size) as advance:

        def consume(batch: Batch) -> None:
            nonlocal count
            inclusion.feed(count, entry_leaves(hasher, batch))
            count += len(batch)
            advance(len(batch))

        snapshot.scan(columns, segment, consume)
    return inclusion


def _note(newest: Trusted) -> bytes:
    try:
        return read_bytes(path_of(newest.path), LARGEST_NOTE)
    except OSError as error:
        raise OutputError(f"{newest.path} cannot be read: {error.strerror}.", "Try again.") from error


MOST_NAMED = 5
"""Streams that a message names."""


@dataclass(frozen=True)
class Proven:
    """An entry that is among those of a checkpoint; the proof does not cover the columns in `uncovered`.

    `position` is its number if the ledger has one chain, otherwise its place in the order of writing.
    """

    number: int
    stream: str
    position: int
    entry_hash: str
    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]
    uncovered: tuple[str, ...]


def check_proof(
    proof_file: AnyPath, entry_file: Path, keys: Sequence[VerifierKey], profile: Profile = SKI
) -> Proven | str:
    """Return what a proof proves about the one entry in an export file, or why it proves nothing.

    `profile`: that of the ledger. Raises UsageError if a file cannot be read, or the export is not one entry with all
    hashed columns.
    """
    refuse_without_positions(profile)
    entry, info = _entry(entry_file, profile)
    hasher = info.hasher
    try:
        proof = TlogProof.parse(read_bytes(proof_file, LARGEST_PROOF))
        checkpoint, signers = open_checkpoint(proof.note, keys)
        root = proof.root(entry_leaves(hasher, entry)[0], checkpoint.size)
    except OSError as error:
        raise UsageError(
            f"{proof_file} cannot be read: {error.strerror}.", "Check its name and permissions."
        ) from error
    except ValueError as error:
        return f"{proof_file} is not a trusted proof: {error}"
    (number,), (digest,) = entry.sequence_numbers, hasher.hashes(entry)
    column = profile.column(HASH)
    stored = entry.text(HASH)[0] if column in info.columns else None
    position = proof.index + 1
    if number is None or (not profile.streams and number != position):
        return f"{proof_file} proves entry {position:,}, but {entry_file} has entry {number}"
    if root != checkpoint.root:
        return f"the entry in {entry_file} is not the one that was signed, or {proof_file} was changed"
    if stored not in (None, digest):
        return f"the {column} in {entry_file} does not match the entry"
    covered = {column, *all_hashed_columns(profile)}
    uncovered = tuple(name for name in info.columns if name not in covered)
    stream = shown(entry.text(STREAM)[0]) if profile.streams else ""
    return Proven(number, stream, position, shown(digest or ""), checkpoint, signers, uncovered)


def _entry(path: Path, profile: Profile) -> tuple[Batch, LedgerInfo]:
    """Return the one entry in a file, and what is known of it."""
    batches: list[Batch] = []
    try:
        with ExportFile(path, profile).snapshot() as snapshot:
            info = snapshot.info
            if info.hasher.needs_neighbour:
                raise UsageError(
                    f"One entry alone cannot be checked with the profile {profile.name}: each hash is made with the "
                    "one before it, which no column holds.",
                    "Verify the whole ledger instead, with --checkpoint.",
                )
            streams = [STREAM] if profile.streams else []
            names = dict.fromkeys((SEQUENCE, *streams, *info.hasher.columns))
            lacking = [name.removeprefix(".") for name in names if snapshot.unreadable(name) is not None]
            if not lacking:
                stored = [HASH] if profile.column(HASH) in info.columns else []
                snapshot.scan([*names, *stored], Segment(), batches.append)
    except SourceError as error:
        raise UsageError(error.message, "Give an export of this one entry, with all columns.") from error
    if lacking or sum(map(len, batches)) != 1:
        what = (
            f"lacks the columns {', '.join(lacking)}"
            if lacking and info.columns
            else "does not contain exactly one entry"
        )
        raise UsageError(f"{path} {what}.", "Give an export of this one entry, with all columns.")
    return batches[0], info
