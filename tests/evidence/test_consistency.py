"""Evidence whose files somebody changed, with sums and manifest made to fit: the files still contradict each other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_audit_ledger.checkpoints.note import Checkpoint, Note, SigningKey
from pytest_audit_ledger.checkpoints.record import binding
from pytest_audit_ledger.cli import main
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.scratch.sample import sample_entries
from tests.forger import TAMPERINGS, Forger
from tests.support.command import OF_THE_OUTER_RUN, RunLedger
from tests.support.databases import empty_database
from tests.support.odd_writers import every, with_z, write
from tests.support.profiled import profiled
from tests.support.provenance import build_signed
from tests.support.signers import PEM, write_private
from tests.support.standalone import pythons, verify_folder
from tests.support.warm import UNUSED, Warm

KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
TRUSTED = str(KEY.verifier())
OTHER = str(SigningKey("bank.example/ledger", sha256(b"other").digest()).verifier())
EXPORT = "artifacts/ledger.jsonl"
CHECKPOINT = "checkpoints/000000000100"


@pytest.fixture(scope="module")
def as_it_was_filed(server: str, warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of a clean ledger that a checkpoint anchors, with its export."""
    folder = tmp_path_factory.mktemp("evidence")
    write_private(folder / "signing.key", KEY.text())
    options = ["--ledger-checkpoint=kept", f"--ledger-verifier-key={TRUSTED}", "--ledger-export=ledger.jsonl"]
    options += ["--ledger-signing-key=signing.key", "--ledger-evidence=filed"]
    inherited = {name: value for name, value in os.environ.items() if name not in OF_THE_OUTER_RUN}
    with empty_database(server) as dsn, Forger(dsn) as forger:
        forger.build(100)
        Ledger(dsn).create_checkpoint(folder / "kept", folder / "signing.key")
        assert warm.run([*UNUSED, f"--ledger-db={dsn}", *options], folder, inherited)[0] == 0
    return folder / "filed"


@pytest.fixture
def filed(as_it_was_filed: Path, tmp_path: Path) -> Path:
    """A copy of it, which the test may change."""
    return Path(shutil.copytree(as_it_was_filed, tmp_path / "filed"))


def evidence_verify(folder: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["evidence", "verify", str(folder), *options], prog_name="audit-ledger")
    return done.exit_code, done.output


def fit(folder: Path) -> None:
    """Make the manifest and SHA256SUMS fit the files, as somebody would who hides a change."""
    statement = json.loads((folder / "manifest.json").read_text())
    statement["subject"] = [one for one in statement["subject"] if (folder / one["name"]).exists()]
    known = {subject["name"] for subject in statement["subject"]} | {
        "manifest.json",
        "SHA256SUMS",
        "manifest.dsse.json",
    }
    added = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - known
    statement["subject"] += [{"name": name, "digest": {}, "annotations": {}} for name in sorted(added)]
    for subject in (*statement["subject"], *statement["predicate"]["configuration"]):
        content = (folder / subject["name"]).read_bytes()
        subject["digest"]["sha256"], subject["annotations"]["size"] = sha256(content).hexdigest(), len(content)
    (folder / "manifest.json").write_text(json.dumps(statement, indent=2))
    names = [*sorted(subject["name"] for subject in statement["subject"]), "manifest.json"]
    sums = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums))


