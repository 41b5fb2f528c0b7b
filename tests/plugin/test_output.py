"""What a run prints and leaves behind: failures, the terminal section, the JUnit file."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_audit_ledger.model.entry import entry_hash
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import CHECKS, FOLDS, PASSED, SKIPPED, default_suite
from tests.support.command import RunLedger
from tests.support.waiting import until


def properties(node: Any) -> dict[str, str]:
    return {entry.get("name", ""): entry.get("value", "") for entry in node.findall("properties/property")}


def junit(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the properties of the test suite, and the test cases by name."""
    suite = ElementTree.parse(path).getroot().find("testsuite")
    assert suite is not None
    return properties(suite), {case.get("name", ""): case for case in suite.findall("testcase")}


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_the_junit_file_tells_the_facts_about_ledger_and_checks(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, workers: list[str]
) -> None:
    forger.build(200)
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number = 50")
    last = list(forger.entries())[-1]
    run(f"--ledger-db={forger.dsn}", "--junitxml=out.xml", *workers).assert_outcomes(
        passed=PASSED - 1, failed=1, skipped=SKIPPED
    )
    told, cases = junit(pytester.path / "out.xml")
    assert {name: told[f"ledger.{name}"] for name in ("table", "entries", "sequence_first", "sequence_last")} == {
        "table": "public.ledger_entries",
        "entries": "200",
        "sequence_first": "1",
        "sequence_last": "200",
    }
    assert told["ledger.time_last"] == last.timestamp
    assert told["ledger.head_hash"] == entry_hash(last)
    assert told["ledger.assurance"] == "TAMPERED"
    for name in ("time_first", "snapshot", "server_version", "tool_version", "started_at", "database"):
        assert told[f"ledger.{name}"], name
    assert len(told["ledger.suite_sha256"]) == 64
    case = cases["entry_hash"]
    assert case.get("classname") == "ledger.integrity"
    assert properties(case) == {
        "ledger.suite": "integrity.ledger.yaml",
        "ledger.kind": "entry_hash",
        "ledger.status": "FAIL",
        "ledger.severity": "critical",
        "ledger.element_count": "200",
        "ledger.unexpected_count": "1",
        "ledger.controls": "SOC2-CC7.2, ISO27001-A.8.15, EU-AI-Act-12, NIST-AU-9, NIST-AU-10",
        "ledger.location": next(check.location for check in default_suite().checks if check.id == "entry_hash"),
        "ledger.owner": "",
        "ledger.waiver": "",
    }
    failure = case.find("failure")
    assert "sequence 50" in failure.text
    assert cases["chain_linkage"].find("failure") is None


def test_a_failure_shows_rule_counts_findings_and_what_to_do_without_a_traceback(
    run: RunLedger, forger: Forger
) -> None:
    forger.build(100)
    original = entry_hash(forger.entry(50))
    forger.unguarded("UPDATE ledger_entries SET reasoning = 'edited' WHERE sequence_number >= 50")
    result = run(f"--ledger-db={forger.dsn}", "--ledger-samples=3", "-k", "entry_hash")
    result.assert_outcomes(failed=1, deselected=CHECKS - 1)
    result.stdout.fnmatch_lines(
        [
            "entry_hash: 51 findings, first at sequence 50",
            "  about  Every entry matches its stored hash.",
            "  rule   Every stored hash is the hash of the entry's payload.",
            "  found  51 ENTRY_HASH_MISMATCH in 100 entries",
            "  - ENTRY_HASH_MISMATCH sequence 50: *",
            "      recomputed ????????????????????????????????????????????????????????????????",
            f"      stored     {original}",
            "  - ENTRY_HASH_MISMATCH sequence 51: *",
            "  - ENTRY_HASH_MISMATCH sequence 52: *",
            "  * and 48 more (raise `samples` to see more)",
            "  next   Do not rely on the ledger.*",
        ]
    )
    for word in ("Traceback", ".py:", "pytest.fail"):
        assert word not in result.stdout.str()


def test_the_summary_tells_ledger_checks_verdicts_and_assurance(run: RunLedger, forger: Forger) -> None:
    forger.build(1500)
    (counts,) = forger.run("SELECT count(*) FILTER (WHERE verdict = 'CLEAR') FROM ledger_entries")
    result = run(f"--ledger-db={forger.dsn}")
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    result.stdout.fnmatch_lines(
        [
            "*= audit ledger =*",
            "database   postgresql://*",
            "table      public.ledger_entries (schema v2.1)",
            "entries    1,500, sequence 1 to 1500",
            "time       2025-09-01T06:00:*+00:00 to 2025-*+00:00",
            "head hash  ????????????????????????????????????????????????????????????????",
            f"verdicts   CLEAR {counts[0]:,} (*%), *",
            "check * status * severity * examined * findings",
            "entry_hash * PASS * critical * 1,500 entries * 0",
            "SELF-CONSISTENT: All integrity checks passed.*",
        ]
    )


