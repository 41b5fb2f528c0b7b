"""The Python API: what a verification tells, and that nothing else than our own errors is raised."""

from __future__ import annotations

import pickle
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import psycopg2
import pytest

from pytest_audit_ledger import Assurance, Ledger, LedgerError, Status, SuiteError, UsageError
from pytest_audit_ledger.investigate.incident import commands
from pytest_audit_ledger.sources.postgres import PostgresSource
from tests.forger import TAMPERINGS, Forger

LATE = "version: 1\nchecks:\n  - {id: late, expect: timestamp_order, severity: warning, future_tolerance: 1s}\n"


def test_a_clean_ledger_is_valid_and_says_what_it_holds(forger: Forger) -> None:
    ((low, high),) = forger.build(100).run('SELECT min("timestamp"), max("timestamp") FROM ledger_entries')
    counts = dict(forger.run("SELECT verdict, count(*) FROM ledger_entries GROUP BY 1"))
    with Ledger(forger.dsn) as ledger:
        result = ledger.verify_integrity()
    assert result.is_valid
    assert result.assurance is Assurance.SELF_CONSISTENT
    assert (result.total_entries, result.sequence_range) == (100, (1, 100))
    assert result.time_range == (low.astimezone(timezone.utc), high.astimezone(timezone.utc))
    assert all(isinstance(moment, datetime) for moment in result.time_range)
    assert result.verdict_distribution == counts
    assert result.issues == ()
    assert "Then run `audit-ledger checkpoint create" in result.recommendation


def test_a_tampered_ledger_is_not_valid_and_its_issues_say_where(forger: Forger) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    result = Ledger(forger.dsn).verify_integrity()
    assert not result.is_valid
    assert result.assurance is Assurance.TAMPERED
    assert [(issue.code, issue.sequence_number) for issue in result.issues] == [("ENTRY_HASH_MISMATCH", 50)]
    assert result.recommendation.startswith("Do not rely on this ledger.")


def test_lost_protections_have_a_recommendation_of_their_own(forger: Forger) -> None:
    TAMPERINGS["trigger-disabled"](forger.build(100))
    result = Ledger(forger.dsn).verify_integrity()
    assert not result.is_valid
    assert result.recommendation.endswith("--repair`.")


def test_nothing_checked_is_not_valid(forger: Forger) -> None:
    empty = Ledger(forger.build(0).dsn).verify_integrity()
    gone = Ledger(f"{forger.dsn} port=1").verify_integrity()
    for result in (empty, gone):
        assert not result.is_valid
        assert result.assurance is Assurance.UNVERIFIED
        assert result.recommendation.startswith("Do not rely on the ledger yet.")
        assert result.total_entries == 0
        assert result.time_range == (None, None)
    assert gone.sequence_range == (None, None)
    assert gone.verdict_distribution == {}
    assert not Ledger(forger.dsn).verify_integrity(allow_empty=True).is_valid


def test_a_suite_of_ones_own_is_run_besides(forger: Forger, tmp_path: Path) -> None:
    forger.build(100)
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text(LATE)
    result = Ledger(forger.dsn).verify_integrity(suites=[suite])
    assert [outcome.check_id for outcome in result.outcomes][-2:] == ["checkpoint_guards", "late"]
    assert result.is_valid


def test_a_shipped_suite_that_is_named_is_not_run_twice(forger: Forger) -> None:
    ledger = Ledger(forger.build(10).dsn)
    named = ledger.verify_integrity(suites=["integrity.ledger.yaml"])
    assert [one.check_id for one in named.outcomes] == [one.check_id for one in ledger.verify_integrity().outcomes]


def test_a_failed_check_of_ones_own_is_not_valid_although_the_chain_holds(forger: Forger, tmp_path: Path) -> None:
    forger.build(100)
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text("version: 1\nchecks:\n  - {id: roles, expect: append_only, roles: critical}\n")
    forger.run("GRANT UPDATE ON ledger_entries TO PUBLIC")
    result = Ledger(forger.dsn).verify_integrity(suites=[suite])
    assert not result.is_valid
    assert {outcome.check_id for outcome in result.with_status(Status.FAIL)} == {"roles"}