def in_json(name: str, *path: Any, to: Any) -> Callable[[Path], None]:
    """Return the change of one value in a JSON file."""

    def change(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        assert inner[path[-1]] != to
        inner[path[-1]] = to
        (folder / name).write_text(json.dumps(document, indent=2))

    return change


def in_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def exported(change: Callable[[list[str]], object]) -> Callable[[Path], None]:
    """Return a change of the lines of the export, with its own manifest made to fit."""

    def changed(folder: Path) -> None:
        lines = (folder / EXPORT).read_text().splitlines()
        change(lines)
        (folder / EXPORT).write_text("".join(f"{line}\n" for line in lines))
        content, last = (folder / EXPORT).read_bytes(), json.loads(lines[-1])
        manifest = json.loads((folder / f"{EXPORT}.manifest.json").read_text())
        manifest |= {"size": len(content), "sha256": sha256(content).hexdigest(), "entries": len(lines)}
        manifest |= {"sequence_last": last["sequence_number"], "head_hash": last["entry_hash"]}
        manifest |= {"time_last": last["timestamp"]}
        (folder / f"{EXPORT}.manifest.json").write_text(json.dumps(manifest))

    return changed


def edit_line(lines: list[str]) -> None:
    lines[49] = lines[49].replace('"verdict":"', '"verdict":"x')


CHANGES: dict[str, Callable[[Path], object]] = {
    "another head hash": in_json("verification.json", "entries", "head_hash", to="0" * 64),
    "another assurance": in_json("verification.json", "assurance", to="SELF-CONSISTENT"),
    "another status": in_json("verification.json", "outcomes", 0, "status", to="WARN"),
    "another result": in_json("manifest.json", "predicate", "result", to="FAILED"),
    "a test that passed is left out": in_json("manifest.json", "predicate", "passedTests", to=[]),
    "another hash in the JUnit file": in_text(
        "junit.xml", 'name="ledger.head_hash" value="', 'name="ledger.head_hash" value="0'
    ),
    "another report": lambda folder: (folder / "report.html").write_text("nothing to see"),
    "another suite": in_text("suites/integrity.ledger.yaml", "critical", "warning"),
    "an entry of the export": in_text(EXPORT, '"verdict":"', '"verdict":"x'),
    "an entry of the export, and its manifest": exported(edit_line),
    "the export cut off, and its manifest": exported(lambda lines: lines.pop()),
    "the assurance of the export": in_json(f"{EXPORT}.manifest.json", "assurance", to="SELF-CONSISTENT"),
    "another checkpoint": in_text(f"{CHECKPOINT}.checkpoint", "\n100\n", "\n99\n"),
    "another record": in_text(f"{CHECKPOINT}.record.json", '"created_at": "2', '"created_at": "1'),
    "another README": in_text("README.txt", "Assurance  ANCHORED", "Assurance  SELF-CONSISTENT"),
    "another status in OSCAL": in_text("oscal.json", '"value": "PASS"', '"value": "WARN"'),
    "a check of the JUnit file is skipped": in_text(
        "junit.xml", "</system-out></testcase>", "</system-out><skipped /></testcase>"
    ),
    "a check of the JUnit file is left out": in_text("junit.xml", 'name="entry_hash"', 'name="other"'),
    "another key that was trusted": lambda folder: (folder / "trusted" / "verifier-keys.txt").write_text(f"{OTHER}\n"),
    "a suite more": lambda folder: (folder / "suites" / "more.ledger.yaml").write_text("version: 1\n"),
    "other verdicts": in_json("verification.json", "entries", "verdicts", "CLEAR", to=1),
    "another time of the last entry": in_json(
        "verification.json", "entries", "time_last", to="2026-01-01T00:00:00+00:00"
    ),
    "another signature": in_text("manifest.dsse.json", '"sig": "', '"sig": "A'),
    "another profile": in_json("profiles/ski.profile.json", "genesis", to="1" * 64),
}


def test_every_change_is_found_though_the_sums_fit(filed: Path) -> None:
    for name, change in CHANGES.items():
        folder = filed.with_name(f"copy of {name}")
        shutil.copytree(filed, folder)
        change(folder)
        fit(folder)
        if name != "another signature":  # a manifest that was made to fit is not the one that was signed
            (folder / "manifest.dsse.json").unlink()
        code, output = evidence_verify(folder)
        assert code == 1, f"{name}: {output}"
        told = verify_folder(folder)
        assert told.code == 1, f"{name}: {told.output}"
        assert not [line for line in told.against if "SHA256SUMS" in line], "the sums fit"


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "no verification": lambda folder: (folder / "verification.json").write_text("{}"),
    "a list for a verification": lambda folder: (folder / "verification.json").write_text("[]"),
    "a verification that is deep": lambda folder: (folder / "verification.json").write_text("[" * 100_000),
    "an outcome without anything": in_json("verification.json", "outcomes", 0, to={}),
    "a key twice": lambda folder: (folder / "verification.json").write_text('{"entries": 1, "entries": 2}'),
    "a suite that is not here": in_json("verification.json", "suites", 0, "sha256", to="0" * 64),
    "an entity in the JUnit file": lambda folder: (folder / "junit.xml").write_text("<testsuites>&a;</testsuites>"),
    "no manifest of the export": lambda folder: (folder / f"{EXPORT}.manifest.json").write_text('{"fields": []}'),
    "a profile without a name": in_json(f"{EXPORT}.manifest.json", "profile", to="ski"),
}


