"""Queries that only ledgers with streams need: where to cut them, and what is before their newer entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from psycopg2.sql import SQL, Composable, Identifier, Literal

from pytest_audit_ledger.model.profile import ORDER, SEQUENCE
from pytest_audit_ledger.model.segment import Segment
from pytest_audit_ledger.sources.table_columns import TableColumns

SAMPLED = 20_000
"""Entries of which a sample shows where to cut a ledger."""


def sampled_places(table: TableColumns, name: Composable, entries: int) -> Composable:
    """Return the query for the places of a sample of so many entries, in the order in which they are read."""
    texts = [
        SQL("{}::pg_catalog.text").format(one) for one in (*map(Identifier, table.streams), table.expression(SEQUENCE))
    ]
    return SQL("SELECT ARRAY[{texts}] AS place FROM {name} AS entry {sample}{where} ORDER BY {order}").format(
        texts=SQL(", ").join(texts),
        name=name,
        sample=SQL("TABLESAMPLE SYSTEM ({}) REPEATABLE (0)").format(Literal(min(100, 100 * SAMPLED / entries))),
        where=table.where(),
        order=SQL(", ").join(table.order(is_unique=True)),
    )


def before_newer(
    table: TableColumns, names: Sequence[str], entries: Callable[[Sequence[Composable]], Composable], since: int
) -> Composable:
    """Return the query for the entry before the first one of each stream whose order is at least `since`.

    `names`: what to select. `entries` makes the table with conditions.
    """
    streams = list(map(Identifier, table.streams))
    aliases = [Identifier(f".{place}") for place in range(len(streams))]
    alike = SQL("{0} = {1}" if table.is_divisible() else "{0} IS NOT DISTINCT FROM {1}")
    older = [SQL("{} < {}").format(table.expression(ORDER), Literal(since))]
    older += [alike.format(stream, alias) for stream, alias in zip(streams, aliases, strict=True)]
    return SQL(
        "SELECT {columns} FROM (SELECT DISTINCT {streams} FROM {newer}) AS newer ({aliases}), "
        "LATERAL (SELECT * FROM {older} ORDER BY {number} DESC LIMIT 1) AS entry"
    ).format(
        columns=SQL(", ").join(table.selected(names)[0]),
        streams=SQL(", ").join(streams),
        newer=entries(table.in_segment(Segment(since=since))),
        aliases=SQL(", ").join(aliases),
        older=entries(older),
        number=table.expression(SEQUENCE),
    )
