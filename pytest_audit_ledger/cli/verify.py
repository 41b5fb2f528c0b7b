"""`audit-ledger verify`."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click

from pytest_audit_ledger.artifacts.files import whole_files
from pytest_audit_ledger.artifacts.verification import as_json
from pytest_audit_ledger.cli.options import (
    EXIT_CODES,
    NOT_DONE,
    TAMPERED,
    Aliased,
    as_text,
    checkpoint_options,
    ledger_options,
    marks,
    outweighed_by,
    progress,
    refuse_to_overwrite,
)
from pytest_audit_ledger.cli.repair import print_script, restore, tell_irreparable
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.extensions import installed_kinds
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.kinds.given import given_by
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.outcome import Assurance, Status
from pytest_audit_ledger.rendering import ASCII, UNICODE, Marks, full_report, tree
from pytest_audit_ledger.resumption import since_options
from pytest_audit_ledger.scan import parse_workers
from pytest_audit_ledger.sources.dsn import resolve
from pytest_audit_ledger.suite import load
from pytest_audit_ledger.suite.discovery import find_suites
from pytest_audit_ledger.verification import DEFAULT_SAMPLES

WIDEST = 110
"""Columns of a terminal that sentences fill; beyond, the eye loses the line."""

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
@click.option(
    "--check-timestamps/--no-check-timestamps", default=True, help="Whether to judge the order of time.  [default: yes]"
)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    metavar="FILE",
    help="A suite of checks of your own, or a shipped one such as compliance.ledger.yaml, besides the default one; "
    "repeatable.",
)
@click.option(
    "--workers",
    "--ledger-workers",
    cls=Aliased,
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Processes that share the scan.",
)
@click.option(
    "--samples",
    "--ledger-samples",
    cls=Aliased,
    type=click.IntRange(min=1),
    default=DEFAULT_SAMPLES,
    show_default=True,
    metavar="N",
    help="Findings shown for each check; all are counted.",
)
@click.option(
    "--allow-empty",
    "--ledger-allow-empty",
    cls=Aliased,
    is_flag=True,
    help="Accept a ledger without entries: what it leaves unproven is skipped, and the exit code is 0.",
)
@checkpoint_options
@click.option(
    "--allow-integrity-waivers",
    "--ledger-allow-integrity-waivers",
    cls=Aliased,
    is_flag=True,
    help="Let the waivers of a suite excuse findings about integrity, too; the assurance stays TAMPERED.",
)
@click.option(
    "--transcript-key",
    "--ledger-transcript-key",
    "transcript_keys",
    cls=Aliased,
    multiple=True,
    metavar="PEM",
    help="A file with an Ed25519 public key that transcripts may be signed with; repeatable. Without any, their "
    "signatures are not verified, which is a warning.",
)
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
    check_timestamps: bool,
    suites: tuple[str, ...],
    workers: str,
    samples: int,
    allow_empty: bool,
    checkpoints: tuple[str, ...],
    keys: tuple[str, ...],
    require_checkpoint: bool,
    max_unanchored: str | None,
    since_checkpoint: bool,
    recheck: str | None,
    allow_integrity_waivers: bool,
    transcript_keys: tuple[str, ...],
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
    chosen = parse_workers(workers)
    if (yes or dry_run) and not repair:
        raise UsageError(f"{'--yes' if yes else '--dry-run'} says how to repair.", "Add --repair, or leave it out.")
    if dry_run and output is not None:
        raise UsageError("With --dry-run there is no result to write.", "Leave --output out, or redirect the SQL.")
    trusted: dict[str, Any] = {
        "checkpoints": checkpoints,
        "verifier_keys": keys,
        "require_checkpoint": require_checkpoint,
        "max_unanchored": max_unanchored,
        "transcript_keys": transcript_keys,
    }
    given_by(**trusted)  # mistakes show now
    since_options(since_checkpoint=since_checkpoint, recheck=recheck)
    _refuse_early(dsn, suites, output)
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        if dry_run:
            print_script(ledger.source, quiet=quiet)
            return 0
        if repair:
            restore(ledger.source, confirmed=yes, quiet=quiet)
        verification = ledger.verify_integrity(
            suites=suites,
            check_timestamps=check_timestamps,
            workers=chosen,
            samples=samples,
            allow_empty=allow_empty,
            allow_integrity_waivers=allow_integrity_waivers,
            since_checkpoint=since_checkpoint,
            recheck=recheck,
            **trusted,
        )
    code = exit_code(verification, allow_empty=allow_empty)
    with outweighed_by(code), ExitStack() as last:
        if output is not None:  # also where printing fails
            last.callback(_write, verification, Path(output), verbose=verbose, as_=format_)
        if not quiet:
            _print(verification, verbose=verbose, as_=format_, repaired=repair)
    return code


def exit_code(verification: Verification, *, allow_empty: bool = False) -> int:
    """Return 1 for tampering or a failed check, 3 where something could not be verified, and 0 otherwise."""
    if verification.assurance is Assurance.TAMPERED or verification.with_status(Status.FAIL):
        return TAMPERED
    empty = verification.survey is not None and not verification.survey.entries
    if empty and allow_empty and not verification.with_status(Status.ERROR):
        return 0
    return 0 if verification.is_valid else NOT_DONE


def _print(verification: Verification, *, verbose: bool, as_: str, repaired: bool) -> None:
    if as_ == "json":
        click.echo(_json(verification))
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
    if len(line) <= width or re.match(r" *(expected|actual) |[├└|`]|Database: ", line):
        return [line]
    hanging = re.match(r" *(- |(about|rule|why|found|next) +|\S (?=\w))?", line)
    indent = " " * len(hanging[0]) if hanging else ""
    return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _text(verification: Verification, shown: Marks, *, verbose: bool) -> str:
    text = full_report(verification, shown) if verbose else tree(verification, shown)
    return text.replace("…", "...") if shown is ASCII else text


def _json(verification: Verification) -> str:
    return as_text(as_json(verification))


class _EnoughError(Exception):
    """Ends an attempt that is not to be completed."""


def _refuse_early(dsn: str, suites: Sequence[str], output: str | None) -> None:
    """Raise, before anything is started or repaired, for mistakes in suites and a file that cannot be written."""
    for suite in find_suites([Path(suite) for suite in suites], Path.cwd()) if suites else ():
        load(suite, installed_kinds())
    if output == "-":
        raise UsageError("The result is printed in any case.", "Name a file, or leave --output out.")
    if output is not None:
        refuse_to_overwrite(output, resolve(dsn), *suites)
        with suppress(_EnoughError), whole_files(Path(output)):
            raise _EnoughError  # which leaves nothing


def _write(verification: Verification, path: Path, *, verbose: bool, as_: str) -> None:
    in_json = path.suffix.lower() == ".json" or as_ == "json"
    text = _json(verification) if in_json else _text(verification, UNICODE, verbose=verbose)
    with whole_files(path) as (draft,):
        draft.write(f"{text}\n".encode("utf-8", "backslashreplace"))
