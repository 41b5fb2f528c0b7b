"""Where a run may resume instead of reading every entry: after the last entry of the newest checkpoint with a record.

A kind says which entry that is, and proves its hash. Here the entry is read from the ledger: there must be one with
this number and this hash. If not, or if there is no such checkpoint, the run reads every entry, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.model.batch import Batch
    stored = [text for batch in batches for text in batch.text(HASH)]
    recomputed = [text for batch in batches for text in hasher.hashes(batch)]
    in_another_form = snapshot.info.profile.built_in and Recogniser().recognise(batches[0], [0])
    if [point.entry_hash] != recomputed or (stored != recomputed and not in_another_form):
        return f"entry {point.entry:,} is not the one that was signed with {point.checkpoint}"
    return ""
