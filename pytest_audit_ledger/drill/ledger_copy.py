"""The ledger to attack: a made-up one, or a copy of the first entries of the user's; and the keys that sign it.

A copy begins with the first entry, so that its chain is valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_audit_ledger.anchor.creation import CheckpointArtifact
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.positions import refuse_without_positions
from pytest_audit_ledger.drill.attacks.attack import listed
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.kinds.checkpoint_guards import IDENTITY, guards
from pytest_audit_ledger.kinds.transcript_signature import RUNTIME_TRACK
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family
from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.model.progress import no_progress
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.model.sql_names import quoted
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.scratch.clone_table import copy_beside, copy_with_guards, copy_without_guards
from pytest_audit_ledger.scratch.sample import Signer, sample_entries, sample_provenance
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.server import ScratchServer
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSnapshot, PostgresSource
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.verify.run import VerificationRequest, verify

EARLIER = 0.4
"""The share of the entries that the earlier of the two checkpoints covers; attacks are made around the middle."""

OTHER_TRACK = 10
"""One in so many entries of a made-up ledger has another track than the runtime's."""

MOST_NAMED = 10
"""Protections that are named if they could not be copied."""

MOST_ROWS = 1_000_000
"""Rows of another table, from which the server builds payloads, that are copied."""

ORIGIN = "drill.invalid/copy"
"""The name of the copy on its checkpoints: no ledger can have it (RFC 2606)."""


@dataclass(frozen=True)
class ThrowawayKeys:
    """The runtime that signs transcripts, its public key as PEM text, and the key that signs checkpoints."""

    runtime: Signer
    pem: str
    checkpoints: SigningKey

    @classmethod
    def generate(cls) -> ThrowawayKeys:
        """Return new keys."""
        runtime = Ed25519PrivateKey.generate()
        public = runtime.public_key()
        key_id = f"sha256:{sha256(public.public_bytes_raw()).hexdigest()}"
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return cls(Signer(key_id, runtime.sign), pem, SigningKey.generate(ORIGIN))


@dataclass(frozen=True)
class Copy:
    """A ledger to attack: the DSN of its owner, its table, the number of its entries, and sentences about it.

    `advice` says how to get a better copy.
    """

    dsn: Dsn
    table: str
    entries: int
    about: tuple[str, ...]
    advice: str = ""
    profile: Profile = SKI

    @property
    def source(self) -> PostgresSource:
        """The ledger as a source to read."""
        return PostgresSource(self.dsn, self.table, profile=self.profile)

    @cached_property
    def middle(self) -> int:
        """The entry to attack; if there are several streams, it is in the longest one. Raises SourceError."""
        with ScratchLedger(self.dsn, self.table, self.profile) as ledger:
            return ledger.middle()


def made_up(dsn: Dsn, entries: int, keys: ThrowawayKeys) -> Copy:
    """Make up a ledger in an empty database: schema v3 with signed transcripts, so that every attack applies to it."""
    with ScratchLedger(dsn) as ledger:
        ledger.build(
            schema="3", entries=_signed_entries(entries), provenance=partial(sample_provenance, signer=keys.runtime)
        )
    about = f"A made-up ledger of {entries:,} entries (schema v3, signed transcripts) was attacked."
    return Copy(dsn, quoted("public", "ledger_entries"), entries, (about,))


def _signed_entries(count: int) -> Iterator[Entry]:
    link = GENESIS_HASH
    for entry in sample_entries(count):
        by_runtime = entry.sequence_number % OTHER_TRACK
        linked = replace(entry, track=RUNTIME_TRACK if by_runtime else entry.track, previous_hash=link)
        yield linked
        link = entry_hash(linked)


