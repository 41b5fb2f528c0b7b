"""The columns of a ledger's table as SQL: this is where the roles of a profile become columns, and columns roles.

A batch names a column by its role, or by `own(column)` if a recipe reads it as the server prints it (model/profile.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import INTEGERS, MOMENT, NAIVE_MOMENT, UNITS_PER_SECOND
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import BEFORE, HASH, ORDER, PAYLOAD, SEQUENCE, STREAM, TIMESTAMP
from pytest_audit_ledger.model.sql_names import closed
from pytest_audit_ledger.sources.copy_text import Layout

_DIGITS = frozenset({"numeric", "text"})
_WHOLE_TEXT = r"{0}::pg_catalog.text ~ '^\s*[+-]?0*[0-9]{{1,18}}\s*$'"
_WHOLE_NUMERIC = "{0} BETWEEN -1e18 AND 1e18 AND {0} = pg_catalog.trunc({0})"
"""Whether a value of another type can be a sequence number. One that cannot counts as missing, so the rest is read."""


class TableColumns:
    """What to select for the names of a batch."""

    def __init__(self, info: LedgerInfo) -> None:
        """Take the table with its profile."""
        self._info, self._profile = info, info.profile

    def unreadable(self, name: str) -> str | None:
        """Return why a column cannot be read as what it should be, None if it can."""
        if name == STREAM:
            return next(filter(None, map(self._missing, self._profile.streams)), None)
        if name == BEFORE:
            return self.unreadable(HASH)  # see Neighbours
        if name == PAYLOAD:
            return None
        column = self._own(name)
        if reason := self._missing(column):
            return reason
        type_ = self._info.columns[column].type
        if name == SEQUENCE and type_ not in INTEGERS and (self._profile.schemas or not _holds_digits(type_)):
            return f"the column {column} is {type_}, so entries have no order"
        if name == TIMESTAMP and not self._is_moment(type_):
            return f"the column {column} is {type_}, so entries have no time"
        return None

    def _missing(self, column: str) -> str | None:
        return None if column in self._info.columns else f"the column {column} is missing"

    def _own(self, name: str) -> str:
        return name[1:] if name.startswith(".") else self._profile.column(name)

    def _is_moment(self, type_: str) -> bool:
        if self._profile.timestamp_unit:
            return type_ in INTEGERS or _holds_digits(type_)
        return type_ in (MOMENT, NAIVE_MOMENT) or (not self._profile.schemas and type_ in ("date", "text"))

    def expression(self, name: str) -> Composable:
        """Return the SQL of a name."""
        if name == STREAM:
            columns = [self._stream(column) for column in self._profile.streams]
            return columns[0] if len(columns) == 1 else SQL("ROW({})::pg_catalog.text").format(SQL(", ").join(columns))
        if name == PAYLOAD:
            return SQL("({})").format(SQL(closed(self._info.hasher.sql)))
        column = self._own(name)
        type_ = self._info.columns[column].type
        if name == SEQUENCE and type_ not in INTEGERS:
            is_whole = _WHOLE_NUMERIC if type_.startswith("numeric") else _WHOLE_TEXT
            return SQL(f"CASE WHEN {is_whole} THEN {{0}}::pg_catalog.int8 END").format(Identifier(column))
        if name == TIMESTAMP and self._profile.timestamp_unit:
            return self._counted(column)
        if type_ == NAIVE_MOMENT and not name.startswith("."):
            return SQL("{}::pg_catalog.timestamptz").format(Identifier(column))  # the session's time zone is UTC
        if name == TIMESTAMP and type_ == "date":
            return SQL("{}::pg_catalog.timestamptz").format(Identifier(column))
        return Identifier(column)

    def _stream(self, column: str) -> Composable:
        """Return the value of a column of the stream, alike for what the server takes for the same."""
        if self._info.columns[column].type.rpartition(".")[2] == "citext":
            return SQL("pg_catalog.lower({}::pg_catalog.text)").format(Identifier(column))
        return Identifier(column)

    def _counted(self, column: str) -> Composable:
        """Return the time of a column that counts units since 1970, infinity if it is in none of the years 1 to 9999.

        PostgreSQL keeps microseconds. One number without a time must not keep the other entries from being read.
        """
        per_second = UNITS_PER_SECOND[self._profile.timestamp_unit]
        microseconds = SQL("({}::pg_catalog.numeric * 1000000 / {})").format(Identifier(column), Literal(per_second))
        return SQL(
            "CASE WHEN {0} NOT BETWEEN -62135596800000000 AND 253402300799999999 "
            "THEN pg_catalog.timestamptz 'infinity' ELSE pg_catalog.timestamptz '1970-01-01 00:00:00+00' "
            "+ pg_catalog.trunc({0})::pg_catalog.int8 * pg_catalog.interval '1 microsecond' END"
        ).format(microseconds)

    def selected(self, names: Sequence[str]) -> tuple[list[Composable], Layout]:
        """Return what to select for these names, each expression once, and where a row then has which of them."""
        expressions: list[Composable] = []
        places: dict[str, int] = {}
        if BEFORE in names:  # it is made of the hash
            names = [HASH, *(name for name in names if name not in (BEFORE, HASH))]
        for name in names:
            expression = self.expression(name)
            if expression not in expressions:
                expressions.append(expression)
            places[name] = expressions.index(expression)
        return expressions, Layout(len(expressions), places, {name for name in names if self._is_canonical(name)})

    def _is_canonical(self, name: str) -> bool:
        column = self._info.columns.get(name)
        return name == TIMESTAMP or (column is not None and column.type in (MOMENT, NAIVE_MOMENT))

    def conditions(self) -> list[Composable]:
        """Return what rows have to meet to be entries."""
        return [SQL("({})").format(SQL(closed(self._profile.where)))] if self._profile.where else []

    def order(self, *, is_unique: bool) -> Iterator[Composable]:
        """Yield what to sort by: stream and sequence number, and unless that is unique also what makes runs sort alike.

        A hash is text, so nothing here sorts by one.
        """
        yield from map(Identifier, self._profile.streams)
        yield self.expression(SEQUENCE)
        if not is_unique:
            order = self._profile.column(ORDER) if self._profile.has(ORDER) else "id"
            if order in self._info.columns:
                yield Identifier(order)
            yield SQL("tableoid, ctid")


def _holds_digits(type_: str) -> bool:
    return type_ in _DIGITS or type_.startswith(("numeric(", "character varying", "character("))


class Neighbours:
    """Adds to each entry the hash of the entry before in its stream, for a ledger that stores no previous hash."""

    def __init__(self, info: LedgerInfo) -> None:
        """Take the ledger, whose profile says what the first entry names."""
        self._genesis = json_text(info.profile.genesis.text)
        self._stream: str | None = None
        self._last = self._genesis

    def added(self, batch: Batch) -> Batch:
        """Return the batch with previous hashes."""
        previous: list[str] = []
        for stream, entries in batch.streams():
            if stream != self._stream:
                self._stream, self._last = stream, self._genesis
            hashes = entries.text(HASH)
            previous += [self._last, *hashes[:-1]]
            self._last = hashes[-1]
        return batch.having(BEFORE, previous)
