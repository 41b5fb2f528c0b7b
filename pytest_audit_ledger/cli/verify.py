"""`audit-ledger verify`."""

from __future__ import annotations

import re
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    ledger_options,
    outweighed_by,
    progress,
    resumption_options,
)
from pytest_audit_ledger.cli.repair import print_script, restore, tell_irreparable
from pytest_audit_ledger.cli.verification import (
    check_timestamps_option,
    exit_code,
    marks,
    refuse_early,
    verification_options,
)
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.output.outcome_text import VALUE
from pytest_audit_ledger.output.paragraphs import WIDEST, wrapped
from pytest_audit_ledger.output.verification_json import as_text
from pytest_audit_ledger.output.verification_text import ASCII, UNICODE, Marks, full_report, tree
from pytest_audit_ledger.output.wording import verification_for_command
from pytest_audit_ledger.verify.resumption import since_options
from pytest_audit_ledger.verify.verification import Verification

if TYPE_CHECKING:
    from pytest_audit_ledger.verify.run import Verifying

_COLOURS = {
    Assurance.ANCHORED: "green",
    Assurance.SELF_CONSISTENT: "green",
    Assurance.TAMPERED: "red",
    Assurance.UNVERIFIED: "yellow",
}


_EPILOG = f"""\b
Examples:
  audit-ledger verify --ledger-db postgresql://auditor@localhost/ledger --verbose
  audit-ledger verify --ledger-db ledger.jsonl.gz --output verification.json
  audit-ledger verify --ledger-db service=ledger --suite nightly.ledger.yaml
  audit-ledger verify --ledger-db service=ledger --checkpoint checkpoints --verifier-key verifier.key
  audit-ledger verify --ledger-db service=ledger --repair --dry-run

{EXIT_CODES}
"""


@click.command(epilog=_EPILOG)
@ledger_options
@click.option("--verbose", "-v", is_flag=True, help="Print the report in full, with every rule and finding.")
@check_timestamps_option
@verification_options
@resumption_options
@click.option(
    "--repair",
    is_flag=True,
    help="First restore what protects the entries (triggers, constraints, indexes), after a confirmation. Never "
    "touches an entry.",
)
@click.option("--yes", is_flag=True, help="With --repair: do not ask.")
@click.option("--dry-run", is_flag=True, help="With --repair: only print the SQL.")
@click.option("--output", "-o", metavar="FILE", help="Write the result to a file as well; as JSON if it ends in .json.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
def verify(
    dsn: str,
    table: str,
    timeout: int,
    quiet: bool,
    verbose: bool,
    verifying: Verifying,
    since_checkpoint: bool,
    recheck: str | None,
    repair: bool,
    yes: bool,
    dry_run: bool,
    output: str | None,
    format_: str,
) -> int:
    """Verify that a ledger was not tampered with.

    Every entry is hashed anew and compared, with its link, its number, its time and its verdict; then what protects the
    table. The result says how much that proves, and claims no more.
    """
    if (yes or dry_run) and not repair:
        raise UsageError(f"{'--yes' if yes else '--dry-run'} says how to repair.", "Add --repair, or leave it out.")
    if dry_run and output is not None:
        raise UsageError("With --dry-run there is no result to write.", "Leave --output out, or redirect the SQL.")
    if output == "-":
        raise UsageError("The result is printed in any case.", "Name a file, or leave --output out.")
    since_options(since_checkpoint=since_checkpoint, recheck=recheck)
    refuse_early(dsn, verifying["suites"], output)
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        if dry_run:
            print_script(ledger.source, quiet=quiet)
            return 0
        if repair:
            restore(ledger.source, confirmed=yes, quiet=quiet)
        found = ledger.verify_integrity(since_checkpoint=since_checkpoint, recheck=recheck, **verifying)
    verification = verification_for_command(found)
    code = exit_code(verification, allow_empty=verifying["allow_empty"])
    with outweighed_by(code), ExitStack() as last:
        if output is not None:  # also where printing fails
            last.callback(_write, verification, Path(output), verbose=verbose, as_=format_)
        if not quiet:
            _print(verification, verbose=verbose, as_=format_, repaired=repair)
    return code


def _print(verification: Verification, *, verbose: bool, as_: str, repaired: bool) -> None:
    if as_ == "json":
        click.echo(as_text(verification))
    else:
        print_text(verification, marks(), verbose=verbose)
    if repaired:
        tell_irreparable(verification)


def print_text(verification: Verification, shown: Marks, *, verbose: bool) -> None:
    """Print a verification: a tree of a few lines, or the report in full."""
    width = min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout is not None and sys.stdout.isatty() else 0
    for line in _text(verification, shown, verbose=verbose).split("\n"):
        colour = _colour(line, verification, shown)
        heading = line != "" and not line.startswith((" ", shown.branch, shown.last))
        for part in _wrapped(line, width) if width else [line]:
            click.secho(part, fg=colour, bold=heading or None)


def _colour(line: str, verification: Verification, shown: Marks) -> str | None:
    """Return the colour of a line: that of the mark it carries, or of the assurance it states."""
    if line.startswith((f"{verification.assurance.value}: ", "Status: ", "Recommendation: ")):
        return _COLOURS[verification.assurance]
    if line.startswith((shown.branch, shown.last)):
        _, _, line = line.partition(": ")
    marked = re.match(r"(?:  [A-Z][^:]*: |  |)(\S+) ", line)
    colours = {shown.good: "green", shown.bad: "red", shown.unknown: "yellow", shown.warned: "yellow"}
    return colours.get(marked[1]) if marked else None


def _wrapped(line: str, width: int) -> list[str]:
    """Return the lines of a paragraph on a terminal; what may be copied, such as a value or a name, stays whole."""
    if len(line) <= width or re.match(rf"  {VALUE}\S|[├└|`]|Database: ", line):
        return [line]
    hanging = re.match(r" *(- |(about|rule|why|found|next) +|\S (?=\w))?", line)
    return wrapped(line, width, len(hanging[0]) if hanging else 0)


def _text(verification: Verification, shown: Marks, *, verbose: bool) -> str:
    text = full_report(verification, shown) if verbose else tree(verification, shown)
    return text.replace("…", "...") if shown is ASCII else text


def _write(verification: Verification, path: Path, *, verbose: bool, as_: str) -> None:
    in_json = path.suffix.lower() == ".json" or as_ == "json"
    text = as_text(verification) if in_json else _text(verification, UNICODE, verbose=verbose)
    with whole_files(path) as (draft,):
        draft.write(f"{text}\n".encode("utf-8", "backslashreplace"))
