"""Databases, roles and locks on the server of the tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.scratch.sample import sample_entries
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from tests.forger import Forger

PASSWORD_ROLE = "audit_ledger_test_password"
"""A role that the embedded server asks for its password; it trusts all others."""

ROLE_PASSWORD = "correct-horse-battery"

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""What the servers of all workers need at most."""

_NUMBERS = count(1)


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


@contextmanager
def cloned(server: str, model: str) -> Iterator[Forger]:
    """Copy the database of the DSN `model`, to which nobody may be connected, and drop the copy on leaving.

    A table is the same one in the copy, also to the record of a checkpoint.
    """
    with empty_database(server, f"TEMPLATE {parse_dsn(model)['dbname']}") as dsn, Forger(dsn) as forger:
        yield forger


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


def needs_version(forger: ScratchLedger, major: int, what: str) -> None:
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
