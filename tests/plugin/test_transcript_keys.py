"""The keys that transcripts are signed with, as options of pytest and in suites."""

from __future__ import annotations

import pytest

from tests.forger import Forger
from tests.support.command import RunLedger
from tests.support.provenance import TAMPERINGS, build_signed
from tests.support.signers import FOREIGN_PEM, PEM

NOWHERE = "--ledger-db=postgresql://nobody@127.0.0.1:1/nothing"
SUITE = "version: 1\nchecks:\n  - id: signed\n    expect: transcript_signature\n    keys: [keys/runtime.pem]\n"


def test_transcripts_are_verified_with_the_keys_given_in_one_process_and_in_several(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    TAMPERINGS["signed-by-a-foreign-key"](build_signed(forger))
    (pytester.path / "runtime.pem").write_text(PEM)
    (pytester.path / "foreign.pem").write_text(FOREIGN_PEM)
    dsn = f"--ledger-db={forger.dsn}"
    result = run(dsn, "--ledger-transcript-key=runtime.pem")
    result.assert_outcomes(passed=10, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["  - UNKNOWN_KEY sequence 50: *", "TAMPERED: *: transcript_signature."])
    both = ("--ledger-transcript-key=runtime.pem", "--ledger-transcript-key=foreign.pem")
    run(dsn, *both, "-n", "1").assert_outcomes(passed=11, skipped=2)


def test_without_a_key_a_run_passes_with_a_warning(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={build_signed(forger).dsn}")
    result.assert_outcomes(passed=11, skipped=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*LedgerWarning: transcript_signature: 1 finding",
            "SELF-CONSISTENT: Integrity checks passed, except transcript_signature (WARN).*",
        ]
    )


def test_the_keys_of_a_suite_are_files_beside_it(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    folder = pytester.mkdir("rules")
    (folder / "signed.ledger.yaml").write_text(SUITE)
    (folder / "keys").mkdir()
    (folder / "keys" / "runtime.pem").write_text(PEM)
    (pytester.path / "foreign.pem").write_text(FOREIGN_PEM)
    arguments = (f"--ledger-db={build_signed(forger).dsn}", "rules/signed.ledger.yaml")
    run(*arguments).assert_outcomes(passed=1)
    # an option outweighs the suite
    run(*arguments, "--ledger-transcript-key=foreign.pem").assert_outcomes(failed=1)


def test_a_key_that_is_none_is_told_before_anything_connects(pytester: pytest.Pytester, run: RunLedger) -> None:
    (pytester.path / "no.pem").write_text("no key")
    result = run(NOWHERE, "--ledger-transcript-key=no.pem")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: The key no.pem is not an Ed25519 public key. Give the PEM file of the *"])
    pytester.makefile(".ledger.yaml", mine=SUITE)
    result = run(NOWHERE, "mine.ledger.yaml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["mine.ledger.yaml:3:5: check 'signed': The key keys/runtime.pem cannot be read: No such file*"]
    )
    assert "Traceback" not in result.stdout.str()
