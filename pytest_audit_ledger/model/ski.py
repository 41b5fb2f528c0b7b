"""The profile `ski`, which is built in: the ledger of the SKI Framework (see `entry.py` and `columns.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.entry import GENESIS_HASH, PAYLOAD_COLUMNS, VERDICTS
from pytest_audit_ledger.model.outcome import Severity
from pytest_audit_ledger.model.profile import PREVIOUS, SEQUENCE, TIMESTAMP, VERDICT, Genesis, Profile, Version
from pytest_audit_ledger.model.schema import Constraint, Schema


def _item(key: str) -> Mapping[str, Any]:
    """Return how a key of the payload is written."""
    column = PAYLOAD_COLUMNS[key]
    if column == PREVIOUS:
        return {"key": key, "previous": "as_stored"}
    if column == SEQUENCE:
        return {"key": key, "column": column}
    form = {"iso": {"digits": "python", "offset": "+00:00"}} if column == TIMESTAMP else "as_stored"
    return {"key": key, "column": column, "format": form}


_PAYLOAD = {"json": {"sorted": True, "ascii": False, "separators": [",", ":"], "of": list(map(_item, PAYLOAD_COLUMNS))}}


_KEYS = (
    Constraint("PRIMARY KEY", ("id",)),
    Constraint("UNIQUE", ("sequence_number",)),
    Constraint("UNIQUE", ("entry_hash",)),
)
_VERDICTS = Constraint("CHECK", (VERDICT,), VERDICTS)
_TRACKS = Constraint("CHECK", ("track",), ("symbolic", "llm"))
_STATUSES = ("AGREED", "LLM_CONTRADICTION", "NEURO_SYMBOLIC_DIVERGENCE", "UNVERIFIABLE")
_INDEXES = (("verdict", "timestamp"), ("rule_id",))

_V2 = Schema(version="2.1", columns=V2_COLUMNS, keys=_KEYS, checks=(_VERDICTS, _TRACKS), indexes=_INDEXES)
"""The schema of sql/schema.sql."""

_V3 = replace(
    _V2,
    version="3",
    columns={**V2_COLUMNS, **V3_COLUMNS},
    checks=(
        _VERDICTS,
        Constraint("CHECK", ("track",)),
        Constraint("CHECK", ("verifier_status",), _STATUSES, Severity.WARNING),
    ),
)
"""The schema of sql/schema_v3.sql."""


SKI = Profile(
    name="ski",
    table=defaults.TABLE,
    columns={name: name for name in _V3.columns},
    schemas=(_V2, _V3),
    values={VERDICT: VERDICTS},
    violations=("FLAG",),
    undecided={
        "NULL_UNMAPPED": "no rule of the knowledge graph covers the measurement",
        "NULL_STALE": "the knowledge graph or the measurement was out of date",
    },
    genesis=Genesis(text=GENESIS_HASH),
    version=Version(payload=_PAYLOAD),
)
"""Its roles are its columns."""
