"""What the tests against a server share: running checks on a ledger, and making databases, roles and locks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.files.resources import folder, sql
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry
from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry, entry_hash
from pytest_audit_ledger.model.outcome import AGAINST_THE_RULE, Finding, Outcome, Severity, Status
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.sources.postgres import DEFAULT_TIMEOUT_S, PostgresSource
from pytest_audit_ledger.suite import Check, Suite, load
from pytest_audit_ledger.verify.judgement import CHECKPOINTS, PROVENANCE, Verification
from pytest_audit_ledger.verify.run import verify
from tests.forger import Forger

ROLE_PASSWORD = "correct-horse-battery"
FOLDS = ("chain_linkage", "entry_hash", "sequence_continuity", "timestamp_order", "verdict_taxonomy")
GUARDS = ("append_only", "table_guard")
UNUSED = (*PROVENANCE, *CHECKPOINTS)
"""The kinds that are skipped in a ledger of entries alone, where no checkpoint is named."""

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""What the servers of all workers need at most."""

_NUMBERS = count(1)

REGISTRY = Registry()
REGISTRY.register(SHIPPED, "pytest-audit-ledger")


@contextmanager
def in_memory() -> Iterator[None]:
    """Make temporary folders in memory meanwhile, also of processes that are started, where there is room.

    There a server starts in half of the time, and a database is made in a third.
    """
    with pytest.MonkeyPatch.context() as patch:
        if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
            patch.setattr(tempfile, "tempdir", str(MEMORY))
            patch.setenv("TMPDIR", str(MEMORY))
        yield


def check(
    kind: str | type[Kind], parameters: Mapping[str, Any] | None = None, severity: Severity = Severity.CRITICAL
) -> Check:
    """Return a check as a suite would declare it, with the kind's name as its id."""
    found = REGISTRY.get(kind) if isinstance(kind, str) else kind
    assert found is not None, f"no kind is called {kind}"
    return Check(
        id=found.name,
        suite="tests",
        kind=found,
        parameters=parameters or {},
        severity=severity,
        description="",
        controls=(),
        path=Path(__file__),
        line=1,
    )


def run_check(
    dsn: str,
    kind: str | type[Kind],
    parameters: Mapping[str, Any] | None = None,
    *,
    table: str = "ledger_entries",
    severity: Severity = Severity.CRITICAL,
    **verify_options: Any,
) -> Outcome:
    """Verify a ledger with one check."""
    (outcome,) = verify(PostgresSource(dsn, table), [check(kind, parameters, severity)], **verify_options).outcomes
    return outcome


def run_suite(
    dsn: str, *, table: str = "ledger_entries", timeout: int = DEFAULT_TIMEOUT_S, **verify_options: Any
) -> Verification:
    """Verify a ledger with the default suite."""
    return verify(PostgresSource(dsn, table, timeout), default_suite().checks, **verify_options)


@cache
def default_suite() -> Suite:
    return load(folder("checks") / "integrity.ledger.yaml", REGISTRY)


CHECKS = len(default_suite().checks)
SKIPPED = len(UNUSED)
PASSED = CHECKS - SKIPPED
"""How many checks the default suite has, and how they end on a clean ledger of entries alone."""


def outcomes(verification: Verification) -> dict[str, Outcome]:
    """Return the outcomes by kind."""
    return {outcome.kind: outcome for outcome in verification.outcomes}


