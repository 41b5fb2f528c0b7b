"""The ledger that is attacked: one that was made, or a copy of the first entries of the user's own.

A copy begins with the first entry, so that its chain holds from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pytest_audit_ledger.artifacts.base import Verified
from pytest_audit_ledger.artifacts.checkpoint import CheckpointArtifact
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.drill.keys import Keys
from pytest_audit_ledger.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.judgement import CONSISTENCY
from pytest_audit_ledger.names import quoted
from pytest_audit_ledger.scan import no_progress
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.sample import sample_entries, sample_provenance
from pytest_audit_ledger.sources.scratch import ScratchServer
from pytest_audit_ledger.sources.scratch_ledger import ScratchLedger
from pytest_audit_ledger.suite import Check
from pytest_audit_ledger.verification import verify

EARLIER = 0.4
"""The share of the entries that the earlier of the two checkpoints is of; attacks work around the middle."""

_TRACK = "v3-evaluator"
"""What the runtime of schema v3 calls entries that it signs the transcripts of."""


@dataclass(frozen=True)
class Copy:
    """A ledger to attack: the DSN of its owner, its table, how many entries it has, and sentences about it."""

    dsn: str
    table: str
    entries: int
    about: tuple[str, ...]

    @property
    def source(self) -> PostgresSource:
        """The ledger, to be read."""
        return PostgresSource(self.dsn, self.table)

    @property
    def middle(self) -> int:
        """The entry that attacks work around."""
        return max(self.entries // 2, 1)


def made(dsn: str, entries: int, keys: Keys) -> Copy:
    """Make a ledger in an empty database: schema v3 with signed transcripts, so that every attack applies to it."""
    with ScratchLedger(dsn) as ledger:
        ledger.build(
            schema="3", entries=_signed_entries(entries), provenance=partial(sample_provenance, signer=keys.runtime)
        )
    about = f"A made-up ledger of {entries:,} entries was attacked, of schema v3 with signed transcripts."
    return Copy(dsn, quoted("public", "ledger_entries"), entries, (about,))


def _signed_entries(count: int) -> Iterator[Entry]:
    link = GENESIS_HASH
    for entry in sample_entries(count):
        linked = replace(entry, track=_TRACK, previous_hash=link)
        yield linked
        link = entry_hash(linked)


def write_checkpoints(copy: Copy, server: ScratchServer, checks: list[Check], key: SigningKey, folder: Path) -> None:
    """Write two checkpoints of the copy: one of its first entries, and one of all of them.

    `checks` are any that hold its entries together; what protects it may be as it is. Raises LedgerError where its
    entries do not hold together, so that nothing can be signed.
    """
    consistency = [check for check in checks if check.kind.name in CONSISTENCY]
    earlier = int(copy.entries * EARLIER)
    if earlier:
        with server.database(copy.dsn) as dsn:
            with ScratchLedger(dsn, copy.table) as ledger:
                ledger.delete(earlier + 1, ledger.bounds()[1])
            _sign(PostgresSource(dsn, copy.table), consistency, key, folder)
    _sign(copy.source, consistency, key, folder)


def _sign(source: PostgresSource, checks: list[Check], key: SigningKey, folder: Path) -> None:
    with source.snapshot() as snapshot:
        verification = verify(source, checks, shared=snapshot.share())
        CheckpointArtifact(folder, key).write(Verified(verification, source, snapshot, no_progress))
