"""The columns of a SKI ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column as the catalog describes it; `type` is PostgreSQL's spelling, for example `character(64)`."""

    type: str
    not_null: bool


HASH, PREFIXED_HASH = "character(64)", "character(71)"
MOMENT = "timestamp with time zone"

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
