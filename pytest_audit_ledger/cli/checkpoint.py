"""`audit-ledger checkpoint`: keys, and signed statements of what a ledger holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from pytest_audit_ledger.anchor.creation import CheckpointResult
from pytest_audit_ledger.anchor.entry_proof import check_proof as checked_proof
from pytest_audit_ledger.checkpoints.keys import signing_key, verifier_keys, write_signing_key
from pytest_audit_ledger.checkpoints.note import VerifierKey, encode
from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.checkpoints.store import Rejected, Trusted, read_checkpoint, read_store
from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    TAMPERED,
    Aliased,
    Command,
    exit_codes,
    ledger_options,
    progress,
    refuse_to_overwrite,
    resumption_options,
    tell_error,
)
from pytest_audit_ledger.cli.verification import exit_code, marks
from pytest_audit_ledger.cli.verify import print_text
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.sources.dsn import resolve

_EPILOG = f"""\b
Examples:
  audit-ledger checkpoint keygen --origin bank.example/ledger --output signing.key
  audit-ledger checkpoint create --ledger-db service=ledger --signing-key signing.key --output checkpoints
  audit-ledger checkpoint verify checkpoints/000000004327.checkpoint --verifier-key verifier.key
  audit-ledger verify --ledger-db service=ledger --checkpoint checkpoints --verifier-key verifier.key
  audit-ledger checkpoint prove --ledger-db service=ledger --entry 42 --checkpoint checkpoints \\
      --verifier-key verifier.key --output 42.tlog-proof
  audit-ledger checkpoint check-proof 42.tlog-proof --entry-file 42.jsonl --verifier-key verifier.key