def statuses(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind."""
    return {outcome.kind: outcome.status for outcome in verification.outcomes}


def core_statuses(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind, of those kinds that have something to examine in every ledger."""
    return {kind: status for kind, status in statuses(verification).items() if kind in (*FOLDS, *GUARDS)}


def told_of_entries(verification: Verification) -> dict[str, Status]:
    """Return the statuses by kind, without those kinds that need a checkpoint."""
    return {kind: status for kind, status in statuses(verification).items() if kind not in CHECKPOINTS}


def found(outcome: Outcome) -> list[tuple[str, int | None]]:
    """Return the code and sequence number of each finding."""
    return [(finding.code, finding.sequence_number) for finding in outcome.findings]


DISAGREEING = {
    "HASH_MISMATCH": ("hash before", "previous_hash"),
    "ENTRY_HASH_MISMATCH": ("recomputed", "stored"),
    "ENTRIES_HIDDEN": ("in the table", "by its index"),
    "TIMESTAMP_ORDER": ("in order", "timestamp"),
    "ENVELOPE_HASH_MISMATCH": ("recomputed", "stored"),
    "ENVELOPE_NOT_REDERIVABLE": ("recomputed", "stored"),
    "ENVELOPE_INCONSISTENT": ("entry", "envelope"),
    "TRANSCRIPT_HASH_MISMATCH": ("recomputed", "stored"),
    "TRANSCRIPT_NOT_REDERIVABLE": ("recomputed", "stored"),
    "TRANSCRIPT_INCONSISTENT": ("beside it", "transcript"),
    "SIGNATURE_INVALID": ("key named", "signature"),
    "REWRITTEN": ("signed", "recomputed"),
    "TRUNCATED": ("signed", "found"),
    "GUARDS_CHANGED": ("when signed", "now"),
    "EXPORT_CUT": ("manifest", "file"),
    "EXPORT_CHANGED": ("manifest", "file"),
    "EXPORT_MANIFEST": ("manifest", "file"),
}
"""What the two values of a finding are called, where they only disagree, and neither is known to be right."""


def accusing(verification: Verification) -> list[Finding]:
    """Return the findings that do not call their two values as they are to be called."""
    findings = (finding for outcome in verification.outcomes for finding in outcome.findings)
    return [one for one in findings if one.sides != DISAGREEING.get(one.code, AGAINST_THE_RULE)]


def told(outcome: Outcome) -> str:
    """Return the outcome with all it says, to tell a failing test's reader why."""
    return f"{outcome.status.value} {outcome.reason} {outcome.findings}"


def chained(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries numbered from 1 and linked, so that they form a valid chain."""
    link = GENESIS_HASH
    for number, entry in enumerate(entries, 1):
        linked = replace(entry, sequence_number=number, previous_hash=link)
        yield linked
        link = entry_hash(linked)


@contextmanager
def empty_database(server: str, options: str = "") -> Iterator[str]:
    """Create a database with these options of CREATE DATABASE, and drop it on leaving."""
    name = f"audit_ledger_test_own_{os.getpid()}_{next(_NUMBERS)}"
    with Forger(server) as administrator:
        administrator.run(f"CREATE DATABASE {name} {options}")
        try:
            yield make_dsn(**{**parse_dsn(server), "dbname": name})
        finally:
            drop_database(administrator, name)


def drop_database(administrator: Forger, name: str) -> None:
    """Drop a database, if it is there, whoever is connected to it; PostgreSQL 12 has no WITH (FORCE)."""
    administrator.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    administrator.run(f"DROP DATABASE IF EXISTS {name}")


def emptied(forger: Forger) -> Forger:
    """Take everything out of the forger's database, which is several times quicker than a database for each test."""
    forger.run("DISCARD ALL")
    forger.run("SET TimeZone = 'UTC'; SET lock_timeout = '30s'")
    (name,) = forger.run("SELECT current_database()")[0]
    schemas = forger.run("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'")
    forger.run("SET client_min_messages = warning; SET synchronous_commit = off")
    forger.run(f"DROP SCHEMA {', '.join(schema for (schema,) in schemas)} CASCADE; ALTER DATABASE {name} RESET ALL")
    forger.run("CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC")
    return forger


def needs_version(forger: Forger, major: int, what: str) -> None:
    """Skip a test about what only newer servers have."""
    if forger.connection.server_version < major * 10_000:
        pytest.skip(f"PostgreSQL {forger.connection.server_version // 10_000} has no {what}; {major} has")


@contextmanager
def role(forger: Forger, label: str = "reader", options: str = "") -> Iterator[str]:
    """Create a role that may log in with ROLE_PASSWORD, and drop it with all that it owns on leaving."""
    name = f"audit_ledger_test_{label}"
    forger.run(f"CREATE ROLE {name} LOGIN PASSWORD '{ROLE_PASSWORD}' {options}")
    try:
        yield name
    finally:
        forger.run(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def login(dsn: str, name: str) -> str:
    """Return the DSN for a role made by `role`."""
    return str(make_dsn(**{**parse_dsn(dsn), "user": name, "password": ROLE_PASSWORD}))


@contextmanager
def another_session(dsn: str, *statements: str) -> Iterator[None]:
    """Let another session hold what these statements lock, in a transaction that is rolled back on leaving."""
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
    finally:
        connection.close()


def build_partitioned(forger: Forger, entries: int = 100, *starts: int) -> Forger:
    """Create a ledger partitioned by sequence number, part_1, part_2 … from 1 and from each of `starts`, and guard it.

    Keys of a partitioned table must hold the partition key, so they have a column more.
    """
    forger.run(sql("schema.sql"))
    forger.run(
        """
        ALTER SEQUENCE ledger_entries_id_seq OWNED BY NONE;
        ALTER TABLE ledger_entries RENAME TO model;
        CREATE TABLE ledger_entries (LIKE model INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
            PARTITION BY RANGE (sequence_number);
        DROP TABLE model;
        ALTER TABLE ledger_entries ADD PRIMARY KEY (id, sequence_number), ADD UNIQUE (sequence_number),
            ADD CONSTRAINT one_hash UNIQUE (entry_hash, sequence_number);
        """
    )
    bounds = ["MINVALUE", *map(str, starts), "MAXVALUE"]
    for number, (low, high) in enumerate(pairwise(bounds), 1):
        forger.run(f"CREATE TABLE part_{number} PARTITION OF ledger_entries FOR VALUES FROM ({low}) TO ({high})")
    guards = sql("append_only.sql")
    if forger.connection.server_version < 130_000:  # which refuses the triggers that later ones copy to the partitions
        forger.run(guards.replace("EACH ROW", "EACH STATEMENT"))
        for number in range(1, len(bounds)):
            guard_partition(forger, f"part_{number}", "update", "delete")
    else:
        forger.run(guards)
    for number in range(1, len(bounds)):
        guard_partition(forger, f"part_{number}", "truncate")
    forger.append(sample_entries(entries))
    return forger


def guard_partition(forger: Forger, part: str, *operations: str) -> None:
    """Have triggers of sql/append_only.sql on a partition."""
    for operation in operations:
        each = "STATEMENT" if operation == "truncate" else "ROW"
        forger.run(
            f"""
            CREATE TRIGGER ledger_refuse_{operation} BEFORE {operation} ON {part}
                FOR EACH {each} EXECUTE FUNCTION ledger_refuse_change();
            ALTER TABLE {part} ENABLE ALWAYS TRIGGER ledger_refuse_{operation}
            """
        )
