"""A ledger in PostgreSQL, read without trusting the database or its settings.

Everything in a run reads one snapshot: a REPEATABLE READ, READ ONLY transaction, which further connections join by its
exported name. Each locks the table before it reads anything, because the server resolves names and plans with today's
catalog and not with the snapshot's. A plan that reads anything but the table is refused, and so is what else was read.

Each session pins what would change the answer (time zone, date style, encoding, search path, row-level
security) for its own transaction only, so that it also works behind a pooler. Names are qualified and quoted, values
are bound, and the password stays within a `Dsn`.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import cached_property
from threading import Thread
from typing import Any

import psycopg2
from psycopg2 import extensions
from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.errors import CannotEvaluate, SourceError, UsageError
from pytest_audit_ledger.files.keys import read_key
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.batch import Batch
from pytest_audit_ledger.model.columns import declared_column
from pytest_audit_ledger.model.ledger_info import LedgerInfo, Standby
from pytest_audit_ledger.model.profile import BEFORE, PAYLOAD, SEQUENCE, Profile
from pytest_audit_ledger.model.questions import Attempt
from pytest_audit_ledger.model.segment import Place, Segment
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.model.sql_names import split_name, whole_name
from pytest_audit_ledger.sources import copy_text, pg_errors, plans
from pytest_audit_ledger.sources.connection import GRACE_S, KEEPALIVES, Connection, RowsCursor, connected
from pytest_audit_ledger.sources.copy_text import Layout
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.pg_errors import copying, explain
from pytest_audit_ledger.sources.programs import Login
from pytest_audit_ledger.sources.queries import PostgresQueries
from pytest_audit_ledger.sources.selection import Selection
from pytest_audit_ledger.sources.source import Consume
from pytest_audit_ledger.sources.stream_queries import before_newer, sampled_places
from pytest_audit_ledger.sources.table_columns import Neighbours, TableColumns
from pytest_audit_ledger.sources.window import Window

BATCH_BYTES = 128 * 1024
"""Bytes of COPY text in a batch (some hundred entries): small enough for a processor's cache, which decides the speed.
"""

LOCK_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 10
DEFAULT_TIMEOUT_S = defaults.TIMEOUT_S
"""Seconds one statement may take; a scan is one statement."""

STOP_S = 0.6
"""Seconds that the server has to stop a statement before the connection is shut down."""

HEARTBEAT_S = 60.0
IDLE_TIMEOUT_S = 300.0
CLIENT_CHECK_S = 10.0
"""How often an idle session sends something; when the server ends one that does not, or one whose process is gone.
The last is while a statement runs, and needs PostgreSQL 14 on Linux."""

APPLICATION_NAME, READER = "pytest-audit-ledger", " reader"

_NO_INDEX = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"


class PostgresSource:
    """Where a ledger is, and how to read it. Picklable, so that other processes can join a snapshot."""

    def __init__(
        self,
        dsn: str | Dsn,
        table: str | None = None,
        timeout: int = DEFAULT_TIMEOUT_S,
        named: str = "",
        profile: Profile = SKI,
    ) -> None:
        """Take a DSN, `schema.table` (by default that of the profile) and the seconds a statement may take.

        `named` is what the database is called in messages, if not by its DSN: a demo's server ends with the run.
        Raises UsageError if the DSN or the table's name cannot be read. Connects to nothing.
        """
        self._given = Dsn(dsn).as_named()
        self.named = named
        self.timeout = timeout
        _ = self.dsn  # reports mistakes now
        self.schema, self.table = split_name(table or profile.table)
        self.profile = profile

    @cached_property
    def dsn(self) -> Dsn:
        """Where to connect. Raises UsageError if a variable is not set, or libpq cannot read the DSN."""
        usual = {"application_name": APPLICATION_NAME, **KEEPALIVES}
        if "PGCONNECT_TIMEOUT" not in os.environ:
            usual["connect_timeout"] = str(min(CONNECT_TIMEOUT_S, self.timeout))
        return self._given.resolved().having({"client_encoding": "UTF8"}, usual)

    def __getstate__(self) -> dict[str, Any]:
        """Return the DSN as it was given: each process looks up a variable by itself, so no message holds its value."""
        return {name: value for name, value in self.__dict__.items() if name != "dsn"}

    @property
    def holds_secret(self) -> bool:
        """Whether the DSN, as it was given, has a password or another secret."""
        return self._given.holds_secret

    @property
    def label(self) -> str:
        """The database, without secrets."""
        return self.named or str(self.dsn)

    @property
    def given(self) -> str:
        """The database as a command takes it, as the user named it but without secrets."""
        return self.named or self._given.repeatable()

    def connect(self, name: str = "") -> Connection:
        """Return a new connection, which calls itself `name`, or as configured. Raises SourceError."""
        try:
            return connected(self.dsn.having({"application_name": name} if name else {}), self._connect_limit_s())
        except psycopg2.Error as error:
            raise explain(error, self.label) from error

    def _connect_limit_s(self) -> float:
        """Return for how long to wait for a connection; libpq's timeout is for each address, and a host has two."""
        each = 0
        with suppress(ValueError):  # libpq reports it
            each = int(self.dsn.parameter("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT", ""))
        hosts = self.dsn.parameter("host").count(",") + 1
        return 2 * hosts * (each if each > 0 else self.timeout) + GRACE_S

    def watch(self, connection: Connection) -> None:
        """Let no statement of a connection take much longer than the server allows it, whatever the network does."""
        connection.line.watch(self.timeout)

    def login(self, connection: extensions.connection) -> Login:
        """Return how a program of PostgreSQL's connects to the server that this connection reached.

        Raises UsageError if a secret could be passed to the program only among its arguments.
        """
        if self.dsn.parameter("sslpassword"):
            raise UsageError(
                "sslpassword would be readable in the list of processes while another program uses it.",
                "Set sslkey to a key without a password.",
            )
        reached = {"host": connection.info.host, "port": str(connection.info.port)}  # a DSN may name several
        dsn = self.dsn.having({name: value for name, value in reached.items() if value})
        silence_s = max(self.timeout, LOCK_TIMEOUT_S) + GRACE_S
        return Login(dsn, self.label, connection.server_version // 10_000, silence_s)

    @property
    def table_label(self) -> str:
        """The schema and the table, as an option takes them."""
        return whole_name(self.schema, self.table)

    def snapshot(self, shared: str | None = None) -> AbstractContextManager[PostgresSnapshot]:
        """Open a snapshot of the ledger, or join the one shared under this name; leaving closes it."""
        return self._opened(shared, self.name_of(shared) if shared else "")

    def reader(self, shared: str) -> AbstractContextManager[PostgresSnapshot]:
        """Join a snapshot to read one segment; leaving closes it."""
        return self._opened(shared, self.name_of(shared, READER))

    @contextmanager
    def _opened(self, shared: str | None, name: str) -> Iterator[PostgresSnapshot]:
        connection = self.connect(name)
        try:
            self.watch(connection)
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
            yield PostgresSnapshot(self, connection, shared)
        finally:
            connection.close()

    def name_of(self, shared: str, reader: str = "") -> str:
        """Return what connections call themselves that joined a snapshot; ` reader` if they read a segment."""
        return f"{self.dsn.parameter('application_name')[:30]} {shared}{reader}"


class PostgresSnapshot:
    """One consistent, read-only view of a ledger."""

    parts = ()

    def __init__(self, source: PostgresSource, connection: Connection, shared: str | None) -> None:
        self._source = source
        self._connection = connection
        self._shared = shared
        self._asked = (0, 0.0)
        self._cancelling: Thread | None = None
        self._known_plans: set[tuple[bool, bool]] = set()
        """The ways of reading whose plan is known."""
        if shared is not None:
            self._join(shared)
        self._name = Identifier(source.schema, source.table)
        timeouts = {
            "timeout": _milliseconds(source.timeout),
            "lock_timeout": _milliseconds(LOCK_TIMEOUT_S),
            "idle_timeout": _milliseconds(IDLE_TIMEOUT_S),
            "client_check": Literal(f"{round(CLIENT_CHECK_S * 1000)}"),
        }
        self._lock(timeouts)
        self._run(SQL(sql("pin_session.sql")).format(**timeouts))
        (row,) = self._run("SELECT pg_catalog.pg_backend_pid() AS pid")
        connection.backend_pid = int(row["pid"])
        found = self._find_table()
        self._oid = int(found["oid"])
        self._refuse_another_table()
        self.info = self._describe(found)
        self._refuse_other_than_a_query()
        connection.line.keep_alive(connection.beat, HEARTBEAT_S)

    def _join(self, shared: str) -> None:
        """Make this transaction see the snapshot of this name, which another server or database does not have."""
        try:
            self._run(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(shared)))
        except SourceError as error:
            if error.sqlstate is None or pg_errors.is_outage(error.sqlstate):
                raise
            message = f"The snapshot of this run is not, or no longer, on the server of {self._source.label}."
            remedy = "Let every worker reach the very server of the run: several replicas are never one snapshot."
            raise SourceError(message, remedy, error.sqlstate) from error

    def _lock(self, timeouts: Mapping[str, Composable]) -> None:
        """Lock the table against being moved or exchanged, before a first query takes the snapshot.

        None of these statements takes one (PostgreSQL documentation, LOCK). What cannot be locked is reported when it
        is looked for; a role that may read only some columns may not lock.
        """
        before = "SET LOCAL lock_timeout = {lock_timeout}; SET LOCAL statement_timeout = {timeout}; SAVEPOINT unlocked"
        self._run(SQL(before).format(**timeouts))
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(self._name))
        except psycopg2.Error as error:
            if error.pgcode not in pg_errors.UNLOCKABLE:
                raise explain(error, self._source.label) from error
            self._run("ROLLBACK TO SAVEPOINT unlocked")
        self._run("RELEASE SAVEPOINT unlocked")

    def _refuse_another_table(self) -> None:
        """Raise SourceError if the name means another table now than in the snapshot."""
        named = self._name.as_string(self._connection)
        (row,) = self._run("SELECT pg_catalog.to_regclass(%(name)s)::pg_catalog.oid AS oid", {"name": named})
        if row["oid"] != self._oid:
            raise SourceError(
                f"Another table took the name {self._source.table_label} while this run was reading.",
                "Run again. If it happens again, find out who moves the table, and when.",
            )

    @cached_property
    def _relations(self) -> frozenset[tuple[str, str]]:
        """The schemas and names of the ledger and of its partitions and child tables."""
        return frozenset((row["schema"], row["name"]) for row in self.rows(sql("relations.sql")))

    def _refuse_other_plan(self, statement: Composable) -> None:
        """Raise SourceError if the server would read anything but the ledger and its partitions."""
        (row,) = self._run(plans.EXPLAIN.format(statement))
        other = plans.other_reading(
            row["QUERY PLAN"][0]["Plan"],
            self._relations,
            may_be_empty=self.info.relation_kind == "p" and len(self._relations) == 1,
            within_subplans=not self.info.hasher.sql,
        )
        if other:
            raise SourceError(
                f"The server would read {self._source.table_label} through {other}, not from the table itself.",
                "Find out who made a rule, a policy or a foreign partition for it. See what table_guard reports.",
            )

    def _refuse_other_relations(self) -> None:
        """Raise SourceError if this session read, and so locked, a relation that is not the ledger's."""
        self._refuse_another_table()
        others = [row["name"] for row in self.rows(sql("locked_relations.sql"))]
        if others and not self.info.hasher.sql:
            raise SourceError(
                f"Reading {self._source.table_label} also read {', '.join(others)}.",
                "Find out who made a rule, a view or a policy for it, and run again.",
            )

    def changed(self) -> str:
        """Return what of the table's definition changed since the snapshot was opened; empty if nothing did.

        It is read again in a new snapshot. Raises SourceError.
        """
        with self._source.snapshot() as now:
            if now._oid != self._oid:
                return "another table has its name"
            before, after = self._definition(), now._definition()
        return ", ".join(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))

    def _definition(self) -> dict[str, str]:
        return {row["guard"]: row["definition"] for row in self.rows(sql("guards.sql"))}

    def _run(self, statement: Composable | str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        try:
            with self._connection.cursor(cursor_factory=RowsCursor) as cursor:
                cursor.execute(statement, parameters)
                return [dict(row) for row in cursor] if cursor.description else []
        except psycopg2.Error as error:
            raise explain(error, self._source.label) from error

    def _find_table(self) -> dict[str, Any]:
        found = self._run(sql("find_table.sql"), {"schema": self._source.schema, "name": self._source.table})
        if not found:
            raise self._no_such_table()
        row = found[0]
        grants = []
        if not row["may_use_schema"]:
            grants.append(f"GRANT USAGE ON SCHEMA {row['schema']} TO {row['role']}")
        if not row["may_select"]:
            grants.append(f"GRANT SELECT ON {row['name']} TO {row['role']}")
        if grants:
            message = f"The role {row['role']} may not read the table {row['name']} in {self._source.label}."
            raise SourceError(message, f"Ask its owner to run: {'; '.join(grants)};")
        return row

    def _no_such_table(self) -> SourceError:
        message = f"There is no table {self._source.schema}.{self._source.table} in {self._source.label}."
        return SourceError(message, self._likely_tables())

    def _likely_tables(self) -> str:
        """Return what to do if the name of the table is a mistake."""
        candidates = [
            row["name"] for row in self._run(sql("find_ledgers.sql"), {"columns": self._source.profile.marks})
        ]
        if not candidates:
            return "Name the ledger with --ledger-table schema.table, or check that this is the right database."
        return f"This has a ledger's columns: {' and '.join(candidates)}. Name it with --ledger-table."

    def another_table(self) -> SourceError | None:
        """Return why this is not a ledger at all, but another table; None if it has most of a ledger's columns."""
        profile = self.info.profile
        needed = profile.schemas[0].columns if profile.schemas else {*profile.columns.values(), *profile.streams}
        lacking = [name for name in needed if name not in self.info.columns]
        if 2 * len(lacking) <= len(needed) or self.info.relation_kind not in _WITH_ROWS:
            return None
        named = f" of the profile {profile.name}" if profile.given_as else ""
        message = (
            f"{self.info.table} in {self._source.label} is not a ledger{named}: it lacks "
            f"{len(lacking)} of its {len(needed)} columns, such as {', '.join(lacking[:3])}."
        )
        return SourceError(message, self._likely_tables())

    def _describe(self, found: Mapping[str, Any]) -> LedgerInfo:
        columns = {
            row["name"]: declared_column(row["type"], row["not_null"], row["domain"], folds=row["folds"])
            for row in self.rows(sql("columns.sql"))
        }
        (row,) = self._run(sql("snapshot.sql"))
        standbys = [Standby(one["paused"], one["behind_s"]) for one in self._run(sql("standby.sql"))]
        actual = {
            name: value
            for name, value in self._connection.get_dsn_parameters().items()
            if name in ("user", "host", "port", "dbname")
        }
        return LedgerInfo(
            database=self._source.named or str(self._source.dsn.having(actual)),
            table=found["name"],
            relation_kind=found["kind"],
            columns=columns,
            server_version=row["server_version"],
            server_time=row["server_time"],
            snapshot=row["snapshot"],
            standby=next(iter(standbys), None),
            profile=self._source.profile,
            read_key=read_key,
            role=actual.get("user", ""),
            server_started=row["server_started"],
        )

    @property
    def name(self) -> tuple[str, str]:
        """The schema and the name of the table."""
        return self._source.schema, self._source.table

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query, in which `%(table)s` is the oid of the ledger. Raises SourceError."""
        return self._run(statement, {**(parameters or {}), "table": self._oid})

    def attempt(self, statement: str) -> Attempt:
        """Try a statement that the server should refuse (`{ledger}` is the table), and always roll it back.

        It runs over a connection of its own with the settings of an ordinary session, since a change would come from
        one. Raises CannotEvaluate if the server could not decide: a lock, a timeout, a read-only server.
        """
        connection = self._source.connect()
        self._source.watch(connection)
        try:
            with connection.cursor() as cursor:
                limits = SQL("SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}")
                cursor.execute(limits.format(_milliseconds(LOCK_TIMEOUT_S), _milliseconds(self._source.timeout)))
                cursor.execute(SQL(statement).format(ledger=self._name))
                return Attempt(None, cursor.rowcount)
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode in pg_errors.UNDECIDED:
                reason = explain(error, self._source.label)
                raise CannotEvaluate(f"The probe was not completed: {reason.message}", reason.remedy) from error
            return Attempt((error.diag.message_primary or "").strip(), 0)
        finally:
            connection.rollback() if not connection.closed else None
            connection.close()

    def unreadable(self, column: str) -> str | None:
        """Return why a column cannot be read as what it should be, None if it can."""
        if self.info.relation_kind not in ("r", "p"):
            return f"{self.info.table} is not a table, so its rows prove nothing"
        return self._columns.unreadable(column)

    def share(self) -> str:
        """Return a name under which other connections can join this snapshot while it is open."""
        if self._shared is None:
            self._shared = str(self._run("SELECT pg_catalog.pg_export_snapshot() AS name")[0]["name"])
        return self._shared

    def login(self) -> Login:
        """Return how a program of PostgreSQL's connects to the server of this snapshot."""
        return self._source.login(self._connection)

    def count(self) -> int:
        """Return how many entries the table itself holds: an index can be made to show fewer."""
        with self.catalog():
            self._run(_NO_INDEX)
            return int(self._run(SQL("SELECT count(*) AS number FROM {}").format(self._entries()))[0]["number"])

    def bounds(self) -> tuple[int, int] | None:
        """Return the lowest and the highest sequence number, None if there are no entries."""
        number = self._columns.expression(SEQUENCE)
        ends = SQL("SELECT min({number}) AS low, max({number}) AS high FROM {entries}")
        (row,) = self._run(ends.format(number=number, entries=self._entries()))
        return None if row["low"] is None else (int(row["low"]), int(row["high"]))

    def late(self, order: int, count: int) -> str:
        """Return why entries up to this `order`, which are `count` here, may not be all; empty if they are.

        A writer takes the next number of a sequence long before it commits, so an entry with a lower order than that of
        the last one may still come. It holds the lock of a writer meanwhile: wait for all who hold one now, and count.
        """
        if self.info.standby is not None:
            return "only the primary knows who is writing, and this server is a standby"
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        writing = self._writers()
        while writing := writing & self._writers():
            if time.monotonic() > deadline:
                return f"{len(writing):,} transactions have been writing to the ledger for {LOCK_TIMEOUT_S} s"
            time.sleep(0.1)
        with self._source.snapshot() as now:
            upto = now._entries(now._columns.in_segment(Segment(until=order + 1)))
            (row,) = now._run(SQL("SELECT count(*) AS number FROM {}").format(upto))
        more = int(row["number"]) - count
        came = "1 entry came" if more == 1 else f"{more:,} entries came"
        return f"{came} late, with a lower order than that of the last one" if more else ""

    def _writers(self) -> set[str]:
        return {row["transaction"] for row in self.rows(sql("ongoing_writes.sql"))}

    @property
    def has_any_bytes(self) -> bool:
        """Whether the database stores any bytes as text, without an encoding."""
        return self._connection.info.parameter_status("server_encoding") == "SQL_ASCII"

    @cached_property
    def divisible(self) -> bool:
        """Whether an index gives the entries in a unique order; without one, every scan sorts all of them.

        A ledger without a previous hash is not: each segment would depend on the entry before it. Nor is one whose
        numbers can be missing, or with streams that cannot be compared with a text of them.
        """
        if self.info.hasher.needs_neighbour or not self._is_unique or self._columns.may_be_missing(SEQUENCE):
            return False
        return not self.info.profile.streams or (self._columns.is_divisible() and not self.has_any_bytes)

    def places(self, count: int, entries: int) -> list[Place]:
        """Return places that cut the entries into about `count` segments, from a sample.

        Wherever they are, the segments have every entry once.
        """
        if not entries:
            return []
        found = [tuple(row["place"]) for row in self._run(sampled_places(self._columns, self._name, entries))]
        step = max(1, -(-len(found) // count))
        return found[step::step]

    def scan(self, columns: Sequence[str], segment: Segment, consume: Consume) -> None:
        """Read the entries of a segment in order of sequence number, and give them to `consume` in batches.

        Raises SourceError if the entries cannot be read to the end.
        """
        reading = self._read_as(columns, segment)
        if not self.has_any_bytes and segment.since is None:
            self._copy(columns, reading, consume)
            return
        with self.catalog():
            if self.has_any_bytes:  # in UTF-8 the server would refuse to send all entries because of one
                self._run("SET LOCAL client_encoding = 'SQL_ASCII'")
            if segment.since is not None:  # few entries: sorting them is less than reading an index of all
                self._run("SET LOCAL enable_sort = on")
            self._copy(columns, reading, consume)

    def _read_as(self, columns: Sequence[str], segment: Segment) -> Composable:
        """Return the query of a segment, whose plan was examined once for each way of reading."""
        way = (segment.in_order, segment.before is not None)
        reading = (
            before_newer(self._columns, columns, self._entries, segment.before)
            if segment.before is not None
            else self._reading(columns, self._columns.in_segment(segment), in_order=segment.in_order)
        )
        if way not in self._known_plans:
            whole = reading if way[1] else self._reading(columns, (), in_order=segment.in_order)
            self._refuse_other_plan(whole)
            self._known_plans.add(way)
        return reading

    def select(self, columns: Sequence[str], selection: Selection, consume: Consume) -> None:
        """Read the selected entries as `scan` does."""
        limit = SQL(" LIMIT {}").format(Literal(selection.limit)) if selection.limit is not None else SQL("")
        with self.catalog():
            self._run(f"{_NO_INDEX}; SET LOCAL enable_sort = on")  # an index can be made to show fewer entries
            reading = self._reading(columns, self._columns.selected_by(selection), limit)
            self._refuse_other_plan(reading)
            self._copy(columns, reading, consume)

    def _copy(self, columns: Sequence[str], reading: Composable, consume: Consume) -> None:
        neighbours = Neighbours(self.info) if BEFORE in columns else None
        _, layout = self._columns.selected(columns)
        self._copy_out(
            reading,
            layout,
            lambda batch: consume(neighbours.added(batch) if neighbours else batch),
        )

    def _copy_out(self, query: Composable, layout: Layout, consume: Consume) -> None:
        """Give the rows of a query to `consume` in batches, as COPY prints them."""
        line = self._connection.line

        def take(batch: Batch) -> None:
            with line.busy():
                consume(batch)

        # psycopg2 writes row by row; the buffer takes rows without running Python code for each
        buffer = io.BufferedWriter(copy_text.Sink(layout, take), BATCH_BYTES)
        try:
            with copying(), self._connection.cursor() as cursor:
                cursor.copy_expert(SQL("COPY ({}) TO STDOUT").format(query), buffer)
        except psycopg2.Error as error:
            raise explain(error, self._source.label) from error
        buffer.flush()
        self._refuse_other_relations()

    def payload_tables(self) -> list[tuple[str, str]]:
        """Return the tables, by schema and name, from which the server builds payloads besides the ledger's own."""
        if not self.info.hasher.sql:
            return []
        with self.catalog():
            reading = self._reading([SEQUENCE, PAYLOAD], (), SQL(""))
            (row,) = self._run(plans.EXPLAIN.format(reading))
        nodes = plans.nodes(row["QUERY PLAN"][0]["Plan"], within_subplans=True)
        read = {(node["Schema"], node["Relation Name"]) for node in nodes if "Relation Name" in node}
        return sorted(read - self._relations)

    def copy_table(self, name: tuple[str, str], columns: Sequence[str], most: int, consume: Consume) -> None:
        """Give up to `most` rows of another table to `consume` in batches, as COPY prints them. Raises SourceError."""
        query = SQL("SELECT {} FROM {} LIMIT {}").format(
            SQL(", ").join(map(Identifier, columns)), Identifier(*name), Literal(most)
        )
        with self.catalog():
            self._copy_out(query, copy_text.plain_layout(columns, ()), consume)

    def sample(self, window: Window) -> list[dict[str, str | None]]:
        """Return some rows of the table with all its columns, as COPY prints them, whatever its profile is.

        Raises SourceError if they cannot be read, or not from the table itself.
        """
        names = list(self.info.columns)
        found: list[dict[str, str | None]] = []

        def take(batch: Batch) -> None:
            columns = [batch.values(name) for name in names]
            found.extend(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))

        with self.catalog():
            self._run("SET LOCAL enable_sort = on")  # few rows are asked for, so a sort keeps few
            query = window.query(self._name, names)
            self._refuse_other_plan(query)
            self._copy_out(query, copy_text.plain_layout(names, ()), take)
        return found[::-1] if window.at_end else found

    def _reading(
        self,
        columns: Sequence[str],
        conditions: Sequence[Composable],
        limit: Composable | None = None,
        *,
        in_order: bool = False,
    ) -> Composable:
        return SQL("SELECT {columns} FROM {entries} ORDER BY {order}{limit}").format(
            columns=SQL(", ").join(self._columns.selected(columns)[0]),
            entries=self._entries(conditions),
            order=SQL(", ").join(self._columns.order(is_unique=self._is_unique, in_order=in_order)),
            limit=limit or SQL(""),
        )

    def _entries(self, conditions: Sequence[Composable] = ()) -> Composable:
        """Return the table, and what its rows have to meet to be the entries asked for."""
        return SQL("{} AS entry{}").format(self._name, self._columns.where(conditions))

    def _refuse_other_than_a_query(self) -> None:
        """Raise SourceError if the profile's SQL is anything but expressions, which make one SELECT.

        The server itself refuses anything else: it opens a cursor for the text, and runs none of it.
        """
        names = [PAYLOAD] if self.info.hasher.sql else []
        if not (names or self.info.profile.where):
            return
        text = self._reading([SEQUENCE, *names], ()).as_string(self._connection)
        block = SQL("DECLARE c refcursor; BEGIN OPEN c NO SCROLL FOR EXECUTE {}; CLOSE c; END").format(Literal(text))
        with self.catalog():
            try:
                self._run(SQL("DO {}").format(Literal(block.as_string(self._connection))))
            except SourceError as error:
                message = f"The SQL of the profile {self.info.profile.name} cannot be run: {error.message}"
                raise SourceError(message, "Correct the profile.", sqlstate=error.sqlstate) from error

    @cached_property
    def _columns(self) -> TableColumns:
        return TableColumns(self.info)

    @cached_property
    def _is_unique(self) -> bool:
        """Whether an index makes the sequence numbers unique, within a stream if there are several."""
        profile = self.info.profile
        key = sorted([*profile.streams, profile.column(SEQUENCE)])
        keys = self.rows(sql("unique_indexes.sql"))
        return any(row["is_enforced"] and sorted(row["columns"]) == key for row in keys)

    @contextmanager
    def catalog(self) -> Iterator[PostgresSnapshot]:
        """Let one check query the catalog; a query that fails or changes settings does not affect the next check."""
        self._run("SAVEPOINT isolated")
        try:
            yield self
        finally:
            if not self._connection.closed:
                self._run("ROLLBACK TO SAVEPOINT isolated; RELEASE SAVEPOINT isolated")

    @contextmanager
    def queries(self) -> Iterator[PostgresQueries]:
        """Let one check ask in SQL over a connection of its own, so that its changes to the session end with it."""
        reason = self.unreadable("sequence_number")
        if reason is not None:
            raise SourceError(f"SQL cannot be run on the ledger: {reason}.", "See what table_guard reports.")
        with self._source.snapshot(self.share()) as own:
            own._run(f"{_NO_INDEX}; SET LOCAL enable_sort = on")  # as in `select`
            yield PostgresQueries(own._connection, own.info, self._source.label, self._source.timeout)

    def stop(self) -> None:
        """Stop the statements of this connection and of those that joined its snapshot.

        Call it from another thread, again and again until the reading has ended. It asks the server; if that does not
        help within STOP_S, it shuts the connection down. It never waits and never raises.
        """
        statement, now = self._connection.line.statement, time.monotonic()
        if self._asked[0] != statement:
            self._asked = (statement, now)
        elif now - self._asked[1] > STOP_S and self._connection.line.is_waiting:
            self._connection.line.hang_up()
        if self._cancelling is None or not self._cancelling.is_alive():
            self._cancelling = Thread(target=self._cancel, name="audit-ledger-cancel", daemon=True)
            self._cancelling.start()

    def _cancel(self) -> None:
        with suppress(psycopg2.Error, SourceError):
            self._connection.cancel()
            if self._shared is not None:
                # over another connection: a thread may be reading from this one
                with closing(self._source.connect()) as connection, connection.cursor() as cursor:
                    self._source.watch(connection)
                    cursor.execute(sql("cancel_joined.sql"), {"name": self._source.name_of(self._shared)})
                    cursor.execute(sql("end_readers.sql"), {"name": self._source.name_of(self._shared, READER)})

    def end_readers(self) -> None:
        """End the sessions that readers left: no timeout ends a COPY to a frozen process. It never raises."""
        if self._shared is not None:
            with suppress(SourceError), self.catalog():
                self._run(sql("end_readers.sql"), {"name": self._source.name_of(self._shared, READER)})


def _milliseconds(seconds: float) -> Composable:
    return Literal(round(seconds * 1000))


_WITH_ROWS = frozenset("rpvmf")
"""Relations that can be read as a table: ordinary and partitioned tables, views of both kinds, foreign tables."""
