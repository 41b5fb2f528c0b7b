"""What is collected, how it is named and how it is selected."""

from __future__ import annotations

import pytest

from tests.forger import Forger
from tests.support.checks import PASSED, SKIPPED
from tests.support.command import RunLedger

IDS = [
    "chain_linkage",
    "entry_hash",
    "sequence_continuity",
    "timestamp_order",
    "verdict_taxonomy",
    "append_only",
    "table_guard",
    "envelope_hash",
    "envelope_consistency",
    "transcript_signature",
    "hash_coverage",
    "checkpoint",
    "checkpoint_guards",
]
NODE_IDS = [f"integrity.ledger.yaml::{check}" for check in IDS]
NOWHERE = "--ledger-db=postgresql://nobody@127.0.0.1:1/nothing"

SUITE = "version: 1\nchecks:\n  - {id: linked, expect: chain_linkage}\n"


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line and " " not in line]


def test_without_a_ledger_the_plugin_does_nothing(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")
    pytester.makefile(".ledger.yaml", my=SUITE)
    result = run()
    result.assert_outcomes(passed=1)
    said = [line for line in result.outlines if "ledger" in line and not line.startswith(("rootdir:", "plugins:"))]
    assert said == []


def test_the_default_suite_is_collected_beside_a_users_tests_without_connecting(
    pytester: pytest.Pytester, run: RunLedger
) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result = run(NOWHERE, "--collect-only", "-q")
    assert result.ret == 0
    assert collected(result) == ["test_mine.py::test_mine", *NODE_IDS]


def test_a_suite_named_on_the_command_line_replaces_the_default(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.mkdir("rules").joinpath("my.ledger.yaml").write_text(SUITE)
    result = run(NOWHERE, "--collect-only", "-q", "rules/my.ledger.yaml")
    assert collected(result) == ["rules/my.ledger.yaml::linked"]


def test_one_check_of_a_suite_can_be_named(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makefile(".ledger.yaml", my=SUITE + "  - {id: hashed, expect: entry_hash}\n")
    result = run(NOWHERE, "--collect-only", "-q", "my.ledger.yaml::hashed")
    assert collected(result) == ["my.ledger.yaml::hashed"]


def test_suites_of_the_ini_file_replace_the_default_and_are_collected_once(
    pytester: pytest.Pytester, run: RunLedger
) -> None:
    pytester.makeini(f"[pytest]\nledger_suites = my.ledger.yaml\nledger_db = {NOWHERE.partition('=')[2]}\n")
    pytester.makefile(".ledger.yaml", my=SUITE)
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result = run("--collect-only", "-q")
    assert sorted(collected(result)) == ["my.ledger.yaml::linked", "test_mine.py::test_mine"]


def test_suites_in_collected_folders_run_beside_the_default(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.mkdir("rules").joinpath("my.ledger.yaml").write_text(SUITE)
    result = run(NOWHERE, "--collect-only", "-q")
    assert sorted(collected(result)) == sorted(["rules/my.ledger.yaml::linked", *NODE_IDS])


def test_yml_is_collected_like_yaml_and_what_is_filed_as_evidence_is_not(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    pytester.path.joinpath("my.ledger.yml").write_text(SUITE)
    expected = sorted(["my.ledger.yml::linked", *NODE_IDS])
    forger.build(50)
    for name in ("one", "two"):  # what the first run filed must not be run by the second
        result = run(f"--ledger-db={forger.dsn}", f"--ledger-evidence=evidence/{name}")
        result.assert_outcomes(passed=PASSED + 1, skipped=SKIPPED)
    filed = "evidence/one/suites/my.ledger.yml"
    assert pytester.path.joinpath(filed).exists()
    assert sorted(collected(run(NOWHERE, "--collect-only", "-q"))) == expected
    assert collected(run(NOWHERE, "--collect-only", "-q", filed)) == [f"{filed}::linked"]
    assert collected(run(NOWHERE, "--collect-only", "-q", "my.ledger.yml")) == ["my.ledger.yml::linked"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-k", "hash"], ["entry_hash", "envelope_hash", "hash_coverage"]),
        (["-m", "ledger"], IDS),
        (["-m", "not ledger"], []),
        (["--deselect", NODE_IDS[0]], IDS[1:]),
        ([NODE_IDS[5]], ["append_only"]),
        (NODE_IDS[:2], IDS[:2]),
        (["integrity.ledger.yaml"], IDS),
    ],
)
def test_checks_are_selected_as_tests_are(run: RunLedger, arguments: list[str], expected: list[str]) -> None:
    result = run(NOWHERE, "--collect-only", "-q", *arguments)
    assert collected(result) == [f"integrity.ledger.yaml::{check}" for check in expected]


def test_a_check_that_the_shipped_suite_does_not_have_is_an_error(run: RunLedger) -> None:
    result = run(NOWHERE, "integrity.ledger.yaml::entry_hsh")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["There is no check entry_hsh in integrity.ledger.yaml."])


def test_switching_the_plugin_off_removes_its_options(run: RunLedger) -> None:
    result = run("-p", "no:audit_ledger", NOWHERE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --ledger-db=*"])


def test_last_failed_runs_only_the_checks_and_tests_that_failed(
    pytester: pytest.Pytester, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    forger.build(10).unguarded("UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number = 5")
    pytester.makepyfile(test_mine="def test_good(): pass\ndef test_bad(): assert 0")
    arguments = [f"--ledger-db={forger.dsn}"]
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=PASSED, failed=2, skipped=SKIPPED)
    again = pytester.runpytest_subprocess(*arguments, "--lf", "-v")
    again.assert_outcomes(failed=2)
    again.stdout.fnmatch_lines(["integrity.ledger.yaml::entry_hash FAILED*"])


def test_exit_first_stops_before_the_ledger_is_read(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makepyfile(test_mine="def test_bad(): assert 0")
    result = run(NOWHERE, "-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["UNVERIFIED: No check ran to its end*"])


def test_verbose_output_names_checks_by_their_node_id_alone(run: RunLedger, forger: Forger) -> None:
    forger.build(10)
    result = run(f"--ledger-db={forger.dsn}", "-v")
    lines = [line.split(" ")[0] for line in result.outlines if " PASSED" in line or " SKIPPED" in line]
    assert lines == NODE_IDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\nchecks:\n  - {id: a, expect: chain_linkage, sevrity: info}\n", "*:3:*'sevrity'*mean 'severity'?"),
        ("version: 1\nchecks:\n  - {id: a, expect: no_such_kind}\n", "*:3:*unknown kind 'no_such_kind'*"),
        ("", "*:1:1: the file is empty"),
    ],
)
def test_a_mistake_in_a_suite_stops_everything_before_it_connects(
    pytester: pytest.Pytester, run: RunLedger, text: str, expected: str
) -> None:
    pytester.makepyfile(test_mine="def test_mine(): pass")
    pytester.makefile(".ledger.yaml", my=text)
    result = run(NOWHERE)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([expected])
    assert "Traceback" not in result.stdout.str()


KIND = """
    from pytest_audit_ledger.kinds import Finding, ScanKind

    class NoLlm(ScanKind):
        name = "{name}"
        rule = "No verdict comes from the model alone."
        remedy = "Review them."
        columns = ("track",)

        def feed(self, batch):
            for number, track in zip(batch.sequence_numbers, batch.values("track")):
                if track == "llm":
                    self.findings.add(Finding("LLM_VERDICT", "decided by the model", number, actual=track))

    def pytest_ledger_register_kinds():
        return [NoLlm]
"""


def test_a_kind_in_a_conftest_is_used_like_ours(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    forger.build(100)
    expected = [row[0] for row in forger.run("SELECT sequence_number FROM ledger_entries WHERE track = 'llm'")]
    pytester.makeconftest(KIND.format(name="no_llm"))
    pytester.makefile(".ledger.yaml", my="version: 1\nchecks:\n  - {id: models, expect: no_llm}\n")
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml", "--ledger-workers=2")
    result.assert_outcomes(failed=1)
    assert expected
    result.stdout.fnmatch_lines([f"  - LLM_VERDICT sequence {number}: decided by the model" for number in expected])


def test_a_kind_whose_name_is_taken_is_refused_naming_both_plugins(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makeconftest(KIND.format(name="entry_hash"))
    result = run(NOWHERE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*The kind 'entry_hash' of the plugin *conftest.py* is already * audit_ledger.*"])


def test_code_of_a_kind_that_fails_is_an_error_of_its_check_alone(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(10)
    pytester.makeconftest(KIND.format(name="broken").replace('if track == "llm":', "if track > number:"))
    suite = "version: 1\nchecks:\n  - {id: mine, expect: broken}\n  - {id: linked, expect: chain_linkage}\n"
    pytester.makefile(".ledger.yaml", my=suite)
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*The code of the kind broken failed with TypeError: *"])


def test_a_shipped_check_can_be_named_under_xdist(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", "-n", "2", NODE_IDS[1], NODE_IDS[5])
    result.assert_outcomes(passed=2)
