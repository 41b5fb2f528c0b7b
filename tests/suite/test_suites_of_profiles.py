"""Suites for ledgers of other profiles: the profile as a condition, roles as names of columns, streams in findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_audit_ledger.errors import SuiteError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Status
from tests.forger import Forger
from tests.support.checks import by_id
from tests.support.command import Invoke, RunLedger
from tests.support.profiled import profile_file, profiled

SUITE = """\
version: 1
profile: movements
checks:
  - {id: kinds, expect: accepted_values, column: "role:verdict", values: [deposit, withdrawal]}
  - {id: growing, expect: values_increasing, column: booked_at, strictly: true}
  - {id: numbered, expect: sequential_values, column: entry_id}
  - {id: secret, expect: not_null, column: memo, redact: ["role:stream", memo]}
  - {id: rules, expect: not_null, column: "role:rule_id"}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "movements.ledger.yaml"
    path.write_text(SUITE, "utf-8")
    return path


def test_roles_name_columns_and_findings_name_streams(forger: Forger, suite: Path) -> None:
    profile = profiled(forger, "join")
    found = by_id(Ledger(forger.dsn, profile=profile).verify_integrity(suites=[suite]))
    assert [(one.stream, one.sequence_number, one.actual) for one in found["kinds"].findings] == [
        ("DE01", 3, "kind = fee")
    ]
    assert found["growing"].status is Status.PASS  # in each stream, though not over all of them
    assert found["numbered"].status is Status.PASS
    assert {(one.stream, one.actual) for one in found["secret"].findings} == {("(redacted)", "")}
    assert found["rules"].status is Status.SKIP
    assert found["rules"].reason == "The profile movements names no column for the role rule_id."


def test_a_number_in_a_column_of_text_sorts_as_a_number(forger: Forger, tmp_path: Path) -> None:
    forger.run("CREATE TABLE log (row_index text, hash text, at int)")
    forger.run("INSERT INTO log SELECT n::text, 'x', n FROM generate_series(1, 12) AS n")
    profile = tmp_path / "log.profile.yaml"
    profile.write_text(
        "version: 1\nname: log\ntable: log\nroles: {sequence: {column: row_index, as: integer}, entry_hash: hash}\n"
        "payload: {concat: [row_index]}\n"
    )
    suite = tmp_path / "log.ledger.yaml"
    suite.write_text(
        "version: 1\nchecks:\n  - {id: growing, expect: values_increasing, column: at}\n"
        "  - {id: small, expect: accepted_range, column: at, max_value: 8}\n"
    )
    found = by_id(Ledger(forger.dsn, profile=profile).verify_integrity(suites=[suite]))
    assert found["growing"].status is Status.PASS
    assert [one.sequence_number for one in found["small"].findings] == [9, 10, 11, 12]


def test_a_suite_for_another_profile_is_a_mistake_at_its_place(forger: Forger, suite: Path) -> None:
    ledger = Ledger(forger.build(3).dsn)
    with pytest.raises(SuiteError) as refused:
        ledger.verify_integrity(suites=[suite])
    assert str(refused.value).startswith("movements.ledger.yaml:2:10: the suite is for ledgers with the profile")
    assert "this one is read as 'ski'" in str(refused.value)


def test_pytest_and_the_command_refuse_it_as_well(forger: Forger, suite: Path, run: RunLedger, invoke: Invoke) -> None:
    dsn = forger.build(3).dsn
    done = run(f"--ledger-db={dsn}", str(suite))
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["*movements.ledger.yaml:2:10: the suite is for ledgers with the profile 'movements'*"])
    refused = invoke("verify", "--ledger-db", dsn, "--suite", str(suite))
    assert refused.exit_code == 2
    assert "movements.ledger.yaml:2:10: the suite is for ledgers with the profile" in refused.stderr
    assert invoke("suite", "lint", str(suite)).exit_code == 0


def test_explain_shows_the_sql_for_a_profile(suite: Path, invoke: Invoke) -> None:
    told = invoke("suite", "explain", "kinds", str(suite), "--profile", str(profile_file("join"))).stdout
    assert 'SELECT "account" AS "the stream", "seq", "kind"' in told
    assert 'ORDER BY "account", "seq"' in told
    growing = invoke("suite", "explain", "growing", str(suite), "--profile", str(profile_file("join"))).stdout
    assert 'PARTITION BY "account", "booked_at" IS NULL ORDER BY "seq"' in growing
