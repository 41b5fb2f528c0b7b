"""Hash-chained tables that nobody described, each written as some program would, in Python or by a trigger."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extras import Json
from psycopg2.sql import SQL, Identifier

from tests.forger import Forger

KEY = "kettle-of-fish"
UTC = timezone.utc
Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table by its columns, and how a program hashes a row that has `previous`."""

    columns: str
    digest: Callable[[Row, Any], Any]
    hash_column: str = "hash"
    previous_column: str = ""
    genesis: Any = None
    stream: str = ""
    extra: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)


def at(number: int) -> datetime:
    """Return a moment, with a fraction unless the number ends in 0."""
    return datetime(2026, 5, 1, 8, tzinfo=UTC) + timedelta(minutes=number, microseconds=number % 10 * 100_250)


VALUES: Mapping[str, Callable[[int], Any]] = {
    "id": lambda n: n,
    "seq": lambda n: n,
    "row_index": str,
    "tenant": lambda n: ("acme", "böttcher", "c&a")[n % 3],
    "actor": lambda n: ("ana", "Zoë", 'o"hara', "li/wei")[n % 4],
    "action": lambda n: ("created", "updated", "deleted")[n % 3],
    "note": lambda n: None if n % 4 == 1 else f"line {n}\twith a tab" if n % 7 == 0 else f"note {n}",
    "reason": lambda n: None if n % 3 else "because",
    "amount": lambda n: Decimal(n * 1250).scaleb(-2),
    "quantity": lambda n: n % 5,
    "ok": lambda n: None if n % 6 == 5 else n % 2 == 0,
    "is_final": lambda n: n % 3 == 0,
    "body": lambda n: {"zeta": n, "alpha": ["é", None, True], "nested": {"b": 1.5, "a": "x"}},
    "request_id": lambda n: UUID(int=n * 2**64 + 7),
    "at": at,
    "created_at": lambda n: at(n) + timedelta(seconds=2),
    "valid_until": lambda n: at(n) + timedelta(days=30),
    "ip": lambda n: f"10.0.0.{n}",
    "data": lambda n: bytes([n, 255, 0]),
}


def names_of(table: Table) -> list[str]:
    """Return the columns of a table in their order."""
    return [one.split()[0] for one in table.columns.split(",")]


def write(forger: Forger, name: str, table: Table, count: int = 30) -> None:
    """Create a table and write its rows, each in its stream."""
    forger.run(SQL("CREATE TABLE {} ({})").format(Identifier(name), SQL(table.columns)))
    last: dict[Any, Any] = {}
    numbers: dict[Any, int] = {}
    for number in range(1, count + 1):
        values = {**VALUES, **table.extra}
        row = {column: values[column](number) for column in names_of(table) if column in values}
        stream = row.get(table.stream)
        if table.stream:
            numbers[stream] = row["seq"] = numbers.get(stream, 0) + 1
        previous = last.get(stream, table.genesis)
        last[stream] = row[table.hash_column] = table.digest(row, previous)
        if table.previous_column:
            row[table.previous_column] = previous
        stored = [
            Json(value) if isinstance(value, dict) else str(value) if isinstance(value, UUID) else value
            for value in row.values()
        ]
        forger.run(
            SQL("INSERT INTO {} ({}) VALUES ({})").format(
                Identifier(name), SQL(", ").join(map(Identifier, row)), SQL(", ").join(SQL("%s") for _ in row)
            ),
            stored,
        )


def _stored(value: Any) -> Any:
    if isinstance(value, dict):
        return Json(value)
    return str(value) if isinstance(value, UUID) else value


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def millis(moment: datetime) -> str:
    """Return what toISOString() of JavaScript returns."""
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def plain(value: Any) -> Any:
    """Return a value as a program passes it to an encoder of JSON."""
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _sorted_json(row: Row, previous: Any) -> str:
    content = {name: plain(value) for name, value in row.items()} | {"prev_hash": previous}
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def _json_after_previous(row: Row, previous: Any) -> str:
    content = {name: plain(value) for name, value in row.items() if name != "created_at"}
    return sha256(previous + json.dumps(content))


