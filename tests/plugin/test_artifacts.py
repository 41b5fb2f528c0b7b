"""What a pytest run leaves behind: exports, and the artifacts of other plugins."""

from __future__ import annotations

import csv
import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.forger import TAMPERINGS, Forger
from tests.support.checks import GUARDS, PASSED, SKIPPED
from tests.support.command import RunLedger, append_meanwhile


def manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{path}.manifest.json").read_text())
    return found


def left_behind(folder: Path) -> set[str]:
    """Return the files of a folder, but for what the tools of the tests write."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(("stdout", "stderr", "runpytest-"))}


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_clean_run_exports_what_it_verified(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, processes: tuple[str, ...]
) -> None:
    path = pytester.path / "ledger.jsonl"
    result = run(f"--ledger-db={forger.build(100).dsn}", f"--ledger-export={path.name}", *processes)
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    told = manifest(path)
    assert [json.loads(line)["sequence_number"] for line in path.read_text().splitlines()] == list(range(1, 101))
    assert told["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert told["assurance"] == "SELF-CONSISTENT"
    result.stdout.fnmatch_lines([f"wrote {path}  *  SHA-256 {told['sha256']}", f"wrote {path}.manifest.json *"])
    assert left_behind(pytester.path) == {"ledger.jsonl", "ledger.jsonl.manifest.json"}


def test_evidence_of_tampering_is_exported_too(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["edit"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}", "--ledger-export=ledger.csv.gz", "-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = manifest(pytester.path / "ledger.csv.gz")
    assert told["assurance"] == "TAMPERED"
    with gzip.open(pytester.path / "ledger.csv.gz", "rt", newline="") as file:
        assert list(csv.DictReader(file))[49]["reasoning"] == "nothing to see"


def test_the_export_shows_the_snapshot_that_was_verified_whatever_is_appended_meanwhile(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(100)
    append_meanwhile(pytester, forger)
    run(f"--ledger-db={forger.dsn}", "--ledger-export=ledger.json").assert_outcomes(passed=PASSED, skipped=SKIPPED)
    assert forger.run("SELECT count(*) FROM ledger_entries") == [(120,)]
    exported = json.loads((pytester.path / "ledger.json").read_text())
    assert exported["entry_count"] == 100
    assert manifest(pytester.path / "ledger.json")["sequence_last"] == 100


def test_every_filter_narrows_the_export_and_not_the_checks(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    forger.build(400)
    ((first, last),) = forger.run('SELECT min("timestamp")::date, max("timestamp")::date FROM ledger_entries')
    result = run(
        f"--ledger-db={forger.dsn}",
        "--ledger-export=flags.csv",
        "--ledger-fields=sequence_number,rule_id",
        f"--ledger-date-range={first},{last}",
        "--ledger-verdict=FLAG",
        "--ledger-rule=energy.so2.cap",
        "--ledger-limit=3",
    )
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    wanted = forger.run(
        "SELECT sequence_number, rule_id FROM ledger_entries "
        "WHERE verdict = 'FLAG' AND rule_id = 'energy.so2.cap' ORDER BY 1 LIMIT 3"
    )
    with (pytester.path / "flags.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["sequence_number", "rule_id"]
    assert rows == [[str(number), rule] for number, rule in wanted]
    assert set(manifest(pytester.path / "flags.csv")["filters"]) == {"since", "before", "verdict", "rule_id", "limit"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ledger-verdict=FLAG"], "--ledger-verdict only works with --ledger-export. Add --ledger-exp*"),
        (["--ledger-export="], "The name of the export is empty.*"),
        (["--ledger-export=x.csv", "--ledger-verdict=MAYBE"], "There is no verdict 'MAYBE'. Use one of CLEAR, FLAG*"),
        (["--ledger-export=x.csv", "--ledger-date-range=2026-05-31"], "Invalid range of dates '2026-05-31'.*"),
        (["--ledger-export=x.csv", "--ledger-date-range=31.5.2026,"], "Invalid date '31.5.2026'.*"),
        (["--ledger-export=x.csv", "--ledger-date-range=2026-06-01,2026-05-31"], "The range * is reversed.*"),
        (["--ledger-export=x.csv", "--ledger-fields=id,,rule_id"], "The list of fields * has an empty name.*"),
        (["--ledger-export=x.csv", "--ledger-limit=0"], "Invalid limit 0.*"),
    ],
)
def test_a_mistake_in_an_option_shows_before_anything_connects(
    run: RunLedger, options: list[str], message: str
) -> None:
    result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stderr.str()


def test_an_unknown_field_is_told_with_those_that_there_are(run: RunLedger, forger: Forger) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", "--ledger-export=x.csv", "--ledger-fields=id,verdikt")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not written: The ledger has no column 'verdikt'. Its columns are id, *"])


def test_a_run_whose_artifact_cannot_be_written_is_not_green(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    result = run(f"--ledger-db={forger.build(10).dsn}", "--ledger-export=missing/ledger.csv")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    result.stdout.fnmatch_lines(["not written: */missing/ledger.csv could not be written: No such file or directory.*"])
    assert left_behind(pytester.path) == set()


def test_nothing_is_written_where_nothing_was_read(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    forger.build(10)
    run(f"--ledger-db={forger.dsn}", "--ledger-export=ledger.csv", "--collect-only")
    gone = run(f"--ledger-db={forger.dsn} port=1", "--ledger-export=ledger.csv")
    gone.stdout.fnmatch_lines(["not written: ExportArtifact: the ledger was not read."])
    assert gone.ret == pytest.ExitCode.TESTS_FAILED
    assert left_behind(pytester.path) == set()


def test_the_junit_file_names_the_artifacts(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", "--ledger-export=ledger.csv", "--junitxml=junit.xml")
    told = {node.get("name"): node.get("value") for node in ElementTree.parse("junit.xml").iter("property")}
    digest = sha256((pytester.path / "ledger.csv").read_bytes()).hexdigest()
    assert f"{pytester.path / 'ledger.csv'} sha256:{digest}" in (told["ledger.artifacts"] or "")


HEAD_HASH = """
    from pathlib import Path
    from pytest_audit_ledger.artifacts import Artifact, UsageError, whole_files

    class HeadHash(Artifact):
        def write(self, verified):
            with whole_files(Path("head.txt")) as (draft,):
                draft.write(verified.verification.survey.head_hash.encode())
            return [draft.written("head.txt")]

    def pytest_ledger_artifacts(config):
        return [HeadHash()]
