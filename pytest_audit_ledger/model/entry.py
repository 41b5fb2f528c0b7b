"""An entry, its canonical payload and its hash. No I/O.

The rule, from the SKI Framework's ledger specification:

1.  The payload is a JSON object with the eleven keys of `PAYLOAD_COLUMNS`, written as
    `json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8.
2.  `entry_hash` is the SHA-256 of the payload in lower-case hexadecimal.
3.  `timestamp` is `datetime.isoformat()` in UTC, so a fraction has six digits, or is absent when it is zero.
4.  `previous_hash` is the entry hash of the entry before; the first entry has `GENESIS_HASH`.

A ledger has millions of entries, and each needs a payload, so a batch (`batch.py`) does not call `json.dumps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from hashlib import sha256

GENESIS_HASH = "0" * 64
"""The `previous_hash` of the first entry."""

PAYLOAD_COLUMNS: Mapping[str, str] = {
    "kg_version": "knowledge_graph_version",
    "previous_hash": "previous_hash",
    "reasoning": "reasoning",
    "rule_id": "rule_id",
    "sequence_number": "sequence_number",
    "ski_model_version": "ski_model_version",
    "telemetry_hash": "telemetry_hash",
    "telemetry_id": "telemetry_id",
    "timestamp": "timestamp",
    "track": "track",
    "verdict": "verdict",
}
"""The keys of the payload, in order, each with the column of the ledger that it is taken from."""

VERDICTS = ("CLEAR", "FLAG", "NULL_UNMAPPED", "NULL_STALE", "DISCRETIONARY")
"""The five verdicts an automated decision can have."""


@dataclass(frozen=True)
class Entry:
    """The hashed part of one entry; `timestamp` is ISO 8601 text exactly as it is hashed."""

    sequence_number: int
    previous_hash: str
    timestamp: str
    verdict: str
    telemetry_id: str
    telemetry_hash: str
    rule_id: str | None
    knowledge_graph_version: str | None
    ski_model_version: str
    reasoning: str | None
    track: str | None


HASHED_COLUMNS = tuple(field.name for field in fields(Entry))
"""The columns that the entry hash covers, in the order of the table."""


def canonical_timestamp(moment: datetime) -> str:
    """Return an aware `moment` as the ledger hashes it: ISO 8601 in UTC, six digits of fraction or none."""
    return moment.astimezone(timezone.utc).isoformat()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""`json.dumps` with these would make one for every entry."""


def canonical_payload(entry: Entry) -> bytes:
    """Return the bytes whose SHA-256 is the entry's hash (rule 1)."""
    payload = {key: getattr(entry, column) for key, column in PAYLOAD_COLUMNS.items()}
    return _ENCODER.encode(payload).encode("utf-8")


def entry_hash(entry: Entry) -> str:
    """Return the entry's hash as 64 lower-case hexadecimal digits (rule 2)."""
    return sha256(canonical_payload(entry)).hexdigest()


_NUMBER = b'"sequence_number":'
"""The key of the number in a payload. Quotes inside a text are escaped, so it occurs only once."""


def written_number(payload: bytes, stored: str, candidates: Iterable[int]) -> int | None:
    """Return the first of these numbers with which a payload has this hash; None if none does.

    The hash covers the number, so an entry that was renumbered was written with this one.
    """
    head, key, rest = payload.partition(_NUMBER)
    begun, tail = sha256(head + key), rest[rest.index(b",") :]

    def fits(number: int) -> bool:
        hasher = begun.copy()
        hasher.update(b"%d%b" % (number, tail))
        return hasher.hexdigest() == stored

    return next(filter(fits, candidates), None)