def _camel_without_null(row: Row, previous: Any) -> str:
    content = {
        camel(name): millis(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }
    return sha256(json.dumps({**content, "prevHash": previous}, separators=(",", ":"), ensure_ascii=False))


def _indented(row: Row, previous: Any) -> str:
    content = {name: plain(value) for name, value in row.items()} | {"prev_hash": previous}
    return sha256(json.dumps(content, indent=2))


def _pairs(row: Row, previous: Any) -> str:
    moment = row["at"].strftime("%Y-%m-%d %H:%M:%S")
    ok = "" if row["ok"] is None else str(row["ok"]).lower()
    return sha256(
        f"seq={row['seq']}&actor={row['actor']}&amount={row['amount']}&ok={ok}&at={moment}&prev_hash={previous}"
    )


def _bytes(row: Row, previous: Any) -> bytes:
    millis_ = int(row["at"].timestamp() * 1000)
    return hashlib.sha256((previous or b"") + f"{row['id']}{row['actor']}".encode() + str(millis_).encode()).digest()


def _hmac(row: Row, previous: Any) -> str:
    values = [previous, row["seq"], row["tenant"], row["action"], row["amount"], row["at"].isoformat()]
    return hmac.new(KEY.encode(), ":".join(map(str, values)).encode(), "sha256").hexdigest()


def _skipping(row: Row, previous: Any) -> str:
    values = [row["seq"], row["actor"], row["note"], row["reason"], int(row["at"].timestamp()), previous]
    return "sha512:" + hashlib.sha512("\n".join(str(one) for one in values if one is not None).encode()).hexdigest()


def _twelve(row: Row, previous: Any) -> str:
    values = [str(value) if value is not None else "NULL" for name, value in row.items() if name != "ip"]
    return hashlib.sha384(";".join([previous, *values]).encode()).hexdigest().upper()


def _three(row: Row, previous: Any) -> str:
    joined = f"{row['action']}|{row['at'].isoformat()}|{row['row_index']}|{previous}"
    return base64.b64encode(hashlib.sha256(joined.encode()).digest()).decode()


def _by_tenant(row: Row, previous: Any) -> str:
    body = json.dumps(row["body"], sort_keys=True, separators=(",", ":"))
    values = [previous or "", row["tenant"], row["seq"], row["action"], body, row["is_final"], row["at"].isoformat()]
    return sha256("|".join(map(str, values)))


TABLES: Mapping[str, Table] = {
    "sorted_json": Table(
        "id bigint PRIMARY KEY, actor text, action text, note text, amount numeric(12,2), ok boolean, body jsonb, "
        "at timestamptz, prev_hash text, hash text",
        _sorted_json,
        previous_column="prev_hash",
        genesis="0" * 64,
    ),
    "json_after_previous": Table(
        "seq integer PRIMARY KEY, tenant varchar(20), actor text, quantity smallint, request_id uuid, at timestamptz, "
        "created_at timestamptz, prev_hash char(64), hash char(64)",
        _json_after_previous,
        previous_column="prev_hash",
        genesis="0" * 64,
    ),
    "camel_without_null": Table(
        "id bigint PRIMARY KEY, actor text, action text, note text, is_final boolean, created_at timestamptz, "
        "prev_hash text, hash text",
        _camel_without_null,
        previous_column="prev_hash",
        genesis="GENESIS",
    ),
    "indented_json": Table(
        "id bigint PRIMARY KEY, actor text, note text, ok boolean, body json, at timestamptz, prev_hash text, "
        "hash text",
        _indented,
        previous_column="prev_hash",
        genesis="none",
    ),
    "pairs": Table(
        "seq integer, actor text, amount numeric(10,2), ok boolean, at timestamp, prev_hash text, hash text",
        _pairs,
        previous_column="prev_hash",
        genesis="none",
    ),
    "bytes_without_previous": Table("id bigserial PRIMARY KEY, actor text, at timestamptz, hash bytea", _bytes),
    "hmac": Table(
        "seq bigint, tenant text, action text, amount numeric, at timestamptz, note text, prev_hash text, hash text",
        _hmac,
        previous_column="prev_hash",
        genesis="start",
    ),
    "skipping_null": Table(
        "seq integer, actor text, note text, reason text, at timestamptz, prev_hash text, hash text",
        _skipping,
        previous_column="prev_hash",
    ),
    "twelve_columns": Table(
        "id bigint, seq integer, tenant text, actor text, action text, note text, reason text, amount numeric(8,2), "
        "ok boolean, ip text, at timestamptz, valid_until timestamptz, prev_hash text, hash text",
        _twelve,
        previous_column="prev_hash",
        genesis="-",
    ),
    "any_order": Table(
        "row_index varchar(20), actor text, at timestamptz, action text, reason text, hash text, prev_hash text",
        _three,
        previous_column="prev_hash",
        genesis="",
    ),
    "by_tenant": Table(
        "id bigserial PRIMARY KEY, tenant text, seq integer, action text, body jsonb, is_final boolean, "
        "at timestamptz, prev_hash text, hash text",
        _by_tenant,
        previous_column="prev_hash",
        stream="tenant",
    ),
}


def odd_separator(row: Row, previous: Any) -> str:
    """Return a hash that needs a hint: its separator is like no other's."""
    return sha256("<*>".join(map(str, [previous, row["seq"], row["actor"], row["action"], row["at"].isoformat()])))


def odd_order(row: Row, previous: Any) -> str:
    """Return a hash that needs a hint: the order of its columns is that of no table."""
    values = [row["action"], row["seq"], row["ip"], previous, row["at"].isoformat(), row["actor"], row["quantity"]]
    return sha256("|".join(map(str, values)))


def with_constants(row: Row, previous: Any) -> str:
    """Return the hash of JSON that begins with a type and a version, which no column has."""
    content = {"type": "audit", "v": 2, "seq": row["seq"], "actor": row["actor"], "at": millis(row["at"])}
    return sha256(json.dumps({**content, "final": True, "prev_hash": previous}, ensure_ascii=False))


def odd_keys(row: Row, previous: Any) -> str:
    """Return a hash that needs a hint: its keys are not named after columns."""
    content = {"n": row["seq"], "who": row["actor"], "what": row["action"], "when": millis(row["at"]), "p": previous}
    return sha256(json.dumps(content))


def salted(row: Row, previous: Any) -> str:
    """Return a hash that nobody finds: a secret is in it."""
    return sha256(f"{KEY}|{previous}|{row['seq']}|{row['actor']}")


HARD = Table(
    "seq integer, actor text, action text, quantity smallint, ip text, at timestamptz, prev_hash text, hash text",
    salted,
    previous_column="prev_hash",
    genesis="start",
)