def test_the_order_of_time_can_be_left_out(forger: Forger) -> None:
    TAMPERINGS["clock-moved-back"](forger.build(100))
    assert not Ledger(forger.dsn).verify_integrity().is_valid
    result = Ledger(forger.dsn).verify_integrity(check_timestamps=False)
    assert "timestamp_order" not in {outcome.kind for outcome in result.outcomes}
    assert result.is_valid


def test_results_can_be_pickled(forger: Forger, tmp_path: Path) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    ledger = Ledger(forger.dsn)
    result = ledger.verify_integrity()
    export = ledger.export_entries(output_file=tmp_path / "ledger.csv")
    assert pickle.loads(pickle.dumps(result)) == result
    assert pickle.loads(pickle.dumps(export)) == export


@pytest.mark.server
def test_a_demo_is_started_when_needed_and_stopped_at_the_end() -> None:
    with Ledger("demo:tampered") as ledger:
        found = ledger.investigate(limit_seconds=0)
        assert not found.verification.is_valid
        # its server is gone afterwards
        (advised,) = commands(found.incidents[0].next_step, found.verification.given)
        assert "--ledger-db demo:tampered " in advised
        assert isinstance(ledger.source, PostgresSource)
        with closing(ledger.source.connect()) as connection:
            folder = Path(connection.info.host)
        assert folder.exists()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("dsn", "options"),
    [
        ("", {}),
        ("   ", {}),
        ("demo:nothing", {}),
        ("not a dsn", {}),
        ("env:LEDGER_NOT_SET", {}),
        ("postgresql://u:p@ss/word@host/db", {}),
        ("nowhere.jsonl.gz", {}),
        ("postgresql:///x", {"table": "a.b.c"}),
        ("demo", {"table": "a.b.c"}),
    ],
)
def test_what_cannot_be_read_is_a_usage_error_before_anything_connects(dsn: str, options: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        Ledger(dsn, **options)  # type: ignore[arg-type]
    assert "p@ss" not in str(caught.value)


def test_a_ledger_without_a_column_is_exported_as_it_is(forger: Forger) -> None:
    forger.build(3).run('ALTER TABLE ledger_entries DROP "timestamp"')
    entries = list(Ledger(forger.dsn).export_entries())
    assert [entry["sequence_number"] for entry in entries] == [1, 2, 3]
    assert "timestamp" not in entries[0]
    with pytest.raises(LedgerError, match="timestamp"):
        list(Ledger(forger.dsn).export_entries(start_date="2026-01-01"))


def test_only_our_own_errors_are_raised(forger: Forger, tmp_path: Path) -> None:
    ledger = Ledger(forger.build(10).dsn)
    broken = tmp_path / "broken.ledger.yaml"
    broken.write_text("version: 1\nchecks:\n  - {id: a, expect: nothing_of_the_kind}\n")
    with pytest.raises(SuiteError, match=r"broken\.ledger\.yaml:3:"):
        ledger.verify_integrity(suites=[broken])
    with pytest.raises(UsageError, match=r"There is no suite nowhere\.ledger\.yaml"):
        ledger.verify_integrity(suites=["nowhere.ledger.yaml"])
    with pytest.raises(UsageError, match="need a file"):
        ledger.export_entries(format="csv")  # type: ignore[call-overload]
    for dsn in (f"{forger.dsn} port=1", f"{forger.dsn} dbname=nowhere"):
        with pytest.raises(LedgerError) as caught:
            Ledger(dsn).export_entries(output_file=tmp_path / "x.csv")
        assert caught.value.remedy
        assert not isinstance(caught.value, psycopg2.Error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.ledger.yaml"]
