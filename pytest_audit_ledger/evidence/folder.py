"""Make and check evidence: one folder with everything about a run, for an auditor to file.

    README.txt            how to check the other files
    report.html           what the run found, for people
    verification.json     the same for machines: every outcome
    oscal.json            the same for GRC tools: assessment results of OSCAL
    junit.xml             pytest's own results
    suites/               the suites as they were run
    profiles/             the ledger's profile as it was read, and as JSON
    checkpoints/          the checkpoints that the ledger was compared with, and the newest record
    trusted/              the keys that the run trusted, for reference
    verify.py             verifies the folder with Python alone
    artifacts/            other files that the run wrote, such as an export with its manifest
    manifest.json         SHA-256 and size of all files above; an in-toto Statement with the test-result predicate
    SHA256SUMS            SHA-256 of all files above, for `sha256sum -c`

Sources: in-toto Attestation Framework, spec/v1/statement.md and spec/predicates/test-result.md (version 0.1).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from pytest_audit_ledger.errors import OutputError
from pytest_audit_ledger.evidence.trust import CHECKPOINTS, TRUSTED, checkpoint_files, key_files
from pytest_audit_ledger.export.verifier import PROFILE_SUFFIX, VERIFIER, verifier
from pytest_audit_ledger.files.evidence_folder import MANIFEST, STATEMENT
from pytest_audit_ledger.files.reading import is_file, open_regular, read_bytes, sha256_of
from pytest_audit_ledger.files.writing import Written, whole_folder
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.oscal import OscalRequest
from pytest_audit_ledger.output.oscal import as_text as oscal_text
from pytest_audit_ledger.output.verification_json import as_text
from pytest_audit_ledger.report import ReportRequest, generate
from pytest_audit_ledger.report.reverify import commands
from pytest_audit_ledger.suite.profile_json import profile_json
from pytest_audit_ledger.verify.verification import Verification

README, REPORT, VERIFICATION, JUNIT = "README.txt", "report.html", "verification.json", "junit.xml"
OSCAL = "oscal.json"
SUMS = "SHA256SUMS"
SUITES, PROFILES, ARTIFACTS = "suites", "profiles", "artifacts"

PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

LARGEST_LIST = 64 * 1024 * 1024
"""Bytes of a manifest, or of SHA256SUMS: some hundred thousand files."""


@dataclass(frozen=True)
class EvidenceArtifact(Artifact):
    """A folder of evidence; `junit` is the JUnit file that pytest wrote."""

    needs_junit: ClassVar[bool] = True
    folder: Path
    junit: Path
    request: ReportRequest
    oscal: OscalRequest

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write the folder, completely or not at all."""
        verification = verified.verification
        with whole_folder(self.folder) as folder:
            taken = [*_take(folder, verified, self.junit), *_made(folder, verified)]
            (folder / VERIFICATION).write_text(f"{as_text(verification)}\n", encoding="utf-8")
            listed = [*taken, written(folder, VERIFICATION)]
            (folder / OSCAL).write_text(f"{oscal_text(verification, self.oscal, listed)}\n", encoding="utf-8")
            listed.append(written(folder, OSCAL))
            report = generate(replace(verified, written=tuple(listed)), self.request)
            (folder / REPORT).write_bytes(report.html.encode("utf-8", "backslashreplace"))
            again = [step["command"] for step in commands(verification, self.request, "../")]
            (folder / README).write_text(_readme(verification, again), encoding="utf-8")
            listed += [written(folder, REPORT), written(folder, README)]
            listed.sort(key=lambda file: file.path)
            (folder / MANIFEST).write_text(f"{_manifest(verification, listed)}\n", encoding="utf-8")
            listed.append(written(folder, MANIFEST))
            sums = "".join(f"{file.sha256}  {file.path}\n" for file in listed)
            (folder / SUMS).write_text(sums, encoding="utf-8")
            listed.append(written(folder, SUMS))
        return tuple(Written(path=str(self.folder / file.path), sha256=file.sha256, size=file.size) for file in listed)


def written(folder: Path, name: str) -> Written:
    """Describe a file of a folder by its name there, its SHA-256 and its size."""
    with open_regular(folder / name) as file:
        return Written(path=name, sha256=sha256_of(file), size=file.tell())


