"""The columns of a ledger's table as SQL: this is where the roles of a profile become columns, and columns roles.

A batch names a column by its role, or by `own(column)` if a recipe reads it as the server prints it (model/profile.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat

from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.model.batch import Batch, json_text
from pytest_audit_ledger.model.columns import INTEGERS, MOMENT, NAIVE_MOMENT, UNITS_PER_SECOND
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.profile import (
    BEFORE,
    HASH,
    ORDER,
    PAYLOAD,
    SAME_STREAM,
    SEQUENCE,
    STREAM,
    TIMESTAMP,
    VERDICT,
    own,
)
from pytest_audit_ledger.model.segment import Place, Segment
from pytest_audit_ledger.model.sql_names import closed
from pytest_audit_ledger.sources.copy_text import Layout
from pytest_audit_ledger.sources.selection import Selection

_NUMBERS = frozenset({SEQUENCE, ORDER})
_DIGITS = frozenset({"numeric", "text"})
_WHOLE_TEXT = r"{0}::pg_catalog.text ~ '^\s*[+-]?0*[0-9]{{1,18}}\s*$'"
_WHOLE_NUMERIC = "{0} BETWEEN -1e18 AND 1e18 AND {0} = pg_catalog.trunc({0})"
"""Whether a value of another type can be a sequence number. One that cannot counts as missing, so the rest is read."""

_PLAIN_NUMERIC = (
    "CASE WHEN pg_catalog.strpos({0}::pg_catalog.text, '.') > 0 "
    "THEN pg_catalog.rtrim(pg_catalog.rtrim({0}::pg_catalog.text, '0'), '.') ELSE {0}::pg_catalog.text END"
)
_COMPARED = frozenset({*INTEGERS, "uuid", "date", "boolean", MOMENT, NAIVE_MOMENT})
"""Types of streams that the server compares with a text of them as it sorts them, whatever the search path is."""


class TableColumns:
    """What to select for the names of a batch."""

    def __init__(self, info: LedgerInfo) -> None:
        """Take the table with its profile."""
        self._info, self._profile = info, info.profile

    @property
    def streams(self) -> Sequence[str]:
        """The columns of the streams."""
        return self._profile.streams

    def unreadable(self, name: str) -> str | None:
        """Return why a column cannot be read as what it should be, None if it can."""
        if self._is_stream(name):
            return next(filter(None, map(self._missing, self._profile.streams)), None)
        if name == BEFORE:
            return self.unreadable(HASH)  # see Neighbours
        if name == PAYLOAD:
            return None
        column = self._own(name)
        if reason := self._missing(column):
            return reason
        type_ = self._info.columns[column].type
        if name in _NUMBERS and type_ not in INTEGERS and (self._profile.schemas or not _holds_digits(type_)):
            return f"the column {column} is {type_}, so entries have no order"
        if name == TIMESTAMP and not self._is_moment(type_):
            return f"the column {column} is {type_}, so entries have no time"
        return None

    def _is_stream(self, name: str) -> bool:
        """Whether a name is that of the stream; a table without streams may have a column of its own called so."""
        return name == STREAM or (name == own(SAME_STREAM) and bool(self._profile.streams))

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
        if self._is_stream(name):
            columns = [self._stream(column) for column in self._profile.streams]
            return columns[0] if len(columns) == 1 else SQL("ROW({})::pg_catalog.text").format(SQL(", ").join(columns))
        if name == PAYLOAD:
            return SQL("({})").format(SQL(closed(self._info.hasher.sql)))
        column = self._own(name)
        type_ = self._info.columns[column].type
        if name in _NUMBERS and type_ not in INTEGERS:
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
        type_ = self._info.columns[column].type
        if self._info.columns[column].folds:
            return self._first_alike(column)
        if type_.rpartition(".")[2] == "citext":
            return SQL("pg_catalog.lower({}::pg_catalog.text)").format(Identifier(column))
        if type_ == "numeric":  # without a scale, 1 and 1.0 are one number in two texts
            return SQL(_PLAIN_NUMERIC).format(Identifier(column))
        return Identifier(column)

    def _first_alike(self, column: str) -> Composable:
        """Return the first of the texts that a collation takes for the same, in the order in which they are read."""
        frame = SQL("pg_catalog.first_value({}) OVER (PARTITION BY {} ORDER BY {} ROWS UNBOUNDED PRECEDING)")
        streams = SQL(", ").join(map(Identifier, self._profile.streams))
        return frame.format(Identifier(column), streams, self.expression(SEQUENCE))

    @property
    def folds(self) -> bool:
        """Whether the server takes streams for the same whose texts differ."""
        return any(self._info.columns[column].folds for column in self._profile.streams)

    def is_divisible(self) -> bool:
        """Return whether a place between two entries can be named to the server, and has all entries on its sides."""
        columns = [self._info.columns[name] for name in self._profile.streams]
        is_comparable = all(one.type in _COMPARED or _holds_digits(one.type) for one in columns)
        is_whole = all(one.not_null for one in columns) and not self.may_be_missing(SEQUENCE)
        return is_comparable and is_whole and not self.folds

    def may_be_missing(self, name: str) -> bool:
        """Return whether a number can be missing: it is NULL, or has another type and holds no whole number."""
        column = self._info.columns[self._profile.column(name)]
        return not column.not_null or column.type not in INTEGERS

    def place(self) -> Composable:
        """Return what entries of several streams are sorted by, as a row to compare with others."""
        streams = [Identifier(column) for column in self._profile.streams]
        return SQL("({})").format(SQL(", ").join([*streams, self.expression(SEQUENCE)]))

    def place_of(self, place: Place) -> Composable:
        """Return a place as a row."""
        *streams, number = place
        types = [SQL(self._info.columns[column].type) for column in self._profile.streams]
        values = [SQL("{}::{}").format(Literal(text), type_) for text, type_ in zip(streams, types, strict=True)]
        return SQL("({})").format(SQL(", ").join([*values, Literal(int(number))]))

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

    def in_segment(self, segment: Segment) -> list[Composable]:
        """Return what rows have to meet to be in a segment."""
        conditions = self._between(SEQUENCE, segment.first, segment.end)
        conditions += self._between(ORDER, segment.since, segment.until)
        for sign, place in ((">=", segment.left), ("<", segment.right)):
            if place is not None:
                here = self.place_of(place)
                conditions.append(SQL("{} {} {}").format(self.place(), SQL(sign), here))
        return conditions

    def _between(self, name: str, first: int | None, end: int | None) -> list[Composable]:
        """Return the conditions that a number is in a range; the missing ones are in a range without an end."""
        ends = [(SQL(sign), limit) for sign, limit in ((">=", first), ("<", end)) if limit is not None]
        if not ends:
            return []
        number = self.expression(name)
        found: list[Composable] = [SQL("{} {} {}").format(number, sign, Literal(limit)) for sign, limit in ends]
        is_last = end is None and self.may_be_missing(name)
        return [SQL("({} OR {} IS NULL)").format(*found, number)] if is_last else found

    def selected_by(self, selection: Selection) -> list[Composable]:
        """Return what rows have to meet to be selected."""
        conditions: list[Composable] = []
        for symbol, moment in ((">=", selection.since), ("<", selection.before)):
            if moment is not None:
                column = self.expression(TIMESTAMP)
                conditions.append(SQL("{} {} {}").format(column, SQL(symbol), Literal(moment)))
        if selection.verdicts:
            verdict = self.expression(VERDICT)
            conditions.append(SQL("{}::pg_catalog.text = ANY ({})").format(verdict, Literal(list(selection.verdicts))))
        if selection.rule_id is not None:
            rule = self.expression("rule_id")
            conditions.append(SQL("{}::pg_catalog.text = {}").format(rule, Literal(selection.rule_id)))
        if selection.number is not None:
            conditions.append(SQL("{} >= {}").format(self.expression(SEQUENCE), Literal(selection.number)))
        return conditions

    def where(self, conditions: Sequence[Composable] = ()) -> Composable:
        """Return the WHERE of entries that meet these conditions, too; nothing if every row is one."""
        conditions = [*self.conditions(), *conditions]
        return SQL(" WHERE {}").format(SQL(" AND ").join(conditions)) if conditions else SQL("")

    def order(self, *, is_unique: bool, in_order: bool = False) -> Iterator[Composable]:
        """Yield what to sort by: stream and sequence number, and unless that is unique also what makes runs sort alike.

        A hash is text, so nothing here sorts by one. `in_order`: the order of writing comes before the streams.
        """
        if in_order:
            yield self.expression(ORDER)
        # qualified, because a bare name would mean the expression that is selected under it
        yield from (Identifier("entry", column) for column in self._profile.streams)
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
        self._has_streams = bool(info.profile.streams)
        self._last: dict[str, str] = {}

    def added(self, batch: Batch) -> Batch:
        """Return the batch with previous hashes; entries of several streams may be in any order."""
        previous: list[str] = []
        for stream, digest in zip(batch.text(STREAM) if self._has_streams else repeat(""), batch.text(HASH)):  # noqa: B905
            previous.append(self._last.get(stream, self._genesis))
            self._last[stream] = digest
        return batch.having(BEFORE, previous)
