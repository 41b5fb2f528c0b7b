"""The ledgers that shipped profiles describe, as sql/demo makes them: clean, tampered with, and what no hash covers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import pytest

from pytest_audit_ledger import Assurance, Ledger, Verification
from pytest_audit_ledger.files.resources import sql
from pytest_audit_ledger.model.outcome import Status
from tests.forger import Forger
from tests.verify.test_tampering import EXPECTED

Place = tuple[str, str, int]
"""The code, the stream and the number of a finding."""

Tamperings = Mapping[str, tuple[str, set[Place]]]

INVOICE = "nif_emisor = 'B12345674' AND numero_registro = 51"
VERIFACTU: Tamperings = {
    "an amount": (
        f"UPDATE registros_facturacion SET importe_total = 1 WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51)},
    ),
    "a kind of invoice that becomes missing": (
        f"UPDATE registros_facturacion SET tipo_factura = NULL WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51)},
    ),
    "a second": (
        f"UPDATE registros_facturacion SET fecha_hora_huso = fecha_hora_huso + interval '1 second' WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51)},
    ),
    "a day": (
        f"UPDATE registros_facturacion SET fecha_expedicion = fecha_expedicion + 1 WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51)},
    ),
    "a registration that becomes a cancellation": (
        f"UPDATE registros_facturacion SET tipo_registro = 'anulacion' WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51)},
    ),
    "a hash": (
        f"UPDATE registros_facturacion SET huella = lower(huella) WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51), ("HASH_MISMATCH", "B12345674", 52)},
    ),
    "a link": (
        f"UPDATE registros_facturacion SET huella_anterior = NULL WHERE {INVOICE}",
        {("ENTRY_HASH_MISMATCH", "B12345674", 51), ("HASH_MISMATCH", "B12345674", 51)},
    ),
    "an amount with its hash": (
        f"""CREATE TRIGGER again BEFORE UPDATE ON registros_facturacion
                FOR EACH ROW EXECUTE FUNCTION registros_huella();
            UPDATE registros_facturacion SET importe_total = 1 WHERE {INVOICE}""",
        {("HASH_MISMATCH", "B12345674", 52)},
    ),
    "a record that is gone": (
        f"DELETE FROM registros_facturacion WHERE {INVOICE}",
        {("SEQUENCE_GAP", "B12345674", 51), ("HASH_MISMATCH", "B12345674", 52)},
    ),
    "a first record that is gone": (
        "DELETE FROM registros_facturacion WHERE nif_emisor = '89890001K' AND numero_registro = 1",
        {("SEQUENCE_GAP", "89890001K", 1), ("HASH_MISMATCH", "89890001K", 2)},
    ),
    "a record of another issuer": (
        f"UPDATE registros_facturacion SET nif_emisor = '89890001K', numero_registro = 151 WHERE {INVOICE}",
        {
            ("SEQUENCE_GAP", "B12345674", 51),
            ("HASH_MISMATCH", "B12345674", 52),
            ("HASH_MISMATCH", "89890001K", 151),
            ("ENTRY_HASH_MISMATCH", "89890001K", 151),
            ("TIMESTAMP_ORDER", "89890001K", 151),
        },
    ),
}

LOG = "ledger = 'main' AND id = 50"
FORMANCE: Tamperings = {
    "a type": (
        f"UPDATE _default.logs SET type = 'SET_METADATA' WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50)},
    ),
    "a space in the content": (
        f"UPDATE _default.logs SET memento = memento || ' ' WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50)},
    ),
    "a microsecond": (
        f"UPDATE _default.logs SET date = date + interval '1 microsecond' WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50)},
    ),
    "a key that was not there": (
        f"UPDATE _default.logs SET idempotency_key = 'key' WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50)},
    ),
    "a hash": (
        f"UPDATE _default.logs SET hash = sha256('') WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50), ("ENTRY_HASH_MISMATCH", "main", 51)},
    ),
    "a hash that is blanked": (
        f"UPDATE _default.logs SET hash = NULL WHERE {LOG}",
        {("ENTRY_HASH_MISMATCH", "main", 50), ("ENTRY_HASH_MISMATCH", "main", 51)},
    ),
    "a log that is gone": (f"DELETE FROM _default.logs WHERE {LOG}", {("ENTRY_HASH_MISMATCH", "main", 51)}),
    "a first log that is gone": (
        "DELETE FROM _default.logs WHERE ledger = 'café' AND id = 1",
        {("ENTRY_HASH_MISMATCH", "café", 2), ("SEQUENCE_GAP", "café", 1)},
    ),
    "a log in another ledger": (
        f"UPDATE _default.logs SET ledger = 'café', id = 151 WHERE {LOG}",
        {
            ("ENTRY_HASH_MISMATCH", "main", 51),
            ("ENTRY_HASH_MISMATCH", "café", 151),
            ("TIMESTAMP_ORDER", "café", 151),
        },
    ),
    "a log that is copied to the end": (
        f"""ALTER TABLE _default.logs DISABLE TRIGGER USER;
            INSERT INTO _default.logs SELECT ledger, 151, type, hash, date, data, idempotency_key, memento
            FROM _default.logs WHERE {LOG}""",
        {("ENTRY_HASH_MISMATCH", "main", 151), ("TIMESTAMP_ORDER", "main", 151)},
    ),
}

TRANSACTION = "row_index = '50'"
FRAPPE: Tamperings = {
    "the data": (
        f"""UPDATE "tabTransaction Log" SET data = 'x' WHERE {TRANSACTION.replace("50", "51")}""",
        {("LINE_HASH_MISMATCH", "", 51)},
    ),
    "data that was not there": (
        f"""UPDATE "tabTransaction Log" SET data = '' WHERE {TRANSACTION}""",
        {("LINE_HASH_MISMATCH", "", 50)},
    ),
    "a microsecond": (
        f"""UPDATE "tabTransaction Log" SET timestamp = timestamp + interval '1 microsecond' WHERE {TRANSACTION}""",
        {("LINE_HASH_MISMATCH", "", 50)},
    ),
    "a line hash": (
        f"""UPDATE "tabTransaction Log" SET transaction_hash = md5('') WHERE {TRANSACTION}""",
        {("LINE_HASH_MISMATCH", "", 50), ("ENTRY_HASH_MISMATCH", "", 50)},
    ),
    "the data with its line hash": (
        """UPDATE "tabTransaction Log" SET data = 'x',
            transaction_hash = encode(sha256(
                convert_to(row_index || to_char(timestamp, 'YYYY-MM-DD HH24:MI:SS.USx'), 'UTF8')), 'hex')
            WHERE row_index = '51'""",
        {("ENTRY_HASH_MISMATCH", "", 51)},
    ),
    "a hash": (
        f"""UPDATE "tabTransaction Log" SET chaining_hash = upper(chaining_hash) WHERE {TRANSACTION}""",
        {("ENTRY_HASH_MISMATCH", "", 50), ("HASH_MISMATCH", "", 51)},
    ),
    "a link": (
        f"""UPDATE "tabTransaction Log" SET previous_hash = 'Indexing broken' WHERE {TRANSACTION}""",
        {("ENTRY_HASH_MISMATCH", "", 50), ("HASH_MISMATCH", "", 50)},
    ),
    "a transaction with its hashes": (
        f"""CREATE TRIGGER again BEFORE UPDATE ON "tabTransaction Log"
                FOR EACH ROW EXECUTE FUNCTION transaction_log_before_insert();
            UPDATE "tabTransaction Log" SET data = 'x' WHERE {TRANSACTION}""",
        {("HASH_MISMATCH", "", 51)},
    ),
    "a transaction that is gone": (
        f"""DELETE FROM "tabTransaction Log" WHERE {TRANSACTION}""",
        {("SEQUENCE_GAP", "", 50), ("HASH_MISMATCH", "", 51)},
    ),
    "a first transaction that is gone": (
        """DELETE FROM "tabTransaction Log" WHERE row_index = '1'""",
        {("SEQUENCE_GAP", "", 1), ("HASH_MISMATCH", "", 2)},
    ),
}

MOVE = "(SELECT id FROM account_move WHERE journal_id = 1 AND sequence_number = 50)"
INVOICES = "(1,INV/2025/)"
ODOO: Tamperings = {
    "a debit": (
        f"UPDATE account_move_line SET debit = debit + 1 WHERE account_id = 400 AND move_id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a label": (
        f"UPDATE account_move_line SET name = '' WHERE account_id = 700 AND move_id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "an account": (
        f"UPDATE account_move_line SET account_id = 701 WHERE account_id = 700 AND move_id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a partner": (
        f"UPDATE account_move_line SET partner_id = NULL WHERE account_id = 400 AND move_id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a line that is gone": (
        f"DELETE FROM account_move_line WHERE account_id = 700 AND move_id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a line that was not there": (
        f"INSERT INTO account_move_line (move_id, debit, credit, account_id, currency_id) SELECT {MOVE}, 0, 0, 700, 1",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a day": (
        f"UPDATE account_move SET date = date + 1 WHERE id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50), ("TIMESTAMP_ORDER", INVOICES, 51)},
    ),
    "a name": (
        f"UPDATE account_move SET name = 'INV/2025/1' WHERE id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50)},
    ),
    "a hash": (
        f"UPDATE account_move SET inalterable_hash = '$4$' || md5('') WHERE id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 50), ("ENTRY_HASH_MISMATCH", INVOICES, 51)},
    ),
    "an entry that is not secured any more": (
        f"UPDATE account_move SET inalterable_hash = NULL WHERE id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 51)},
    ),
    "an entry that is gone": (
        f"DELETE FROM account_move_line WHERE move_id = {MOVE}; DELETE FROM account_move WHERE id = {MOVE}",
        {("ENTRY_HASH_MISMATCH", INVOICES, 51)},
    ),
}

ALL = {"verifactu": VERIFACTU, "formance": FORMANCE, "frappe": FRAPPE, "odoo": ODOO}


def verified(forger: Forger, profile: str, tampering: str = "") -> Verification:
    forger.run(sql(f"demo/{profile}.sql"))
    if tampering:
        forger.run(tampering)
    return Ledger(forger.dsn, profile=profile).verify_integrity()


def places(found: Verification) -> set[tuple[str, str, int | None]]:
    """Return code, stream and number of every finding that fails a check of the entries."""
    entries = [one for one in found.outcomes if one.unit == "entries" and one.status is Status.FAIL]
    return {(one.code, one.stream, one.sequence_number) for outcome in entries for one in outcome.findings}


@pytest.mark.parametrize("profile", ALL)
def test_a_ledger_as_the_original_writes_it_is_consistent(forger: Forger, profile: str) -> None:
    found = verified(forger, profile)
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)
    assert found.total_entries >= 200


@pytest.mark.parametrize(("profile", "tampering"), [(name, what) for name, all_ in ALL.items() for what in all_])
def test_tampering_is_found_at_its_entry_and_stream(forger: Forger, profile: str, tampering: str) -> None:
    change, expected = ALL[profile][tampering]
    found = verified(forger, profile, change)
    assert places(found) == expected
    assert found.assurance is Assurance.TAMPERED


FORKS = {
    "frappe": """INSERT INTO "tabTransaction Log" (name, row_index, timestamp, data)
        SELECT 'fork', row_index, timestamp, 'another' FROM "tabTransaction Log" WHERE row_index = '50'""",
    "odoo": """INSERT INTO account_move
            (date, journal_id, company_id, move_type, state, sequence_prefix, sequence_number, inalterable_hash)
        SELECT date, journal_id, company_id, move_type, state, sequence_prefix, sequence_number, inalterable_hash
        FROM account_move WHERE journal_id = 1 AND sequence_number = 50""",
}


@pytest.mark.parametrize("profile", FORKS)
def test_a_table_that_promises_no_key_misses_none_and_its_forks_are_found(forger: Forger, profile: str) -> None:
    found = verified(forger, profile)
    (table,) = (one for one in found.outcomes if one.kind == "table_guard")
    assert (table.status, table.findings) == (Status.PASS, ())
    assert table.facts["unique numbers"].startswith("not promised: ")
    forger.run(FORKS[profile])
    forked = Ledger(forger.dsn, profile=profile).verify_integrity()
    assert "SEQUENCE_DUPLICATE" in {code for code, _, number in places(forked) if number == 50}
    assert forked.assurance is Assurance.TAMPERED


def test_ten_tamperings_of_each_ledger_are_tried() -> None:
    of_ski = [found for found in EXPECTED.values() if any(number for _, number in chain(*found.values()))]
    assert all(len(tried) >= 10 for tried in (of_ski, *ALL.values()))


def test_the_version_of_formances_schema_is_under_no_hash(forger: Forger) -> None:
    found = verified(forger, "formance", f"UPDATE _default.logs SET schema_version = 'v9' WHERE {LOG}")
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)
    (coverage,) = (outcome for outcome in found.outcomes if outcome.kind == "hash_coverage")
    assert "schema_version" in coverage.facts["nothing in the ledger"].split(", ")


def test_drafts_of_odoo_are_no_entries(forger: Forger) -> None:
    assert verified(forger, "odoo").total_entries == 200


CUT_OFF = {
    "verifactu": "DELETE FROM registros_facturacion WHERE nif_emisor = 'B12345674' AND numero_registro > 50",
    "formance": "DELETE FROM _default.logs WHERE ledger = 'main' AND id > 50",
    "frappe": 'DELETE FROM "tabTransaction Log" WHERE row_index::int > 50',
    "odoo": "UPDATE account_move SET inalterable_hash = NULL WHERE journal_id = 1 AND sequence_number > 50",
}


@pytest.mark.parametrize("profile", ALL)
def test_nothing_is_claimed_of_an_end_that_is_cut_off(forger: Forger, profile: str) -> None:
    found = verified(forger, profile, CUT_OFF[profile])
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)
    assert "a truncated tail" in found.sentence


def test_nothing_is_claimed_of_a_ledger_that_is_written_again(forger: Forger) -> None:
    rewrite = """
        UPDATE _default.logs SET memento = '{}' WHERE ledger = 'main' AND id = 50;
        CREATE TABLE kept AS TABLE _default.logs;
        TRUNCATE _default.logs;
        INSERT INTO _default.logs SELECT * FROM kept ORDER BY id"""
    found = verified(forger, "formance", rewrite)
    assert (places(found), found.assurance) == (set(), Assurance.SELF_CONSISTENT)
    assert "Without a checkpoint, a full rewrite" in found.sentence
