"""Make evidence: one folder with everything about a run, for an auditor to file.

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
    manifest.json.sig     the manifest signed by an SSH key, and
    manifest.dsse.json    by the key of checkpoints, if the run was given one

Sources: in-toto Attestation Framework, spec/v1/statement.md and spec/predicates/test-result.md (version 0.1).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import OutputError
from pytest_audit_ledger.evidence.envelope import envelope
from pytest_audit_ledger.evidence.names import (
    ARTIFACTS,
    JUNIT,
    OSCAL,
    PROFILES,
    README,
    REPORT,
    SUITES,
    SUMS,
    VERIFICATION,
)
from pytest_audit_ledger.evidence.readme import readme
from pytest_audit_ledger.evidence.ssh_signature import SshKey
from pytest_audit_ledger.evidence.trust import checkpoint_files, key_files
from pytest_audit_ledger.export.verifier import VERIFIER, filed_profile, verifier
from pytest_audit_ledger.files.evidence_folder import ENVELOPE, MANIFEST, SSH_SIGNATURE, STATEMENT
from pytest_audit_ledger.files.reading import open_regular, sha256_of
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.writing import Written, whole_folder
from pytest_audit_ledger.model.outcome import Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.artifact import Artifact, ArtifactContext
from pytest_audit_ledger.output.oscal import OscalRequest
from pytest_audit_ledger.output.oscal import as_text as oscal_text
from pytest_audit_ledger.output.verification_json import as_text
from pytest_audit_ledger.report import ReportRequest, generate
from pytest_audit_ledger.sources.manifest import MANIFEST_SUFFIX
from pytest_audit_ledger.verify.verification import Verification

PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


@dataclass(frozen=True)
class EvidenceArtifact(Artifact):
    """A folder of evidence; `junit` is the JUnit file that pytest wrote.

    `ssh_key` and `signing_key`, if there are any, sign the manifest.
    """

    needs_junit: ClassVar[bool] = True
    folder: AnyPath
    junit: Path
    request: ReportRequest
    oscal: OscalRequest
    ssh_key: SshKey | None = None
    signing_key: SigningKey | None = None

    def write(self, verified: ArtifactContext) -> tuple[Written, ...]:
        """Write the folder, completely or not at all."""
        verification = verified.verification
        with whole_folder(self.folder, last=MANIFEST) as folder:
            taken = [*_take(folder, verified, self.junit), *_made(folder, verified)]
            (folder / VERIFICATION).write_text(f"{as_text(verification)}\n", encoding="utf-8")
            listed = [*taken, written(folder, VERIFICATION)]
            (folder / OSCAL).write_text(f"{oscal_text(verification, self.oscal, listed)}\n", encoding="utf-8")
            listed.append(written(folder, OSCAL))
            report = generate(replace(verified, written=tuple(listed)), self.request)
            (folder / REPORT).write_bytes(report.html.encode("utf-8", "backslashreplace"))
            text = readme(verification, self.request, self.folder, next(_exports(folder), ""))
            (folder / README).write_text(text, encoding="utf-8")
            listed += [written(folder, REPORT), written(folder, README)]
            listed.sort(key=lambda file: file.path)
            (folder / MANIFEST).write_text(f"{_manifest(verification, listed)}\n", encoding="utf-8")
            listed.append(written(folder, MANIFEST))
            sums = "".join(f"{file.sha256}  {file.path}\n" for file in listed)
            (folder / SUMS).write_text(sums, encoding="utf-8")
            listed.append(written(folder, SUMS))
            listed += self._signatures(folder)
        return tuple(Written(path=str(self.folder / file.path), sha256=file.sha256, size=file.size) for file in listed)

    def _signatures(self, folder: Path) -> Iterator[Written]:
        manifest = (folder / MANIFEST).read_bytes()
        if self.ssh_key is not None:
            (folder / SSH_SIGNATURE).write_bytes(self.ssh_key.sign(manifest))
            yield written(folder, SSH_SIGNATURE)
        if self.signing_key is not None:
            (folder / ENVELOPE).write_bytes(envelope(manifest, self.signing_key))
            yield written(folder, ENVELOPE)


def _exports(folder: Path) -> Iterator[str]:
    """Yield the exports of all entries, by their names in the folder."""
    for path in sorted((folder / ARTIFACTS).glob(f"*{MANIFEST_SUFFIX}")):
        manifest = json.loads(path.read_bytes())
        if manifest.get("filters") == {}:
            yield f"{ARTIFACTS}/{manifest['file']}"


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
        yield _copied(folder, path_of(file.path), name, file.sha256)


def _made(folder: Path, verified: ArtifactContext) -> Iterator[Written]:
    """Write what the verifier needs, and itself."""
    name, content = filed_profile(verified.snapshot.info)
    made = {VERIFIER: verifier(), f"{PROFILES}/{name}": content}
    made |= {name: text.encode() for name, text in key_files(verified.verification)}
    for name, content in made.items():
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


def _copied(folder: Path, source: AnyPath, name: str, digest: str | None) -> Written:
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
