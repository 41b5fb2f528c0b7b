"""A column as the catalog describes it, the types that hold parts of an entry, and the columns of a SKI ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MICROSECONDS = 6
"""Digits of a second that a timestamp keeps unless its type says fewer."""

_PRECISION = re.compile(r"(?<=^timestamp)\((\d)\)")
_VARYING = re.compile(r"text|character varying(?:\((\d+)\))?")
_FIXED = re.compile(r"character\((\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column as the catalog describes it.

    `type` is what its values are, in PostgreSQL's spelling, for example `character(64)`: a domain counts as the type
    below it, and a timestamp with another precision as a timestamp. `digits`: those of a second that it keeps.
    `declared`: the type as the table declares it, if it is another one. `folds`: the server takes some values for the
    same whose texts differ.
    """

    type: str
    not_null: bool
    digits: int = MICROSECONDS
    declared: str = ""
    folds: bool = False

    def loses_nothing_of(self, other: Column) -> bool:
        """Tell whether this column holds every value of the other as it is, and refuses none."""
        if self.type == other.type:
            return self.digits >= other.digits
        varying, fixed = _VARYING.fullmatch(self.type), _FIXED.fullmatch(other.type)
        if varying is None or not (other.type == "text" or fixed):
            return False
        return varying[1] is None or (fixed is not None and int(varying[1]) >= int(fixed[1]))


def declared_column(type_: str, not_null: bool, domain: str = "", *, folds: bool = False) -> Column:
    """Return a column of a type as PostgreSQL spells it, perhaps as a domain over it."""
    precision = _PRECISION.search(type_)
    digits = int(precision[1]) if precision else MICROSECONDS
    read, spelled = _PRECISION.sub("", type_), type_ if digits < MICROSECONDS else _PRECISION.sub("", type_)
    declared = f"{domain}, a domain over {spelled}" if domain else spelled
    return Column(read, not_null, digits, "" if declared == read else declared, folds)


HASH, PREFIXED_HASH = "character(64)", "character(71)"
MOMENT, NAIVE_MOMENT = "timestamp with time zone", "timestamp without time zone"

INTEGERS = frozenset({"smallint", "integer", "bigint"})
"""The types of whole numbers, and so of sequence numbers."""

UNITS_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""The units in which a column of numbers can count time."""

V2_COLUMNS: Mapping[str, Column] = {
    "id": Column("bigint", True),
    "sequence_number": Column("bigint", True),
    "previous_hash": Column(HASH, True),
    "entry_hash": Column(HASH, True),
    "timestamp": Column(MOMENT, True),
    "verdict": Column("text", True),
    "telemetry_id": Column("text", True),
    "telemetry_hash": Column(HASH, True),
    "rule_id": Column("text", False),
    "knowledge_graph_version": Column("text", False),
    "ski_model_version": Column("text", True),
    "reasoning": Column("text", False),
    "track": Column("text", False),
    "escalation_status": Column("text", False),
    "escalation_notes": Column("text", False),
    "created_at": Column(MOMENT, True),
}
"""The sixteen columns of schema v2.1, as in sql/schema.sql."""

V3_COLUMNS: Mapping[str, Column] = {
    "envelope_json": Column("jsonb", False),
    "envelope_hash": Column(PREFIXED_HASH, False),
    "transcript_json": Column("jsonb", False),
    "transcript_signature": Column("text", False),
    "signing_key_id": Column(PREFIXED_HASH, False),
    "verifier_status": Column("text", False),
}
"""The columns that schema v3 adds, as in sql/schema_v3.sql."""
