"""`audit-ledger checkpoint`: keys, and signed statements of what a ledger holds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pytest_audit_ledger.anchor.entry_proof import check_proof as checked_proof
from pytest_audit_ledger.anchor.results import CheckpointResult
from pytest_audit_ledger.checkpoints.keys import signing_key as read_signing_key
from pytest_audit_ledger.checkpoints.keys import verifier_keys as read_verifier_keys
from pytest_audit_ledger.checkpoints.keys import write_signing_key
from pytest_audit_ledger.checkpoints.note import VerifierKey, encode
from pytest_audit_ledger.checkpoints.record import CheckpointRecord
from pytest_audit_ledger.checkpoints.store import Rejected, Trusted, read_checkpoint, read_store, refuse_missing
from pytest_audit_ledger.cli.console import EXIT_CODES, TAMPERED, epilog, exit_codes, say_error, say_facts, say_written
from pytest_audit_ledger.cli.options import (
    READING,
    FileOrObject,
    LedgerGroup,
    Reading,
    given_to,
    options,
    refuse_to_overwrite,
)
from pytest_audit_ledger.cli.verification import exit_code, marks
from pytest_audit_ledger.cli.verify import print_text
from pytest_audit_ledger.commands import apart, completed
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.stores import AnyPath
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.model.ski import SKI
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.suite.profile_choice import chosen_profile

_EPILOG = epilog(
    "checkpoint keygen --origin bank.example/ledger \\\n      --output signing.key > verifier.key",
    "checkpoint create --ledger-db service=ledger \\\n      --signing-key signing.key --output checkpoints",
    "verify --ledger-db service=ledger \\\n      --checkpoint checkpoints --verifier-key verifier.key",
    "checkpoint prove --ledger-db service=ledger --entry 42 \\\n"
    "      --checkpoint checkpoints --verifier-key verifier.key \\\n      --output 42.tlog-proof",
    "checkpoint check-proof 42.tlog-proof \\\n      --entry-file 42.jsonl --verifier-key verifier.key",
    codes=EXIT_CODES,
)

_file = click.argument("file", metavar="FILE", type=FileOrObject())


@click.group(cls=LedgerGroup, epilog=_EPILOG)
def checkpoint() -> None:
    """Sign what a ledger holds now, to check it later.

    A checkpoint is a signed statement of how many entries a ledger has, and of their Merkle root: a C2SP
    tlog-checkpoint. Keep checkpoints and the signing key where nobody who controls the database can write. Only
    those who make checkpoints need the signing key; give the verifier key to everybody.
    """


@checkpoint.command(epilog=exit_codes("done", "", unknown="the key could not be written"))
@options("checkpoint keygen")
def keygen(origin: str, output: str, **_: Any) -> int:
    """Make a key pair.

    Writes the signing key to FILE, which only you can read, and prints the verifier key, also with --quiet.
    """
    click.echo(str(write_signing_key(Path(output), origin)))
    return 0


@checkpoint.command(
    epilog=exit_codes(
        "done; there is a checkpoint of the ledger as it is now",
        "tampering was found, or a critical check failed; nothing was signed",
        unknown="could not be verified, or signed; this does not mean tampering",
    )
)
@options("checkpoint create", READING)
def create(reading: Reading, output: str, signing_key: str, **how: Any) -> int:
    """Verify a ledger, and sign a checkpoint of it.

    Signs only what was verified in the same snapshot without a failure, and what matches every checkpoint that is
    already in DIR. There is one file for each size, and none is ever overwritten. Use --verifier-key to name other
    keys that signed in DIR earlier.
    """
    signer = read_signing_key(signing_key)
    with reading.open() as ledger:
        result = ledger.create_checkpoint(output, signer, **how)
    code = exit_code(result.verification)
    if not reading.quiet:
        _print(result)
        if result.files and result.verification.needs_checkpoint:
            trusting = f"--checkpoint {shlex.quote(output)} --verifier-key {shlex.quote(str(signer.verifier()))}"
            advice = f"To verify the ledger by this checkpoint, run `audit-ledger verify {trusting}`."
            click.echo(apart(completed(advice, result.verification.given)))
    elif code:
        say_error(f"No checkpoint was made: {result.verification.assurance.value}.")
    return code


def _print(result: CheckpointResult) -> None:
    if not result.path:
        print_text(verification_for_command(result.verification), marks(), verbose=False)
        click.echo("\nNo checkpoint was made.")
        return
    verification = result.verification
    click.echo(f"{verification.assurance.value}: {printable(verification.sentence, 2000)}")
    if verification.reading:
        click.echo(printable(verification.reading, 2000))
    if not result.files:
        click.echo(printable(f"There already is a checkpoint of {verification.size:,} entries: {result.path}"))
    for file in result.files:
        say_written(file)


@checkpoint.command(
    epilog=exit_codes(
        "a trusted key signed it, and the record next to it, if there is one",
        "it, or the record next to it, is not trusted or cannot be read",
    )
)
@_file
@options("checkpoint verify")
def verify(file: AnyPath, verifier_keys: tuple[str, ...], quiet: bool) -> int:
    """Verify that a trusted key signed a checkpoint. Needs no ledger."""
    code = 0
    for found in read_checkpoint(file, read_verifier_keys(verifier_keys)):
        if isinstance(found, Rejected):
            say_error(f"{found.path} is not trusted: {found.reason}.")
            code = TAMPERED
        elif not quiet:
            say_facts(_described(found))
    return code


def _described(found: Trusted) -> dict[str, str]:
    return {
        "origin": found.checkpoint.origin,
        "entries": f"{found.size:,}",
        "root": encode(found.checkpoint.root),
        "signed": _signers(found.keys),
        "record": _record(found.record),
    }


def _record(record: CheckpointRecord | None) -> str:
    if record is None:
        return "none next to it"
    profile = "" if record.profile == SKI.name else f", profile {record.profile}"
    return f"made {record.created_at}: {len(record.columns)} columns, {len(record.guards)} guards{profile}"


@checkpoint.command(
    "list",
    epilog=exit_codes(
        "every checkpoint in the folder is trusted",
        "one, or the record next to it, is not trusted or cannot be read",
        "wrong usage, or there is no checkpoint",
    ),
)
@click.argument("folder", metavar="DIR")
@options("checkpoint list")
def list_(folder: str, verifier_keys: tuple[str, ...], quiet: bool) -> int:
    """List the checkpoints in a folder, by size.

    Those not to trust are listed as errors.
    """
    refuse_missing([folder])
    store = read_store([folder], read_verifier_keys(verifier_keys))
    if store.empty:
        raise UsageError(f"There is no checkpoint in {folder}.", "To create one, run `audit-ledger checkpoint create`.")
    for one in () if quiet else store.trusted:
        root, origin = encode(one.checkpoint.root), one.checkpoint.origin
        click.echo(printable(f"{one.size:>12,}  {root}  {origin}  {one.path}", 2000))
    for rejected in store.rejected:
        say_error(f"{rejected.path} is not trusted: {rejected.reason}.")
    return TAMPERED if store.rejected else 0


@checkpoint.command(
    epilog=exit_codes("proven", "not proven: the ledger is not the one whose checkpoint was signed"),
)
@options("checkpoint prove", READING)
def prove(
    reading: Reading,
    output: str,
    entry: int,
    stream: str | None,
    checkpoints: tuple[str, ...],
    verifier_keys: tuple[str, ...],
) -> int:
    """Prove that an entry is among those of a checkpoint.

    Takes the newest trusted checkpoint. The proof is a C2SP tlog-proof: together with the entry's line of an export it
    shows one entry without the others.
    """
    refuse_to_overwrite(output, [Dsn(reading.ledger_db).resolved().reveal(), *checkpoints, *verifier_keys])
    with reading.open() as ledger:
        result = ledger.prove_entry(entry, output, checkpoints=checkpoints, verifier_keys=verifier_keys, stream=stream)
    named = f"Entry {entry:,}" if stream is None else f"Entry {entry:,} of stream {printable(stream)}"
    if result.file is None:
        advice = completed("To see what differs, run `audit-ledger verify`.", given_to(click.get_current_context()))
        say_error(
            f"{named} is not proven: the ledger is not the one whose checkpoint was signed in "
            f"{result.checkpoint.path}. {apart(advice)}"
        )
        return TAMPERED
    if not reading.quiet:
        path = printable(result.checkpoint.path, 1000)
        click.echo(f"{named} is among the {result.checkpoint.size:,} of {path}")
        say_written(result.file)
    return 0


@checkpoint.command("check-proof", epilog=exit_codes("proven", "not proven"))
@_file
@options("checkpoint check-proof")
def check_proof(
    file: AnyPath, entry_file: str, verifier_keys: tuple[str, ...], profile: str | None, quiet: bool
) -> int:
    """Check a proof made by prove. Needs no ledger and no network."""
    found = checked_proof(file, Path(entry_file), read_verifier_keys(verifier_keys), chosen_profile(profile))
    if isinstance(found, str):
        say_error(f"Nothing is proven: {found}.")
        return TAMPERED
    if not quiet:
        entry = f"entry {found.number:,}"
        if found.stream:
            entry += f" of stream {printable(found.stream)}, at position {found.position:,} in the order of writing,"
        say_facts(
            {
                "proven": f"{entry} is among the {found.checkpoint.size:,} that were signed",
                "origin": found.checkpoint.origin,
                "hash": found.entry_hash,
                "signed": _signers(found.keys),
                "unproven": f"{', '.join(found.uncovered) or 'nothing'} (in the file, and covered by no hash)",
            }
        )
    return 0


def _signers(keys: Sequence[VerifierKey]) -> str:
    return ", ".join(f"{key.name}+{key.key_id.hex()}" for key in keys)
