"""A window: some consecutive rows of a table whose profile is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier, Literal


@dataclass(frozen=True)
class Window:
    """The `size` rows that come first by `order`; from the number `since` on, or the last ones (`at_end`).

    `order` is a column that holds whole numbers; `cast`: it has another type than they have. If it is empty, any rows
    will do. `not_null`: a column that has a value in all of them.
    """

    size: int
    order: str = ""
    cast: bool = False
    since: int | None = None
    at_end: bool = False
    not_null: str = ""

    def query(self, table: Composable, columns: Sequence[str]) -> Composable:
        """Return the SELECT of a window; the last rows come in reverse."""
        number = SQL("{}::pg_catalog.numeric" if self.cast else "{}").format(Identifier(self.order or columns[0]))
        since = SQL(" AND {} >= {}").format(number, Literal(self.since)) if self.since is not None else SQL("")
        if self.not_null:
            since += SQL(" AND {} IS NOT NULL").format(Identifier(self.not_null))
        direction = SQL(" DESC" if self.at_end else "")
        chosen: Composable = SQL("")
        if self.order:
            chosen = SQL(" WHERE {number} IS NOT NULL{since} ORDER BY {number}{direction}, ctid{direction}").format(
                number=number, since=since, direction=direction
            )
        listed = SQL(", ").join(map(Identifier, columns))
        return SQL("SELECT {} FROM {} AS entry{} LIMIT {}").format(listed, table, chosen, Literal(self.size))
