"""A realistic made-up ledger of any size, always the same for the same arguments; for the demo, drills and tests."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from hashlib import sha256

from pytest_audit_ledger.model.entry import GENESIS_HASH, HASHED_COLUMNS, Entry, canonical_timestamp, entry_hash
from pytest_audit_ledger.model.jsonb import canonical, digest

FIRST_DAY = datetime(2025, 9, 1, 6, 0, tzinfo=timezone.utc)

COPY_COLUMNS = (*HASHED_COLUMNS, "entry_hash")

_VERDICTS = ("CLEAR",) * 43 + ("FLAG",) * 4 + ("NULL_UNMAPPED",) + ("NULL_STALE",) + ("DISCRETIONARY",)
_FRACTION_DIGITS = (0, 3, *[6] * 30)
_RULES = (
    ("energy.so2.cap", "so2_ppm", 100),
    ("energy.nox.cap", "nox_ppm", 75),
    ("energy.methane.cap", "methane_ppm", 12),
    ("energy.turbidity.cap", "turbidity_ntu", 5),
    ("energy.temp.max", "outlet_temp_c", 32),
)


_hash = lru_cache(maxsize=1)(entry_hash)
"""Called twice in a row for each entry: for the next entry's link, and for the entry's own row."""


def sample_entries(count: int, *, step_s: float = 60.0, start: datetime = FIRST_DAY) -> Iterator[Entry]:
    """Yield `count` entries that form a valid chain, about `step_s` seconds apart."""
    chance = random.Random(1)  # noqa: S311  (made-up data that must be reproducible)
    moment, previous_hash = start, GENESIS_HASH
    for number in range(1, count + 1):
        moment += timedelta(seconds=round(chance.uniform(0.1, 2 * step_s), chance.choice(_FRACTION_DIGITS)))
        verdict = chance.choice(_VERDICTS)
        rule, metric, limit = chance.choice(_RULES)
        observed = limit * (chance.uniform(1.01, 1.6) if verdict == "FLAG" else chance.uniform(0.2, 0.99))
        relation = "exceeds" if verdict == "FLAG" else "is within"
        telemetry_id = f"TEL_{moment:%Y_%m}_{number:07d}"
        entry = Entry(
            sequence_number=number,
            previous_hash=previous_hash,
            timestamp=canonical_timestamp(moment),
            verdict=verdict,
            telemetry_id=telemetry_id,
            telemetry_hash=sha256(telemetry_id.encode()).hexdigest(),
            rule_id=None if verdict.startswith("NULL") else rule,
            knowledge_graph_version=f"energy-{1 + number // 2500}.0.0",
            ski_model_version="3.1.0",
            reasoning=None
            if verdict.startswith("NULL")
            else f"{metric}={observed:.3f} {relation} the limit of {limit}.",
            track="llm" if verdict == "DISCRETIONARY" else "symbolic",
        )
        yield entry
        previous_hash = _hash(entry)


PROVENANCE_COLUMNS = (
    "envelope_json",
    "envelope_hash",
    "verifier_status",
    "transcript_json",
    "transcript_signature",
    "signing_key_id",
)


@dataclass(frozen=True)
class Signer:
    """Who signs transcripts: the id of the key, and what returns the signature over a message."""

    key_id: str
    sign: Callable[[bytes], bytes]


def sample_provenance(entry: Entry, signer: Signer | None = None) -> dict[str, str | None]:
    """Return the columns that schema v3 adds to an entry: an envelope, and with a signer also a transcript."""
    transcript_id = digest(entry.telemetry_id.encode())[-32:]
    measured = re.match(r"(\w+)=([0-9.]+) ", entry.reasoning or "")
    assertions = [{"metric": measured[1], "observed": float(measured[2]), "rule": entry.rule_id}] if measured else []
    answer = {"verdict": entry.verdict, "reasoning": entry.reasoning, "formalizable_assertions": assertions}
    status = "AGREED" if assertions else "UNVERIFIABLE"
    envelope = {
        **answer,
        "verifier_result": {"status": status, "divergences": [], "checked_assertions": len(assertions)},
        "transcript_ref": f"transcript:{transcript_id if signer else 'unsigned'}",
    }
    columns = {
        "envelope_json": json.dumps(envelope, ensure_ascii=False),
        "envelope_hash": digest(canonical(envelope)),
        "verifier_status": status,
    }
    signed = _signed(entry, answer, transcript_id, signer) if signer else {}
    return {**dict.fromkeys(PROVENANCE_COLUMNS), **columns, **signed}


def _signed(entry: Entry, answer: Mapping[str, object], transcript_id: str, signer: Signer) -> dict[str, str]:
    request = f"Judge the record {entry.telemetry_id} by {entry.knowledge_graph_version}.\nAnswer in JSON."
    hashes = {"request_hash": digest(request.encode()), "response_hash": digest(canonical(answer))}
    signature = signer.sign("|".join(hashes.values()).encode("ascii")).hex()
    transcript = {
        "transcript_id": transcript_id,
        "request_canonical": request,
        "response_canonical": answer,
        **hashes,
        "signature_hex": signature,
        "signing_key_id": signer.key_id,
        "backend_name": "sample",
        "backend_metadata": {},
        "started_at": entry.timestamp,
        "completed_at": entry.timestamp,
    }
    document = json.dumps(transcript, ensure_ascii=False)
    return {"transcript_json": document, "transcript_signature": signature, "signing_key_id": signer.key_id}


Provenance = Callable[[Entry], dict[str, str | None]]


def copy_rows(entries: Iterable[Entry], provenance: Provenance | None = None) -> Iterator[str]:
    """Yield entries, each with its hash, as rows of COPY text with the columns of `COPY_COLUMNS`.

    With `provenance`, the columns of `PROVENANCE_COLUMNS` follow, as it returns them for an entry.
    """
    for entry in entries:
        values = [getattr(entry, name) for name in HASHED_COLUMNS]
        besides = provenance(entry) if provenance else {}
        yield "\t".join(map(copy_field, [*values, _hash(entry), *besides.values()])) + "\n"


_COPY_ESCAPES = str.maketrans(
    {"\\": r"\\", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
)


def copy_field(value: object) -> str:
    """Return a value as a field of COPY text."""
    if value is None:
        return r"\N"
    text = str(value)
    plain = text.isprintable() and "\\" not in text  # like most texts, and faster to find out than to translate
    return text if plain else text.translate(_COPY_ESCAPES)
