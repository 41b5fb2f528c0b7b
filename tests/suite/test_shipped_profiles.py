"""The shipped profiles make the hashes of the originals: published ones, and those that the originals' code made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.files.resources import json_schema
from pytest_audit_ledger.model.columns import V2_COLUMNS
from pytest_audit_ledger.model.entry import Entry, canonical_payload
from pytest_audit_ledger.model.recipes import SQL_PAYLOAD
from pytest_audit_ledger.model.ski import SKI as BUILT_IN
from pytest_audit_ledger.suite.profile_file import load_profile, shipped_profiles
from pytest_audit_ledger.suite.yaml_document import parse
from tests.forger import Forger
from tests.model.test_payload_laws import entries, fields
from tests.support.profile_rows import One, entry_hashes, hashes, in_streams, line_hashes, payloads

DATA = Path(__file__).parents[1] / "data" / "profiles"


def golden(name: str) -> Any:
    """Return the rows that the original's own functions hashed."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="ascii"))["rows"]


def published(name: str) -> list[dict[str, str | None]]:
    records: list[dict[str, str | None]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["records"]
    return records


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_which_no_run_validates_is_valid(name: str, tmp_path: Path) -> None:
    elsewhere = shutil.copy(shipped_profiles()[name], tmp_path)
    assert load_profile(elsewhere).digest == load_profile(name).digest


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_is_one_for_editors_too(name: str) -> None:
    schema = Draft202012Validator(json_schema("profile.schema.json"))
    document = parse(shipped_profiles()[name].read_text(encoding="utf-8"))
    assert [error.message for error in schema.iter_errors(document.data)] == []
    assert load_profile(name).name == name


# ski

SKI = load_profile("ski")
SKI_TYPES = {name: column.type for name, column in V2_COLUMNS.items()}


@given(entries)
def test_the_payload_of_ski_is_the_canonical_one(entry: Entry) -> None:
    row = {**dict(zip(asdict(entry), fields(entry), strict=True)), "entry_hash": ""}
    for profile in (SKI, BUILT_IN):
        assert profile.version is not None
        assert payloads(profile.version, SKI_TYPES, in_streams(SKI, [row])) == [canonical_payload(entry)]


def test_ski_says_of_its_ledger_what_the_program_knows() -> None:
    assert (SKI.table, SKI.values, SKI.violations) == (BUILT_IN.table, BUILT_IN.values, BUILT_IN.violations)
    assert (SKI.genesis, SKI.first, SKI.gaps) == (BUILT_IN.genesis, BUILT_IN.first, BUILT_IN.gaps)
    assert SKI.columns.items() <= BUILT_IN.columns.items()


# verifactu

VERIFACTU_TYPES = {
    "fecha_expedicion": "date",
    "cuota_total": "numeric(12,2)",
    "importe_total": "numeric(12,2)",
    "fecha_hora_huso": "timestamp with time zone",
}


def test_verifactu_makes_the_hashes_of_the_tax_agency() -> None:
    records = published("verifactu")
    expected = [record["huella"] for record in records]
    assert entry_hashes(load_profile("verifactu"), VERIFACTU_TYPES, records) == expected


def test_verifactu_takes_no_spaces_at_the_ends_of_values() -> None:
    first = published("verifactu")[0]
    spaced = {**first, "num_serie_factura": f"  {first['num_serie_factura']} "}
    assert entry_hashes(load_profile("verifactu"), VERIFACTU_TYPES, [spaced]) == [first["huella"]]


# formance

FORMANCE_TYPES = {
    "id": "numeric",
    "type": "log_type",
    "date": "timestamp without time zone",
    "memento": "bytea",
    "idempotency_key": "character varying(255)",
    "schema_version": "text",
}
SCHEMA_VERSION: dict[str, Any] = {
    "when_not_null": "schema_version",
    "of": [{"text": ',"schemaVersion":"'}, "schema_version", {"text": '"'}],
}


def test_formance_makes_the_hashes_of_its_trigger() -> None:
    records = published("formance")
    assert entry_hashes(load_profile("formance"), FORMANCE_TYPES, records) == [record["hash"] for record in records]


def test_formance_can_hash_the_version_of_the_schema_as_its_comment_says() -> None:
    """compute_hash got the hashes of the trigger as the previous ones."""
    profile, records = load_profile("formance"), published("formance")
    assert profile.version is not None
    *items, last = profile.version.payload["concat"]
    advised = replace(profile, version=replace(profile.version, payload={"concat": [*items, SCHEMA_VERSION, last]}))
    assert entry_hashes(advised, FORMANCE_TYPES, records) == [one["hash_with_schema_version"] for one in records]


# frappe

FRAPPE_TYPES = {
    "row_index": "character varying(140)",
    "timestamp": "timestamp without time zone",
    "data": "text",
}


def test_frappe_makes_both_hashes_of_the_original() -> None:
    profile, rows = load_profile("frappe"), golden("frappe")
    assert entry_hashes(profile, FRAPPE_TYPES, rows) == [row["chaining_hash"] for row in rows]
    assert line_hashes(profile, "transaction_hash", FRAPPE_TYPES, rows) == [row["transaction_hash"] for row in rows]
    assert profile.genesis.line == "transaction_hash"
    assert rows[0]["previous_hash"] == rows[0][profile.genesis.line]


# odoo


ODOO_TABLES = """
CREATE TABLE res_currency (id int PRIMARY KEY, decimal_places int);
CREATE TABLE account_move (id int PRIMARY KEY, name text, date date, journal_id int, company_id int, move_type text,
    sequence_prefix text, sequence_number int, inalterable_hash text);
CREATE TABLE account_move_line (id int PRIMARY KEY, move_id int, name text, debit numeric, credit numeric,
    account_id int, partner_id int, currency_id int);
"""


def write_odoo(forger: Forger, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Create tables of Odoo with these rows."""
    forger.run(ODOO_TABLES)
    for table, rows in tables.items():
        for row in rows:
            forger.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES %s", (tuple(row.values()),))


def test_odoo_makes_the_hashes_of_the_original(forger: Forger) -> None:
    profile = load_profile("odoo")
    write_odoo(forger, golden("odoo"))
    assert profile.version is not None
    expression = profile.version.payload["sql"]
    rows = forger.run(
        f"SELECT inalterable_hash, ({expression})::text FROM account_move AS entry WHERE {profile.where} ORDER BY id"
    )
    read = [One({SQL_PAYLOAD: payload}, None, is_first=False) for _, payload in rows]
    assert hashes(profile.version, {}, read) == [stored for stored, _ in rows]
    assert len(read) == len(golden("odoo")["account_move"]) - 1  # without the entry of an older version


@pytest.mark.parametrize("amount", ["1e300", "NaN", "-1e16"])
def test_an_amount_of_odoo_that_is_no_money_is_a_wrong_hash_and_no_error(forger: Forger, amount: str) -> None:
    write_odoo(forger, golden("odoo"))
    forger.run("UPDATE account_move_line SET debit = %s WHERE id = 200", (amount,))
    found = Ledger(forger.dsn, profile="odoo").verify_integrity()
    assert [(one.code, one.sequence_number) for outcome in found.outcomes for one in outcome.findings] == [
        ("ENTRY_HASH_MISMATCH", 10)
    ]
