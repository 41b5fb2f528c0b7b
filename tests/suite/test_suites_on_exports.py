"""SQL checks where the entries come from an export: skipped, and told why."""

from __future__ import annotations

from pathlib import Path

from pytest_audit_ledger import Ledger, Status
from tests.forger import Forger

SUITE = """\
version: 1
checks:
  - {id: ruled, expect: not_null, column: verdict}
  - {id: rows, expect: failed_rows, query: "SELECT 1 FROM {ledger}"}
"""


def test_sql_checks_of_an_export_are_skipped_with_their_reason(forger: Forger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl.gz"
    Ledger(forger.build(20).dsn).export_entries(output_file=path)
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(SUITE)
    result = Ledger(str(path)).verify_integrity(suites=[suite])
    own = [outcome for outcome in result.outcomes if outcome.check_id in ("ruled", "rows")]
    assert [outcome.status for outcome in own] == [Status.SKIP] * 2
    assert all("SQL" in outcome.reason for outcome in own), own
    assert result.is_valid
