"""A ledger that may be tampered with: a made one, or a copy in a scratch database. Never anybody's own.

Everything is done as the owner of the table: what the ledger brings along (triggers, rules, functions in constraints)
runs with the owner's rights and no others. The little that takes a superuser is what `Superuser` can do.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timezone
from itertools import groupby, islice
from typing import Any

import psycopg2
from psycopg2.errorcodes import INSUFFICIENT_PRIVILEGE
from psycopg2.extras import RealDictCursor
from psycopg2.sql import SQL, Composable, Identifier, Literal
from typing_extensions import Self

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.append_only import STATES
from pytest_audit_ledger.model.entry import GENESIS_HASH, PAYLOAD_COLUMNS, Entry, canonical_timestamp, entry_hash
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.sql_names import quoted, split_name
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, PROVENANCE_COLUMNS, Provenance, copy_rows, sample_entries
from pytest_audit_ledger.sources import dsn as dsns
from pytest_audit_ledger.sources.pg_errors import explain

ROWS_A_COPY = 20_000

Statement = str | Composable
Name = str | tuple[str, ...]

_NO_NAMES: Mapping[str, Name] = {}

_TAKE_ANOTHER = "Take entries that hang together, from the first on; verify shows where these do not."


class ScratchLedger:
    """One ledger, and a session of its owner who tampers with it. Whatever PostgreSQL refuses is a SourceError."""

    def __init__(self, dsn: str, table: str = "ledger_entries") -> None:
        """Connect to the database `dsn`, in which the ledger is `table`, or will be.

        Raises UsageError where one of them cannot be read, SourceError where no connection can be made.
        """
        self.dsn = dsn
        self.schema, self.table = split_name(table)
        self.name = Identifier(self.schema, self.table)
        self.connection = _connected(dsn)
        self.run("SET TimeZone = 'UTC'; SET search_path = ''")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def another(self) -> ScratchLedger:
        """Return another session of the same role, with the settings that new sessions have."""
        return ScratchLedger(self.dsn, quoted(self.schema, self.table))

    # Statements.

    def statement(self, template: str, names: Mapping[str, Name] = _NO_NAMES, /, **values: Any) -> Composable:
        """Return a statement in which `{ledger}` is the table, and what else stands in braces a name or a value.

        A name of several parts is a tuple. All are quoted as SQL wants them, but for what is SQL already.
        """
        parts: dict[str, Composable] = {"ledger": self.name}
        parts.update({name: Identifier(*((text,) if isinstance(text, str) else text)) for name, text in names.items()})
        parts.update({name: _quoted(value) for name, value in values.items()})
        return SQL(template).format(**parts)

    def run(self, statement: Statement, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run statements; return the rows of the last one."""
        return self._run(statement, parameters)[0]

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query by column, as a guard asks it (`model.questions.Catalog`)."""
        found, _ = self._run(statement, {**(parameters or {}), "table": self.oid()}, RealDictCursor)
        return [dict(row) for row in found]

    def change(self, template: str, least: int = 1, /, **values: Any) -> None:
        """Change rows while no trigger fires. Raises SourceError where fewer than `least` are changed."""
        with self.guards_down():
            _, count = self._run(self.statement(template, **values))
        if count < least:
            raise SourceError(
                f"PostgreSQL changed {count:,} rows of the ledger where it was told to change {least:,}.",
                "Look for a rule or a policy on the ledger that makes something else of a change.",
            )

    def _run(self, statement: Statement, parameters: Any = None, factory: Any = None) -> tuple[list[Any], int]:
        try:
            with self.connection.cursor(cursor_factory=factory) as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else [], cursor.rowcount
        except psycopg2.Error as error:
            raise _refused(error, self.dsn) from None
        except (ValueError, OverflowError) as error:  # a moment, or a document, that Python has no value for
            raise SourceError(f"What the ledger holds cannot be read: {error}.", _TAKE_ANOTHER) from None

    def oid(self) -> int:
        """Return by what PostgreSQL knows the table. Raises SourceError where there is none."""
        found = self.run(sql("find_table.sql"), {"schema": self.schema, "name": self.table})
        if not found:
            raise SourceError(f"There is no table {self.schema}.{self.table} to tamper with.", "Name the ledger.")
        return int(found[0][0])

    # What is there.

    def columns(self) -> list[str]:
        """Return the columns that a row can be given, without those that are computed."""
        found = self.rows(
            "SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = %(table)s AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
        )
        return [row["name"] for row in found]

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest sequence number. Raises SourceError where there are no entries."""
        ((low, high),) = self.run(
            self.statement("SELECT pg_catalog.min(sequence_number), pg_catalog.max(sequence_number) FROM {ledger}")
        )
        if low is None:
            raise SourceError("The ledger has no entries to tamper with.", _TAKE_ANOTHER)
        return int(low), int(high)

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries from a sequence number on, as the ledger holds them."""
        names = list(PAYLOAD_COLUMNS.values())
        found = self.run(
            self.statement(
                "SELECT {columns} FROM {ledger} WHERE sequence_number >= {first} ORDER BY sequence_number",
                columns=listed(names),
                first=first,
            )
        )
        for row in found:
            values = dict(zip(names, row, strict=True))
            moment = values["timestamp"]
            if moment is None:
                raise SourceError(f"Entry {values['sequence_number']} has no timestamp to hash.", _TAKE_ANOTHER)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            yield Entry(**{**values, "timestamp": canonical_timestamp(aware)})

    def entry(self, number: int) -> Entry:
        """Return one entry. Raises SourceError where there is none of this number."""
        found = next(self.entries(number), None)
        if found is None or found.sequence_number != number:
            raise SourceError(f"The ledger has no entry {number:,}.", _TAKE_ANOTHER)
        return found

    def row(self, number: int) -> dict[str, Any]:
        """Return every column of an entry, documents as Python has them. Raises SourceError as `entry` does."""
        names = self.columns()
        found = self.run(
            self.statement(
                "SELECT {columns} FROM {ledger} WHERE sequence_number = {number} LIMIT 1",
                columns=listed(names),
                number=number,
            )
        )
        if not found:
            raise SourceError(f"The ledger has no entry {number:,}.", _TAKE_ANOTHER)
        return dict(zip(names, found[0], strict=True))

    # What is done to it.

    def build(
        self,
        count: int = 100,
        *,
        schema: str = "2.1",
        entries: Iterable[Entry] | None = None,
        provenance: Provenance | None = None,
    ) -> Self:
        """Create public.ledger_entries with its guards, and append `count` sample entries, or these.

        `schema` is "2.1" or "3"; `provenance` returns what is beside an entry in schema v3.
        """
        v3 = sql("schema_v3.sql") if schema == "3" else ""
        self.run(f"BEGIN; SET LOCAL search_path = public; {sql('schema.sql')}{v3}{sql('append_only.sql')}COMMIT")
        self.append(sample_entries(count) if entries is None else entries, provenance)
        return self

    def append(self, entries: Iterable[Entry], provenance: Provenance | None = None) -> None:
        """Append entries with their hashes, as they are, and with what is beside them in schema v3."""
        rows = copy_rows(entries, provenance)
        columns = listed([*COPY_COLUMNS, *(PROVENANCE_COLUMNS if provenance else ())])
        statement = self.statement("COPY {ledger} ({columns}) FROM STDIN", columns=columns)
        try:
            with self.connection.cursor() as cursor:
                while chunk := "".join(islice(rows, ROWS_A_COPY)):
                    cursor.copy_expert(statement, io.StringIO(chunk))
        except psycopg2.Error as error:
            raise _refused(error, self.dsn) from None

    def triggers(self) -> list[dict[str, Any]]:
        """Return the triggers of the ledger and of its partitions and child tables, as sql/triggers.sql tells them."""
        return [row for row in self.rows(sql("triggers.sql")) if row["name"] is not None]

    @contextmanager
    def guards_down(self) -> Iterator[None]:
        """Switch every trigger off, and on leaving back to the very state that it was found in.

        Partitions and child tables have triggers of their own; each is switched by itself.
        """
        found = [row for row in self.triggers() if row["enabled"] != "D"]
        self._switch(found, lambda _: "DISABLE")
        try:
            yield
        finally:
            self._switch(found, lambda row: STATES[row["enabled"]])

    def _switch(self, triggers: Iterable[dict[str, Any]], how: Callable[[dict[str, Any]], str]) -> None:
        for relation, rows in groupby(triggers, lambda row: (row["schema"], row["table"])):
            switches = [SQL("{} TRIGGER {}").format(SQL(how(row)), Identifier(row["name"])) for row in rows]
            self.run(SQL("ALTER TABLE ONLY {} {}").format(Identifier(*relation), SQL(", ").join(switches)))

    def store(self, numbers: Iterable[int], **columns: Any) -> None:
        """Put something else into columns of entries; a dict or a list becomes a document."""
        asked = list(numbers)
        sets = [SQL("{} = {}").format(Identifier(name), _value(value)) for name, value in columns.items()]
        self.change(
            "UPDATE {ledger} SET {sets} WHERE sequence_number = ANY ({numbers})",
            len(asked),
            sets=SQL(", ").join(sets),
            numbers=asked,
        )

    def delete(self, first: int, last: int) -> None:
        """Take out the entries from `first` to `last`."""
        self.change(
            "DELETE FROM {ledger} WHERE sequence_number BETWEEN {first} AND {last}",
            last - first + 1,
            first=first,
            last=last,
        )

    def insert_like(self, number: int, **columns: Any) -> None:
        """Insert a row like the entry of this number, but for these columns and its id, which is the next one."""
        names = [name for name in self.columns() if name != "id"]
        values = [_value(columns[name]) if name in columns else Identifier(name) for name in names]
        self.change(
            "INSERT INTO {ledger} ({names}) SELECT {values} FROM {ledger} WHERE sequence_number = {number} LIMIT 1",
            names=listed(names),
            values=SQL(", ").join(values),
            number=number,
        )

    def renumber(self, first: int, by: int) -> None:
        """Add `by` to the sequence number of the entry `first` and of every later one."""
        away = self.bounds()[1] + abs(by) + 1  # past every number, so that no two rows meet on their way
        for step, start in ((away, first), (by - away, first + away)):
            self.change(
                "UPDATE {ledger} SET sequence_number = sequence_number + {step} WHERE sequence_number >= {start}",
                step=step,
                start=start,
            )

    def relink(self, first: int) -> None:
        """Give the entry `first` and every later one a link and a hash that fit."""
        before = self.run(
            self.statement(
                "SELECT entry_hash FROM {ledger} WHERE sequence_number < {first} ORDER BY sequence_number DESC LIMIT 1",
                first=first,
            )
        )
        links = [before[0][0] if before else GENESIS_HASH]
        numbers = []
        for entry in self.entries(first):
            numbers.append(entry.sequence_number)
            links.append(entry_hash(replace(entry, previous_hash=links[-1])))
        self.change(
            "UPDATE {ledger} AS old SET previous_hash = new.link, entry_hash = new.digest "
            "FROM unnest({numbers}::pg_catalog.int8[], {links}::pg_catalog.text[], {hashes}::pg_catalog.text[]) "
            "AS new (number, link, digest) WHERE old.sequence_number = new.number",
            len(numbers),
            numbers=numbers,
            links=links[:-1],
            hashes=links[1:],
        )

    def rewrite(self, first: int, change: Callable[[Entry], Entry]) -> None:
        """Change the entry `first`, then give it and every later entry a hash and a link that fit."""
        old = self.entry(first)
        changed = {name: value for name, value in vars(change(old)).items() if value != getattr(old, name)}
        if changed:
            self.store([first], **changed)
        self.relink(first)


def _refused(error: psycopg2.Error, dsn: str) -> SourceError:
    label = dsns.mask(dsns.parse(dsn))
    if error.pgcode == INSUFFICIENT_PRIVILEGE:  # which guards raise as well
        words = printable(error.diag.message_primary or "", 300)
        return SourceError(f"It was refused to the owner of the table: {label} ({words}).", "Look for what refuses it.")
    return explain(error, label)


def _connected(dsn: str) -> psycopg2.extensions.connection:
    try:
        connection = psycopg2.connect(dsn)
    except psycopg2.Error as error:
        raise _refused(error, dsn) from None
    connection.autocommit = True
    return connection


def listed(names: Iterable[str]) -> Composable:
    """Return names as SQL lists them."""
    return SQL(", ").join(map(Identifier, names))


def _quoted(value: object) -> Composable:
    return value if isinstance(value, Composable) else Literal(value)


def _value(value: Any) -> Composable:
    return Literal(json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value)


@dataclass(frozen=True)
class Superuser:
    """What takes a superuser of the scratch server, over a connection of its own to the database of the ledger.

    A superuser can do anything, and the ledger may hold functions that wait for one. So nothing here touches a row of
    it: what is changed are PostgreSQL's own catalogues, by names that cannot be anybody else's.
    """

    dsn: str

    @contextmanager
    def replica_sessions(self, ledger: ScratchLedger) -> Iterator[None]:
        """Let sessions that the ledger's owner begins meanwhile be those of a replica, as logical replication's are."""
        ((role, database),) = ledger.run("SELECT current_user, pg_catalog.current_database()")
        names = {"role": role, "database": database}
        setting = "ALTER ROLE {role} IN DATABASE {database} %s session_replication_role"
        self._run(ledger.statement(f"{setting % 'SET'} = 'replica'", names))
        try:
            yield
        finally:
            self._run(ledger.statement(setting % "RESET", names))

    @contextmanager
    def blind_indexes(self, ledger: ScratchLedger) -> Iterator[None]:
        """Let no index of the ledger and its partitions take notice of the rows that are written meanwhile."""
        table = ledger.oid()
        template = (
            "UPDATE pg_catalog.pg_index SET indisready = {ready} WHERE indrelid = {table} "
            "OR indrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree({table}::pg_catalog.oid))"
        )
        self._run(ledger.statement(template, ready=False, table=table))
        try:
            yield
        finally:
            self._run(ledger.statement(template, ready=True, table=table))

    def _run(self, statement: Composable) -> None:
        try:
            with closing(_connected(self.dsn)) as connection, connection.cursor() as cursor:
                cursor.execute("SET search_path = ''")
                cursor.execute(statement)
        except psycopg2.Error as error:
            raise _refused(error, self.dsn) from None
