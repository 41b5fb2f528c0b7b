"""Queries, also in SQL that a user wrote, on one snapshot of a ledger.

The text is never sent as a statement. A DO block opens a cursor for it, so the server itself refuses anything but one
single query, before it runs any of it. Values are parameters of that cursor, and the transaction is READ ONLY. Rows
that nobody sees are counted by moving the cursor, not fetched. What remains is what a function can do that the role may
execute, so give the role SELECT on the ledger and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2 import errorcodes, extensions
from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.errors import CannotEvaluate, LedgerError
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import LONGEST_TEXT
from pytest_audit_ledger.model.questions import Rows, Statement
from pytest_audit_ledger.model.sql_names import QUOTED
from pytest_audit_ledger.sources.pg_errors import explain, is_outage, timed_out

_CURSOR = Identifier("audit_ledger_answer")
_OPEN = "DECLARE answer refcursor := {name}; BEGIN OPEN answer NO SCROLL FOR EXECUTE {text}{using}; END"
_SLOT = re.compile(rf"(?:{QUOTED.pattern})|(?P<ledger>\{{ledger\}})|%\((?P<name>[\w.]+)\)s", re.DOTALL)


class PostgresQueries:
    """Runs queries over a connection of its own, which joined the snapshot and is closed after the check."""

    def __init__(self, connection: extensions.connection, info: LedgerInfo, label: str, timeout: int) -> None:
        """Take the connection, the database's label for messages, and the seconds a statement may take."""
        self.info = info
        self._connection = connection
        self._label = label
        self._timeout = timeout

    def ask(self, statement: Statement, first: int) -> Rows:
        """Return the `first` rows of a SELECT as text, and how many rows there are in all."""
        text, values = _filled(statement.sql, self.info.table, statement.values)
        opened = False
        try:
            with self._connection.cursor() as cursor:
                self._open(cursor, f"SELECT * FROM (\n{text}\n) AS answer LIMIT 0", values)  # noqa: S608  (see above)
                cursor.execute(SQL("FETCH FORWARD 0 FROM {}").format(_CURSOR))
                names = tuple(column.name for column in cursor.description or ())
                cursor.execute(SQL("CLOSE {}").format(_CURSOR))
                self._open(cursor, _shortened(text, len(names)), values)
                opened = True
                self._limit(cursor)
                cursor.execute(SQL("FETCH FORWARD {} FROM {}").format(Literal(first), _CURSOR))
                rows = tuple(cursor.fetchall())
                self._limit(cursor)
                cursor.execute(SQL("MOVE FORWARD ALL IN {}").format(_CURSOR))
                moved = int((cursor.statusmessage or "").removeprefix("MOVE "))
                cursor.execute(SQL("CLOSE {}").format(_CURSOR))
        except psycopg2.Error as error:
            hushed = statement.discreet and opened
            raise self._refusal(error, hushed=hushed) from (None if hushed else error)
        except ValueError as error:  # PostgreSQL has no text for it
            raise CannotEvaluate("A value holds a NUL character, or is not text in UTF-8.", "Correct it.") from error
        return Rows(names, rows, len(rows) + moved)

    def _open(self, cursor: extensions.cursor, text: str, values: Sequence[Any]) -> None:
        typed = SQL(", ").join(map(_typed, values))
        using = SQL(" USING {}").format(typed) if values else SQL("")
        block = SQL(_OPEN).format(name=Literal("audit_ledger_answer"), text=Literal(text), using=using)
        cursor.execute(SQL("DO {}").format(Literal(block.as_string(self._connection))))

    def _limit(self, cursor: extensions.cursor) -> None:
        """Set the timeout again: a function in the SQL may have changed it."""
        cursor.execute(SQL("SET LOCAL statement_timeout = {}").format(Literal(self._timeout * 1000)))

    def _refusal(self, error: psycopg2.Error, *, hushed: bool) -> LedgerError:
        """Return the error in our words; `hushed` if the server's words can hold values of entries."""
        code = error.pgcode or ""
        if timed_out(error):
            return CannotEvaluate(
                f"The SQL took longer than {self._timeout:,} s, and the server stopped it.",
                "Make it cheaper, or allow more time with --ledger-timeout SECONDS.",
            )
        if not code or is_outage(code):
            return explain(error, self._label)
        words = (error.diag.message_primary or str(error)).strip()
        if hushed and code not in _WITHOUT_VALUES:
            words = f"a value does not fit (SQLSTATE {code}; the server's message could show redacted values)"
            return CannotEvaluate(f"The server refuses the SQL: {words}.", "Correct the SQL.")
        remedy = _REMEDIES.get(code) or error.diag.message_hint or "Correct the SQL."
        return CannotEvaluate(f"The server refuses the SQL: {words}.", remedy)