def test_files_that_cannot_be_used_are_named_and_never_pass(filed: Path) -> None:
    for name, change in UNUSABLE.items():
        folder = filed.with_name(f"copy of {name}")
        shutil.copytree(filed, folder)
        change(folder)
        fit(folder)
        (folder / "manifest.dsse.json").unlink()
        code, output = evidence_verify(folder)
        again, rerun = evidence_verify(folder, "--rerun")
        told = verify_folder(folder, "--key", TRUSTED)
        assert (code, again in (1, 3), told.code) == (1, True, 1), f"{name}: {output}{rerun}{told.output}"
        assert not any("bug" in text or "Traceback" in text for text in (output, rerun, told.output)), name


def test_a_record_that_was_signed_and_contradicts_itself_is_found(filed: Path) -> None:
    in_json(f"{CHECKPOINT}.record.json", "subtrees", to=[])(filed)
    note, data = filed / f"{CHECKPOINT}.record.note", (filed / f"{CHECKPOINT}.record.json").read_bytes()
    checkpoint = Checkpoint.parse(Note.parse((filed / f"{CHECKPOINT}.checkpoint").read_bytes()).text)
    note.write_bytes(KEY.sign(binding(checkpoint, data)))
    fit(filed)
    (filed / "manifest.dsse.json").unlink()
    code, output = evidence_verify(filed)
    assert (code, f"{CHECKPOINT}.record.json cannot be used: " in output) == (1, True), output


def test_a_change_that_the_sums_show_is_found_by_python_alone(filed: Path) -> None:
    changes: dict[str, Callable[[Path], object]] = {
        "README.txt was changed": lambda folder: (folder / "README.txt").write_text("all is well"),
        "more.txt was added": lambda folder: (folder / "more.txt").write_text(""),
        "junit.xml is missing": lambda folder: (folder / "junit.xml").unlink(),
        "SHA256SUMS is missing": lambda folder: (folder / "SHA256SUMS").unlink(),
    }
    for place, (sentence, change) in enumerate(changes.items()):
        folder = filed.with_name(f"copy {place}")
        shutil.copytree(filed, folder)
        change(folder)
        told = verify_folder(folder, "--key", TRUSTED)
        assert (told.code, sentence in told.against) == (1, True), told.output


@pytest.mark.parametrize("python", pythons())
def test_what_was_filed_is_proven_by_python_alone(filed: Path, python: str) -> None:
    told = verify_folder(filed, "--key", TRUSTED, python=python)
    assert (told.code, told.against, told.lines("OPEN")) == (0, [], []), told.output
    assert told.conclusion.startswith("The first 100 entries are those that bank.example/ledger signed")
    without = verify_folder(filed, python=python)
    assert (without.code, without.lines("WRONG")) == (0, [])
    assert "nothing from outside vouches for this folder" in without.conclusion
    assert verify_folder(filed, "--key", OTHER, python=python).conclusion.startswith(
        "No file contradicts another, but no"
    )