def test_a_run_of_some_checks_claims_nothing_about_the_ledger(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", "-k", "chain_linkage or append_only")
    result.assert_outcomes(passed=2, deselected=CHECKS - 2)
    result.stdout.fnmatch_lines(
        ["UNVERIFIED: The ledger as a whole was not verified: entry_hash, sequence_continuity did not run. To verify*"]
    )


def test_guards_alone_do_not_read_the_entries(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", "-k", "append_only or table_guard")
    result.assert_outcomes(passed=2, deselected=CHECKS - 2)
    result.stdout.fnmatch_lines(["entries    not read"])


def test_a_warning_passes_and_is_told(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["clock-moved-back"](forger.build(100))
    suite = "version: 1\nchecks:\n  - {id: order, expect: timestamp_order, severity: warning}\n"
    pytester.makefile(".ledger.yaml", my=suite)
    result = run(f"--ledger-db={forger.dsn}", "my.ledger.yaml", "--junitxml=out.xml")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*LedgerWarning: order: 1 finding, first at sequence 50"])
    assert properties(junit(pytester.path / "out.xml")[1]["order"])["ledger.status"] == "WARN"


def test_the_same_check_as_information_only_passes_without_a_warning(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    TAMPERINGS["clock-moved-back"](forger.build(100))
    suite = "version: 1\nchecks:\n  - {id: order, expect: timestamp_order, severity: info}\n"
    pytester.makefile(".ledger.yaml", my=suite)
    run(f"--ledger-db={forger.dsn}", "my.ledger.yaml").assert_outcomes(passed=1, warnings=0)


def test_an_empty_ledger_is_unverified_and_fails(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(0).dsn}", "--junitxml=out.xml")
    result.assert_outcomes(errors=len(FOLDS), passed=PASSED - len(FOLDS), skipped=SKIPPED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*--ledger-allow-empty*", "UNVERIFIED: The ledger has no entries*"])
    told, cases = junit(pytester.path / "out.xml")
    assert told["ledger.entries"] == "0"
    assert cases["entry_hash"].find("error") is not None


def test_an_empty_ledger_that_may_be_empty_is_skipped_and_still_unverified(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(0).dsn}", "--ledger-allow-empty")
    result.assert_outcomes(skipped=SKIPPED + len(FOLDS), passed=PASSED - len(FOLDS))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["UNVERIFIED: The ledger has no entries, so nothing was verified."])


def test_hostile_entries_cannot_write_to_the_terminal(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(20).run("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_verdict_check")
    hostile = "\x1b]0;owned\x07\x1b[2J\u202eRAELC\r\nPASSED"
    with forger.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
        cursor.execute("UPDATE ledger_entries SET verdict = %s WHERE sequence_number = 7", (hostile,))
    result = run(f"--ledger-db={forger.dsn}", "--color=no", "--junitxml=out.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    shown = "".join(result.outlines)
    assert r"\x1b]0;owned\x07\x1b[2J\u202eRAELC\r\nPASSED" in shown
    assert not [character for character in shown if not character.isprintable()]
    ElementTree.parse(pytester.path / "out.xml")


def test_two_suites_share_one_snapshot_and_one_scan(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    forger.build(100)
    pytester.makefile(".ledger.yaml", my="version: 1\nchecks:\n  - {id: linked, expect: chain_linkage}\n")
    forger.run("SELECT pg_stat_reset()")
    result = run(f"--ledger-db={forger.dsn}", "--junitxml=out.xml", ".")
    result.assert_outcomes(passed=PASSED + 1, skipped=SKIPPED)
    told, _ = junit(pytester.path / "out.xml")
    assert told["ledger.suites"] == "my.ledger.yaml, integrity.ledger.yaml"
    read = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables"
    until(lambda: forger.run(read)[0][0] >= 300, "in order, to count what an index could hide, and to test constraints")
    assert forger.run(read)[0][0] < 400


def test_the_shipped_suite_names_a_description_for_every_check_and_controls_for_every_one_that_can_fail() -> None:
    checks = default_suite().checks
    assert all(check.description for check in checks)
    assert [check.id for check in checks if not check.controls] == ["hash_coverage"]


def test_a_failed_run_says_in_brief_what_happened(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    before = forger.build(100).entry(50)
    forger.unguarded("UPDATE ledger_entries SET verdict = 'DISCRETIONARY' WHERE sequence_number = 50")
    result = run(f"--ledger-db={forger.dsn}", "--ledger-investigate", "--junitxml=out.xml", "-n", "1")
    result.stdout.fnmatch_lines(
        ["What happened:", "  Entry 50 was written with verdict *; it now says DISCRETIONARY.*"]
    )
    result.stdout.fnmatch_lines(["  Undecided: Only a checkpoint, a backup or an export shows *"])
    lines = result.stdout.lines[result.stdout.lines.index("What happened:") :]
    ours = takewhile(lambda line: "short test summary info" not in line, lines)  # which pytest does not cut off in CI
    assert all(len(line) <= 80 or "--ledger-db" in line for line in ours)
    told, _ = junit(pytester.path / "out.xml")
    assert told["ledger.undecided"].startswith("Only a checkpoint, a backup or an export shows ")
    assert told["ledger.incidents"] == "1"
    assert before.verdict in told["ledger.incident_1"]


def test_a_failed_check_of_the_users_is_said_before_the_assurance(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    query = "SELECT sequence_number FROM {ledger} WHERE verdict = 'FLAG'"
    pytester.path.joinpath("own.ledger.yaml").write_text(
        f'version: 1\nchecks:\n  - {{id: flags, expect: failed_rows, query: "{query}"}}\n'
    )
    result = run(f"--ledger-db={forger.build(50).dsn}", "--color=yes")
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED, failed=1)
    text = result.stdout.str()
    assert "\x1b[1m\x1b[31m1 check failed: flags.\x1b[0m\n\x1b[1m\x1b[31mSELF-CONSISTENT: All integrity" in text
