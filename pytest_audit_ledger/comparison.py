"""The Python API for what needs no ledger to be opened first: a backup to verify, and two ledgers to compare."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from pytest_audit_ledger.artifacts.backup_file import BackupVerification, is_backup, prove_backup, restored_backup
from pytest_audit_ledger.artifacts.difference import Difference, Side, difference
from pytest_audit_ledger.artifacts.encryption import Key, opener_of, read_key
from pytest_audit_ledger.artifacts.prover import Prover
from pytest_audit_ledger.extensions import installed_kinds
from pytest_audit_ledger.outcome import DEFAULT_SAMPLES
from pytest_audit_ledger.scan import Progress, no_progress
from pytest_audit_ledger.sources.base import Snapshot, Source
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.sources.resolve import DEFAULT_TABLE, named_source, started
from pytest_audit_ledger.suite import checks_of, shipped_suites


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


def diff(
    a: str,
    b: str,
    *,
    table: str = DEFAULT_TABLE,
    timeout: int = DEFAULT_TIMEOUT_S,
    samples: int = DEFAULT_SAMPLES,
    identity: str | Path | None = None,
    encryption_key: str | Key | None = None,
    scratch_db: str | None = None,
    progress: Progress = no_progress,
) -> Difference:
    """Compare two ledgers entry by entry: each a database, a backup, which is restored for it, or an export.

    `table` is the ledger's in both; a backup's manifest knows its own. `samples`: changes and ranges kept; all are
    counted. `identity`, `encryption_key` and `scratch_db` are as for `verify_backup`.

    Raises UsageError, and SourceError where a side cannot be read.
    """
    key = read_key(encryption_key) if isinstance(encryption_key, str) else encryption_key
    opener = opener_of(key, identity)
    if scratch_db is not None:
        PostgresSource(scratch_db)  # mistakes show now
    for named in (a, b):
        if not is_backup(resolve(named)):
            named_source(named, table, timeout)

    def opened(named: str) -> AbstractContextManager[Source]:
        if is_backup(resolve(named)):
            path, scratch = Path(resolve(named)), scratch_db
            return restored_backup(path, opener, scratch=scratch, table=table, timeout=timeout, progress=progress)
        return started(named, table, timeout)

    def side(named: str, snapshot: Snapshot) -> Side:
        return Side(resolve(named) if is_backup(resolve(named)) else snapshot.info.database, snapshot)

    with opened(a) as one, opened(b) as other, one.snapshot() as first, other.snapshot() as second:
        return difference(side(a, first), side(b, second), samples=samples, progress=progress)
