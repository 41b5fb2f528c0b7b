"""`audit-ledger evidence`: a folder of evidence, made by pytest and checked without anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.options import EXIT_CODES, NOT_DONE, TAMPERED, WRONG_USAGE, exit_codes, ledger_options
from pytest_audit_ledger.cli.verification import refuse_early, verification_options
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.evidence.folder import MANIFEST, VERIFICATION, mistakes, written
from pytest_audit_ledger.files.writing import refuse_full
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.report import report_request
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.sources.export_file import is_export
from pytest_audit_ledger.suite.discovery import find_suites
from pytest_audit_ledger.suite.shipped import default_suites

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.run import Verifying

_EPILOG = f"""\b
Examples:
  audit-ledger evidence --source service=ledger --output evidence/2026-05
  audit-ledger evidence --source service=ledger --output may --start-date 2026-05-01 --end-date 2026-05-31
  audit-ledger evidence verify evidence/2026-05

{EXIT_CODES}
"""

_DSN = "AUDIT_LEDGER_EVIDENCE_DSN"
"""The variable that tells pytest the ledger, so that no password stands in the list of processes."""


@click.group(epilog=_EPILOG, invoke_without_command=True)
@partial(ledger_options, required=False)
@click.option("--output", "-o", metavar="DIR", help="The folder to make; it must be new, or empty.")
@click.option("--export", metavar="FILE", help="Export the entries to FILE, too, and file a copy.")
@click.option("--start-date", metavar="DATE", help="The first day of the report (UTC), or a full timestamp.")
@click.option("--end-date", metavar="DATE", help="Its last day, or timestamp, included.")
@click.option("--title", metavar="T", help="The title on the cover of the report.")
@click.option("--organization", metavar="O", help="The organization on the cover of the report.")
@verification_options
@click.pass_context
def evidence(
    context: click.Context,
    dsn: str | None,
    table: str,
    timeout: int,
    quiet: bool,
    output: str | None,
    export: str | None,
    start_date: str | None,
    end_date: str | None,
    title: str | None,
    organization: str | None,
    verifying: Verifying,
) -> int:
    """Verify a ledger in a pytest run, and file everything in a folder.

    pytest's JUnit file, the report, the verification as JSON, the suites as they were run, a manifest with the SHA-256
    of all of it, and README.txt, which says how to check it by hand. The exit code is that of verify.
    """
    if context.invoked_subcommand is not None:
        return 0
    if dsn is None or output is None:
        missing = "--source" if dsn is None else "--output"
        raise UsageError(f"Missing option '{missing}'.", "See audit-ledger evidence --help.")
    refuse_full(Path(output))
    report_request(start_date=start_date, end_date=end_date, title=title, organization=organization)
    refuse_early(dsn, verifying["suites"], None)
    options = {
        "--ledger-evidence": output,
        "--ledger-export": export,
        "--ledger-table": table,
        "--ledger-timeout": str(timeout),
        "--ledger-workers": str(verifying["workers"] or "auto"),
        "--ledger-samples": str(verifying["samples"]),
        "--ledger-max-unanchored": verifying["max_unanchored"],
        "--ledger-title": title,
        "--ledger-organization": organization,
        "--ledger-date-range": f"{start_date or ''},{end_date or ''}" if start_date or end_date else None,
    }
    flags = {
        "--ledger-allow-empty": verifying["allow_empty"],
        "--ledger-allow-integrity-waivers": verifying["allow_integrity_waivers"],
        "--ledger-require-checkpoint": verifying["require_checkpoint"],
    }
    arguments = [f"{name}={value}" for name, value in options.items() if value is not None]
    arguments += [name for name, given in flags.items() if given]
    arguments += [f"--ledger-checkpoint={folder}" for folder in verifying["checkpoints"]]
    arguments += [f"--ledger-verifier-key={key}" for key in verifying["verifier_keys"]]
    arguments += [f"--ledger-transcript-key={key}" for key in verifying["transcript_keys"]]
    named = resolve(dsn)
    suites = [Path(suite) for suite in verifying["suites"]]
    own = [str(path) for path in find_suites(suites, Path.cwd())] if suites else []
    checks = [*default_suites(of_export=is_export(named)), *own]
    return _exit_code(_run_pytest(named, [*arguments, *checks], quiet=quiet), Path(output))


def _run_pytest(dsn: str, arguments: list[str], *, quiet: bool) -> int:
    """Run pytest with these arguments only, whatever settings and tests the folder and the environment hold."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment[_DSN] = dsn
    with tempfile.TemporaryDirectory(prefix="audit-ledger-") as folder:
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--noconftest", "-c", str(settings)]
        command += ["--rootdir", str(Path.cwd()), f"--ledger-db=env:{_DSN}", *arguments]
        output = subprocess.DEVNULL if quiet else None
        return subprocess.run(command, env=environment, stdout=output, check=False).returncode  # noqa: S603  (ours)


def _exit_code(pytests: int, folder: Path) -> int:
    """Return the exit code of verify for a run of pytest: what it filed tells tampering from what could not be done."""
    if pytests in (0, 2, 4):
        return WRONG_USAGE if pytests else 0
    try:
        filed = json.loads((folder / VERIFICATION).read_text(encoding="utf-8"))
    except OSError:
        return NOT_DONE
    failed = any(outcome["status"] == Status.FAIL.value for outcome in filed["outcomes"])
    return TAMPERED if failed or filed["assurance"] == Assurance.TAMPERED.value else NOT_DONE


@evidence.command(
    "verify",
    epilog=exit_codes(
        "every file is as the manifest says, and there is no other",
        "a file was changed, is missing or was added",
        unknown="could not be read; this says nothing about tampering",
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def verify_evidence(folder: Path) -> int:
    """Check a folder of evidence, offline: nothing changed, nothing missing, nothing added.

    Whoever can change the folder can change its manifest, too: compare the SHA-256 that is printed with one that was
    kept elsewhere.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.", "Name a folder of evidence.")
    if not (folder / MANIFEST).exists() and not (folder / VERIFICATION).exists():
        raise UsageError(f"{folder} is no folder of evidence.", f"Name one with a {MANIFEST}.")
    try:
        found = mistakes(folder)
        manifest = None if found else written(folder, MANIFEST)
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}.", "Check its permissions.") from None
    for sentence in found:
        click.echo(printable(sentence, 1000))
    if manifest is not None:
        click.echo(f"Every file is as {MANIFEST} says, and there is no other.")
        click.echo(f"SHA-256 of {MANIFEST}: {manifest.sha256}")
    return TAMPERED if found else 0
