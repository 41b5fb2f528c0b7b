"""The profiles frappe and odoo make the hashes of the originals' own functions, run from their own source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_audit_ledger import Assurance, Ledger
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.recipes import SQL_PAYLOAD
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger
from tests.suite.test_shipped_profiles import FRAPPE_TYPES, ODOO_LINES, ODOO_MOVES, ODOO_TABLES
from tests.support.originals import Original
from tests.support.profile_rows import One, entry_hashes, hashes, line_hashes

pytestmark = pytest.mark.slow  # they download

# frappe

TRANSACTION_LOG = Original(
    "frappe/frappe",
    "00c3f9531467e3b9767e114b19e44bad79bd2c4a",
    "frappe/core/doctype/transaction_log/transaction_log.py",
)
DOCUMENTS = [
    (datetime(2025, 5, 21, 15, 30, 0, 874071), '{"customer": "Société", "total": 1.5}'),
    (datetime(2025, 5, 21, 15, 30, 1), None),
    (datetime(2025, 5, 21, 15, 31, 2, 500), ""),
    (datetime(2025, 12, 31, 23, 59, 59, 999999), "a\nb\\c \u2028 😀"),
]


class TransactionLog:
    """A document of Frappe without its framework; `methods` are those of the original."""

    def __init__(self, methods: Mapping[str, Any], data: str | None) -> None:
        self.data, self._methods = data, methods

    def __getattr__(self, name: str) -> Any:
        return lambda: self._methods[name](self)


def transactions() -> list[dict[str, str | None]]:
    """Return what the original stores for DOCUMENTS, as PostgreSQL prints it."""
    rows: list[dict[str, str | None]] = []
    moments = iter([moment for moment, _ in DOCUMENTS])
    database = SimpleNamespace(sql=lambda _: [(rows[-1]["chaining_hash"],)])
    frappe = SimpleNamespace(db=database, safe_encode=lambda text: text.encode("utf-8"))
    given = {
        "frappe": frappe,
        "hashlib": hashlib,
        "get_current_index": lambda: len(rows) + 1,
        "now_datetime": lambda: next(moments),
    }
    methods = TRANSACTION_LOG.functions({"before_insert", "hash_line", "hash_chain"}, given)
    for _, data in DOCUMENTS:
        one = TransactionLog(methods, data)
        one.before_insert()
        stored = f"{one.timestamp:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
        hashed = {name: vars(one)[name] for name in ("previous_hash", "transaction_hash", "chaining_hash")}
        rows.append({"row_index": str(one.row_index), "timestamp": stored, "data": data, **hashed})
    return rows


def test_frappes_own_code_writes_the_hashes_that_its_profile_asks_for() -> None:
    profile, rows = load_profile("frappe"), transactions()
    assert entry_hashes(profile, FRAPPE_TYPES, rows) == [row["chaining_hash"] for row in rows]
    assert line_hashes(profile, "transaction_hash", FRAPPE_TYPES, rows) == [row["transaction_hash"] for row in rows]
    assert rows[0]["previous_hash"] == rows[0][profile.genesis.line]


def test_what_frappes_own_code_writes_is_verified_on_a_server(forger: Forger) -> None:
    rows = transactions()
    forger.run(sql("demo/frappe.sql"))
    forger.run('DROP TRIGGER before_insert ON "tabTransaction Log"; DELETE FROM "tabTransaction Log"')
    for row in rows:
        names = ", ".join(row)
        forger.run(
            f'INSERT INTO "tabTransaction Log" (name, {names}) SELECT %s, {", ".join(["%s"] * len(row))}',
            [row["row_index"], *row.values()],
        )
    found = Ledger(forger.dsn, profile="frappe").verify_integrity()
    assert [one for outcome in found.outcomes for one in outcome.findings if outcome.unit == "entries"] == []
    assert (found.assurance, found.total_entries) == (Assurance.SELF_CONSISTENT, len(rows))


# odoo

ODOO = ("odoo/odoo", "00059361d5cdeddf8a23c239b974986d16a640d9")
MOVE = Original(*ODOO, "addons/account/models/account_move.py")
LINE = Original(*ODOO, "addons/account/models/account_move_line.py")
FLOATS = Original(*ODOO, "odoo/tools/float_utils.py")
HASH_VERSION = 4

_TYPES = {
    "many2one": ("journal_id", "company_id", "account_id", "partner_id"),
    "monetary": ("debit", "credit"),
    "char": ("name",),
    "date": ("date",),
}
FIELDS = {name: SimpleNamespace(type=type_) for type_, names in _TYPES.items() for name in names}
EMPTY: Mapping[str, Any] = {}


def is_zero(value: float, precision_digits: int) -> bool:
    """Stand in for Odoo's float_is_zero."""
    return not round(value, precision_digits)