def copied(snapshot: Snapshot, dsn: Dsn, spare: Dsn, entries: int, timeout: int = DEFAULT_TIMEOUT_S) -> Copy:
    """Copy the first entries of a ledger, and its protections if possible, into the empty database `dsn`.

    If its protections cannot be copied, its entries are copied into a table of our own in the empty database `spare`.
    `timeout`: seconds that the dump, and each part of its restoring, may take.
    Raises SourceError if the ledger cannot be read, or if that of another profile than ski cannot be copied with its
    protections and the tables from which the server builds its payloads, UsageError if an export has no table.
    """
    info = snapshot.info
    if info.export is not None and not info.profile.schemas:
        raise UsageError(
            f"A drill cannot make a table of the profile {info.profile.name} from an export.", "Name the database."
        )
    if isinstance(snapshot, PostgresSnapshot):
        source = PostgresSource(dsn, quoted(*snapshot.name), timeout, profile=info.profile)
        try:
            count = copy_with_guards(snapshot, source, entries)
            beside = snapshot.payload_tables()
            copy_beside(snapshot, source, beside, MOST_ROWS)
            with source.snapshot() as copy:
                guarded = _guarded(snapshot, copy)
            about = (_slice(info, count, entries), guarded, *_beside(beside))
            return Copy(dsn, quoted(*snapshot.name), count, about, profile=info.profile)
        except SourceError as error:
            if not info.profile.schemas:
                raise
            why, advice = f"The table's protections could not be copied: {error.message}", error.remedy
    else:
        why, advice = "An export has no protections.", ""
    table = quoted("public", "ledger_entries")
    with ScratchLedger(spare) as ledger:
        ledger.build(0, schema=info.schema_version)
    count = copy_without_guards(snapshot, PostgresSource(spare, table), entries)
    ours = f"{why} The copy has the constraints, indexes and triggers of sql/ instead."
    lost = sorted(info.columns.keys() - {*V2_COLUMNS, *V3_COLUMNS})
    rest = f" Columns not copied: {', '.join(lost)}." if lost else ""
    return Copy(spare, table, count, (_slice(info, count, entries), f"{ours}{rest}"), advice)


def _beside(names: Sequence[tuple[str, str]]) -> Iterator[str]:
    if names:
        named = listed([quoted(*name) for name in names])
        yield f"The server builds payloads from {named} as well; these were copied without their foreign keys."


def _slice(info: LedgerInfo, count: int, entries: int) -> str:
    which = f"the first {count:,} entries" if count >= entries else f"all {count:,} entries"
    table = f", table {info.table}," if info.table else ""
    return f"A copy of {which} of {info.database}{table} was attacked. The ledger itself was only read."


def _guarded(original: PostgresSnapshot, copy: PostgresSnapshot) -> str:
    """Return in two sentences which protections the copy has, by comparing them."""
    with original.catalog() as one, copy.catalog() as other:
        wanted, got = guards(one), guards(other)
    lost = [name for name, definition in wanted.items() if not _is_there(name, definition, got)]
    more = len(lost) - MOST_NAMED
    named = listed(["owner", "grants", *lost[:MOST_NAMED], *([f"{more:,} more"] if more > 0 else [])])
    return f"The copy has the ledger's columns, constraints, indexes, triggers and functions. Not copied: {named}."


def _is_there(name: str, definition: str, got: Mapping[str, str]) -> bool:
    """Whether a protection was copied. Owners and grants never are, and some definitions name the owner.

    The table's identity is always another one. Its switches differ if it once had a column, a rule or an index that was
    dropped; what they summarise is compared by itself.
    """
    if name in ("owner", IDENTITY, "switches") or name.startswith("grant on "):
        return True
    if name.startswith("partition "):
        return name in got and _without_owner(got[name]) == _without_owner(definition)
    return name in got and (name.startswith("function ") or got[name] == definition)


def _without_owner(partition: str) -> tuple[str, str]:
    """Return kind and persistence of a partition, and its bound, from its definition in sql/guards.sql."""
    kind, _, rest = partition.partition(", owner ")
    return kind, rest.partition(", triggers ")[2][len("t, ") :]


def write_checkpoints(copy: Copy, server: ScratchServer, checks: list[Check], key: SigningKey, folder: Path) -> None:
    """Write two checkpoints of the copy: one of its first entries, and one of all of them.

    Of `checks`, only those of consistency have to pass, not those of the table's protections. Raises LedgerError if
    one does not, because then nothing can be signed.
    """
    refuse_without_positions(copy.profile)
    consistency = [check for check in checks if check.kind.family is Family.CHAIN]
    earlier = int(copy.entries * EARLIER)
    if earlier:
        with server.database(copy.dsn) as dsn:
            with ScratchLedger(dsn, copy.table, copy.profile) as ledger:
                ledger.keep_first(earlier)
            _sign(PostgresSource(dsn, copy.table, profile=copy.profile), consistency, key, folder)
    _sign(copy.source, consistency, key, folder)


def _sign(source: PostgresSource, checks: list[Check], key: SigningKey, folder: Path) -> None:
    with source.snapshot() as snapshot:
        verification = verify(source, VerificationRequest(checks=checks), shared=snapshot.share())
        CheckpointArtifact(folder, key).write(ArtifactContext(verification, source, snapshot, no_progress))