def _shortened(text: str, width: int) -> str:
    """Return the query with every column as text of a bounded length, so that no result fills the memory."""
    if not width:
        raise CannotEvaluate("The SQL returns no column.", "Select at least sequence_number.")
    names = [f"c{number}" for number in range(width)]
    columns = ", ".join(f"pg_catalog.left({name}::pg_catalog.text, {LONGEST_TEXT})" for name in names)
    return f"SELECT {columns} FROM (\n{text}\n) AS answer ({', '.join(names)})"  # noqa: S608  (see above)


def _filled(text: str, table: str, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the query with its table and with numbered parameters, and their values in that order.

    Quoted text and comments stay as they are, also if the name of a column contains {ledger}.
    """
    used: list[str] = []

    def fill(found: re.Match[str]) -> str:
        if found["name"] is None:
            return table if found["ledger"] else found[0]
        if found["name"] not in used:
            used.append(found["name"])
        return f" ${used.index(found['name']) + 1}"  # the space keeps it apart from a $ before it

    filled = _SLOT.sub(fill, text)
    return filled, [values[name] for name in used]


def _typed(value: Any) -> Composable:
    """Return a value with its type, as a parameter needs it."""
    one = value[0] if isinstance(value, list) else value
    name = next(name for type_, name in _TYPES if isinstance(one, type_))
    if name == "int8" and not -(2**63) <= one < 2**63:
        name = "numeric"
    return SQL("{}::pg_catalog.{}{}").format(Literal(value), SQL(name), SQL("[]" if value is not one else ""))


_TYPES = ((bool, "bool"), (int, "int8"), (float, "float8"), (str, "text"))
"""Their names in PostgreSQL's catalog; bool comes first, because a bool of Python is also an int."""

_WITHOUT_VALUES = (
    errorcodes.READ_ONLY_SQL_TRANSACTION,
    errorcodes.DIVISION_BY_ZERO,
    errorcodes.INSUFFICIENT_PRIVILEGE,
)
"""Errors whose messages never contain a value of an entry."""

_REMEDIES = {
    errorcodes.CHARACTER_NOT_IN_REPERTOIRE: "A text is not valid UTF-8: entry_hash shows of which entry.",
    errorcodes.READ_ONLY_SQL_TRANSACTION: "A check only reads: write a SELECT that changes no data.",
    errorcodes.FEATURE_NOT_SUPPORTED: "Write one plain SELECT.",
    errorcodes.INVALID_CURSOR_DEFINITION: "Write one SELECT. Nothing of this was run.",
    errorcodes.DIVISION_BY_ZERO: "Divide by nullif(…, 0), and decide what a missing result means.",
    errorcodes.UNDEFINED_TABLE: "Write {ledger} for the ledger, and schema.table for any other table.",
    errorcodes.UNDEFINED_FUNCTION: (
        "Check its name and arguments, and qualify it with its schema. Cast true and false to numbers, as in "
        "avg((verdict = 'FLAG')::int), and a variable that is a time: %(since)s::timestamptz."
    ),
    errorcodes.INSUFFICIENT_PRIVILEGE: "Grant the role what it needs to read, or omit this.",
}