{EXIT_CODES}
"""


def _keys_option(*, required: bool = False) -> Callable[[Command], Command]:
    """Return the option that names trusted keys."""
    return click.option(
        "--verifier-key",
        "keys",
        multiple=True,
        required=required,
        metavar="KEY|FILE",
        help="A key to trust, as keygen prints it, or a file that holds it; repeatable.",
    )


@click.group(epilog=_EPILOG)
def checkpoint() -> None:
    """Sign how many entries a ledger has and their Merkle root, to hold it against them later.

    A checkpoint is a C2SP tlog-checkpoint. Keep it, and the signing key, where whoever controls the database cannot
    write. The signing key is for whoever makes checkpoints, the verifier key for everybody.
    """


@checkpoint.command(epilog=exit_codes("done", "", unknown="the key could not be written"))
@click.option(
    "--origin", required=True, metavar="NAME", help="The name of the ledger, such as bank.example/ledger; no spaces."
)
@click.option("--output", "-o", required=True, metavar="FILE", help="Where to write the signing key; a new file.")
def keygen(origin: str, output: str) -> int:
    """Make a key. The signing key goes to FILE, which only you can read; the verifier key is printed."""
    click.echo(str(write_signing_key(Path(output), origin)))
    return 0


@checkpoint.command(
    epilog=exit_codes(
        "done; there is a checkpoint of the ledger as it is",
        "tampered with, or a critical check failed; none was made",
        unknown="could not be verified, or signed; this says nothing about tampering",
    )
)
@ledger_options
@click.option("--signing-key", "key", required=True, metavar="FILE", help="The key that keygen wrote.")
@click.option("--output", "-o", required=True, metavar="DIR", help="The folder of checkpoints; it is made if need be.")
@_keys_option()
@click.option(
    "--accept-guards",
    is_flag=True,
    help="Take what protects the ledger as it is now, although it is not what it was at the newest checkpoint.",
)
@resumption_options
def create(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    key: str,
    output: str,
    keys: tuple[str, ...],
    accept_guards: bool,
    since_checkpoint: bool,
    recheck: str | None,
) -> int:
    """Verify a ledger, and sign a checkpoint of it into DIR.

    One is only made after a clean verification of the same snapshot, which also has to match every checkpoint that is
    in DIR already. One file a size; none is ever overwritten. --verifier-key names keys that signed there earlier.
    """
    signer = signing_key(key)
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        result = ledger.create_checkpoint(
            output,
            signer,
            verifier_keys=keys,
            accept_guards=accept_guards,
            since_checkpoint=since_checkpoint,
            recheck=recheck,
        )
    code = exit_code(result.verification)
    if not quiet:
        _tell(result)
    if code and quiet:
        tell_error(f"No checkpoint was made: {result.verification.assurance.value}.")
    return code


def _tell(result: CheckpointResult) -> None:
    if not result.path:
        print_text(verification_for_command(result.verification), marks(), verbose=False)
        click.echo("\nNo checkpoint was made.")
        return
    verification = result.verification
    click.echo(f"{verification.assurance.value}: {printable(verification.sentence, 2000)}")
    if verification.reading:
        click.echo(printable(verification.reading, 2000))
    if not result.files:
        click.echo(printable(f"There is a checkpoint of {verification.size:,} entries already: {result.path}"))
    for file in result.files:
        click.echo(f"{printable(file.path, 1000)}  {file.size:,} bytes  SHA-256 {file.sha256}")


@checkpoint.command(
    epilog=exit_codes(
        "a trusted key signed it, and the record beside it, where there is one",
        "it, or the record beside it, is not trusted or cannot be read",
        unknown="could not be done; this says nothing about tampering",
    )
)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@_keys_option(required=True)
def verify(file: str, keys: tuple[str, ...]) -> int:
    """Verify that FILE is a checkpoint that a trusted key signed. Needs no ledger."""
    code = 0
    for found in read_checkpoint(Path(file), verifier_keys(keys)):
        if isinstance(found, Rejected):
            tell_error(f"{found.path} is not trusted: {found.reason}.")
            code = TAMPERED
        else:
            for name, value in _described(found).items():
                click.echo(f"{name:<8} {printable(value, 1000)}")
    return code


def _described(found: Trusted) -> dict[str, str]:
    return {
        "origin": found.checkpoint.origin,
        "entries": f"{found.size:,}",
        "root": encode(found.checkpoint.root),
        "signed": _signers(found.keys),
        "record": _told(found.record),
    }


def _told(record: CheckpointRecord | None) -> str:
    if record is None:
        return "none beside it"
    return f"of {record.created_at}: {len(record.columns)} columns, {len(record.guards)} guards"


@checkpoint.command(
    "list",
    epilog=exit_codes(
        "every checkpoint in it is trusted",
        "one, or the record beside it, is not trusted or cannot be read",
        "wrong usage, or there is no checkpoint",
        "could not be done; this says nothing about tampering",
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@_keys_option(required=True)
def list_(folder: str, keys: tuple[str, ...]) -> int:
    """List the checkpoints in DIR, by size, and those that are not to be trusted."""
    store = read_store([folder], verifier_keys(keys))
    if store.empty:
        raise UsageError(f"There is no checkpoint in {folder}.", "Make one with `audit-ledger checkpoint create`.")
    for one in store.trusted:
        checkpoint_ = one.checkpoint
        click.echo(printable(f"{one.size:>12,}  {encode(checkpoint_.root)}  {checkpoint_.origin}  {one.path}", 2000))
    for rejected in store.rejected:
        tell_error(f"{rejected.path} is not trusted: {rejected.reason}.")
    return TAMPERED if store.rejected else 0


@checkpoint.command(
    epilog=exit_codes(
        "proven",
        "not proven: the ledger is not the one that the checkpoint was signed of",
        unknown="could not be done; this says nothing about tampering",
    )
)
@ledger_options
@click.option(
    "--entry", "number", type=click.IntRange(min=1), required=True, metavar="N", help="The entry's sequence number."
)
@click.option(
    "--checkpoint",
    "--ledger-checkpoint",
    "folders",
    cls=Aliased,
    multiple=True,
    required=True,
    metavar="DIR",
    help="A folder of checkpoints, of which the newest is taken; repeatable.",
)
@_keys_option(required=True)
@click.option("--output", "-o", required=True, metavar="FILE", help="Where to write the proof, such as 42.tlog-proof.")
def prove(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    number: int,
    folders: tuple[str, ...],
    keys: tuple[str, ...],
    output: str,
) -> int:
    """Prove that entry N is among those of the newest trusted checkpoint.

    The proof is a C2SP tlog-proof: with the entry's line of an export it shows one verdict without the rest.
    """
    refuse_to_overwrite(output, resolve(dsn), *folders, *keys)
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        result = ledger.prove_entry(number, output, checkpoints=folders, verifier_keys=keys)
    if result.file is None:
        tell_error(
            f"Entry {number:,} is not proven, because the ledger is not the one that {result.checkpoint.path} was "
            "signed of. Verify it with --checkpoint to see what was changed."
        )
        return TAMPERED
    if not quiet:
        click.echo(
            f"Entry {number:,} is among the {result.checkpoint.size:,} of {printable(result.checkpoint.path, 1000)}"
        )
        click.echo(f"{printable(result.file.path, 1000)}  {result.file.size:,} bytes  SHA-256 {result.file.sha256}")
    return 0


@checkpoint.command(
    "check-proof",
    epilog=exit_codes("proven", "nothing is proven", unknown="could not be done; this says nothing about tampering"),
)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--entry-file",
    "entry",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="The entry, as one line of an export (.jsonl) with all columns.",
)
@_keys_option(required=True)
def check_proof(file: str, entry: str, keys: tuple[str, ...]) -> int:
    """Verify that an entry is among those of the checkpoint in FILE. Needs no ledger and no network."""
    found = checked_proof(Path(file), Path(entry), verifier_keys(keys))
    if isinstance(found, str):
        tell_error(f"Nothing is proven: {found}.")
        return TAMPERED
    told = {
        "proven": f"entry {found.number:,} is among the {found.checkpoint.size:,} that were signed",
        "origin": found.checkpoint.origin,
        "hash": found.entry_hash,
        "signed": _signers(found.keys),
        "unproven": f"{', '.join(found.uncovered) or 'nothing'} (in the file, and covered by no hash)",
    }
    for name, value in told.items():
        click.echo(f"{name:<8} {printable(value, 1000)}")
    return 0


def _signers(keys: Sequence[VerifierKey]) -> str:
    return ", ".join(f"{key.name}+{key.key_id.hex()}" for key in keys)
