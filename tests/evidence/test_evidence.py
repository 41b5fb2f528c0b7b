"""Evidence: the folder that a run files, held against tools of others, and every way to change it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from pytest_audit_ledger.cli import main
from pytest_audit_ledger.files.resources import folder as shipped
from tests.forger import TAMPERINGS, Forger
from tests.support.checks import PASSED, SKIPPED
from tests.support.command import RunLedger, start

FILES = {"README.txt", "SHA256SUMS", "junit.xml", "manifest.json", "report.html", "verification.json", "verify.py"}
FILES |= {"oscal.json", "profiles/ski.profile.json"}
SUITE = "suites/integrity.ledger.yaml"


def verify_folder(folder: Path) -> Result:
    return CliRunner().invoke(main, ["evidence", "verify", str(folder)], prog_name="audit-ledger")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def statement(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def holds(folder: Path) -> None:
    """Check a folder without our code: by sha256sum, and by the manifest's digests and sizes."""
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    subjects = {one["name"]: one for one in statement(folder)["subject"]}
    assert set(subjects) == files(folder) - {"manifest.json", "SHA256SUMS"}
    for name, subject in subjects.items():
        content = (folder / name).read_bytes()
        assert subject["digest"] == {"sha256": sha256(content).hexdigest()}
        assert subject["annotations"] == {"size": len(content)}


