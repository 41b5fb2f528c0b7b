"""The profile `ski`, which is built in: the ledger of the SKI Framework (see `entry.py` and `columns.py`)."""

from __future__ import annotations

from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.columns import V2_COLUMNS, V3_COLUMNS
from pytest_audit_ledger.model.entry import GENESIS_HASH, PAYLOAD_COLUMNS, VERDICTS
from pytest_audit_ledger.model.profile import VERDICT, Genesis, Profile, Version

SKI = Profile(
    name="ski",
    table=defaults.TABLE,
    columns={name: name for name in (*V2_COLUMNS, *V3_COLUMNS)},
    values={VERDICT: VERDICTS},
    violations=tuple(name for name in VERDICTS if name != "CLEAR"),
    genesis=Genesis(text=GENESIS_HASH),
    built_in=True,
    version=Version(
        payload={"json": [{"key": key, "column": column} for key, column in PAYLOAD_COLUMNS.items()], "sorted": True}
    ),
)
"""Its roles are its columns. Its payloads are built by `Batch.payloads`, which is quicker than any recipe."""
