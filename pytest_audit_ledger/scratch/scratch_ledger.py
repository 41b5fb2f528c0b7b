"""A ledger in a scratch database that may be tampered with: a made-up one, or a copy. Never the user's own.

Everything is done as the owner of the table, so that the code of the ledger (triggers, rules, functions in constraints)
runs with the owner's privileges only. What needs a superuser is in `superuser.py`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timezone
from functools import cached_property
from itertools import groupby, islice
from typing import Any, TypeVar

import psycopg2
from psycopg2.errorcodes import INSUFFICIENT_PRIVILEGE
from psycopg2.extras import RealDictCursor
from psycopg2.sql import SQL, Composable, Identifier, Literal

if sys.version_info >= (3, 11):
    from typing import Self
else:
    from typing_extensions import Self

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.kinds.append_only import STATES
from pytest_audit_ledger.model.batch import Batch, json_text, plain_text, shown
from pytest_audit_ledger.model.entry import PAYLOAD_COLUMNS, Entry, canonical_timestamp
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.profile import BEFORE, HASH, ORDER, PAYLOAD, PREVIOUS, SEQUENCE, STREAM, Profile, own
from pytest_audit_ledger.model.profile_coverage import all_versions
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.model.sql_names import closed, quoted, split_name
from pytest_audit_ledger.scratch.sample import COPY_COLUMNS, PROVENANCE_COLUMNS, Provenance, copy_rows, sample_entries
from pytest_audit_ledger.sources.connection import connected
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.sources.pg_errors import explain
from pytest_audit_ledger.sources.postgres import PostgresSource

ROWS_A_COPY = 20_000

Statement = str | Composable
Name = str | tuple[str, ...]

_Found = TypeVar("_Found")

_NO_NAMES: Mapping[str, Name] = {}
_NO_VALUES: Mapping[str, Composable] = {}

TAKE_ANOTHER = "Use a ledger whose entries are consistent. To find the inconsistent entries, run `audit-ledger verify`."


class ScratchLedger:
    """One ledger, and a session of its owner. Everything that PostgreSQL refuses raises SourceError."""

    def __init__(self, dsn: str | Dsn, table: str = "ledger_entries", profile: Profile = SKI) -> None:
        """Connect to the database `dsn`; `table` is the ledger in it, which may not exist yet.

        Of a ledger with several streams, its methods see and change only the entries of the longest one.
        Raises UsageError if one of them cannot be read, SourceError if the connection fails.
        """
        self.database, self.profile = Dsn(dsn), profile
        self.schema, self.table = split_name(table)
        self.name = Identifier(self.schema, self.table)
        self.connection = session(self.database)
        self.run("SET TimeZone = 'UTC'; SET search_path = ''")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def another(self) -> ScratchLedger:
        """Return another session of the same role, with the settings of new sessions."""
        return ScratchLedger(self.database, quoted(self.schema, self.table), self.profile)

    # Statements.

    def statement(self, template: str, names: Mapping[str, Name] = _NO_NAMES, /, **values: Any) -> Composable:
        """Return a statement from a template with `{ledger}` for the table, and other names and values in braces.

        `{sequence}` is the number of an entry, and `{scope}` the condition that a row is an entry of the stream.
        A name of several parts is a tuple. Names and values are quoted, except for values that are already SQL.
        """
        parts: dict[str, Composable] = {"ledger": self.name, "sequence": self._sequence}
        if "{scope}" in template:
            parts["scope"] = self._scope
        parts.update({name: Identifier(*((text,) if isinstance(text, str) else text)) for name, text in names.items()})
        parts.update({name: _quoted(value) for name, value in values.items()})
        return SQL(template).format(**parts)

    def run(self, statement: Statement, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run statements; return the rows of the last one."""
        return self._run(statement, parameters)[0]

    def execute(self, template: str, names: Mapping[str, Name] = _NO_NAMES, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run what `statement` makes of a template; return the rows of the last statement in it."""
        return self.run(self.statement(template, names, **values))

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query by column name, as `model.questions.Catalog` does."""
        found, _ = self._run(statement, {**(parameters or {}), "table": self.oid()}, RealDictCursor)
        return [dict(row) for row in found]

    def change(self, template: str, least: int = 1, /, **values: Any) -> None:
        """Change rows while no trigger fires. Raises SourceError if fewer than `least` rows are changed."""
        with self.guards_down():
            _, count = self._run(self.statement(template, **values))
        if count < least:
            raise SourceError(
                f"PostgreSQL changed {count:,} rows of the ledger instead of {least:,}.",
                "Look for a rule or a policy on the ledger that prevents or replaces a change.",
            )

    def _run(self, statement: Statement, parameters: Any = None, factory: Any = None) -> tuple[list[Any], int]:
        try:
            with self.connection.cursor(cursor_factory=factory) as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else [], cursor.rowcount
        except psycopg2.Error as error:
            raise refused(error, self.database) from error
        except (ValueError, OverflowError) as error:  # a timestamp or a number that Python cannot hold
            raise SourceError(f"An entry of the ledger cannot be read: {error}.", TAKE_ANOTHER) from error

    def oid(self) -> int:
        """Return the oid of the table. Raises SourceError if there is no such table."""
        found = self.run(sql("find_table.sql"), {"schema": self.schema, "name": self.table})
        if not found:
            raise SourceError(f"There is no table {self.schema}.{self.table}.", "Name the table of the ledger.")
        return int(found[0][0])

    # Roles.

    @property
    def _sequence(self) -> Composable:
        column = Identifier(self.profile.column(SEQUENCE))
        return SQL("{}::pg_catalog.int8").format(column) if self.profile.sequence_as else column

    @cached_property
    def _longest(self) -> str:
        """The longest stream, as text. Raises SourceError if there are no entries."""
        query = "SELECT {stream} FROM {ledger} AS entry WHERE {is_entry} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        found = self.execute(query, stream=self._stream, is_entry=self._is_entry)
        if not found:
            raise SourceError("The ledger has no entries.", TAKE_ANOTHER)
        return str(found[0][0])

    @property
    def _is_entry(self) -> Composable:
        return SQL("({})").format(SQL(closed(self.profile.where))) if self.profile.where else SQL("true")

    @property
    def _scope(self) -> Composable:
        """The condition that a row is an entry of the longest stream."""
        if not self.profile.streams:
            return self._is_entry
        return SQL("{} AND {} = {}").format(self._is_entry, self._stream, Literal(self._longest))

    @property
    def _stream(self) -> Composable:
        """The stream of a row as text, as `sources/table_columns.py` reads it."""
        columns = [Identifier(column) for column in self.profile.streams]
        one = columns[0] if len(columns) == 1 else SQL("ROW({})").format(SQL(", ").join(columns))
        return SQL("{}::pg_catalog.text").format(one)

    # Reading.

    def columns(self) -> list[str]:
        """Return the columns that a row can be given, which excludes generated ones."""
        return [row["name"] for row in self.rows(sql("writable_columns.sql"))]

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest sequence number. Raises SourceError if there are no entries."""
        bounds = "SELECT pg_catalog.min({sequence}), pg_catalog.max({sequence}) FROM {ledger} AS entry WHERE {scope}"
        ((low, high),) = self.execute(bounds)
        if low is None:
            raise SourceError("The ledger has no entries.", TAKE_ANOTHER)
        return int(low), int(high)

    def middle(self) -> int:
        """Return the entry next to the middle that has one right before it and three right after it.

        Raises SourceError if there is none.
        """
        found = self.execute(
            "SELECT number FROM (SELECT {sequence} AS number, lag({sequence}) OVER w AS before, "
            "lead({sequence}, 3) OVER w AS after, 2 * row_number() OVER w - count(*) OVER () AS off "
            "FROM {ledger} AS entry WHERE {scope} WINDOW w AS (ORDER BY {sequence})) AS placed "
            "WHERE before = number - 1 AND after = number + 3 ORDER BY pg_catalog.abs(off), number LIMIT 1"
        )
        if not found:
            raise SourceError("No five entries of the ledger have consecutive numbers.", TAKE_ANOTHER)
        return int(found[0][0])

    def entries(self, first: int = 1) -> Iterator[Entry]:
        """Yield the entries of a SKI ledger from a sequence number on, as they are stored."""
        names = list(PAYLOAD_COLUMNS.values())
        found = self.execute(
            "SELECT {columns} FROM {ledger} WHERE sequence_number >= {first} ORDER BY sequence_number",
            columns=listed(names),
            first=first,
        )
        for row in found:
            values = dict(zip(names, row, strict=True))
            moment = values["timestamp"]
            if moment is None:
                raise SourceError(f"Entry {values['sequence_number']} has no timestamp to hash.", TAKE_ANOTHER)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            yield Entry(**{**values, "timestamp": canonical_timestamp(aware)})

    def entry(self, number: int) -> Entry:
        """Return one entry. Raises SourceError if there is no entry with this sequence number."""
        return _one([one for one in islice(self.entries(number), 1) if one.sequence_number == number], number)

    def row(self, number: int) -> dict[str, Any]:
        """Return every column of an entry, JSON as Python objects. Raises SourceError if there is no such entry."""
        names = self.columns()
        found = self.execute(
            "SELECT {columns} FROM {ledger} AS entry WHERE {sequence} = {number} AND {scope} LIMIT 1",
            columns=listed(names),
            number=number,
        )
        return dict(zip(names, _one(found, number), strict=True))

    @cached_property
    def sql_payload(self) -> str:
        """The expression with which the server builds payloads; empty if the profile has no recipe in SQL."""
        return next((one.payload["sql"] for one in all_versions(self.profile).values() if "sql" in one.payload), "")

    def payload(self, number: int, changed: Mapping[str, Composable] = _NO_VALUES) -> str | None:
        """Return the payload that the server builds for an entry, as PostgreSQL prints a bytea; None if it has none.

        `changed`: columns that have other values for this time, in SQL. Raises SourceError if there is no such entry.
        """
        values = [
            SQL("{} AS {}").format(changed.get(name, Identifier(name)), Identifier(name)) for name in self.columns()
        ]
        found = self.execute(
            "SELECT ({expression})::pg_catalog.text FROM (SELECT {values} FROM {ledger} AS entry "
            "WHERE {sequence} = {number} AND {scope} LIMIT 1) AS entry",
            expression=SQL(closed(self.sql_payload)),
            values=SQL(", ").join(values),
            number=number,
        )
        (payload,) = _one(found, number)
        return None if payload is None else str(payload)

    # Changing.

    def build(
        self,
        count: int = 100,
        *,
        schema: str = "2.1",
        entries: Iterable[Entry] | None = None,
        provenance: Provenance | None = None,
    ) -> Self:
        """Create public.ledger_entries with its protections, and append `count` sample entries, or `entries`.

        `schema` is "2.1" or "3"; `provenance` returns the columns that schema v3 adds to an entry.
        """
        v3 = sql("schema_v3.sql") if schema == "3" else ""
        self.run(f"BEGIN; SET LOCAL search_path = public; {sql('schema.sql')}{v3}{sql('append_only.sql')}COMMIT")
        self.append(sample_entries(count) if entries is None else entries, provenance)
        return self

    def append(self, entries: Iterable[Entry], provenance: Provenance | None = None) -> None:
        """Append entries as they are, with their hashes and the columns that `provenance` returns for them."""
        rows = copy_rows(entries, provenance)
        columns = listed([*COPY_COLUMNS, *(PROVENANCE_COLUMNS if provenance else ())])
        statement = self.statement("COPY {ledger} ({columns}) FROM STDIN", columns=columns)
        try:
            with self.connection.cursor() as cursor:
                while chunk := "".join(islice(rows, ROWS_A_COPY)):
                    cursor.copy_expert(statement, io.StringIO(chunk))
        except psycopg2.Error as error:
            raise refused(error, self.database) from error

    def triggers(self) -> list[dict[str, Any]]:
        """Return the triggers of the ledger and of its partitions and child tables, as rows of sql/triggers.sql."""
        return [row for row in self.rows(sql("triggers.sql")) if row["name"] is not None]

    @contextmanager
    def guards_down(self) -> Iterator[None]:
        """Disable every trigger and allow values in GENERATED ALWAYS AS IDENTITY columns; restore both on leaving.

        Partitions and child tables have triggers of their own; each is switched separately.
        """
        found = [row for row in self.triggers() if row["enabled"] != "D"]
        identities = self.rows(
            "SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = %(table)s AND attidentity = 'a'"
        )
        self._switch(found, lambda _: "DISABLE")
        self._generate(identities, "BY DEFAULT")
        try:
            yield
        finally:
            self._generate(identities, "ALWAYS")
            self._switch(found, lambda row: STATES[row["enabled"]])

    def _generate(self, columns: Iterable[Mapping[str, Any]], when: str) -> None:
        for column in columns:
            self.execute(f"ALTER TABLE {{ledger}} ALTER COLUMN {{name}} SET GENERATED {when}", {"name": column["name"]})

    def _switch(self, triggers: Iterable[dict[str, Any]], how: Callable[[dict[str, Any]], str]) -> None:
        for relation, rows in groupby(triggers, lambda row: (row["schema"], row["table"])):
            switches = [SQL("{} TRIGGER {}").format(SQL(how(row)), Identifier(row["name"])) for row in rows]
            self.run(SQL("ALTER TABLE ONLY {} {}").format(Identifier(*relation), SQL(", ").join(switches)))

    def store(self, numbers: Iterable[int], **columns: Any) -> None:
        """Overwrite columns of entries, by role or by their own names; a dict or a list becomes JSON."""
        asked = list(numbers)
        named = {self.profile.column(name): value for name, value in columns.items()}
        sets = [SQL("{} = {}").format(Identifier(name), _value(value)) for name, value in named.items()]
        self.change(
            "UPDATE {ledger} AS entry SET {sets} WHERE {sequence} = ANY ({numbers}) AND {scope}",
            len(asked),
            sets=SQL(", ").join(sets),
            numbers=asked,
        )

    def delete(self, first: int, last: int) -> None:
        """Delete the entries from `first` to `last`."""
        self.change(
            "DELETE FROM {ledger} AS entry WHERE {sequence} BETWEEN {first} AND {last} AND {scope}",
            1 if self.profile.gaps else last - first + 1,
            first=first,
            last=last,
        )

    def keep_first(self, count: int) -> None:
        """Delete all entries but those at the first positions (see `checkpoints/positions.py`), of every stream."""
        order = self.profile.column(ORDER if self.profile.streams else SEQUENCE)
        self.change(
            "DELETE FROM {ledger} AS entry WHERE {is_entry} AND {order} NOT IN "
            "(SELECT {order} FROM {ledger} AS entry WHERE {is_entry} ORDER BY 1 LIMIT {count})",
            1,
            is_entry=self._is_entry,
            order=Identifier(order),
            count=count,
        )

    def insert_like(self, number: int, **columns: Any) -> None:
        """Insert a copy of an entry with other values in these columns, and with the next id."""
        given = {self._own(name): _value(value) for name, value in columns.items()}
        given = {**self.new_keys(), **given}
        names = self.columns()
        values = [given.get(name, Identifier(name)) for name in names]
        self.change(
            "INSERT INTO {ledger} ({names}) SELECT {values} FROM {ledger} AS entry "
            "WHERE {sequence} = {number} AND {scope} LIMIT 1",
            names=listed(names),
            values=SQL(", ").join(values),
            number=number,
        )

    def insert_linked(self, number: int, linked_to: int, **columns: str | int) -> None:
        """Insert a copy of an entry with other values in these columns, linked to an entry, and a matching hash.

        If the server builds payloads and no column holds the link, `linked_to` must be the entry before the new one.
        """
        info, entries = self._hashable()
        numbers = entries.sequence_numbers
        if self.sql_payload:
            self.insert_like(number, **columns)
            new = int(columns.get(SEQUENCE, number))
            self._hash_on_server(info, entries, new, number, entries.text(HASH)[numbers.index(linked_to)])
            return
        one = entries.rows([numbers.index(number)])
        for name, value in columns.items():
            for kept in (name, own(self.profile.column(name))):
                one = one.having(kept, [json_text(str(value))])
        made = _rehashed(info, one, entries.text(HASH)[numbers.index(linked_to)])
        self.insert_like(number, **columns, **{name: plain_text(text) for name, text in made.items()})

    def renumber(self, first: int, by: int) -> None:
        """Add `by` to the sequence number of the entry `first` and of every later one."""
        away = self.bounds()[1] + abs(by) + 1  # beyond every number, so that no two rows collide on the way
        for step, start in ((away, first), (by - away, first + away)):
            self.change(
                "UPDATE {ledger} AS entry SET {column} = {sequence} + {step} WHERE {sequence} >= {start} AND {scope}",
                column=Identifier(self.profile.column(SEQUENCE)),
                step=step,
                start=start,
            )

    def new_keys(self) -> dict[str, Composable]:
        """Return what a copied row gets in the columns of its primary key that are no part of the chain."""
        keys = self.rows(
            "SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, NULL) AS type FROM pg_catalog.pg_index i "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
            "WHERE i.indrelid = %(table)s AND i.indisprimary"
        )
        named = {*self.profile.streams, self.profile.column(SEQUENCE)}
        return {key["name"]: self._unused(**key) for key in keys if key["name"] not in named}

    def _unused(self, name: str, type: str) -> Composable:  # noqa: A002  (the name of the column in the catalog)
        if type in ("smallint", "integer", "bigint", "numeric"):
            return self.statement("(SELECT pg_catalog.max({name}) + 1 FROM {ledger})", {"name": name})
        return SQL("pg_catalog.left(pg_catalog.md5(pg_catalog.random()::pg_catalog.text), 10)")

    def relink(self, first: int, last: int | None = None) -> None:
        """Give the entry `first` and every later one, or those up to `last`, a valid link and hash."""
        info, entries = self._hashable()
        numbers = [number or 0 for number in entries.sequence_numbers]
        start = numbers.index(first)
        link = entries.text(HASH)[start - 1] if start else None
        if self.sql_payload:
            for number in numbers[start : len(numbers) if last is None else numbers.index(last) + 1]:
                link = self._hash_on_server(info, entries, number, number, link)
            return
        made: list[dict[str, str]] = []
        for place in range(start, len(numbers) if last is None else numbers.index(last) + 1):
            made.append(_rehashed(info, entries.rows([place]), link))
            link = made[-1][HASH]
        columns = {self._own(name): [plain_text(one[name]) for one in made] for name in made[0]}
        self._overwrite(info, numbers[start : start + len(made)], columns)

    def _hash_on_server(self, info: LedgerInfo, entries: Batch, number: int, like: int, link: str | None) -> str:
        """Give an entry a link, if a column holds it, and the hash of the payload that the server then builds.

        `like`: an entry of `entries` that is hashed in the same version. Returns the hash, as JSON text.
        """
        if self.profile.has(PREVIOUS):
            self.store([number], **{PREVIOUS: self.profile.genesis.text if link is None else plain_text(link)})
        one = entries.rows([entries.sequence_numbers.index(like)]).having(PAYLOAD, [json_text(self.payload(number))])
        (found,) = info.hasher.hashes(one)
        if found is None:
            raise SourceError(f"Entry {number} has no hash: {info.hasher.obstacle(one, 0)}.", TAKE_ANOTHER)
        self.store([number], **{HASH: plain_text(found)})
        return found

    def _own(self, name: str) -> str:
        return name[1:] if name.startswith(".") else self.profile.column(name)

    def _hashable(self) -> tuple[LedgerInfo, Batch]:
        """Return what is known of the ledger, and the entries of the stream with what their hashes are made of."""
        columns: dict[str, list[str]] = {}
        source = PostgresSource(self.database, quoted(self.schema, self.table), profile=self.profile)
        with source.snapshot() as snapshot:
            streams = [STREAM] if self.profile.streams else []
            names = list(dict.fromkeys([SEQUENCE, *streams, HASH, *snapshot.info.hasher.columns]))

            def take(batch: Batch) -> None:
                for stream, entries in batch.streams():
                    if not streams or shown(stream) == self._longest:
                        for name in names:
                            columns.setdefault(name, []).extend(entries.text(name))

            snapshot.scan(names, Segment(), take)
        return snapshot.info, Batch(columns)

    def _overwrite(self, info: LedgerInfo, numbers: list[int], columns: Mapping[str, list[str | None]]) -> None:
        """Overwrite columns of entries, each with values of its own."""
        news = [Identifier(f"new_{place}") for place in range(len(columns))]
        types = [SQL(info.columns[name].type) for name in columns]
        sets = [
            SQL("{} = new.{}::{}").format(Identifier(name), new, type_)
            for name, new, type_ in zip(columns, news, types, strict=True)
        ]
        self.change(
            "UPDATE {ledger} AS entry SET {sets} FROM unnest({numbers}::pg_catalog.int8[], {values}) "
            "AS new (new_number, {news}) WHERE {sequence} = new.new_number AND {scope}",
            len(numbers),
            sets=SQL(", ").join(sets),
            numbers=numbers,
            values=SQL(", ").join(SQL("{}::pg_catalog.text[]").format(Literal(values)) for values in columns.values()),
            news=SQL(", ").join(news),
        )


def _one(found: Sequence[_Found], number: int) -> _Found:
    """Return the first of what was found of an entry. Raises SourceError if there is no such entry."""
    if not found:
        raise SourceError(f"The ledger has no entry {number:,}.", TAKE_ANOTHER)
    return found[0]


def _rehashed(info: LedgerInfo, entry: Batch, link: str | None) -> dict[str, str]:
    """Return the link and the hashes that an entry should have, as JSON text by column; the first one has no link.

    Raises SourceError if the entry has no payload.
    """
    profile, hasher = info.profile, info.hasher
    made: dict[str, str] = {}
    for column, hashes in hasher.lines(entry).items():
        made[own(column)] = hashes[0] or ""
        entry = entry.having(own(column), [made[own(column)]])
    if link is None:
        genesis = profile.genesis
        link = entry.text(own(genesis.line))[0] if genesis.line else json_text(genesis.text)
    stored = profile.has(PREVIOUS)
    entry = entry.having(PREVIOUS if stored else BEFORE, [link])
    (found,) = hasher.hashes(entry)
    if found is None:
        number = entry.sequence_numbers[0]
        raise SourceError(f"Entry {number} has no hash: {hasher.obstacle(entry, 0)}.", TAKE_ANOTHER)
    return {**made, **({PREVIOUS: link} if stored else {}), HASH: found}


def refused(error: psycopg2.Error, dsn: Dsn) -> SourceError:
    """Return what PostgreSQL refused the owner of a scratch ledger, or a superuser of its server."""
    if error.pgcode == INSUFFICIENT_PRIVILEGE:  # which protections raise, too
        words = printable(error.diag.message_primary or "", 300)
        return SourceError(
            f"The table's owner may not do this: {dsn} ({words}).",
            "Look for the missing privilege, or the trigger that refuses it.",
            error.pgcode,
        )
    return explain(error, str(dsn))


def session(dsn: Dsn) -> psycopg2.extensions.connection:
    """Return a session that commits every statement. Raises SourceError."""
    try:
        connection = connected(dsn)
    except psycopg2.Error as error:
        raise refused(error, dsn) from error
    connection.autocommit = True
    return connection


def listed(names: Iterable[str]) -> Composable:
    """Return names as a list in SQL."""
    return SQL(", ").join(map(Identifier, names))


def _quoted(value: object) -> Composable:
    return value if isinstance(value, Composable) else Literal(value)


def _value(value: Any) -> Composable:
    return Literal(json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value)
