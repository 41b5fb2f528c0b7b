"""The rows and hashes that the profiles frappe and odoo are tested with are those of the originals' own functions."""

from __future__ import annotations

import pytest

from pytest_audit_ledger import Assurance, Ledger
from pytest_audit_ledger.files.resources import sql
from tests.forger import Forger
from tests.suite.originals import MADE
from tests.suite.test_shipped_profiles import golden, write_odoo


@pytest.mark.slow  # it downloads
@pytest.mark.parametrize("name", MADE)
def test_the_originals_own_code_makes_the_golden_rows(name: str) -> None:
    make, _ = MADE[name]
    assert make() == golden(name)


def assert_verified(forger: Forger, profile: str, count: int) -> None:
    found = Ledger(forger.dsn, profile=profile).verify_integrity()
    assert [one for outcome in found.outcomes for one in outcome.findings if outcome.unit == "entries"] == []
    assert (found.assurance, found.total_entries) == (Assurance.SELF_CONSISTENT, count)


def test_what_frappes_own_code_writes_is_verified_on_a_server(forger: Forger) -> None:
    rows = golden("frappe")
    forger.run(sql("demo/frappe.sql"))
    forger.run('DROP TRIGGER before_insert ON "tabTransaction Log"; DELETE FROM "tabTransaction Log"')
    for row in rows:
        names = ", ".join(row)
        forger.run(
            f'INSERT INTO "tabTransaction Log" (name, {names}) SELECT %s, {", ".join(["%s"] * len(row))}',
            [row["row_index"], *row.values()],
        )
    assert_verified(forger, "frappe", len(rows))


def test_what_odoos_own_code_writes_is_verified_on_a_server(forger: Forger) -> None:
    rows = golden("odoo")
    write_odoo(forger, rows)
    assert_verified(forger, "odoo", len(rows["account_move"]) - 1)  # one is of an older version
