"""The tables in examples/profiles are verified by their profiles; an edit of each is found where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger import Assurance, Ledger, Status
from tests.forger import Forger

FOLDER = Path(__file__).parents[1] / "examples" / "profiles"
EDITS = {
    "concat": "UPDATE document_versions SET title = 'Contract 2' WHERE id = 2",
    "join": "UPDATE movements SET amount = amount + 1 WHERE seq = 2 AND account = 'FR02'",
    "json": "UPDATE tool_calls SET approved = NOT approved WHERE id = 2",
    "lengths": "UPDATE record_accesses SET reason = 'x' WHERE row_no = 2",
    "pairs": "UPDATE receipts SET total = 1 WHERE number = 2",
    "sql": "UPDATE order_lines SET quantity = 11 WHERE order_no = 2",
    "template": "UPDATE badge_events SET badge = 'B-9' WHERE event_no = 4",
}
EDITED = {"template": 4}


def mismatches(dsn: str, name: str) -> tuple[Assurance, list[int | None]]:
    """Verify a table, and return the assurance and the numbers of the entries that do not match their hash."""
    with Ledger(dsn, profile=FOLDER / f"{name}.profile.yaml") as ledger:
        verification = ledger.verify_integrity()
    (hashes,) = (outcome for outcome in verification.outcomes if outcome.kind == "entry_hash")
    assert hashes.status in (Status.PASS, Status.FAIL), hashes.reason
    return verification.assurance, [finding.sequence_number for finding in hashes.findings]


def test_every_table_has_an_edit() -> None:
    assert EDITS.keys() == {path.stem for path in FOLDER.glob("*.sql")}


@pytest.mark.parametrize("name", EDITS)
def test_a_table_is_verified_by_its_profile_and_an_edit_is_found(forger: Forger, name: str) -> None:
    forger.run((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    assert mismatches(forger.dsn, name) == (Assurance.SELF_CONSISTENT, [])
    forger.run(f"SET session_replication_role = replica; {EDITS[name]}; RESET session_replication_role")  # no trigger
    assert mismatches(forger.dsn, name) == (Assurance.TAMPERED, [EDITED.get(name, 2)])