def test_the_command_prints_what_was_found(filed: Path) -> None:
    code, output = evidence_verify(filed)
    told = json.loads((filed / "verification.json").read_text())
    assert code == 0
    assert f"Assurance  ANCHORED: {told['assurance_meaning']}\n" in output
    assert f"Entries    100, the last with the hash {told['entries']['head_hash']}\n" in output


def test_the_commands_of_the_readme_work_in_the_folder_and_leave_it_as_it_is(filed: Path) -> None:
    text = (filed / "README.txt").read_text()
    before = {path: path.read_bytes() for path in filed.rglob("*") if path.is_file()}
    for command in ("sha256sum -c SHA256SUMS", "python3 verify.py"):
        assert f"\n    {command}\n" in text
        done = subprocess.run(command, shell=True, cwd=filed, env=os.environ, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.read_bytes() for path in filed.rglob("*") if path.is_file()} == before
    again = text[text.index("4. Verify the ledger again") :]
    assert "--output ../report.html" in again
    assert "--output ../ledger.jsonl.gz" in again


def test_the_keys_that_were_trusted_are_filed_for_reference(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    (pytester.path / "runtime.pem").write_text(PEM)
    options = ("--ledger-transcript-key=runtime.pem", "--ledger-export=ledger.jsonl", "--ledger-evidence=filed")
    run(f"--ledger-db={build_signed(forger, 20).dsn}", *options)
    folder = pytester.path / "filed"
    assert (folder / "trusted" / "transcript-keys.pem").read_text() == PEM
    code, output = evidence_verify(folder)
    told = verify_folder(folder)
    assert (code, told.code, told.against) == (0, 0, []), output + told.output
    signatures, uncovered = told.lines("OPEN")
    assert "signed by no key that you gave" in signatures
    assert "envelope_json" in uncovered
    with_keys = verify_folder(folder, "--key", str(folder / "trusted" / "transcript-keys.pem"))
    assert f"{EXPORT}: 20 transcripts are signed by a key that you gave" in with_keys.lines("PROVEN")


@pytest.mark.parametrize("recipe", ["join", "concat", "sql"])
def test_the_evidence_of_another_table_does_not_contradict_itself(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger, recipe: str
) -> None:
    profile = profiled(forger, recipe)
    options = (f"--ledger-profile={profile.file}", "--ledger-export=ledger.csv", "--ledger-evidence=filed")
    run(f"--ledger-db={forger.dsn}", *options)
    folder = pytester.path / "filed"
    code, output = evidence_verify(folder)
    told = verify_folder(folder)
    assert (code, told.code, told.against) == (0, 0, []), output + told.output
    in_json(f"profiles/{profile.name}.profile.json", "genesis", to={"text": "other", "line": ""})(folder)
    fit(folder)
    code, output = evidence_verify(folder)
    assert code == 1
    assert "does not say what the profile says that is filed as YAML" in output


def test_the_evidence_of_a_tampered_ledger_does_not_contradict_itself(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    run(f"--ledger-db={forger.dsn}", "--ledger-export=ledger.jsonl", "--ledger-evidence=filed")
    code, output = evidence_verify(pytester.path / "filed")
    assert (code, "Assurance  TAMPERED" in output) == (0, True), output
    told = verify_folder(pytester.path / "filed")
    assert (told.code, told.against) == (
        1,
        [f"{EXPORT}: entry 50 does not have the entry_hash that the profile gives it"],
    )


def test_hashes_in_a_form_that_the_profile_does_not_have_are_no_contradiction(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    write(forger.build(0), sample_entries(200), every(100, with_z))
    run(f"--ledger-db={forger.dsn}", "--ledger-export=ledger.jsonl", "--ledger-evidence=filed")
    code, output = evidence_verify(pytester.path / "filed")
    assert (code, "Assurance  SELF-CONSISTENT" in output) == (0, True), output
    told = verify_folder(pytester.path / "filed")
    assert (told.code, told.against) == (3, []), told.output
    assert any("2 do not have the hash" in line and "another form" in line for line in told.lines("OPEN"))
    assert told.conclusion.startswith("Not decided here: whether entries were edited")


FORM: dict[str, Any] = {"matching entries": "99 of 100; 1 more in another form"}


@pytest.mark.parametrize(
    ("facts", "keys", "code"), [({}, (), 1), (FORM, (), 3), (FORM, ("--key", TRUSTED), 1)], ids=["lie", "whole", "key"]
)
def test_an_edit_that_is_filed_as_another_form_of_a_hash_is_never_proven(
    filed: Path, facts: dict[str, Any], keys: tuple[str, ...], code: int
) -> None:
    """A lie that says how many entries it is about cannot be told from the truth, unless a checkpoint covers them."""
    exported(edit_line)(filed)
    told = json.loads((filed / "verification.json").read_text())
    (outcome,) = (one for one in told["outcomes"] if one["kind"] == "entry_hash")
    outcome.update(codes={"HASH_FORM": 1}, facts=facts, findings=[])
    (verdict,) = {json.loads((filed / EXPORT).read_text().splitlines()[49])["verdict"]}
    told["entries"]["verdicts"][verdict] = 1
    told["entries"]["verdicts"][verdict.removeprefix("x")] -= 1
    (filed / "verification.json").write_text(json.dumps(told))
    if not keys:
        shutil.rmtree(filed / "checkpoints")
    in_json("verification.json", "anchor", to=None)(filed)
    (filed / "oscal.json").unlink()  # it would have told: it names the SHA-256 of every file
    fit(filed)
    (filed / "manifest.dsse.json").unlink()
    found = verify_folder(filed, *keys)
    assert found.code == code, found.output


def test_a_signed_checkpoint_proves_entries_whose_hashes_are_in_another_form(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    write_private(pytester.path / "signing.key", KEY.text())
    dsn = forger.build(0).dsn
    write(forger, sample_entries(200), every(100, with_z))
    Ledger(dsn).create_checkpoint(pytester.path / "kept", pytester.path / "signing.key")
    options = ["--ledger-checkpoint=kept", f"--ledger-verifier-key={TRUSTED}", "--ledger-export=ledger.jsonl"]
    run(f"--ledger-db={dsn}", *options, "--ledger-evidence=filed")
    told = verify_folder(pytester.path / "filed", "--key", TRUSTED)
    assert (told.code, told.against) == (0, []), told.output
    assert [line[:27] for line in told.lines("OPEN")] == ["manifest.json is signed by "]
    assert any("those of a checkpoint that you trust" in line for line in told.lines("PROVEN"))


RESULT = ("assessment-results", "results", 0)


CONTRADICTING: list[Callable[[Path], object]] = [
    in_json("oscal.json", *RESULT, "title", to="ANCHORED"),
    in_json("oscal.json", *RESULT, "findings", to=[]),
    in_json("oscal.json", *RESULT, "observations", to=[]),
    in_json("oscal.json", "assessment-results", "back-matter", to={"resources": []}),
    in_text("oscal.json", '"value": "FAIL"', '"value": "PASS"'),
    lambda folder: (folder / "oscal.json").write_text("[]"),
]


def test_assessment_results_that_say_something_else_contradict_the_verification(
    pytester: pytest.Pytester, run: RunLedger, forger: Forger
) -> None:
    TAMPERINGS["verdict-edited"](forger.build(100))
    run(f"--ledger-db={forger.dsn}", "--ledger-evidence=filed")
    assert evidence_verify(pytester.path / "filed")[0] == 0
    for place, change in enumerate(CONTRADICTING):
        folder = shutil.copytree(pytester.path / "filed", pytester.path / f"copy {place}")
        change(folder)
        fit(folder)
        code, said = evidence_verify(folder)
        assert (code, said.startswith("oscal.json ")) == (1, True), f"{place}: {said}"
