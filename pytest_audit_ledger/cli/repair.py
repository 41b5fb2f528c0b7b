"""`audit-ledger verify --repair`: plan, show, ask, and restore protections, never an entry."""

from __future__ import annotations

import sys

import click

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.repair import RepairPlan, apply_repair, plan_repair
from pytest_audit_ledger.sources.interruption import interruptible
from pytest_audit_ledger.sources.postgres import PostgresSource
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.verify.verification import Verification


def print_script(source: Source, *, quiet: bool) -> None:
    """Print the SQL that would restore the missing protections; change nothing."""
    found = _planned(_database(source), quiet=quiet)
    if found.steps:
        click.echo(found.script().encode(), nl=False)  # in UTF-8 whatever the terminal uses, because psql reads it


def restore(source: Source, *, confirmed: bool, quiet: bool) -> None:
    """Show the steps, ask for confirmation, and take them.

    Raises UsageError if they are not confirmed, SourceError if a step fails; those before it stay done.
    """
    database = _database(source)
    found = _planned(database, quiet=quiet)
    if not found.steps:
        return
    if not (quiet and confirmed):  # who is asked must see what about
        _say(
            "Steps to restore the protections:",
            *(f"  {number}. {step.what}" for number, step in enumerate(found.steps, 1)),
        )
    if not confirmed:
        _confirm(database.table_label)
    try:
        interruptible(lambda: apply_repair(database, found))  # what was not committed is rolled back
    except KeyboardInterrupt:
        raise SourceError(
            "Interrupted during the repair. Each step was taken completely or not at all, and no entry was changed.",
            "Repeat with --repair --dry-run to see which steps are left.",
        ) from None
    if not quiet:
        noun = "step" if len(found.steps) == 1 else "steps"
        _say(f"{len(found.steps)} {noun} done. No entry was changed. Verifying again:\n")


def tell_irreparable(verification: Verification) -> None:
    """Say which findings concern the entries themselves, because no repair changes those."""
    about_entries = [o for o in verification.outcomes if o.integrity and o.unit == "entries" and o.unexpected_count]
    wrong = [o.check_id for o in about_entries if o.unproven or not o.inconclusive]
    if wrong:
        _say(
            f"\nThe findings of {', '.join(wrong)} concern the entries, and a repair never changes those. "
            "Restore entries from a backup or export, by hand, and document the incident."
        )


def _database(source: Source) -> PostgresSource:
    if not isinstance(source, PostgresSource):
        raise UsageError("An export has no protections to restore.", "Give the DSN of the ledger's database.")
    return source


def _planned(database: PostgresSource, *, quiet: bool) -> RepairPlan:
    found = interruptible(lambda: plan_repair(database))
    if not quiet:
        _say(*(f"Cannot be restored: {words}" for words in found.impossible))
        if not found.steps:
            _say("No protection is missing." if not found.impossible else "Nothing else can be restored.")
    return found


def _confirm(table: str) -> None:
    what = f"Type {printable(table)}"
    click.echo(f"{what} to continue: ", nl=False, err=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer.endswith("\n"):
        _say("")  # at the end of input, the cursor is still on the line of the question
    if answer.strip() != table:
        raise UsageError("The repair was not confirmed, so nothing was changed.", f"{what} when asked, or add --yes.")


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
