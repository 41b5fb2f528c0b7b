"""The README of evidence: what is in the folder, and commands to paste there. None of them writes into the folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_audit_ledger.commands import Given
from pytest_audit_ledger.evidence import numbers
from pytest_audit_ledger.evidence.names import (
    ARTIFACTS,
    CHECKPOINTS,
    JUNIT,
    OSCAL,
    PROFILES,
    README,
    REPORT,
    SUITES,
    SUMS,
    TRUSTED,
    VERIFICATION,
)
from pytest_audit_ledger.evidence.ssh_signature import NAMESPACE
from pytest_audit_ledger.evidence.trust import checkpoint_folders
from pytest_audit_ledger.export.verifier import VERIFIER
from pytest_audit_ledger.files.evidence_folder import ENVELOPE, MANIFEST, SSH_SIGNATURE
from pytest_audit_ledger.files.resources import PACKAGE_DIGEST_COMMAND
from pytest_audit_ledger.files.stores import AnyPath, named_from
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.report.request import ReportRequest
from pytest_audit_ledger.report.reverify import commands
from pytest_audit_ledger.sources.export_file import is_export
from pytest_audit_ledger.verify.verification import Verification

_FILES = {
    README: "this text",
    REPORT: "what was found, for people; it runs no code and loads nothing",
    VERIFICATION: "the same for machines: every check with its counts and findings",
    OSCAL: "the same for GRC tools: assessment results of OSCAL",
    JUNIT: "pytest's own results",
    f"{SUITES}/": "the suites of checks as they were run",
    f"{PROFILES}/": "what the ledger looks like and how its hashes are made, also as JSON",
    f"{CHECKPOINTS}/": "the checkpoints that the ledger was compared with, if any",
    f"{TRUSTED}/": "the keys that the run trusted, if any; get yours from their owners",
    VERIFIER: "verifies this folder with Python 3.9 or newer, and nothing else",
    f"{ARTIFACTS}/": "other files that the run wrote, such as an export, if any",
    MANIFEST: "SHA-256 and size of every file above, as an in-toto Statement",
    SUMS: "SHA-256 of all of these files, for sha256sum",
    SSH_SIGNATURE: "a signature of the manifest by an SSH key, if any",
    ENVELOPE: "the manifest signed by the key of checkpoints (DSSE), if it was",
}
_TAKEN = "../ledger.jsonl.gz"
"""The export that the last commands write."""

_INSTALLED = "pip show pytest-audit-ledger | sed -n 's/^Location: //p'"
"""The command that prints the folder where the package is installed."""


def readme(verification: Verification, request: ReportRequest, folder: AnyPath, export: str) -> str:
    """Return the text for a folder that will be at `folder`; `export` is the file there with all entries, if any."""
    read = f"\nRead       {printable(verification.reading, 1000)}" if verification.reading else ""
    files = "\n".join(f"{name:<20}{words}" for name, words in _FILES.items())
    return f"""\
Evidence of a verification of an audit ledger

Ledger     {printable(verification.database, 1000)}
Verified   {verification.started_at[:19].replace("T", " ")} UTC by pytest-audit-ledger {verification.tool_version}
Assurance  {verification.assurance.value}: {printable(verification.sentence, 2000)}{read}

{files}

Start with report.html. To check this folder, paste the commands below in it; what they write goes next to it.

1. Check that nothing was changed

    sha256sum -c {SUMS}
    python3 {VERIFIER}
    audit-ledger evidence verify .

The first command finds changed and missing files. The second also finds added files, and files that contradict each
other. If there is an export, it computes the hashes of the entries again. It marks what it found as PROVEN, WRONG
(files contradict each other), DIFFERS (entries are not as filed or signed) or OPEN (not decided here). The third does
the same, and needs pytest-audit-ledger. {VERIFIER} is a file of this folder, so it can be changed, too: compare it with
the original, in the folder standalone of pytest-audit-ledger.

2. Check who vouches for it

Whoever can change these files can also change {MANIFEST} and {SUMS}. To detect that, you need a signature, or the
SHA-256 of {MANIFEST} that somebody kept elsewhere. Run the command for what you have. Get the keys from their owners,
not from this folder.

    sha256sum {MANIFEST}
    python3 {VERIFIER} --key ../verifier.key
    audit-ledger evidence verify . --verifier-key ../verifier.key
    audit-ledger evidence verify . --allowed-signers ../allowed_signers
    {verify_command()}

../verifier.key has the line that checkpoint keygen printed. {VERIFIER} --key also takes the PEM file of the key that
signs transcripts. ../allowed_signers has a line for each signer: a name and
a public SSH key, such as: auditor@bank.example ssh-ed25519 AAAA...

To sign the folder with an SSH key of your own:

    ssh-keygen -Y sign -n {NAMESPACE} -f KEY {MANIFEST}

This writes {SSH_SIGNATURE}. {MANIFEST} does not list it, nor {ENVELOPE}.

3. Compute the numbers of the report again{"" if export else ", from the export that step 4 writes"}

{_listed(_numbers(verification, request, export))}

4. Verify the ledger again

{_listed(_again(verification, request, folder))}
"""


def verify_command() -> str:
    """Return the command by which ssh-keygen checks the signature of the manifest."""
    signer = f'"$(ssh-keygen -Y find-principals -f ../allowed_signers -s {SSH_SIGNATURE})"'
    return f"ssh-keygen -Y verify -f ../allowed_signers -I {signer} -n {NAMESPACE} -s {SSH_SIGNATURE} < {MANIFEST}"


def _listed(steps: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"{printable(what, 1000)}\n    {printable(command, 4000)}" for what, command in steps)


def _numbers(verification: Verification, request: ReportRequest, export: str) -> Iterator[tuple[str, str]]:
    """Yield the commands for the numbers of the report; without an export here, of the one that step 4 writes."""
    profile = verification.info.profile if verification.info else SKI
    yield from numbers.of_checks()
    yield from numbers.of_entries(export or _TAKEN, profile, request)


def _again(verification: Verification, request: ReportRequest, folder: AnyPath) -> Iterator[tuple[str, str]]:
    """Yield the commands that verify the ledger again; files of the run are named as they are in the folder."""
    for step in commands(replace(verification, given=_filed(verification, folder)), request, "../"):
        command = step["command"]
        is_digest = command == PACKAGE_DIGEST_COMMAND
        yield step["purpose"], f'(cd "$({_INSTALLED})" && {command})' if is_digest else command


def _filed(verification: Verification, folder: AnyPath) -> Given:
    """Return what the run was given, with the names that files have as seen from the folder."""
    given, folders = dict(verification.given), checkpoint_folders(verification)
    profile = verification.info.profile if verification.info else SKI
    suites = {suite.path.resolve(): f"{SUITES}/{suite.name}" for suite in verification.suites}
    found = {
        "db": [named_from(folder, name) if is_export(name) else name for name in given.get("db", ())],
        "checkpoint": [folders.get(name, name) for name in given.get("checkpoint", ())],
        "suite": [suites.get(Path(name).resolve(), name) for name in given.get("suite", ())],
        "profile": [f"{PROFILES}/{Path(profile.file).name}"] if profile.given_as.endswith(".yaml") else [],
    }
    return {**given, **{name: values for name, values in found.items() if values}}
