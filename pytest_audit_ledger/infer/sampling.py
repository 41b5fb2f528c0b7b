"""Rows of a table that nobody described: some at the start, in the middle and at the end of every possible order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.infer.hash_columns import Row, hash_columns
from pytest_audit_ledger.model.recipes.formats import INTEGERS, plain_type
from pytest_audit_ledger.sources.postgres import PostgresSnapshot
from pytest_audit_ledger.sources.window import Window

WINDOW = 120
"""Rows in a window. Three of them are as many as a person would look at, and more than a recipe needs."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class Sample:
    """What was read of a table.

    `types`: PostgreSQL's types by column. `rows`: any rows. `windows`: by each column that could be an order, windows
    of rows that follow one another in it; the first one begins where the order begins, and if it shows no hash yet, the
    second one where hashes begin.
    """

    types: Mapping[str, str]
    rows: Sequence[Row]
    windows: Mapping[str, Sequence[Sequence[Row]]] = field(default_factory=dict)


def read_sample(snapshot: PostgresSnapshot) -> Sample:
    """Read a sample. Raises SourceError."""
    types = snapshot.info.types
    rows = snapshot.sample(Window(WINDOW))
    windows = {}
    for name, type_ in types.items():
        if _is_whole(type_, [row[name] for row in rows]):
            with suppress(*([] if type_ in INTEGERS else [SourceError])):  # other rows hold something else
                windows[name] = _windows(snapshot, name, types)
    return Sample(types, rows, windows)


def _is_whole(type_: str, column: Sequence[str | None]) -> bool:
    """Return whether a column may be an order: it holds whole numbers, and not the same one everywhere."""
    plain = plain_type(type_)
    if not (plain in INTEGERS or plain in ("numeric", "text") or plain.startswith("character")):
        return False
    values = [text for text in column if text is not None]
    return len(set(values)) > 1 and all(map(_WHOLE.fullmatch, values))


def _windows(snapshot: PostgresSnapshot, order: str, types: Mapping[str, str]) -> list[list[Row]]:
    cast = types[order] not in INTEGERS
    start: list[Row] = [*snapshot.sample(Window(WINDOW, order, cast))]
    if len(start) < WINDOW:
        return [start]
    end = snapshot.sample(Window(WINDOW, order, cast, at_end=True))
    middle = (int(start[0][order] or 0) + int(end[-1][order] or 0)) // 2
    found: list[list[Row]] = [start, [*snapshot.sample(Window(WINDOW, order, cast, since=middle))], [*end]]
    late = [one.name for one in hash_columns(types, [row for window in found for row in window])]
    late = [name for name in late if all(row[name] is None for row in start)]
    firsts = [row for name in late for row in snapshot.sample(Window(1, order, cast, not_null=name))]
    if firsts:
        since = min(int(row[order] or 0) for row in firsts)
        found.insert(1, [*snapshot.sample(Window(WINDOW, order, cast, since=since))])
    return found
