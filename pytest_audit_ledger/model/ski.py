"""The profile `ski`, which is built in: the ledger of the SKI Framework (see `entry.py` and `columns.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.entry import GENESIS_HASH, PAYLOAD_COLUMNS, VERDICTS
from pytest_audit_ledger.model.profile import PREVIOUS, SEQUENCE, TIMESTAMP, VERDICT, Genesis, Profile, Version


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


SKI = Profile(
    name="ski",
    table=defaults.TABLE,
    columns={name: name for name in (*V2_COLUMNS, *V3_COLUMNS)},
    values={VERDICT: VERDICTS},
    violations=("FLAG",),  # the others that are not CLEAR say that nothing was decided
    genesis=Genesis(text=GENESIS_HASH),
    built_in=True,
    version=Version(payload=_PAYLOAD),
)
"""Its roles are its columns. Its payloads are built by `Batch.payloads`, which is quicker than any recipe."""
