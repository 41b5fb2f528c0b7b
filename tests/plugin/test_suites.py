"""The suite language through whole runs of pytest: ids, selection, places, waivers, and the tools for it."""

from __future__ import annotations

import json

import pytest

from pytest_audit_ledger import Ledger
from pytest_audit_ledger.output.verification_json import as_json
from pytest_audit_ledger.output.verification_text import full_report
from tests.forger import Forger
from tests.plugin.test_output import junit, properties
from tests.support.command import RunLedger

SUITE = """\
version: 1
include: [shared/more.yaml]
controls: {C-1: {title: One}, C-2: {title: Two}}
checks:
  - id: rows
    expect: failed_rows
    query: SELECT sequence_number FROM {ledger} WHERE track = %(track)s AND sequence_number = 7
    parametrize: {track: [symbolic, llm, 'a::b']}
    controls: [C-1]
    tags: [nightly]
    severity: info
  - {id: short, expect: row_count_between, min_value: 1000, controls: [C-2], owner: platform}
  - {id: idle, expect: row_count_between, min_value: 1}
  - {id: late, expect: row_count_between, min_value: 1000}
waivers:
  - {id: W-1, check: short, reason: Replica rebuild, approved_by: CISO, ticket: T-1, expires: "2999-01-01T00:00:00Z"}
  - {id: W-2, check: idle, reason: Replica rebuild, approved_by: CISO, expires: "2999-01-01T00:00:00Z"}
  - {id: W-3, check: late, reason: Replica rebuild, approved_by: CISO, expires: "2020-01-01T00:00:00Z"}
"""
MORE = "version: 1\nchecks:\n  - {id: included, expect: not_null, column: escalation_status}\n"
NOWHERE = "--ledger-db=postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def written(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "shared").mkdir()
    (pytester.path / "shared" / "more.yaml").write_text(MORE)
    (pytester.path / "own.ledger.yaml").write_text(SUITE)
    return pytester


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_waivers_places_and_parameters_show_in_results(
    written: pytest.Pytester, run: RunLedger, forger: Forger, workers: list[str]
) -> None:
    forger.build(100)
    result = run(f"--ledger-db={forger.dsn}", "own.ledger.yaml", "-rxf", "--junitxml=out.xml", *workers)
    result.assert_outcomes(passed=4, failed=2, xfailed=1, warnings=1)
    assert result.ret == 1
    waiver = "aiver W-1 until 2999-01-01 00:00:00 UTC: Replica rebuild (approved by CISO, T-1)"
    output = result.stdout.str()
    assert f"W{waiver}" in output
    assert "The check passed, so the waiver W-2 has nothing to waive. Remove it." in output
    assert "Its waiver has expired: waiver W-3" in output
    assert "where  shared/more.yaml:3" in output
    _, cases = junit(written.path / "out.xml")
    names = ["included", *(f"rows[track={track}]" for track in ("symbolic", "llm", "a::b")), "short", "idle", "late"]
    assert sorted(cases) == sorted(names)
    told = properties(cases["short"])
    assert told["ledger.waiver"] == f"w{waiver}"
    assert (told["ledger.status"], told["ledger.owner"]) == ("WAIVED", "platform")
    assert waiver in cases["short"].find("skipped").get("message")
    assert properties(cases["included"])["ledger.location"] == "shared/more.yaml:3"


def test_a_waived_check_fails_where_expected_failures_are_to_fail(
    written: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(100)
    result = run(f"--ledger-db={forger.dsn}", "own.ledger.yaml", "-k", "short", "--runxfail")
    result.assert_outcomes(failed=1, deselected=6)
    result.stdout.fnmatch_lines(["short: 1 finding*", "  why    Waiver W-1 until 2999-01-01 *"])


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (["-k", "nightly"], 3),
        (["-m", "ledger_control(id='C-1')"], 3),
        (["-m", "ledger_control(id='C-2')"], 1),
        (["-k", "llm"], 1),
    ],
)
def test_checks_are_selected_by_tag_control_and_parameter(
    written: pytest.Pytester, run: RunLedger, selection: list[str], count: int
) -> None:
    result = run(NOWHERE, "--collect-only", "-q", "own.ledger.yaml", *selection)
    assert sum(line.startswith("own.ledger.yaml::") for line in result.outlines) == count