def _take(folder: Path, verified: ArtifactContext, junit: Path) -> Iterator[Written]:
    """Copy existing files into the folder, and check that they still have the SHA-256 of when they were used."""
    yield _copied(folder, junit, JUNIT, None)
    for suite in verified.verification.suites:
        yield _copied(folder, suite.path, _free(folder, SUITES, suite.name, suite.sha256), suite.sha256)
    profile = verified.snapshot.info.profile
    if profile.file:
        yield _copied(folder, Path(profile.file), f"{PROFILES}/{Path(profile.file).name}", profile.digest)
    for name, path in checkpoint_files(verified.verification):
        yield _copied(folder, path, name, None)
    for file in verified.written:
        name = _free(folder, ARTIFACTS, Path(file.path).name, file.sha256)
        yield _copied(folder, Path(file.path), name, file.sha256)


def _made(folder: Path, verified: ArtifactContext) -> Iterator[Written]:
    """Write what the verifier needs, and itself."""
    profile = verified.snapshot.info.profile
    texts = {
        f"{PROFILES}/{profile.name}{PROFILE_SUFFIX}": profile_json(profile),
        **dict(key_files(verified.verification)),
    }
    for name, content in {VERIFIER: verifier(), **{name: text.encode() for name, text in texts.items()}}.items():
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        yield written(folder, name)


def _free(folder: Path, below: str, name: str, digest: str) -> str:
    """Return a free name in the folder, which cannot lead outside of it."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("..", "/")]
    wanted = PurePosixPath(below, *parts)
    if (folder / wanted).exists():
        wanted = PurePosixPath(below, digest[:12], *parts)
    return str(wanted)


def _copied(folder: Path, source: Path, name: str, digest: str | None) -> Written:
    if printable(name, len(name)) != name or "\\" in name:
        raise OutputError(f"SHA256SUMS cannot contain the file name {printable(name)}.", "Rename the file.")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_regular(source) as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    except OSError as error:
        message = f"{source} could not be copied into the evidence: {error.strerror}."
        raise OutputError(message, "Check its permissions and the free space, and run again.") from error
    found = written(folder, name)
    if digest is not None and found.sha256 != digest:
        raise OutputError(
            f"{source} was changed during the run, so it is not evidence of that run.", "Run again without changing it."
        )
    return found


_PASSED = (Status.PASS,)
_WARNED = (Status.WARN, Status.WAIVED)
_FAILED = (Status.FAIL, Status.ERROR)


def _manifest(verification: Verification, files: list[Written]) -> str:
    """Return the in-toto Statement about these files: which checks passed, warned and failed."""
    named = [f"{outcome.suite}::{outcome.check_id}" for outcome in verification.outcomes]

    def ended(statuses: tuple[Status, ...]) -> list[str]:
        return [name for name, o in zip(named, verification.outcomes, strict=True) if o.status in statuses]

    subjects = [_descriptor(file) for file in files]
    statement = {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {
            "result": _result(verification),
            "configuration": [one for one in subjects if one["name"].startswith((f"{SUITES}/", f"{PROFILES}/"))],
            "passedTests": ended(_PASSED),
            "warnedTests": ended(_WARNED),
            "failedTests": ended(_FAILED),
        },
    }
    return json.dumps(statement, indent=2)


def _descriptor(file: Written) -> dict[str, Any]:
    """Return a ResourceDescriptor; the size is an annotation, because there is no field for it."""
    return {"name": file.path, "digest": {"sha256": file.sha256}, "annotations": {"size": file.size}}


def _result(verification: Verification) -> str:
    """Return the predicate's result: FAILED unless the ledger as a whole was verified."""
    if not verification.is_valid:
        return "FAILED"
    return "WARNED" if verification.with_status(*_WARNED) else "PASSED"


