"""What is typed and cannot take effect is refused; what is in addopts or an ini file stays without effect."""

from __future__ import annotations

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from tests.forger import Forger
from tests.support.command import RunLedger

KEY = str(SigningKey("bank.example/ledger", bytes(range(32))).verifier())


def refused(result: pytest.RunResult, words: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words}"])


@pytest.mark.parametrize(
    "option", ["--ledger-export=a.json", "--ledger-checkpoint=x", "--ledger-allow-empty", "--ledger-table=t"]
)
def test_an_option_without_a_ledger_is_refused(run: RunLedger, option: str) -> None:
    name = option.partition("=")[0]
    refused(run(option), f"{name} needs a ledger, and none is named. Add --ledger-db=DSN.")


def test_who_has_the_variable_of_the_command_is_told_how_to_use_it(
    run: RunLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DSN", "service=ledger")
    refused(
        run("--ledger-allow-empty"), "*none is named. Add --ledger-db=env:LEDGER_DSN. pytest does not read LEDGER_DSN*"
    )
    assert run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("where", ["addopts", "PYTEST_ADDOPTS"])
def test_what_was_not_typed_does_nothing_without_a_ledger(
    pytester: pytest.Pytester, run: RunLedger, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    options = "--ledger-export=a.json --ledger-samples=5"
    if where == "addopts":
        pytester.makeini(f"[pytest]\naddopts = {options}\n")
    else:
        pytester.makeconftest(f"import os\nassert os.environ['PYTEST_ADDOPTS'] == {options!r}\n")
        monkeypatch.setenv("PYTEST_ADDOPTS", options)
    pytester.makepyfile("def test_nothing(): pass")
    run().assert_outcomes(passed=1)


def test_options_of_a_drill_need_a_drill_and_no_ledger(run: RunLedger) -> None:
    refused(run("--ledger-drill-entries=50"), "--ledger-drill-entries only works with --ledger-drill.*")
    refused(run("--ledger-drill", "--ledger-samples=5"), "--ledger-samples needs a ledger, and none is named.*")
    drill = run("--ledger-drill", "--ledger-drill-entries=50", "--ledger-allow-integrity-waivers", "--collect-only")
    assert drill.ret == pytest.ExitCode.OK


def test_a_ledger_named_twice_is_refused_and_addopts_can_be_outweighed(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    named = f"--ledger-db={forger.build(10).dsn}"
    refused(run(named, "--ledger-db=demo"), "--ledger-db is given 2 times. Give it once.")
    refused(run(named, "--ledger-table", "a", "--ledger-table=b"), "--ledger-table is given 2 times. Give it once.")
    pytester.makeini("[pytest]\naddopts = --ledger-db=env:NO_SUCH_VARIABLE\n")
    assert run(named, "-k", "entry_hash").ret == pytest.ExitCode.OK


def test_a_key_without_a_checkpoint_is_refused_unless_a_suite_may_name_one(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    options = (f"--ledger-db={forger.build(10).dsn}", f"--ledger-verifier-key={KEY}")
    refused(run(*options), "--ledger-verifier-key only works with checkpoints, and none are named. Add --ledger-check*")
    pytester.makefile(".ledger.yaml", own="version: 1\nchecks: [{id: a, expect: entry_hash}]\n")
    assert run(*options, "own.ledger.yaml").ret == pytest.ExitCode.OK


def test_a_folder_of_checkpoints_that_is_not_there_is_refused_unless_one_is_required_or_made(
    run: RunLedger, forger: Forger, pytester: pytest.Pytester
) -> None:
    options = (f"--ledger-db={forger.build(10).dsn}", "--ledger-checkpoint=nope", f"--ledger-verifier-key={KEY}")
    refused(run(*options), f"There is no folder {pytester.path / 'nope'}. Name the folder that holds the checkpoints.")
    required = run(*options, "--ledger-require-checkpoint", "-k", "checkpoint")
    assert required.ret == pytest.ExitCode.TESTS_FAILED
    required.stdout.fnmatch_lines(["*CHECKPOINT_MISSING*"])
    key = pytester.path / "signing.key"
    key.write_text(SigningKey("bank.example/ledger", bytes(range(32))).text())
    key.chmod(0o600)
    first = run(*options, "--ledger-write-checkpoint=nope", "--ledger-signing-key=signing.key")
    assert first.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("question", ["--help", "--version"])
def test_a_question_is_answered_whatever_else_was_typed(run: RunLedger, question: str) -> None:
    assert run(question, "--ledger-export=a.json").ret == pytest.ExitCode.OK
