"""`audit-ledger verify`."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.console import EXIT_CODES, epilog, say_error
from pytest_audit_ledger.cli.options import READING, LedgerCommand, Reading, options
from pytest_audit_ledger.cli.repair import print_script, restore, tell_irreparable
from pytest_audit_ledger.cli.verification import VERIFYING, also_written, exit_code, in_marks, marks, refuse_early
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.output.outcome_text import VALUE
from pytest_audit_ledger.output.paragraphs import WIDEST, wrapped
from pytest_audit_ledger.output.tone import headlines, tone_of
from pytest_audit_ledger.output.verification_json import as_text
from pytest_audit_ledger.output.verification_text import UNICODE, Marks, full_report, tree
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.verify.resumption import since_options
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.parameters import Verifying

_EPILOG = epilog(
    "verify --ledger-db postgresql://auditor@db/ledger --verbose",
    "verify --ledger-db ledger.jsonl.gz --output verification.json",
    "verify --ledger-db service=ledger --suite nightly.ledger.yaml",
    "verify --ledger-db service=ledger \\\n      --checkpoint checkpoints --verifier-key verifier.key",
    "verify --ledger-db service=ledger --format oscal > oscal.json",
    "verify --ledger-db service=ledger --repair --dry-run",
    codes=EXIT_CODES,
)


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("verify", READING, VERIFYING)
def verify(
    reading: Reading,
    verifying: Verifying,
    since_checkpoint: bool,
    recheck: str | None,
    repair: bool,
    yes: bool,
    dry_run: bool,
    verbose: bool,
    output: str | None,
    format_: str,
    oscal_version: str | None,
    oscal_satisfied: bool,
) -> int:
    """Verify that a ledger was not tampered with.

    Hashes every entry again and compares it with the stored hash, checks its link, number, time and verdict, and then
    the table's protections. The result states how much this proves, and claims no more.
    """
    _refuse_without_repair(repair, yes=yes, dry_run=dry_run, output=output)
    _refuse_without_oscal(format_, oscal_version, satisfied=oscal_satisfied)
    since_options(since_checkpoint=since_checkpoint, recheck=recheck)
    refuse_early(reading.ledger_db, verifying["suites"], output)
    with reading.open() as ledger:
        if dry_run:
            print_script(ledger.source, quiet=reading.quiet)
            return 0
        if repair:
            restore(ledger.source, confirmed=yes, quiet=reading.quiet)
        found = ledger.verify_integrity(since_checkpoint=since_checkpoint, recheck=recheck, **verifying)
    found = verification_for_command(found)
    code = exit_code(found, allow_empty=verifying["allow_empty"])

    def text(in_json: bool) -> str:
        if in_json or format_ != "text":
            return _document(found, format_, oscal_version, satisfied=oscal_satisfied)
        return _text(found, UNICODE, verbose=verbose)

    with also_written(output, format_, code, text):
        if reading.quiet and found.obstacle:
            say_error(found.sentence)
        if not reading.quiet:
            if format_ == "text":
                print_text(found, marks(), verbose=verbose)
            else:
                click.echo(text(True))
            if repair:
                tell_irreparable(found)
    return code


def _refuse_without_repair(repair: bool, *, yes: bool, dry_run: bool, output: str | None) -> None:
    """Raise UsageError for an option about repairs that was given alone, or that leaves nothing to write."""
    if (yes or dry_run) and not repair:
        name = "--yes" if yes else "--dry-run"
        raise UsageError(f"{name} only works with --repair.", f"Add --repair, or leave {name} out.")
    if dry_run and output is not None:
        raise UsageError("With --dry-run there is no result to write.", "Leave --output out, or redirect the SQL.")


def _refuse_without_oscal(format_: str, version: str | None, *, satisfied: bool) -> None:
    """Raise UsageError for an option about OSCAL that was given, if something else is to be printed."""
    if format_ != "oscal" and (version is not None or satisfied):
        name = "--oscal-satisfied" if satisfied else "--oscal-version"
        raise UsageError(f"{name} only works with --format oscal.", f"Add --format oscal, or leave {name} out.")


def _document(verification: Verification, format_: str, version: str | None, *, satisfied: bool) -> str:
    """Return a verification as OSCAL, or else as our own JSON."""
    if format_ != "oscal":
        return as_text(verification)
    from pytest_audit_ledger.output import oscal  # noqa: PLC0415  (most runs do not write it)

    return oscal.as_text(verification, oscal.oscal_request(version, satisfied=satisfied))


def print_text(verification: Verification, shown: Marks, *, verbose: bool) -> None:
    """Print a verification: a tree of a few lines, or the full report."""
    width = min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout is not None and sys.stdout.isatty() else 0
    for line in _text(verification, shown, verbose=verbose).split("\n"):
        colour = _colour(line, verification, shown)
        heading = line != "" and not line.startswith((" ", shown.branch, shown.last))
        for part in _wrapped(line, width) if width else [line]:
            click.secho(part, fg=colour, bold=heading or None)


def _colour(line: str, verification: Verification, shown: Marks) -> str | None:
    """Return the colour of a line: that of its mark, or of the assurance that it states."""
    if line in headlines(verification) or line.startswith(("Status: ", "Recommendation: ")):
        return tone_of(verification).value
    if line.startswith((shown.branch, shown.last)):
        _, _, line = line.partition(": ")
    marked = re.match(r"(?:  [A-Z][^:]*: |  |)(\S+) ", line)
    colours = {shown.good: "green", shown.bad: "red", shown.unknown: "yellow", shown.warned: "yellow"}
    return colours.get(marked[1]) if marked else None


def _wrapped(line: str, width: int) -> list[str]:
    """Return the lines of a paragraph on a terminal; what may be copied, such as a value or a name, stays whole."""
    if len(line) <= width or re.match(rf"  {VALUE}\S|[├└|`]|Database: | +audit-ledger ", line):
        return [line]
    hanging = re.match(r" *(- |(about|rule|why|found|next) +|\S (?=\w))?", line)
    return wrapped(line, width, len(hanging[0]) if hanging else 0)


def _text(verification: Verification, shown: Marks, *, verbose: bool) -> str:
    return in_marks(full_report(verification, shown) if verbose else tree(verification, shown), shown)