"""


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_plugin_can_add_an_artifact(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, processes: tuple[str, ...]
) -> None:
    pytester.makeconftest(HEAD_HASH)
    result = run(f"--ledger-db={forger.build(10).dsn}", *processes)
    ((head,),) = forger.run("SELECT entry_hash FROM ledger_entries WHERE sequence_number = 10")
    assert (pytester.path / "head.txt").read_text() == head
    result.stdout.fnmatch_lines([f"wrote head.txt  64 bytes  SHA-256 {sha256(head.encode()).hexdigest()}"])


def test_the_broken_artifact_of_one_plugin_fails_the_run_and_leaves_the_others_alone(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    pytester.makeconftest(HEAD_HASH.replace("return [draft", "raise ValueError('oh'); return [draft"))
    result = run(f"--ledger-db={forger.build(10).dsn}", "--ledger-export=ledger.csv")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["wrote */ledger.csv *", "not written: The code of the artifact HeadHash failed with ValueError: oh."]
    )


def test_a_plugin_can_refuse_its_own_option(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    pytester.makeconftest(HEAD_HASH.replace("return [HeadHash()]", "raise UsageError('Not on a Sunday.')"))
    result = run(f"--ledger-db={forger.build(10).dsn}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: Not on a Sunday."])


OWN_TEST = """
    def test_own(ledger):
        result = ledger.verify_integrity()
        assert result.total_entries == 100
        assert next(ledger.export_entries(verdict_filter="FLAG"))["verdict"] == "FLAG"
