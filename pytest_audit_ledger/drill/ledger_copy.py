"""The ledger that is attacked: one that was made, or a copy of the first entries of the user's own.

A copy begins with the first entry, so that its chain holds from there on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pytest_audit_ledger.anchor.creation import CheckpointArtifact
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.drill.throwaway_keys import Keys
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.kinds.checkpoint_guards import guards
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import Family
from pytest_audit_ledger.model.progress import no_progress
from pytest_audit_ledger.model.sql_names import quoted
from pytest_audit_ledger.output.artifact import ArtifactContext
from pytest_audit_ledger.scratch.clone_table import copy_with_guards, copy_without_guards
from pytest_audit_ledger.scratch.sample import sample_entries, sample_provenance
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.server import ScratchServer
from pytest_audit_ledger.sources.postgres import PostgresSnapshot, PostgresSource
from pytest_audit_ledger.sources.source import Snapshot
from pytest_audit_ledger.suite.check import Check
from pytest_audit_ledger.verify.run import VerificationRequest, verify

EARLIER = 0.4
"""The share of the entries that the earlier of the two checkpoints is of; attacks work around the middle."""

OTHER_TRACK = 10
"""Every so many entries of a made ledger are of another track than the runtime's."""

MOST_NAMED = 10
"""Guards that are named where they could not be copied."""

_TRACK = "v3-evaluator"
"""What the runtime of schema v3 calls entries that it signs the transcripts of."""


@dataclass(frozen=True)
class Copy:
    """A ledger to attack: the DSN of its owner, its table, how many entries it has, and sentences about it.

    `advice` is what to do where it could not be copied as it is.
    """

    dsn: str
    table: str
    entries: int
    about: tuple[str, ...]
    advice: str = ""

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
        by_runtime = entry.sequence_number % OTHER_TRACK
        linked = replace(entry, track=_TRACK if by_runtime else entry.track, previous_hash=link)
        yield linked
        link = entry_hash(linked)


def copied(snapshot: Snapshot, dsn: str, spare: str, entries: int) -> Copy:
    """Copy the first entries of a ledger, with what guards it where that can be had, into an empty database.

    `spare` is another empty one, for where that cannot be had: then it is copied into a table of our own making.
    Raises SourceError where the ledger cannot be read.
    """
    info = snapshot.info
    if isinstance(snapshot, PostgresSnapshot):
        source = PostgresSource(dsn, quoted(*snapshot.name))
        try:
            count = copy_with_guards(snapshot, source, entries)
            with source.snapshot() as made_anew:
                told = _guards_told(snapshot, made_anew)
            return Copy(dsn, quoted(*snapshot.name), count, (_slice(info, count, entries), told))
        except SourceError as error:
            why, advice = f"What guards it could not be copied: {error.message}", error.remedy
    else:
        why, advice = "An export has no guards.", ""
    table = quoted("public", "ledger_entries")
    with ScratchLedger(spare) as ledger:
        ledger.build(0, schema=info.schema_version)
    count = copy_without_guards(snapshot, PostgresSource(spare, table), entries)
    ours = f"{why} So the copy is a table of our own making, with the constraints, indexes and triggers of sql/."
    lost = sorted(info.columns.keys() - {*V2_COLUMNS, *V3_COLUMNS})
    rest = f" Not copied: the columns {', '.join(lost)}." if lost else ""
    return Copy(spare, table, count, (_slice(info, count, entries), f"{ours}{rest}"), advice)


def _slice(info: LedgerInfo, count: int, entries: int) -> str:
    which = f"the first {count:,} entries" if count >= entries else f"all {count:,} entries"
    table = f", table {info.table}" if info.table else ""
    return (
        f"A copy of {which} of {info.database}{table} was attacked, from the first one on, so that its chain holds. "
        "The ledger itself was only read."
    )


def _guards_told(original: PostgresSnapshot, copy: PostgresSnapshot) -> str:
    """Return in a sentence which guards the copy has, by comparing them."""
    with original.catalog() as one, copy.catalog() as other:
        wanted, got = guards(one), guards(other)
    lost = [name for name, definition in wanted.items() if not _is_there(name, definition, got)]
    told = "The copy has its columns, constraints, indexes, triggers and functions, but not its owner and its grants"
    return f"{told}{f', nor, as it was: {_few(lost)}' if lost else ''}."


def _is_there(name: str, definition: str, got: Mapping[str, str]) -> bool:
    """Whether a guard was copied; owners and grants never are, and stand in the definition of a function, too."""
    if name == "owner" or name.startswith("grant on "):
        return True
    return name in got and (name.startswith("function ") or got[name] == definition)


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return f"{', '.join(names[:MOST_NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def write_checkpoints(copy: Copy, server: ScratchServer, checks: list[Check], key: SigningKey, folder: Path) -> None:
    """Write two checkpoints of the copy: one of its first entries, and one of all of them.

    `checks` are any that hold its entries together; what protects it may be as it is. Raises LedgerError where its
    entries do not hold together, so that nothing can be signed.
    """
    consistency = [check for check in checks if check.kind.family is Family.CHAIN]
    earlier = int(copy.entries * EARLIER)
    if earlier:
        with server.database(copy.dsn) as dsn:
            with ScratchLedger(dsn, copy.table) as ledger:
                ledger.delete(earlier + 1, ledger.bounds()[1])
            _sign(PostgresSource(dsn, copy.table), consistency, key, folder)
    _sign(copy.source, consistency, key, folder)


def _sign(source: PostgresSource, checks: list[Check], key: SigningKey, folder: Path) -> None:
    with source.snapshot() as snapshot:
        verification = verify(source, VerificationRequest(checks=checks), shared=snapshot.share())
        CheckpointArtifact(folder, key).write(ArtifactContext(verification, source, snapshot, no_progress))
