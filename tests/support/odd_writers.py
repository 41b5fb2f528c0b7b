"""Writers that hash in another form than the ledger's own, by `json.dumps` and none of our code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from pytest_audit_ledger.model.entry import GENESIS_HASH, Entry
from tests.forger import Forger
from tests.support.rows import Row

Content = dict[str, Any]
"""An entry by the keys of its payload."""

Writer = Callable[[Content], bytes]


def canonical(content: Content, **options: Any) -> bytes:
    """Return the payload as the specification has it, or with other options of `json.dumps`."""
    given = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False, **options}
    return json.dumps(content, **given).encode()


def with_z(content: Content) -> bytes:
    return canonical({**content, "timestamp": content["timestamp"].replace("+00:00", "Z")})


def with_nanoseconds(content: Content) -> bytes:
    extra = f"{content['sequence_number'] * 211 % 1000:03d}"
    moment = datetime.fromisoformat(content["timestamp"])
    return canonical({**content, "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f}{extra}+00:00"})


def every(number: int, odd: Writer) -> Writer:
    """Return a writer that hashes each so manieth entry in another form."""
    return lambda content: (canonical if content["sequence_number"] % number else odd)(content)


def odd_rows(entries: Iterable[Entry], writer: Writer) -> list[Row]:
    """Return entries as this writer stores them, in one chain."""
    rows: list[Row] = []
    link = GENESIS_HASH
    for entry in entries:
        values = {**asdict(entry), "previous_hash": link}
        content = {("kg_version" if name == "knowledge_graph_version" else name): v for name, v in values.items()}
        link = sha256(writer(content)).hexdigest()
        texts = {name: None if value is None else str(value) for name, value in values.items()}
        rows.append({**texts, "entry_hash": link})
    return rows


def write(forger: Forger, entries: Iterable[Entry], writer: Writer) -> None:
    """Append entries to an empty ledger as this writer does."""
    rows = odd_rows(entries, writer)
    names = ", ".join(f'"{name}"' for name in rows[0])
    forger.run(
        f"INSERT INTO ledger_entries ({names}) SELECT {names} FROM json_populate_recordset(NULL::ledger_entries, %s)",
        [json.dumps(rows)],
    )
