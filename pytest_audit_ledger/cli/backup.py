"""`audit-ledger backup`, and `audit-ledger backup verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_audit_ledger.backup.creation import FORMATS, BackupResult
from pytest_audit_ledger.backup.encryption import read_key
from pytest_audit_ledger.backup.proof import BackupProof, Method
from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    NOT_DONE,
    TAMPERED,
    Aliased,
    assurance_code,
    common_options,
    ledger_options,
    outweighed_by,
    progress,
)
from pytest_audit_ledger.files.writing import Written
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.wording import ending_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.backup.verification import BackupVerification

_EPILOG = f"""\b
Examples:
  audit-ledger backup --source service=ledger --output ledger.sql.gz --verify
  audit-ledger backup --source service=ledger --output ledger.dump --encryption-key age1...
  audit-ledger backup verify ledger.sql.gz

{EXIT_CODES}
"""

_VERIFY_EPILOG = f"""\b
Examples:
  audit-ledger backup verify ledger.sql.gz
  audit-ledger backup verify ledger.dump.age --identity ~/.config/age/key.txt

{EXIT_CODES}
"""

scratch_db_option = click.option(
    "--scratch-db",
    "--ledger-scratch-db",
    cls=Aliased,
    metavar="DSN",
    help="The server to restore, or to attack, on, in databases of its own that are dropped; the role needs CREATEDB.  "
    "[default: a server that is started for this]",
)


class _WithVerify(click.Command):
    """A command whose first argument may be `verify`, which is another one."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **options: Any) -> click.Context:
        if args[:1] == ["verify"]:
            return verify.make_context(f"{info_name} verify", args[1:], *rest, **options)
        return super().make_context(info_name, args, *rest, **options)


@click.command(name="verify", epilog=_VERIFY_EPILOG)
@click.argument("file", metavar="FILE")
@click.option("--identity", "-i", metavar="FILE", help="The private key that opens it: of age-keygen, or of SSH.")
@click.option("--encryption-key", metavar="KEY", help="The passphrase that opens it: @FILE, env:NAME or prompt.")
@scratch_db_option
@common_options
def verify(file: str, identity: str | None, encryption_key: str | None, scratch_db: str | None, quiet: bool) -> int:
    """Verify a backup, from the file and the manifest beside it alone.

    First its SHA-256 and size; then it is restored into a scratch database, where the whole integrity suite runs, and
    the entries are compared with what the manifest says of them.
    """
    from pytest_audit_ledger.backup.verification import verify_backup  # noqa: PLC0415  (a backup that is only made needs none of it)

    key = read_key(encryption_key, confirmed=False) if encryption_key is not None else None
    found = verify_backup(
        file, identity=identity, encryption_key=key, scratch_db=scratch_db, progress=progress(quiet=quiet)
    )
    code = _code(found.proof)
    if not quiet:
        with outweighed_by(code):
            _tell_verified(found)
    return code


@click.command(cls=_WithVerify, epilog=_EPILOG)
@ledger_options
@click.option("--output", "--out", "-o", required=True, metavar="FILE", help="The file to write.")
@click.option("--compress", is_flag=True, help="Compress with gzip, as a name that ends in .gz does.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="plain for psql, custom for pg_restore; by the suffix .sql or .dump where not given.",
)
@click.option(
    "--encryption-key",
    "--ledger-encryption-key",
    cls=Aliased,
    metavar="KEY",
    help="Encrypt by age, for a recipient age1... or an SSH public key, or with a passphrase: @FILE, env:NAME, prompt.",
)
@click.option(
    "--verify/--no-verify",
    "verified",
    default=False,
    help="Verify the ledger in the same snapshot, restore the backup, verify what comes out, and exit as verify does.",
)
@scratch_db_option
def backup(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    output: str,
    compress: bool,
    format_: str | None,
    encryption_key: str | None,
    verified: bool,
    scratch_db: str | None,
) -> int:
    """Back up the ledger's database with pg_dump, with a manifest beside the file.

    The file is written whole or not at all. `audit-ledger backup verify FILE` verifies a backup later.
    """
    key = read_key(encryption_key) if encryption_key is not None else None
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        result = ledger.backup_database(
            output, compress=compress, verify=verified, encryption_key=key, format=format_, scratch_db=scratch_db
        )
    codes = {assurance_code(result.manifest["assurance"]), _code(result.proof)} if verified else {0}
    code = TAMPERED if TAMPERED in codes else max(codes)  # an outage does not hide tampering
    if not quiet:
        with outweighed_by(code):
            _tell(result, verified=verified)
    return code


def _code(proof: BackupProof) -> int:
    """Return how a backup that was to be proven ends."""
    if proof.contradictions:
        return TAMPERED
    if proof.method is not Method.RESTORED or proof.verification is None:
        return NOT_DONE
    return assurance_code(proof.verification.assurance.value)


def _tell(result: BackupResult, *, verified: bool) -> None:
    entries = result.manifest["entries"]
    click.echo(f"Backed up a ledger of {entries:,} {'entry' if entries == 1 else 'entries'}.")
    if verified:
        _tell_proof(result.proof)
        _tell_assurance(result.manifest["assurance"], result.manifest["assurance_meaning"])
    for file in result.files:
        _tell_file(file)


def _tell_verified(found: BackupVerification) -> None:
    stated = found.manifest
    click.echo(
        f"{printable(str(found.path), 1000)}: a backup of {printable(stated['source'])}, "
        f"of {printable(stated['created_at'])}."
    )
    _tell_proof(found.proof)
    if found.proof.verification is not None:
        _tell_assurance(found.proof.verification.assurance.value, found.proof.verification.sentence)


def _tell_proof(proof: BackupProof) -> None:
    mark = "NOT WHAT ITS MANIFEST SAYS" if proof.contradictions else proof.method.value.upper()
    click.echo(f"{mark}: {printable(ending_for_command(proof.meaning, proof.advice), 2000)}")
    for words in proof.contradictions:
        click.echo(f"  {printable(words, 1000)}")


def _tell_assurance(assurance: str, meaning: str) -> None:
    click.echo(f"{Assurance(assurance).value}: {printable(meaning, 2000)}")


def _tell_file(file: Written) -> None:
    click.echo(f"{printable(file.path, 1000)}  {file.size:,} bytes  SHA-256 {file.sha256}")
