"""`audit-ledger evidence`: a folder of evidence, made by pytest and checked without anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.checkpoints.keys import verifier_keys as parse_verifier_keys
from pytest_audit_ledger.cli.console import EXIT_CODES, NOT_DONE, TAMPERED, WRONG_USAGE, epilog, exit_codes, say_error
from pytest_audit_ledger.cli.options import READING, Reading, WithOthers, options
from pytest_audit_ledger.cli.verification import VERIFYING, refuse_early
from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.evidence.consistency import Compared, mistakes
from pytest_audit_ledger.evidence.folder import written
from pytest_audit_ledger.evidence.names import VERIFICATION
from pytest_audit_ledger.evidence.rerun import Rerun
from pytest_audit_ledger.evidence.rerun import rerun as run_again
from pytest_audit_ledger.evidence.signatures import LARGEST_LIST, Trust
from pytest_audit_ledger.evidence.ssh_signature import allowed_signers as read_allowed_signers
from pytest_audit_ledger.files.evidence_folder import MANIFEST
from pytest_audit_ledger.files.reading import local_folder, read_text
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.files.temporary import temporary_folder
from pytest_audit_ledger.files.writing import refuse_full
from pytest_audit_ledger.model.defaults import default_suites
from pytest_audit_ledger.model.outcome import Assurance, Status
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.options import OF_PYTEST, options_of
from pytest_audit_ledger.output.wording import for_command
from pytest_audit_ledger.report import report_request
from pytest_audit_ledger.report.words import ENTRY
from pytest_audit_ledger.sources.dsn import HANDED_ON, Dsn
from pytest_audit_ledger.sources.export_file import is_export
from pytest_audit_ledger.suite.discovery import find_suites
from pytest_audit_ledger.suite.profile_choice import chosen_profile

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.parameters import Verifying

_EPILOG = epilog(
    "evidence --source service=ledger --output evidence/2026-05",
    "evidence --source service=ledger --output may \\\n      --start-date 2026-05-01 --end-date 2026-05-31",
    "evidence verify evidence/2026-05",
    codes=EXIT_CODES,
)


@click.group(cls=WithOthers, epilog=_EPILOG)
@options("evidence", READING, VERIFYING)
@click.pass_context
def evidence(
    context: click.Context,
    /,
    reading: Reading,
    verifying: Verifying,
    output: str,
    start_date: str | None,
    end_date: str | None,
    title: str | None,
    organization: str | None,
    time_zone: str | None,
    **_: Any,  # what pytest alone needs
) -> int:
    """Verify a ledger in a pytest run, and file the evidence.

    The folder holds pytest's JUnit file, the report, the verification as JSON, the suites as they were run, and a
    manifest with the SHA-256 of every file. README.txt says how to check them by hand. The exit code is that of verify.
    """
    refuse_full(path_of(output))
    known = chosen_profile(reading.profile)
    report_request(
        start_date=start_date,
        end_date=end_date,
        title=title,
        organization=organization,
        time_zone=time_zone,
        profile=known,
    )
    refuse_early(reading.ledger_db, verifying["suites"], None)
    arguments = [f"{OF_PYTEST['evidence'].pytest}={output}", *_passed_on(context.params)]
    if start_date or end_date:
        arguments.append(f"{OF_PYTEST['date-range'].pytest}={start_date or ''},{end_date or ''}")
    dsn = Dsn(reading.ledger_db)
    own = find_suites([Path(suite) for suite in verifying["suites"]], Path.cwd()) if verifying["suites"] else []
    checks = [*default_suites(of_export=is_export(dsn.resolved().reveal())), *map(str, own)]
    return _exit_code(_run_pytest(dsn, [*arguments, *checks], quiet=reading.quiet), path_of(output))


def _passed_on(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that pytest has as well, but for the ledger, as arguments for it."""
    for option in options_of("evidence"):
        value = values.get(option.parameter)
        if not option.in_pytest or option.name == "db" or value is None:
            continue
        if option.is_flag:
            yield from [option.pytest] if value else []
        else:
            yield from (f"{option.pytest}={one}" for one in (value if option.repeatable else [value]))