@pytest.fixture
def filed(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> Path:
    """The evidence of a clean ledger."""
    run(f"--ledger-db={forger.build(100).dsn}", "--ledger-evidence=filed").assert_outcomes(
        passed=PASSED, skipped=SKIPPED
    )
    return pytester.path / "filed"


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_run_files_everything_that_shows_what_it_did(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, processes: tuple[str, ...]
) -> None:
    dsn = forger.build(100).dsn
    result = run(f"--ledger-db={dsn}", "--ledger-evidence=filed", "--ledger-export=ledger.jsonl.gz", *processes)
    result.assert_outcomes(passed=PASSED, skipped=SKIPPED)
    folder = pytester.path / "filed"
    exports = {"artifacts/ledger.jsonl.gz", "artifacts/ledger.jsonl.gz.manifest.json"}
    assert files(folder) == FILES | {SUITE} | exports
    holds(folder)
    assert (folder / SUITE).read_bytes() == (shipped("checks") / "integrity.ledger.yaml").read_bytes()
    cases = [case.get("name") for case in ElementTree.parse(folder / "junit.xml").iter("testcase")]
    told = json.loads((folder / "verification.json").read_text())
    assert sorted(map(str, cases)) == sorted(outcome["check"] for outcome in told["outcomes"])
    predicate = statement(folder)["predicate"]
    assert predicate["result"] == "PASSED"
    passed = [outcome["check"] for outcome in told["outcomes"] if outcome["status"] == "PASS"]
    assert predicate["passedTests"] == [f"integrity.ledger.yaml::{check}" for check in passed]
    assert [one["name"] for one in predicate["configuration"]] == ["profiles/ski.profile.json", SUITE]
    assert told["entries"]["head_hash"] in (folder / "report.html").read_text()
    assert verify_folder(folder).exit_code == 0
    again = CliRunner().invoke(main, ["verify", "--ledger-db", str(folder / "artifacts/ledger.jsonl.gz")])
    assert again.exit_code == 0


def test_evidence_of_tampering_is_filed_as_such(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    result = run(f"--ledger-db={forger.dsn}", "--ledger-evidence=filed", "--junitxml=own.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    folder = pytester.path / "filed"
    holds(folder)
    assert statement(folder)["predicate"]["result"] == "FAILED"
    assert statement(folder)["predicate"]["failedTests"] == ["integrity.ledger.yaml::entry_hash"]
    assert "TAMPERED" in (folder / "README.txt").read_text()
    assert (pytester.path / "own.xml").read_bytes() == (folder / "junit.xml").read_bytes()
    assert verify_folder(folder).exit_code == 0, "the folder is as it was filed, whatever it says of the ledger"


def test_the_assessment_results_name_the_files_of_the_folder_with_their_hashes(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    options = ["--ledger-evidence=filed", "--ledger-export=my ledger.jsonl", "--ledger-oscal-satisfied"]
    run(f"--ledger-db={forger.build(100).dsn}", *options)
    folder = pytester.path / "filed"
    results = json.loads((folder / "oscal.json").read_text())["assessment-results"]
    links = [link for one in results["back-matter"]["resources"] for link in one["rlinks"] if "hashes" in link]
    named = {unquote(link["href"]): link["hashes"][0]["value"] for link in links}
    later = {"README.txt", "SHA256SUMS", "manifest.json", "oscal.json", "report.html"}
    assert named == {name: sha256((folder / name).read_bytes()).hexdigest() for name in files(folder) - later}
    states = {finding["target"]["status"]["state"] for finding in results["results"][0]["findings"]}
    assert states == {"satisfied"}


def rewritten(folder: Path) -> None:
    """Change the report, and make SHA256SUMS fit again."""
    (folder / "report.html").write_text("nothing to see")
    listed = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    sums = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in listed]
    (folder / "SHA256SUMS").write_text("".join(sums))


def left_out(folder: Path) -> None:
    """Take the report away, and out of SHA256SUMS."""
    (folder / "report.html").unlink()
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(line for line in lines if "report.html" not in line))


def linked(folder: Path) -> None:
    """Put a link to the same content in the place of a file."""
    (folder / "report.html").rename(folder.parent / "elsewhere.html")
    (folder / "report.html").symlink_to(folder.parent / "elsewhere.html")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda folder: (folder / "report.html").write_bytes(b"x"), "report.html was changed."),
    "one bit": (
        lambda folder: (folder / SUITE).write_bytes((folder / SUITE).read_bytes().replace(b"critical", b"Critical", 1)),
        f"{SUITE} was changed.",
    ),
    "missing": (lambda folder: (folder / "junit.xml").unlink(), "junit.xml is missing."),
    "added": (lambda folder: (folder / "extra.txt").write_text(""), "extra.txt was added."),
    "added below": (lambda folder: (folder / "suites" / "x").write_text(""), "suites/x was added."),
    "added folder": (lambda folder: (folder / "new").mkdir(), "new/ was added."),
    "added link": (lambda folder: (folder / "link").symlink_to("/etc"), "link is not a regular file."),
    "a link in its place": (linked, "report.html is not a regular file."),
    "manifest changed": (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json was changed."),
    "manifest missing": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing."),
    "sums missing": (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS is missing."),
    "sums broken": (lambda folder: (folder / "SHA256SUMS").write_text("x\n"), "SHA256SUMS has a malformed line: x."),
    "sums made to fit": (rewritten, "manifest.json and SHA256SUMS do not list the same files."),
    "left out of the sums": (left_out, "manifest.json and SHA256SUMS do not list the same files."),
    "renamed": (lambda folder: (folder / "junit.xml").rename(folder / "JUnit.xml"), "JUnit.xml was added."),
}


def test_every_change_of_the_folder_is_found(filed: Path) -> None:
    for name, (change, sentence) in CHANGES.items():
        folder = filed.with_name(f"copy of {name}")
        shutil.copytree(filed, folder)
        assert verify_folder(folder).exit_code == 0
        change(folder)
        result = verify_folder(folder)
        assert result.exit_code == 1, name
        assert any(line.startswith(sentence) for line in result.stdout.splitlines()), f"{name}: {result.stdout}"


def test_what_is_innocent_is_no_change(filed: Path) -> None:
    moved = filed.rename(filed.with_name("moved"))
    os.utime(moved / "report.html", (0, 0))
    (moved / "README.txt").chmod(0o400)
    assert verify_folder(moved).exit_code == 0


def test_a_folder_that_holds_something_is_refused_before_anything_connects(
    pytester: pytest.Pytester, run: RunLedger
) -> None:
    (pytester.path / "full").mkdir()
    (pytester.path / "full" / "mine.txt").write_text("mine")
    for name, sentence in (
        ("full", "*full exists and is not an empty folder.*"),
        ("", "The folder name is empty.*"),
    ):
        result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", f"--ledger-evidence={name}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {sentence}"])
    assert files(pytester.path / "full") == {"mine.txt"}


def test_missing_parents_of_the_folder_are_created(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", "--ledger-evidence=a/b/filed")
    assert verify_folder(pytester.path / "a" / "b" / "filed").exit_code == 0


def test_a_folder_that_cannot_be_created_is_refused_before_anything_connects(
    pytester: pytest.Pytester, run: RunLedger
) -> None:
    (pytester.path / "file").write_text("mine")
    result = run("--ledger-db=postgresql://nobody@nowhere.invalid/ledger", "--ledger-evidence=file/filed")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: */file/filed cannot be created: */file is not a folder that you may write to.*"]
    )
    assert (pytester.path / "file").read_text() == "mine"


def test_a_suite_that_changes_during_the_run_is_no_evidence_of_it(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    suite = pytester.path / "own.ledger.yaml"
    suite.write_text("version: 1\nchecks:\n  - {id: linkage, expect: chain_linkage}\n")
    pytester.makeconftest(
        f"""
        def pytest_runtest_teardown(item):
            open({str(suite)!r}, "a").write("# later")
        """
    )
    result = run(f"--ledger-db={forger.build(10).dsn}", "--ledger-evidence=filed", "own.ledger.yaml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not written: */own.ledger.yaml was changed during the run, so it is not evidence*"])
    assert not (pytester.path / "filed").exists()


def test_nothing_is_filed_where_nothing_was_read(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> None:
    run(f"--ledger-db={forger.build(10).dsn}", "--ledger-evidence=filed", "--collect-only")
    gone = run(f"--ledger-db={forger.dsn} port=1", "--ledger-evidence=filed")
    gone.stdout.fnmatch_lines(["not written: EvidenceArtifact: the ledger was not read."])
    assert not (pytester.path / "filed").exists()


def test_the_command_files_what_a_run_of_pytest_files(forger: Forger, tmp_path: Path) -> None:
    suite = tmp_path / "own.ledger.yaml"
    suite.write_text("version: 1\nchecks:\n  - {id: linkage, expect: chain_linkage}\n")
    (tmp_path / "test_of_others.py").write_text("def test_of_others(): assert False\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit\n")
    asked = ["evidence", "--source", forger.build(100).dsn, "--output", "filed", "--suite", "own.ledger.yaml"]
    done = start(*asked, "--organization", "Stadtwerke", "--start-date", "2025-09-01", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "filed"
    holds(folder)
    assert files(folder) == FILES | {SUITE, "suites/own.ledger.yaml"}
    assert "own.ledger.yaml::linkage" in statement(folder)["predicate"]["passedTests"]
    assert "Stadtwerke" in (folder / "report.html").read_text()
    again = start(*asked, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")


def test_the_command_tells_tampering_from_an_outage(forger: Forger, tmp_path: Path) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    found = start("evidence", "--source", forger.dsn, "--output", "filed", "--quiet", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert verify_folder(tmp_path / "filed").exit_code == 0
    down = start("evidence", "--source", f"{forger.dsn} port=1", "--output", "other", cwd=tmp_path)
    assert down.returncode == 3, down.stdout + down.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Missing option '--ledger-db' / '--source' (env var: 'LEDGER_DSN'). See audit-ledger evidence --help."),
        (["--source", "demo"], "Missing option '--output' / '-o'. See audit-ledger evidence --help."),
        (["--source", "demo", "--output", "x", "--start-date", "tomorrow"], "Invalid date 'tomorrow'."),
        (["verify", "nowhere"], "There is no folder nowhere. Name a folder of evidence."),
        (["verify", "."], ". is not a folder of evidence. Name one with a manifest.json."),
    ],
)
def test_wrong_usage_of_the_command_is_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEDGER_DSN", raising=False)
    result = CliRunner().invoke(main, ["evidence", *arguments], prog_name="audit-ledger")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {expected}")
