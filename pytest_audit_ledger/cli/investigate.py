"""`audit-ledger investigate`."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.backup.encryption import read_key
from pytest_audit_ledger.cli.backup import scratch_db_option
from pytest_audit_ledger.cli.options import TAMPERED, ledger_options, outweighed_by, progress
from pytest_audit_ledger.cli.verification import (
    check_timestamps_option,
    exit_code,
    marks,
    refuse_early,
    verification_options,
)
from pytest_audit_ledger.diff.comparison import other
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.investigate.investigation import DEFAULT_LIMIT_S, Investigation
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.output.investigation_json import as_text
from pytest_audit_ledger.output.investigation_text import timeline
from pytest_audit_ledger.output.paragraphs import LOG, WIDEST
from pytest_audit_ledger.output.verification_text import ASCII, UNICODE, Marks
from pytest_audit_ledger.output.wording import verification_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.run import Verifying

_EPILOG = """\b
Examples:
  audit-ledger investigate --ledger-db postgresql://auditor@localhost/ledger
  audit-ledger investigate --ledger-db service=ledger --entry 4217
  audit-ledger investigate --ledger-db service=ledger --against ledger-2026-05.sql.gz
  audit-ledger investigate --ledger-db ledger.jsonl.gz --format json --output incident.json

\b
Exit codes, which without --against are those of verify for the same ledger:
  0  nothing to investigate
  1  the ledger was tampered with, a critical check failed, or the two copies differ, whichever
     of them was changed; that the ledger has grown since is no difference
  2  wrong usage; nothing was done
  3  could not be investigated, or not verified; this says nothing about tampering
"""


@click.command(epilog=_EPILOG)
@ledger_options
@click.option("--entry", type=click.IntRange(min=1), metavar="N", help="Look at the entry of this sequence number.")
@click.option(
    "--against",
    metavar="BACKUP|EXPORT|DSN",
    help="Another copy of the ledger, to compare with: a backup, which is restored for it, an export, or a database.",
)
@click.option(
    "--limit-seconds",
    type=click.FloatRange(min=0),
    default=DEFAULT_LIMIT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long entries may be reconstructed, once they are read; 0 for not at all.",
)
@click.option("--identity", "-i", metavar="FILE", help="The private key that opens a backup: of age-keygen, or of SSH.")
@click.option("--encryption-key", metavar="KEY", help="The passphrase that opens a backup: @FILE, env:NAME or prompt.")
@scratch_db_option
@check_timestamps_option
@verification_options
@click.option("--output", "-o", metavar="FILE", help="Write the result to a file as well; as JSON if it ends in .json.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
def investigate(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    entry: int | None,
    against: str | None,
    limit_seconds: float,
    identity: str | None,
    encryption_key: str | None,
    scratch_db: str | None,
    verifying: Verifying,
    output: str | None,
    format_: str,
) -> int:
    """Find out what happened to a ledger that does not verify.

    The ledger is verified, and in the same pass and snapshot the evidence is gathered. Then it is told what happened,
    in order of the ledger: to which entries, what they said before, where a hash proves it, how sure that is, and what
    to do. What the evidence cannot decide is told as such. --samples is how many entries are looked at one by one.
    With --entry, what concerns that entry is told, and how many incidents there are beside.
    """
    if output == "-":
        raise UsageError("The result is printed in any case.", "Name a file, or leave --output out.")
    refuse_early(dsn, verifying["suites"], output)
    if against is None and (identity or encryption_key or scratch_db):
        raise UsageError("There is no other copy to open.", "Name it with --against, or leave its options out.")
    shown = progress(quiet=quiet)
    copy = None
    if against is not None:
        copy = other(
            against,
            table=table,
            timeout=timeout,
            samples=verifying["samples"],
            identity=identity,
            encryption_key=read_key(encryption_key, confirmed=False) if encryption_key is not None else None,
            scratch_db=scratch_db,
            progress=shown,
        )
    with Ledger(dsn, table=table, timeout=timeout, progress=shown) as ledger:
        found = ledger.investigate(entry=entry, against=copy, limit_seconds=limit_seconds, **verifying)
    found = replace(found, verification=verification_for_command(found.verification))
    code = TAMPERED if found.differs else exit_code(found.verification, allow_empty=verifying["allow_empty"])
    with outweighed_by(code), ExitStack() as last:
        if output is not None:  # also where printing fails
            last.callback(_write, found, Path(output), as_=format_)
        if not quiet:
            _print(found, as_=format_)
    return code


def _print(found: Investigation, *, as_: str) -> None:
    """Print an investigation, as wide as the terminal is, or COLUMNS says."""
    if as_ == "json":
        click.echo(as_text(found))
        return
    width = min(shutil.get_terminal_size((LOG, 24)).columns, WIDEST)
    for line in _text(found, marks(), width).split("\n"):
        click.secho(line, bold=re.match(r"\S+ \d+/\d+  ", line) is not None or None)


def _text(found: Investigation, shown: Marks, width: int) -> str:
    text = timeline(found, shown, width)
    return text.replace("…", "...") if shown is ASCII else text


def _write(found: Investigation, path: Path, *, as_: str) -> None:
    in_json = path.suffix.lower() == ".json" or as_ == "json"
    text = as_text(found) if in_json else _text(found, UNICODE, LOG)
    with whole_files(path) as (draft,):
        draft.write(f"{text}\n".encode("utf-8", "backslashreplace"))