class Record:
    """A record of Odoo without its framework: a missing value is False, and a record iterates over itself."""

    _fields = FIELDS
    _context = EMPTY
    env = SimpleNamespace(context=EMPTY)

    def __init__(self, methods: Mapping[str, Any], values: Mapping[str, Any], **attributes: Any) -> None:
        self._methods, self._values = methods, values
        vars(self).update(attributes)

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        if self._fields[name].type == "many2one":
            return SimpleNamespace(id=value or False)
        return False if value is None else value

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._methods[name](self, *arguments)

    def __iter__(self) -> Iterator[Record]:
        yield self


def records() -> list[Record]:
    """Return ODOO_MOVES with their lines as records of the original's methods."""
    floats = FLOATS.functions({"float_repr"}, {"float_is_zero": is_zero})
    given = {"MAX_HASH_VERSION": HASH_VERSION, "dumps": json.dumps, "sha256": hashlib.sha256, **floats}
    moves = MOVE.functions({"_calculate_hashes", "_get_integrity_hash_fields"}, given)
    lines = LINE.functions({"_get_integrity_hash_fields"}, given)
    currencies = {1: 2, 2: 0, 3: 3, None: 2}
    found = []
    for number, name, day, journal, company, *_ in ODOO_MOVES:
        own = []
        for line, of, label, debit, credit, account, partner, currency in ODOO_LINES:
            if of == number:
                amounts = {"debit": float(debit), "credit": float(credit)}
                said = {"name": label, "account_id": account, "partner_id": partner, **amounts}
                places = SimpleNamespace(decimal_places=currencies[currency])
                own.append(Record(lines, said, id=line, currency_id=places))
        values = {"name": name, "date": date.fromisoformat(day), "journal_id": journal, "company_id": company}
        found.append(Record(moves, values, id=number, line_ids=own))
    return found


def test_odoos_own_code_writes_the_hashes_that_its_profile_asks_for(forger: Forger) -> None:
    forger.run(ODOO_TABLES)
    last: dict[str, str] = {}
    for move, record in zip(ODOO_MOVES, records(), strict=True):
        prefix = move[6]
        (last[prefix],) = record._calculate_hashes(last.get(prefix, "")).values()
        forger.run("INSERT INTO account_move VALUES %s", ((*move[:-1], last[prefix]),))
    for line in ODOO_LINES:
        forger.run("INSERT INTO account_move_line VALUES %s", (line,))
    profile = load_profile("odoo")
    assert profile.version is not None
    rows = forger.run(
        f"SELECT inalterable_hash, ({profile.version.payload['sql']})::text FROM account_move AS entry "
        f"WHERE {profile.where} ORDER BY id"
    )
    read = [One({SQL_PAYLOAD: payload}, None, is_first=False) for _, payload in rows]
    assert hashes(profile.version, {}, read) == [stored for stored, _ in rows]
    assert Ledger(forger.dsn, profile="odoo").verify_integrity().assurance is Assurance.SELF_CONSISTENT
