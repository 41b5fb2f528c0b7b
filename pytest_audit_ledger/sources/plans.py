"""What a statement would read, by its plan as PostgreSQL's EXPLAIN (VERBOSE, FORMAT JSON) describes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from psycopg2.sql import SQL

EXPLAIN = SQL("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) {}")

_SCANS = frozenset({"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan"})
"""The nodes of a plan that read a table as it is."""

Plan = Mapping[str, Any]


def nodes(plan: Plan, *, within_subplans: bool) -> Iterator[Plan]:
    """Yield a node of a plan and all below it; those of subplans too, unless a profile's SQL may have made them."""
    yield plan
    for below in plan.get("Plans", ()):
        if within_subplans or "Subplan Name" not in below:
            yield from nodes(below, within_subplans=within_subplans)


def other_reading(
    plan: Plan, relations: Collection[tuple[str, str]], *, may_be_empty: bool, within_subplans: bool
) -> str:
    """Return what a plan reads that is not one of these tables, in words; empty if it reads nothing else.

    `may_be_empty`: the plan may also read nothing at all, as that of a table without partitions.
    """
    for node in nodes(plan, within_subplans=within_subplans):
        relation = (node.get("Schema"), node.get("Relation Name"))
        is_leaf = "Plans" not in node and node["Node Type"] != "Bitmap Index Scan"
        is_empty = node["Node Type"] == "Result" and may_be_empty
        is_table = node["Node Type"] in _SCANS and relation in relations
        if "Subplan Name" in node or ((is_leaf or relation[1]) and not is_table and not is_empty):
            return f"{node['Node Type']}{f' on {relation[0]}.{relation[1]}' if relation[1] else ''}"
    return ""
