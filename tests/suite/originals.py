"""Rows of Frappe and Odoo with the hashes that the originals' own functions make, run from their own source.

    .venv/bin/python -m tests.suite.originals

writes tests/data/profiles/frappe.json and odoo.json again: facts, of which none is code of the originals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.originals import Original

DATA = Path(__file__).parents[1] / "data" / "profiles"
Row = dict[str, Any]

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


def transactions() -> list[Row]:
    """Return what the original stores for DOCUMENTS, as PostgreSQL prints it."""
    rows: list[Row] = []
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


# odoo

MOVE = Original("odoo/odoo", "00059361d5cdeddf8a23c239b974986d16a640d9", "addons/account/models/account_move.py")
LINE = Original("odoo/odoo", "000b8267e067d35fd9b9e6332d3ebd0a5d944a30", "addons/account/models/account_move_line.py")
FLOATS = Original("odoo/odoo", "00059361d5cdeddf8a23c239b974986d16a640d9", "odoo/tools/float_utils.py")
"""The golden rows were made with a copy of this file whose commit is not known; `make test-all` compares."""
HASH_VERSION = 4
CURRENCIES = {1: 2, 2: 0, 3: 3}
"""The digits after the point of each currency, and those of no currency."""

_MOVES = [
    (10, "INV/2026/00001", "2026-01-30", 1, 1, "out_invoice", "INV/2026/", 1),
    (11, "INV/2026/00002", "2026-01-31", 1, 1, "out_invoice", "INV/2026/", 2),
    (12, "INV/2026/00003", "2026-02-01", 1, 1, "out_invoice", "INV/2026/", 3),
    (13, 'Ré"ç\\u/😀\t\x7f', "2026-02-01", 2, 1, "entry", "BILL/", 7),
    (14, None, "2026-02-02", 2, 1, "entry", "BILL/", 9),
    (15, "BILL/10", "2026-02-03", 2, 1, "entry", "BILL/", 10),
]
_OLDER = 10
"""The move that an older Odoo secured, with version 3 of the hash."""
_LINES = [
    (8, 10, "older", "5.00", "0.00", 400, 8, 1),
    (9, 11, "Réparation 50 % ½", "120.50", "0.00", 400, 8, 1),
    (10, 11, None, "0.00", "120.50", 700, None, 1),
    (100, 12, "", "1000", "0", 400, 8, 2),
    (101, 12, "a\nb\\c\u2028", "0", "1000", 700, 9, 2),
    (102, 13, "x", "1.234", "0", 400, None, 3),
    (103, 14, "no account, and no currency", "0.10", "0", None, None, None),
    *((200 + at, 15, "half", one, "0", 400, None, 1) for at, one in enumerate(("2.675", "1.235", "-1.005", "0.125"))),
    *((210 + at, 15, "yen", "0", one, 400, None, 2) for at, one in enumerate(("10.50", "11.50", "-0.5", "-0.4"))),
]
_FIELDS = {
    **dict.fromkeys(("journal_id", "company_id", "account_id", "partner_id"), SimpleNamespace(type="many2one")),
    **dict.fromkeys(("debit", "credit"), SimpleNamespace(type="monetary")),
    "name": SimpleNamespace(type="char"),
    "date": SimpleNamespace(type="date"),
}


class Record:
    """A record of Odoo without its framework: a missing value is False, and a record iterates over itself."""

    _fields = _FIELDS

    def __init__(self, methods: Mapping[str, Any], values: Mapping[str, Any], version: int, **attributes: Any) -> None:
        self._methods, self._values, self._context = methods, values, {"hash_version": version}
        self.env = SimpleNamespace(context=self._context)
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


def moves() -> dict[str, list[Row]]:
    """Return rows of tables of Odoo, with the hashes that the original makes of them."""
    floats = FLOATS.module()
    given = {"MAX_HASH_VERSION": HASH_VERSION, "dumps": json.dumps, "sha256": hashlib.sha256, **floats}
    of_moves = MOVE.functions({"_calculate_hashes", "_get_integrity_hash_fields"}, given)
    of_lines = LINE.functions({"_get_integrity_hash_fields"}, given)
    last: dict[str, str] = {}
    found: dict[str, list[Row]] = {"account_move": [], "account_move_line": []}
    found["res_currency"] = [{"id": id_, "decimal_places": places} for id_, places in CURRENCIES.items()]
    for id_, name, day, journal, company, kind, prefix, number in _MOVES:
        version, own = HASH_VERSION - (id_ == _OLDER), []
        for line, of, label, debit, credit, account, partner, currency in _LINES:
            if of == id_:
                said = {"name": label, "account_id": account, "partner_id": partner}
                amounts = {"debit": float(debit), "credit": float(credit)}
                places = SimpleNamespace(decimal_places=CURRENCIES.get(currency or 0, 0))
                own.append(Record(of_lines, {**said, **amounts}, version, id=line, currency_id=places))
                stored = {"id": line, "move_id": of, **said, "debit": debit, "credit": credit, "currency_id": currency}
                found["account_move_line"].append(stored)
        values = {"name": name, "date": date.fromisoformat(day), "journal_id": journal, "company_id": company}
        record = Record(of_moves, values, version, line_ids=own)
        (last[prefix],) = record._calculate_hashes(last.get(prefix, "")).values()
        numbered = {"move_type": kind, "sequence_prefix": prefix, "sequence_number": number}
        found["account_move"].append({"id": id_, **values, "date": day, **numbered, "inalterable_hash": last[prefix]})
    return found


MADE = {"frappe": (transactions, (TRANSACTION_LOG,)), "odoo": (moves, (MOVE, LINE, FLOATS))}
"""What makes the rows of each, and of which files."""


def main() -> None:
    """Write the golden files."""
    for name, (make, originals) in MADE.items():
        sources = [f"{one.path} of {one.repository} at {one.commit}" for one in originals]
        by = "The original's own functions, run by tests/suite/originals.py"
        text = json.dumps({"source": by, "files": sources, "rows": make()}, indent=1)
        (DATA / f"{name}.json").write_text(f"{text}\n", encoding="ascii")


if __name__ == "__main__":
    main()
