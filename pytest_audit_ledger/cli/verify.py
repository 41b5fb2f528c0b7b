"""`audit-ledger verify`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from pytest_audit_ledger.artifacts.files import whole_files
from pytest_audit_ledger.artifacts.verification import as_json
from pytest_audit_ledger.cli.options import ledger_options, marks, progress
from pytest_audit_ledger.cli.repair import print_script, restore, tell_irreparable
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.judgement import Verification
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.outcome import Assurance, Status
from pytest_audit_ledger.rendering import UNICODE, Marks, findings, full_report, tree
from pytest_audit_ledger.scan import parse_workers
from pytest_audit_ledger.verification import DEFAULT_SAMPLES

_COLOURS = {
    Assurance.ANCHORED: "green",
    Assurance.SELF_CONSISTENT: "green",
    Assurance.TAMPERED: "red",
    Assurance.UNVERIFIED: "yellow",
}


_EXAMPLES = """\b
audit-ledger verify --ledger-db postgresql://auditor@localhost/ledger --verbose
audit-ledger verify --ledger-db ledger.jsonl.gz --output verification.json
audit-ledger verify --ledger-db service=ledger --repair --dry-run
"""


@click.command(epilog=_EXAMPLES)
@ledger_options
@click.option("--verbose", "-v", is_flag=True, help="Print the report in full.")
@click.option(
    "--check-timestamps/--no-check-timestamps", default=True, help="Whether to judge the order of time.  [default: yes]"
)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="A suite of your own, besides the default one; repeatable.",
)
@click.option(
    "--workers",
    "--ledger-workers",
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Processes that share the scan.",
)
@click.option(
    "--samples",
    "--ledger-samples",
    type=click.IntRange(min=1),
    default=DEFAULT_SAMPLES,
    show_default=True,
    metavar="N",
    help="Findings shown for each check; all are counted.",
)
@click.option("--allow-empty", "--ledger-allow-empty", is_flag=True, help="Skip what an empty ledger leaves unproven.")
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
    repair: bool,
    yes: bool,
    dry_run: bool,
    output: str | None,
    format_: str,
) -> None:
    """Verify that a ledger was not tampered with.

    Every entry is hashed anew and compared, with its link, its number, its time and its verdict; then what protects the
    table. The result says how much that proves, and claims no more.
    """
    chosen = parse_workers(workers)
    if (yes or dry_run) and not repair:
        raise UsageError(f"{'--yes' if yes else '--dry-run'} says how to repair.", "Add --repair, or leave it out.")
    with Ledger(dsn, table=table, timeout=timeout, progress=progress(quiet=quiet)) as ledger:
        if dry_run:
            print_script(ledger.source)
            return
        if repair:
            restore(ledger.source, confirmed=yes)
        verification = ledger.verify_integrity(
            suites=suites,
            check_timestamps=check_timestamps,
            workers=chosen,
            samples=samples,
            allow_empty=allow_empty,
        )
    if not quiet:
        _print(verification, verbose=verbose, as_=format_)
    if repair:
        tell_irreparable(verification)
    if output is not None:
        _write(verification, Path(output), verbose=verbose, as_=format_)
    sys.exit(exit_code(verification))


def exit_code(verification: Verification) -> int:
    """Return 1 for tampering or a failed check, 3 where something could not be verified, and 0 otherwise."""
    if verification.assurance is Assurance.TAMPERED or verification.with_status(Status.FAIL):
        return 1
    return 0 if verification.is_valid else 3


def _print(verification: Verification, *, verbose: bool, as_: str) -> None:
    if as_ == "json":
        click.echo(json.dumps(as_json(verification), indent=2))
        return
    for line in _text(verification, marks(), verbose=verbose).splitlines():
        judged = line.startswith((f"{verification.assurance.value}:", "Status: "))
        click.secho(line, fg=_COLOURS[verification.assurance] if judged else None, bold=judged)


def _text(verification: Verification, shown: Marks, *, verbose: bool) -> str:
    whole = full_report(verification, shown) if verbose else tree(verification, shown)
    details = findings(verification)
    return f"{whole}\n\n{details}" if details else whole


def _write(verification: Verification, path: Path, *, verbose: bool, as_: str) -> None:
    in_json = path.suffix.lower() == ".json" or as_ == "json"
    text = json.dumps(as_json(verification), indent=2) if in_json else _text(verification, UNICODE, verbose=verbose)
    with whole_files(path) as (draft,):
        draft.write(f"{text}\n".encode("utf-8", "backslashreplace"))