def _run_pytest(dsn: Dsn, arguments: list[str], *, quiet: bool) -> int:
    """Run pytest with these arguments only, whatever settings and tests are in the folder and the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    named = dsn.repeatable()
    if named.removeprefix("env:") not in environment:
        environment[HANDED_ON], named = dsn.reveal(), f"env:{HANDED_ON}"
    with temporary_folder() as folder:
        settings = folder / "pytest.ini"
        settings.write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--noconftest", "-c", str(settings)]
        command += ["--rootdir", str(Path.cwd()), f"{OF_PYTEST['db'].pytest}={named}", *arguments]
        output = subprocess.PIPE if quiet else None
        done = subprocess.run(command, env=environment, stdout=output, check=False)  # noqa: S603  (ours)
    for line in (done.stdout or b"").decode(errors="replace").splitlines():
        if line.startswith(f"{Assurance.UNVERIFIED.value}: "):
            say_error(for_command(line))
    return done.returncode


def _exit_code(pytests: int, folder: AnyPath) -> int:
    """Return the exit code of verify for that of pytest: what was filed tells tampering from what could not be done."""
    if pytests in (0, 2, 4):
        return WRONG_USAGE if pytests else 0
    try:
        filed = json.loads(read_text(folder / VERIFICATION, LARGEST_LIST))
    except OSError:
        return NOT_DONE
    failed = any(outcome["status"] == Status.FAIL.value for outcome in filed["outcomes"])
    return TAMPERED if failed or filed["assurance"] == Assurance.TAMPERED.value else NOT_DONE


@evidence.command(
    "verify",
    epilog=epilog(
        "evidence verify evidence/2026-05",
        "evidence verify may --rerun --verifier-key verifier.key",
        "evidence verify may --allowed-signers allowed_signers",
        codes=exit_codes(
            "every file matches the manifest, and none contradicts another",
            "a file was changed, is missing or was added, or contradicts another",
            unknown="could not be read or verified again; not a sign of tampering",
        ),
    ),
)
@click.argument("folder", metavar="DIR")
@options("evidence verify")
def verify_evidence(
    folder: str, verifier_keys: Sequence[str], allowed_signers: str | None, rerun: bool, quiet: bool
) -> int:
    """Check a folder of evidence, offline.

    Finds files that were changed, are missing or were added, and files that contradict each other, even if the
    manifest was changed to match. Prints what the verification found, and who signed the manifest. Whoever can change
    the folder can change its manifest, too: name keys that you trust, or compare the printed SHA-256 with one that was
    kept elsewhere.
    """
    named = path_of(folder)
    if not named.is_dir():
        raise UsageError(f"There is no folder {named}.", "Name a folder of evidence.")
    if not (named / MANIFEST).exists() and not (named / VERIFICATION).exists():
        raise UsageError(f"{named} is not a folder of evidence.", f"Name one with a {MANIFEST}.")
    allowed = read_allowed_signers(allowed_signers) if allowed_signers is not None else None
    trust = Trust(parse_verifier_keys(verifier_keys), allowed)
    with ExitStack() as copies:
        try:
            local = copies.enter_context(local_folder(named))
            found = mistakes(local)
            compared = None if found else Compared.of(local, trust)
            is_usable = compared is not None and compared.is_usable
            again = list(run_again(local, verifier_keys)) if rerun and is_usable else []
        except OSError as error:
            raise SourceError(
                f"{error.filename} cannot be read: {error.strerror}.", "Check its permissions."
            ) from error
        if compared is not None:
            found += [*compared.contradictions, *(sentence for one in again for sentence in one.contradictions)]
        if not quiet:
            for sentence in found:
                click.echo(printable(sentence, 1000))
            if compared is not None and not found:
                click.echo(f"Every file matches {MANIFEST}, there are no others, and none contradicts another.")
                for line in (*compared.summary(), *map(_in_words, again)):
                    click.echo(printable(line, 1000))
                click.echo(f"SHA-256 of {MANIFEST}: {written(local, MANIFEST).sha256}")
    return TAMPERED if found else 0


def _in_words(again: Rerun) -> str:
    found, size = again.verification, ENTRY.counted(again.verification.size)
    if again.is_whole:
        return f"Rerun      {again.export}: {found.assurance.value}: {found.sentence}"
    failed = [one.check_id for one in found.outcomes if one.integrity and one.status is Status.FAIL]
    ended = f"failed: {', '.join(failed)}" if failed else "passed what a part can show"
    return f"Rerun      {again.export}: a part of the ledger, {size}, {ended}. This assures nothing about the others."
