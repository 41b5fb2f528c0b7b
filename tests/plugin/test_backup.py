"""`--ledger-backup`: a pytest run leaves a backup of the very snapshot that it verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.backup.verification import verify_backup
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import PASSED, SKIPPED
from tests.support.command import RunLedger, append_meanwhile


def manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{path}.manifest.json").read_text())
    return found


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_clean_run_leaves_a_backup_that_is_proven(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, server: str, processes: tuple[str, ...]
) -> None:
    path = pytester.path / "ledger.sql.gz"
    dsn = forger.build(100).dsn
    result = run(f"--ledger-db={dsn}", f"--ledger-backup={path.name}", f"--ledger-scratch-db={server}", *processes)
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    told = manifest(path)
    assert (told["entries"], told["assurance"], told["proof"]) == (100, "SELF-CONSISTENT", "restored")
    result.stdout.fnmatch_lines([f"wrote {path}  *  SHA-256 {told['sha256']}", f"wrote {path}.manifest.json *"])


def test_a_tampered_ledger_is_backed_up_and_the_run_is_red_for_the_ledger_alone(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, server: str
) -> None:
    TAMPERINGS["edit"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}", "--ledger-backup=x.dump", f"--ledger-scratch-db={server}")
    result.assert_outcomes(passed=PASSED - 1, failed=1, skipped=SKIPPED)
    assert manifest(pytester.path / "x.dump")["assurance"] == "TAMPERED"
    result.stdout.no_fnmatch_line("not written*")


def test_the_backup_holds_what_was_verified_whatever_is_appended_meanwhile(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, server: str
) -> None:
    forger.build(100)
    append_meanwhile(pytester, forger)
    result = run(f"--ledger-db={forger.dsn}", "--ledger-backup=x.sql", f"--ledger-scratch-db={server}")
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    assert forger.run("SELECT count(*) FROM ledger_entries") == [(120,)]
    assert manifest(pytester.path / "x.sql")["entries"] == 100
    assert verify_backup(pytester.path / "x.sql", scratch_db=server).proof.contradictions == ()


def test_a_run_whose_backup_is_not_proven_is_not_green(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    nowhere = "postgresql:///x?host=/nowhere"
    result = run(f"--ledger-db={forger.build(10).dsn}", "--ledger-backup=x.sql", f"--ledger-scratch-db={nowhere}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    result.stdout.fnmatch_lines(
        ["not written: */x.sql was written but not proven: It could not be restored; it could be read*"]
    )
    assert manifest(pytester.path / "x.sql")["proof"] == "listed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ledger-scratch-db=service=x"], "--ledger-scratch-db only works with --ledger-backup.*"),
        (["--ledger-encryption-key=age1x"], "--ledger-encryption-key only works with --ledger-backup.*"),
        (["--ledger-backup="], "A backup is written to a file, with its manifest next to it.*"),
        (["--ledger-backup=x.sql.age"], "*ends in .age, but there is no encryption key.*"),
        (["--ledger-backup=x.sql", "--ledger-encryption-key=hunter2"], "This is not an encryption key.*"),
        (["--ledger-backup=x.sql", "--ledger-scratch-db=a b"], "*cannot read this DSN*"),
    ],
)
def test_a_mistake_in_an_option_shows_before_anything_connects(
    run: RunLedger, options: list[str], message: str
) -> None:
    result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "hunter2" not in result.stdout.str() + result.stderr.str()


def test_an_export_is_no_database_to_back_up(pytester: pytest.Pytester, run: RunLedger) -> None:
    (pytester.path / "x.csv").write_text("sequence_number\n")
    result = run("--ledger-db=x.csv", "--ledger-backup=x.sql")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: Only a database can be backed up, not an export. *"])