def _readme(verification: Verification, commands: list[str]) -> str:
    read = f"\nRead       {printable(verification.reading, 1000)}" if verification.reading else ""
    shown = "\n".join(f"    {printable(command, 4000)}" for command in commands)
    return f"""\
Evidence of a verification of an audit ledger

Ledger     {printable(verification.database, 1000)}
Verified   {verification.started_at[:19].replace("T", " ")} UTC by pytest-audit-ledger {verification.tool_version}
Assurance  {verification.assurance.value}: {printable(verification.sentence, 2000)}{read}

{REPORT:<20}what was found, for people; it runs no code and loads nothing
{VERIFICATION:<20}the same for machines: every check with its counts and findings
{OSCAL:<20}the same for GRC tools: assessment results of OSCAL
{JUNIT:<20}pytest's own results
{SUITES + "/":<20}the suites of checks as they were run
{PROFILES + "/":<20}what the ledger looks like and how its hashes are made, also as JSON
{CHECKPOINTS + "/":<20}the checkpoints that the ledger was compared with, if any
{TRUSTED + "/":<20}the keys that the run trusted, if any: for reference, not to trust
{VERIFIER:<20}verifies this folder with Python 3.9 or newer, and nothing else
{ARTIFACTS + "/":<20}other files that the run wrote, such as an export, if any
{MANIFEST:<20}SHA-256 and size of every file above and of this one, as an in-toto Statement
{SUMS:<20}SHA-256 of all of these files, for sha256sum

To check that nothing was changed, run in this folder:

    sha256sum -c {SUMS}
    python3 {VERIFIER}
    audit-ledger evidence verify .

The first command finds changed and missing files. The second finds added files, too, and files that contradict each
other; if there is an export, it computes the hashes of the entries again. With --key KEY, it verifies the checkpoints
by a key that you trust, which you have from somebody else than this folder. The third command needs the program
pytest-audit-ledger, which has the file {VERIFIER} in its folder standalone: if you trust nobody here, compare the two.

Anybody who can change these files can also change {MANIFEST} and {SUMS}. So keep the SHA-256 of {MANIFEST}, or a
signature of it, in a place that they cannot change, and compare it later:

    sha256sum {MANIFEST}
    ssh-keygen -Y sign -f KEY -n audit-ledger < {MANIFEST} > ../{MANIFEST}.sig

Keep the signature next to this folder, not in it. Tools for in-toto attestations can sign {MANIFEST} as their
statement.

To verify the ledger again; what these commands write is put next to this folder:

{shown}
"""


def mistakes(folder: Path) -> list[str]:
    """Return what is wrong with a folder of evidence, in sentences: changed, missing and added files.

    Raises OSError if something in it cannot be read.
    """
    found = set(_files(folder))
    sums, malformed = _sums(folder)
    problems = [*malformed, *_manifest_problems(folder, sums)]
    expected = {*sums, MANIFEST, SUMS}
    problems += [f"{name} is missing." for name in sorted(expected - found)]
    problems += [f"{name} was added." for name in sorted(found - expected)]
    for name in sorted(expected & found & sums.keys()):
        path = folder / name
        if path.is_symlink() or not is_file(path):
            problems.append(f"{name} is not a regular file.")
        elif written(folder, name).sha256 != sums[name]:
            problems.append(f"{name} was changed.")
    return problems


def _files(folder: Path) -> Iterator[str]:
    """Yield everything in a folder except folders that are not empty; links are not followed."""
    for here, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if Path(here, name).is_symlink()]
        folders[:] = [name for name in folders if name not in links]
        for name in [*files, *links]:
            yield Path(here, name).relative_to(folder).as_posix()
        if not folders and not files and not links and Path(here) != folder:
            yield f"{Path(here).relative_to(folder).as_posix()}/"


def _raise(error: OSError) -> None:
    raise error


def _sums(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the SHA-256 of every file in SHA256SUMS, and its malformed lines as problems."""
    sums: dict[str, str] = {}
    problems = []
    data = read_bytes(folder / SUMS, LARGEST_LIST) if is_file(folder / SUMS) else b""
    for line in data.decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in sums or ".." in PurePosixPath(name).parts or name.startswith("/"):
            problems.append(f"{SUMS} has a malformed line: {printable(line)}.")
        else:
            sums[name] = digest
    return sums, problems


def _manifest_problems(folder: Path, sums: Mapping[str, str]) -> Iterator[str]:
    """Yield how the manifest differs from SHA256SUMS, and from the sizes of the files."""
    if not is_file(folder / MANIFEST):
        return
    try:
        statement = json.loads(read_bytes(folder / MANIFEST, LARGEST_LIST).decode())
        stated = {one["name"]: (one["digest"]["sha256"], one["annotations"]["size"]) for one in statement["subject"]}
        kind = (statement["_type"], statement["predicateType"])
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"{MANIFEST} is not a manifest of evidence."
        return
    if kind != (STATEMENT, PREDICATE):
        yield f"{MANIFEST} is an in-toto Statement of another type."
    listed = {name: digest for name, digest in sums.items() if name != MANIFEST}
    if {name: digest for name, (digest, _) in stated.items()} != listed:
        yield f"{MANIFEST} and {SUMS} do not list the same files."
    for name, (_, size) in stated.items():
        path = folder / name
        if name in listed and path.is_file() and path.stat().st_size != size:
            yield f"{name} does not have the size that {MANIFEST} states."
