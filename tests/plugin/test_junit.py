"""pytest's JUnit file as evidence: read back by others, and valid by the schema of Jenkins if that was chosen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml
from xmlschema import XMLSchema

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.output.junit_xml import class_name
from pytest_audit_ledger.output.who_ran import ci_job
from tests.forger import Forger
from tests.plugin.test_output import junit, properties
from tests.support.checks import PASSED, SKIPPED
from tests.support.command import RunLedger
from tests.support.hostile import hostile_entries
from tests.support.signers import write_private

JENKINS = Path(__file__).parents[1] / "data" / "junit-10.xsd"
"""jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd (MIT)."""

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
WARNING = """
version: 1
controls: {HOUSE-1: {title: Nobody backdates}}
checks:
  - {id: order, expect: timestamp_order, severity: warning, controls: [HOUSE-1], description: Time runs forward.}
"""


def said(case: object) -> str:
    found = case.find("system-out")  # type: ignore[attr-defined]
    return "" if found is None else str(found.text)


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_what_passed_and_what_warned_say_what_they_judged(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, workers: list[str]
) -> None:
    (pytester.path / "suites").mkdir()
    (pytester.path / "suites" / "house.rules.ledger.yaml").write_text(WARNING)
    forger.build(20)
    forger.unguarded("UPDATE ledger_entries SET timestamp = timestamp - interval '1 day' WHERE sequence_number = 9")
    run(f"--ledger-db={forger.dsn}", "suites", "integrity.ledger.yaml", "--junitxml=out.xml", *workers)
    _, cases = junit(pytester.path / "out.xml")
    warned, passed = cases["order"], cases["chain_linkage"]
    assert (warned.get("classname"), properties(warned)["ledger.status"]) == ("ledger.suites.house_rules", "WARN")
    assert "sequence 9" in said(warned)
    assert "  control  HOUSE-1 Nobody backdates" in said(warned)
    assert "  about  Time runs forward." in said(warned)
    assert "  rule   Every entry names the hash of the entry before it" in said(passed)
    assert "  examined  20 entries" in said(passed)
    assert "  control  NIST-AU-9 Protection of audit information" in said(passed)
    assert "sequence 9" not in said(cases["entry_hash"]), "the failure says it"


def test_the_file_says_who_ran_it_and_what_was_trusted(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(pytester.path / "signing.key", KEY.text())
    Ledger(forger.build(5).dsn).create_checkpoint(pytester.path / "kept", pytester.path / "signing.key")
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example/-/jobs/7")
    trusted = ("--ledger-checkpoint=kept", f"--ledger-verifier-key={KEY.verifier()}")
    run(f"--ledger-db={forger.dsn}", *trusted, "--junitxml=out.xml")
    told, _ = junit(pytester.path / "out.xml")
    assert told["ledger.ci_job"] == "https://gitlab.example/-/jobs/7"
    assert told["ledger.verifier_keys"] == f"{KEY.name}+{KEY.verifier().key_id.hex()}"
    assert told["ledger.checkpoint_folders"].endswith("/kept")
    assert told["ledger.profile"] == "ski"
    for name in ("role", "user", "host"):
        assert told[f"ledger.{name}"], name


def test_the_strict_form_is_valid_by_the_schema_of_jenkins(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(entries=list(hostile_entries()))
    schema = XMLSchema(str(JENKINS))
    run(f"--ledger-db={forger.dsn}", "--junitxml=out.xml", "--ledger-junit-strict")
    schema.validate(str(pytester.path / "out.xml"))
    _, cases = junit(pytester.path / "out.xml")
    assert all("  severity: " in said(case) for case in cases.values())
    assert not any(properties(case) for case in cases.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "*--ledger-junit-strict only works with a JUnit file. Add --junitxml=FILE.*"),
        (["--junitxml=out.xml", "-o", "junit_family=legacy"], "*does not work with junit_family=legacy*"),
    ],
)
def test_the_strict_form_needs_a_file_of_xunit2(run: RunLedger, options: list[str], sentence: str) -> None:
    result = run("--ledger-db=postgresql://nobody@127.0.0.1:1/nothing", "--ledger-junit-strict", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([sentence])


def test_junitparser_and_junit2html_read_it_back(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    forger.build(30)
    forger.unguarded("UPDATE ledger_entries SET reasoning = '<b>edited</b>' WHERE sequence_number = 9")
    run(f"--ledger-db={forger.dsn}", "--junitxml=out.xml", "--junitprefix=bank")
    (suite,) = JUnitXml.fromfile("out.xml")
    assert (suite.tests, suite.failures, suite.skipped) == (PASSED + SKIPPED, 1, SKIPPED)
    cases = {case.name: case for case in suite}
    assert {case.classname for case in cases.values()} == {"bank.ledger.integrity"}
    assert cases["chain_linkage"].is_passed
    assert "  rule   " in cases["chain_linkage"].system_out
    assert junit(Path("out.xml"))[0]["ledger.assurance"] == "TAMPERED"
    subprocess.run([sys.executable, "-m", "junit2htmlreport", "out.xml", "out.html"], check=True, capture_output=True)
    page = Path("out.html").read_text("utf-8")
    assert "Protection of audit information" in page
    assert "<b>edited" not in page


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("integrity.ledger.yaml", "ledger.integrity"),
        ("suites/house.rules.ledger.yml", "ledger.suites.house_rules"),
        ("../shared/a.ledger.yaml", "ledger.shared.a"),
    ],
)
def test_a_class_has_dots_between_folders_only(suite: str, name: str) -> None:
    assert class_name(suite) == name


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, ""),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "bank/ledger", "GITHUB_RUN_ID": "5"},
            "https://github.com/bank/ledger/actions/runs/5",
        ),
        ({"CI_JOB_URL": "https://gitlab.example/bank/-/jobs/7"}, "https://gitlab.example/bank/-/jobs/7"),
        ({"BUILD_URL": "https://jenkins.example/job/ledger/3/"}, "https://jenkins.example/job/ledger/3/"),
        (
            {
                "SYSTEM_COLLECTIONURI": "https://dev.azure.com/bank/",
                "SYSTEM_TEAMPROJECT": "ledger",
                "BUILD_BUILDID": "9",
            },
            "https://dev.azure.com/bank/ledger/_build/results?buildId=9",
        ),
    ],
)
def test_the_job_is_named_by_the_variables_of_each_service(variables: dict[str, str], address: str) -> None:
    assert ci_job(variables) == address