def test_a_parametrized_check_is_named_on_the_command_line(
    written: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", "own.ledger.yaml::rows[track=a::b]").assert_outcomes(passed=1)


INTEGRITY = """\
version: 1
checks:
  - {id: hashes, expect: entry_hash}
waivers:
  - {id: W-1, check: hashes, reason: Known, approved_by: CISO, expires: "2999-01-01T00:00:00Z"}
"""


@pytest.mark.parametrize(("flags", "code"), [([], 1), (["--ledger-allow-integrity-waivers"], 0)])
def test_tampering_stays_tampering_whether_it_is_waived_or_not(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, flags: list[str], code: int
) -> None:
    (pytester.path / "own.ledger.yaml").write_text(INTEGRITY)
    forger.build(20).unguarded("UPDATE ledger_entries SET reasoning = 'x' WHERE sequence_number = 5")
    result = run(f"--ledger-db={forger.dsn}", "own.ledger.yaml", *flags)
    assert result.ret == code
    result.stdout.fnmatch_lines(["TAMPERED: Integrity checks failed: hashes*"])


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--ledger-lint", "own.ledger.yaml"], 0, "own.ledger.yaml: 7 checks, no mistakes"),
        (["--ledger-lint"], 0, "own.ledger.yaml: 7 checks, no mistakes"),
        (["--ledger-lint", "nowhere.ledger.yaml"], 2, "There is no suite nowhere.ledger.yaml. *"),
        (["--ledger-lint", "bad.ledger.yaml"], 2, "bad.ledger.yaml:1:1: the suite lacks the required key 'checks'"),
        (["--ledger-list", "own.ledger.yaml"], 0, "rows[[]track=llm]*failed_rows*info*C-1*nightly*own.ledger.yaml:5"),
        (["--ledger-explain", "rows[track=llm]", "own.ledger.yaml"], 0, "*variable  track = 'llm'"),
        (["--ledger-explain", "row", "own.ledger.yaml"], 2, "There is no check 'row'*"),
        (["--ledger-kinds"], 0, "of_conftest"),
        (["--ledger-schema"], 0, '*"of_conftest"*'),
        (["--ledger-init"], 0, "Wrote *my.ledger.yaml.*"),
    ],
)
def test_the_tools_do_their_work_and_exit_without_a_ledger(
    written: pytest.Pytester, run: RunLedger, flags: list[str], code: int, words: str
) -> None:
    if "bad.ledger.yaml" in flags:
        (written.path / "bad.ledger.yaml").write_text("version: 1\n")
    written.makeconftest(
        "from pytest_audit_ledger.kinds.kind import CatalogKind\n"
        "class Own(CatalogKind):\n"
        "    name, rule, remedy, unit = 'of_conftest', 'It is.', 'Let it be.', 'things'\n"
        "    def examine(self, catalogue): self.element_count = 1\n"
        "def pytest_ledger_register_kinds(): return [Own]\n"
    )
    result = run(NOWHERE, *flags)
    assert result.ret == code
    (result.stdout if code == 0 else result.stderr).fnmatch_lines([words])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_suite_to_begin_with_is_never_overwritten(written: pytest.Pytester, run: RunLedger) -> None:
    (written.path / "my.ledger.yaml").write_text("mine")
    assert run("--ledger-init").ret == 2
    assert (written.path / "my.ledger.yaml").read_text() == "mine"


SECRET = "the-secret-of-entry-7"
REDACTED = """\
version: 1
defaults: {redact: [reasoning]}
checks:
  - {id: rows, expect: failed_rows, query: 'SELECT sequence_number, reasoning FROM {ledger}'}
  - {id: regex, expect: values_match_regex, column: reasoning, regex: '^x$'}
  - {id: number, expect: metric, expression: max(reasoning), error_if: '> 1'}
  - {id: cast, expect: expression_is_true, expression: 'reasoning::int > 0', show: [reasoning]}
"""


def test_what_is_redacted_stands_in_no_file_and_no_output(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(10).unguarded(f"UPDATE ledger_entries SET reasoning = '{SECRET}' WHERE sequence_number = 7")
    pytester.makefile(".ledger.yaml", own=REDACTED)
    result = run(f"--ledger-db={forger.dsn}", "own.ledger.yaml", "--junitxml=out.xml", "-rA")
    result.assert_outcomes(failed=2, errors=2)
    verification = Ledger(forger.dsn).verify_integrity(suites=[pytester.path / "own.ledger.yaml"])
    written = (pytester.path / "out.xml").read_text(encoding="utf-8") + json.dumps(as_json(verification))
    everything = written + result.stdout.str() + full_report(verification)
    assert everything.count("(redacted)") > 4
    assert SECRET not in everything
