"""The ledger that the SKI Framework's own runtime wrote, loaded with our schema and with the framework's own guards."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pytest_audit_ledger.outcome import Assurance, Status
from tests.forger import Forger
from tests.postgres.support import run_suite

LEDGER = Path(__file__).parents[1] / "data" / "ski-v3-runtime.csv.gz"
KEY = LEDGER.with_name("ski-v3-runtime.pub.pem")
KEY_GIVEN = {"transcript_signature": {"keys": [KEY.read_text()]}}
ENTRIES = 383


@pytest.fixture
def real(forger: Forger) -> Forger:
    forger.build(0, schema="3")
    with gzip.open(LEDGER, "rb") as rows, forger.connection.cursor() as cursor:
        columns = rows.readline().decode().strip()
        cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN WITH (FORMAT csv)", rows)
    return forger


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York"])
def test_it_verifies_clean_whatever_the_time_zone_of_the_server(real: Forger, time_zone: str, workers: int) -> None:
    ((database,),) = real.run("SELECT current_database()")
    real.run(f"ALTER DATABASE {database} SET timezone = '{time_zone}'")
    verification = run_suite(real.dsn, workers=workers, given=KEY_GIVEN)
    assert {outcome.status for outcome in verification.outcomes} == {Status.PASS}
    assert verification.assurance is Assurance.SELF_CONSISTENT
    assert verification.survey is not None
    assert verification.survey.entries == ENTRIES
    assert verification.survey.verdicts == {"FLAG": 150, "CLEAR": 143, "NULL_UNMAPPED": 90}


def test_the_frameworks_own_triggers_hold_but_can_be_silenced_which_is_a_warning(real: Forger) -> None:
    real.run("ALTER TABLE ledger_entries ENABLE TRIGGER USER")
    outcomes = {outcome.check_id: outcome for outcome in run_suite(real.dsn).outcomes}
    assert outcomes["append_only"].status is Status.WARN
    assert outcomes["append_only"].codes["TRIGGER_BYPASS"] == 3


@pytest.mark.parametrize("number", [1, 200, ENTRIES])
def test_one_changed_character_is_found(real: Forger, number: int) -> None:
    real.unguarded(f"UPDATE ledger_entries SET telemetry_id = telemetry_id || '.' WHERE sequence_number = {number}")
    outcomes = {outcome.check_id: outcome for outcome in run_suite(real.dsn).outcomes}
    assert [finding.sequence_number for finding in outcomes["entry_hash"].findings] == [number]
    assert outcomes["chain_linkage"].status is Status.PASS


CHARACTERS = {
    "envelope_hash": "envelope_json = replace(envelope_json::text, 'checked', 'chekced')::jsonb",
    "envelope_consistency": "verifier_status = 'LLM_CONTRADICTION'",
    "transcript_signature": "transcript_signature = translate(transcript_signature, '01', '10')",
}


@pytest.mark.parametrize("number", [1, 200, ENTRIES])
@pytest.mark.parametrize("kind", CHARACTERS)
def test_a_change_beside_an_entry_is_found(real: Forger, kind: str, number: int) -> None:
    real.unguarded(f"UPDATE ledger_entries SET {CHARACTERS[kind]} WHERE sequence_number = {number}")
    failed = run_suite(real.dsn, given=KEY_GIVEN).with_status(Status.FAIL)
    assert [outcome.kind for outcome in failed] == [kind]
    assert {finding.sequence_number for finding in failed[0].findings} == {number}
