"""`audit-ledger investigate`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.backup import OPENING, Opening
from pytest_audit_ledger.cli.console import TAMPERED, epilog, exit_codes
from pytest_audit_ledger.cli.options import READING, LedgerCommand, Reading, options
from pytest_audit_ledger.cli.verification import (
    VERIFYING,
    also_written,
    exit_code,
    in_marks,
    marks,
    refuse_early,
    width,
)
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.output.investigation_json import as_text
from pytest_audit_ledger.output.investigation_text import timeline
from pytest_audit_ledger.output.paragraphs import LOG
from pytest_audit_ledger.output.verification_text import UNICODE, Marks
from pytest_audit_ledger.output.wording import verification_for_command

if TYPE_CHECKING:
    from pytest_audit_ledger.investigate.results import Investigation
    from pytest_audit_ledger.verify.parameters import Verifying

_EPILOG = epilog(
    "investigate --ledger-db postgresql://auditor@db/ledger",
    "investigate --ledger-db service=ledger --entry 4217",
    "investigate --ledger-db service=ledger --against may.sql.gz",
    "investigate --ledger-db ledger.jsonl.gz --output incident.json",
    codes=exit_codes(
        "there is nothing to investigate",
        "tampering was found, a critical check failed, or the two copies differ,\n"
        "     whichever of them was changed; a ledger that only grew does not differ",
        unknown="could not be investigated, or verified; this does not mean tampering",
    ),
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("investigate", READING, VERIFYING, OPENING)
def investigate(
    reading: Reading,
    verifying: Verifying,
    opening: Opening,
    entry: int | None,
    stream: str | None,
    against: str | None,
    limit_seconds: float,
    output: str | None,
    format_: str,
) -> int:
    """Find out what happened to a ledger that does not verify.

    Verifies the ledger and gathers evidence in the same pass and snapshot. Then reports what happened, in the order
    of the ledger: which entries, what they said before if a hash proves it, how sure this is, and what to do. What the
    evidence cannot decide is reported as undecided.

    --samples is the number of entries to examine one by one. --entry reports what concerns one entry, and counts the
    other incidents. Without --against, the exit codes are those of verify.
    """
    refuse_early(reading.ledger_db, verifying["suites"], output)
    if against is None and any(opening.values()):
        raise UsageError(
            "--identity, --encryption-key and --scratch-db open another copy, and none is named.",
            "Name it with --against, or leave them out.",
        )
    with reading.open() as ledger:
        found = ledger.investigate(
            entry=entry, stream=stream, against=against, limit_seconds=limit_seconds, **opening, **verifying
        )
    found = replace(found, verification=verification_for_command(found.verification))
    code = TAMPERED if found.differs else exit_code(found.verification, allow_empty=verifying["allow_empty"])

    def text(in_json: bool) -> str:
        return as_text(found) if in_json else _text(found, UNICODE, LOG)

    with also_written(output, format_, code, text):
        if not reading.quiet:
            _print(found, format_)
    return code


def _print(found: Investigation, format_: str) -> None:
    if format_ == "json":
        click.echo(as_text(found))
        return
    for line in _text(found, marks(), width()).split("\n"):
        click.secho(line, bold=re.match(r"\S+ \d+/\d+  ", line) is not None or None)


def _text(found: Investigation, shown: Marks, columns: int) -> str:
    return in_marks(timeline(found, shown, columns), shown)
