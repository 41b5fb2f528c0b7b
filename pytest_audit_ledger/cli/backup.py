"""`audit-ledger backup`, and `audit-ledger backup verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import click

from pytest_audit_ledger.backup.encryption import Key, read_key
from pytest_audit_ledger.backup.proof import BackupProof, Method
from pytest_audit_ledger.cli.console import (
    EXIT_CODES,
    NOT_DONE,
    TAMPERED,
    assurance_code,
    epilog,
    outweighed_by,
    progress,
    say_written,
)
from pytest_audit_ledger.cli.options import READING, Group, Reading, WithOthers, options
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.wording import ending_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.backup.creation import BackupResult
    from pytest_audit_ledger.backup.verification import BackupVerification


class Opening(TypedDict):
    """What opens a backup, and where it is restored."""

    identity: str | None
    encryption_key: Key | None
    scratch_db: str | None
    allow_superuser_scratch: bool


def _opening(encryption_key: str | None, **rest: Any) -> dict[str, Any]:
    key = read_key(encryption_key, confirmed=False) if encryption_key is not None else None
    return {**rest, "encryption_key": key}


OPENING = Group("opening", ("identity", "encryption_key", "scratch_db", "allow_superuser_scratch"), _opening)

_EPILOG = epilog(
    "backup --source service=ledger --output ledger.sql.gz --verify",
    "backup --source service=ledger --output ledger.dump \\\n      --encryption-key age1...",
    "backup verify ledger.sql.gz",
    codes=EXIT_CODES,
)

_VERIFY_EPILOG = epilog(
    "backup verify ledger.sql.gz",
    "backup verify ledger.dump.age --identity ~/.config/age/key.txt",
    "backup verify ledger.dump \\\n      --checkpoint checkpoints --verifier-key verifier.key",
    codes=EXIT_CODES,
)


@click.group(cls=WithOthers, epilog=_EPILOG)
@options("backup", READING)
def backup(
    reading: Reading, output: str, compress: bool, format_: str | None, encryption_key: str | None, **where: Any
) -> int:
    """Back up the ledger's database with pg_dump.

    Writes the file whole or not at all, with a manifest next to it. `backup verify FILE` verifies a backup later.
    """
    verified = where["verify"]
    key = read_key(encryption_key) if encryption_key is not None else None
    with reading.open() as ledger:
        result = ledger.backup_database(output, compress=compress, encryption_key=key, format=format_, **where)
    codes = {assurance_code(result.manifest["assurance"]), _code(result.proof)} if verified else {0}
    code = TAMPERED if TAMPERED in codes else max(codes)  # an outage does not hide tampering
    if not reading.quiet:
        with outweighed_by(code):
            _print(result, verified=verified)
    return code


@backup.command(epilog=_VERIFY_EPILOG)
@click.argument("file", metavar="FILE")
@options("backup verify", OPENING)
def verify(
    file: str,
    opening: Opening,
    profile: str | None,
    timeout: int,
    checkpoints: tuple[str, ...],
    verifier_keys: tuple[str, ...],
    quiet: bool,
) -> int:
    """Verify a backup from its file and manifest alone.

    First checks its SHA-256 and size. Then restores it into a scratch database, runs the whole integrity suite there,
    and compares the entries with what the manifest says about them. With --checkpoint, it also compares them with
    what was signed: whoever can change the backup can change its manifest, too.
    """
    from pytest_audit_ledger.backup.verification import verify_backup  # noqa: PLC0415  (making a backup needs none of it)
    from pytest_audit_ledger.checkpoints.store import refuse_missing  # noqa: PLC0415  (as above)
    from pytest_audit_ledger.cli.verification import refuse_useless_key  # noqa: PLC0415  (as above)
    from pytest_audit_ledger.suite.profile_choice import chosen_profile  # noqa: PLC0415  (as above)

    refuse_useless_key(checkpoints, verifier_keys)
    refuse_missing(checkpoints)
    trusted = {"checkpoints": checkpoints, "verifier_keys": verifier_keys}
    shown, known = progress(quiet=quiet), chosen_profile(profile)
    found = verify_backup(file, progress=shown, profile=known, timeout=timeout, **trusted, **opening)
    code = _code(found.proof)
    if not quiet:
        with outweighed_by(code):
            _print_verified(found)
    return code


def _code(proof: BackupProof) -> int:
    """Return the exit code for a backup that was to be proven."""
    if proof.contradictions:
        return TAMPERED
    if proof.method is not Method.RESTORED or proof.verification is None:
        return NOT_DONE
    return assurance_code(proof.verification.assurance.value)


def _print(result: BackupResult, *, verified: bool) -> None:
    entries = result.manifest["entries"]
    click.echo(f"Backed up a ledger of {entries:,} {'entry' if entries == 1 else 'entries'}.")
    if verified:
        _print_proof(result.proof)
        _print_assurance(result.manifest["assurance"], result.manifest["assurance_meaning"])
    for file in result.files:
        say_written(file)


def _print_verified(found: BackupVerification) -> None:
    stated = found.manifest
    click.echo(
        f"{printable(str(found.path), 1000)}: a backup of {printable(stated['source'])}, "
        f"made {printable(stated['created_at'])}."
    )
    _print_proof(found.proof)
    if found.proof.verification is not None:
        _print_assurance(found.proof.verification.assurance.value, found.proof.verification.sentence)


def _print_proof(proof: BackupProof) -> None:
    mark = "NOT WHAT ITS MANIFEST SAYS" if proof.contradictions else proof.method.value.upper()
    click.echo(f"{mark}: {printable(ending_for_command(proof.meaning, proof.advice), 2000)}")
    for words in proof.contradictions:
        click.echo(f"  {printable(words, 1000)}")


def _print_assurance(assurance: str, meaning: str) -> None:
    click.echo(f"{Assurance(assurance).value}: {printable(meaning, 2000)}")
