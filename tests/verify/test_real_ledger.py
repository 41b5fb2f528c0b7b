"""The ledger that the SKI Framework's own runtime wrote, loaded with our schema and with the framework's own guards."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.checkpoints.merkle import leaf_hash
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.checkpoints.store import read_store
from pytest_audit_ledger.files.resources import folder
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.suite.loader import load
from tests.forger import Forger
from tests.support.checks import CHECKPOINTS, REGISTRY, Readers, both, default_suite, outcomes, run_suite, verify_checks
from tests.support.merkle_trees import tree_root

LEDGER = Path(__file__).parents[1] / "data" / "ski-v3-runtime.csv.gz"
TRANSCRIPT_KEY = LEDGER.with_name("ski-v3-runtime.pub.pem")
KEY_GIVEN = {"transcript_signature": {"keys": [TRANSCRIPT_KEY.read_text()]}}
ENTRIES = 383

KEY = SigningKey("bank.example/ledger", bytes(range(32)))


@pytest.fixture
def real(forger: Forger) -> Forger:
    forger.build(0, schema="3")
    with gzip.open(LEDGER, "rb") as rows, forger.connection.cursor() as cursor:
        columns = rows.readline().decode().strip()
        cursor.copy_expert(f"COPY ledger_entries ({columns}) FROM STDIN WITH (FORMAT csv)", rows)
    return forger


@both
@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York"])
def test_it_verifies_clean_whatever_the_time_zone_of_the_server(real: Forger, time_zone: str, readers: Readers) -> None:
    ((database,),) = real.run("SELECT current_database()")
    real.run(f"ALTER DATABASE {database} SET timezone = '{time_zone}'")
    verification = run_suite(real.dsn, **readers, run_parameters=KEY_GIVEN)
    assert {outcome.kind: outcome.status for outcome in verification.outcomes} == {
        **{check.kind.name: Status.PASS for check in default_suite().checks},
        **dict.fromkeys(CHECKPOINTS, Status.SKIP),
    }
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
    failed = run_suite(real.dsn, run_parameters=KEY_GIVEN).with_status(Status.FAIL)
    assert [outcome.kind for outcome in failed] == [kind]
    assert {finding.sequence_number for finding in failed[0].findings} == {number}


def test_its_checkpoint_is_what_its_own_hashes_and_the_documented_encoding_lead_to(
    real: Forger, tmp_path: Path
) -> None:
    Ledger(real.dsn).create_checkpoint(tmp_path, KEY)
    (one,) = read_store([tmp_path], [KEY.verifier()]).trusted
    hashes = real.run("SELECT entry_hash FROM ledger_entries ORDER BY sequence_number")
    assert one.checkpoint.root == tree_root([leaf_hash(bytes.fromhex(text)) for (text,) in hashes])
    assert one.record is not None
    names = list(one.record.columns)
    moments = {name for name in names if one.record.columns[name] == "timestamp with time zone"}
    texts = ", ".join(f'"{name}"' if name in moments else f'"{name}"::text' for name in names)
    leaves = []
    for row in real.run(f"SELECT {texts} FROM ledger_entries e ORDER BY e.sequence_number"):
        values = {
            name: canonical_timestamp(value) if name in moments else value
            for name, value in zip(names, row, strict=True)
        }
        encoded = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        leaves.append(leaf_hash(encoded.encode()))
    assert one.record.rows.root() == tree_root(leaves)


@pytest.mark.parametrize("column", ["envelope_json", "transcript_json", "transcript_signature", "envelope_hash"])
def test_one_changed_character_of_what_no_hash_covers_is_found(real: Forger, tmp_path: Path, column: str) -> None:
    Ledger(real.dsn).create_checkpoint(tmp_path, KEY)
    ((kind,),) = real.run(
        "SELECT data_type FROM information_schema.columns "
        f"WHERE table_name = 'ledger_entries' AND column_name = '{column}'"
    )
    ((number,),) = real.run(f"SELECT max(sequence_number) FROM ledger_entries WHERE {column} IS NOT NULL")
    real.unguarded(
        f"UPDATE ledger_entries SET {column} = translate({column}::text, '17a', '71b')::{kind} "
        f"WHERE sequence_number = {number}"
    )
    result = Ledger(real.dsn).verify_integrity(checkpoints=[tmp_path], verifier_keys=[str(KEY.verifier())])
    assert outcomes(result)["checkpoint"].codes == {"UNCOVERED_CHANGED": 1}
    assert result.assurance is Assurance.TAMPERED


def compliance(dsn: str, **environment: str) -> dict[str, tuple[Status, str]]:
    """Return how each check of the shipped compliance suite ended, and what it showed first."""
    suite = load(folder("checks") / "compliance.ledger.yaml", REGISTRY, environment=environment)
    verification = verify_checks(PostgresSource(dsn, "ledger_entries"), suite.checks)
    shown = {o.check_id: o.findings[0].actual if o.findings else o.reason for o in verification.outcomes}
    return {o.check_id: (o.status, shown[o.check_id]) for o in verification.outcomes}


def test_the_compliance_suite_tells_what_this_ledger_lacks(real: Forger) -> None:
    told = compliance(real.dsn, LEDGER_MAX_AGE="1 second")
    passed = {name for name, (status, _) in told.items() if status is Status.PASS}
    warned = {name: shown for name, (status, shown) in told.items() if status is Status.WARN}
    assert passed == {
        "flag-cites-rule",
        "flag-is-reasoned",
        "verdict-names-knowledge",
        "same-input-same-verdict",
        "stale-share",
    }
    assert warned.keys() == {"unmapped-share", "flag-is-escalated", "ledger-is-fresh"}
    assert warned["unmapped-share"] == "entries = 383, unmapped = 90, share = 0.2350"
    assert warned["ledger-is-fresh"].startswith("newest = 2026-11-23 12:47:13.878701+00, now = ")


def test_the_thresholds_of_the_compliance_suite_come_from_the_environment(real: Forger) -> None:
    told = compliance(real.dsn, LEDGER_MAX_UNMAPPED_SHARE="0.3", LEDGER_MAX_AGE="100 years", LEDGER_WINDOW="1 hour")
    assert {name for name, (status, _) in told.items() if status is not Status.PASS} == {"flag-is-escalated"}


def test_a_ledger_without_flags_keeps_the_compliance_suite_quiet(forger: Forger) -> None:
    forger.build(0)
    told = compliance(forger.dsn)
    assert {status for status, _ in told.values()} <= {Status.SKIP, Status.ERROR, Status.WARN}
    assert told["flag-cites-rule"] == (Status.SKIP, "There was no entry to judge, so nothing was checked.")
    assert told["verdict-names-knowledge"][0] is Status.ERROR
    assert told["ledger-is-fresh"][0] is Status.WARN


BREAKS = {
    "flag-cites-rule": ("rule_id = NULL", Status.FAIL),
    "flag-is-reasoned": ("reasoning = '  '", Status.FAIL),
    "verdict-names-knowledge": ("knowledge_graph_version = NULL", Status.FAIL),
    "same-input-same-verdict": (
        "telemetry_hash = repeat('0', 64), verdict = CASE WHEN sequence_number < 200 THEN 'CLEAR' ELSE 'FLAG' END",
        Status.WARN,
    ),
    "stale-share": ("verdict = 'NULL_STALE'", Status.WARN),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_check_of_the_compliance_suite_finds_what_it_is_for(real: Forger, name: str) -> None:
    change, expected = BREAKS[name]
    real.unguarded(f"UPDATE ledger_entries SET {change} WHERE verdict = 'FLAG'")
    assert compliance(real.dsn)[name][0] is expected