"""


@pytest.mark.parametrize(
    ("named", "processes"), [("option", ()), ("ini", ("-n", "1"))], ids=["option-alone", "ini-xdist"]
)
def test_the_fixture_gives_the_ledger_to_tests(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, named: str, processes: tuple[str, ...]
) -> None:
    pytester.makepyfile(OWN_TEST)
    dsn = forger.build(100).dsn
    pytester.makeini(f"[pytest]\n{f'ledger_db = {dsn}' if named == 'ini' else ''}")
    options = [f"--ledger-db={dsn}"] if named == "option" else []
    run(*options, *processes).assert_outcomes(passed=PASSED + 1, skipped=SKIPPED)


def test_the_fixture_skips_where_no_ledger_is_named(pytester: pytest.Pytester, run: RunLedger) -> None:
    pytester.makepyfile(OWN_TEST)
    result = run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*: no ledger is named: add --ledger-db=DSN, or the ini setting ledger_db"])


def test_an_export_is_verified_without_a_database(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(100).dsn}", "--ledger-export=ledger.jsonl")
    result = run("--ledger-db=ledger.jsonl", "--junitxml=junit.xml")
    result.assert_outcomes(passed=PASSED - len(GUARDS) + 1, skipped=SKIPPED + len(GUARDS))
    result.stdout.fnmatch_lines(
        [
            "audit ledger: ledger.jsonl",
            "export     ledger.jsonl",
            "SELF-CONSISTENT: Integrity checks passed, except a*",
        ]
    )
    told = {node.get("name"): node.get("value") for node in ElementTree.parse("junit.xml").iter("property")}
    assert told["ledger.database"] == "ledger.jsonl"
    assert told["ledger.entries"] == "100"


def test_a_changed_export_is_found_at_the_entry_that_was_changed(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    path = pytester.path / "ledger.jsonl"
    run(f"--ledger-db={forger.build(100).dsn}", "--ledger-export=ledger.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    lines[49] = lines[49].replace("limit", "timil", 1)
    path.write_text("".join(lines))
    result = run("--ledger-db=ledger.jsonl", "-n", "1")
    result.assert_outcomes(failed=2, passed=PASSED - len(GUARDS) - 1, skipped=SKIPPED + len(GUARDS))
    result.stdout.fnmatch_lines(["*ENTRY_HASH_MISMATCH sequence 50: *"])
    result.stdout.fnmatch_lines(["*EXPORT_CHANGED the SHA-256 of the file does not match its manifest"])


def test_a_filtered_export_is_never_called_verified(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(100).dsn}", "--ledger-export=flags.jsonl", "--ledger-verdict=FLAG")
    result = run("--ledger-db=flags.jsonl")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=PASSED - len(GUARDS) - 1, skipped=SKIPPED + len(GUARDS), errors=2)
    result.stdout.fnmatch_lines(["UNVERIFIED: The ledger as a whole was not verified: chain_linkage, *"])


def test_an_export_that_is_not_there_is_a_usage_error(run: RunLedger) -> None:
    result = run("--ledger-db=nowhere.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: There is no file nowhere.jsonl.*"])


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_run_reports_the_very_outcomes_that_it_had(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, processes: tuple[str, ...]
) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    names = ("--ledger-report=report.json", "--ledger-organization=Stadtwerke", "--ledger-title=May")
    result = run(
        f"--ledger-db={forger.dsn}", *names, "--ledger-export=ledger.jsonl", "-k", "not append_only", *processes
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = json.loads((pytester.path / "report.json").read_text())
    assert (told["title"], told["organization"]) == ("May", "Stadtwerke")
    statuses = {one["check"]: one["status"] for one in told["verification"]["outcomes"]}
    assert "append_only" not in statuses
    assert {check for check, status in statuses.items() if status not in ("PASS", "SKIP")} == {"entry_hash"}
    assert [Path(file["path"]).name for file in told["files"]] == ["ledger.jsonl", "ledger.jsonl.manifest.json"]
    assert [suite["name"] for suite in told["verification"]["suites"]] == ["integrity.ledger.yaml"]
    assert told["verification"]["controls"]["NIST-AU-10"]["title"] == "Non-repudiation"


def test_the_period_of_the_report_is_the_date_range(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    forger.build(3000)
    ((entries,),) = forger.run("SELECT count(*) FROM ledger_entries WHERE \"timestamp\" >= '2025-09-02'")
    run(f"--ledger-db={forger.dsn}", "--ledger-report=report.json", "--ledger-date-range=2025-09-02,")
    assert json.loads((pytester.path / "report.json").read_text())["period"]["entries"] == entries


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ledger-report=report.pdf"], "Cannot tell the format of report.pdf. Use a name that ends in .html, .json*"),
        (["--ledger-report="], "The name of the output file is empty.*"),
        (
            ["--ledger-title=x"],
            "--ledger-title only works with --ledger-report or --ledger-evidence. Add --ledger-report=FILE*",
        ),
        (
            ["--ledger-date-range=2026-05-01,"],
            "--ledger-date-range only works with --ledger-export or --ledger-report.*",
        ),
        (["--ledger-report=x.html", "--ledger-title= "], "The title is empty or longer than 200 characters.*"),
    ],
)
def test_a_mistake_in_an_option_of_the_report_shows_before_anything_connects(
    run: RunLedger, options: list[str], message: str
) -> None:
    result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_assessment_results_are_written_with_the_files_that_were_written_before(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, processes: tuple[str, ...]
) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    (pytester.path / "grc").mkdir()
    options = ["--ledger-oscal=grc/oscal.json", "--ledger-oscal-version=1.1.2", "--ledger-export=ledger.jsonl"]
    run(f"--ledger-db={forger.dsn}", *options, *processes)
    results = json.loads((pytester.path / "grc" / "oscal.json").read_text())["assessment-results"]
    assert results["metadata"]["oscal-version"] == "1.1.2"
    (integrity,) = (one for one in results["results"][0]["findings"] if one["target"]["target-id"] == "au-9_obj")
    assert integrity["description"].endswith("1 check failed: entry\\_hash.")
    linked = [link for resource in results["back-matter"]["resources"] for link in resource.get("rlinks", ())]
    hashes = {link["href"]: link["hashes"][0]["value"] for link in linked if "hashes" in link}
    content = (pytester.path / "ledger.jsonl").read_bytes()
    assert hashes["../ledger.jsonl"] == sha256(content).hexdigest()
    again = run(f"--ledger-db={forger.dsn}", *options)
    again.stderr.fnmatch_lines(["ERROR: *ledger.jsonl exists already.*"])
    forced = run(f"--ledger-db={forger.dsn}", "--ledger-oscal=grc/oscal.json", "--ledger-force")
    forced.stdout.fnmatch_lines(["wrote */grc/oscal.json *"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ledger-oscal=x.json", "--ledger-oscal-version=2"], "OSCAL 2 cannot be written. Use one of 1.2.3, 1.1.2."),
        (["--ledger-oscal=."], "* is a folder. Name a file."),
        (
            ["--ledger-oscal-satisfied"],
            "--ledger-oscal-satisfied only works with --ledger-oscal or --ledger-evidence. Add --ledger-oscal=FILE*",
        ),
    ],
)
def test_a_mistake_in_an_option_about_oscal_shows_before_anything_connects(
    run: RunLedger, options: list[str], message: str
) -> None:
    result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_in_github_actions_findings_are_annotated_and_the_job_has_a_summary(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    summary = pytester.path / "summary.md"
    summary.write_text("before\n")
    quiet = run(f"--ledger-db={forger.dsn}")
    quiet.stdout.no_fnmatch_line("::*")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = run(f"--ledger-db={forger.dsn}")
    (command,) = [line for line in result.outlines if line.startswith("::")]
    assert command.startswith("::error file=integrity.ledger.yaml,line=")
    assert "title=audit ledger%3A entry_hash FAIL::entry_hash: 1 finding, first at sequence 50%0A  about " in command
    text = summary.read_text()
    assert text.startswith("before\n## Audit ledger: TAMPERED\n")
    assert "| `entry_hash` | FAIL | critical | 100 entries | 1 |" in text
    assert "- ENTRY\\_HASH\\_MISMATCH at sequence 50: " in text
