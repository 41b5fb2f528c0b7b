"""Warnings of lint about SQL: what a parser of PostgreSQL's dialect (sqlglot) does not understand.

The parser does not know all of PostgreSQL, so these are warnings, and only the server decides. It is slow to import, so
only lint uses it. Mistakes that are certain are in `sql_text.py`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_audit_ledger.kinds.data_kind import EXPRESSION, QUERY
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.suite.sql_text import filled_in

_WRAPPED = {EXPRESSION: "SELECT (\n{}\n) FROM ledger AS entry", QUERY: "\n{}"}
"""Statements around the author's SQL, which starts in the second line."""


def warnings(suite: Suite) -> Iterator[str]:
    """Yield a line for each SQL text of a suite that cannot be parsed, as `file:line: warning: …`."""
    seen = set()
    for check in suite.checks:
        for name, text, form in _texts(check):
            if (check.location, name) in seen:  # another check of the same parametrize
                continue
            seen.add((check.location, name))
            if (problem := _problem(_WRAPPED[form].format(filled_in(text)))) is not None:
                yield f"{check.location}: warning: {name!r} of check {check.id!r} {problem}"


def _texts(check: Check) -> Iterator[tuple[str, str, str]]:
    schemas: Mapping[str, Mapping[str, Any]] = check.kind.parameters_schema
    for name, value in check.parameters.items():
        form = str(schemas.get(name, {}).get("format", ""))
        if form in _WRAPPED and isinstance(value, str):
            yield name, value, form


def _problem(sql: str) -> str | None:
    import sqlglot  # noqa: PLC0415  (slow to import)
    from sqlglot import errors, exp  # noqa: PLC0415

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it also logs what is reported here
    try:
        statement = sqlglot.parse_one(sql, read="postgres")
    except errors.ParseError as error:
        return _described(error.errors[0] if error.errors else {})
    except (errors.SqlglotError, RecursionError):
        return "could not be parsed; check it, or run it to see whether PostgreSQL accepts it"
    return _described({}) if isinstance(statement, exp.Command) else None


def _described(error: Mapping[str, Any]) -> str:
    near = re.sub(r"\s+", " ", str(error.get("highlight") or "")).strip()
    line = max(1, int(error.get("line") or 2) - 1)
    where = f" near {printable(near, 60)!r} in its line {line}" if near else ""
    return f"could not be parsed{where}; check it, or run it to see whether PostgreSQL accepts it"
